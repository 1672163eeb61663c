"""Scores of disentanglement: what bounds them, by hand and by naive double loops."""

import math
from collections import Counter

import pytest
import torch
from sklearn.metrics import mutual_info_score

from tests.statistics import assert_z
from vae_course.metrics import (
    beta_vae_score,
    dci,
    factor_information,
    factor_vae_score,
    modularity,
    mutual_information_gap,
    sap,
)
from vae_course.metrics.predictors import concentration

LEVELS = (3, 4, 5)
# All combinations of three factors, many times over: exactly independent and uniform.
FACTORS = torch.cartesian_prod(*(torch.arange(n) for n in LEVELS)).repeat(40, 1)
IDENTITY = FACTORS.double() - 1
SCORES = {
    "mig": mutual_information_gap,
    "sap": sap,
    "modularity": modularity,
    "beta_vae": beta_vae_score,
    "factor_vae": factor_vae_score,
}


def noise(width: int, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(len(FACTORS), width, dtype=torch.float64, generator=generator)


def turned(codes, i, j):
    """Latents i and j, of equal spread, turned by 45°."""
    a, b = codes[:, i] / codes[:, i].std(), codes[:, j] / codes[:, j].std()
    codes = codes.clone()
    codes[:, i], codes[:, j] = a + b, a - b
    return codes


# What bounds the scores -----------------------------------------------------------------------


@pytest.mark.parametrize("score", SCORES.values(), ids=SCORES)
def test_one_latent_for_each_factor_scores_one(score):
    assert score(IDENTITY, FACTORS) == pytest.approx(1, abs=1e-9)
    # Scores do not know units, signs, or the order of the latents.
    units = torch.tensor([-100.0, 0.01, 3.0], dtype=torch.float64)
    assert score((IDENTITY * units)[:, [2, 0, 1]], FACTORS) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "value"),
    [("mig", 0), ("sap", 0), ("modularity", 0), ("beta_vae", 1 / 3), ("factor_vae", 1 / 3)],
)
def test_latents_that_do_not_vary_score_nothing(name, value):
    """Nothing is known: no gap, no module, and a guess among three factors."""
    assert SCORES[name](torch.full((len(FACTORS), 4), 0.7), FACTORS) == pytest.approx(value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("mig", 0), ("sap", 0), ("modularity", 1), ("beta_vae", 1), ("factor_vae", 1)],
)
def test_every_latent_twice(name, value):
    """The gaps are gone, because the second best is as good. The others ask for no gap."""
    twice = torch.cat([IDENTITY, IDENTITY], dim=1)
    assert SCORES[name](twice, FACTORS) == pytest.approx(value, abs=1e-9)


def test_dci_of_the_same_codes():
    order = torch.randperm(len(FACTORS), generator=torch.Generator().manual_seed(0))
    codes, factors = IDENTITY[order], FACTORS[order]
    assert dci(codes, factors) == pytest.approx((1, 1, 1), abs=1e-3)
    assert dci(codes, factors, categorical=(0, 2)) == pytest.approx((1, 1, 1), abs=0.06)
    constant = dci(torch.ones(len(factors), 4), factors)
    assert constant[:2] == (0, 0) and abs(constant.informativeness) < 0.01
    twice = dci(torch.cat([codes, codes], dim=1), factors)
    assert twice.disentanglement > 0.99 and twice.informativeness > 0.99
    assert twice.completeness < 1 - 0.5 * math.log(2) / math.log(6)  # two latents share a factor
    mixed = dci(turned(codes, 1, 2), factors)
    assert mixed.disentanglement < 0.8 and mixed.completeness < 0.8
    assert mixed.informativeness > 0.99


def test_two_latents_turned_against_each_other():
    """By 45°: half the squared correlation with each of two factors, and no gap between them."""
    codes = turned(IDENTITY, 1, 2)
    assert sap(codes, FACTORS) == pytest.approx(1 / 3)
    information = factor_information(codes, FACTORS)
    entropy = torch.tensor(LEVELS).double().log()
    assert information[0, 0] == pytest.approx(entropy[0].item())
    assert mutual_information_gap(codes, FACTORS) < 0.6
    assert modularity(codes, FACTORS) < 0.8
    # Equal spread in every direction: which of the two was held still cannot be told.
    x = torch.cartesian_prod(torch.arange(6), torch.arange(6)).repeat(20, 1)
    both = turned(x.double(), 0, 1)
    assert sap(both, x) == pytest.approx(0, abs=1e-12)
    assert mutual_information_gap(both, x) == pytest.approx(0, abs=1e-12)
    assert abs(beta_vae_score(both, x) - 0.5) < 0.1  # 1,000 guesses: 6 standard errors
    assert abs(factor_vae_score(both, x) - 0.5) < 0.1


