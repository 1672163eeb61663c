r"""A derivation that checks its own steps before it draws itself.

A derivation is a list of steps. A step has an expression, the rule in words that leads to it, and
a check that holds it to the step before (`checks.py`):

- `proved`      the two lines are the same by algebra;
- `integrated`  their integrals were done exactly, and what remains is the same by algebra;
- `at_least`, `at_most`  they differ by a sum of terms that cannot be negative; when they are
                equal is stated, and proved too;
- `up_to`       they have the same Taylor coefficients up to some order;
- `numerical`   they agree to 30 digits at random points. Not a proof, and labelled so.

A check that cannot fail shows nothing. `mutants()` plants a mistake in every term, constant and
index of every step; each must be caught.
"""

from dataclasses import dataclass, field, replace

import sympy

from vae_course.derivations import show
from vae_course.derivations.checks import (
    Check,
    Inequality,
    at_least,
    at_most,
    failure,
    integrated,
    numerical,
    proved,
    up_to,
)
from vae_course.derivations.evaluation import Setting
from vae_course.derivations.mutations import mutations
from vae_course.derivations.notation import KL, Expectation
from vae_course.derivations.text import plainly, words

__all__ = [
    "Derivation",
    "Step",
    "StepFailed",
    "WrongForm",
    "at_least",
    "at_most",
    "integrated",
    "numerical",
    "proved",
    "up_to",
]


class StepFailed(AssertionError):
    """A step of a derivation does not follow from the one before."""

    def __init__(self, derivation: "Derivation", index: int, reason: str):
        super().__init__(f"{derivation.name}, step {index + 1}: {reason}")
        self.derivation, self.index, self.reason = derivation, index, reason


@dataclass(frozen=True)
class Step:
    """An expression, the rule that leads to it, and how it was checked. The first has no check."""

    expression: sympy.Expr
    rule: str
    check: Check | None = None


@dataclass(frozen=True)
class WrongForm:
    """A mistake that people make: what they write in place of step `index`, and what is wrong.

    `check` is for a mistake in a bound: a wrong difference, or a wrong case of equality.
    """

    index: int
    expression: sympy.Expr
    mistake: str
    check: Check | None = None


