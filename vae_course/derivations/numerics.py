"""Lines as numbers at random points: quick to refute with, and a check where there is no proof."""

import random

import mpmath
import sympy
from sympy.core.function import AppliedUndef

DIGITS = 30


def value_of(name: sympy.Expr, seed: int) -> sympy.Rational:
    """A random value for a parameter: it depends on its name and the seed alone."""
    number = random.Random(f"{seed} {name}").randint(300, 1700)
    return sympy.Rational(number, 1000) * (1 if name.is_positive or number % 2 else -1)


def parameters(*expressions: sympy.Basic) -> list[sympy.Expr]:
    """What is not known in closed forms, by name: symbols, z[1], values of densities, f(1)."""
    found = set()

    def collect(e: sympy.Basic) -> None:
        if isinstance(e, sympy.Symbol | sympy.Indexed | AppliedUndef | sympy.Derivative):
            found.add(e)
        else:
            for part in e.args:
                collect(part)

    for expression in expressions:
        collect(expression)
    return sorted(found, key=str)


def point_of(names: list[sympy.Expr], seed: int) -> dict[sympy.Expr, sympy.Rational]:
    """The point at a seed, as a reader is told: probabilities sum to one."""
    point = {}
    for name in names:
        value = value_of(name, seed)
        if getattr(name.func, "total", None) is not None:
            same = [e for e in names if e.func == name.func and e.args[1:] == name.args[1:]]
            whole = sum(value_of(e, seed) for e in same)
            value = value / whole if name.func.total == 1 else value - whole / len(same)
        point[name] = value
    return point


def at_point(expression: sympy.Expr, seed: int) -> sympy.Expr:
    """Put random values in for all parameters."""
    return expression.xreplace({e: value_of(e, seed) for e in parameters(expression)})


def number(value) -> mpmath.mpf | mpmath.mpc:
    """A number for mpmath; what has no value, such as log 0, equals nothing."""
    undefined = sympy.sympify(value).has(sympy.nan, sympy.zoo, sympy.oo, -sympy.oo)
    return mpmath.nan if undefined else mpmath.mpmathify(value)


def close(left, right, digits: int) -> bool:
    with mpmath.mp.workdps(DIGITS + 10):
        left, right = number(left), number(right)
        return abs(left - right) <= mpmath.mpf(10) ** -digits * max(1, abs(left), abs(right))


def quadrature(seed: int):
    """A way to do integrals for `Reader`: by quadrature, at a random point, to 30 digits or more.

    It shares nothing with exact integration. One variable only.
    """

    def integral(integrand, density, variables, low, high) -> sympy.Expr:
        (variable,) = variables
        z = sympy.Dummy("z", real=True)
        body = (integrand * density).xreplace(
            {e: value_of(e, seed) for e in parameters(integrand, density) if e != variable}
        )
        low, high = (at_point(end, seed) for end in (low, high))
        f = sympy.lambdify(z, sympy.expand_log(body.xreplace({variable: z}), force=True), "mpmath")
        ends = [-mpmath.inf, 0, mpmath.inf] if low.is_infinite and high.is_infinite else [low, high]
        total = mpmath.quad(f, ends)  # complex where a mistake makes a logarithm so
        parts = [sympy.Float(part, DIGITS + 10) for part in (total.real, total.imag)]
        return parts[0] + sympy.I * parts[1] if total.imag else parts[0]

    return integral
