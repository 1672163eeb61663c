"""Straight lines and great circles."""

from math import pi, sqrt

import pytest
import torch

from vae_course.metrics import great_circle, straight_line
from vae_course.random import seeded


def pair(device, dtype, *shape):
    with seeded(0):
        a, b = torch.randn(2, *shape, dtype=dtype).to(device)
    return a, b


@pytest.mark.parametrize("path", [straight_line, great_circle])
def test_end_points_and_shape(device, dtype, path):
    a, b = pair(device, dtype, 4, 7)
    z = path(a, b, torch.linspace(0, 1, 5))
    assert z.shape == (5, 4, 7)
    assert z.dtype == dtype
    torch.testing.assert_close(z[0], a, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(z[-1], b, rtol=1e-12, atol=1e-12)
    assert path(a[0], b[0], [0.5]).shape == (1, 7)


def test_straight_line_is_straight(device, dtype):
    a, b = pair(device, dtype, 3)
    z = straight_line(a, b, torch.tensor([0.25]))[0]
    torch.testing.assert_close(z, 0.75 * a + 0.25 * b)


def test_great_circle_keeps_the_norm_and_turns_evenly(device, dtype):
    a, b = pair(device, dtype, 6, 16)
    a, b = 4 * a / a.norm(dim=-1, keepdim=True), 4 * b / b.norm(dim=-1, keepdim=True)
    z = great_circle(a, b, torch.linspace(0, 1, 9))
    torch.testing.assert_close(z.norm(dim=-1), torch.full_like(z[..., 0], 4.0))
    turns = torch.nn.functional.cosine_similarity(z[1:], z[:-1], dim=-1)
    torch.testing.assert_close(turns, turns[:1].expand_as(turns))


def test_middle_of_a_quarter_circle(device, dtype):
    a = torch.tensor([1.0, 0.0, 0.0], dtype=dtype, device=device)
    b = torch.tensor([0.0, 0.0, 1.0], dtype=dtype, device=device)
    wanted = torch.tensor([sqrt(0.5), 0.0, sqrt(0.5)], dtype=dtype, device=device)
    torch.testing.assert_close(great_circle(a, b, [0.5])[0], wanted)
    third = great_circle(a, b, [1 / 3])[0]
    assert abs(third[2].item() - 0.5) < 1e-12  # sin 30°
    assert straight_line(a, b, [0.5])[0].norm().item() == pytest.approx(sqrt(0.5))


def test_half_way_from_unequal_norms(device, dtype):
    # The formula also turns the length from one to the other: a/√2 + b/√2 at a right angle.
    a = torch.tensor([3.0, 0.0], dtype=dtype, device=device)
    b = torch.tensor([0.0, 1.0], dtype=dtype, device=device)
    wanted = torch.tensor([3 * sqrt(0.5), sqrt(0.5)], dtype=dtype, device=device)
    torch.testing.assert_close(great_circle(a, b, [0.5])[0], wanted)


@pytest.mark.dtypes("float64", "float32")
@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-6, 1e-4, 3e-4, 1e-2])
def test_nearly_parallel_is_finite_and_between(device, dtype, angle):
    angle = torch.tensor(angle, dtype=torch.float64)
    a = torch.tensor([2.0, 0.0], dtype=torch.float64)
    b = 2 * torch.stack([angle.cos(), angle.sin()])
    wanted = 2 * torch.stack([(0.3 * angle).cos(), (0.3 * angle).sin()])
    z = great_circle(a.to(device, dtype), b.to(device, dtype), [0.3])[0].cpu().double()
    torch.testing.assert_close(z, wanted, rtol=0, atol=1e-7 if dtype == torch.float64 else 2e-6)


def test_batch_may_hold_both_cases(device, dtype):
    a = torch.tensor([[1.0, 0.0], [1.0, 0.0]], dtype=dtype, device=device)
    b = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=dtype, device=device).requires_grad_()
    z = great_circle(a, b, [0.5])
    torch.testing.assert_close(z[0, 0], a[0])
    torch.testing.assert_close(z[0, 1].norm(), z.new_tensor(1.0))


def test_opposite_vectors_are_refused(device, dtype):
    a, _ = pair(device, dtype, 4, 8)
    b = a.clone()
    b[2] = -3 * a[2]
    with pytest.raises(ValueError, match="opposite"):
        great_circle(a, b, [0.5])
    assert great_circle(a, a * 3, [0.5]).isfinite().all()


def test_almost_opposite_vectors_have_a_circle(device, dtype):
    angle = torch.tensor(pi - 0.01, dtype=dtype, device=device)
    b = torch.stack([angle.cos(), angle.sin()])
    z = great_circle(torch.tensor([1.0, 0.0], dtype=dtype, device=device), b, [0.5])[0]
    torch.testing.assert_close(z, torch.stack([(angle / 2).cos(), (angle / 2).sin()]))


@pytest.mark.parametrize("path", [straight_line, great_circle])
def test_bad_input(path):
    with pytest.raises(ValueError, match=r"a and b have shapes \(3,\) and \(4,\), need equal"):
        path(torch.ones(3), torch.ones(4), [0.5])
    with pytest.raises(ValueError, match=r"t has shape \(2, 2\), needs \(T,\)"):
        path(torch.ones(3), torch.ones(3), torch.zeros(2, 2))
    with pytest.raises(ValueError, match=r"t has shape \(\), needs \(T,\)"):
        path(torch.ones(3), torch.ones(3), 0.5)
