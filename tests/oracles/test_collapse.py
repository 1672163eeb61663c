"""The units of a trained linear VAE switch off where the theory says, each at β = λ / σ²."""

import pytest
import torch

from vae_course.oracles import (
    collapse_thresholds,
    data_with_eigenvalues,
    exact_elbo,
    optimal_linear_vae,
    sorted_rates,
    train_linear_vae,
)

EIGENVALUES, SIGMA = torch.tensor([4.0, 2.0, 1.0, 0.5], dtype=torch.float64), 0.5


def test_data_have_the_covariance_that_was_asked_for():
    x = data_with_eigenvalues(EIGENVALUES)
    torch.testing.assert_close(x.T @ x / len(x), EIGENVALUES.diag())
    assert x.mean(0).abs().max() == 0


@pytest.mark.parametrize("beta", [0.5, 3.0, 10.0])
def test_training_reaches_the_optimum_and_its_rates(beta):
    x = data_with_eigenvalues(EIGENVALUES)
    model = train_linear_vae(x, 4, SIGMA, beta, seed=1)
    best = optimal_linear_vae(EIGENVALUES, 4, SIGMA, beta)
    assert (
        exact_elbo(best, x, beta).value.mean() - exact_elbo(model, x, beta).value.mean()
    ).abs() < 1e-7
    theory = (0.5 * (EIGENVALUES / (beta * SIGMA**2)).log()).clamp(min=0)
    torch.testing.assert_close(sorted_rates(model, x), theory, rtol=0, atol=1e-5)


def test_every_unit_switches_off_within_two_percent_of_theory():
    x = data_with_eigenvalues(EIGENVALUES)
    found = collapse_thresholds(x, 4, SIGMA, low=1.0, high=30.0)
    assert (found / (EIGENVALUES / SIGMA**2) - 1).abs().max() < 0.02


def test_a_bracket_without_the_threshold_is_refused():
    x = data_with_eigenvalues(EIGENVALUES)
    with pytest.raises(ValueError, match="unit 0 does not switch off between"):
        collapse_thresholds(x, 4, SIGMA, low=1.0, high=5.0)
    with pytest.raises(ValueError, match="low and high are 2"):
        collapse_thresholds(x, 4, SIGMA, low=2.0, high=1.0)
