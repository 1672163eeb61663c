"""The score function and its baselines, against closed forms for Gaussians."""

from functools import partial
from math import cos, exp

import pytest
import torch
from torch.distributions import Bernoulli, Categorical, Independent, Normal

from tests.estimators.problems import assert_unbiased, gradients
from tests.statistics import assert_mean
from vae_course import seeded
from vae_course.estimators import (
    MovingAverage,
    compare,
    enumeration,
    exact_gradient,
    leave_one_out,
    rloo,
    score_function,
)

MU = 0.3


def unit_gaussian(phi):
    return Normal(phi[..., 0], torch.ones_like(phi[..., 0]))


def gaussian(phi):
    return Normal(phi[..., 0], phi[..., 1].exp())


def sine(c):
    return lambda z, phi: (c * z).sin()


def sine_gradient(c, mu=MU):
    return c * cos(c * mu) * exp(-(c**2) / 2)


def sine_variance(c, mu=MU):
    """Of f(z) ε: E[ε² sin²(c(μ + ε))] minus the squared gradient."""
    second = 0.5 * (1 - cos(2 * c * mu) * (1 - 4 * c**2) * exp(-2 * c**2))
    return second - sine_gradient(c, mu) ** 2


@pytest.mark.parametrize("c", [1.0, 10.0])
def test_mean_and_variance_for_a_sine(seed, c):
    phi = torch.tensor([MU]).double()
    found = assert_unbiased(
        score_function,
        unit_gaussian,
        phi,
        sine(c),
        sine_gradient(c),
        seed=seed,
        repeats=100_000,
        detects=0.03,
    )
    squares = (found[:, 0] - sine_gradient(c)) ** 2
    assert_mean(squares, sine_variance(c), detects=0.04)


def test_the_numbers_of_the_ledger():
    assert sine_variance(1.0) == pytest.approx(0.332, abs=5e-4)
    assert sine_variance(10.0) == pytest.approx(0.50, abs=5e-3)


def test_variance_for_a_square(seed):
    """f = z² at μ = 1: E[z⁴ε²] - (2μ)² = 34 - 4 = 30."""
    found = gradients(
        score_function,
        unit_gaussian,
        torch.tensor([1.0]).double(),
        lambda z, phi: z**2,
        seed=seed,
        repeats=400_000,
    )
    assert_mean(found, 2.0, detects=0.12)
    assert_mean((found - 2.0) ** 2, 30.0, detects=5.0)


def test_both_parameters_of_a_gaussian(seed):
    """E cos z = cos μ e^{-σ²/2}: derivatives in μ and in log σ."""
    mu, log_sigma = 0.3, -0.4
    variance = exp(2 * log_sigma)
    exact = torch.tensor(
        [
            -torch.tensor(mu).sin() * exp(-variance / 2),
            -variance * cos(mu) * exp(-variance / 2),
        ]
    )
    phi = torch.tensor([mu, log_sigma]).double()
    for baseline in (None, 0.7):
        assert_unbiased(
            partial(score_function, baseline=baseline),
            gaussian,
            phi,
            lambda z, phi: z.cos(),
            exact,
            seed=seed,
            repeats=60_000,
            detects=0.06,
        )


def test_integrand_that_depends_on_phi(seed):
    """f = φ²z, q = N(φ, 1), φ = 1.5: E f = φ³, gradient 6.75. Without the extra term: 2.25."""
    phi = torch.tensor([1.5]).double()

    def detached(z, phi):
        return phi[..., 0].detach() ** 2 * z

    def whole(z, phi):
        return phi[..., 0] ** 2 * z

    options = {"seed": seed, "repeats": 100_000, "detects": 0.3}
    assert_unbiased(score_function, unit_gaussian, phi, whole, 6.75, **options)
    assert_unbiased(score_function, unit_gaussian, phi, detached, 2.25, **options)


def test_step_function(seed):
    """P(z > 0) has the gradient N(μ; 0, 1): 0.3683 at μ = 0.4."""
    exact = Normal(0.0, 1.0).log_prob(torch.tensor(0.4).double()).exp()
    assert exact.item() == pytest.approx(0.3683, abs=5e-5)
    assert_unbiased(
        score_function,
        unit_gaussian,
        torch.tensor([0.4]).double(),
        lambda z, phi: (z > 0).double(),
        exact,
        seed=seed,
        repeats=50_000,
        detects=0.05,
    )


# Baselines --------------------------------------------------------------------------------------


def square_variance(b, mu=1.0):
    """Var[(z² - b) ε] for z = μ + ε: moments of ε give E[z⁴ε²] - 2b E[z²ε²] + b² - 4μ²."""
    return (mu**4 + 18 * mu**2 + 15) - 2 * b * (mu**2 + 3) + b**2 - 4 * mu**2


def test_constant_baseline_leaves_the_mean_and_the_best_one_lowers_the_variance(seed):
    best = 1.0 + 3.0  # E[z²ε²] / E[ε²] at μ = 1
    assert square_variance(0) == 30 and square_variance(best) == 14
    assert square_variance(best) < square_variance(2.0)  # the mean of f is not the best baseline
    for b in (0.0, 2.0, best):
        found = gradients(
            partial(score_function, baseline=b),
            unit_gaussian,
            torch.tensor([1.0]).double(),
            lambda z, phi: z**2,
            seed=seed,
            repeats=200_000,
        )
        assert_mean(found, 2.0, detects=0.15)
        assert_mean((found - 2.0) ** 2, square_variance(b), detects=7.0)


