"""The von Mises distribution: gradients against mpmath and quadrature."""

from math import pi

import mpmath
import pytest
import torch

from tests.estimators.problems import assert_draws, assert_unbiased, gradients
from vae_course import seeded
from vae_course.estimators import (
    ImplicitVonMises,
    exact_gradient,
    pathwise,
    quadrature,
    score_function,
    von_mises_sample_gradient,
)

POINTS = [
    (0.05, -3.1), (0.05, 1.0), (1.0, 0.001), (1.0, -2.0), (1.0, 3.1), (6.0, 0.3), (6.0, -1.6),
    (6.0, 3.0), (80.0, 0.05), (80.0, -0.4), (2000.0, 0.01), (2000.0, -0.08),
]  # fmt: skip


def reference(kappa, u):
    """-(∂F/∂κ)/q, the integral from the centre to u, to 30 digits."""
    with mpmath.workdps(40):
        u = mpmath.mpf(u)

        def centred(kappa):
            mass = mpmath.quad(lambda t: mpmath.exp(kappa * (mpmath.cos(t) - 1)), [0, u / 2, u])
            return mass / (2 * mpmath.pi * mpmath.besseli(0, kappa) * mpmath.exp(-kappa))

        density = mpmath.exp(kappa * (mpmath.cos(u) - 1))
        density /= 2 * mpmath.pi * mpmath.besseli(0, kappa) * mpmath.exp(-kappa)
        return float(-mpmath.diff(centred, mpmath.mpf(kappa)) / density)


@pytest.mark.parametrize("kappa, u", POINTS)
def test_derivative_of_the_distribution_function(device, dtype, kappa, u):
    kappa, u = (torch.tensor(value, dtype=dtype, device=device) for value in (kappa, u))
    found = von_mises_sample_gradient(u, kappa).item()
    assert found == pytest.approx(reference(kappa.item(), u.item()), rel=1e-9)


@pytest.mark.dtypes("float32")
def test_derivative_in_single_precision(device, dtype):
    for kappa, u in POINTS[:10]:
        u, kappa = (torch.tensor(value, dtype=dtype, device=device) for value in (u, kappa))
        found = von_mises_sample_gradient(u, kappa)
        assert found.dtype == dtype and found.device.type == device.type
        assert found.item() == pytest.approx(reference(kappa.item(), u.item()), rel=2e-4)


def test_ends_and_centre_of_the_circle_stay():
    """Half of the mass lies left of the centre, all of it left of π, whatever κ is."""
    u = torch.tensor([-pi, 0.0, pi], dtype=torch.float64)
    found = von_mises_sample_gradient(u, torch.tensor(2.0).double())
    torch.testing.assert_close(found, torch.zeros(3).double(), atol=1e-12, rtol=0)


def family(phi):
    return ImplicitVonMises(phi[..., 0], phi[..., 1].exp(), validate_args=False)


@pytest.mark.parametrize("log_kappa", [-1.0, 0.8, 3.0])
def test_gradients_against_quadrature(seed, log_kappa):
    def f(z, phi):
        return (z - 0.4).cos() + 0.5 * (2 * z).sin()

    phi = torch.tensor([2.9, log_kappa]).double()  # so near to π that draws cross the cut
    exact = exact_gradient(lambda q, f: quadrature(q, f, -pi, pi), family, phi, f)
    assert (exact.abs() > 0.03).all()
    for estimator in (pathwise, score_function):
        assert_unbiased(estimator, family, phi, f, exact, seed=seed, repeats=80_000, detects=0.25)


def test_a_function_with_a_jump_at_the_cut_is_not_for_pathwise(seed):
    """f = z on [-π, π): its mean has a boundary term, -2π q(π), in μ. Pathwise says 1."""

    def f(z, phi):
        return z + 0 * phi[..., 0]

    phi = torch.tensor([2.0, 0.0]).double()
    exact = exact_gradient(lambda q, f: quadrature(q, f, -pi, pi), family, phi, f)
    at_cut = family(phi).log_prob(torch.tensor(pi, dtype=torch.float64)).exp()
    # To seven digits, for that is what the Bessel function in the density of torch has.
    assert exact[0].item() == pytest.approx(1 - 2 * pi * at_cut.item(), abs=1e-6)
    assert exact[0] < 0.2
    found = gradients(pathwise, family, phi, f, seed=seed, repeats=100)
    assert (found[:, 0] == 1).all()
    assert_unbiased(score_function, family, phi, f, exact, seed=seed, repeats=50_000, detects=0.2)


def test_draws_have_the_density(seed):
    q = family(torch.tensor([0.6, 0.8]).double())
    with seeded(seed):
        draws = q.rsample((50_000,))
    assert draws.min() >= -pi and draws.max() < pi
    assert_draws(draws, q, [-pi, -1.0, 0.0, 0.3, 0.6, 0.9, 1.5, pi], detects=0.03)


@pytest.mark.dtypes("float32", "float64")
def test_shapes_dtype_and_device(seed, device, dtype):
    phi = torch.tensor([0.5, 1.0], dtype=dtype, device=device).expand(3, 2).clone()
    q = family(phi.requires_grad_())
    with seeded(seed):
        z = q.rsample((4,))
    assert q.has_rsample and z.shape == (4, 3)
    assert z.dtype == dtype and z.device.type == device.type
    z.sin().sum().backward()
    assert phi.grad.isfinite().all() and (phi.grad != 0).all()
    assert not q.sample((2,)).requires_grad


def test_bad_parameters_are_named():
    # asked for: torch.compile, in another test, turns the default off for the whole process
    with pytest.raises(ValueError, match="concentration"):
        ImplicitVonMises(torch.tensor(0.0), torch.tensor(-1.0), validate_args=True)
