"""What latents carry, on codes that were made for it."""

import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from tests.statistics import assert_mean
from vae_course.metrics import (
    active_units,
    aggregate_posterior_moments,
    encode_all,
    unit_rates,
)
from vae_course.models import mlp_vae
from vae_course.random import seeded


def posteriors(device, dtype, count: int = 12, d: int = 3):
    with seeded(0):
        mean = torch.randn(count, d, dtype=dtype).to(device)
        variance = torch.randn(count, d, dtype=dtype).exp().to(device)
    return mean, variance


def test_unit_rates_equal_the_kl_of_torch(device, dtype):
    mean, variance = posteriors(device, dtype)
    wanted = kl_divergence(
        Normal(mean, variance.sqrt()), Normal(torch.zeros_like(mean), torch.ones_like(mean))
    )
    rates = unit_rates(mean, variance)
    torch.testing.assert_close(rates, wanted.mean(0), rtol=1e-12, atol=1e-12)


def test_unit_rates_of_a_model_add_up_to_its_rate(device, dtype):
    vae = mlp_vae((6,), (8,), 3).to(device, dtype)
    with seeded(1):
        x = torch.rand(25, 6, dtype=dtype).to(device)
    rate = kl_divergence(vae.encode(x), vae.prior).mean()
    torch.testing.assert_close(unit_rates(*encode_all(vae, x)).sum(), rate)


def test_encode_all_is_the_same_in_any_batches(device, dtype):
    vae = mlp_vae((6,), (8,), 3).to(device, dtype)
    x = torch.rand(25, 6, dtype=dtype, device=device)
    mean, variance = encode_all(vae, x, batch_size=7)
    assert mean.shape == variance.shape == (25, 3)
    assert not mean.requires_grad
    torch.testing.assert_close(mean, vae.encode(x).mean)
    torch.testing.assert_close(variance, vae.encode(x).variance)


def test_active_units_of_constructed_codes(device, dtype):
    # Variances 0, 0.009, 0.011 and 4, each around a mean that plays no part.
    signs = torch.tensor([1.0, -1.0] * 500, dtype=dtype, device=device)
    variances = torch.tensor([0.0, 0.009, 0.011, 4.0], dtype=dtype, device=device)
    mean = 5 + signs[:, None] * variances.sqrt()
    assert active_units(mean).tolist() == [False, False, True, True]
    assert active_units(mean, threshold=0.005).tolist() == [False, True, True, True]
    assert active_units(mean, threshold=5.0).tolist() == [False] * 4


@pytest.mark.parametrize("d", [1, 3])
def test_aggregate_moments_of_the_mixture(device, dtype, seed, d):
    mean, variance = posteriors(device, dtype, count=5, d=d)
    aggregate_mean, covariance = aggregate_posterior_moments(mean, variance)
    assert aggregate_mean.shape == (d,)
    assert covariance.shape == (d, d)
    # The mixture's moments from those of its components: E[zzᵀ] = mean of μμᵀ + diag σ².
    second = (mean.unsqueeze(2) * mean.unsqueeze(1) + variance.diag_embed()).mean(0)
    wanted = second - mean.mean(0).outer(mean.mean(0))
    torch.testing.assert_close(aggregate_mean, mean.mean(0))
    torch.testing.assert_close(covariance, wanted, rtol=1e-12, atol=1e-12)
    # and from draws of it
    with seeded(seed):
        z = Independent(Normal(mean, variance.sqrt()), 1).sample((40_000,))
    centred = z - aggregate_mean
    products = (centred.unsqueeze(-1) * centred.unsqueeze(-2)).mean(1)
    assert_mean(products, covariance, detects=0.15)


@pytest.mark.parametrize(
    "call, said",
    [
        (lambda: active_units(torch.zeros(3)), r"mean has shape \(3,\), needs 2 dimensions"),
        (lambda: active_units(torch.zeros(1, 3)), r"mean has shape \(1, 3\), needs at least 2"),
        (lambda: unit_rates(torch.zeros(4, 3), torch.ones(4, 2)), r"\(4, 3\) and \(4, 2\)"),
        (
            lambda: aggregate_posterior_moments(torch.zeros(0, 3), torch.ones(0, 3)),
            r"\(0, 3\) and \(0, 3\), need the same \(N, d\) with N >= 1",
        ),
        (lambda: encode_all(mlp_vae((4,)), torch.zeros(3, 5)), r"x has shape \(3, 5\)"),
        (lambda: encode_all(mlp_vae((4,)), torch.zeros(3, 4), 0), "batch_size must be"),
    ],
)
def test_bad_input(call, said):
    with pytest.raises(ValueError, match=said):
        call()
