"""Importance sampling against exact log p(x)."""

import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.distributions import Independent, Normal

from tests.quadrature import all_values, nodes
from tests.statistics import assert_mean
from vae_course.conditional import BernoulliLikelihood, StandardNormal
from vae_course.likelihood import effective_sample_size, importance_sampled_log_likelihood
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


@pytest.mark.parametrize("name", ["samples", "chunk", "batch_size"])
def test_bad_counts(name):
    vae = linear_vae("cpu", torch.float32)
    with pytest.raises(ValueError, match=f"{name} must be a whole number of at least 1, got 0"):
        importance_sampled_log_likelihood(vae, torch.zeros(2, 4), **{name: 0})


def test_examples_and_draws_come_in_pieces(device, dtype):
    vae, x = linear_vae(device, dtype), data(7, device, dtype)
    seen = []
    vae.decoder.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    with seeded(0):
        estimate = importance_sampled_log_likelihood(vae, x, samples=5, chunk=2, batch_size=3)
    assert [tuple(z.shape[:2]) for z in seen] == [
        (draws, examples) for examples in (3, 3, 1) for draws in (2, 2, 1)
    ]
    batches = [torch.cat(seen[i : i + 3]) for i in (0, 3, 6)]
    for z, examples, found in zip(batches, x.split(3), estimate.split(3), strict=True):
        log_weights = vae.decode(z).log_prob(examples) + vae.prior.log_prob(z)
        log_weights = log_weights - vae.encode(examples).log_prob(z)
        torch.testing.assert_close(found, log_weights.exp().mean(0).log(), rtol=1e-12, atol=1e-12)


PEAK = """
import resource, sys, torch
from vae_course.likelihood import importance_sampled_log_likelihood as estimate
from vae_course.models import mlp_vae
from vae_course.random import seeded

with seeded(0):
    vae, x = mlp_vae((1, 28, 28), (16,), 4), torch.rand(200, 1, 28, 28).round()
pieces = {} if sys.argv[1] == "pieces" else {"chunk": 500, "batch_size": 200}
estimate(vae, x[:20], 20)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
estimate(vae, x, 500, **pieces)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print((after - before) / (2**20 if sys.platform == "darwin" else 2**10))
"""


def test_memory_does_not_grow_with_the_draws():
    # 500 draws for each of 200 pictures: one tensor of all their pixels has 299 MiB, one of a piece
    # 15 MiB. The same pieces serve for 5,000 draws of 10,000 pictures.
    def mebibytes(way: str) -> float:
        # By way of a shell: a process begins with the peak of the one that it was forked from, and
        # that is this one, which may be large.
        command = ["sh", "-c", '"$0" -c "$1" "$2"; exit $?', sys.executable, PEAK, way]
        return float(subprocess.check_output(command, text=True))

    assert mebibytes("pieces") < 200
    assert mebibytes("whole") > 600


# Where it works and where sampling from the prior does not --------------------------------------


def wide_vae(seed: int) -> LinearGaussianVAE:
    """20 latents, well determined by 40 numbers, and the best diagonal Gaussian as encoder."""
    with seeded(seed):
        vae = LinearGaussianVAE(40, 20).double()
    with torch.no_grad():
        # Columns nearly at right angles: the posterior is correlated, but not by much.
        basis = torch.linalg.qr(vae.decoder.trunk.weight)[0]
        tilt = torch.eye(20).double() + 0.05 * torch.ones(20, 20).double().tril(-1)
        vae.decoder.trunk.weight.copy_(2 * basis @ tilt)
        vae.decoder.log_sigma.fill_(-1.0)
        model = vae.exact()
        at = model.posterior(torch.zeros(1, 40).double())
        basis = model.posterior(torch.eye(40).double())
        vae.encoder.mean.bias.copy_(at.mean[0])
        vae.encoder.mean.weight.copy_((basis.mean - at.mean).T)
        vae.encoder.log_var.copy_(-at.precision_matrix[0].diagonal().log())
    return vae


def test_within_a_twentieth_of_a_nat_where_the_prior_is_off_by_tens(seed):
    vae = wide_vae(0)
    exact = vae.exact()
    with seeded(1), torch.no_grad():
        x = vae.sample(4)
    log_p = exact.log_prob(x)
    gap = exact.gap(x, vae.encode(x))
    from_prior = VAE(
        Independent(Normal(torch.zeros(20), torch.ones(20)), 1).expand(()),
        vae.decoder,
        vae.prior_module,
    )
    with seeded(seed):
        good = importance_sampled_log_likelihood(vae, x, 20_000, chunk=5000)
        naive = importance_sampled_log_likelihood(from_prior.double(), x, 20_000, chunk=5000)
    assert (gap > 0.1).all()
    assert ((good - log_p).abs() < 0.05).all()
    assert (naive < log_p - 10).all()


# The effective sample size ---------------------------------------------------------------------


@pytest.mark.dtypes("float64", "float32")
def test_effective_sample_size(device, dtype):
    weights = torch.tensor([[1.0, 5.0, 1.0], [2.0, 5.0, 0.0], [3.0, 5.0, 0.0], [4.0, 5.0, 0.0]])
    log_weights = weights.to(device, dtype).log()
    wanted = torch.tensor([100 / 30, 4.0, 1.0]).to(device, dtype)
    torch.testing.assert_close(effective_sample_size(log_weights), wanted)
    # Weights count relative to each other, also where they are no numbers of this format.
    for shift in (-1000, 1000):
        found = effective_sample_size(log_weights + shift)
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=0)


def test_effective_sample_size_is_between_one_and_all(device, dtype):
    with seeded(0):
        log_weights = (10 * torch.randn(30, 4, 5)).to(device, dtype)
    found = effective_sample_size(log_weights)
    assert found.shape == (4, 5)
    assert ((found >= 1 - 1e-6) & (found <= 30 + 1e-6)).all()
    assert effective_sample_size(log_weights[0, 0, 0].expand(9)).item() == pytest.approx(9)


def test_bad_weights():
    for weights in (torch.zeros(()), torch.zeros(0, 3)):
        with pytest.raises(ValueError, match=r"log_weights has shape .*, needs \(K, \.\.\.\)"):
            effective_sample_size(weights)
    with pytest.raises(ValueError, match="log_weights must be a floating-point tensor"):
        effective_sample_size(torch.ones(3, dtype=torch.int64))