# Mutual information ---------------------------------------------------------------------------


def naive_information(code, factor):
    """Sums over the counts of pairs, in plain Python."""
    n = len(code)
    pairs, left, right = Counter(zip(code, factor, strict=True)), Counter(code), Counter(factor)
    return sum(c / n * math.log(n * c / (left[a] * right[b])) for (a, b), c in pairs.items())


@pytest.mark.dtypes("float32", "float64")
def test_information_is_that_of_a_double_loop(device, dtype):
    generator = torch.Generator().manual_seed(0)
    factors = torch.stack([torch.randint(n, (700,), generator=generator) for n in (2, 7, 33)], 1)
    codes = torch.randn(700, 4, dtype=torch.float64, generator=generator).to(dtype)
    codes[:, 0] += 2 * factors[:, 0]
    codes[:, 1] += factors[:, 1] + factors[:, 2] / 4
    codes[:, 3] = -5.0
    table = factor_information(codes.to(device), factors.to(device), bins=9).cpu()
    for i, code in enumerate(codes.T.tolist()):
        low, high = min(code), max(code)
        bins = [min(int((c - low) * 9 / (high - low or 1)), 8) for c in code]
        for j, factor in enumerate(factors.T.tolist()):
            exact = naive_information(bins, factor)
            assert table[i, j].item() == pytest.approx(exact, abs=1e-12)
            assert exact == pytest.approx(mutual_info_score(bins, factor), abs=1e-12)
    assert table.shape == (4, 3) and (table[3] == 0).all()


def test_the_gap_is_that_of_the_table_over_the_entropy():
    codes = torch.cat([turned(IDENTITY, 0, 2), noise(2)], dim=1)
    factors = FACTORS.clone()
    factors[:, 1] = (factors[:, 1] > 0).long()  # 1/4 and 3/4, not uniform
    table = factor_information(codes, factors)
    gaps = []
    for j, column in enumerate(table.T.tolist()):
        first, second = sorted(column, reverse=True)[:2]
        values = factors[:, j].tolist()
        gaps.append((first - second) / naive_information(values, values))
    assert mutual_information_gap(codes, factors) == pytest.approx(sum(gaps) / 3, abs=1e-12)


def test_more_levels_than_bins_cannot_reach_one():
    """32 levels in 20 bins: twelve bins hold two levels, eight hold one."""
    factors = torch.cartesian_prod(torch.arange(32), torch.arange(2)).repeat(2, 1)
    lost = 24 / 32 * math.log(2)
    expected = ((math.log(32) - lost) / math.log(32) + 1) / 2
    assert mutual_information_gap(factors.double(), factors) == pytest.approx(expected, abs=1e-9)
    assert mutual_information_gap(factors.double(), factors, bins=32) == pytest.approx(1)


def test_counts_of_few_examples_give_too_much_information(seed):
    """Independent: (bins - 1)(levels - 1) / 2N nats too much on average, to first order."""
    generator = torch.Generator().manual_seed(seed)
    n, repeats = 4000, 200
    codes = torch.rand(n, repeats, dtype=torch.float64, generator=generator)
    factors = torch.randint(5, (n, 1), generator=generator)
    values = factor_information(codes, factors, bins=6)[:, 0]
    assert_z(values.mean(), 20 / 2 / n, values.std() / repeats**0.5, detects=7e-4)


def test_modularity_of_a_table_by_hand():
    """Two bits: the first latent knows both, as a number from 0 to 3; the second knows one."""
    bits = torch.cartesian_prod(torch.arange(2), torch.arange(2)).repeat(3, 1)
    codes = torch.stack([2 * bits[:, 0] + bits[:, 1], bits[:, 1]], dim=1).double()
    # The first latent: equal information about both, so 1 - m²/m² = 0. The second: 1.
    assert modularity(codes, bits) == pytest.approx(0.5, abs=1e-9)
    assert mutual_information_gap(codes, bits) == pytest.approx((1 + 0) / 2, abs=1e-9)


# Predictors -----------------------------------------------------------------------------------


def test_sap_is_that_of_correlations():
    codes = torch.cat([turned(IDENTITY, 0, 1), IDENTITY[:, 2:] + noise(1)], dim=1)
    squares = torch.corrcoef(torch.cat([codes, FACTORS.double()], dim=1).T)[:4, 4:] ** 2
    top = squares.sort(dim=0, descending=True).values
    assert sap(codes, FACTORS) == pytest.approx((top[0] - top[1]).mean().item(), abs=1e-12)


