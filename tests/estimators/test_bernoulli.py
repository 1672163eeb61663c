"""NVIL for vectors of bits: unbiased whatever the baseline says, and quieter if it is good."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.distributions import Bernoulli, Independent

from tests.estimators.problems import gradients
from tests.statistics import assert_mean
from vae_course import seeded
from vae_course.estimators import (
    InputBaseline,
    enumeration,
    exact_gradient,
    nvil,
    score_function,
)

PHI = torch.tensor([0.5, -1.0, 0.2, 0.8]).double()


def bits(phi):
    return Independent(Bernoulli(logits=phi, validate_args=False), 1, validate_args=False)


def f(z, phi):
    return -30 + (z.sum(-1) - 1.5).square() + z[..., 0] * z[..., 3] + phi[..., 1]


def constant_network(value):
    network = nn.Linear(1, 1).double()
    nn.init.zeros_(network.weight)
    nn.init.constant_(network.bias, value)
    return network


def estimator(baseline, repeats):
    return partial(nvil, baseline=baseline, x=torch.zeros(repeats, 1).double())


@pytest.mark.parametrize("guess", [0.0, -29.0, 100.0])
def test_unbiased_for_any_baseline(seed, guess):
    exact = exact_gradient(enumeration, bits, PHI, f)
    baseline = InputBaseline(constant_network(guess), decay=0.99).double()
    repeats = 100_000
    found = gradients(estimator(baseline, repeats), bits, PHI, f, seed=seed, repeats=repeats)
    assert_mean(found, exact, detects=2.5)  # loose for a baseline that is 130 off
    assert (exact.abs() > 0.2).all()


def test_a_good_baseline_is_quieter_by_far(seed):
    exact = exact_gradient(enumeration, bits, PHI, f)
    repeats = 20_000
    without = gradients(score_function, bits, PHI, f, seed=seed, repeats=repeats)
    good = InputBaseline(constant_network(-28.0)).double()
    found = gradients(estimator(good, repeats), bits, PHI, f, seed=seed, repeats=repeats)
    assert_mean(found, exact, detects=0.12)
    assert (found.var(0) < without.var(0) / 100).all()


def test_the_centre_follows_and_acts_only_on_what_comes_after():
    baseline = InputBaseline(constant_network(1.0), decay=0.5).double()
    x = torch.zeros(2, 1).double()
    values = torch.tensor([[3.0, 5.0]]).double()
    torch.testing.assert_close(baseline(values, x), torch.tensor([1.0, 1.0]).double())
    # The mean of values - C(x) is 3; half of the way there is 1.5.
    torch.testing.assert_close(baseline(values, x), torch.tensor([2.5, 2.5]).double())
    torch.testing.assert_close(baseline.error.detach(), torch.tensor([[0.25, 6.25]]).double())


def test_the_network_learns_the_mean_of_f_given_x(seed):
    """f = 3x + noise: least squares finds slope and, with the centre, offset."""
    with seeded(seed):
        baseline = InputBaseline(nn.Linear(1, 1)).double()
        optimizer = torch.optim.Adam(baseline.parameters(), lr=0.05)
        for _ in range(400):
            x = torch.randn(256, 1).double()
            values = (3 * x[:, 0] + 7 + 0.1 * torch.randn(256)).expand(1, -1)
            baseline(values, x)
            optimizer.zero_grad()
            baseline.error.mean().backward()
            optimizer.step()
    left = baseline(torch.full((1, 3), 7.0).double(), torch.zeros(3, 1).double())
    assert baseline.network.weight.item() == pytest.approx(3, abs=0.1)
    torch.testing.assert_close(left, torch.full((3,), 7.0).double(), atol=0.2, rtol=0)


def test_the_error_trains_only_the_network_and_the_surrogate_does_not():
    baseline = InputBaseline(constant_network(1.0)).double()
    logits = PHI.expand(2, 4).clone().requires_grad_()
    with seeded(0):
        surrogate = nvil(
            bits(logits),
            lambda z: z.sum(-1),
            3,
            baseline=baseline,
            x=torch.zeros(2, 1).double(),
        )
    assert surrogate.shape == (3, 2) and baseline.error.shape == (3, 2)
    surrogate.sum().backward(retain_graph=True)
    assert logits.grad is not None and baseline.network.bias.grad is None
    logits.grad = None
    baseline.error.sum().backward()
    assert logits.grad is None and baseline.network.bias.grad is not None


@pytest.mark.dtypes("float32", "float64")
def test_dtype_and_device(device, dtype):
    baseline = InputBaseline(nn.Linear(2, 1)).to(device, dtype)
    logits = PHI.to(device, dtype).expand(3, 4).clone().requires_grad_()
    with seeded(0):
        surrogate = nvil(
            bits(logits),
            lambda z: z.sum(-1),
            baseline=baseline,
            x=torch.ones(3, 2, dtype=dtype, device=device),
        )
    assert surrogate.dtype == dtype and surrogate.device.type == device.type


def test_bad_input():
    q = bits(PHI.expand(2, 4))
    good = InputBaseline(nn.Linear(1, 1).double())
    with pytest.raises(ValueError, match="baseline is float, needs an InputBaseline"):
        nvil(q, lambda z: z.sum(-1), baseline=1.0, x=torch.zeros(2, 1))
    with pytest.raises(ValueError, match=r"network\(x\) has shape \(5,\), needs \(2,\)"):
        nvil(q, lambda z: z.sum(-1), baseline=good, x=torch.zeros(5, 1).double())
    with pytest.raises(ValueError, match="decay is -0"):
        InputBaseline(nn.Linear(1, 1), decay=-0.1)
    with pytest.raises(ValueError, match="samples must be"):
        nvil(q, lambda z: z.sum(-1), 0, baseline=good, x=torch.zeros(2, 1).double())
