""" "Checked claims" and "Corrections": every derivation and every correction, each with its check.

    ```{checked-parts}                 radio buttons: show what belongs to one part of the book
    ```{checked-derivations}           all derivations of the package, checked as the page is read
    ```{checked-corrections} file.yml  what is said and what is true, with the cell that shows it

A correction is a cell of a chapter with `"vae_course": {"corrects": ["E05"]}`: it was executed
when the book was built, and asserts what it shows. The file has the words, one entry for each.
"""

import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml
from course_directives import CourseDirective, box, raw
from course_icons import icon
from course_landing import chapter_link
from docutils import nodes
from sphinx.application import Sphinx
from sphinx_external_toc.parsing import parse_toc_yaml


@dataclass(frozen=True)
class Place:
    """A code cell of a chapter: where it stands and what it says."""

    page: str  # docname
    part: str  # as _toc.yml calls it
    chapter: str
    section: str
    source: str
    corrects: tuple[str, ...]


def places(root: Path) -> list[Place]:
    """All code cells of the book's notebooks, in the order of the table of contents."""
    found = []
    toc = parse_toc_yaml(root / "_toc.yml")
    for part in toc.root.subtrees:
        for page in part.items:
            path = root / f"{page}.ipynb"
            if path.is_file():
                found += cells(path, str(page), part.caption)
    return found


def cells(path: Path, page: str, part: str) -> list[Place]:
    found, chapter, section = [], "", ""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            headings = re.findall(r"^(#+) +(.+?) *$", source, re.M)
            chapter = next((text for marks, text in headings if marks == "#"), chapter)
            section = headings[-1][1] if headings else section
        elif cell["cell_type"] == "code":
            corrects = tuple(cell["metadata"].get("vae_course", {}).get("corrects", ()))
            found.append(Place(page, part, chapter, section, source, corrects))
    return found


class ClaimsDirective(CourseDirective):
    has_content = False

    @cached_property
    def book(self) -> list[Place]:
        """The cells of the book; this page is read again when one of its notebooks changes."""
        root = Path(self.env.srcdir)
        found = places(root)
        for page in {place.page for place in found}:
            self.env.note_dependency(str(root / f"{page}.ipynb"))
        return found

    def parts(self) -> list[str]:
        """The parts of the book that have chapters, in its order."""
        return list(dict.fromkeys(place.part for place in self.book))

    def classes(self, found: list[Place]) -> str:
        """Of a claim: the parts that show it; what no chapter shows belongs to all of them."""
        parts = self.parts()
        inside = {place.part for place in found} or set(parts)
        return " ".join(
            ["cp-claim", *(f"cp-in-part-{k}" for k, part in enumerate(parts, 1) if part in inside)]
        )

    def section_link(self, place: Place) -> nodes.Node:
        """A link to the section that teaches it, by its chapter and heading."""
        plain = re.sub(r"[*_`]", "", place.section)
        link = nodes.reference(
            "", f"{place.chapter}: {plain}", internal=True,
            refuri=f"{relative(self.env.docname, place.page)}.html#{nodes.make_id(plain)}",
        )  # fmt: skip
        if place.section == place.chapter:  # before the first heading
            return chapter_link(place.page, place.chapter, self.env.docname)
        return link

    def fold(self, words: str, *children: nodes.Node) -> nodes.Node:
        return box("details", box("summary", nodes.Text(words)), *children, classes="cp-fold")


def relative(docname: str, page: str) -> str:
    return "../" * docname.count("/") + page


class CheckedParts(ClaimsDirective):
    """Native radio buttons; the style sheet hides what belongs to the other parts."""

    def build(self) -> list[nodes.Node]:
        options = []
        for number, name in enumerate(["All parts", *self.parts()]):
            html = {"type": "radio", "name": "claims-part"}
            html |= {"checked": "checked"} if number == 0 else {}
            radio = box("input", ids=f"claims-{number}", **html)
            label = box("label", nodes.Text(name), **{"for": f"claims-{number}"})
            options.append(box("div", radio, label, classes="cp-claims-option"))
        legend = box("legend", nodes.Text("Show"))
        return [box("fieldset", legend, *options, classes="cp-claims-filter")]


class CheckedDerivations(ClaimsDirective):
    """Title, sections that show it, what was checked; the whole derivation folded."""

    def build(self) -> list[nodes.Node]:
        from vae_course import derivations  # imports SymPy: only for this page

        folder = Path(derivations.__file__).parent
        for file in folder.glob("*.py"):
            self.env.note_dependency(str(file))
        rows = [self.row(derivation) for derivation in derivations.all()]
        return [box("div", *rows, classes="cp-claims")]

    def row(self, derivation) -> nodes.Node:
        drawn = repr(derivation)  # checks it; as in a terminal, which weighs little
        listing = nodes.literal_block(drawn, drawn, language="none")
        shown = [p for p in self.book if re.search(rf"\b{derivation.name}\b", p.source)]
        pages = list({p.page: p for p in reversed(shown)}.values())[::-1]
        links = [self.section_link(place) for place in pages]
        line = [node for link in links for node in (nodes.Text(" · "), link)]
        counted = (
            f"{len(derivation.steps)} lines hold, {len(derivation.mutants())} mistakes planted"
        )
        head = [raw(icon("check")), *self.inline(f"**{derivation.title}**")]
        return box(
            "div",
            box("p", *head, classes="cp-claim-head"),
            box("p", nodes.Text(counted), *line, classes="cp-claim-where"),
            self.fold("Every line and its check", listing),
            classes=self.classes(shown),
            ids=derivation.name.replace("_", "-"),
        )  # fmt: skip


class CheckedCorrections(ClaimsDirective):
    """Said, true, and the cell that shows it, in the order of the book."""

    required_arguments = 1

    def build(self) -> list[nodes.Node]:
        file = Path(self.env.doc2path(self.env.docname)).parent / self.arguments[0]
        self.env.note_dependency(str(file))
        words = yaml.safe_load(file.read_text(encoding="utf-8"))
        checks: dict[str, list[Place]] = {}
        for place in self.book:
            for name in place.corrects:
                checks.setdefault(name, []).append(place)
        if missing := sorted(set(checks) - set(words)):
            raise ValueError(f"{file.name} has no words for {', '.join(missing)}")
        rows = [self.row(name, words[name], found) for name, found in checks.items()]
        total = f"{len(rows)} claims, each with the cell that asserts what is true."
        return [box("p", nodes.Text(total)), box("div", *rows, classes="cp-claims")]

    def row(self, name: str, words: dict, found: list[Place]) -> nodes.Node:
        links = [node for p in found for node in (nodes.Text(" · "), self.section_link(p))][1:]
        listings = []
        for place in found:
            listing = nodes.literal_block(place.source, place.source, language="none")
            listings.append(listing)
        said = box("p", *self.inline(words["said"]), classes="cp-claim-said")
        true = box("p", *self.inline(words["truth"]), classes="cp-claim-true")
        return box(
            "div",
            said,
            true,
            box("p", raw(icon("check")), *links, classes="cp-claim-where"),
            self.fold("The check, as it was run", *listings),
            classes=self.classes(found),
            ids=name.lower(),
        )


def register(app: Sphinx) -> None:
    app.add_directive("checked-parts", CheckedParts)
    app.add_directive("checked-derivations", CheckedDerivations)
    app.add_directive("checked-corrections", CheckedCorrections)
