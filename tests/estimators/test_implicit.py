"""Implicit gradients: of a Gaussian they are the explicit ones."""

import pytest
import torch
from torch.distributions import Normal

from vae_course.estimators import implicit_sample


@pytest.mark.dtypes("float32", "float64")
def test_of_a_gaussian_they_are_the_explicit_ones(device, dtype):
    """-(∂F/∂μ)/q = 1 and -(∂F/∂σ)/q = (z - μ)/σ = ε."""
    mean = torch.tensor(0.7, dtype=dtype, device=device, requires_grad=True)
    sigma = torch.tensor(1.3, dtype=dtype, device=device, requires_grad=True)
    q = Normal(mean, sigma)
    epsilon = torch.linspace(-2, 2, 9, dtype=dtype, device=device)
    z = (mean + sigma * epsilon).detach()
    again = implicit_sample(z, q.cdf(z), q.log_prob(z).exp())
    assert torch.equal(again, z)
    for k in range(9):
        by_mean, by_sigma = torch.autograd.grad(again[k], [mean, sigma], retain_graph=True)
        torch.testing.assert_close(by_mean, torch.ones_like(by_mean), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(by_sigma, epsilon[k], rtol=1e-4, atol=1e-4)