def test_leave_one_out_is_the_mean_of_the_others(device, dtype):
    values = torch.tensor([[1.0, 10.0], [2.0, 20.0], [6.0, 60.0]], dtype=dtype, device=device)
    wanted = torch.tensor([[4.0, 40.0], [3.5, 35.0], [1.5, 15.0]], dtype=dtype, device=device)
    torch.testing.assert_close(leave_one_out(values), wanted)


@pytest.mark.parametrize("samples", [2, 5])
def test_leave_one_out_is_unbiased_where_the_mean_of_all_is_not(seed, samples):
    phi = torch.tensor([1.0]).double()
    options = {"seed": seed, "repeats": 100_000, "samples": samples, "detects": 0.15}
    assert_unbiased(rloo, unit_gaussian, phi, lambda z, phi: z**2, 2.0, **options)
    # With its own value in the mean, a sample damps itself: the gradient shrinks by (K-1)/K.
    own = partial(score_function, baseline=lambda values: values.mean(0))
    shrunk = 2.0 * (samples - 1) / samples
    assert_unbiased(own, unit_gaussian, phi, lambda z, phi: z**2, shrunk, **options)


def test_baselines_lower_the_variance_of_an_offset(seed):
    """f = 10 + sin z: almost all of the variance is the offset's."""
    estimators = {
        "none": score_function,
        "moving": partial(score_function, baseline=MovingAverage()),
        "rloo": rloo,
    }
    exact = torch.tensor([sine_gradient(1.0)]).double()
    phi = torch.tensor([MU]).double()
    with seeded(seed):
        results = compare(
            estimators, unit_gaussian, phi, lambda z, phi: 10 + z.sin(), 4, 20_000, exact
        )
    assert_mean(results["moving"].gradients, exact, detects=0.08)
    assert_mean(results["rloo"].gradients, exact, detects=0.08)
    assert results["moving"].variance < results["none"].variance / 50
    assert results["rloo"].variance < results["none"].variance / 50


def test_moving_average_uses_only_the_past():
    baseline = MovingAverage(decay=0.5)
    assert baseline(torch.tensor([[2.0, 4.0]])).item() == 0
    assert baseline(torch.tensor([[7.0, 7.0]])).item() == 3
    assert baseline(torch.tensor([[0.0, 0.0]])).item() == 5


# Discrete latents -------------------------------------------------------------------------------


def bits(phi):
    return Independent(Bernoulli(logits=phi), 1)


def score_of_bits(z, phi):
    weights = torch.arange(1, z.shape[-1] + 1, dtype=z.dtype, device=z.device)
    return ((z * weights).sum(-1) - 2.5).square() + phi[..., 0] * z[..., 1]


def test_bits_against_enumeration(seed, device, dtype):
    phi = torch.tensor([0.3, -0.8, 1.2], dtype=dtype, device=device)
    exact = exact_gradient(enumeration, bits, phi, score_of_bits)
    for estimator, samples in ((score_function, 1), (rloo, 3)):
        assert_unbiased(
            estimator,
            bits,
            phi,
            score_of_bits,
            exact,
            seed=seed,
            repeats=60_000,
            samples=samples,
            detects=0.2,
        )


def test_categorical_against_enumeration(seed):
    table = torch.tensor([1.0, -2.0, 0.5, 3.0]).double()

    def family(phi):
        return Categorical(logits=phi)

    def f(z, phi):
        return table[z]

    phi = torch.tensor([0.1, -0.4, 0.9, 0.0]).double()
    exact = exact_gradient(enumeration, family, phi, f)
    pi = phi.softmax(0)
    torch.testing.assert_close(exact, pi * (table - (pi * table).sum()))
    assert_unbiased(score_function, family, phi, f, exact, seed=seed, repeats=60_000, detects=0.06)


# Value, device, bad input -----------------------------------------------------------------------


@pytest.mark.dtypes("float32", "float64")
def test_the_value_is_f(seed, device, dtype):
    mean = torch.zeros(3, dtype=dtype, device=device, requires_grad=True)
    q = Normal(mean, torch.ones_like(mean))
    seen = []

    def f(z):
        seen.append(z)
        return z.sin()

    with seeded(seed):
        surrogate = score_function(q, f, 5, baseline=1.0)
    assert surrogate.shape == (5, 3) and surrogate.dtype == dtype
    assert surrogate.device.type == device.type
    torch.testing.assert_close(surrogate.detach(), seen[0].sin())
    assert not seen[0].requires_grad
    # The gradient of one sample, by hand: (f - b) (z - μ).
    (gradient,) = torch.autograd.grad(surrogate.sum(), mean)
    torch.testing.assert_close(gradient, ((seen[0].sin() - 1) * seen[0]).sum(0))


@pytest.mark.parametrize("samples", [0, -1, 1.5, True])
def test_bad_samples(samples):
    with pytest.raises(ValueError, match="samples must be a whole number of at least 1"):
        score_function(Normal(0.0, 1.0), torch.sin, samples)


def test_bad_input():
    with pytest.raises(ValueError, match="samples must be a whole number of at least 2"):
        rloo(Normal(0.0, 1.0), torch.sin, 1)
    with pytest.raises(ValueError, match="q is Tensor, needs a Distribution"):
        score_function(torch.zeros(3), torch.sin)
    with pytest.raises(ValueError, match=r"f\(z\) has shape \(\), needs \(4, 3\)"):
        score_function(Normal(torch.zeros(3), 1.0), torch.sum, 4)
    with pytest.raises(ValueError, match="decay is 1, needs"):
        MovingAverage(1)
    with pytest.raises(ValueError, match="values has 1 sample, needs 2"):
        leave_one_out(torch.zeros(1, 3))
