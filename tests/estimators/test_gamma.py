"""Gamma draws and the three families made of them: gradients against quadrature and mpmath."""

import mpmath
import pytest
import torch
from torch.distributions import Gamma

from tests.estimators.problems import assert_unbiased
from tests.quadrature import nodes
from tests.statistics import assert_mean
from vae_course import seeded
from vae_course.estimators import (
    ImplicitBeta,
    ImplicitGamma,
    ImplicitInverseGamma,
    ImplicitStudentT,
    exact_gradient,
    gamma_sample_gradient,
    pathwise,
    score_function,
)

# Quantiles from the far left to the far right tail, for shapes from spiked to nearly Gaussian.
POINTS = [
    (0.05, 1e-12), (0.05, 0.3), (0.4, 1e-4), (0.4, 2.5), (1.0, 0.01), (1.0, 1.0), (1.0, 12.0),
    (2.5, 0.2), (2.5, 2.4), (2.5, 9.0), (40.0, 20.0), (40.0, 40.0), (40.0, 75.0),
    (1000.0, 850.0), (1000.0, 1000.0), (1000.0, 1180.0),
]  # fmt: skip


def reference(alpha, z):
    """-(∂F/∂α)/q with F the regularised incomplete gamma function, to 30 digits."""
    with mpmath.workdps(40):
        alpha, z = mpmath.mpf(alpha), mpmath.mpf(z)
        slope = mpmath.diff(lambda a: mpmath.gammainc(a, 0, z, regularized=True), alpha)
        return float(-slope / (mpmath.exp(-z) * z ** (alpha - 1) / mpmath.gamma(alpha)))


@pytest.mark.parametrize("alpha, z", POINTS)
def test_derivative_of_the_distribution_function(device, dtype, alpha, z):
    alpha, z = (torch.tensor(value, dtype=dtype, device=device) for value in (alpha, z))
    ours = gamma_sample_gradient(z, alpha).item()
    assert ours == pytest.approx(reference(alpha.item(), z.item()), rel=2e-7)


@pytest.mark.dtypes("float32")
def test_derivative_in_single_precision(device, dtype):
    for alpha, z in POINTS:
        found = gamma_sample_gradient(
            torch.tensor(z, dtype=dtype, device=device),
            torch.tensor(alpha, dtype=dtype, device=device),
        )
        assert found.dtype == dtype and found.device.type == device.type
        assert found.item() == pytest.approx(reference(alpha, z), rel=1e-4)


def test_close_to_the_gradient_that_torch_has(seed):
    """Torch's approximations are good to about three digits."""
    alpha = torch.tensor([0.3, 0.9, 1.5, 4.0, 30.0, 300.0]).double()
    with seeded(seed):
        z = Gamma(alpha, 1.0).sample((500,))
    theirs = torch._standard_gamma_grad(alpha.expand(z.shape), z)
    torch.testing.assert_close(gamma_sample_gradient(z, alpha), theirs, rtol=2e-3, atol=1e-12)


# Families: all parameters against quadrature. It runs in a variable v, z = warp(v), in which a
# density has neither spikes nor long tails.

POSITIVE = (torch.exp, torch.exp)
UNIT = (torch.sigmoid, lambda v: v.sigmoid() * (-v).sigmoid())
REAL = (torch.sinh, torch.cosh)


def warped(warp, reach):
    """E_q[f] as the integral of q(z) f(z) z'(v) over v in [-reach, reach]."""
    points, weights = nodes(-reach, reach, 1500)
    z, slope = (function(points) for function in warp)

    def expectation(q, integrand):
        return (weights * slope * q.log_prob(z).exp() * integrand(z)).sum(0)

    return expectation


def gamma(phi):
    return ImplicitGamma(phi[..., 0].exp(), phi[..., 1].exp(), validate_args=False)


def inverse_gamma(phi):
    return ImplicitInverseGamma(phi[..., 0].exp(), phi[..., 1].exp(), validate_args=False)


