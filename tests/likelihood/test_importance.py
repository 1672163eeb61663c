"""Importance sampling against exact log p(x)."""

import pytest
import torch
from torch import nn
from torch.distributions import Independent, Normal

from tests.quadrature import all_values, nodes
from tests.statistics import assert_mean
from vae_course.conditional import BernoulliLikelihood, StandardNormal
from vae_course.likelihood import importance_sampled_log_likelihood
from vae_course.models import VAE
from vae_course.oracles import LinearGaussianVAE, exact_elbo
from vae_course.random import seeded


def linear_vae(device, dtype) -> LinearGaussianVAE:
    with seeded(0):
        vae = LinearGaussianVAE(4, 2)
        with torch.no_grad():
            vae.encoder.log_var.fill_(-0.5)
    return vae.to(device, dtype)


def data(batch: int, device, dtype):
    with seeded(1):
        return torch.randn(batch, 4, dtype=dtype).to(device)


class PosteriorOf(nn.Module):
    """The exact posterior of a linear VAE, as an encoder."""

    def __init__(self, vae):
        super().__init__()
        self.oracle, self.latent_dim = vae.exact(), vae.latent_dim

    def forward(self, x):
        return self.oracle.posterior(x)


@pytest.mark.parametrize("samples", [1, 7])
def test_exact_with_the_posterior_as_encoder(device, dtype, samples):
    vae, x = linear_vae(device, dtype), data(6, device, dtype)
    ideal = VAE(PosteriorOf(vae), vae.decoder, vae.prior_module)
    with seeded(0):
        estimate = importance_sampled_log_likelihood(ideal, x, samples, chunk=3)
    torch.testing.assert_close(estimate, vae.exact().log_prob(x), rtol=0, atol=1e-10)


@pytest.mark.parametrize("samples", [1, 5])
def test_unbiased_for_the_likelihood_itself(device, dtype, seed, samples):
    vae, x = linear_vae(device, dtype), data(1, device, dtype)
    exact = vae.exact().log_prob(x)
    with seeded(seed):
        estimate = importance_sampled_log_likelihood(vae, x.expand(40_000, -1), samples)
    assert_mean((estimate - exact).exp(), 1.0, detects=0.2)


def test_more_samples_are_tighter_and_approach_the_likelihood(device, dtype, seed):
    vae, x = linear_vae(device, dtype), data(1, device, dtype)
    exact = vae.exact().log_prob(x).item()
    with seeded(seed):
        batch = x.expand(4_000, -1)
        means = [
            importance_sampled_log_likelihood(vae, batch, samples).mean().item()
            for samples in (1, 10, 100)
        ]
    bound = exact_elbo(vae, x).elbo.item()
    assert bound - 0.1 < means[0] < means[1] < means[2] < exact + 0.01
    assert exact - means[2] < 0.02 < exact - bound


def test_bernoulli_decoder_against_quadrature(device, dtype, seed):
    # p(x) of all 16 binary pictures by quadrature over one latent. They sum to one.
    with seeded(3):
        decoder = BernoulliLikelihood(
            nn.Sequential(nn.Linear(1, 5), nn.Tanh(), nn.Linear(5, 4)), (4,)
        )
        encoder = Independent(Normal(torch.zeros(1), torch.full((1,), 1.3)), 1)
        vae = VAE(encoder, decoder, StandardNormal(1))
    vae = vae.to(device, dtype)
    x = all_values([0.0, 1.0], 4).to(device, dtype)
    z, weights = (t.to(device) for t in nodes(-9, 9, 400))
    with torch.no_grad():
        density = vae.prior.log_prob(z[:, None]).exp() * weights
        conditional = vae.decode(z[:, None, None]).log_prob(x).exp()  # (z, x)
    exact = (density[:, None] * conditional).sum(0)
    assert abs(exact.sum().item() - 1) < 1e-12
    with seeded(seed):
        estimate = importance_sampled_log_likelihood(vae, x.repeat(2_000, 1), samples=20)
    draws = estimate.exp().reshape(2_000, 16)
    assert_mean(draws / exact, 1.0, detects=0.1)


def test_chunks_bound_the_memory_and_every_draw_counts(device, dtype):
    vae, x = linear_vae(device, dtype), data(3, device, dtype)
    seen = []
    vae.decoder.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    with seeded(0):
        estimate = importance_sampled_log_likelihood(vae, x, samples=10, chunk=4)
    assert [len(z) for z in seen] == [4, 4, 2]
    z = torch.cat(seen)
    q, p_x = vae.encode(x), vae.decode(z)
    weights = (p_x.log_prob(x) + vae.prior.log_prob(z) - q.log_prob(z)).exp()
    assert estimate.shape == (3,)
    torch.testing.assert_close(estimate, weights.mean(0).log(), rtol=1e-12, atol=1e-12)


def test_no_graph_is_kept():
    vae = linear_vae("cpu", torch.float32)
    x = data(3, "cpu", torch.float32)
    assert not importance_sampled_log_likelihood(vae, x, 2).requires_grad


@pytest.mark.parametrize("name", ["samples", "chunk"])
def test_bad_counts(name):
    vae = linear_vae("cpu", torch.float32)
    with pytest.raises(ValueError, match=f"{name} must be a whole number of at least 1, got 0"):
        importance_sampled_log_likelihood(vae, torch.zeros(2, 4), **{name: 0})
