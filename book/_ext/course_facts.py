"""What `chapter-facts` says of a chapter: prerequisites, time to read it, time to run it.

Reading time: 200 words a minute, 15 lines of code a minute, 15 seconds for each displayed formula;
outputs, hints and solutions are not counted. Run time is what the last execution took, as measured
when the notebook was executed; where it has not been executed the page says so.
"""

import json
from math import ceil
from pathlib import Path

from course_directives import box, element, facts, raw
from course_icons import icon
from docutils import nodes
from sphinx.application import Sphinx

WORDS_PER_MINUTE = 200
CODE_LINES_PER_MINUTE = 15
FORMULAS_PER_MINUTE = 4


def reading_minutes(document: nodes.document) -> int:
    """Minutes to read `document`, rounded up to 5 once it takes longer than ten."""
    words = lines = formulas = 0
    for node in document.findall():
        if skipped(node):
            continue
        if isinstance(node, nodes.math_block):
            formulas += 1
        elif isinstance(node, nodes.literal_block):
            lines += sum(bool(line.strip()) for line in node.astext().splitlines())
        elif isinstance(node, nodes.Text) and not skipped_text(node):
            words += len(node.astext().split())
    minutes = (
        words / WORDS_PER_MINUTE + lines / CODE_LINES_PER_MINUTE + formulas / FORMULAS_PER_MINUTE
    )
    return max(1, ceil(minutes)) if minutes <= 10 else 5 * ceil(minutes / 5)


def ancestors(node: nodes.Node):
    while node.parent is not None:
        node = node.parent
        yield node


def skipped(node: nodes.Node) -> bool:
    """Whether `node` stands in an output or in a folded part."""
    return any(
        "cell_output" in parent.get("classes", [])
        or (isinstance(parent, element) and parent["tag"] == "details")
        for parent in ancestors(node)
    )


def skipped_text(node: nodes.Text) -> bool:
    """Code and displayed formulas are counted in their own way; comments and raw HTML never."""
    apart = (nodes.literal_block, nodes.math_block, nodes.raw, nodes.comment)
    return any(isinstance(parent, apart) for parent in ancestors(node))


def run_seconds(app: Sphinx, docname: str) -> float | None:
    """Seconds that the last execution took, from the record that tools/execute.py leaves."""
    record = Path(app.outdir).parent / "executed" / f"{docname}.json"
    if not record.exists():
        return None
    return float(json.loads(record.read_text(encoding="utf-8"))["seconds"])


def run_time_text(seconds: float | None) -> str:
    """`seconds` in words that promise no more precision than a busy machine gives."""
    if seconds is None:
        return "not measured in this build"
    if seconds < 10:
        return "a few seconds on two CPU cores"
    if seconds < 90:
        return f"about {10 * round(seconds / 10)} s on two CPU cores"
    return f"about {ceil(seconds / 60)} min on two CPU cores"


def fill_in(app: Sphinx, document: nodes.document) -> None:
    """Once the chapter is read, put the times in the place of each `facts` node."""
    for node in list(document.findall(facts)):
        row = [
            fact("target", "Before you start", *node.children),
            fact("clock", "Reading", nodes.Text(f"about {reading_minutes(document)} min")),
            fact("play", "Running", nodes.Text(run_time_text(run_seconds(app, app.env.docname)))),
        ]
        node.replace_self(box("dl", *row, classes="cp-facts"))


def fact(name_of_icon: str, name: str, *value: nodes.Node) -> element:
    return box(
        "div",
        box("dt", raw(icon(name_of_icon)), nodes.Text(name)),
        box("dd", *value),
        classes="cp-fact",
    )
