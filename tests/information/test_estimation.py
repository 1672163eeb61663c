"""Estimates of the parts: the exhaustive one unbiased, the others biased by what is expected."""

from math import log

import pytest
import torch

from tests.statistics import assert_mean
from vae_course.information import estimate_decomposition, exact_decomposition
from vae_course.random import seeded


def posteriors(count=30):
    with seeded(5):
        mean = 1.5 * torch.randn(count, 2).double()
        variance = (0.3 * torch.randn(count, 2).double() - 1.5).exp()
    return mean, variance


def parts(found):
    return torch.stack(
        [found.information, found.total_correlation, found.dimension_wise.sum(-1), found.rate], -1
    )


def test_exhaustive_estimate_is_unbiased(seed):
    mean, variance = posteriors()
    with seeded(seed):
        found = estimate_decomposition(mean, variance, 10, 1500)
    assert found.information.shape == (1500,) and found.dimension_wise.shape == (1500, 2)
    assert_mean(parts(found), parts(exact_decomposition(mean, variance, 64)), detects=0.25)
    assert torch.allclose(found.sum, found.rate)


def test_a_batch_biases_each_part_and_not_the_sum(seed):
    mean, variance = posteriors()
    exact = parts(exact_decomposition(mean, variance, 64))
    for weighting in ("weighted", "stratified"):
        with seeded(seed):
            found = estimate_decomposition(mean, variance, 10, 1500, weighting)
        assert_mean(found.rate, exact[-1], detects=0.25)
        information = found.information.mean() - exact[0]
        # The logarithm of an estimate that is right on average is too small on average.
        assert information > 0.03
        if weighting == "weighted":
            assert information > log(10)  # q(z) is too small by a factor up to N = 30
            assert found.total_correlation.mean() - exact[1] > log(10)  # two marginals, one joint
            assert found.dimension_wise.sum(-1).mean() < 0  # a KL that looks negative


def test_bias_of_the_stratified_estimate_falls_with_the_batch(seed):
    mean, variance = posteriors()
    exact = exact_decomposition(mean, variance, 64).information
    with seeded(seed):
        biases = [
            (
                estimate_decomposition(mean, variance, size, 1500, "stratified").information.mean()
                - exact
            ).item()
            for size in (3, 9, 27)
        ]
    # 0.63, 0.26 and 0.02 nats.
    assert biases[0] > biases[1] + 0.2 and biases[1] > biases[2] + 0.15


@pytest.mark.dtypes("float32", "float64")
def test_dtype_and_device(device, dtype):
    mean, variance = (value.to(device, dtype) for value in posteriors())
    found = estimate_decomposition(mean, variance, 5, 3)
    for value in (found.rate, found.information, found.total_correlation, found.dimension_wise):
        assert (value.dtype, value.device.type) == (dtype, device.type)


def test_bad_arguments_are_refused():
    mean, variance = posteriors()
    for arguments, words in [
        ((mean, variance[:3]), "need the same"),
        ((mean, 0 * variance), "not positive"),
        ((mean, variance, 31), "batch_size is 31, needs at most the 30 examples"),
        ((mean, variance, 5, 0), "repetitions must be a whole number"),
        ((mean, variance, 5, 1, "other"), "weighting is 'other'"),
    ]:
        with pytest.raises(ValueError, match=words):
            estimate_decomposition(*arguments)
