"""Linear layers against matrices written out."""

import pytest
import torch

from vae_course.flows import ElementwiseAffine, LULinear, Permutation
from vae_course.random import seeded


def test_permutation_takes_the_features_in_the_given_order(device):
    layer = Permutation([2, 0, 1]).to(device)
    x = torch.tensor([[10.0, 11.0, 12.0]], device=device)
    y, log_det = layer(x)
    assert y.tolist() == [[12.0, 10.0, 11.0]]
    assert log_det.tolist() == [0.0]
    assert layer.inverse(y)[0].tolist() == x.tolist()


def test_reverse_and_random_orders():
    assert Permutation.reverse(4).order.tolist() == [3, 2, 1, 0]
    with seeded(0):
        first, second = Permutation.random(20).order, Permutation.random(20).order
    assert first.tolist() != second.tolist()


@pytest.mark.parametrize("order", [[0, 2], [0, 0, 1], [1, 2, 3], [[0, 1]], [-1, 0]])
def test_an_order_that_is_none(order):
    with pytest.raises(ValueError, match="needs each of 0 … n-1 once"):
        Permutation(order)


def test_lu_is_a_product_of_triangles(device):
    layer = LULinear(3).double().to(device)
    values = torch.arange(9.0).reshape(3, 3) / 10
    with torch.no_grad():
        layer.lu.copy_(values)
        layer.shift.copy_(torch.tensor([1.0, 2.0, 3.0]))
    e = torch.tensor([0.0, 0.4, 0.8], dtype=torch.float64).float().double().exp().tolist()
    lower = torch.tensor([[1, 0, 0], [0.3, 1, 0], [0.6, 0.7, 1]], dtype=torch.float64)
    upper = torch.tensor([[e[0], 0.1, 0.2], [0, e[1], 0.5], [0, 0, e[2]]], dtype=torch.float64)
    matrix = (lower @ upper).to(device)
    torch.testing.assert_close(layer.weight(), matrix, atol=1e-6, rtol=0)
    x = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64, device=device)
    y, log_det = layer(x)
    torch.testing.assert_close(y, matrix @ x + layer.shift, atol=1e-6, rtol=0)
    assert abs(log_det.item() - 1.2) < 1e-6


def test_linear_layers_begin_as_the_identity(device):
    x = torch.randn(4, 3, device=device)
    for layer in (LULinear(3), ElementwiseAffine(3)):
        y, log_det = layer.to(device)(x)
        assert (y == x).all()
        assert (log_det == 0).all()


@pytest.mark.parametrize("layer", [ElementwiseAffine, LULinear, Permutation.reverse])
def test_sizes_are_checked(layer):
    with pytest.raises(ValueError, match="features must be a whole number of at least 1"):
        layer(0)
