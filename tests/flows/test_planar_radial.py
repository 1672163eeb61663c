"""Planar and radial layers against the paper's formulas, and the root that inverts a planar one."""

import pytest
import torch

from vae_course.flows import Composition, Planar, PlanarStack, Radial
from vae_course.flows.planar_radial import FLATTEST, log_slope, solve
from vae_course.random import seeded

SLOPES = [1e-3, 0.01, 0.1, 0.5, 0.99, 1.0, 1.01, 2.0, 10.0, 100.0, 1e5]


def planar(w, u, b) -> Planar:
    layer = Planar(len(w)).double()
    with torch.no_grad():
        for parameter, value in ((layer.w, w), (layer.u, u), (layer.b, b)):
            parameter.copy_(torch.tensor(value))
    return layer


@pytest.mark.dtypes("float64", "float32")
@pytest.mark.parametrize("slope", SLOPES)
def test_the_root_is_found_to_machine_precision(device, dtype, slope):
    m = torch.tensor(slope, dtype=dtype, device=device) - 1
    a = torch.logspace(-12, 3, 1501, dtype=dtype, device=device)
    a = torch.cat([-a, torch.zeros_like(a[:1]), a])
    r = a + m * a.tanh()
    root = solve(r, m)
    residual = (root + m * root.tanh() - r).abs()
    size = root.abs() * (1 + m.abs()) + r.abs() + 1e-30
    assert (residual <= 2 * torch.finfo(dtype).eps * size).all()
    assert (root.sign() == a.sign()).all()


