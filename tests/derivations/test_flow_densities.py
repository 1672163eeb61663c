"""Densities of a flow: the contract, and integrals by quadrature."""

import mpmath
import pytest
import sympy

from tests.derivations.contract import Contract
from vae_course.derivations import flow_densities
from vae_course.derivations.evaluation import closed_form


class TestFlowDensities(Contract):
    module = flow_densities


NUMBERS = {
    flow_densities.mu: 0,
    flow_densities.sigma: 1,
    flow_densities.a: 2,
    flow_densities.b: 1,
}


def mass(expression, below=None) -> float:
    """Of a density of z_2, for z_1 = sinh(z_0), z_2 = 2 z_1 + 1 and a standard normal z_0.

    All of it, or what is `below` a number.
    """
    derivation = flow_densities.flow_posterior_density
    density = closed_form(expression, derivation.setting).xreplace(NUMBERS)
    f = sympy.lambdify(flow_densities.z_2, density, "mpmath")
    far = [0, 1, 3, 10, 30, 100, 1000, 10**4, 10**5]
    ends = sorted({-end for end in far} | set(far if below is None else []))
    return float(mpmath.quad(f, ends))


def test_the_density_of_the_flow_has_the_mass_of_its_noise():
    last = flow_densities.flow_posterior_density.steps[-1].expression
    assert mass(last) == pytest.approx(1, abs=1e-6)
    negative = float(mpmath.ncdf(mpmath.asinh(-0.5)))  # z_2 < 0 when z_0 < asinh(−½)
    assert negative == pytest.approx(0.3152, abs=1e-4)
    assert mass(last, below=0) == pytest.approx(negative, abs=1e-6)


def test_the_order_of_the_errata_is_no_density_or_that_of_another_variable():
    """The figures of E24: the first integrates to 1.636, the second to 1, with other masses."""
    first, second, *_ = flow_densities.flow_posterior_density.wrong_forms
    assert mass(first.expression) == pytest.approx(1.636, abs=1e-3)
    assert mass(second.expression) == pytest.approx(1, abs=1e-6)
    other = float(mpmath.ncdf(-0.5))  # of sinh(2 z_0 + 1) < 0
    assert mass(second.expression, below=0) == pytest.approx(other, abs=1e-6)


def test_a_density_without_its_jacobian_can_be_normalised_and_is_still_wrong():
    """E103, for a = exp(−b): all masses of a > 0 are 1, those of a < 1 are not alike."""
    derivation = flow_densities.change_of_variables_decreasing
    right, wrong = derivation.steps[-1].expression, derivation.wrong_forms[1].expression
    masses = []
    for expression in (right, wrong):
        density = closed_form(expression, derivation.setting).xreplace(NUMBERS)
        f = sympy.lambdify(flow_densities.t, density, "mpmath")
        ends = [0, 0.01, 0.1, 1, 3, 10, 100, 1000, 20000]
        masses.append([float(mpmath.quad(f, part)) for part in (ends, ends[:4])])
    assert masses[0] == pytest.approx([1, 0.5], abs=1e-6)
    assert masses[1] == pytest.approx([1, float(mpmath.ncdf(-1))], abs=1e-6)


@pytest.mark.parametrize("width", [0.2, 1.0, 30.0])
def test_noise_in_a_continuous_cell_gives_a_lower_bound(width):
    """Not three parts, but the whole interval: a Gaussian density, the cell from 1 to 2."""

    def density(y):
        return mpmath.npdf(y, 0.8, width)

    bound = mpmath.quad(lambda u: mpmath.log(density(1 + u)), [0, 1])
    log_mass = mpmath.log(mpmath.ncdf(2, 0.8, width) - mpmath.ncdf(1, 0.8, width))
    assert bound < log_mass
    assert (log_mass - bound < 1e-6) == (width == 30.0)  # nearly flat there


def test_noise_of_any_density_loses_its_divergence_from_the_models_own():
    """The same Gaussian density and cell. The noise is u = v², of the density 1 / (2 √u)."""

    def own(u):
        return mpmath.npdf(1 + u, 0.8, 0.2) / mass

    def q(u):
        return 1 / (2 * mpmath.sqrt(u))

    mass = mpmath.ncdf(2, 0.8, 0.2) - mpmath.ncdf(1, 0.8, 0.2)
    bound = mpmath.quad(lambda u: q(u) * mpmath.log(mass * own(u) / q(u)), [0, 1])
    divergence = mpmath.quad(lambda u: q(u) * mpmath.log(q(u) / own(u)), [0, 1])
    uniform = mpmath.quad(lambda u: mpmath.log(mass * own(u)), [0, 1])
    assert float(mpmath.log(mass) - bound) == pytest.approx(float(divergence), abs=1e-6)
    assert uniform < bound < mpmath.log(mass)  # it sits where the mass is, and loses less
    loses_nothing = mpmath.quad(lambda u: own(u) * mpmath.log(mass * own(u) / own(u)), [0, 1])
    assert float(loses_nothing) == pytest.approx(float(mpmath.log(mass)), abs=1e-6)
