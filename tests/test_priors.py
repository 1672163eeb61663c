"""Mixture, VampPrior and flow prior: densities by hand and by quadrature, and the exact ELBO."""

from math import log, pi

import pytest
import torch
from torch import nn
from torch.distributions import Independent, Normal, kl_divergence

from tests.quadrature import nodes
from tests.statistics import assert_mean
from vae_course.conditional import DiagonalGaussian, GaussianLikelihood, StandardNormal
from vae_course.flow_posteriors import PlanarPosterior
from vae_course.flows import MAF, Flow, Planar
from vae_course.models import VAE
from vae_course.objectives import elbo
from vae_course.priors import MixturePrior, VampPrior
from vae_course.random import seeded


def two_modes(device="cpu", dtype=torch.float64) -> MixturePrior:
    """½ N(-2, 1) + ½ N(2, 1)."""
    prior = MixturePrior(1, components=2).to(device, dtype)
    with torch.no_grad():
        prior.means.copy_(torch.tensor([[-2.0], [2.0]]))
    return prior


def priors():
    """One of each kind in one dimension, float64."""
    with seeded(3):
        encoder = DiagonalGaussian(nn.Identity(), 2, 1)
        return {
            "mixture": MixturePrior(1, components=3, spread=2.0).double(),
            "vamp": VampPrior(encoder, torch.randn(4, 2)).double(),
            "flow": Flow(StandardNormal(1), [Planar(1), Planar(1)]).double(),
        }


@pytest.mark.parametrize("kind", ["mixture", "vamp", "flow"])
def test_density_integrates_to_one(kind):
    z, weights = nodes(-30.0, 30.0, 2000)
    log_p = priors()[kind]().log_prob(z[:, None])
    assert abs((weights * log_p.exp()).sum().item() - 1) < 1e-9


@pytest.mark.parametrize("kind", ["mixture", "vamp", "flow"])
def test_every_parameter_gets_a_gradient(kind):
    prior = priors()[kind]
    prior().log_prob(torch.tensor([[0.3], [-1.0]]).double()).sum().backward()
    for name, parameter in prior.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("kind", ["mixture", "vamp", "flow"])
def test_samples_have_the_mean_of_the_density(kind, seed):
    prior = priors()[kind]()
    z, weights = nodes(-30.0, 30.0, 2000)
    mean = (weights * prior.log_prob(z[:, None]).exp() * z).sum()
    with seeded(seed):
        assert_mean(prior.sample((40_000,))[:, 0], mean, detects=0.2)


def test_mixture_weighs_its_parts(device, dtype):
    prior = two_modes(device, dtype)
    with torch.no_grad():
        prior.logits.copy_(torch.tensor([0.0, log(3)]))  # a quarter and three quarters
        prior.log_var.copy_(torch.tensor([[0.0], [log(4)]]))  # deviations of 1 and 2
    z = torch.tensor([[1.0]], device=device, dtype=dtype)
    parts = (torch.exp(torch.tensor(-4.5)) / 4 + 3 / 4 * torch.exp(torch.tensor(-1 / 8)) / 2) / (
        2 * pi
    ) ** 0.5
    assert abs(prior().log_prob(z).item() - parts.log().item()) < 1e-6


def test_vamp_prior_is_the_average_posterior_of_its_pseudo_inputs():
    prior = priors()["vamp"]
    z = torch.linspace(-2, 2, 5).double()[:, None]
    each = torch.stack([prior.encoder(u[None]).log_prob(z) for u in prior.pseudo_inputs])
    torch.testing.assert_close(prior().log_prob(z), each.logsumexp(0) - log(4))


def test_vamp_prior_shares_the_encoder_and_counts_it_once():
    with seeded(0):
        encoder = DiagonalGaussian(nn.Identity(), 3, 2)
        prior = VampPrior(encoder, torch.rand(5, 3))
        model = VAE(encoder, GaussianLikelihood(nn.Linear(2, 3), (3,)), prior)
    own = {id(p) for p in model.parameters()}
    assert len(own) == len(list(model.parameters())) == 2 + 3 + 1
    assert model.prior_module.encoder is model.encoder
    moved = model.double()  # both move, and stay one
    assert moved.prior_module.encoder is moved.encoder
    assert moved.sample(4).dtype == torch.float64


def test_vamp_prior_takes_a_flow_posterior():
    with seeded(0):
        encoder = PlanarPosterior(nn.Identity(), 3, 2, layers=2).double()
        prior = VampPrior(encoder, torch.randn(4, 3).double())()
        z = torch.randn(6, 2).double()
    each = torch.stack([encoder(u[None]).log_prob(z) for u in prior_inputs(prior, encoder)])
    torch.testing.assert_close(prior.log_prob(z), each.logsumexp(0) - log(4))


