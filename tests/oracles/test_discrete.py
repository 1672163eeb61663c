"""A discrete latent: sums over all its values agree with each other, with loops and with Bayes."""

from math import exp, log

import pytest
import torch
from torch import nn
from torch.distributions import Bernoulli, Independent, OneHotCategorical

from tests.quadrature import all_values
from tests.statistics import assert_frequencies, assert_mean
from vae_course.conditional import BernoulliLikelihood, Constant, GaussianLikelihood
from vae_course.oracles import (
    DiscreteLatentModel,
    FiniteDistribution,
    binary_vectors,
    one_hot,
)
from vae_course.random import seeded


class Linear(nn.Module):
    """q(z|x) from a linear layer's numbers."""

    def __init__(self, make, inputs: int, outputs: int):
        super().__init__()
        self.make, self.layer = make, nn.Linear(inputs, outputs)

    def forward(self, x):
        return self.make(self.layer(x))


def bits(logits):
    return Independent(Bernoulli(logits=logits, validate_args=False), 1)


def states(logits):
    return OneHotCategorical(logits=logits, validate_args=False)


def binary_model(device, dtype, d: int = 3, n: int = 4) -> DiscreteLatentModel:
    """d binary latents, n binary pixels."""
    with seeded(0):
        prior = Constant(bits(torch.randn(d, dtype=dtype)))
        decoder = BernoulliLikelihood(
            nn.Sequential(nn.Linear(d, 5), nn.Tanh(), nn.Linear(5, n)), (n,)
        )
        model = DiscreteLatentModel(Linear(bits, n, d), decoder, prior, binary_vectors(d))
    return model.to(device, dtype)


def mixture(device, dtype, states_: int = 3) -> DiscreteLatentModel:
    """A mixture of Gaussians in the plane."""
    with seeded(1):
        prior = Constant(states(torch.randn(states_, dtype=dtype)))
        decoder = GaussianLikelihood(nn.Linear(states_, 2), (2,), sigma=0.5)
        model = DiscreteLatentModel(Linear(states, 2, states_), decoder, prior, one_hot(states_))
    return model.to(device, dtype)


def both(device, dtype):
    yield binary_model(device, dtype), all_values([0.0, 1.0], 4).to(device, dtype)
    with seeded(2):
        yield mixture(device, dtype), torch.randn(6, 2, dtype=dtype).to(device)


def test_values():
    assert binary_vectors(2).tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert binary_vectors(1).tolist() == [[0], [1]]
    assert one_hot(2).tolist() == [[1, 0], [0, 1]]


@pytest.mark.dtypes("float64", "float32")
def test_probabilities_of_all_pictures_sum_to_one(device, dtype):
    model, x = binary_model(device, dtype), all_values([0.0, 1.0], 4).to(device, dtype)
    total = model.log_prob(x).exp().sum().item()
    assert abs(total - 1) < (1e-14 if dtype == torch.float64 else 1e-6)


def test_evidence_of_a_mixture_by_hand(device, dtype):
    model, x = mixture(device, dtype), torch.tensor([[0.3, -0.7]], dtype=dtype, device=device)
    prior = model.prior.probs.tolist()
    centres = (model.decoder.trunk.weight.T + model.decoder.trunk.bias).tolist()
    by_hand = sum(
        p * exp(-((0.3 - a) ** 2 + (-0.7 - b) ** 2) / (2 * 0.25)) / (2 * torch.pi * 0.25)
        for p, (a, b) in zip(prior, centres, strict=True)
    )
    assert abs(model.log_prob(x).item() - log(by_hand)) < 1e-12


def test_posterior_satisfies_bayes(device, dtype):
    for model, x in both(device, dtype):
        posterior = model.posterior(x)
        for z in model.values:
            z = z.expand(len(x), -1)
            joint = model.prior.log_prob(z) + model.decode(z).log_prob(x)
            wanted = joint - posterior.log_prob(z)
            torch.testing.assert_close(model.log_prob(x), wanted, rtol=1e-12, atol=1e-12)


def test_gap_is_the_kl_to_the_posterior(device, dtype):
    for model, x in both(device, dtype):
        q = model.encode(x)
        gap = torch.zeros(len(x), dtype=dtype, device=device)
        for z in model.values:
            z = z.expand(len(x), -1)
            log_q = q.log_prob(z)
            gap += log_q.exp() * (log_q - model.posterior(x).log_prob(z))
        assert gap.min() > 1e-3
        torch.testing.assert_close(model.gap(x), gap, rtol=1e-11, atol=1e-12)
        at_best = model.gap(x, model.posterior(x))
        torch.testing.assert_close(at_best, torch.zeros_like(gap), rtol=0, atol=1e-12)


def test_beta_weighs_the_rate(device, dtype):
    for model, x in both(device, dtype):
        bound = model.bound(x, beta=3.0)
        torch.testing.assert_close(bound.value, -(bound.distortion + 3 * bound.rate))
        assert (bound.rate > 0).all()


