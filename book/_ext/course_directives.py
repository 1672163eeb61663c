"""The chapter template as MyST directives, drawn without a line of JavaScript.

    :::{question}                      what the chapter answers
    :::{objectives}                    a list, each item begins with a verb
    :::{chapter-facts}                 prerequisites; the times are filled in by course_facts
    :::{prediction}                    what to guess before trying; `answer:` begins the folded part
    :::{pitfall} Title                 `said:`, `true:`, `check:`
    :::{selfcheck} Question            options `( )` and `(x)`, an explanation indented below each
    :::{exercise} vae.gaussian_kl      prompt, hints and solution of that object of the package

`course_plain` turns the same text into plain Markdown for Colab; a test compares the two lists.
"""

from course_icons import icon
from course_markup import parse_parts, parse_pitfall, parse_selfcheck
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


class element(nodes.General, nodes.TextElement):
    """An HTML element with a tag and attributes of its own; other builders see its content."""


class facts(nodes.General, nodes.TextElement):
    """Where `chapter-facts` stands until the whole chapter has been read."""


def box(tag: str, *children: nodes.Node, classes: str = "", ids: str = "", **html: str) -> element:
    """An `element` with children; `html` holds its attributes, `_` standing for `-`."""
    node = element("", "", *children, classes=classes.split(), ids=[ids] if ids else [])
    node["tag"] = tag
    node["html"] = {name.replace("_", "-"): value for name, value in html.items()}
    return node


def visit_element(self, node: element) -> None:
    self.body.append(self.starttag(node, node["tag"], "", **node["html"]))


def depart_element(self, node: element) -> None:
    if node["tag"] != "input":
        self.body.append(f"</{node['tag']}>\n")


def pass_by(self, node: nodes.Element) -> None:
    """Builders other than HTML show what is inside."""


def raw(html: str) -> nodes.raw:
    return nodes.raw("", html, format="html")


class CourseDirective(SphinxDirective):
    """What the directives share: reading Markdown, titles, and errors that name their place."""

    has_content = True
    name_of_box = ""
    icon_of_box = ""

    def text(self) -> str:
        return "\n".join(self.content)

    def blocks(self, markdown: str) -> list[nodes.Node]:
        """`markdown` as block nodes."""
        holder = nodes.container()
        lines = StringList(markdown.splitlines(), source=self.get_source_info()[0])
        self.state.nested_parse(lines, self.content_offset, holder)
        return holder.children

    def inline(self, markdown: str) -> list[nodes.Node]:
        """`markdown`, which is one paragraph, as inline nodes."""
        parsed = self.blocks(markdown)
        if len(parsed) == 1 and isinstance(parsed[0], nodes.paragraph):
            return parsed[0].children
        return parsed

    def label(self, *extra: nodes.Node) -> element:
        """The line that names the box: icon, name, and whatever the box adds."""
        words = box("span", nodes.Text(self.name_of_box), classes="cp-box-name")
        apart = [node for child in extra for node in (nodes.Text(" "), child)]
        return box("p", raw(icon(self.icon_of_box)), words, *apart, classes="cp-box-label")

    def note(self, *children: nodes.Node, kind: str) -> element:
        return box(
            "div",
            *children,
            classes=f"cp-box cp-{kind}",
            role="group",
            aria_label=self.name_of_box,
        )

    def run(self) -> list[nodes.Node]:
        try:
            return self.build()
        except (ValueError, KeyError) as error:
            raise self.error(f"{{{self.name}}} {error}") from error


class Question(CourseDirective):
    name_of_box, icon_of_box = "The question", "question"

    def build(self) -> list[nodes.Node]:
        return [self.note(self.label(), *self.blocks(self.text()), kind="question")]


class Objectives(CourseDirective):
    name_of_box, icon_of_box = "After this chapter you can", "target"

    def build(self) -> list[nodes.Node]:
        return [self.note(self.label(), *self.blocks(self.text()), kind="objectives")]


class ChapterFacts(CourseDirective):
    """Prerequisites are the directive's own text; the times are put in by `course_facts`."""

    def build(self) -> list[nodes.Node]:
        return [facts("", "", *self.inline(self.text() or "none"))]


class Prediction(CourseDirective):
    name_of_box, icon_of_box = "Predict first", "eye"

    def build(self) -> list[nodes.Node]:
        parts = parse_parts(self.text(), ("answer",))
        body = self.blocks(parts[""])
        if "answer" in parts:
            summary = box("summary", nodes.Text("Compare with what happens"))
            body.append(box("details", summary, *self.blocks(parts["answer"]), classes="cp-fold"))
        return [self.note(self.label(), *body, kind="prediction")]


