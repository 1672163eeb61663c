"""oneDNN's linear layer is PyTorch's, in values and in gradients of gradients."""

from contextlib import nullcontext

import pytest
import torch
from torch import nn

from vae_course.models import mlp_vae
from vae_course.objectives import elbo
from vae_course.products import OneDNN, fast_products
from vae_course.random import seeded
from vae_course.training import fit


@pytest.mark.parametrize("shape", [(5,), (7, 5), (1, 5), (3, 4, 5), (0, 5)])
@pytest.mark.parametrize("bias", [True, False])
def test_values_and_gradients_are_those_of_nn_linear(shape, bias):
    with seeded(0):
        layer, x = nn.Linear(5, 6, bias=bias), torch.randn(shape, requires_grad=True)
    inputs = [x, *layer.parameters()]

    def everything():
        y = layer(x)
        first = torch.autograd.grad(y.square().sum(), inputs, create_graph=True)
        second = torch.autograd.grad(sum(g.square().sum() for g in first), inputs)
        return [y, *first, *second]

    expected = everything()
    with OneDNN():
        found = everything()
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


def test_transforms_and_other_formats_are_left_to_pytorch():
    layer, x = nn.Linear(5, 3), torch.randn(4, 5)
    expected = layer.weight.detach().expand(4, 3, 5)
    with OneDNN():
        jacobian = torch.func.vmap(torch.func.jacrev(layer))(x)
        torch.testing.assert_close(jacobian.detach(), expected)
        _, tangent = torch.func.jvp(layer, (x,), (x,))
        torch.testing.assert_close(tangent, x @ layer.weight.T)
        with torch.autocast("cpu", torch.bfloat16):
            assert layer(x).dtype == torch.bfloat16
        assert layer.double()(x.double()).dtype == torch.float64


def test_a_gpu_keeps_its_own():
    assert not isinstance(fast_products(torch.device("cuda")), OneDNN)


def test_training_is_the_same_to_rounding(monkeypatch):
    with seeded(0):
        images = torch.rand(64, 1, 4, 4)

    def run():
        with seeded(0):
            model = mlp_vae((1, 4, 4), hidden=(8,), latent_dim=2)
        return fit(model, elbo, images, 20, batch_size=16, device="cpu", progress=False).loss[0]

    used = []
    apply = torch.ops.mkldnn._linear_pointwise
    monkeypatch.setattr(
        torch.ops.mkldnn, "_linear_pointwise", lambda *args: (used.append(1), apply(*args))[1]
    )
    fast = run()
    if isinstance(fast_products(torch.device("cpu")), OneDNN):
        assert used
    monkeypatch.setattr("vae_course.training.loop.fast_products", lambda device: nullcontext())
    used.clear()
    assert run() == pytest.approx(fast, rel=1e-5)
    assert not used
