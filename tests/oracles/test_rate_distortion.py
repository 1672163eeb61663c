"""The Gaussian curve is the least rate there is: against a search, its slope and its limits."""

from math import log

import pytest
import torch

from vae_course.oracles import gaussian_rate, reverse_water_filling, water_level

EIGENVALUES = [4.0, 0.25, 1.5, 0.5, 0.0]


def eigenvalues(device, dtype):
    return torch.tensor(EIGENVALUES, dtype=dtype, device=device)


def least_rate_by_search(lam, squared_error: float) -> float:
    """Minimise Σ ½ log(λ_i/δ_i) over 0 < δ_i <= λ_i, Σ δ_i = δ, by projected moves in pairs.

    A convex problem: where no transfer of distortion between two directions helps, it is solved.
    """
    lam = [value for value in lam.tolist() if value > 0]
    share = [value * squared_error / sum(lam) for value in lam]
    step = squared_error / 4
    while step > 1e-7:
        moved = False
        for i in range(len(lam)):
            for j in range(len(lam)):
                # Σ log δ_i grows if the smaller of two takes from the larger.
                give = min(step, lam[i] - share[i])
                if i != j and 0 < give < share[j]:
                    new = (share[i] + give) * (share[j] - give)
                    if new > share[i] * share[j] * (1 + 1e-14):
                        share[i], share[j], moved = share[i] + give, share[j] - give, True
        if not moved:
            step /= 2
    return sum(0.5 * log(a / b) for a, b in zip(lam, share, strict=True))


@pytest.mark.parametrize("squared_error", [0.01, 0.8, 1.7, 3.2, 5.9, 6.2])
def test_no_other_division_of_the_distortion_needs_fewer_nats(device, dtype, squared_error):
    lam = eigenvalues(device, dtype)
    found = least_rate_by_search(lam, squared_error)
    assert abs(gaussian_rate(lam, squared_error).item() - found) < 1e-6


@pytest.mark.dtypes("float64", "float32")
def test_level_and_squared_error_are_two_names_of_one_point(device, dtype):
    lam = eigenvalues(device, dtype)
    levels = torch.tensor([1e-3, 0.25, 0.3, 0.5, 1.0, 3.9, 4.0], dtype=dtype, device=device)
    points = reverse_water_filling(lam, levels)
    assert points.rates.shape == (7, 5) and points.rate.dtype == dtype
    torch.testing.assert_close(water_level(lam, points.distortion), levels)
    torch.testing.assert_close(gaussian_rate(lam, points.distortion), points.rate)


def test_slope_is_minus_twice_the_level(device, dtype):
    lam = eigenvalues(device, dtype)
    for level in (0.1, 0.3, 0.9, 2.0, 3.5):
        low, high = (reverse_water_filling(lam, level + e) for e in (-1e-5, 1e-5))
        slope = (high.distortion - low.distortion) / (high.rate - low.rate)
        torch.testing.assert_close(slope.item(), -2 * level, rtol=1e-8, atol=0)


def test_gradients_are_those_of_the_curve(device, dtype):
    lam = eigenvalues(device, dtype)[:4].requires_grad_()
    point = torch.tensor([0.7, 1.9], dtype=dtype, device=device, requires_grad=True)
    level = water_level(lam.detach(), point.detach())
    by_error, by_lam = torch.autograd.grad(gaussian_rate(lam, point).sum(), (point, lam))
    torch.testing.assert_close(by_error, -0.5 / level)
    # λ_i above the water costs ½ log λ_i; below it, it has taken from δ what others could use.
    per_point = torch.where(lam > level[:, None], 0.5 / lam, 0.5 / level[:, None])
    torch.testing.assert_close(by_lam, per_point.sum(0).detach())


def test_limits(device, dtype):
    lam = eigenvalues(device, dtype)
    everything = reverse_water_filling(lam, 100.0)
    assert everything.rate == 0 and everything.distortion == lam.sum()
    assert gaussian_rate(lam, lam.sum()) == 0 and gaussian_rate(lam, 1000.0) == 0
    # For a small δ all four directions have their share, and each halving costs 4 · ½ log 2.
    fine = gaussian_rate(lam, torch.tensor([0.02, 0.01], dtype=dtype, device=device))
    torch.testing.assert_close((fine[1] - fine[0]).item(), 2 * log(2))
    one = gaussian_rate(torch.tensor([3.0], dtype=dtype, device=device), 0.6)
    torch.testing.assert_close(one.item(), 0.5 * log(5))


def test_order_of_the_directions_does_not_matter(device, dtype):
    lam = eigenvalues(device, dtype)
    order = torch.tensor([3, 0, 4, 2, 1], device=device)
    a, b = reverse_water_filling(lam, 0.4), reverse_water_filling(lam[order], 0.4)
    torch.testing.assert_close(a.rates[order], b.rates)
    torch.testing.assert_close(gaussian_rate(lam, 1.0), gaussian_rate(lam[order], 1.0))


def test_bad_input_is_named():
    good = torch.tensor([2.0, 1.0])
    with pytest.raises(ValueError, match="eigenvalues has no positive or some negative"):
        reverse_water_filling(torch.tensor([1.0, -0.1]), 0.5)
    with pytest.raises(ValueError, match="eigenvalues has no positive"):
        gaussian_rate(torch.zeros(3), 0.5)
    with pytest.raises(ValueError, match="eigenvalues has shape"):
        gaussian_rate(torch.ones(3, 3), 0.5)
    with pytest.raises(ValueError, match=r"level is 0.0, needs positive"):
        reverse_water_filling(good, 0.0)
    with pytest.raises(ValueError, match=r"squared_error is -1.0, needs positive"):
        gaussian_rate(good, -1.0)
