"""Divergences: the contract, and the numbers that are printed on the page."""

import pytest
import torch
from torch.distributions import Categorical, Normal, kl_divergence

from tests.derivations.contract import Contract
from vae_course.derivations import divergences


class TestDivergences(Contract):
    module = divergences


def test_the_two_directions_are_those_of_torch():
    _, second, third, _ = divergences.kl_is_not_symmetric.steps
    narrow, wide = Normal(0.0, 1.0), Normal(0.0, 2.0)
    assert float(second.expression) == pytest.approx(kl_divergence(wide, narrow).item(), abs=1e-6)
    assert float(third.expression) == pytest.approx(kl_divergence(narrow, wide).item(), abs=1e-6)
    assert f"{float(second.expression):.2f} nats" in second.rule
    assert f"{float(third.expression):.2f} nats" in third.rule


@pytest.mark.parametrize("seed", range(3))
def test_half_of_chi_squared_and_the_bound_on_random_probabilities(seed):
    """What is proved for a few states holds for twenty."""
    generator = torch.Generator().manual_seed(seed)
    p, other = torch.rand(2, 20, generator=generator, dtype=torch.float64).softmax(-1)
    for size, within in ((1e-2, 2e-2), (1e-3, 2e-3)):
        q = (1 - size) * p + size * other
        kl = kl_divergence(Categorical(q), Categorical(p))
        chi_squared = ((q - p) ** 2 / p).sum()
        assert kl / (chi_squared / 2) == pytest.approx(1, abs=within)
        assert 0 < kl < chi_squared.log1p()
