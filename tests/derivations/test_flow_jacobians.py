"""Jacobians of a flow's layers: the contract, and autograd, which knows no algebra."""

import pytest
import torch

from tests.derivations.contract import Contract
from vae_course.derivations import flow_jacobians
from vae_course.derivations.evaluation import closed_form


class TestFlowJacobians(Contract):
    module = flow_jacobians


def by_autograd(function, point):
    """log |det ∂f/∂x| of a function of a vector."""
    return torch.autograd.functional.jacobian(function, point).slogdet()[1].item()


def last_line(derivation, numbers: dict) -> float:
    line = closed_form(derivation.steps[-1].expression, derivation.setting)
    return float(line.xreplace(numbers))


def vector(name: str, values) -> dict:
    base = flow_jacobians.vectors[name]
    return {base[k + 1]: float(value) for k, value in enumerate(values)}


@pytest.mark.parametrize("shift", [0.3, -2.0])
def test_the_planar_line_is_what_autograd_finds(shift):
    z, u, w = torch.tensor([[0.4, -1.2], [2.0, 0.7], [-1.5, 0.8]], dtype=torch.float64)
    c = -1.1

    def layer(point):
        a = w @ point + shift
        return point + u * c * (a + a**2)

    numbers = vector("z", z) | vector("u", u) | vector("w", w)
    numbers |= {flow_jacobians.b: shift, flow_jacobians.c: c}
    line = last_line(flow_jacobians.planar_log_det, numbers)
    assert line == pytest.approx(by_autograd(layer, z), abs=1e-12)


def test_the_planar_formula_holds_for_tanh_in_seven_dimensions():
    generator = torch.Generator().manual_seed(0)
    z, u, w = torch.randn(3, 7, dtype=torch.float64, generator=generator)
    slope = 1 - (w @ z + 0.2).tanh() ** 2
    found = by_autograd(lambda point: point + u * (w @ point + 0.2).tanh(), z)
    assert (1 + slope * (w @ u)).abs().log().item() == pytest.approx(found, abs=1e-12)


@pytest.mark.parametrize("channels, height, width", [(2, 1, 3), (3, 3, 3), (4, 2, 3)])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_convolution_counts_its_matrix_once_for_each_pixel(channels, height, width, sign):
    generator = torch.Generator().manual_seed(channels)
    matrix = torch.randn(channels, channels, dtype=torch.float64, generator=generator)
    matrix[0] *= sign * matrix.slogdet()[0]
    assert matrix.det().sign() == sign
    shape = channels, height, width

    def layer(x):
        kernel = matrix[:, :, None, None]
        return torch.nn.functional.conv2d(x.reshape(1, *shape), kernel).flatten()

    x = torch.randn(channels * height * width, dtype=torch.float64, generator=generator)
    expected = height * width * matrix.slogdet()[1].item()
    assert by_autograd(layer, x) == pytest.approx(expected, abs=1e-10)
    if channels == 2:
        kernel = flow_jacobians.kernel
        numbers = {kernel[k + 1, m + 1]: matrix[k, m].item() for k in (0, 1) for m in (0, 1)}
        line = last_line(flow_jacobians.one_by_one_log_det, numbers)
        assert line == pytest.approx(expected, abs=1e-10)


def test_actnorm_counts_each_scale_once_for_each_pixel():
    scales, x = torch.tensor([-0.5, 3.0], dtype=torch.float64), torch.ones(6, dtype=torch.float64)
    found = by_autograd(lambda x: (scales[:, None] * x.reshape(2, 3) + 1).flatten(), x)
    numbers = {flow_jacobians.scale[k + 1]: scales[k].item() for k in (0, 1)}
    line = last_line(flow_jacobians.actnorm_log_det, numbers)
    assert line == pytest.approx(found, abs=1e-12)
