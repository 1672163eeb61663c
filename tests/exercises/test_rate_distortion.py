"""The reference solutions of the exercises on rate and distortion, against the package."""

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from vae_course import exercises
from vae_course.oracles.finite_rate_distortion import blahut_arimoto
from vae_course.oracles.rate_distortion import reverse_water_filling


def reference(name):
    return exercises.get(f"rate_distortion.{name}").solution


def doubles(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("level", [0.01, 0.7, 100.0])
def test_water_filling_is_the_packages(level):
    eigenvalues = (1.5 * doubles(12)).exp()
    wanted = reverse_water_filling(eigenvalues, level)
    found = reference("water_filling")(eigenvalues, level)
    torch.testing.assert_close(found, torch.stack([wanted.rates, wanted.distortions]))


@pytest.mark.parametrize(("sigma", "beta"), [(1.0, 1.0), (0.5, 3.0), (2.0, 0.4)])
def test_linear_rates_are_what_no_encoder_and_decoder_improve(sigma, beta):
    """One direction: x ~ N(0, λ), z ~ N(a x, s²), x̂ = w z. Search a, s and w by gradient descent.

    The objective and the mean KL are closed forms, written here once more.
    """
    eigenvalues = torch.tensor([6.0, 2.0, 0.3], dtype=torch.float64)
    a, s, w = (torch.full((3,), 0.5, dtype=torch.float64, requires_grad=True) for _ in range(3))
    optimizer = torch.optim.LBFGS([a, s, w], max_iter=500, line_search_fn="strong_wolfe")

    def mean_kl():  # E KL(N(ax, s²) ‖ N(0, 1)): quadratic in x, so only its variance matters
        return kl_divergence(Normal(a * eigenvalues.sqrt(), s.abs()), Normal(0.0, 1.0))

    def cost():
        optimizer.zero_grad()
        error = (1 - w * a) ** 2 * eigenvalues + w**2 * s**2
        total = (error / (2 * sigma**2) + beta * mean_kl()).sum()
        total.backward()
        return total

    for _ in range(5):
        optimizer.step(cost)
    found = reference("linear_rates")(eigenvalues, sigma, beta)
    torch.testing.assert_close(found, mean_kl().detach(), atol=1e-4, rtol=0)


def test_information_lies_between_its_bounds_and_they_can_be_tight():
    bounds = reference("information_bounds")
    for seed in range(20):
        source, prior = doubles(5, seed=seed).softmax(0), doubles(3, seed=seed + 100).softmax(0)
        encoder = (2 * doubles(5, 3, seed=seed + 200)).softmax(1)
        decoder = doubles(3, 5, seed=seed + 300).softmax(1)
        low, information, high = bounds(source, encoder, decoder, prior)
        assert low < information < high
        joint = source[:, None] * encoder
        marginal = joint.sum(0)
        posterior = (joint / marginal).T  # Bayes: p(x | z)
        tight = bounds(source, encoder, posterior, marginal)
        torch.testing.assert_close(tight, information.expand(3))


def test_steps_repeated_lead_to_the_packages_optimum():
    source, distortion = doubles(5).softmax(0), 2 * doubles(5, 4, seed=1).abs()
    marginal = torch.full((4,), 0.25, dtype=torch.float64)
    beta = 0.6
    for _ in range(5000):
        marginal = reference("blahut_arimoto_step")(source, distortion, marginal, beta)
    channel = blahut_arimoto(source, distortion, beta).channel
    torch.testing.assert_close(marginal, source @ channel, atol=1e-6, rtol=0)


@pytest.mark.parametrize("rate", [0.1, 1.0, 8.0])
def test_operating_point_turns_the_rates_round(rate):
    eigenvalues = (1.5 * doubles(12)).exp()
    beta = reference("operating_point")(eigenvalues, 0.7, rate)
    found = reference("linear_rates")(eigenvalues, 0.7, beta).sum()
    assert found.item() == pytest.approx(rate)
