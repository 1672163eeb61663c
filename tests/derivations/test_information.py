"""The rate taken apart: the contract, and the same numbers by enumeration and by torch."""

import math

import numpy as np
import pytest
import torch

from tests.derivations.contract import Contract
from vae_course.derivations import information
from vae_course.derivations.evaluation import closed_form


class TestInformation(Contract):
    module = information


def value(derivation, step: int, numbers: dict) -> float:
    line = closed_form(derivation.steps[step].expression, derivation.setting)
    return float(line.xreplace(numbers))


def test_no_code_tells_more_than_the_logarithm_of_the_number_of_examples():
    encoder = np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]])  # rows: n
    prior = np.array([0.3, 0.7])
    numbers = {information.prior(k + 1): p for k, p in enumerate(prior)}
    for n in range(3):
        numbers |= {information.q(k + 1, n + 1): p for k, p in enumerate(encoder[n])}
    codes = encoder.mean(0)
    rate = (encoder * np.log(encoder / prior)).sum(1).mean()
    told = (encoder * np.log(encoder / codes)).sum(1).mean()
    derivation = information.information_decomposition
    values = [value(derivation, k, numbers) for k in range(len(derivation.steps))]
    assert values == pytest.approx([rate] * len(values), abs=1e-12)
    assert told < math.log(3)
    assert rate == pytest.approx(told + (codes * np.log(codes / prior)).sum())


def test_the_three_parts_by_enumeration_of_two_latents():
    rng = np.random.default_rng(0)
    data = np.array([0.4, 0.6])
    encoder = rng.dirichlet(np.ones(4), size=2).reshape(2, 2, 2)  # x, z_1, z_2
    first, second = np.array([0.3, 0.7]), np.array([0.6, 0.4])
    numbers = {}
    for k in range(2):
        numbers |= {information.data(k + 1): data[k]}
        numbers |= {information.prior_1(k + 1): first[k], information.prior_2(k + 1): second[k]}
        for i, j in np.ndindex(2, 2):
            numbers |= {information.encoder(i + 1, j + 1, k + 1): encoder[k, i, j]}
    joint = data[:, None, None] * encoder
    rate = (joint * np.log(encoder / np.outer(first, second))).sum()
    derivation = information.total_correlation_decomposition
    for step in range(len(derivation.steps)):
        assert value(derivation, step, numbers) == pytest.approx(rate, abs=1e-12)


def test_the_total_correlation_of_a_gaussian_is_torch_s_divergence():
    rho, scales = 0.6, torch.tensor([0.7, 1.9], dtype=torch.float64)
    diagonal = torch.diag(scales**2)
    both = torch.outer(scales, scales) * torch.tensor([[1, rho], [rho, 1]], dtype=scales.dtype)
    zero = torch.zeros(2, dtype=torch.float64)
    codes, apart = (
        torch.distributions.MultivariateNormal(zero, c, validate_args=False)
        for c in (both, diagonal)
    )
    truth = torch.distributions.kl_divergence(codes, apart).item()
    derivation = information.total_correlation_gaussian
    numbers = {information.tilt: rho / math.sqrt(1 - rho**2)}
    numbers |= {information.sigma[k + 1]: scale.item() for k, scale in enumerate(scales)}
    for step in (0, 1, 2, 3):
        assert value(derivation, step, numbers) == pytest.approx(truth, rel=1e-9)
    assert truth == pytest.approx(-math.log(1 - rho**2) / 2)


def test_the_wrong_form_for_one_example_is_refused_and_so_is_a_dependent_prior():
    mutants = information.total_correlation_decomposition.mutants()
    wrong = [mutant.caught() for mutant in mutants if "(E43)" in mutant.change]
    assert [caught.index for caught in wrong] == [1, 1]


def test_a_rotation_of_unequal_spreads_does_change_the_rate():
    """Why the encoder of the derivation has one spread: kept diagonal, others do not come along."""
    angle, variances = 0.7, np.array([0.2, 1.5])
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    turned = turn @ np.diag(variances) @ turn.T
    rates = [0.5 * (v.sum() - 2 - np.log(v).sum()) for v in (variances, np.diag(turned))]
    assert abs(rates[0] - rates[1]) > 0.1
