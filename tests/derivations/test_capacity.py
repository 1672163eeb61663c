"""How to hold a rate: the contract, and the optima that a search finds."""

import math

import numpy as np
import pytest
import torch

from tests.derivations.contract import Contract
from vae_course.derivations import capacity
from vae_course.derivations.evaluation import closed_form


class TestCapacity(Contract):
    module = capacity


EIGENVALUE, SIGMA2, TARGET = 4.0, 1.0, 0.3
RATES = np.linspace(0, 3, 300_001)
DISTORTIONS = EIGENVALUE * np.exp(-2 * RATES) / (2 * SIGMA2)


def best_rate(gamma: float, target: float) -> float:
    return RATES[(DISTORTIONS + gamma * np.abs(RATES - target)).argmin()]


def test_a_capacity_is_reached_with_a_large_weight_only():
    optimum = math.log(EIGENVALUE / SIGMA2) / 2  # of the ELBO
    assert best_rate(1, TARGET) == pytest.approx(optimum, abs=1e-4)  # E16
    assert best_rate(1000, TARGET) == pytest.approx(TARGET, abs=1e-4)
    assert best_rate(1, 0.0) == pytest.approx(optimum, abs=1e-4)  # E17
    slope = EIGENVALUE * math.exp(-2 * TARGET) / SIGMA2
    assert best_rate(slope * 1.01, TARGET) == pytest.approx(TARGET, abs=1e-4)
    assert best_rate(slope * 0.99, TARGET) > TARGET + 1e-3


def test_the_controller_rests_at_the_weight_whose_optimum_is_the_capacity():
    beta = EIGENVALUE * math.exp(-2 * TARGET) / SIGMA2
    assert RATES[(DISTORTIONS + beta * RATES).argmin()] == pytest.approx(TARGET, abs=1e-4)
    derivation = capacity.control_equilibrium
    numbers = {capacity.lam: EIGENVALUE, capacity.sigma: math.sqrt(SIGMA2), capacity.beta: beta}
    for step in derivation.steps:
        line = closed_form(step.expression, derivation.setting)
        assert float(line.xreplace(numbers)) == pytest.approx(2.1952, abs=1e-4)


def test_below_the_capacity_autograd_pushes_the_rate_up():
    rate = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    gamma, target = 2.0, 1e6  # E18
    loss = EIGENVALUE * torch.exp(-2 * rate) / (2 * SIGMA2) + gamma * (rate - target).abs()
    (slope,) = torch.autograd.grad(loss, rate)
    derivation = capacity.capacity_slope
    line = closed_form(derivation.steps[-1].expression, derivation.setting)
    numbers = {capacity.lam: EIGENVALUE, capacity.sigma: math.sqrt(SIGMA2), capacity.R: 0.5}
    numbers |= {capacity.gamma: gamma, capacity.C: target}
    assert float(line.xreplace(numbers)) == pytest.approx(slope.item())
    without = -EIGENVALUE * math.exp(-1) / SIGMA2
    assert slope.item() == pytest.approx(without - gamma)


def test_the_mean_of_maxima_is_not_the_maximum_of_the_mean():
    """Rates 0, 0, 0, 2 with half a nat free (E68)."""
    rates, kappa = np.array([0, 0, 0, 2.0]), 0.5
    assert np.maximum(kappa, rates).mean() == 0.875
    assert np.maximum(kappa, rates.mean()) == 0.5
    wrong = [m for m in capacity.free_bits_gradient.mutants() if "(E68)" in m.change]
    assert len(wrong) == 3 and all(mutant.caught() for mutant in wrong)
