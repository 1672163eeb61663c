"""The scale of the reconstruction term: the contract, and torch's own densities."""

import math

import numpy as np
import pytest
import torch

from tests.derivations.contract import Contract
from vae_course.derivations import variance_scaling
from vae_course.derivations.evaluation import closed_form


class TestVarianceScaling(Contract):
    module = variance_scaling


X, PREDICTED, RATE = np.array([0.2, 0.9, 0.4]), np.array([0.5, 0.1, 0.3]), 1.7


def test_the_harmless_loss_has_a_beta_of_half_the_dimensions():
    loss = ((X - PREDICTED) ** 2).mean() + RATE
    noise = torch.distributions.Normal(torch.tensor(PREDICTED), 1.0, validate_args=False)
    distortion = -noise.log_prob(torch.tensor(X)).sum().item()
    assert loss == pytest.approx(2 / 3 * (distortion + 3 / 2 * RATE) - math.log(2 * math.pi))
    numbers = {variance_scaling.R: RATE}
    for k in range(3):
        numbers |= {
            variance_scaling.xs[k + 1]: X[k],
            variance_scaling.predicted[k + 1]: PREDICTED[k],
        }
    derivation = variance_scaling.mean_squared_error_scaling
    for step in derivation.steps:
        line = closed_form(step.expression, derivation.setting)
        assert float(line.xreplace(numbers)) == pytest.approx(loss, abs=1e-12)


def test_no_other_variance_fits_better_than_the_mean_squared_error():
    errors = X - PREDICTED
    sigma = np.linspace(0.1, 2, 100_001)
    costs = 1.5 * np.log(2 * np.pi * sigma**2) + (errors**2).sum() / (2 * sigma**2)
    assert sigma[costs.argmin()] ** 2 == pytest.approx((errors**2).mean(), rel=1e-3)
    derivation = variance_scaling.optimal_variance
    last = closed_form(derivation.steps[-1].expression, derivation.setting)
    numbers = {variance_scaling.residual[k + 1]: error for k, error in enumerate(errors)}
    assert float(last.xreplace(numbers)) == pytest.approx(costs.min(), abs=1e-6)
