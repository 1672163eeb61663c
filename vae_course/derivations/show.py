"""How a derivation looks: on the page and in a notebook, in a terminal, on slides."""

import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sympy

from vae_course.derivations.checks import Inequality, UpTo
from vae_course.derivations.printing import inline, latex, plain, plainly, pretty

if TYPE_CHECKING:
    from vae_course.derivations.engine import Derivation, Mutant, Step


Printer = Callable[..., str]
RELATIONS = {r"\le": "≤", r"\ge": "≥"}  # in a terminal


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


def line(step: "Step") -> str:
    return latex(step.expression) + rest(step, latex)


def rest(step: "Step", formula: Printer) -> str:
    """The order of what an approximation leaves out."""
    check = step.check
    return f" + O({formula(check.small**check.order)})" if isinstance(check, UpTo) else ""


def display(*lines: str) -> str:
    """A displayed formula that KaTeX, MathJax and MyST all read."""
    return "$$\n\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}\n$$"


def block(expression: sympy.Expr) -> str:
    return display(f"&{latex(expression)}")


def definitions(derivation: "Derivation") -> list[tuple[sympy.Expr, sympy.Expr]]:
    """What the names stand for, as pairs (name applied to its arguments, meaning)."""
    return [applied(*pair) for pair in derivation.definitions.items()]


def applied(name, meaning) -> tuple[sympy.Expr, sympy.Expr]:
    """f(z) = f's meaning for that z."""
    if not isinstance(meaning, sympy.Lambda):
        return name, meaning
    arguments = meaning.variables
    name = name[arguments] if isinstance(name, sympy.IndexedBase) else name(*arguments)
    return name, meaning.expr


def remark(step: "Step", formula: Printer, block: Printer | None = None) -> str:
    """By how much a bound is not an equality, in words; `formula` and `block` print formulas."""
    check = step.check
    if not isinstance(check, Inequality):
        return ""
    gap = (block or formula)(check.gap)
    space = "\n\n" if block else ". "
    larger = "The larger side exceeds the other by" + ("\n\n" if block else " ") + gap
    if check.equal_when is None:
        return larger
    case = ", ".join(formula(*applied(*pair)) for pair in check.equal_when)
    return f"{larger}{space}The two are equal when {case}, and only then."


def markdown(derivation: "Derivation") -> str:
    """Each step's rule and how it was checked, then its formula."""
    where = ", ".join(inline(*pair) for pair in definitions(derivation))
    parts = [f"**{derivation.title}.**" + (f" With {where}:" if where else "")]
    for index, step in enumerate(derivation.steps):
        left = derivation.left if index == 0 else ""
        parts.append(f"{index + 1}\\. {step.rule} *({derivation.how(index, inline)})*")
        parts.append(display(f"{left} &{relation(derivation, index)} {line(step)}"))
        parts += filter(None, [remark(step, inline, block)])
    return "\n\n".join(parts)


def text(derivation: "Derivation") -> str:
    """The same for a terminal."""
    parts = [derivation.title, "=" * len(derivation.title)]
    indented = {"initial_indent": "   ", "subsequent_indent": "   "}
    for name, meaning in definitions(derivation):
        parts.append(f"with {plainly(name, meaning)}")
    for index, step in enumerate(derivation.steps):
        head = f"{index + 1}. {plain(step.rule)} ({derivation.how(index)})"
        parts.append("\n" + textwrap.fill(head, 88, subsequent_indent="   "))
        sign = RELATIONS.get(relation(derivation, index), relation(derivation, index))
        parts.append(textwrap.indent(pretty(step.expression, sign, rest(step, plainly)), "   "))
        if remark(step, plainly):
            parts.append(textwrap.fill(remark(step, plainly), 88, **indented))
    return "\n".join(parts)


def latex_source(derivation: "Derivation") -> str:
    """`align*` and an enumeration, for slides or a handout."""
    steps = list(enumerate(derivation.steps))

    def how(k: int) -> str:
        return rf"\emph{{({derivation.how(k, inline)})}}"

    lines = " \\\\\n".join(
        f"{'' if k else derivation.left} &{relation(derivation, k)} {line(step)} && ({k + 1})"
        for k, step in steps
    )
    items = "\n".join(
        " ".join(filter(None, [r"  \item", step.rule, remark(step, inline), how(k)]))
        for k, step in steps
    )
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
    number, step = failed.index + 1, mutant.steps[failed.index]
    before, after = mutant.steps[failed.index - 1].expression, step.expression
    head = f"A planted mistake in “{mutant.title}”: {mutant.change}."
    tail = f"Caught at step {number}: {failed.reason}."
    sign = rf"&\overset{{?}}{{{step.check.relation}}}"
    formulas = [display(f"&{latex(before)}"), display(f"{sign} {line(step)}")]
    lines = [textwrap.indent(pretty(expression), "    ") for expression in (before, after)]
    titles = [f"Step {number - 1}:", f"Step {number}: {step.rule}"]
    return Shown(
        paragraphs(
            head, titles[0], lines[0], plain(titles[1]), lines[1], remark(step, plainly), tail
        ),
        paragraphs(
            head,
            titles[0],
            formulas[0],
            titles[1],
            formulas[1],
            remark(step, inline),
            f"**{tail}**",
        ),
    )


def paragraphs(*parts: str) -> str:
    return "\n\n".join(filter(None, parts))