@pytest.mark.parametrize("slope", [1e-3, 0.3, 1.0, 5.0])
def test_the_root_has_the_derivatives_of_the_implicit_function(device, slope):
    m = torch.tensor(slope - 1, dtype=torch.float64, device=device)
    r = torch.linspace(-3, 3, 13, dtype=torch.float64, device=device)
    by_r, by_m = torch.autograd.functional.jacobian(lambda r, m: solve(r, m), (r, m))
    a = solve(r, m)
    derivative = log_slope(a.tanh(), m).exp()
    torch.testing.assert_close(by_r, (1 / derivative).diag(), atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(by_m, -a.tanh() / derivative, atol=1e-9, rtol=1e-9)


def test_a_layer_that_may_keep_its_u_is_the_formula_of_the_paper(device):
    w, u, b = [0.6, -1.2], [0.5, -0.4], 0.3  # wᵀu = 0.78
    layer = planar(w, u, b).to(device)
    z = torch.tensor([[0.2, 0.7], [-1.0, 2.0]], dtype=torch.float64, device=device)
    y, log_det = layer(z)
    for i in range(2):
        a = w[0] * z[i, 0] + w[1] * z[i, 1] + b
        h = torch.tanh(a)
        wanted = torch.stack([z[i, 0] + u[0] * h, z[i, 1] + u[1] * h])
        torch.testing.assert_close(y[i], wanted, atol=1e-7, rtol=1e-7)
        torch.testing.assert_close(log_det[i], (1 + 0.78 * (1 - h * h)).log(), atol=1e-7, rtol=0)


@pytest.mark.parametrize("length", [0.1, 1.0, 5.0, 40.0])
def test_invertibility_is_enforced_along_w_only(length):
    layer = planar([0.6, -1.2], [-length, 0.3], 0.0)
    w, u, _, m = layer.parameters_at()
    assert -1 < -FLATTEST <= m.item() < 0
    torch.testing.assert_close(w.dot(u), m)
    across = torch.tensor([1.2, 0.6], dtype=torch.float64)  # at right angles to w
    torch.testing.assert_close(across.dot(u), across.dot(layer.u), atol=1e-6, rtol=1e-6)


def test_zero_u_is_the_identity(device):
    layer = planar([0.6, -1.2], [0.0, 0.0], 0.3).to(device)
    z = torch.randn(5, 2, dtype=torch.float64, device=device)
    y, log_det = layer(z)
    assert (y == z).all()
    assert (log_det == 0).all()


def test_a_context_that_makes_w_zero_is_harmless(device):
    with seeded(0):
        layer = Planar(2, context_features=1).double().to(device)
    with torch.no_grad():
        layer.w.zero_()
    z = torch.ones(3, 2, dtype=torch.float64, device=device)
    y, log_det = layer(z, torch.zeros(3, 1, dtype=torch.float64, device=device))
    (y.sum() + log_det.sum()).backward()
    assert y.isfinite().all()
    assert (log_det == 0).all()
    for parameter in layer.parameters():
        assert parameter.grad.isfinite().all()


def test_radial_layer_is_the_formula_of_the_paper(device):
    with seeded(1):
        layer = Radial(3).double().to(device)
        z = torch.randn(4, 3, dtype=torch.float64, device=device)
    with torch.no_grad():
        layer.strength.fill_(-1.5)
        layer.log_alpha.fill_(0.4)
    alpha = layer.log_alpha.exp()
    beta = alpha * FLATTEST * (layer.strength.exp() - 1)
    assert -alpha < beta < 0
    r = (z - layer.centre).norm(dim=-1)
    h = 1 / (alpha + r)
    y, log_det = layer(z)
    wanted = z + (beta * h).unsqueeze(-1) * (z - layer.centre)
    torch.testing.assert_close(y, wanted, atol=1e-9, rtol=1e-9)
    determinant = (1 + beta * h) ** 2 * (1 + beta * h - beta * h * h * r)
    torch.testing.assert_close(log_det, determinant.log(), atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("strength", [-30.0, -3.0, 0.0, 3.0, 30.0])
@pytest.mark.dtypes("float64", "float32")
def test_radial_inverse_at_and_far_from_its_centre(device, dtype, strength):
    layer = Radial(2).to(device, dtype)
    with torch.no_grad():
        layer.strength.fill_(strength)
    directions = torch.tensor([[1.0, 0.0], [0.6, -0.8]], device=device, dtype=dtype)
    offsets = torch.cat([distance * directions for distance in (0.0, 0.01, 1.0, 100.0)])
    z = layer.centre.detach() + offsets
    y, log_det = layer(z)
    back, log_det_back = layer.inverse(y)
    tolerance = {torch.float64: 1e-11, torch.float32: 5e-4}[
        dtype
    ]  # at the centre the slope is 0.001
    torch.testing.assert_close(back, z, atol=tolerance, rtol=tolerance)
    torch.testing.assert_close(log_det_back, -log_det, atol=2 * tolerance, rtol=tolerance)


@pytest.mark.parametrize("layer", [Planar, Radial])
@pytest.mark.parametrize("features", [0, -1, 2.0, True])
def test_sizes_are_checked(layer, features):
    with pytest.raises(ValueError, match="features must be a whole number of at least 1"):
        layer(features)


def test_context_size_is_checked():
    with pytest.raises(ValueError, match="context_features must be a whole number"):
        Planar(2, context_features=-1)


@pytest.mark.parametrize("context_features", [0, 3])
def test_a_stack_is_its_layers_one_after_the_other(context_features, dtype):
    with seeded(5):
        stack = PlanarStack(4, 3, context_features).to(dtype)
        layers = [Planar(4, context_features).to(dtype) for _ in range(3)]
        z = torch.randn(6, 4, dtype=dtype)
        context = torch.randn(6, 3, dtype=dtype) if context_features else None
    with torch.no_grad():
        stack.w *= 3  # some of the layers fold the plane, if nothing keeps them from it
        stack.u *= -10
        for k, layer in enumerate(layers):
            layer.w.copy_(stack.w[k]), layer.u.copy_(stack.u[k]), layer.b.copy_(stack.b[k])
            if context_features:  # Planar reads w, u, b; the stack u, w, b, layer by layer
                rows = stack.from_context.weight.unflatten(0, (3, 9))[k]
                u, w, b = rows.split([4, 4, 1])
                layer.from_context.weight.copy_(torch.cat([w, u, b]))
    assert ((stack.w * stack.u).sum(-1) < -1).any()
    chain = Composition(layers)
    for one, other in zip(stack(z, context), chain(z, context), strict=True):
        torch.testing.assert_close(one, other)
    for one, other in zip(stack.inverse(z, context), chain.inverse(z, context), strict=True):
        torch.testing.assert_close(one, other)
