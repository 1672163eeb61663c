"""Follows the site's links to other sites: `python -m tools.links`, after `make book`.

Links from one page of ours to another are tested with the site; those to the course's own
repository exist once it is published. A server that refuses programs (403, 429) is listed, and is
no failure. `--mirrors` asks instead whether every file of every mirror of the data sets is there.
"""

import argparse
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path

from tools import repository

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "_build" / "html"
REFUSALS = {401, 403, 405, 406, 418, 429, 503, 999}  # for programs, not for readers
ATTEMPTS = 3
HEADERS = {"User-Agent": "Mozilla/5.0 (link check of the VAE Course)", "Accept": "*/*"}


class Links(HTMLParser):
    """The addresses that a page's <a> elements lead to."""

    def __init__(self, html: str):
        super().__init__()
        self.found: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        address = dict(attributes).get("href") or ""
        if tag == "a" and address.startswith(("http://", "https://")):
            self.found.add(address.partition("#")[0])


def external_links(site: Path) -> dict[str, str]:
    """Address -> the first page that leads there; ours are left out."""
    colab = f"https://colab.research.google.com/github/{repository.repository_name()}"
    ours = (repository.repository_url(), repository.site_url(), colab)
    found: dict[str, str] = {}
    for page in sorted(site.rglob("*.html")):
        for address in Links(page.read_text(encoding="utf8")).found:
            if not address.startswith(ours):
                found.setdefault(address, page.relative_to(site).as_posix())
    return found


def mirror_files() -> dict[str, str]:
    """Address -> data set, for every file on every mirror."""
    from vae_course.data.mnist import FILES, MIRRORS

    return {
        f"{mirror}{name}.gz": data_set
        for data_set, mirrors in MIRRORS.items()
        for mirror in mirrors
        for names in FILES.values()
        for name in names
    }


def fault(address: str, pause: float = 5.0) -> str:
    """What is wrong with an address: nothing, `refused`, or the error of the last attempt."""
    for attempt in range(ATTEMPTS):
        request = urllib.request.Request(address, headers=HEADERS)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                answer.read(1)  # GET, because many servers answer HEAD wrongly; one byte is enough
            return ""
        except urllib.error.HTTPError as error:
            if error.code in REFUSALS:
                return "refused"
            problem = f"{error.code} {error.reason}"
            if error.code in (404, 410):
                return problem
        except (OSError, ValueError) as error:
            problem = str(error)
        if attempt + 1 < ATTEMPTS:
            time.sleep(pause)
    return problem


def check(addresses: dict[str, str], pause: float = 5.0, refusal_is_fault: bool = False) -> int:
    """Follow them all, print what is wrong, return how many are."""
    broken = 0
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda address: fault(address, pause), addresses)
        for (address, where), problem in zip(addresses.items(), answers, strict=True):
            if problem == "refused" and not refusal_is_fault:
                print(f"not checked, the server refuses programs: {address}")
            elif problem:
                broken += 1
                print(f"BROKEN {address} ({where}): {problem}")
    print(f"{len(addresses)} addresses, {broken} broken")
    return broken


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mirrors", action="store_true", help="mirrors of the data sets instead")
    if parser.parse_args().mirrors:
        return min(1, check(mirror_files(), refusal_is_fault=True))
    addresses = external_links(SITE)
    if not addresses:
        print(f"there are no links in {SITE}: run `make book` first", file=sys.stderr)
        return 1
    return min(1, check(addresses))


if __name__ == "__main__":
    sys.exit(main())
