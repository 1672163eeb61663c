"""The worked examples: the contract, the package's own numbers, and every minibatch."""

from itertools import combinations

import pytest
import sympy
import torch
from torch.distributions import Normal, kl_divergence

from tests.derivations.contract import Contract
from vae_course.derivations import elbo_examples
from vae_course.derivations.elbo import elbo
from vae_course.derivations.evaluation import closed_form


class TestElboExamples(Contract):
    module = elbo_examples


@pytest.mark.parametrize("seed", range(3))
def test_the_gaussian_model_equals_torch(seed):
    generator = torch.Generator().manual_seed(seed)
    x, mean, log_sigma = torch.randn(3, generator=generator, dtype=torch.float64)
    sigma = log_sigma.exp()
    gap = kl_divergence(Normal(mean, sigma), Normal(x / 2, x.new_full((), 0.5).sqrt()))
    evidence = Normal(torch.zeros_like(x), 2**0.5).log_prob(x)
    derivation = elbo_examples.elbo_of_a_gaussian_model
    at = {"x": x.item(), "mu": mean.item(), "sigma": sigma.item()}
    for index, step in enumerate(derivation.steps):
        value = closed_form(step.expression, derivation.setting)
        value = float(value.subs({s: at[s.name] for s in value.free_symbols}))
        truth = evidence - gap if index < 4 else evidence
        assert value == pytest.approx(truth.item(), abs=1e-12)


def test_every_minibatch_counts():
    derivation = elbo_examples.elbo_of_a_minibatch
    xs = sympy.IndexedBase("x", real=True)
    bounds = [-3.0, 1.5, 0.25, 7.0]
    at = {elbo(xs[k + 1]): bound for k, bound in enumerate(bounds)}
    estimates = [2 * sum(some) for some in combinations(bounds, 2)]
    assert sum(estimates) / len(estimates) == pytest.approx(sum(bounds))
    for step in derivation.steps:
        value = closed_form(step.expression, derivation.setting).xreplace(at)
        assert float(value) == pytest.approx(sum(bounds))
