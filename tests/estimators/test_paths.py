"""The pathwise estimator: closed forms, where it wins and loses, and where it is wrong."""

from functools import partial
from math import cos, exp

import pytest
import torch
from torch.distributions import (
    Categorical,
    Independent,
    MixtureSameFamily,
    Normal,
    TransformedDistribution,
    constraints,
)
from torch.distributions.transforms import Transform

from tests.estimators.problems import assert_unbiased, gradients
from tests.estimators.test_score import (
    MU,
    gaussian,
    sine,
    sine_gradient,
    sine_variance,
    unit_gaussian,
)
from tests.statistics import assert_mean
from vae_course import seeded
from vae_course.estimators import pathwise, score_function


def pathwise_sine_variance(c, mu=MU):
    """Of c cos(c(μ + ε)): c²/2 (1 + cos(2cμ) e^{-2c²}) minus the squared gradient."""
    return c**2 / 2 * (1 + cos(2 * c * mu) * exp(-2 * c**2)) - sine_gradient(c, mu) ** 2


@pytest.mark.parametrize("c", [1.0, 10.0])
def test_mean_and_variance_for_a_sine(seed, c):
    found = assert_unbiased(
        pathwise,
        unit_gaussian,
        torch.tensor([MU]).double(),
        sine(c),
        sine_gradient(c),
        seed=seed,
        repeats=100_000,
        detects=0.025 * c,
    )
    squares = (found[:, 0] - sine_gradient(c)) ** 2
    assert_mean(squares, pathwise_sine_variance(c), detects=0.02 * c**2)


def test_which_one_has_less_variance_depends_on_f():
    assert pathwise_sine_variance(1.0) == pytest.approx(0.220, abs=5e-4)
    assert pathwise_sine_variance(10.0) == pytest.approx(50.0, abs=0.05)
    assert pathwise_sine_variance(1.0) < sine_variance(1.0)
    assert pathwise_sine_variance(10.0) > 99 * sine_variance(10.0)


def test_variance_for_a_square(seed):
    """f = z² at μ = 1: 2z has variance 4, against 30 for the score function."""
    found = assert_unbiased(
        pathwise,
        unit_gaussian,
        torch.tensor([1.0]).double(),
        lambda z, phi: z**2,
        2.0,
        seed=seed,
        repeats=100_000,
        detects=0.1,
    )
    assert_mean((found - 2.0) ** 2, 4.0, detects=0.25)


def test_both_parameters_of_a_gaussian(seed):
    mu, log_sigma = 0.3, -0.4
    s2 = exp(2 * log_sigma)
    exact = [-exp(-s2 / 2) * torch.tensor(mu).sin(), -s2 * exp(-s2 / 2) * cos(mu)]
    assert_unbiased(
        pathwise,
        gaussian,
        torch.tensor([mu, log_sigma]).double(),
        lambda z, phi: z.cos(),
        torch.tensor(exact),
        seed=seed,
        repeats=50_000,
        detects=0.04,
    )


def test_integrand_that_depends_on_phi(seed):
    phi = torch.tensor([1.5]).double()
    assert_unbiased(
        pathwise,
        unit_gaussian,
        phi,
        lambda z, phi: phi[..., 0] ** 2 * z,
        6.75,
        seed=seed,
        repeats=50_000,
        detects=0.2,
    )


def test_step_function_has_a_pathwise_gradient_of_zero(seed):
    """True gradient 0.3683. The estimate is zero in every draw: an error that no average mends."""
    found = gradients(
        pathwise,
        unit_gaussian,
        torch.tensor([0.4]).double(),
        lambda z, phi: (z > 0).double(),
        seed=seed,
        repeats=1000,
    )
    assert (found == 0).all()


def test_relu_is_fine(seed):
    """E max(0, μ + ε) has the gradient P(z > 0): 0.6554 at μ = 0.4."""
    exact = Normal(0.0, 1.0).cdf(torch.tensor(0.4).double())
    assert exact.item() == pytest.approx(0.6554, abs=5e-5)
    assert_unbiased(
        pathwise,
        unit_gaussian,
        torch.tensor([0.4]).double(),
        lambda z, phi: z.relu(),
        exact,
        seed=seed,
        repeats=50_000,
        detects=0.03,
    )


