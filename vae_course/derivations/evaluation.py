"""How one line of a derivation is held to the line before it.

Both lines are reduced to a closed form: named densities are replaced by their definitions, sums
over d terms are written out for one d, expectations are integrated exactly, term by term. Two
lines that differ are told apart at a random point first, which is quick and gives the reader
numbers; only two that agree there are worth a proof.
"""

import random
from functools import cache

import mpmath
import sympy
from sympy.core.function import AppliedUndef, UndefinedFunction

from vae_course.derivations.notation import Expectation, Normal

DIGITS = 30


class Setting:
    """What the lines mean: the definitions, and the d for which sums are written out.

    `definitions` maps a density's name to a `Lambda`, and a symbol or an indexed symbol to what
    it abbreviates.
    """

    def __init__(self, definitions: dict, instance: dict):
        self.definitions, self.instance = dict(definitions), dict(instance)

    def _key(self):
        return tuple(self.definitions.items()), tuple(self.instance.items())

    def __eq__(self, other):
        return isinstance(other, Setting) and self._key() == other._key()

    def __hash__(self):
        return hash(self._key())

    def name_densities(self, expression: sympy.Expr) -> sympy.Expr:
        for name, meaning in self.definitions.items():
            if isinstance(name, UndefinedFunction):
                expression = unroll(expression.replace(name, meaning).xreplace(self.instance))
        return expression.replace(Normal, lambda *args: Normal(*args).written_out())

    def name_symbols(self, expression: sympy.Expr) -> sympy.Expr:
        for name, meaning in self.definitions.items():
            if isinstance(name, sympy.IndexedBase):
                found = [e for e in expression.atoms(sympy.Indexed) if e.base == name]
                expression = expression.xreplace({e: meaning(*e.indices) for e in found})
            elif isinstance(name, sympy.Symbol):
                expression = expression.xreplace({name: meaning})
        return expression


def unroll(expression: sympy.Expr) -> sympy.Expr:
    """Write out every sum and product whose limits are numbers, the outer ones first."""
    if isinstance(expression, sympy.Sum | sympy.Product):
        body, (index, low, high) = expression.args
        if low.is_Integer and high.is_Integer:
            parts = [
                unroll(body.xreplace({index: k})) for k in map(sympy.Integer, range(low, high + 1))
            ]
            return (sympy.Add if isinstance(expression, sympy.Sum) else sympy.Mul)(*parts)
    if not expression.args or isinstance(expression, sympy.Indexed):
        return expression.doit() if isinstance(expression, sympy.Indexed) else expression
    return expression.func(*map(unroll, expression.args))


def variables_of(variable: sympy.Expr, density: sympy.Expr) -> list[sympy.Expr]:
    """What an expectation integrates over: z itself, or each z[k] that its density mentions."""
    parts = [e for e in density.atoms(sympy.Indexed) if e.base.label == variable]
    return sorted(parts, key=str) or [variable]


@cache
def integral(integrand: sympy.Expr, variable: sympy.Expr, low: sympy.Expr, high: sympy.Expr):
    """A definite integral that SymPy can do, simplified."""
    z = sympy.Dummy("z", real=True)
    result = sympy.integrate(integrand.xreplace({variable: z}), (z, low, high))
    if result.has(sympy.Integral):
        raise ValueError(f"SymPy cannot integrate {integrand} over {variable}")
    return sympy.simplify(result)


def integrate(integrand: sympy.Expr, density: sympy.Expr, variable, low, high) -> sympy.Expr:
    """Integrate a sum times a density term by term: few different integrals, each done once."""
    total = sympy.S.Zero
    for term in sympy.Add.make_args(sympy.expand(sympy.expand_log(integrand, force=True))):
        outside, inside = (term * density).as_independent(variable, as_Add=False)
        total += outside * integral(inside, variable, low, high)
    return sympy.expand(total)


