"""How a derivation looks: on the page and in a notebook, in a terminal, on slides."""

import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sympy

from vae_course.derivations.checks import Inequality, UpTo
from vae_course.derivations.latex import inline, latex, latex_terms
from vae_course.derivations.text import plain, plainly, pretty

if TYPE_CHECKING:
    from vae_course.derivations.engine import Derivation, Mutant, Step


Printer = Callable[..., str]
RELATIONS = {r"\le": "≤", r"\ge": "≥"}  # in a terminal
WIDEST = 38  # characters of a row on a telephone


@dataclass(frozen=True)
class Shown:
    """Something that a notebook draws and a terminal prints."""

    plain: str
    markdown: str

    def __repr__(self) -> str:
        return self.plain

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        return {"text/plain": self.plain, "text/markdown": self.markdown}


def relation(step: "Step") -> str:
    return "=" if step.check is None else step.check.relation


def rest(step: "Step", formula: Printer) -> str:
    """The order of what an approximation leaves out."""
    check = step.check
    return f" + O({formula(check.small**check.order)})" if isinstance(check, UpTo) else ""


def whole(step: "Step") -> str:
    return latex(step.expression) + rest(step, latex)


def rows(step: "Step") -> list[str]:
    """The formula of a step; a long sum breaks between its terms, to fit a telephone."""
    found = [""]
    for term in latex_terms(step.expression):
        if found[-1] and width(found[-1] + term) > WIDEST:
            found.append(r"\quad")
        found[-1] += term
    return [*found[:-1], found[-1] + rest(step, latex)]


def width(formula: str) -> int:
    """About how many characters a formula is wide."""
    seen = re.sub(r"\\(left|right|mathbb|mathrm|operatorname)|[{}_^ ]|\\[,;]", "", formula)
    return len(re.sub(r"\\[A-Za-z]+", "x", seen))


def display(*lines: str) -> str:
    """A displayed formula that KaTeX, MathJax and MyST all read."""
    return "$$\n\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}\n$$"


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


def difference(step: "Step", formula: Printer) -> str:
    """By how much a bound is not an equality."""
    return formula(step.check.gap) if isinstance(step.check, Inequality) else ""


def equality(step: "Step", formula: Printer) -> str:
    """When a bound is an equality, in words; `formula` prints formulas."""
    if not isinstance(step.check, Inequality) or step.check.equal_when is None:
        return ""
    case = ", ".join(formula(*applied(*pair)) for pair in step.check.equal_when)
    return f"Equal when {case}, and only then."


def remark(step: "Step", formula: Printer) -> str:
    """Both in words."""
    gap = difference(step, formula)
    return " ".join(filter(None, [gap and f"The difference is {gap}.", equality(step, formula)]))


def formulas(step: "Step", left: str, sign: str) -> str:
    """The formula of a step, and below it by how much a bound is not an equality."""
    first, *more = rows(step)
    lines = [f"{left} &{sign} {first}", *(f"&{row}" for row in more)]
    gap = difference(step, latex)
    return display(*lines, *([r"&\text{The difference is}", f"&{gap}."] if gap else []))


def markdown(derivation: "Derivation") -> str:
    """Each step's rule and how it was checked, then its formula."""
    where = ", ".join(inline(*pair) for pair in definitions(derivation))
    parts = [f"**{derivation.title}.**" + (f" With {where}:" if where else "")]
    for index, step in enumerate(derivation.steps):
        left = derivation.left if index == 0 else ""
        parts.append(f"{index + 1}\\. {step.rule} *({derivation.how(index, inline)})*")
        parts.append(formulas(step, left, relation(step)))
        parts.append(equality(step, inline))
    return paragraphs(*parts)


def text(derivation: "Derivation") -> str:
    """The same for a terminal."""
    parts = [derivation.title, "=" * len(derivation.title)]
    indented = {"initial_indent": "   ", "subsequent_indent": "   "}
    for name, meaning in definitions(derivation):
        parts.append(f"with {plainly(name, meaning)}")
    for index, step in enumerate(derivation.steps):
        head = f"{index + 1}. {plain(step.rule)} ({derivation.how(index)})"
        parts.append("\n" + textwrap.fill(head, 88, subsequent_indent="   "))
        sign = RELATIONS.get(relation(step), relation(step))
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
        f"{'' if k else derivation.left} &{relation(step)} {whole(step)} && ({k + 1})"
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
    before = mutant.steps[failed.index - 1]
    change = re.sub(r" \(E\d+\)", "", mutant.change)  # a number of ours, for the tests
    head = f"A planted mistake in “{mutant.title}”: {change}."
    tail = f"Caught at step {number}: {failed.reason}."
    first, second = f"Step {number - 1}:", f"Step {number}: {step.rule}"
    lines = [textwrap.indent(pretty(each.expression), "    ") for each in (before, step)]
    asked = rf"\overset{{?}}{{{relation(step)}}}"
    return Shown(
        paragraphs(head, first, lines[0], plain(second), lines[1], remark(step, plainly), tail),
        paragraphs(
            head,
            first,
            display(*(f"&{row}" for row in rows(before))),
            second,
            formulas(step, "", asked),
            equality(step, inline),
            f"**{tail}**",
        ),
    )


def paragraphs(*parts: str) -> str:
    return "\n\n".join(filter(None, parts))
