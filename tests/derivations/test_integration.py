"""Exact integrals: the recursion for Gaussians against SymPy and quadrature, and its refusals."""

import mpmath
import pytest
import sympy
from sympy import Symbol, exp, oo, pi, sqrt

from vae_course.derivations.integration import exact

z, y, b = (Symbol(name, real=True) for name in "zyb")
a = Symbol("a", positive=True)


@pytest.mark.parametrize("power", range(7))
def test_powers_times_a_gaussian_equal_sympy(power):
    density = exp(-a * z**2 / 2 + b * z)
    ours = exact(z**power, density, [z], -oo, oo)
    theirs = sympy.integrate(z**power * density, (z, -oo, oo))
    assert sympy.simplify(ours - theirs) == 0


@pytest.mark.parametrize("low, high", [(0, oo), (-oo, y), (y, 2)])
@pytest.mark.parametrize("power", range(3))
def test_powers_times_a_gaussian_between_two_ends_equal_quadrature(power, low, high):
    density = exp(-a * z**2 / 2 + b * z)
    ours = exact(z**power, density, [z], sympy.sympify(low), sympy.sympify(high))
    at = {a: sympy.Rational(3, 2), b: sympy.Rational(-1, 3), y: sympy.Rational(1, 4)}
    f = sympy.lambdify(z, (z**power * density).xreplace(at), "mpmath")
    with mpmath.workdps(30):
        ends = [
            sympy.lambdify([], sympy.sympify(end).xreplace(at), "mpmath")() for end in (low, high)
        ]
        assert abs(mpmath.quad(f, ends) - mpmath.mpmathify(sympy.N(ours.xreplace(at), 30))) < 1e-25


def test_a_gaussian_of_two_dependent_variables():
    density = exp(-(z**2) + z * y - y**2) * sqrt(3) / (2 * pi)  # precision [[2, -1], [-1, 2]]
    assert exact(sympy.S.One, density, [z, y], -oo, oo) == 1
    assert exact(z * y, density, [z, y], -oo, oo) == sympy.Rational(1, 3)
    assert exact(y**2, density, [z, y], -oo, oo) == sympy.Rational(2, 3)


def test_exponentials_in_the_integrand_complete_the_square():
    normal = exp(-(z**2) / 2) / sqrt(2 * pi)
    value = exact((1 + z) * exp(b * z), normal, [z], -oo, oo)
    assert sympy.simplify(value - (1 + b) * exp(b**2 / 2)) == 0


def test_logarithms_are_written_out():
    normal = exp(-(z**2) / 2) / sqrt(2 * pi)
    entropy = exact(-sympy.log(normal), normal, [z], -oo, oo)
    assert sympy.simplify(sympy.expand_log(entropy - (1 + sympy.log(2 * pi)) / 2)) == 0


def test_other_integrals_are_left_to_sympy():
    assert exact(z, exp(-z), [z], sympy.S.Zero, oo) == 1
    half_mass = exact(sympy.S.One, exp(-(z**2) / 2) / sqrt(2 * pi), [z], sympy.S.Zero, a)
    with mpmath.workdps(20):
        truth = mpmath.ncdf(0.75) - 0.5
    assert float(half_mass.subs(a, 0.75)) == pytest.approx(float(truth), abs=1e-15)


def test_what_diverges_or_may_diverge_is_refused():
    with pytest.raises(ValueError, match="diverges"):
        exact(z, exp(z**2), [z], -oo, oo)
    with pytest.raises(ValueError, match="not known to be positive"):
        exact(z, exp(-b * z**2), [z], -oo, oo)
    with pytest.raises(ValueError, match="cannot integrate"):
        exact(sympy.Function("f")(z), exp(-(z**2)), [z], -oo, oo)
