r"""A derivation that checks its own steps before it draws itself.

A derivation is a list of steps. A step has an expression, the rule in words that leads to it, and
a check that holds it to the step before:

- `proved`      the two lines are the same by algebra;
- `integrated`  their integrals were done exactly, and what remains is the same by algebra;
- `numerical`   they agree to 30 digits at random points. Not a proof, and labelled so.

A check that cannot fail shows nothing. `mutants()` plants a mistake in every term, constant and
index of every step; each must be caught.
"""

from dataclasses import dataclass, field, replace
from functools import cache

import sympy
from mpmath import mp, nstr

from vae_course.derivations import show
from vae_course.derivations.evaluation import (
    DIGITS,
    Setting,
    at_point,
    closed_form,
    parameters,
    quadrature,
    value_of,
)
from vae_course.derivations.mutations import mutations
from vae_course.derivations.notation import Expectation, words


class StepFailed(AssertionError):
    """A step of a derivation does not follow from the one before."""

    def __init__(self, derivation: "Derivation", index: int, reason: str):
        super().__init__(f"{derivation.name}, step {index + 1}: {reason}")
        self.derivation, self.index, self.reason = derivation, index, reason


@dataclass(frozen=True)
class Check:
    """How a line is held to the one before. `failure` says what is wrong, or returns None."""

    label: str
    relation: str = "="

    def failure(self, before: sympy.Expr, after: sympy.Expr, setting: Setting) -> str | None:
        raise NotImplementedError


class Proved(Check):
    def failure(self, before, after, setting):
        left, right = closed_form(before, setting), closed_form(after, setting)
        # numbers first: they refute quickly, and tell the reader by how much
        values = [sympy.N(at_point(side, seed=0), DIGITS) for side in (left, right)]
        if not close(*values, DIGITS - 10):
            names = ", ".join(
                f"{words(e)} = {nstr(mp.mpmathify(value_of(e, 0)), 4)}"
                for e in parameters(left, right)
            )
            return disagreement(*values, f"at {names}," if names else "always")
        if sympy.simplify(sympy.expand(sympy.expand_log(left - right, force=True))) != 0:
            return "SymPy does not prove that it equals the step before"
        return None


class Numerical(Check):
    def failure(self, before, after, setting):
        for seed in range(3):
            values = quadrature(before, setting, seed), quadrature(after, setting, seed)
            if not close(*values, DIGITS):
                return disagreement(*values, "at a random point")
        return None


proved = Proved("proved symbolically")
integrated = Proved("integrated exactly")
numerical = Numerical(f"numerical: agrees to {DIGITS} digits at three random points")


def close(left, right, digits: int) -> bool:
    with mp.workdps(DIGITS + 10):
        left, right = mp.mpmathify(left), mp.mpmathify(right)
        return abs(left - right) <= mp.mpf(10) ** -digits * max(1, abs(left), abs(right))


def disagreement(left, right, where: str) -> str:
    left, right = (nstr(mp.mpmathify(side), 6) for side in (left, right))
    return f"{where} the step before is {left}, this one is {right}"


@cache
def failure(check: Check, before: sympy.Expr, after: sympy.Expr, setting: Setting) -> str | None:
    """`check.failure`, remembered: a mutant shares most of its steps with the derivation."""
    try:
        return check.failure(before, after, setting)
    except (ValueError, TypeError, NotImplementedError, ZeroDivisionError) as problem:
        return f"the check could not be done: {problem}"


@dataclass(frozen=True)
class Step:
    """An expression, the rule that leads to it, and how it was checked. The first has no check."""

    expression: sympy.Expr
    rule: str
    check: Check | None = None


@dataclass(frozen=True)
class WrongForm:
    """A mistake that people make: what they write in place of step `index`, and what is wrong."""

    index: int
    expression: sympy.Expr
    mistake: str


@dataclass(frozen=True, eq=False)
class Derivation:
    """A chain of equal expressions. `left` is what it derives, in LaTeX.

    `definitions` says what names stand for: densities by `Lambda`, abbreviations by expressions.
    `instance` fixes the dimension for which sums over it are checked, such as `{d: 3}`.
    `equivalent` gives, for a mutation by its description, why it is no mistake.
    """

    name: str
    title: str
    left: str
    steps: list[Step]
    definitions: dict = field(default_factory=dict)
    instance: dict = field(default_factory=dict)
    source: str = ""
    wrong_forms: list[WrongForm] = field(default_factory=list)
    equivalent: dict[str, str] = field(default_factory=dict)

    def __post_init__(self):
        for index, step in enumerate(self.steps):
            if (step.check is None) != (index == 0):
                raise ValueError(f"{self.name}, step {index + 1}: all but the first need a check")
            if step.check is proved and step.expression.has(Expectation, sympy.Integral):
                raise ValueError(
                    f"{self.name}, step {index + 1}: has an integral, use `integrated`"
                )

    def check(self) -> None:
        """Check every step; raise `StepFailed`, naming it, at the first that does not hold."""
        setting = Setting(self.definitions, self.instance)
        for index in range(1, len(self.steps)):
            before, step = self.steps[index - 1], self.steps[index]
            reason = failure(step.check, before.expression, step.expression, setting)
            if reason is not None:
                raise StepFailed(self, index, reason)

    def how(self, index: int) -> str:
        """How a step is checked, in words."""
        step = self.steps[index]
        if step.check is None:
            return "definition"
        used = self.steps[index - 1].expression, step.expression
        fixed = [f"{k} = {v}" for k, v in self.instance.items() if any(e.has(k) for e in used)]
        return step.check.label + "".join(f" for {f}" for f in fixed)

    def mutants(self) -> list["Mutant"]:
        """The derivation with one mistake in it, once for each mistake that can be planted."""
        planted = []
        for wrong in self.wrong_forms:
            planted.append(self._with_step(wrong.index, wrong.expression, wrong.mistake))
        for index, step in enumerate(self.steps):
            for change, expression in mutations(step.expression):
                planted.append(self._with_step(index, expression, f"step {index + 1}: {change}"))
        for name, meaning in self.definitions.items():
            is_function = isinstance(meaning, sympy.Lambda)
            for change, body in mutations(meaning.expr if is_function else meaning):
                meant = sympy.Lambda(meaning.signature, body) if is_function else body
                definitions = {**self.definitions, name: meant}
                planted.append(
                    self._planted(f"definition of {name}: {change}", definitions=definitions)
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

    def _with_step(self, index: int, expression: sympy.Expr, change: str) -> "Mutant":
        steps = list(self.steps)
        steps[index] = replace(steps[index], expression=expression)
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
        return self.equivalent.get(self.change)

    def caught(self) -> StepFailed | None:
        """The failing check, or None if all of them pass."""
        try:
            self.check()
        except StepFailed as failed:
            return failed
        return None

    def __repr__(self) -> str:  # a list of mutants must be printable
        return f"<{self.name} with a mistake: {self.change}>"