def test_gradient_of_the_evidence_is_the_mean_gradient_under_the_posterior(device, dtype):
    # Fisher's identity: the gradient of log p(x) is E[gradient of log p(x, z)] under p(z|x).
    for model, x in both(device, dtype):
        parameters = list(model.decoder.parameters())
        found = torch.autograd.grad(model.log_prob(x).sum(), parameters)
        masses = model.posterior(x).logits.exp().T.detach()
        wanted = torch.autograd.grad((masses * model.log_joint(x)).sum(), parameters)
        for a, b in zip(found, wanted, strict=True):
            assert b.abs().max() > 1e-3
            torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


def test_gradient_of_the_bound_by_finite_differences(device, dtype):
    for model, x in both(device, dtype):
        for parameter in (model.encoder.layer.weight, model.encoder.layer.bias):
            (found,) = torch.autograd.grad(model.bound(x).elbo.sum(), parameter)
            data, h = parameter.data.view(-1), 1e-5
            for i in range(len(data)):
                old = data[i].item()
                data[i] = old + h
                above = model.bound(x).elbo.sum().item()
                data[i] = old - h
                below = model.bound(x).elbo.sum().item()
                data[i] = old
                assert abs(found.view(-1)[i].item() - (above - below) / (2 * h)) < 1e-7


def test_expectation_of_any_integrand(device, dtype):
    model, x = binary_model(device, dtype), torch.ones(2, 4, dtype=dtype, device=device)
    q = model.encode(x)
    found = model.expectation(q, lambda z: z.sum(-1))
    torch.testing.assert_close(found, q.mean.sum(-1), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(
        model.posterior(x).mean[:, 0],
        model.expectation(model.posterior(x), lambda z: z[..., 0]),
        rtol=1e-12,
        atol=1e-12,
    )


def test_a_state_that_q_excludes_counts_for_nothing(device, dtype):
    model, x = mixture(device, dtype), torch.zeros(2, 2, dtype=dtype, device=device)
    logits = torch.zeros(2, 3, dtype=dtype, device=device)
    with torch.no_grad():
        logits[:, 1] = -torch.inf
    free = logits.clone().requires_grad_()
    bound = model.bound(x, FiniteDistribution(model.values, free, validate_args=False))
    bound.elbo.sum().backward()
    assert bound.elbo.isfinite().all()
    assert free.grad[:, [0, 2]].isfinite().all()
    log_p, half = model.log_joint(x), 0.5
    wanted = half * (log_p[0] + log_p[2]) - log(half)
    torch.testing.assert_close(bound.elbo, wanted, rtol=1e-12, atol=1e-12)


def test_finite_distribution_samples_its_rows(device, dtype, seed):
    values = torch.tensor([[0.0, 5.0], [1.0, 5.0], [2.0, 7.0]], dtype=dtype, device=device)
    masses = torch.tensor([0.2, 0.5, 0.3], dtype=dtype, device=device)
    distribution = FiniteDistribution(values, masses.log() + 3)
    with seeded(seed):
        draws = distribution.sample((40_000,))
    assert draws.shape == (40_000, 2)
    assert_frequencies(draws[:, 0], values[:, 0], masses, detects=0.03)
    torch.testing.assert_close(distribution.log_prob(values), masses.log())
    assert distribution.log_prob(values.flip(0)[:1] + 1).item() == -torch.inf
    torch.testing.assert_close(distribution.mean, masses @ values)
    many = distribution.expand((4,))
    assert many.sample((3,)).shape == (3, 4, 2)
    torch.testing.assert_close(many.log_prob(values[1]), masses.log()[1].expand(4))


def test_data_from_the_model_have_its_probabilities(device, dtype, seed):
    model = binary_model(device, dtype, n=2)
    x = all_values([0.0, 1.0], 2).to(device, dtype)
    with seeded(seed):
        draws = model.sample(20_000)
    same = (draws[:, None] == x).all(-1).to(dtype)
    assert_mean(same, model.log_prob(x).exp(), detects=0.06)


def test_bad_values():
    model = mixture("cpu", torch.float32)
    parts = model.encoder, model.decoder, model.prior_module
    with pytest.raises(ValueError, match=r"values has shape \(2, 2\), needs \(S, 3\)"):
        DiscreteLatentModel(*parts, torch.zeros(2, 2))
    with pytest.raises(ValueError, match="values must be a floating-point tensor"):
        DiscreteLatentModel(*parts, torch.eye(3, dtype=torch.long))
    with pytest.raises(ValueError, match=r"values have prior mass 0.*need all of it"):
        DiscreteLatentModel(*parts, torch.eye(3)[:2])
    with pytest.raises(ValueError, match="states must be a whole number"):
        one_hot(0)
    with pytest.raises(ValueError, match=r"x has shape \(3,\), needs \(B, 2\)"):
        model.log_prob(torch.zeros(3))
