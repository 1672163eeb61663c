r"""The inside of a paragraph as plain Markdown: roles, links, attributes, macros in formulas."""

import re
from pathlib import PurePosixPath

TOKEN = re.compile(
    r"\{(?P<role>[a-zA-Z][\w:-]*)\}(?P<fence>`+)(?P<body>.+?)(?P=fence)(?!`)"
    r"|(?P<code>(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`))"
    r"|(?P<math>(?<![\\$])\$(?!\$)(?:\\.|[^$\\])+\$)",
    re.DOTALL,
)
LINK = re.compile(r"(?P<bang>!?)\[(?P<text>[^\]\[]*)\]\((?P<target>[^()\s]+)\)")
SPAN = re.compile(r"\[(?P<text>[^\]\[]*)\]\{[.#][^}]*\}")
TITLED = re.compile(r"^(?P<text>.*?)\s*<(?P<target>[^<>]+)>$", re.DOTALL)


def plain_inline(text: str, context) -> str:
    """`text`, which holds no fence and no displayed formula."""
    kept: list[str] = []  # code and formulas, out of the way while links are rewritten

    def token(match: re.Match) -> str:
        if match["role"]:
            return plain_role(match["role"], match["body"], context)
        whole = match["code"] or expand_macros(match["math"], context.macros)
        kept.append(whole)
        return f"\0{len(kept) - 1}\0"

    text = TOKEN.sub(token, text)
    text = SPAN.sub(lambda match: match["text"], text)
    text = LINK.sub(lambda match: plain_link(match, context), text)
    text = re.sub(r"(?<=[)\]])\{[.#][^}]*\}", "", text)
    return re.sub("\0(\\d+)\0", lambda match: kept[int(match[1])], text)


# --- roles --------------------------------------------------------------------------------------


def plain_role(name: str, body: str, context) -> str:
    """The role {name}`body`; one that is not known raises."""
    titled = TITLED.match(body)
    words, target = (titled["text"], titled["target"]) if titled else ("", body.strip())
    if name == "math":
        return f"${expand_macros(body, context.macros)}$"
    if name == "eq":
        return equation_number(target, context)
    if name in ("ref", "numref"):
        return link_to_label(words.replace("%s", "").strip(), target, context)
    if name == "doc":
        return link_to_document(words, target, context)
    if name in ("chapter",):
        return link_to_document(words, f"/book/{target}", context)
    if name == "cite" or name.startswith("cite:"):
        return citation(body, name, context)
    if name == "glue" or name.startswith("glue:"):
        return glued(body, context)
    if name in ("term", "abbr", "emphasis", "dfn"):
        return words or target
    if name == "strong":
        return f"**{body}**"
    if name in ("code", "py", "file", "kbd"):
        return f"`{body}`"
    if name in ("sub", "sup"):
        return f"<{name}>{body}</{name}>"
    raise ValueError(f"the role {{{name}}} has no plain form; add one in course_plain_inline")


def equation_number(label: str, context) -> str:
    if label in context.equations:
        return f"({context.equations[label]})"
    if label in context.labels:
        return link_to_label("this equation", label, context)
    raise ValueError(f"there is no equation {label!r}")


def citation(keys: str, role: str, context) -> str:
    """Authors and year, each linked; {cite:t} as part of the sentence, the rest in brackets."""
    textual = role in ("cite:t", "cite:ts", "cite:ct", "cite:cts")
    parts = []
    for key in (key.strip() for key in keys.split(",")):
        if key not in context.citations:
            raise ValueError(f"there is no entry {key!r} in references.bib")
        who, year, url = context.citations[key]
        words = f"{who} ({year})" if textual else f"{who}, {year}"
        parts.append(f"[{words}]({url})" if url else words)
    return "; ".join(parts) if textual else f"({'; '.join(parts)})"


def glued(body: str, context) -> str:
    """The text that the run glued, with the format after a colon if there is one."""
    name, _, form = body.strip().partition(":")
    if name not in context.glued:
        raise ValueError(f"nothing was glued under the name {name!r}")
    value = context.glued[name].strip("'\"")
    return format(float(value), form) if form else value


# --- links --------------------------------------------------------------------------------------


def address(docname: str, anchor: str, context) -> str:
    return f"{context.site}/{docname}.html" + (f"#{anchor}" if anchor else "")


def link_to_label(words: str, label: str, context) -> str:
    if label not in context.labels:
        raise ValueError(f"there is no label {label!r}")
    title, docname = context.labels[label]
    return f"[{words or title}]({address(docname, label, context)})"


def link_to_document(words: str, target: str, context) -> str:
    docname = resolve(target, context)
    return f"[{words or context.titles.get(docname, docname)}]({address(docname, '', context)})"


def resolve(target: str, context) -> str:
    """The docname of a path relative to this chapter, or to the root if it begins with /."""
    path = PurePosixPath(target)
    if path.suffix in (".md", ".ipynb"):
        path = path.with_suffix("")
    if target.startswith("/"):
        return str(path).lstrip("/")
    parts: list[str] = list(PurePosixPath(context.docname).parent.parts)
    for part in path.parts:
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def plain_link(match: re.Match, context) -> str:
    """A link to a page or label of the book leads to this edition on the web."""
    words, target = match["text"], match["target"]
    if re.match(r"[a-z]+:", target):
        return match.group(0)
    path, _, anchor = target.partition("#")
    if not path:
        if anchor in context.labels:
            return link_to_label(words, anchor, context)
        return f"[{words}]({address(context.docname, anchor, context)})"
    found = resolve(path, context)  # a page, whose extension MyST lets one leave out, or a file
    if path.endswith((".md", ".ipynb")) or found in context.titles:
        title = words or context.titles.get(found, found)
        return f"[{title}]({address(found, anchor, context)})"
    return f"{match['bang']}[{words}]({context.site}/{found})"


# --- formulas -----------------------------------------------------------------------------------


def expand_macros(math: str, macros: dict[str, str]) -> str:
    r"""`math` with the course's macros written out: \KL{q}{p} knows its two arguments."""
    for _ in range(10):  # a macro may use others
        before = math
        for name, meaning in macros.items():
            math = expand(math, name, meaning)
        if math == before:
            return math
    raise ValueError("the macros refer to each other in a circle")


def expand(math: str, name: str, meaning: str) -> str:
    count = max([0, *map(int, re.findall(r"#(\d)", meaning))])
    pattern = re.compile(re.escape(name) + r"(?![a-zA-Z])")
    done, rest = "", math
    while match := pattern.search(rest):
        done, rest = done + rest[: match.start()], rest[match.end() :]
        text = meaning
        for number in range(1, count + 1):
            argument, rest = first_group(rest.lstrip(), name)
            text = text.replace(f"#{number}", argument)
        glue = " " if rest[:1].isalpha() and text[-1:].isalpha() else ""
        done += text + glue
    return done + rest


def first_group(text: str, name: str) -> tuple[str, str]:
    """The content of the leading {…}, and what follows it; or the first character."""
    if not text:
        raise ValueError(f"{name} lacks an argument")
    if text[0] != "{":
        return text[0], text[1:]
    depth = 0
    for position, letter in enumerate(text):
        escaped = position and text[position - 1] == "\\"
        depth += (letter == "{" and not escaped) - (letter == "}" and not escaped)
        if depth == 0:
            return text[1:position], text[position + 1 :]
    raise ValueError(f"the braces after {name} do not close")