def beta(phi):
    return ImplicitBeta(phi[..., 0].exp(), phi[..., 1].exp(), validate_args=False)


def student(phi):
    return ImplicitStudentT(phi[..., 0].exp(), phi[..., 1], phi[..., 2].exp(), validate_args=False)


CASES = {
    "gamma": (gamma, [0.3, -0.3], POSITIVE, 30.0),
    "gamma, spiked": (gamma, [-0.7, 0.2], POSITIVE, 60.0),
    "gamma, narrow": (gamma, [5.0, 4.6], POSITIVE, 3.0),
    "inverse gamma": (inverse_gamma, [1.1, 0.4], POSITIVE, 12.0),
    "beta": (beta, [0.8, 0.3], UNIT, 30.0),
    "beta, two spikes": (beta, [-0.4, -0.7], UNIT, 27.0),
    "student": (student, [1.2, 0.3, -0.2], REAL, 15.0),
}


def f(z, phi):
    """Bounded, and not symmetric about anything."""
    return (2 * z - 1).tanh() + z.cos() * (-z.square() / 8).exp()


@pytest.mark.parametrize("name", CASES)
def test_gradients_against_quadrature(seed, name):
    build, phi, warp, reach = CASES[name]
    phi = torch.tensor(phi).double()
    expectation = warped(warp, reach)
    assert expectation(build(phi), torch.ones_like).item() == pytest.approx(1, abs=1e-5)
    exact = exact_gradient(expectation, build, phi, f)
    assert (exact.abs() > 0.02).all()  # a gradient that is missing is noticed
    assert_unbiased(pathwise, build, phi, f, exact, seed=seed, repeats=20_000, detects=0.07)
    if name == "gamma":  # and the other estimator of the same thing
        assert_unbiased(
            score_function, build, phi, f, exact, seed=seed, repeats=60_000, detects=0.1
        )


@pytest.mark.parametrize("name", CASES)
def test_draws_have_the_density(seed, name):
    build, phi, warp, reach = CASES[name]
    q = build(torch.tensor(phi).double())
    with seeded(seed):
        draws = q.rsample((40_000,))
    expectation = warped(warp, reach)
    for edge in (0.3, 0.8, 1.5) if warp is not UNIT else (0.2, 0.5, 0.8):
        # The distribution function, with a step that is smooth so that quadrature is exact.
        below = expectation(q, lambda z, edge=edge: torch.sigmoid((edge - z) / 0.05))
        assert_mean(torch.sigmoid((edge - draws) / 0.05), below, detects=0.03)


@pytest.mark.dtypes("float32", "float64")
@pytest.mark.parametrize("name", CASES)
def test_shapes_dtype_and_device(seed, device, dtype, name):
    build, phi, _, _ = CASES[name]
    phi = torch.tensor(phi, dtype=dtype, device=device).expand(3, -1).clone().requires_grad_()
    q = build(phi)
    with seeded(seed):
        z = q.rsample((4,))
    assert q.has_rsample and z.shape == (4, 3)
    assert z.dtype == dtype and z.device.type == device.type
    z.sin().sum().backward()
    assert phi.grad.isfinite().all() and (phi.grad != 0).all()
    assert not q.sample((2,)).requires_grad
    assert q.expand((5, 3)).rsample().shape == (5, 3)
    assert q.log_prob(z).shape == (4, 3)


def test_bad_parameters_are_named():
    # asked for: torch.compile, in another test, turns the default off for the whole process
    with pytest.raises(ValueError, match="concentration"):
        ImplicitGamma(torch.tensor(-1.0), torch.tensor(1.0), validate_args=True)
    with pytest.raises(ValueError, match="concentration"):
        ImplicitInverseGamma(torch.tensor(-1.0), torch.tensor(1.0), validate_args=True)
    with pytest.raises(ValueError, match="df"):
        ImplicitStudentT(torch.tensor(0.0), validate_args=True)
