r"""A chapter's text as plain Markdown, for the copies that Colab and the download button get.

`to_plain(markdown, context)` turns what MyST adds (directives, roles, labels, numbered equations,
attributes, the course's macros) into Markdown that any notebook shows. Nothing may be left over:
an unknown directive, role or label raises ValueError, and `leftovers` finds what slipped through.

The text is read in two passes: blocks line by line here, the inside of a paragraph in
`course_plain_inline`. One function for each directive is in `course_plain_blocks`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from textwrap import dedent

from course_plain_inline import expand_macros, plain_inline

FENCE = re.compile(r"^(?P<indent> *)(?P<fence>`{3,}|~{3,}|:{3,})(?P<info>.*)$")
DIRECTIVE = re.compile(r"^\{(?P<name>[\w:-]+)\}\s*(?P<argument>.*)$")
LABEL = re.compile(r"^ *\((?P<label>[^)\s]+)\)=\s*$")
EQUATION = re.compile(r"\$\$(?P<math>.+?)\$\$(?:[ \t]*\((?P<label>[\w:.-]+)\))?", re.DOTALL)
OPTION_LINE = re.compile(r"^:[\w-]+:")
HEADING = re.compile(r"^#+\s+(?P<title>.*)$")


@dataclass
class Context:
    """What a chapter's text refers to. `site` is the address of this edition, without a slash."""

    docname: str = ""  # such as book/vae/building-a-vae
    site: str = ""
    labels: dict[str, tuple[str, str]] = field(default_factory=dict)  # label -> (title, docname)
    titles: dict[str, str] = field(default_factory=dict)  # docname -> title
    equations: dict[str, int] = field(default_factory=dict)  # label -> its number in this chapter
    citations: dict[str, tuple[str, str, str]] = field(
        default_factory=dict
    )  # key -> who, year, url
    glued: dict[str, str] = field(default_factory=dict)  # name -> the text that the run glued
    macros: dict[str, str] = field(default_factory=dict)  # course_build.MACROS
    exercise: Callable | None = None  # id -> exercise object; None: ask vae_course


def to_plain(markdown: str, context: Context) -> str:
    """`markdown` without anything that only MyST understands."""
    from course_plain_blocks import plain_directive

    done: list[str] = []
    text: list[str] = []

    def flush() -> None:
        if text:
            done.append(plain_text("\n".join(text), context))
            text.clear()

    lines = iter(markdown.splitlines())
    for line in lines:
        opening = FENCE.match(line)
        if not opening:
            text.append(line)
            continue
        flush()
        body = inside_fence(lines, opening["fence"], len(opening["indent"]), line)
        directive = DIRECTIVE.match(opening["info"].strip())
        if directive:
            options, content = split_options(dedent("\n".join(body)))
            done.append(
                plain_directive(directive["name"], directive["argument"], options, content, context)
            )
        elif opening["fence"].startswith(":"):
            done.append(to_plain("\n".join(body), context))
        else:
            done.append("\n".join([line, *body, opening["indent"] + opening["fence"]]))
    flush()
    return re.sub(r"\n{3,}", "\n\n", "\n".join(done)).strip("\n")


def inside_fence(lines, fence: str, indent: int, first: str) -> list[str]:
    """The lines up to the closing fence; fences inside it are longer or of another kind."""
    body, inner = [], None
    for line in lines:
        bare = line.strip()
        mark = FENCE.match(line)
        if inner is None and set(bare) == {fence[0]} and len(bare) >= len(fence):
            return body
        if inner and set(bare) == {inner[0]} and len(bare) >= len(inner):
            inner = None
        elif inner is None and mark and mark["fence"][0] in "`~" and fence[0] == ":":
            inner = mark["fence"]  # inside a code block nothing else counts
        body.append(line[indent:] if line[:indent].isspace() else line)
    raise ValueError(f"this fence is never closed: {first!r}")


