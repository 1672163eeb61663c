r"""What a line of a derivation is made of: sums as they are written, expectations, densities.

SymPy sorts and simplifies whatever it is given. A derivation must keep each line as it is
written, so `add` and `times` build sums and products that are left alone. The other parts stand
for something longer, and are not worked out before a check asks for it.
"""

import sympy
from sympy.core.function import AppliedUndef, UndefinedFunction


def add(*terms: sympy.Expr) -> sympy.Expr:
    """The sum of the terms, in this order, not simplified."""
    return sympy.Add(*map(sympy.sympify, terms), evaluate=False)


def times(*factors: sympy.Expr) -> sympy.Expr:
    """The product of the factors, in this order, not multiplied out."""
    return sympy.Mul(*map(sympy.sympify, factors), evaluate=False)


def density(
    name: str,
    symbol: str = "",
    *,
    given: int = False,
    over=None,
    total=None,
    real: bool = False,
    under: str = "",
) -> UndefinedFunction:
    r"""A density that is known by its name only: `density("q", "q_phi", given=True)(z, x)`.

    It prints as `symbol`, so that several can share one: p_θ(x, z), p_θ(x | z), p_θ(x). With
    `given`, a bar follows the first argument; with `given=2`, the first two. `over=z, total=1` says
    that it sums to one over the values of z, which have to be finitely many; `total=0, real=True`
    makes a perturbation of one. `under` is what stands below the 𝔼 in place of the density.
    """
    # SymPy takes functions of one name for the same, so that all that is known is in the name.
    # Two variables may both be called z, one of them real: srepr tells them apart.
    known = f"{name}|{symbol}|{given}|{sympy.srepr(over)}|{total}|{under}"
    f = sympy.Function(known, **({"real": True} if real else {"positive": True}))
    f.symbol, f.given, f.over, f.total = symbol or name, given, over, total
    f.under = under or None
    return f


def prime(f: UndefinedFunction) -> UndefinedFunction:
    """The derivative f' of a named function of one argument."""
    # the name says all that is known of f, as that of a density does
    derivative = sympy.Function(f"{f.__name__}'|{sorted(f._kwargs.items())}", real=True)
    derivative.symbol = f"{getattr(f, 'symbol', f.__name__)}'"
    derivative.derivative_of = f
    return derivative


class Expectation(sympy.Expr):
    r"""E_{q(z)}[f(z)], with the density written by its name: the integral or sum of f(z) q(z).

    It is over the density's first argument, or over the `variables` named. A vector z means every
    component z[1], z[2], ... that q's definition mentions.
    """

    def __new__(cls, integrand: sympy.Expr, density: sympy.Expr, *variables) -> "Expectation":
        if not isinstance(density, AppliedUndef):
            raise ValueError(f"density is {density}; it needs to be a named density such as q(z)")
        return sympy.Expr.__new__(cls, sympy.sympify(integrand), density, *variables)

    is_commutative = True  # so that a quotient prints as a fraction
    integrand = property(lambda self: self.args[0])
    density = property(lambda self: self.args[1])
    variables = property(lambda self: self.args[2:] or self.density.args[:1])


class SumOver(sympy.Expr):
    """The sum over all values of a variable that has finitely many: `SumOver(p(x, z), z)`.

    With a set as third argument, over its elements: `SumOver(f(x[n]), n, S)`.
    """

    def __new__(cls, function: sympy.Expr, variable: sympy.Symbol, *among) -> "SumOver":
        return sympy.Expr.__new__(cls, sympy.sympify(function), variable, *among)

    is_commutative = True
    function = property(lambda self: self.args[0])
    variable = property(lambda self: self.args[1])
    among = property(lambda self: self.args[2] if len(self.args) == 3 else None)


class Member(sympy.Function):
    """1 if n is in the set S, 0 if not."""

    nargs = 2

    @classmethod
    def eval(cls, n, s) -> sympy.Integer | None:
        known = n.is_Integer and isinstance(s, sympy.FiniteSet)
        return sympy.Integer(n in s) if known else None


class Variance(Expectation):
    r"""Var_{q(z)}[f(z)] = E[f²] − E[f]²."""

    def written_out(self) -> sympy.Expr:
        f, *q = self.args
        return Expectation(f**2, *q) - Expectation(f, *q) ** 2


class KL(sympy.Expr):
    r"""KL(q ‖ p) = E_q[log q − log p], of two named densities: `KL(q(z, x), p(z))`.

    Like an expectation, it is over the first argument of q, or over the `variables` named.
    """

    is_commutative = True
    variables = property(lambda self: self.args[2:] or self.args[0].args[:1])

    def __new__(cls, q: sympy.Expr, p: sympy.Expr, *variables) -> "KL":
        return sympy.Expr.__new__(cls, q, p, *variables)

    def written_out(self) -> sympy.Expr:
        q, p, *variables = self.args
        return Expectation(sympy.log(q) - sympy.log(p), q, *variables)


class Gradient(sympy.Expr):
    """The derivative with respect to a symbol. It is not taken before a check asks for it."""

    def __new__(cls, expression: sympy.Expr, symbol: sympy.Symbol) -> "Gradient":
        return sympy.Expr.__new__(cls, sympy.sympify(expression), symbol)

    is_commutative = True
    expression = property(lambda self: self.args[0])
    symbol = property(lambda self: self.args[1])


class Normal(sympy.Function):
    r"""The density $\mathcal N(z;\, \mu,\, \sigma^2)$: arguments z, mean and *variance*.

    For vectors these are matrix symbols, and the variance is the covariance matrix.
    """

    nargs = 3

    def written_out(self) -> sympy.Expr:
        z, mean, variance = self.args
        if not isinstance(z, sympy.MatrixBase):
            square, volume = (z - mean) ** 2 / variance, 2 * sympy.pi * variance
        else:
            variance = variance.as_explicit()  # it may be written s² I
            square = ((z - mean).T * variance.inv() * (z - mean))[0, 0]
            volume = (2 * sympy.pi) ** z.rows * variance.det()
        return sympy.exp(-square / 2) / sympy.sqrt(sympy.factor(volume))


class Excess(sympy.Function):
    """t − 1 − log t, by which the logarithm stays below its tangent at 1: zero only at t = 1."""

    nargs = 1

    def _eval_is_nonnegative(self) -> bool | None:
        return True if self.args[0].is_positive else None

    def _eval_is_extended_nonnegative(self) -> bool | None:
        return self._eval_is_nonnegative()

    def _eval_is_real(self) -> bool | None:
        return self.args[0].is_positive

    def as_terms(self) -> sympy.Expr:
        return add(self.args[0], -1, -sympy.log(self.args[0]))


class Scalar(sympy.Expr):
    """A 1×1 matrix read as a number, such as zᵀz."""

    def __new__(cls, matrix) -> "Scalar":
        return sympy.Expr.__new__(cls, matrix)

    is_commutative = True


class Quadratic(sympy.Expr):
    """vᵀ A v of a vector and a matrix."""

    def __new__(cls, vector, matrix) -> "Quadratic":
        return sympy.Expr.__new__(cls, vector, matrix)

    is_commutative = True

    def written_out(self) -> Scalar:
        vector, matrix = self.args
        return Scalar(vector.T * matrix * vector)
