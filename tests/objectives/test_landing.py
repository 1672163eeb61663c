"""Sticking the landing, held to the exact ELBO of linear-Gaussian models."""

import pytest
import torch
from torch import nn
from torch.autograd import grad
from torch.distributions import Independent, Normal

from tests.statistics import assert_mean
from vae_course.models import VAE
from vae_course.objectives import MonteCarloBound, elbo, sticking_the_landing
from vae_course.oracles import LinearGaussianVAE
from vae_course.random import seeded


class FreePosterior(nn.Module):
    """A diagonal posterior with parameters of its own for each example of one batch."""

    def __init__(self, mean, log_var):
        super().__init__()
        self.mean, self.log_var = nn.Parameter(mean), nn.Parameter(log_var)

    def forward(self, x):
        return Independent(Normal(self.mean, (0.5 * self.log_var).exp()), 1)


def models(copies: int, device, dtype, at_the_posterior: bool = False) -> tuple:
    """A linear decoder with free posteriors, one example and many times the same, and that x."""
    with seeded(0):
        linear = LinearGaussianVAE(5, 2).to(device, dtype)
    x = torch.linspace(-1, 1, 5, device=device, dtype=dtype)[None]
    with torch.no_grad():
        linear.decoder.trunk.weight.copy_(torch.eye(5)[:, :2] * torch.tensor([1.5, 0.7]))
    mean = torch.tensor([[0.3, -1.0]], device=device, dtype=dtype)
    log_var = torch.tensor([[-1.0, 0.5]], device=device, dtype=dtype)
    if at_the_posterior:  # diagonal, for the columns of the weight are orthogonal
        q = linear.exact().posterior(x)
        mean, log_var = q.mean.detach(), q.variance.log().detach()
    one, many = (
        VAE(
            FreePosterior(mean.repeat(n, 1), log_var.repeat(n, 1)),
            linear.decoder,
            linear.prior_module,
        )
        for n in (1, copies)
    )
    return linear.exact(), one, many, x


@pytest.mark.parametrize("beta", [1.0, 0.3])
@pytest.mark.parametrize("samples", [1, 3])
def test_value_and_gradient_have_the_exact_means(device, dtype, seed, samples, beta):
    exact, one, many, x = models(40_000, device, dtype)
    wanted = exact.bound(x, one.encode(x), beta)
    with seeded(seed):
        bound = sticking_the_landing(many, x.expand(40_000, -1), samples, beta)
    assert isinstance(bound, MonteCarloBound)
    assert_mean(bound.distortion, wanted.distortion[0], detects=0.3)
    assert_mean(bound.rate, wanted.rate[0], detects=0.1)
    for name in ("mean", "log_var"):
        (target,) = grad(wanted.value.sum(), getattr(one.encoder, name), retain_graph=True)
        (draws,) = grad(bound.value.sum(), getattr(many.encoder, name), retain_graph=True)
        assert_mean(draws, target[0], detects=0.3)


def test_no_noise_is_left_at_the_posterior(device, dtype):
    _, _, many, x = models(50, device, dtype, at_the_posterior=True)
    largest = {}
    for objective in (sticking_the_landing, elbo):
        with seeded(0):
            value = objective(many, x.expand(50, -1)).value.sum()
        found = grad(value, list(many.encoder.parameters()))
        largest[objective] = max(g.abs().max().item() for g in found)
    assert largest[sticking_the_landing] < 1e-12
    assert largest[elbo] > 0.1


def test_the_value_is_the_evidence_there_for_every_draw(device, dtype):
    exact, _, many, x = models(50, device, dtype, at_the_posterior=True)
    bound = sticking_the_landing(many, x.expand(50, -1))
    torch.testing.assert_close(bound.elbo, exact.log_prob(x).expand(50), rtol=0, atol=1e-10)


def test_the_decoder_gets_the_gradient_of_the_elbo(device, dtype):
    _, _, many, x = models(20, device, dtype)
    found = []
    for objective in (sticking_the_landing, elbo):
        with seeded(0):
            value = objective(many, x.expand(20, -1), samples=2).value.mean()
        found.append(grad(value, list(many.decoder.parameters())))
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b)


def test_bad_arguments():
    _, one, _, x = models(2, "cpu", torch.float64)
    with pytest.raises(ValueError, match="samples must be a whole number of at least 1, got 0"):
        sticking_the_landing(one, x, samples=0)
    with pytest.raises(ValueError, match="beta is -1, needs a number >= 0"):
        sticking_the_landing(one, x, beta=-1)
