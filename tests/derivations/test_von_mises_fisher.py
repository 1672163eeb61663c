"""The von Mises–Fisher KL: the contract, and other dimensions than the one of the check."""

import mpmath
import pytest
import sympy

from tests.derivations.contract import Contract
from vae_course.derivations import von_mises_fisher
from vae_course.derivations.evaluation import closed_form


class TestVonMisesFisher(Contract):
    module = von_mises_fisher


def formula(dimension, concentration) -> mpmath.mpf:
    """The last line, for any dimension."""
    line = von_mises_fisher.von_mises_fisher_kl.steps[-1].expression
    numbers = {von_mises_fisher.nu: sympy.Rational(dimension, 2) - 1}
    numbers[von_mises_fisher.kappa] = sympy.Rational(concentration)
    with mpmath.mp.workdps(50):
        return mpmath.mpmathify(sympy.N(line.xreplace(numbers), 40))


def by_angles(dimension, concentration) -> mpmath.mpf:
    """E log q/p over the angle to the mean direction; the sphere of angle a has sin(a)^(d−2)."""

    def integral(f):
        weight = dimension - 2
        return mpmath.quad(lambda a: f(mpmath.cos(a)) * mpmath.sin(a) ** weight, [0, 1, mpmath.pi])

    flat = integral(lambda t: 1)
    peaked = integral(lambda t: mpmath.exp(concentration * t))
    mean = integral(lambda t: t * mpmath.exp(concentration * t)) / peaked
    return concentration * mean - mpmath.log(peaked / flat)


@pytest.mark.parametrize("dimension", [2, 3, 4, 6, 11])
@pytest.mark.parametrize("concentration", ["0.1", "7.5", "60"])
def test_thirty_digits_in_other_dimensions(dimension, concentration):
    with mpmath.mp.workdps(45):
        expected = by_angles(dimension, mpmath.mpf(concentration))
        assert abs(formula(dimension, concentration) - expected) < mpmath.mpf(10) ** -30


def test_three_dimensions_are_a_special_case():
    derivation = von_mises_fisher.von_mises_fisher_kl_sphere
    line = closed_form(derivation.steps[-1].expression, derivation.setting)
    for concentration in ("0.5", "20"):
        exact = line.xreplace({von_mises_fisher.kappa: sympy.Rational(concentration)})
        assert float(exact) == pytest.approx(float(formula(3, concentration)), rel=1e-14)


def test_the_signs_that_the_rules_name():
    """0 at κ = 0, and log 2κ − 1 for large κ in three dimensions."""
    assert float(formula(3, "0.0001")) == pytest.approx(0, abs=1e-8)
    assert float(formula(3, "500")) == pytest.approx(float(mpmath.log(1000) - 1), abs=1e-12)