def split_options(content: str) -> tuple[dict[str, str], str]:
    """A directive's `:name: value` lines, and the rest."""
    lines, options = content.splitlines(), {}
    while lines and OPTION_LINE.match(lines[0]):
        _, name, value = lines.pop(0).split(":", 2)
        options[name] = value.strip()
    return options, "\n".join(lines).strip("\n")


def plain_text(text: str, context: Context) -> str:
    """Paragraphs, lists, tables and displayed formulas: everything that is not in a fence."""
    kept = []
    for line in text.split("\n"):  # an empty last line counts: it ends a block of HTML
        if LABEL.match(line) or line.startswith("%") or re.fullmatch(r"\s*\+\+\+.*", line):
            continue
        if re.fullmatch(r"\s*\{[.#][^}]*\}\s*", line):  # attributes of the next block
            continue
        if re.match(r": +\S", line) and kept and kept[-1].strip():  # definition list
            line = f"**{kept.pop().strip()}**: {line[1:].strip()}"
        kept.append(line)
    pieces, end, joined = [], 0, "\n".join(kept)
    for match in EQUATION.finditer(joined):
        pieces.append(plain_inline(joined[end : match.start()], context))
        pieces.append(plain_equation(match["math"], match["label"], context))
        end = match.end()
    return "".join([*pieces, plain_inline(joined[end:], context)])


def plain_equation(math: str, label: str | None, context: Context) -> str:
    """A displayed formula, with its number in this chapter if it has a label."""
    tag = ""
    if label:
        if label not in context.equations:
            raise ValueError(f"equation {label!r} has no number: number_equations comes first")
        tag = rf"\tag{{{context.equations[label]}}} "
    math = expand_macros(math, context.macros)
    return f"$$\n{math.strip()} {tag}\n$$" if "\n" in math else f"$${math}{tag}$$"


def number_equations(cells: list[str]) -> dict[str, int]:
    """The labels of a chapter's formulas, numbered from 1 in the order of its Markdown cells."""
    text = "\n".join(cells)
    directive = r"^(?:`{3,}|:{3,})\{math\}[^\n]*\n:label:\s*(?P<name>\S+)"
    found = [(match.start(), match["label"]) for match in EQUATION.finditer(text)]
    found += [(match.start(), match["name"]) for match in re.finditer(directive, text, re.M)]
    return {label: k for k, label in enumerate((name for _, name in sorted(found) if name), 1)}


def find_labels(docname: str, cells: list[str]) -> dict[str, tuple[str, str]]:
    """Every `(label)=` of a chapter, with the heading that follows it."""
    lines = "\n".join(cells).splitlines()
    labels = {}
    for number, line in enumerate(lines):
        match = LABEL.match(line)
        if match:
            following = next((HEADING.match(rest) for rest in lines[number + 1 :] if rest), None)
            labels[match["label"]] = (following["title"] if following else "", docname)
    return labels


def leftovers(markdown: str) -> list[str]:
    """What in `markdown` only MyST understands; code is left alone. Empty is what we want."""
    text = re.sub(r"^(`{3,}|~{3,})(?!\{).*?^\1\s*$", "", markdown, flags=re.S | re.M)
    text = re.sub(r"(?<!\})(`+)(?!`)[^\n]*?(?<!`)\1(?!`)", "", text)
    patterns = {
        "directive": r"^ *(?:`{3,}|~{3,}|:{3,}).*$",
        "role": r"\{[a-zA-Z][\w:-]*\}`[^`]*`",
        "label": r"^ *\([^)\s]+\)=\s*$",
        "numbered equation": r"\$\$[ \t]*\([\w:.-]+\)",
        "attributes": r"[\])]\{[.#][^}]*\}",
        "link to a source file": r"\]\((?!https?:)[^)]*\.(?:md|ipynb)(?:#[^)]*)?\)",
        "substitution": r"\{\{.*?\}\}",
        "comment": r"^%.*$",
    }
    return [
        f"{kind}: {match.group(0).strip()}"
        for kind, pattern in patterns.items()
        for match in re.finditer(pattern, text, re.M)
    ]
