"""What the page tests look at. Each function returns what is wrong, so a good page gives []."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"

# --- in the browser -----------------------------------------------------------------------------


@dataclass
class Record:
    """What a page asked for and complained about, from before it is opened."""

    origin: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    finished: list = field(default_factory=list)

    def watch(self, page) -> None:
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("requestfinished", lambda request: self.finished.append(request))
        page.on("requestfailed", self.failed)
        page.on("console", self.heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def failed(self, request) -> None:
        if request.failure != "net::ERR_ABORTED":  # aborted: the reader went on to another page
            self.complaints.append(f"failed: {request.url} ({request.failure})")

    def heard(self, message) -> None:
        if message.type in ("error", "assert"):
            self.complaints.append(f"{message.text} ({message.location.get('url')})")

    def elsewhere(self) -> list[str]:
        """Requests to another origin; what a page makes up itself (data:, blob:) is not one."""
        own = (self.origin + "/", "data:", f"blob:{self.origin}/")
        return [url for url in self.requests if not url.startswith(own)]

    def weight(self) -> int:
        """Bytes that came over the line, compressed as a server sends them."""
        return sum(request.sizes()["responseBodySize"] for request in self.finished)

    def heaviest(self) -> str:
        sizes = [(request.sizes()["responseBodySize"], request.url) for request in self.finished]
        return ", ".join(f"{size:,} {url}" for size, url in sorted(sizes, reverse=True)[:6])


def settle(page) -> None:
    """Wait until fonts are there, nothing loads and two frames have been drawn."""
    page.wait_for_load_state("networkidle")
    page.evaluate(
        "async () => { await document.fonts.ready;"
        " await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))) }"
    )


def accessibility(page) -> list[str]:
    """Serious and critical findings of axe-core."""
    if not page.evaluate("Boolean(window.axe)"):
        page.evaluate(AXE.read_text(encoding="utf8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{finding['id']}: {node['html'][:160]} {node['failureSummary'][:160]}"
        for finding in found
        if finding["impact"] in ("serious", "critical")
        for node in finding["nodes"]
    ]


def sideways(page) -> list[str]:
    """Elements that make the page wider than the window."""
    return page.evaluate(
        """() => {
          const width = document.documentElement.clientWidth;
          if (document.scrollingElement.scrollWidth <= width) return [];
          const wide = [...document.body.querySelectorAll("*")].filter(
            (element) => element.getBoundingClientRect().right > width + 1);
          return [`page ${document.scrollingElement.scrollWidth} px`,
            ...wide.slice(0, 8).map((element) => element.outerHTML.slice(0, 120))];
        }"""
    )


def pictures_without_text(page) -> list[str]:
    """Pictures that say nothing to somebody who cannot see them."""
    return page.evaluate(
        """() => {
          const word = (id) => document.getElementById(id)?.textContent ?? "";
          const silent = (picture) => {
            if (picture.closest("[aria-hidden=true]")) return false;
            if (picture.matches("figure")) {
              return !picture.querySelector("img, svg, canvas, table, pre");
            }
            if (picture.matches("img")) return !picture.alt.trim();
            // A button's name is checked by axe.
            if (picture.parentElement.closest("svg, button, [role=img]")) return false;
            const labels = picture.getAttribute("aria-labelledby")?.split(" ") ?? [];
            const text = picture.getAttribute("aria-label") || labels.map(word).join("")
              || picture.querySelector(":scope > title")?.textContent;
            return picture.getAttribute("role") !== "img" || !text?.trim();
          };
          return [...document.querySelectorAll("img, svg, canvas, figure")].filter(silent)
            .map((picture) => picture.outerHTML.slice(0, 160));
        }"""
    )


def small_targets(page) -> list[str]:
    """Controls that a finger misses: less than 24 px high or wide. Links in a sentence may be."""
    return page.evaluate(
        """() => {
          const controls = "button, input, select, summary, nav a, .cp-button, .cp-footer a";
          const shown = { opacityProperty: true, visibilityProperty: true };
          // A label around a radio button is hit for it.
          const area = (control) => control.closest("label") ?? control;
          return [...document.querySelectorAll(controls)]
            .filter((control) => control.checkVisibility(shown))
            .map((control) => [control, area(control).getBoundingClientRect()])
            .filter(([, box]) => box.width > 0 && (box.width < 23.5 || box.height < 23.5))
            .map(([control, { width, height }]) =>
              `${Math.round(width)}x${Math.round(height)} ${control.outerHTML.slice(0, 120)}`);
        }"""
    )


# --- in the files -------------------------------------------------------------------------------


class Links(HTMLParser):
    """The places of a page that can be linked to, and what it links to."""

    def __init__(self, html: str):
        super().__init__()
        self.anchors: set[str] = {"", "top"}
        self.targets: list[str] = []
        self.base = ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.anchors.update(filter(None, (found.get("id"), found.get("name"))))
        if tag == "base":
            self.base = found["href"]
            return
        self.targets += filter(None, (found.get("href"), found.get("src")))


def broken_links(folder: Path) -> list[str]:
    """Links within the site whose file or anchor does not exist."""
    files = [file for file in folder.rglob("*.html") if "_static" not in file.parts]
    pages = {file.relative_to(folder).as_posix(): file.read_text("utf8") for file in files}
    parsed = {name: Links(html) for name, html in pages.items()}
    broken = []
    for name, page in parsed.items():
        for target in page.targets:
            if urlsplit(target).scheme or target.startswith("//"):
                continue
            path, anchor = urldefrag(urljoin(f"/{page.base.lstrip('/') or name}", target))
            path = unquote(urlsplit(path).path).lstrip("/") or "index.html"
            if not (folder / path).is_file():
                broken.append(f"{name}: {target} (no such file)")
            elif path in parsed and unquote(anchor) not in parsed[path].anchors:
                broken.append(f"{name}: {target} (no such anchor)")
    return broken
