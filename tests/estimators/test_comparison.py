"""The comparison itself: what it measures is what it says."""

import pytest
import torch
from torch.distributions import Normal

from tests.statistics import assert_mean
from vae_course import seeded
from vae_course.estimators import (
    MovingAverage,
    compare,
    pathwise,
    score_function,
)


def unit_gaussian(phi):
    return Normal(phi[..., 0], torch.ones_like(phi[..., 0]))


def square(z, phi):
    return z**2


PHI = torch.tensor([1.0]).double()


def test_statistics_of_known_gradients(seed, device, dtype):
    """f = z² at μ = 1 with K = 4 draws: mean 2, variances 4/4 and 30/4."""
    phi, exact = PHI.to(device, dtype), torch.full((1,), 2.0, dtype=dtype, device=device)
    with seeded(seed):
        both = compare(
            {"score": score_function, "path": pathwise},
            unit_gaussian, phi, square, samples=4, repeats=100_000, exact=exact,
        )  # fmt: skip
    for name, variance, detects in (("path", 1.0, 0.1), ("score", 7.5, 1.3)):
        found = both[name]
        assert found.gradients.shape == (100_000, 1) and found.gradients.dtype == dtype
        assert_mean(found.gradients, exact, detects=0.1)
        assert_mean((found.gradients - 2) ** 2, variance, detects)
        torch.testing.assert_close(found.mean, found.gradients.mean(0))
        torch.testing.assert_close(found.bias, found.mean - 2)
        torch.testing.assert_close(found.standard_error, (found.variance / 100_000) ** 0.5)
        torch.testing.assert_close(found.z, found.bias / found.standard_error)
        assert found.evaluations == 4 and found.seconds > 0


def test_repeats_are_independent(seed):
    """Neighbouring gradients have no correlation: each repeat has its own φ and its own draws."""
    with seeded(seed):
        found = compare({"it": pathwise}, unit_gaussian, PHI, square, repeats=50_000)["it"]
    centred = found.gradients[:, 0] - 2
    assert_mean(centred[:-1] * centred[1:], 0.0, detects=0.25)


def test_a_biased_estimator_is_seen():
    def half(q, f, samples):
        surrogate = pathwise(q, f, samples)
        return surrogate - 0.5 * (surrogate - surrogate.detach())

    with seeded(0):
        found = compare(
            {"it": half}, unit_gaussian, PHI, square, 1, 20_000, torch.tensor([2.0]).double()
        )["it"]
    assert found.bias.item() == pytest.approx(-1, abs=0.05) and abs(found.z.item()) > 50


def test_warm_up_is_not_counted():
    baseline = MovingAverage()
    calls = []

    def estimator(q, f, samples):
        calls.append(baseline.average)
        return score_function(q, f, samples, baseline)

    with seeded(0):
        found = compare({"it": estimator}, unit_gaussian, PHI, square, repeats=100, warmup=2)
    assert len(calls) == 3 and calls[0] is None and calls[2] is not None
    assert found["it"].evaluations == 1


def test_the_parameter_that_was_given_is_left_alone():
    phi = PHI.clone().requires_grad_()
    compare({"it": pathwise}, unit_gaussian, phi, square, repeats=5)
    assert phi.grad is None and phi.item() == 1


def test_without_an_exact_gradient_there_is_no_bias():
    found = compare({"it": pathwise}, unit_gaussian, PHI, square, repeats=5)["it"]
    with pytest.raises(ValueError, match="exact is None, needs"):
        _ = found.bias


def test_bad_input():
    def call(**changes):
        options = {"family": unit_gaussian, "phi": PHI, "f": square} | changes
        return compare({"it": pathwise}, **options)

    for changes, message in [
        ({"phi": torch.tensor(1.0)}, r"phi has shape \(\), needs 1 dimension"),
        ({"phi": torch.tensor([1])}, "phi must be a floating-point tensor"),
        ({"repeats": 1}, "repeats must be a whole number of at least 2"),
        ({"samples": 0}, "samples must be a whole number"),
        ({"warmup": -1}, "warmup must be a whole number"),
        ({"exact": torch.zeros(2)}, r"exact has shape \(2,\), needs that of phi, \(1,\)"),
        ({"family": lambda phi: Normal(phi, 1.0)}, r"batch shape \(1000, 1\) for phi \(1000, 1\)"),
        ({"f": lambda z, phi: z.sum()}, r"f\(z\) has shape \(\), needs \(1, 1000\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            call(**changes)