class ScaledSquare(Transform):
    """ε ↦ φ ε²: two to one, so it has no inverse."""

    domain, codomain, bijective = constraints.real, constraints.real, False

    def __init__(self, phi):
        super().__init__()
        self.phi = phi

    def _call(self, x):
        return self.phi * x**2


def test_the_path_need_not_be_invertible(seed):
    """z = φε²: E z² = 3φ², gradient 6φ: 4.8 at φ = 0.8."""

    def family(phi):
        base = Normal(torch.zeros_like(phi[..., 0]), 1.0)
        return TransformedDistribution(base, ScaledSquare(phi[..., 0]), validate_args=False)

    assert_unbiased(
        pathwise,
        family,
        torch.tensor([0.8]).double(),
        lambda z, phi: z**2,
        4.8,
        seed=seed,
        repeats=400_000,
        detects=0.4,
    )


def test_variance_falls_with_the_number_of_samples_and_the_mean_does_not_move(seed):
    """log p(x, z) - log q for z ~ N(0, 1), x | z ~ N(z, 1), x = 1 at m = 0.2, log s = -0.3."""
    m, log_s = 0.2, -0.3

    def f(z, phi):
        log_joint = Normal(0.0, 1.0).log_prob(z) + Normal(z, 1.0).log_prob(torch.ones_like(z))
        return log_joint - gaussian(phi).log_prob(z)

    exact = torch.tensor([1 - 2 * m, 1 - 2 * exp(2 * log_s)]).double()
    assert exact[0].item() == pytest.approx(0.6)
    # One draw in m: 1 - 2z, and log q(z) does not change along the path. Variance 4s².
    for samples in (1, 4, 16):
        found = assert_unbiased(
            pathwise,
            gaussian,
            torch.tensor([m, log_s]).double(),
            f,
            exact,
            seed=seed,
            repeats=30_000,
            samples=samples,
            detects=0.15,
        )
        squares = (found[:, 0] - exact[0]) ** 2
        assert_mean(squares, 4 * exp(2 * log_s) / samples, detects=0.25 / samples)


@pytest.mark.dtypes("float32", "float64")
def test_gradient_of_fixed_draws_is_the_derivative(seed, device, dtype):
    mean = torch.tensor([0.5, -1.0], dtype=dtype, device=device, requires_grad=True)
    log_sigma = torch.tensor([0.1, -0.2], dtype=dtype, device=device, requires_grad=True)
    drawn = []

    def f(z):
        drawn.append(z.detach())
        return z.sin()

    with seeded(seed):
        surrogate = pathwise(Normal(mean, log_sigma.exp()), f, 3)
    assert surrogate.shape == (3, 2) and surrogate.dtype == dtype
    by_mean, by_log_sigma = torch.autograd.grad(surrogate.sum(), [mean, log_sigma])
    z = drawn[0]
    torch.testing.assert_close(by_mean, z.cos().sum(0))
    torch.testing.assert_close(by_log_sigma, (z.cos() * (z - mean)).sum(0).detach())


def test_gradcheck():
    """With the noise held fixed, autograd's gradient is the numerical one."""

    def value(mean, log_sigma):
        with seeded(3):
            return pathwise(Normal(mean, log_sigma.exp()), lambda z: (z**3).tanh(), 4)

    inputs = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (0.3, -0.2)]
    assert torch.autograd.gradcheck(value, inputs)


def test_bad_input():
    mixture = MixtureSameFamily(Categorical(torch.ones(2)), Normal(torch.zeros(2), torch.ones(2)))
    with pytest.raises(ValueError, match="q is MixtureSameFamily, needs a distribution with rsam"):
        pathwise(mixture, torch.sin)
    with pytest.raises(ValueError, match="samples must be a whole number"):
        pathwise(Normal(0.0, 1.0), torch.sin, 0)
    with pytest.raises(ValueError, match=r"f\(z\) has shape float, needs"):
        pathwise(Normal(0.0, 1.0), lambda z: 1.0)


def test_both_estimate_the_same(seed):
    """E[z₁ z₂] has the gradient (μ₂, μ₁)."""

    def family(phi):
        return Independent(Normal(phi, torch.full_like(phi, 0.5)), 1)

    phi = torch.tensor([0.7, -0.4]).double()
    for estimator in (pathwise, partial(score_function, baseline=-0.28)):
        assert_unbiased(
            estimator,
            family,
            phi,
            lambda z, phi: z.prod(-1),
            phi.flip(0),
            seed=seed,
            repeats=50_000,
            detects=0.07,
        )
