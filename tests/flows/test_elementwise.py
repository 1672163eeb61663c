"""Additive, affine and spline maps of one number: values, slopes, tails, and bad arguments."""

import pytest
import torch

from vae_course.flows import Additive, Affine, RationalQuadraticSpline
from vae_course.random import seeded

MAPS = [Additive(), Affine(), Affine(bound=4.0), RationalQuadraticSpline(bins=5, bound=3.0)]
every_map = pytest.mark.parametrize("each", MAPS, ids=["additive", "affine", "affine-4", "spline"])


def parameters(each, *batch: int, spread=1.5, seed=0, dtype=torch.float64):
    with seeded(seed):
        return spread * torch.randn(*batch, each.parameters, 4, dtype=dtype)


@every_map
def test_zeros_are_the_identity(each, device):
    x = torch.linspace(-5, 5, 40, dtype=torch.float64, device=device).view(10, 4)
    y, log_slope = each.forward(x, x.new_zeros(10, each.parameters, 4))
    torch.testing.assert_close(y, x, atol=1e-12, rtol=0)
    torch.testing.assert_close(log_slope, torch.zeros_like(x), atol=1e-12, rtol=0)


@every_map
def test_slope_is_that_of_autograd_and_the_inverse_undoes(each):
    params = parameters(each, 300)
    with seeded(1):
        x = (3 * torch.randn(300, 4, dtype=torch.float64)).requires_grad_()
    y, log_slope = each.forward(x, params)
    (slope,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(log_slope, slope.log(), atol=1e-10, rtol=1e-10)
    assert (slope > 0).all()
    back, log_slope_back = each.inverse(y, params)
    torch.testing.assert_close(back, x, atol=1e-10, rtol=1e-10)
    torch.testing.assert_close(log_slope_back, -log_slope, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("bound", [1.0, 4.0])
def test_affine_by_hand(bound):
    params = torch.tensor([[2.0, 2.0], [-3.0, 0.5]], dtype=torch.float64)  # t, and a
    log_scale = bound * torch.tensor([3.0, -0.5], dtype=torch.float64).div(bound).tanh()
    y, log_slope = Affine(bound).forward(torch.full_like(log_scale, 3.0), params)
    torch.testing.assert_close(y, 3 * log_scale.exp() + 2)
    torch.testing.assert_close(log_slope, log_scale)
    shift, found = Affine(bound).shift_and_log_scale(params)
    assert (shift == 2).all()
    torch.testing.assert_close(found, log_scale)


@pytest.mark.parametrize("bound", [1.0, 4.0])
def test_log_scale_stays_finite_whatever_the_network_says(bound):
    x = torch.tensor([-3.0, 3.0])
    params = torch.tensor([[1e6, -1e6], [1e6, -1e6]]).requires_grad_()
    for direction in (Affine(bound).forward, Affine(bound).inverse):
        y, log_slope = direction(x, params)
        assert y.isfinite().all()
        assert log_slope.abs().max() <= bound
        (gradient,) = torch.autograd.grad(y.sum() + log_slope.sum(), params)
        assert gradient.isfinite().all()


def knots(spline, params):
    lefts, bottoms, _, _, slopes = spline.knots(params)
    ends = torch.full_like(lefts[:1], spline.bound)
    return torch.cat([lefts, ends]), torch.cat([bottoms, ends]), slopes


def test_spline_meets_its_knots_with_their_slopes():
    spline = RationalQuadraticSpline(bins=6, bound=2.0)
    params = parameters(spline, seed=3)
    x, y, slopes = knots(spline, params)
    assert (slopes[[0, -1]] == 1).all()
    for inside in (-1e-12, 1e-12):  # from the left, and from the right
        value, log_slope = spline.forward(x + inside, params.expand(7, -1, -1))
        torch.testing.assert_close(value, y, atol=1e-9, rtol=0)
        torch.testing.assert_close(log_slope, slopes.log(), atol=1e-5, rtol=0)
    back, _ = spline.inverse(y, params.expand(7, -1, -1))
    torch.testing.assert_close(back, x, atol=1e-9, rtol=0)


def test_spline_is_the_identity_outside():
    spline = RationalQuadraticSpline(bins=4, bound=2.0)
    x = torch.tensor([-1e6, -2.5, 2.5, 1e6]).requires_grad_()
    params = parameters(spline, dtype=torch.float32).requires_grad_()
    for direction in (spline.forward, spline.inverse):
        y, log_slope = direction(x, params)
        assert (y == x).all()
        assert (log_slope == 0).all()
        x_grad, params_grad = torch.autograd.grad(y.sum() + log_slope.sum(), [x, params])
        assert (x_grad == 1).all()
        assert (params_grad == 0).all()


@pytest.mark.dtypes("float64", "float32")
def test_spline_has_least_sizes_and_slopes(dtype):
    """At parameters that no training should reach, it still is a monotone map."""
    spline = RationalQuadraticSpline(bins=8, bound=3.0)
    params = parameters(spline, 200, spread=60.0, dtype=dtype)
    _, _, widths, heights, slopes = spline.knots(params)
    for size in (widths, heights):
        assert size.min() >= 6e-3 * 0.999
        torch.testing.assert_close(size.sum(-2), torch.full_like(size[:, 0], 6.0))
    assert slopes.min() >= 1e-3 * 0.999
    x = torch.linspace(-2.999, 2.999, 200, dtype=dtype).unsqueeze(-1).expand(200, 4)
    y, log_slope = spline.forward(x, params[:1])
    assert (y.diff(dim=0) > -1e-5).all()
    assert log_slope.isfinite().all()
    back, log_slope = spline.inverse(x, params)
    assert back.isfinite().all()
    assert log_slope.isfinite().all()


def test_one_set_of_parameters_for_many_points_and_the_reverse():
    spline = RationalQuadraticSpline(bins=4)
    params = parameters(spline, 3)
    with seeded(5):
        x = torch.randn(2, 3, 4, dtype=torch.float64)
    y, _ = spline.forward(x, params)
    torch.testing.assert_close(y[1, 2], spline.forward(x[1, 2], params[2])[0])
    y, _ = spline.forward(x[0, 0], params)
    torch.testing.assert_close(y[2], spline.forward(x[0, 0], params[2])[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bins": 1}, "bins"),
        ({"bins": 2.5}, "bins"),
        ({"bins": 1000}, "bins"),
        ({"bound": 0}, "bound"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        RationalQuadraticSpline(**arguments)


def test_the_bound_of_the_log_scale_is_positive():
    with pytest.raises(ValueError, match="bound is 0, needs a number > 0"):
        Affine(bound=0)
