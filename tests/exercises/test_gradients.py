"""The references of "Gradients through samples" against torch, enumeration and quadrature."""

import math
from itertools import product

import pytest
import torch
from torch.distributions import (
    Bernoulli,
    Categorical,
    MixtureSameFamily,
    MultivariateNormal,
    Normal,
)

from tests.quadrature import nodes
from vae_course import exercises

DOUBLE = torch.float64


def reference(name):
    return exercises.get(f"gradients.{name}").solution


def draw(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE)


def test_log_q_is_torchs():
    tril = draw(5, 3, 3).tril(-1) + torch.diag_embed(draw(5, 3, seed=2).exp())
    mean, epsilon = draw(5, 3, seed=3), draw(4, 5, 3, seed=4)
    z = mean + (tril @ epsilon[..., None]).squeeze(-1)
    wanted = MultivariateNormal(mean, scale_tril=tril).log_prob(z)
    torch.testing.assert_close(reference("log_q")(epsilon, tril), wanted)


def test_pathwise_gradient_averages_to_that_of_the_elbo():
    """p(z) = N(0, 1), x|z ~ N(z, 1): at the exact posterior the gradient is zero (errata E03)."""
    x = torch.ones(1, 1, dtype=DOUBLE)
    mean = torch.full((1, 1), 0.5, dtype=DOUBLE, requires_grad=True)
    log_sigma = torch.full((1, 1), 0.5 * math.log(0.5), dtype=DOUBLE, requires_grad=True)
    epsilon, weights = nodes(-10, 10, 400)
    density = weights * Normal(0.0, 1.0).log_prob(epsilon).exp()
    estimates = reference("pathwise_elbo")(x, torch.ones(1, 1, dtype=DOUBLE), mean, log_sigma,
                                           epsilon[:, None])  # fmt: skip
    elbo = (density * estimates).sum()
    assert elbo.item() == pytest.approx(Normal(0.0, math.sqrt(2)).log_prob(x).item())
    for gradient in torch.autograd.grad(elbo, (mean, log_sigma)):
        assert abs(gradient.item()) < 1e-10


def test_leave_one_out_is_unbiased():
    """All draws of three Bernoulli variables, each with its probability; f contains the logit."""
    logit = torch.tensor(0.3, dtype=DOUBLE, requires_grad=True)

    def f(z):
        return (z - 0.4).square() + 5 + z * logit.sin()

    total = 0.0
    for draws in product((0.0, 1.0), repeat=3):
        z = torch.tensor(draws, dtype=DOUBLE)[:, None]
        log_prob = Bernoulli(logits=logit).log_prob(z)
        surrogate = reference("leave_one_out")(log_prob, f(z)).sum()
        (estimate,) = torch.autograd.grad(surrogate, logit)
        total += log_prob.sum().exp().item() * estimate.item()
    p = logit.sigmoid()
    exact = p * f(torch.ones((), dtype=DOUBLE)) + (1 - p) * f(torch.zeros((), dtype=DOUBLE))
    (wanted,) = torch.autograd.grad(exact, logit)
    assert total == pytest.approx(wanted.item(), abs=1e-12)


def test_straight_through_is_one_hot_forward_and_soft_backward():
    logits, gumbel = draw(6, 4).requires_grad_(), draw(6, 4, seed=2)
    drawn = reference("straight_through")(logits, gumbel, 0.7)
    torch.testing.assert_close(drawn.amax(-1), torch.ones(6, dtype=DOUBLE))
    assert torch.equal(drawn.argmax(-1), (logits + gumbel).argmax(-1))
    weights = draw(6, 4, seed=3)
    soft = ((logits + gumbel) / 0.7).softmax(-1)
    wanted, found = (torch.autograd.grad((y * weights).sum(), logits)[0] for y in (soft, drawn))
    torch.testing.assert_close(found, wanted)


def test_implicit_gradient_is_that_of_the_expectation():
    """E z² of a mixture, differentiated in closed form, and pathwise by quadrature over q."""
    logits, mean, log_sigma = (draw(3, seed=s).requires_grad_() for s in (1, 2, 3))
    q = MixtureSameFamily(Categorical(logits=logits), Normal(mean, log_sigma.exp()))
    exact = q.variance + q.mean.square()
    wanted = torch.autograd.grad(exact, (logits, mean, log_sigma), retain_graph=True)
    z = torch.arange(-4000, 4001, dtype=DOUBLE) / 100
    mass = (0.01 * q.log_prob(z).exp()).detach()
    kept = mass > 1e-12  # far out, F and q are both rounded away
    moved = reference("implicit_mixture")(z[kept], logits, mean, log_sigma)
    found = torch.autograd.grad((mass[kept] * moved.square()).sum(), (logits, mean, log_sigma))
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)
