"""Dequantisation: the noise, the bound it gives, and bits per dimension."""

from math import log

import pytest
import torch
from torch.distributions import Beta, Categorical

from tests.statistics import assert_mean
from vae_course.flows import (
    Glow,
    Logit,
    bits_per_dimension,
    dequantise,
    dequantised_log_likelihood,
    quantise,
)
from vae_course.random import seeded
from vae_course.training import fit


@pytest.mark.parametrize("levels", [2, 16, 256])
@pytest.mark.dtypes("float32", "float64")
def test_each_level_becomes_an_interval_of_its_own(levels, dtype, device):
    x = torch.arange(levels, device=device, dtype=dtype).div(levels - 1).expand(4000, levels)
    with seeded(0):
        y = dequantise(x, levels)
    low = torch.arange(levels, device=device, dtype=dtype) / levels
    assert (y >= low).all() and (y < low + 1 / levels + 1e-6).all() and y.max() <= 1
    assert y.dtype == dtype and torch.equal(quantise(y, levels), x)


def test_the_noise_is_uniform_over_the_level(seed):
    with seeded(seed):
        y = dequantise(torch.full((40_000, 1), 100 / 255, dtype=torch.float64))
    u = 256 * y - 100
    assert_mean(u, 0.5, detects=0.02)
    assert_mean(u.square(), 1 / 3, detects=0.02)


def test_a_uniform_density_costs_the_bits_of_a_level():
    n = 12
    for levels, bits in [(256, 8.0), (32, 5.0), (2, 1.0)]:
        got = bits_per_dimension(torch.zeros(3, dtype=torch.float64), n, levels)
        torch.testing.assert_close(got, torch.full((3,), bits, dtype=torch.float64))


def test_for_a_density_that_is_constant_on_each_level_the_bound_is_exact():
    """P is any distribution of four pixels; its density in [0, 1) is P · 8 on each interval."""
    with seeded(1):
        p = Categorical(logits=torch.randn(8, dtype=torch.float64))
        v = p.sample((50, 4))

    class Steps:
        def log_prob(self, y):
            return (p.log_prob((y * 8).long()) + log(8)).sum(-1)

    bound = dequantised_log_likelihood(Steps(), v.double() / 7, levels=8)
    torch.testing.assert_close(bound.value, p.log_prob(v).sum(-1))
    bits = -p.log_prob(v).sum(-1) / (4 * log(2))
    torch.testing.assert_close(bound.terms["bits_per_dimension"], bits)


def test_for_any_other_density_it_is_a_bound():
    """One pixel of four levels under a Beta density; both sides by quadrature over u."""
    density, nodes = Beta(2.0, 3.0), (torch.arange(4000, dtype=torch.float64) + 0.5) / 4000
    log_p = density.log_prob((torch.arange(4)[:, None] + nodes) / 4)
    bound = log_p.mean(-1) - log(4)
    exact = (log_p.exp().mean(-1) / 4).log()
    assert (exact - bound > 0.0005).all() and (exact - bound).max() > 0.1
    torch.testing.assert_close(exact.exp().sum(), torch.tensor(1.0).double(), atol=1e-6, rtol=0)


def test_the_objective_draws_new_noise_and_counts_it():
    flow = Glow((1, 4, 4), 1, 1, 4, alpha=0.05)
    x = torch.full((5, 1, 4, 4), 3 / 15)
    with seeded(0):
        first = dequantised_log_likelihood(flow, x, levels=16)
    with seeded(0):
        wanted = flow.log_prob(dequantise(x, 16)) - 16 * log(16)
    second = dequantised_log_likelihood(flow, x, beta=torch.tensor(1.0), levels=16)
    assert torch.equal(first.value, wanted) and (first.value != second.value).all()
    torch.testing.assert_close(
        first.terms["bits_per_dimension"], -first.value / (16 * log(2)), rtol=1e-5, atol=1e-6
    )


def test_a_flow_is_trained_by_it():
    with seeded(0):
        flow = Glow((1, 4, 4), 1, 2, 8)
        x = (torch.rand(200, 1, 4, 4) * 3 / 15).mul(15).round() / 15

    def objective(model, batch, beta):
        return dequantised_log_likelihood(model, batch, beta, levels=16)

    history = fit(flow, objective, x, steps=60, lr=1e-2, log_every=20, progress=False)
    # The levels 0 to 3 have the probabilities 1/6, 1/3, 1/3 and 1/6.
    entropy = log(6) / log(2) - 2 / 3
    first, *_, last = history.bits_per_dimension
    assert entropy - 0.05 < last < min(first, entropy + 0.1)


@pytest.mark.parametrize("alpha", [0.05, 1e-4])
def test_logit_is_the_formula(alpha):
    y = torch.linspace(0, 1, 12, dtype=torch.float64).reshape(1, 1, 3, 4)
    z, log_det = Logit(alpha).inverse(y)
    p = alpha + (1 - 2 * alpha) * y
    torch.testing.assert_close(z, p.logit())
    slope = (1 - 2 * alpha) / (p * (1 - p))
    torch.testing.assert_close(log_det, slope.log().sum((-1, -2, -3)))


@pytest.mark.parametrize("alpha", [0, 0.5, -1])
def test_an_alpha_that_leaves_nothing_is_refused(alpha):
    with pytest.raises(ValueError, match=r"needs a number between 0 and 0\.5"):
        Logit(alpha)


def test_bad_arguments_are_refused():
    x = torch.zeros(2, 3)
    with pytest.raises(ValueError, match="x must be a floating-point tensor"):
        dequantise(x.long())
    with pytest.raises(ValueError, match="levels must be a whole number of at least 2"):
        dequantise(x, levels=1)
    with pytest.raises(ValueError, match="n must be a whole number"):
        bits_per_dimension(x, n=0)