@cache
def closed_form(expression: sympy.Expr, setting: Setting) -> sympy.Expr:
    """The line with everything named put in and every integral done exactly."""

    def reduce(e: sympy.Expr) -> sympy.Expr:
        if isinstance(e, Expectation):
            integrand = setting.name_densities(reduce(e.integrand))
            density = setting.name_densities(e.density)
            for variable in variables_of(e.variable, density):
                density, own = density.as_independent(variable, as_Add=False)
                integrand = integrate(integrand, own, variable, -sympy.oo, sympy.oo)
            return sympy.expand(integrand * density)
        if isinstance(e, sympy.Integral):
            body, (variable, low, high) = e.args
            return whole_integral(setting.name_densities(body), variable, low, high)
        if not e.args or isinstance(e, sympy.Indexed | AppliedUndef):
            return e
        return e.func(*map(reduce, e.args))

    written_out = unroll(expression.xreplace(setting.instance))
    return setting.name_symbols(setting.name_densities(reduce(written_out))).doit()


def whole_integral(body: sympy.Expr, variable, low, high) -> sympy.Expr:
    """Integrate a product: the logarithms in it are the integrand, the rest is the density."""
    factors = sympy.Mul.make_args(body)
    density = sympy.Mul(*(f for f in factors if not f.has(sympy.log)))
    return integrate(
        sympy.Mul(*(f for f in factors if f.has(sympy.log))), density, variable, low, high
    )


def value_of(symbol: sympy.Expr, seed: int) -> sympy.Rational:
    """A random value for a parameter: it depends on its name and the seed alone."""
    number = random.Random(f"{seed} {symbol}").randint(300, 1700)
    return sympy.Rational(number, 1000) * (1 if symbol.is_positive or number % 2 else -1)


def parameters(*expressions: sympy.Expr) -> list[sympy.Expr]:
    """Symbols and indexed symbols, by name; the base of an indexed symbol is not one by itself."""
    atoms = {e for expression in expressions for e in expression.atoms(sympy.Indexed, sympy.Symbol)}
    bases = {e.base.label for e in atoms if isinstance(e, sympy.Indexed)}
    return sorted(atoms - bases, key=str)


def at_point(expression: sympy.Expr, seed: int, but: tuple = ()) -> sympy.Expr:
    """Put random values in for all parameters, except for `but`."""
    names = [e for e in parameters(expression) if e not in but]
    return expression.xreplace({e: value_of(e, seed) for e in names})


@cache
def quadrature(expression: sympy.Expr, setting: Setting, seed: int = 0) -> mpmath.mpf:
    """The value of a line at a random point, its integrals by quadrature, to 30 digits or more.

    It shares nothing with `closed_form` but the definitions. One variable of integration only.
    """

    def number(e: sympy.Expr) -> sympy.Expr:
        if isinstance(e, Expectation):
            body = setting.name_densities(e.integrand * e.density)
            return by_quadrature(body, e.variable, -sympy.oo, sympy.oo)
        if isinstance(e, sympy.Integral):
            body, (variable, low, high) = e.args
            return by_quadrature(setting.name_densities(body), variable, low, high)
        if not e.args or isinstance(e, sympy.Indexed):
            return e
        return e.func(*map(number, e.args))

    def by_quadrature(body: sympy.Expr, variable, low, high) -> sympy.Float:
        body = at_point(setting.name_symbols(body), seed, but=(variable,))
        z = sympy.Dummy("z", real=True)
        f = sympy.lambdify(z, sympy.expand_log(body.xreplace({variable: z}), force=True), "mpmath")
        ends = [-mpmath.inf, 0, mpmath.inf] if low.is_infinite else [low, high]
        return sympy.Float(mpmath.quad(f, ends), DIGITS + 10)

    with mpmath.workdps(DIGITS + 10):
        value = number(unroll(expression.xreplace(setting.instance)))
        value = at_point(setting.name_symbols(setting.name_densities(value)), seed)
        return mpmath.mpf(sympy.N(value, DIGITS + 10))
