"""The small languages inside the chapter template's directives.

The page (`course_page`) and the Colab copies (`course_plain`) read the same text, so the two
readers of it live here, once.

Parts, one marker at the start of a line, running to the next marker:

    said: The KL term should decrease during training.
    true: It usually rises first.
    check: The curve above.

Options of a self-check, `(x)` for the right one, its explanation indented below it:

    ( ) the log-likelihood
        It cannot be computed; it is only bounded.
    (x) the ELBO
        Yes, and it is a lower bound.
"""

import re
from dataclasses import dataclass
from textwrap import dedent

OPTION = re.compile(r"^\((?P<mark>[ xX])\)\s+(?P<text>\S.*)$")


@dataclass(frozen=True)
class Option:
    """One answer that a self-check offers."""

    text: str
    right: bool
    explanation: str


def parse_parts(content: str, names: tuple[str, ...]) -> dict[str, str]:
    """Split `content` at the lines that begin with `name:`; what comes first has the name ""."""
    marker = re.compile(rf"^(?P<name>{'|'.join(names)}):(?:\s+|$)(?P<rest>.*)$")
    parts: dict[str, list[str]] = {"": []}
    current = ""
    for line in content.splitlines():
        match = marker.match(line)
        if match:
            current = match["name"]
            if current in parts:
                raise ValueError(f"the part `{current}:` occurs twice")
            parts[current] = [match["rest"]]
        else:
            parts[current].append(line)
    return {name: "\n".join(lines).strip() for name, lines in parts.items()}


def parse_pitfall(content: str) -> dict[str, str]:
    """The three parts of a pitfall: `said`, `true` and `check`, each of them present."""
    parts = parse_parts(content, ("said", "true", "check"))
    missing = [name for name in ("said", "true", "check") if not parts.get(name)]
    if missing:
        raise ValueError(f"a pitfall needs said:, true: and check:; missing: {', '.join(missing)}")
    if parts[""]:
        raise ValueError(f"a pitfall begins with said:, not with {parts[''].splitlines()[0]!r}")
    return parts


def parse_selfcheck(content: str) -> tuple[str, list[Option]]:
    """The text before the first option, and the options."""
    lead: list[str] = []
    found: list[tuple[str, bool, list[str]]] = []
    for line in content.splitlines():
        match = OPTION.match(line)
        if match:
            found.append((match["text"], match["mark"] != " ", []))
        elif found:
            found[-1][2].append(line)
        else:
            lead.append(line)
    options = [Option(t, right, dedent("\n".join(body)).strip()) for t, right, body in found]
    if len(options) < 2:
        raise ValueError(f"a self-check needs two or more options, this one has {len(options)}")
    if sum(option.right for option in options) != 1:
        raise ValueError("a self-check needs exactly one right option, marked (x)")
    for option in options:
        if not option.explanation:
            raise ValueError(f"the option {option.text!r} needs an explanation, indented below it")
    return "\n".join(lead).strip(), options
