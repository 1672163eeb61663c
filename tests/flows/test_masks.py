"""Masks and MADE: what an output sees is what comes before it, by autograd."""

import itertools

import pytest
import torch

from vae_course.flows import MADE, autoregressive_masks, check_autoregressive, degrees, dependence
from vae_course.random import seeded


def made(features, hidden, outputs=2, ordering=None, context_features=0):
    with seeded(0):
        return MADE(features, hidden, outputs, ordering, context_features).double()


def before(ordering) -> torch.Tensor:
    """`[i, j]`: whether feature j comes before feature i."""
    place = {feature: k for k, feature in enumerate(ordering)}
    features = range(len(ordering))
    return torch.tensor([[place[j] < place[i] for j in features] for i in features])


@pytest.mark.parametrize("ordering", [*itertools.permutations(range(3)), (4, 1, 0, 3, 2)])
@pytest.mark.parametrize("context_features", [0, 2])
def test_an_output_sees_all_features_before_it_and_no_other(ordering, context_features):
    features = len(ordering)
    net = made(features, (60, 50), 2, ordering, context_features)
    with seeded(1):
        x = torch.randn(40, features, dtype=torch.float64)
        context = torch.randn(40, context_features, dtype=torch.float64)
    seen = dependence(lambda points: net(points, context), x)
    assert torch.equal(seen, before(ordering).repeat(2, 1))
    if context_features:  # every output sees it, those of the first feature too
        assert dependence(lambda c: net(x, c), context).all()


def test_degrees_are_sorted_and_even():
    inputs, first, second = degrees(4, (7, 5), ordering=(2, 0, 3, 1))
    assert inputs.tolist() == [2, 4, 1, 3]
    assert first.tolist() == [1, 1, 1, 2, 2, 3, 3]
    assert second.tolist() == [1, 1, 2, 2, 3]
    assert degrees(3, (5,), context=True)[1].tolist() == [0, 0, 1, 1, 2]


def test_masks_of_three_features_by_hand():
    hidden, output = autoregressive_masks(3, (4,), outputs_per_feature=2)
    assert hidden.int().tolist() == [[1, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 0]]
    rows = [[0, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1]]
    assert output.int().tolist() == rows + rows


def test_masks_are_no_parameters_and_move_with_the_module():
    net = made(3, (8,))
    assert all("mask" not in name for name in net.state_dict())
    assert all(layer.mask.dtype == torch.float64 for layer in net.layers)


def test_masks_that_are_not_autoregressive_are_named():
    hidden, output = autoregressive_masks(3, (4,))
    check_autoregressive([hidden, output])
    inclusive = torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1], [1, 1, 1, 1]], dtype=torch.bool)
    with pytest.raises(ValueError, match="output 0, of feature 0, see feature 0"):
        check_autoregressive([hidden, inclusive])
    with pytest.raises(ValueError, match="output 0, of feature 0, see feature 0"):
        check_autoregressive([torch.ones(4, 3, dtype=torch.bool), output[[1, 0, 2]]], (2, 0, 1))
    with pytest.raises(ValueError, match="3 columns"):
        check_autoregressive([hidden[:3], output])
    with pytest.raises(ValueError, match="multiple of the 3 features"):
        check_autoregressive([hidden, output[:2]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"features": 0}, "features"),
        ({"hidden": ()}, "hidden"),
        ({"hidden": 8}, "hidden"),
        ({"hidden": (8, 0)}, "hidden"),
        ({"ordering": (0, 0, 1)}, "ordering"),
        ({"ordering": (0, 1)}, "ordering"),
        ({"outputs_per_feature": 0}, "outputs_per_feature"),
        ({"context_features": -1}, "context_features"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        MADE(**{"features": 3, "hidden": (8,), "outputs_per_feature": 2} | arguments)


def test_outputs_start_near_zero():
    with seeded(0):
        net = MADE(6, (64, 64), 2)
        assert net(torch.randn(100, 6)).abs().max() < 0.2


def test_context_broadcasts():
    net = made(3, (8,), context_features=2)
    with seeded(0):
        x, context = torch.randn(5, 1, 3).double(), torch.randn(4, 2).double()
    wide = net(x, context)
    assert wide.shape == (5, 4, 2, 3)
    torch.testing.assert_close(wide[2, 3], net(x[2, 0], context[3]))
