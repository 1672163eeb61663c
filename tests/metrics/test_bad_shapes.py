"""Any shapes: either the metric works and its result has the right shape, or it says why not."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vae_course.metrics import (
    active_units,
    aggregate_posterior_moments,
    gaussian_wasserstein2,
    great_circle,
    mmd2,
    straight_line,
    unit_rates,
)

always = settings(max_examples=80, deadline=None, derandomize=True, database=None)
shapes = st.lists(st.integers(0, 4), max_size=3).map(tuple)
pairs = st.one_of(
    st.tuples(shapes, shapes),
    shapes.map(lambda shape: (shape, shape)),
    st.tuples(*[st.integers(0, 4)] * 3).map(lambda s: ((s[0], s[2]), (s[1], s[2]))),
)


def numbers(shape) -> torch.Tensor:
    """Points that differ, so that no median distance is zero."""
    return torch.arange(1.0, 1 + torch.Size(shape).numel()).reshape(shape)


def must_say(call, *words) -> None:
    with pytest.raises(ValueError) as caught:
        call()
    assert any(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize("metric", [mmd2, gaussian_wasserstein2])
@always
@given(pair=pairs)
def test_any_two_sets(metric, pair):
    x, y = pair
    right = len(x) == len(y) == 2 and x[0] >= 2 and y[0] >= 2 and x[1] == y[1] >= 1
    if right:
        assert metric(numbers(x), numbers(y) + 0.5).shape == ()
    else:
        must_say(lambda: metric(numbers(x), numbers(y)), f"shape {x}", f"shape {y}", f"{x} and {y}")


@pytest.mark.parametrize("metric", [unit_rates, aggregate_posterior_moments])
@always
@given(pair=pairs)
def test_any_mean_and_variance(metric, pair):
    mean, variance = pair
    if len(mean) == 2 and mean == variance and mean[0] >= 1:
        result = metric(numbers(mean), numbers(variance))
        assert (result if metric is unit_rates else result[0]).shape == mean[1:]
    else:
        must_say(
            lambda: metric(numbers(mean), numbers(variance)),
            f"{mean} and {variance}, need the same",
        )


@always
@given(shape=shapes)
def test_any_means_for_active_units(shape):
    if len(shape) == 2 and shape[0] >= 2 and shape[1] >= 1:
        assert active_units(numbers(shape)).shape == shape[1:]
    else:
        must_say(lambda: active_units(numbers(shape)), f"mean has shape {shape}, needs")


@pytest.mark.parametrize("path", [straight_line, great_circle])
@always
@given(pair=pairs)
def test_any_ends_of_a_path(path, pair):
    a, b = pair
    if a == b and len(a) >= 1 and a[-1] >= 1:
        assert path(numbers(a), numbers(b), torch.linspace(0, 1, 3)).shape == (3, *a)
    else:
        must_say(lambda: path(numbers(a), numbers(b), [0.5]), f"{a} and {b}, need equal (..., d)")


@pytest.mark.parametrize(
    "call", [mmd2, gaussian_wasserstein2, lambda a, b: great_circle(a, b, [0])]
)
def test_whole_numbers_are_refused(call):
    whole = torch.ones(3, 2, dtype=torch.int64)
    must_say(lambda: call(whole, whole), "must be a floating-point tensor, got dtype torch.int64")
