"""Bidirectional Monte Carlo: a bracket around exact evidence, from both sides."""

import pytest
import torch

from tests.likelihood.annealing import data, linear_vae
from tests.statistics import assert_mean
from vae_course.likelihood import bidirectional_monte_carlo
from vae_course.likelihood.annealed import Path, anneal, schedule
from vae_course.likelihood.bidirectional import anneal_down
from vae_course.random import seeded


def test_both_means_are_exact(device, dtype, seed):
    # E[w / p(x)] = 1 upwards, E[p(x) / w] = 1 downwards, over simulated pairs of z and x. From the
    # prior and with few steps 1 / w has tails too heavy for a test; from an encoder it has not.
    vae = linear_vae(device, dtype, d=3, n=5, mixing=0.3, wider=0.2)
    powers = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    with seeded(seed):
        bracket = bidirectional_monte_carlo(vae, 6_000, powers, 1, 2, start="encoder")
    exact = vae.exact().log_prob(bracket.x)
    assert_mean((bracket.forward.log_weights - exact)[0].exp(), 1.0, detects=0.1)
    assert_mean((exact - bracket.reverse_log_weights)[0].exp(), 1.0, detects=0.1)
    assert (bracket.forward.log_weights - exact).mean() < -0.01
    assert (bracket.reverse_log_weights - exact).mean() > 0.01


def test_a_bracket_of_a_twentieth_of_a_nat_with_twenty_latents(device, dtype, seed):
    vae = linear_vae(device, dtype, mixing=0.03, wider=0.1)
    with seeded(seed):
        bracket = bidirectional_monte_carlo(vae, 200, 80, 4, leapfrog_steps=4, start="encoder")
    exact = vae.exact().log_prob(bracket.x)
    assert abs((bracket.lower - exact).mean().item()) < 0.05
    assert abs((bracket.upper - exact).mean().item()) < 0.05
    torch.testing.assert_close(bracket.gap, bracket.upper - bracket.lower)


class Recorded(Path):
    """A path that writes down what is done on it."""

    def log_ratio(self, z):
        self.record.append("weight")
        return super().log_ratio(z)

    def move(self, z, power, step_size, leapfrog_steps):
        self.record.append((power, step_size.item()))
        return z, torch.ones_like(z[..., 0])


def test_the_way_down_is_the_way_up_in_reverse():
    vae = linear_vae("cpu", torch.float32, d=3, n=5)
    path = Recorded(vae, data(vae), "prior")
    z, sizes = path.sample(2), torch.tensor([[0.1], [0.2], [0.3]])
    path.record = up = []
    anneal(path, z, schedule(3), sizes, 1)
    path.record = down = []
    anneal_down(path, z, schedule(3), sizes, 1)
    assert up[:2] == ["weight", ((1 / 3) ** 4, sizes[0].item())]
    assert len(up) == 6 and down == up[::-1]


def test_few_steps_make_a_wide_bracket(device, dtype, seed):
    vae = linear_vae(device, dtype, d=5, n=10)
    widths = []
    with seeded(seed):
        for steps in (2, 50):
            bracket = bidirectional_monte_carlo(vae, 40, steps, chains=4, leapfrog_steps=4)
            exact = vae.exact().log_prob(bracket.x)
            assert bracket.lower.mean() < exact.mean() < bracket.upper.mean()
            widths.append(bracket.gap.mean().item())
    assert widths[0] > 3 * widths[1]


def test_with_the_posterior_for_a_start_both_bounds_are_exact(device, dtype):
    vae = linear_vae(device, dtype, d=3, n=5, mixing=0.0, wider=0.0)
    with seeded(0):
        bracket = bidirectional_monte_carlo(vae, 4, 3, chains=2, start="encoder")
    exact = vae.exact().log_prob(bracket.x)
    torch.testing.assert_close(bracket.lower, exact, rtol=0, atol=1e-9)
    torch.testing.assert_close(bracket.upper, exact, rtol=0, atol=1e-9)


def test_upper_is_the_harmonic_mean(device, dtype):
    vae = linear_vae(device, dtype, d=3, n=5)
    with seeded(0):
        bracket = bidirectional_monte_carlo(vae, 4, 3, chains=5)
    weights = bracket.reverse_log_weights.exp()
    torch.testing.assert_close(bracket.upper, (1 / (1 / weights).mean(0)).log())
    assert bracket.upper.shape == bracket.lower.shape == (4,)
    assert bracket.x.shape == (4, 5) and bracket.z.shape == (4, 3)


def test_a_given_pair_is_used(device, dtype):
    vae = linear_vae(device, dtype, d=3, n=5)
    x = data(vae, 4)
    z = torch.zeros(4, 3, dtype=dtype, device=device)
    with seeded(0):
        bracket = bidirectional_monte_carlo(vae, z=z, x=x, steps=2, chains=2)
    assert bracket.x is x and bracket.z is z


def test_bad_arguments():
    vae = linear_vae("cpu", torch.float32, d=3, n=5)
    with pytest.raises(ValueError, match="z and x must be given together, or neither"):
        bidirectional_monte_carlo(vae, x=torch.zeros(2, 5))
    with pytest.raises(ValueError, match=r"z has shape \(3, 3\), x has 2 examples"):
        bidirectional_monte_carlo(vae, z=torch.zeros(3, 3), x=torch.zeros(2, 5))
    with pytest.raises(ValueError, match="count must be a whole number of at least 1, got 0"):
        bidirectional_monte_carlo(vae, 0)
