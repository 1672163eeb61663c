"""What only the first page uses: the map of the parts, links to chapters, commands to run.

The map cannot claim what is not there: a chapter that the book has is linked, and one that it has
not is marked as being written.

    :::{course-map}
    Title of a part | what it is about | vae/building-a-vae Building a VAE; vae/elbo The bound
    :::
"""

from course_directives import CourseDirective, box
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole

from tools import repository


def chapter_link(docname: str, words: str, from_doc: str) -> addnodes.pending_xref:
    """A link to a page of the book that says `words`."""
    link = addnodes.pending_xref(
        "",
        nodes.inline("", words),
        refdomain="std",
        reftype="doc",
        reftarget=f"/{docname}",
        refexplicit=True,
        refdoc=from_doc,
        refwarn=True,
    )
    return link


class CourseMap(CourseDirective):
    """The parts in order, each with its chapters; see the module's docstring."""

    def build(self) -> list[nodes.Node]:
        lines = [line for line in self.content if line.strip()]
        return [box("ol", *[self.part(line) for line in lines], classes="cp-map")]

    def part(self, line: str) -> nodes.Node:
        title, about, chapters = (field.strip() for field in line.split("|"))
        listed = [tuple(chapter.strip().split(" ", 1)) for chapter in chapters.split(";")]
        there = [(f"book/{name}", words) for name, words in listed if self.exists(name)]
        items = [
            box("li", chapter_link(name, words, self.env.docname), classes="cp-there")
            for name, words in there
        ]
        items += [
            box("li", nodes.Text(words), classes="cp-planned")
            for name, words in listed
            if not self.exists(name)
        ]
        state = "" if there else "being written"
        return box(
            "li",
            box(
                "p",
                box("span", nodes.Text(title), classes="cp-map-title"),
                nodes.Text(" "),
                box("span", nodes.Text(state), classes="cp-map-state"),
                classes="cp-map-head",
            ),
            box("p", *self.inline(about), classes="cp-map-about"),
            box("ul", *items, classes="cp-map-chapters"),
            classes="cp-map-part " + ("cp-map-there" if there else "cp-map-planned"),
        )

    def exists(self, name: str) -> bool:
        return f"book/{name}" in self.env.found_docs


class Chapter(SphinxRole):
    """{chapter}`words <vae/building-a-vae>`: a link if the book has the chapter, else the words."""

    def run(self):
        words, _, name = self.text.rstrip(">").rpartition("<")
        docname = f"book/{name.strip()}"
        if docname not in self.env.found_docs:
            return [nodes.inline("", words.strip())], []
        return [chapter_link(docname, words.strip(), self.env.docname)], []


class Commands(CourseDirective):
    """Shell commands; `REPOSITORY` becomes the address that `_config.yml` gives."""

    def build(self) -> list[nodes.Node]:
        text = self.text().replace("REPOSITORY", repository.repository_url())
        return [nodes.literal_block(text, text, language="bash")]


def register(app: Sphinx) -> None:
    app.add_directive("course-map", CourseMap)
    app.add_directive("commands", Commands)
    app.add_role("chapter", Chapter())
