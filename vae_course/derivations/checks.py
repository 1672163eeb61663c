r"""How a line of a derivation is held to the line before it.

Two lines that differ are told apart by numbers at a random point, which is quick and tells the
reader by how much; only two that agree there are worth a proof. A check that cannot be done has
failed.
"""

from dataclasses import dataclass, field
from functools import cache
from itertools import product

import sympy
from mpmath import mp, nstr
from sympy.functions.elementary.hyperbolic import HyperbolicFunction

from vae_course.derivations.evaluation import Reader, Setting, closed_form
from vae_course.derivations.notation import Excess
from vae_course.derivations.numerics import (
    DIGITS,
    at_point,
    close,
    number,
    parameters,
    point_of,
    quadrature,
)
from vae_course.derivations.text import words

PIECES = sympy.Abs, sympy.sign, sympy.Max


@dataclass(frozen=True)
class Check:
    """How a line is held to the one before. `failure` says what is wrong, or returns None."""

    label: str
    relation: str = "="

    def failure(self, before: sympy.Expr, after: sympy.Expr, setting: Setting) -> str | None:
        raise NotImplementedError


class Proved(Check):
    """Both lines have the same closed form."""

    def failure(self, before, after, setting):
        before, after = integrands(before, after)
        left, right = closed_form(before, setting), closed_form(after, setting)
        return unequal(left, right, "the step before is", "this one is")


class Numerical(Check):
    """Both lines have the same value at three random points, with integrals by quadrature."""

    def failure(self, before, after, setting):
        for seed in range(3):
            with mp.workdps(DIGITS + 10):
                reader = Reader(setting, quadrature(seed))
                values = [reader.read(line, {}) for line in (before, after)]
                values = [sympy.N(at_point(v, seed), DIGITS + 10) for v in values]
            if not close(*values, DIGITS):
                return disagreement(
                    *values, "at a random point", "the step before is", "this one is"
                )
        return None


@dataclass(frozen=True)
class UpTo(Check):
    """The lines have the same Taylor polynomial in `small`, below the power `order`."""

    small: sympy.Symbol = None
    order: int = 0

    def failure(self, before, after, setting):
        left, right = (without_names(closed_form(line, setting)) for line in (before, after))
        for k in range(self.order):
            ends = [side.diff(self.small, k).subs(self.small, 0) for side in (left, right)]
            of = f"the coefficient of {words(self.small**k)} in the step before is"
            reason = unequal(*(end / sympy.factorial(k) for end in ends), of, "in this one it is")
            if reason is not None:
                return reason
        return None


@dataclass(frozen=True)
class Inequality(Check):
    """The difference of the lines is a `gap` of terms that cannot be negative.

    `equal_when` gives definitions with which the gap is zero; it must be zero with no others.
    None means that it never is.
    """

    gap: sympy.Expr = None
    equal_when: tuple | None = field(default=None)

    def failure(self, before, after, setting):
        small, large = (after, before) if self.relation in (r"\ge", ">") else (before, after)
        difference = closed_form(large, setting) - closed_form(small, setting)
        gap = closed_form(self.gap, setting)
        reason = unequal(difference, gap, "the difference of the steps is", "as written it is")
        if reason is not None:
            return reason
        if self.equal_when is None:
            return None if gap.is_positive else "nothing says that the difference is positive"
        try:
            zeros = [zero for term in sympy.Add.make_args(gap) for zero in zeros_of(term)]
        except ValueError as problem:
            return str(problem)
        there = setting.with_definitions(dict(self.equal_when))
        reason = unequal(closed_form(self.gap, there), sympy.S.Zero, "the difference is", "and not")
        if reason is not None:
            return f"where the two are said to be equal, {reason}"
        return self.equal_elsewhere(zeros, setting)

    def equal_elsewhere(self, zeros: list[sympy.Expr], setting: Setting) -> str | None:
        """Where all `zeros` vanish, the two sides of `equal_when` must agree: prove it."""
        pairs = [pair for name, meaning in self.equal_when for pair in each(name, meaning, setting)]
        pairs = [tuple(closed_form(side, setting) for side in pair) for pair in pairs]
        plain = {
            e: sympy.Dummy(str(e), real=e.is_real, positive=e.is_positive, nonzero=e.is_nonzero)
            for e in parameters(*zeros, *(side for pair in pairs for side in pair))
        }
        zeros = [zero.xreplace(plain) for zero in zeros]
        first = [plain[e] for e in parameters(*(name for name, _ in pairs))]
        others = set().union(*(zero.free_symbols for zero in zeros)).difference(first)
        found = solutions(zeros, first + sorted(others, key=str))
        for there in found:
            for name, meaning in pairs:
                if not vanishes((name - meaning).xreplace(plain).subs(there)):
                    return "the difference is zero elsewhere too"
        return None if found else "where the difference is zero could not be found"


