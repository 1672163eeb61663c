"""The packages of Colab's image that the course touches: `python -m tools.colab_image`.

Compares tests/colab/packages.txt, the record, with the list that Google publishes of what Colab has
installed, and says what differs. `--write` renews the record: whether the course still fits is for
tests/colab to say. `--from FILE` reads the list from a file instead.
"""

import argparse
import datetime
import re
import sys
import tomllib
import urllib.request
from pathlib import Path

from packaging.requirements import Requirement

from tools.constraints import normalised, pinned

ROOT = Path(__file__).resolve().parent.parent
RECORD = ROOT / "tests" / "colab" / "packages.txt"
PUBLISHED = "https://raw.githubusercontent.com/googlecolab/backend-info/main"
LINE = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)\s*(?:==(?P<version>\S+)|@ \S*/(?P<file>[^/\s]+))")
HEAD = """\
# What Colab has installed, as far as the course's dependencies need it, directly or not. The tests
# ask what installing the course there would change. Google publishes the whole list as
# pip-freeze.txt in its repository googlecolab/backend-info.
# Renewed by `python -m tools.colab_image --write`.
# Recorded: {date}
# Python: {python}
"""


def versions(text: str) -> dict[str, str]:
    """Name -> version in the output of `pip freeze`, also of what came from a wheel's address."""
    found = {}
    for line in text.splitlines():
        match = LINE.match(line)
        if match and match["version"]:
            found[normalised(match["name"])] = match["version"]
        elif match and match["file"].endswith(".whl"):
            version = match["file"].split("-")[1]
            found[normalised(match["name"])] = version.replace("%2B", "+")
    return found


def python_version(text: str) -> str:
    """The image's Python, read from the tag of the torch wheel in the list, such as cp313."""
    match = re.search(r"^torch @ \S+-cp3(\d+)-", text, re.M)
    if not match:
        raise ValueError("the list has no address of a torch wheel, so it does not tell its Python")
    return f"3.{match[1]}"


def read_record(path: Path = RECORD) -> tuple[dict[str, str], str]:
    """The recorded packages and Python."""
    text = path.read_text(encoding="utf8")
    return versions(text), re.search(r"^# Python: (\S+)$", text, re.M)[1]


def touched(published: dict[str, str], recorded: dict[str, str]) -> dict[str, str]:
    """What in the published list the course's package needs, directly or not."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    direct = [Requirement(line).name for line in project["dependencies"]]
    needed = {normalised(name) for name in pinned(direct)} | {"torch", "setuptools"}
    return {name: published[name] for name in sorted(needed | set(recorded)) if name in published}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="renew the record")
    parser.add_argument("--from", dest="file", type=Path, help="a copy of the published list")
    arguments = parser.parse_args()
    if arguments.file:
        text = arguments.file.read_text(encoding="utf8")
    else:
        with urllib.request.urlopen(f"{PUBLISHED}/pip-freeze.txt", timeout=60) as answer:
            text = answer.read().decode()
    recorded, recorded_python = read_record() if RECORD.is_file() else ({}, "none")
    found, python = touched(versions(text), recorded), python_version(text)
    differences = [
        f"{name}: recorded {recorded.get(name, 'nothing')}, now {found.get(name, 'nothing')}"
        for name in sorted({*recorded, *found})
        if recorded.get(name) != found.get(name)
    ]
    if python != recorded_python:
        differences.append(f"Python: recorded {recorded_python}, now {python}")
    print("\n".join(differences) or "Colab has what is recorded")
    if arguments.write:
        head = HEAD.format(date=datetime.date.today(), python=python)
        RECORD.write_text(head + "".join(f"{name}=={found[name]}\n" for name in found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
