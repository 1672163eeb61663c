"""Posterior heads on the sphere and between zero and one: what they return, and that they learn."""

from math import prod

import pytest
import torch
from torch import nn
from torch.distributions import Beta, Independent, kl_divergence

from tests.quadrature import Outputs, nodes
from tests.statistics import assert_mean
from vae_course import seeded
from vae_course.conditional import BernoulliLikelihood
from vae_course.data import load
from vae_course.directional import HypersphericalUniform, VonMisesFisher
from vae_course.directional_posteriors import BetaPosterior, VonMisesFisherPosterior
from vae_course.models import VAE
from vae_course.networks import mlp
from vae_course.objectives import elbo, iwae
from vae_course.training import evaluate, fit


def uniform_between_zero_and_one(d):
    return Independent(Beta(torch.ones(d), torch.ones(d)), 1)


HEADS = [
    (VonMisesFisherPosterior, HypersphericalUniform),
    (BetaPosterior, uniform_between_zero_and_one),
]


@pytest.mark.dtypes("float64", "float32")
def test_numbers_of_the_head_are_direction_and_log_concentration(device, dtype):
    posterior = VonMisesFisherPosterior(nn.Identity(), 2, 3).to(device, dtype)
    posterior.head = Outputs([3.0, 0.0, -4.0, 1.5]).to(device, dtype)
    q = posterior(torch.zeros(5, 2, dtype=dtype, device=device))
    assert isinstance(q, VonMisesFisher) and q.batch_shape == (5,) and q.event_shape == (3,)
    wanted = torch.tensor([0.6, 0.0, -0.8], dtype=dtype, device=device).expand(5, 3)
    torch.testing.assert_close(q.loc, wanted)
    torch.testing.assert_close(q.concentration, torch.full_like(q.concentration, 1.5).exp())


@pytest.mark.dtypes("float64", "float32")
def test_numbers_of_the_head_are_two_shapes_for_each_latent(device, dtype):
    posterior = BetaPosterior(nn.Identity(), 2, 2).to(device, dtype)
    posterior.head = Outputs([0.0, 3.0, -40.0, 20.0]).to(device, dtype)
    q = posterior(torch.zeros(5, 2, dtype=dtype, device=device))
    assert q.batch_shape == (5,) and q.event_shape == (2,)
    alpha, beta = q.base_dist.concentration1[0].tolist(), q.base_dist.concentration0[0].tolist()
    assert alpha == pytest.approx([0.7931472, 3.1485874]) and beta == pytest.approx([0.1, 20.1])


@pytest.mark.parametrize("head, prior", HEADS)
@pytest.mark.dtypes("float64", "float32")
def test_each_is_a_batch_of_distributions_that_a_gradient_reaches(device, dtype, head, prior):
    with seeded(0):
        posterior = head(mlp((6, 8), nn.ReLU), 8, 4).to(device, dtype)
        x = torch.randn(7, 6).to(device, dtype)
    q = posterior(x)
    z = q.rsample((3,))
    assert z.shape == (3, 7, 4) and z.dtype == dtype and z.device.type == device.type
    kl = kl_divergence(q, prior(4))
    assert kl.shape == q.log_prob(z).shape[1:] == (7,) and (kl > 0).all()
    (z.square() * torch.arange(4.0, device=device)).sum().backward()
    assert all(p.grad.isfinite().all() and p.grad.any() for p in posterior.parameters())


def test_divergence_of_the_beta_posterior_by_quadrature():
    posterior = BetaPosterior(nn.Identity(), 2, 1).double()
    posterior.head = Outputs([4.0, 3.0])
    q, p = posterior(torch.zeros(1, 2).double()), Beta(torch.tensor(2.0), torch.tensor(3.0))
    z, weight = nodes(0, 1, 400)
    log_q, log_p = q.log_prob(z[:, None]), p.log_prob(z)
    wanted = (weight * log_q.exp() * (log_q - log_p)).sum()
    found = kl_divergence(q, Independent(Beta(*map(torch.tensor, ([2.0], [3.0]))), 1))
    assert abs(found.item() - wanted.item()) < 1e-9


def test_gradient_of_a_mean_of_the_beta_posterior(seed):
    """E z = α / (α + β) and E z² = E z (α + 1) / (α + β + 1), differentiated."""
    shapes = torch.tensor([0.7, 2.5], dtype=torch.float64, requires_grad=True)
    a, b = shapes
    square = a / (a + b) * (a + 1) / (a + b + 1)
    (exact,) = torch.autograd.grad(2 * a / (a + b) + square, shapes)
    many = shapes.detach().expand(40_000, 2).clone().requires_grad_()
    with seeded(seed):
        z = Beta(many[:, 0], many[:, 1]).rsample()
        (found,) = torch.autograd.grad((2 * z + z.square()).sum(), many)
    assert_mean(found, exact, detects=0.05)


@pytest.mark.parametrize("head, prior", HEADS)
def test_a_vae_with_it_learns_digits(head, prior):
    digits = load("digits").images
    shape, d = (1, 8, 8), 5
    with seeded(0):
        trunk = nn.Sequential(nn.Flatten(-3), mlp((prod(shape), 64)), nn.ReLU())
        decoder = BernoulliLikelihood(mlp((d, 64, prod(shape))), shape)
        model = VAE(head(trunk, 64, d), decoder, prior(d))
    # Without a warm-up the posterior on the sphere collapses here.
    fit(model, elbo, digits, 400, warmup=200, device="cpu", progress=False, lr=5e-3)
    found = evaluate(model, elbo, digits)
    mean = digits.mean(0).clamp(1e-6, 1 - 1e-6)
    without = (mean * mean.log() + (1 - mean) * (1 - mean).log()).sum()  # no latents, one picture
    assert found["elbo"] > without + 1.2 and found["rate"] > 1
    # the bound of more draws is higher: log q and log p are densities on the same space
    with seeded(1):
        assert iwae(model, digits[:200], samples=30).value.mean() > found["elbo"] + 0.2


@pytest.mark.parametrize("head, least", [(VonMisesFisherPosterior, 2), (BetaPosterior, 1)])
def test_too_few_latents_are_refused(head, least):
    with pytest.raises(ValueError, match=f"latent_dim must be a whole number of at least {least}"):
        head(nn.Identity(), 4, least - 1)
