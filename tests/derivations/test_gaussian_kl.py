"""Gaussian KL divergences: the contract, quadrature, and torch."""

import re

import mpmath
import pytest
import sympy
import torch
from torch.distributions import Normal, kl_divergence

from tests.derivations.contract import Contract
from vae_course import derivations
from vae_course.derivations import gaussian_kl
from vae_course.derivations.evaluation import Reader, closed_form
from vae_course.derivations.numerics import at_point, quadrature


class TestGaussianKL(Contract):
    module = gaussian_kl


def test_indices_are_shifted_too():
    changes = [mutant.change for mutant in gaussian_kl.kl_diagonal.mutants()]
    assert len([c for c in changes if re.search("index .* shifted|upper limit", c)]) >= 15


def test_the_mistakes_that_are_printed_most_often_are_planted():
    changes = " ".join(m.change for m in gaussian_kl.kl_from_standard_normal.mutants())
    for wanted in ["E105", "E63", "sign of log σ² is turned", "−1 is missing", "½ is missing"]:
        assert wanted in changes


@pytest.mark.parametrize("name", ["kl_from_standard_normal", "kl_between_gaussians"])
def test_quadrature_agrees_with_every_line_to_30_digits(name):
    derivation = derivations.get(name)
    for seed in range(3):
        with mpmath.workdps(40):
            reader = Reader(derivation.setting, quadrature(seed))
            lines = [reader.read(step.expression, {}) for step in derivation.steps]
            values = [mpmath.mpmathify(sympy.N(at_point(line, seed), 40)) for line in lines]
            assert max(values) - min(values) < mpmath.mpf(10) ** -30
            assert values[0] > mpmath.mpf("1e-3")  # not the same because all of them vanish


@pytest.mark.parametrize("seed", range(3))
def test_results_equal_torch(seed):
    generator = torch.Generator().manual_seed(seed)
    mean, other_mean, log_var, other_log_var = torch.randn(
        4, generator=generator, dtype=torch.float64
    )
    sigma, other_sigma = (0.5 * log_var).exp(), (0.5 * other_log_var).exp()
    numbers = {
        "mu": mean,
        "sigma": sigma,
        "r": log_var,
        "mu_1": mean,
        "sigma_1": sigma,
        "mu_2": other_mean,
        "sigma_2": other_sigma,
    }

    def value(name: str) -> float:
        result = derivations.get(name).steps[-1].expression
        return float(result.subs({s: numbers[s.name].item() for s in result.free_symbols}))

    q = Normal(mean, sigma)
    assert value("kl_from_standard_normal") == pytest.approx(
        kl_divergence(q, Normal(torch.zeros_like(mean), torch.ones_like(mean))).item(), abs=1e-12
    )
    assert value("kl_between_gaussians") == pytest.approx(
        kl_divergence(q, Normal(other_mean, other_sigma)).item(), abs=1e-12
    )


def test_the_diagonal_result_equals_torch():
    derivation = derivations.kl_diagonal
    result = closed_form(derivation.steps[-1].expression, derivation.setting)
    mean, sigma = torch.tensor([[0.3, -1.2], [0.7, 1.9]], dtype=torch.float64)
    mus, sigmas = sympy.IndexedBase("mu", real=True), sympy.IndexedBase("sigma", positive=True)
    numbers = {mus[k + 1]: mean[k].item() for k in range(2)}
    numbers |= {sigmas[k + 1]: sigma[k].item() for k in range(2)}
    truth = kl_divergence(Normal(mean, sigma), Normal(0 * mean, 0 * mean + 1)).sum().item()
    assert float(result.xreplace(numbers)) == pytest.approx(truth, abs=1e-12)
