"""How a derivation looks: on the page and in a notebook, in a terminal, on slides."""

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sympy

from vae_course.derivations.notation import latex, plain, pretty, words

if TYPE_CHECKING:
    from vae_course.derivations.engine import Derivation, Mutant


@dataclass(frozen=True)
class Shown:
    """Something that a notebook draws and a terminal prints."""

    plain: str
    markdown: str

    def __repr__(self) -> str:
        return self.plain

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/plain": self.plain, "text/markdown": self.markdown}


def relation(derivation: "Derivation", index: int) -> str:
    check = derivation.steps[index].check
    return "=" if check is None else check.relation


def display(*lines: str) -> str:
    """A displayed formula that KaTeX, MathJax and MyST all read."""
    return "$$\n\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}\n$$"


def definitions(derivation: "Derivation") -> list[tuple[sympy.Expr, sympy.Expr]]:
    """What the names stand for, as pairs (name applied to its arguments, meaning)."""
    pairs = []
    for name, meaning in derivation.definitions.items():
        if isinstance(meaning, sympy.Lambda):
            arguments = meaning.variables
            name = name[arguments] if isinstance(name, sympy.IndexedBase) else name(*arguments)
            meaning = meaning.expr
        pairs.append((name, meaning))
    return pairs


def markdown(derivation: "Derivation") -> str:
    """Each step's rule and how it was checked, then its formula."""
    where = ", ".join(f"${latex(a)} = {latex(b)}$" for a, b in definitions(derivation))
    parts = [f"**{derivation.title}.**" + (f" With {where}:" if where else "")]
    for index, step in enumerate(derivation.steps):
        left = derivation.left if index == 0 else ""
        parts.append(f"{index + 1}\\. {step.rule} *({derivation.how(index)})*")
        parts.append(display(f"{left} &{relation(derivation, index)} {latex(step.expression)}"))
    return "\n\n".join(parts)


def text(derivation: "Derivation") -> str:
    """The same for a terminal."""
    parts = [derivation.title, "=" * len(derivation.title)]
    for name, meaning in definitions(derivation):
        parts.append(f"with {words(name)} = {words(meaning)}")
    for index, step in enumerate(derivation.steps):
        head = f"{index + 1}. {plain(step.rule)} ({derivation.how(index)})"
        parts.append("\n" + textwrap.fill(head, 88, subsequent_indent="   "))
        parts.append(textwrap.indent(pretty(step.expression), f"   {relation(derivation, index)} "))
    return "\n".join(parts)


def latex_source(derivation: "Derivation") -> str:
    """`align*` and an enumeration, for slides or a handout."""
    steps = list(enumerate(derivation.steps))
    lines = " \\\\\n".join(
        f"{'' if k else derivation.left} &{relation(derivation, k)} {latex(step.expression)}"
        f" && ({k + 1})"
        for k, step in steps
    )
    items = "\n".join(rf"  \item {step.rule} \emph{{({derivation.how(k)})}}" for k, step in steps)
    return rf"""% {derivation.title}
\begin{{align*}}
{lines}
\end{{align*}}
\begin{{enumerate}}
{items}
\end{{enumerate}}"""


def mutant(mutant: "Mutant") -> Shown:
    """A planted mistake, and the check that catches it."""
    failed = mutant.caught()
    if failed is None:
        raise ValueError(f"which is {mutant.change!r}: no check catches this one")
    number, rule = failed.index + 1, mutant.steps[failed.index].rule
    before, after = (mutant.steps[failed.index + k].expression for k in (-1, 0))
    head = f"A planted mistake in “{mutant.title}”: {mutant.change}."
    tail = f"Caught at step {number}: {failed.reason}."
    formulas = [display(f"&{latex(before)}"), display(rf"&\overset{{?}}{{=}} {latex(after)}")]
    lines = [textwrap.indent(pretty(expression), "    ") for expression in (before, after)]
    titles = [f"Step {number - 1}:", f"Step {number}: {rule}"]
    return Shown(
        "\n\n".join([head, titles[0], lines[0], plain(titles[1]), lines[1], tail]),
        "\n\n".join([head, titles[0], formulas[0], titles[1], formulas[1], f"**{tail}**"]),
    )