def test_sap_of_levels_without_order():
    """Levels 0, 1, 2 at codes 0, 1, -1: the correlation is weak, and yet they are told apart."""
    level = torch.arange(12) // 4
    place = torch.tensor([0.0, 1.0, -1.0])[level]
    other = torch.tensor([0.0, 1.0] * 6)
    codes = torch.stack([place, other, torch.ones(12)], dim=1)
    factors = torch.stack([level, torch.arange(12) % 2], dim=1)
    # The means of `other` are 1/2, 1/2, 1/2: a tie, which the first level wins. Balanced: 1/3.
    both = sap(codes, factors, categorical=(0, 1))
    # `place` says nothing of the second factor: means 0 and 0, a tie, 1/2.
    assert both == pytest.approx(((1 - 1 / 3) + (1 - 1 / 2)) / 2)
    # Covariance -1/3, variances 2/3 and 2/3: a squared correlation of 1/4.
    assert sap(codes, factors) == pytest.approx((1 / 4 + 1) / 2)


def test_concentration_of_importances_by_hand():
    table = torch.tensor([[1.0, 0.0], [0.5, 0.5], [0.0, 0.0], [0.0, 1.0]]).double()
    # Latents: 1, 0, no weight, 1, weighted by 1, 1, 0, 1 of 3.
    # Factors: two shares 2/3 and 1/3 of four latents, for both.
    shares = -(2 / 3 * math.log(2 / 3) + 1 / 3 * math.log(1 / 3)) / math.log(4)
    assert concentration(table) == pytest.approx((2 / 3, 1 - shares))
    assert concentration(torch.zeros(3, 2)) == (0, 0)
    # A heavier latent counts for more: 4 of 5.
    heavy = torch.tensor([[2.0, 2.0], [1.0, 0.0]]).double()
    assert concentration(heavy)[0] == pytest.approx(1 / 5)


# Interventions ----------------------------------------------------------------------------------


def test_a_vote_compares_with_the_spread_of_all_data():
    """A latent of small numbers varies little whatever is held still; that must not count."""
    small = torch.cat([1e-3 * noise(1), IDENTITY + 0.1 * noise(3, seed=1)], dim=1)
    assert factor_vae_score(small, FACTORS) == 1
    assert beta_vae_score(small, FACTORS) > 0.98


def test_scores_of_noise_are_guesses(seed):
    guess = 1 / 3
    for score in (beta_vae_score, factor_vae_score):
        value = score(noise(4, seed), FACTORS, seed=seed, trials=4000)
        assert_z(value, guess, (guess * (1 - guess) / 6000) ** 0.5 * 3, detects=0.25)


def test_the_same_seed_gives_the_same_score():
    codes = IDENTITY + noise(3)
    for score in (beta_vae_score, factor_vae_score):
        assert score(codes, FACTORS, seed=1) == score(codes, FACTORS, seed=1)
        assert score(codes, FACTORS, seed=1) != score(codes, FACTORS, seed=2)


# Bad input --------------------------------------------------------------------------------------


@pytest.mark.parametrize("score", [*SCORES.values(), dci, factor_information])
@pytest.mark.parametrize(
    ("codes", "factors", "message"),
    [
        (IDENTITY.long(), FACTORS, "codes must be a floating-point tensor"),
        (IDENTITY[0], FACTORS, r"codes has shape \(3,\), needs 2 dimensions"),
        (IDENTITY, FACTORS.double(), r"factors must be an int64 tensor \(N, k\)"),
        (IDENTITY[:5], FACTORS, r"shapes \(5, 3\) and \(2400, 3\), need"),
        (IDENTITY / 0, FACTORS, "codes must be finite"),
        (IDENTITY, FACTORS - 1, "factors must be whole numbers from 0"),
        (IDENTITY[:5], FACTORS[:5], "each must take two values at least"),
    ],
)
def test_arrays_that_do_not_fit(score, codes, factors, message):
    with pytest.raises(ValueError, match=message):
        score(codes, factors)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mutual_information_gap(IDENTITY[:, :1], FACTORS), "d >= 2"),
        (lambda: sap(IDENTITY[:, :1], FACTORS), "d >= 2"),
        (lambda: dci(IDENTITY[:, :1], FACTORS), "d >= 2"),
        (lambda: modularity(IDENTITY, FACTORS[:, :1]), "k >= 2"),
        (lambda: factor_vae_score(IDENTITY, FACTORS[:, :1]), "k >= 2"),
        (lambda: factor_information(IDENTITY, FACTORS, bins=1), "bins must be a whole number"),
        (lambda: sap(IDENTITY, FACTORS, categorical=[3]), r"categorical is \[3\], .* 0 to 2"),
        (lambda: dci(IDENTITY, FACTORS, categorical=["shape"]), "categorical is"),
        (lambda: beta_vae_score(IDENTITY, FACTORS, trials=1), "trials must be"),
        (lambda: factor_vae_score(IDENTITY, FACTORS, samples=1), "samples must be"),
    ],
)
def test_bad_options(call, message):
    with pytest.raises(ValueError, match=message):
        call()