def each(name, meaning, setting: Setting) -> list[tuple[sympy.Expr, sympy.Expr]]:
    """name = meaning, written out for every value of name's first argument."""
    if not isinstance(meaning, sympy.Lambda):
        return [(name, meaning)]
    choices = [setting.values(v) or (v,) for v in meaning.variables]
    return [(name(*chosen), meaning(*chosen)) for chosen in product(*choices)]


def zeros_of(term: sympy.Expr) -> list[sympy.Expr]:
    """What must be zero for a term that cannot be negative to vanish; ValueError if it can be."""
    zeros = []
    for factor in sympy.Mul.make_args(term):
        if factor.is_positive:
            continue
        if isinstance(factor, Excess) and factor.is_nonnegative:
            zeros.append(factor.args[0] - 1)
        elif factor.is_Pow and factor.exp.is_even and factor.exp > 0 and factor.base.is_real:
            zeros.append(factor.base)
        elif isinstance(factor, sympy.Abs):
            zeros.append(factor.args[0])
        elif isinstance(factor, sympy.Max) and factor.is_nonnegative:
            return []  # zero on a whole range: it does not help to say where the sum is
        else:
            raise ValueError(f"nothing says that {words(factor)} cannot be negative")
    return [sympy.Mul(*zeros)] if zeros else []


def integrands(before: sympy.Expr, after: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr]:
    """Two integrals over the same range are the same if their integrands are."""
    (a, left), (b, right) = before.as_coeff_Mul(), after.as_coeff_Mul()
    both = isinstance(left, sympy.Integral) and isinstance(right, sympy.Integral)
    if both and left.limits == right.limits:
        return a * left.function, b * right.function
    return before, after


def unequal(left, right, is_left: str, is_right: str) -> str | None:
    """Why two closed forms are not the same, or None if they are."""
    if isinstance(left, sympy.MatrixBase):
        if left.shape != right.shape:
            return f"{is_left} of shape {left.shape}, {is_right} of shape {right.shape}"
        reasons = [unequal(a, b, is_left, is_right) for a, b in zip(left, right, strict=True)]
        return next(filter(None, reasons), None)
    left, right = without_names(left), without_names(right)
    in_pieces = left.has(*PIECES) or right.has(*PIECES)  # they may differ in one piece alone
    for seed in range(12 if in_pieces else 1):
        values = [sympy.N(at_point(side, seed), DIGITS) for side in (left, right)]
        if not close(*values, DIGITS - 10):
            point = point_of(parameters(left, right), seed)
            names = ", ".join(f"{words(e)} = {nstr(number(v), 4)}" for e, v in point.items())
            return disagreement(*values, f"at {names}," if names else "always", is_left, is_right)
    return None if vanishes(left - right) else "SymPy does not prove that the two are the same"


def disagreement(left, right, where: str, is_left: str, is_right: str) -> str:
    left, right = (nstr(number(side), 6) for side in (left, right))
    return f"{where} {is_left} {left}, {is_right} {right}"


def without_names(expression: sympy.Expr) -> sympy.Expr:
    expression = expression.replace(Excess, lambda t: t - 1 - sympy.log(t))
    return expression.replace(sympy.Max, lambda *several: sympy.Max(*several).rewrite(sympy.Abs))


def numerator(expression: sympy.Expr) -> sympy.Expr:
    return sympy.fraction(sympy.together(expression))[0]


def solutions(zeros: list[sympy.Expr], unknown: list[sympy.Symbol]) -> list[dict]:
    """Where all of the zeros vanish: each is solved for one unknown, and that is put into the next.

    Quicker than `sympy.solve` of all at once, which tries every choice of unknowns.
    """
    found = [{}]
    for zero in zeros:
        more = []
        for known in found:
            for factor in factors_that_vary(zero.subs(known)):
                if factor == 0:
                    more.append(known)
                    continue
                name = solvable(factor, unknown)
                for root in sympy.solve(factor, name):
                    here = {other: value.subs(name, root) for other, value in known.items()}
                    more.append(here | {name: root})
        found = more
    return found