@dataclass(frozen=True, eq=False)
class Derivation:
    """A chain of equal expressions, or of bounds. `left` is what it derives, in LaTeX.

    `definitions` says what names stand for: densities by `Lambda`, abbreviations by expressions.
    `instance` is what is fixed in order to check: a dimension `{d: 3}`, the matrix that a matrix
    symbol stands for, a polynomial for any f. `states` says how many values a variable has, for
    identities between densities that are only named: `{z: 2}`.
    `equivalent` gives, for a mutation by its description, why it is no mistake.
    """

    name: str
    title: str
    left: str
    steps: list[Step]
    definitions: dict = field(default_factory=dict)
    instance: dict = field(default_factory=dict)
    states: dict = field(default_factory=dict)
    source: str = ""
    wrong_forms: list[WrongForm] = field(default_factory=list)
    equivalent: dict[str, str] = field(default_factory=dict)

    def __post_init__(self):
        for index, step in enumerate(self.steps):
            if (step.check is None) != (index == 0):
                raise ValueError(f"{self.name}, step {index + 1}: all but the first need a check")
            if step.check is proved and self._has_integral(step.expression):
                raise ValueError(
                    f"{self.name}, step {index + 1}: has an integral, use `integrated`"
                )

    @property
    def setting(self) -> Setting:
        return Setting(self.definitions, self.instance, self.states)

    def check(self) -> None:
        """Check every step; raise `StepFailed`, naming it, at the first that does not hold."""
        setting = self.setting
        for index in range(1, len(self.steps)):
            before, step = self.steps[index - 1], self.steps[index]
            reason = failure(step.check, before.expression, step.expression, setting)
            if reason is not None:
                raise StepFailed(self, index, reason)

    def how(self, index: int, formula=plainly) -> str:
        """How a step is checked, in words; `formula` prints the formulas."""
        step = self.steps[index]
        if step.check is None:
            return "definition"
        used = [self.steps[index - 1].expression, step.expression]
        fixed = [
            f"{formula(variable)} with {values if type(values) is int else len(values)} values"
            for variable, values in self.states.items()
        ]
        for name, value in self.instance.items():
            is_shown = isinstance(value, int | sympy.Integer | sympy.Lambda)
            if is_shown and any(e.has(name) for e in used):
                fixed.append(formula(*show.applied(name, sympy.sympify(value))))
        return f"{step.check.label}, for {', '.join(fixed)}" if fixed else step.check.label

    def _has_integral(self, expression: sympy.Expr) -> bool:
        over = [v for e in expression.atoms(Expectation, KL) for v in e.variables]
        return expression.has(sympy.Integral) or any(v not in self.states for v in over)

    def mutants(self) -> list["Mutant"]:
        """The derivation with one mistake in it, once for each mistake that can be planted."""
        planted = []
        for wrong in self.wrong_forms:
            check = wrong.check or self.steps[wrong.index].check
            planted.append(
                self._with_step(
                    wrong.index, wrong.mistake, expression=wrong.expression, check=check
                )
            )
        for index, step in enumerate(self.steps):
            for change, expression in mutations(step.expression):
                planted.append(
                    self._with_step(index, f"step {index + 1}: {change}", expression=expression)
                )
            if isinstance(step.check, Inequality):
                for change, gap in mutations(step.check.gap):
                    change = f"step {index + 1}, the difference: {change}"
                    planted.append(
                        self._with_step(index, change, check=replace(step.check, gap=gap))
                    )
        for name, meaning in self.definitions.items():
            is_function = isinstance(meaning, sympy.Lambda)
            for change, body in mutations(meaning.expr if is_function else meaning):
                meant = sympy.Lambda(meaning.signature, body) if is_function else body
                definitions = {**self.definitions, name: meant}
                named = words(show.applied(name, meaning)[0])
                planted.append(
                    self._planted(f"definition of {named}: {change}", definitions=definitions)
                )
        return planted

    def surviving_mutants(self) -> list["Mutant"]:
        """Mutants that no check catches and that are not listed as equivalent: must be none."""
        return [m for m in self.mutants() if m.caught() is None and m.why_equivalent is None]

    def show_mutant(self, which: int | str) -> "show.Shown":
        """Show a planted mistake being caught: by its number, or by words from its description."""
        every = self.mutants()
        found = (
            [every[which]] if isinstance(which, int) else [m for m in every if which in m.change]
        )
        if not found:
            raise ValueError(f"which is {which!r}; {self.name} has no mutant with these words")
        return show.mutant(found[0])

    def _with_step(self, index: int, change: str, **changed) -> "Mutant":
        steps = list(self.steps)
        steps[index] = replace(steps[index], **changed)
        return self._planted(change, steps=steps)

    def _planted(self, change: str, **changed) -> "Mutant":
        parts = {name: getattr(self, name) for name in Derivation.__dataclass_fields__}
        return Mutant(**{**parts, **changed}, original=self, change=change)

    def to_latex(self) -> str:
        """The derivation for slides, checked: an `align*`, and the rules as a list."""
        self.check()
        return show.latex_source(self)

    def __repr__(self) -> str:
        self.check()
        return show.text(self)

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, str]:
        self.check()
        return {"text/plain": show.text(self), "text/markdown": show.markdown(self)}


@dataclass(frozen=True, eq=False)
class Mutant(Derivation):
    """A derivation with one mistake in it."""

    original: Derivation | None = None
    change: str = ""

    @property
    def why_equivalent(self) -> str | None:
        """The reason, listed for this mutant alone or for this change wherever it is made."""
        anywhere = self.change.split(": ", 1)[-1]
        return self.equivalent.get(self.change, self.equivalent.get(anywhere))

    def caught(self) -> StepFailed | None:
        """The failing check, or None if all of them pass."""
        try:
            self.check()
        except StepFailed as failed:
            return failed
        return None

    def __repr__(self) -> str:  # a list of mutants must be printable
        return f"<{self.name} with a mistake: {self.change}>"