def prior_inputs(prior, encoder):
    """The pseudo-inputs again, from the head: the trunk is the identity."""
    with seeded(0):
        PlanarPosterior(nn.Identity(), 3, 2, layers=2)
        return torch.randn(4, 3).double()


def test_kl_to_a_mixture_is_not_the_sum_of_kls(seed):
    # Erratum E53: q = N(1.5, 0.6²), p = ½ N(±2, 1). KL 0.980; the weighted sum says 3.316.
    prior = two_modes()
    q = Independent(Normal(torch.tensor([[1.5]]).double(), torch.tensor([[0.6]]).double()), 1)
    z, weights = nodes(-4.0, 7.0)
    log_ratio = q.log_prob(z[:, None]) - prior().log_prob(z[:, None])
    exact = (weights * q.log_prob(z[:, None]).exp() * log_ratio).sum().item()
    assert abs(exact - 0.9802) < 5e-5
    parts = [kl_divergence(q.base_dist, Normal(m, 1.0)).item() for m in (-2.0, 2.0)]
    assert abs(sum(parts) / 2 - 3.316) < 5e-4

    model = VAE(q.expand((1,)), GaussianLikelihood(nn.Linear(1, 1).double(), (1,)), prior)
    x = torch.zeros(1, 1).double()
    with seeded(seed), torch.no_grad():
        rates = torch.stack([elbo(model, x, samples=500).rate for _ in range(100)])
    assert_mean(rates[:, 0], exact, detects=0.05)


@pytest.mark.parametrize("kind", ["mixture", "vamp", "flow"])
def test_elbo_has_its_exact_mean(kind, seed):
    """Distortion and rate against quadrature over z."""
    prior = priors()[kind]
    with seeded(1):
        encoder = DiagonalGaussian(nn.Identity(), 2, 1)
        model = VAE(encoder, GaussianLikelihood(nn.Linear(1, 2), (2,)), prior).double()
        x = torch.randn(2, 2).double()
    q = model.encode(x)
    z, weights = nodes(-12.0, 12.0, 1000)
    z, weights = z[:, None, None], weights[:, None]
    mass = weights * q.log_prob(z).exp()
    rate = (mass * (q.log_prob(z) - model.prior.log_prob(z))).sum(0)
    distortion = -(mass * model.decode(z).log_prob(x)).sum(0)
    with seeded(seed), torch.no_grad():
        bounds = [elbo(model, x, samples=100) for _ in range(100)]
    assert_mean(torch.stack([b.rate for b in bounds]), rate, detects=0.3)
    assert_mean(torch.stack([b.distortion for b in bounds]), distortion, detects=0.5)


def test_a_prior_learns_where_the_codes_are(seed):
    """A standard normal cannot follow two separate clusters; each of the others gains nats."""
    gains = {}
    with seeded(seed):
        codes = 0.3 * torch.randn(512, 2) + torch.tensor([2.0, 0.0]) * torch.randn(512, 1).sign()
        encoder = DiagonalGaussian(nn.Identity(), 2, 2)
        with torch.no_grad():
            encoder.head.weight.copy_(torch.cat([torch.eye(2), torch.zeros(2, 2)]))
            encoder.head.bias.copy_(torch.tensor([0.0, 0.0, -3.0, -3.0]))
        kinds = {
            "mixture": MixturePrior(2, components=4, spread=2.0),
            "vamp": VampPrior(encoder, codes[:8]),
            "flow": MAF(2, layers=3, hidden=(32,)),
        }
        for name, prior in kinds.items():
            optimiser = torch.optim.Adam(prior.parameters(), lr=1e-2)
            for _ in range(150):
                optimiser.zero_grad()
                (-prior().log_prob(codes).mean()).backward()
                optimiser.step()
            gains[name] = (prior().log_prob(codes) - StandardNormal(2)().log_prob(codes)).mean()
    assert all(gain > 0.5 for gain in gains.values()), gains


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="components must be a whole number"):
        MixturePrior(2, components=0)
    with pytest.raises(ValueError, match="spread is 0"):
        MixturePrior(2, spread=0)
    with pytest.raises(ValueError, match="encoder is Normal"):
        VampPrior(Normal(0, 1), torch.zeros(3, 2))
    with pytest.raises(ValueError, match=r"pseudo_inputs has shape \(3,\)"):
        VampPrior(nn.Identity(), torch.zeros(3))