class Pitfall(CourseDirective):
    name_of_box, icon_of_box = "Pitfall", "hazard"
    required_arguments = 1
    final_argument_whitespace = True
    headings = (
        ("said", "What is commonly said"),
        ("true", "What is true"),
        ("check", "The check"),
    )

    def build(self) -> list[nodes.Node]:
        parts = parse_pitfall(self.text())
        title = box("span", *self.inline(self.arguments[0]), classes="cp-box-title")
        rows = [
            box(
                "div",
                box("p", nodes.Text(heading), classes="cp-part-name"),
                box("div", *self.blocks(parts[name]), classes="cp-part-text"),
                classes=f"cp-part cp-part-{name}",
            )
            for name, heading in self.headings
        ]
        return [self.note(self.label(title), *rows, kind="pitfall")]


class SelfCheck(CourseDirective):
    """Native radio buttons; CSS shows the explanation of the one that is checked."""

    name_of_box, icon_of_box = "Check yourself", "check"
    required_arguments = 1
    final_argument_whitespace = True

    def build(self) -> list[nodes.Node]:
        lead, options = parse_selfcheck(self.text())
        group = f"selfcheck-{self.env.new_serialno('selfcheck') + 1}"
        question = box("span", *self.inline(self.arguments[0]), classes="cp-box-title")
        legend = box("legend", self.label(question))
        children = [legend, *(self.blocks(lead) if lead else [])]
        for number, option in enumerate(options, start=1):
            children.append(self.option(option, group, f"{group}-{number}"))
        return [box("fieldset", *children, classes="cp-box cp-selfcheck", ids=group)]

    def option(self, option, group: str, identifier: str) -> element:
        verdict = ("Right.", "right", "check") if option.right else ("Not quite.", "wrong", "cross")
        radio = box("input", type="radio", name=group, ids=identifier)
        words = box("label", *self.inline(option.text), **{"for": identifier})
        heading = box("p", raw(icon(verdict[2])), nodes.Text(verdict[0]), classes="cp-verdict")
        why = box(
            "div",
            heading,
            *self.blocks(option.explanation),
            classes=f"cp-explanation cp-{verdict[1]}",
        )
        return box("div", radio, words, why, classes="cp-option")


class Exercise(CourseDirective):
    """The exercise object with the given id; its stub and check are the notebook's next cells."""

    name_of_box, icon_of_box = "Exercise", "pencil"
    required_arguments = 1
    has_content = False

    def build(self) -> list[nodes.Node]:
        from vae_course import exercises  # imports torch: only for pages that have an exercise

        exercise = exercises.get(self.arguments[0])
        title = box("span", *self.inline(exercise.title), classes="cp-box-title")
        facts_of_it = box("span", nodes.Text(exercise_facts(exercise)), classes="cp-box-facts")
        body = self.blocks(exercise.prompt)
        for number, hint in enumerate(exercise.hints, start=1):
            summary = box("summary", nodes.Text(f"Hint {number}"))
            body.append(box("details", summary, *self.blocks(hint), classes="cp-fold"))
        listing = nodes.literal_block(*[exercise.reference.strip()] * 2, language="python")
        summary = box("summary", nodes.Text("Solution"))
        body.append(box("details", summary, listing, classes="cp-fold cp-solution"))
        node = self.note(self.label(facts_of_it, title), *body, kind="exercise")
        node["ids"] = ["exercise-" + exercise.id.replace(".", "-").replace("_", "-")]
        return [node]


def exercise_facts(exercise) -> str:
    """Difficulty, minutes and points in words."""
    points = "1 point" if exercise.points == 1 else f"{exercise.points} points"
    return f"difficulty {exercise.difficulty} of 5, about {exercise.minutes} min, {points}"


DIRECTIVES = {
    "question": Question,
    "objectives": Objectives,
    "chapter-facts": ChapterFacts,
    "prediction": Prediction,
    "pitfall": Pitfall,
    "selfcheck": SelfCheck,
    "exercise": Exercise,
}


def register(app: Sphinx) -> None:
    """Tell Sphinx about the directives and the nodes that they make."""
    passing = {builder: (pass_by, pass_by) for builder in ("latex", "text", "man", "texinfo")}
    app.add_node(element, html=(visit_element, depart_element), **passing)
    app.add_node(facts, html=(pass_by, pass_by), **passing)
    for name, directive in DIRECTIVES.items():
        app.add_directive(name, directive)