def factors_that_vary(expression: sympy.Expr) -> list[sympy.Expr]:
    """The factors of a fraction that can be zero."""
    top = sympy.expand(numerator(expression))
    if top == 0:
        return [top]
    _, factors = sympy.factor_list(top)
    return [factor for factor, _ in factors if not factor.is_positive]


def solvable(factor: sympy.Expr, unknown: list[sympy.Symbol]) -> sympy.Symbol:
    """The first unknown that a factor settles: it is linear in it, with a slope that is not zero.

    If there is none, the first that occurs.
    """
    there = [name for name in unknown if factor.has(name)]
    for name in there:
        slope = sympy.expand(factor.diff(name))
        if not slope.has(name) and slope.is_nonzero:
            return name
    if not there:
        raise ValueError(f"{words(factor)} has nothing to solve for")
    return there[0]


@cache
def vanishes(difference: sympy.Expr) -> bool:
    """Whether an expression is zero: by rational algebra with logarithms as unknowns, if it can."""

    def of_factors(inside: sympy.Expr) -> sympy.Expr:
        inside = with_sizes(inside)
        return sympy.expand_log(sympy.log(inside), force=True, factor=True)

    difference = difference.replace(
        lambda e: isinstance(e, HyperbolicFunction), lambda e: e.rewrite(sympy.exp)
    )
    with_logs = difference.replace(sympy.log, of_factors)
    unknown = {log: sympy.Dummy() for log in with_logs.atoms(sympy.log)}
    if sympy.expand(numerator(with_logs.xreplace(unknown))) == 0:
        return True
    expanded = sympy.expand(sympy.expand_log(difference, force=True))
    return sympy.simplify(expanded) == 0


SIZE = sympy.Function("size", positive=True)


def with_sizes(inside: sympy.Expr) -> sympy.Expr:
    """What a logarithm is of, as a product: |a²b| is size(a)² size(b), whose logarithm is a sum.

    SymPy writes |a|³ as a² |a|, so next to an absolute value even powers are sizes too.
    """

    def powers(e: sympy.Expr) -> list[tuple[sympy.Expr, sympy.Expr]]:
        return [f.as_base_exp() for f in sympy.Mul.make_args(sympy.factor(sympy.together(e)))]

    def size(e: sympy.Expr) -> sympy.Expr:
        return sympy.Mul(*(b**k if b.is_positive else SIZE(b) ** k for b, k in powers(e)))

    if not inside.has(sympy.Abs):
        return sympy.factor(sympy.together(inside))
    product = powers(inside.replace(sympy.Abs, size))
    return sympy.Mul(*(size(b) ** k if k.is_even and b.is_real else b**k for b, k in product))


@cache
def failure(check: Check, before: sympy.Expr, after: sympy.Expr, setting: Setting) -> str | None:
    """`check.failure`, remembered: a mutant shares most of its steps with the derivation."""
    try:
        return check.failure(before, after, setting)
    except (ValueError, TypeError, NotImplementedError, ZeroDivisionError) as problem:
        return f"the check could not be done: {problem}"


proved = Proved("proved symbolically")
integrated = Proved("integrated exactly")
numerical = Numerical(f"numerical: agrees to {DIGITS} digits at three random points")


def at_least(gap: sympy.Expr, equal_when: dict | None) -> Inequality:
    """This line ≥ the one before: their difference is `gap`, and zero only with `equal_when`."""
    return _inequality((r"\le", "<"), gap, equal_when)


def at_most(gap: sympy.Expr, equal_when: dict | None) -> Inequality:
    """This line ≤ the one before: their difference is `gap`, and zero only with `equal_when`."""
    return _inequality((r"\ge", ">"), gap, equal_when)


def up_to(small: sympy.Symbol, order: int) -> UpTo:
    """The same but for terms of that order in `small`."""
    return UpTo(f"proved: the same Taylor coefficients below order {order}", "=", small, order)


def _inequality(relations, gap, equal_when) -> Inequality:
    label = "proved: the difference cannot be negative"
    if equal_when is None:
        return Inequality("proved: the difference is positive", relations[1], gap)
    return Inequality(label, relations[0], gap, tuple(equal_when.items()))
