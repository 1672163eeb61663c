"""Distances between sets of samples, against closed forms for Gaussians."""

import pytest
import torch

from tests.statistics import assert_mean
from vae_course.metrics import gaussian_wasserstein2, mmd2
from vae_course.random import seeded


def gaussian_mmd2(shift: float, bandwidth: float, n: int) -> float:
    """Squared MMD of N(0, I) and N(shift, I) in n dimensions, shift along one axis.

    x - x' ~ N(0, 2I), so E k(x, x') = (h²/(h²+2))^{n/2}, and exp(-shift²/(2(h²+2))) of it across.
    """
    square = bandwidth**2
    within = (square / (square + 2)) ** (n / 2)
    across = within * torch.tensor(-(shift**2) / (2 * (square + 2))).exp().item()
    return 2 * within - 2 * across


def many_mmd2(seed: int, device, dtype, shift: float, bandwidth: float, repeats: int = 4_000):
    """Independent estimates from sets of different sizes, 12 and 8 points in the plane."""
    with seeded(seed):
        x = torch.randn(repeats, 12, 2, dtype=dtype).to(device)
        y = torch.randn(repeats, 8, 2, dtype=dtype).to(device)
    y[..., 0] += shift
    return torch.stack([mmd2(a, b, bandwidth) for a, b in zip(x, y, strict=True)])


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_mmd2_is_unbiased(device, dtype, seed, shift):
    estimates = many_mmd2(seed, device, dtype, shift, bandwidth=1.0)
    assert_mean(estimates, gaussian_mmd2(shift, 1.0, 2), detects=0.03)
    if shift == 0:
        assert (estimates < 0).float().mean() > 0.4  # an unbiased estimate of zero has both signs


def test_mmd2_by_hand(device, dtype):
    x = torch.tensor([[0.0], [1.0]], dtype=dtype, device=device)
    y = torch.tensor([[0.0], [2.0], [3.0]], dtype=dtype, device=device)

    def k(distance):
        return torch.tensor(-(distance**2) / 8, dtype=torch.float64).exp().item()

    across = (k(0) + k(2) + k(3) + k(1) + k(1) + k(2)) / 6
    wanted = k(1) + (k(2) + k(3) + k(1)) / 3 - 2 * across
    assert abs(mmd2(x, y, bandwidth=2.0).item() - wanted) < 1e-12


@pytest.mark.parametrize("bandwidth", [None, 1.0])
def test_mmd2_detects_a_translation(device, dtype, bandwidth):
    with seeded(0):
        x, y = torch.randn(2, 200, 3, dtype=dtype).to(device)
    assert mmd2(x, y + 1, bandwidth) > 0.1
    assert abs(mmd2(x, y, bandwidth).item()) < 0.03


def test_default_bandwidth_is_the_median_distance(device, dtype):
    with seeded(0):
        x, y = torch.randn(2, 20, 3, dtype=dtype).to(device)
    median = torch.pdist(torch.cat([x, y])).median().item()
    assert abs(mmd2(x, y).item() - mmd2(x, y, median).item()) < 1e-12
    # so the unit of x does not matter
    assert abs(mmd2(x, y).item() - mmd2(x * 50, y * 50).item()) < 1e-12


@pytest.mark.dtypes("float64", "float32")
def test_mmd2_far_from_the_origin(device, dtype):
    with seeded(0):
        x, y = torch.randn(2, 60, 3, dtype=dtype).to(device)
    near, far = mmd2(x, y + 0.5, 1.0), mmd2(x + 1024, y + 1024.5, 1.0)
    assert abs(near.item() - far.item()) < 1e-3


def with_moments(mean, covariance, dtype, device):
    """Points whose mean and covariance are exactly these: a rotation of the axes' ends."""
    values, vectors = torch.linalg.eigh(covariance)
    n = len(mean)
    axes = (vectors * (n * values).sqrt()).T
    return (torch.cat([axes, -axes]) + mean).to(device, dtype)


def test_wasserstein_of_commuting_covariances(device, dtype):
    # C₁ and C₂ share eigenvectors: W² is the squared shift plus that of the standard deviations.
    with seeded(0):
        vectors = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64)).Q
    first, second = torch.tensor([[1.0, 4.0, 0.25], [9.0, 0.01, 0.25]], dtype=torch.float64)
    m = torch.tensor([1.0, -2.0, 0.0], dtype=torch.float64)
    x = with_moments(0 * m, (vectors * first) @ vectors.T, dtype, device)
    y = with_moments(m, (vectors * second) @ vectors.T, dtype, device)
    wanted = (m.square().sum() + (first.sqrt() - second.sqrt()).square().sum()).sqrt()
    assert abs(gaussian_wasserstein2(x, y).item() - wanted.item()) < 1e-12
    assert abs(gaussian_wasserstein2(y, x).item() - wanted.item()) < 1e-12


def test_wasserstein_of_two_by_two_covariances_that_do_not_commute(device, dtype):
    # For 2 x 2, tr sqrt(A) = sqrt(tr A + 2 sqrt(det A)) with A = C₁ C₂.
    c1 = torch.tensor([[2.0, 0.6], [0.6, 1.0]], dtype=torch.float64)
    c2 = torch.tensor([[0.5, -0.4], [-0.4, 3.0]], dtype=torch.float64)
    zero = torch.zeros(2, dtype=torch.float64)
    product = c1 @ c2
    root_trace = (product.trace() + 2 * product.det().sqrt()).sqrt()
    wanted = (c1.trace() + c2.trace() - 2 * root_trace).sqrt()
    x, y = (with_moments(zero, c, dtype, device) for c in (c1, c2))
    assert abs(gaussian_wasserstein2(x, y).item() - wanted.item()) < 1e-12


def test_wasserstein_in_one_dimension(device, dtype):
    x = torch.tensor([[-1.0], [1.0]], dtype=dtype, device=device)  # mean 0, σ = 1
    y = torch.tensor([[0.0], [6.0]], dtype=dtype, device=device)  # mean 3, σ = 3
    assert abs(gaussian_wasserstein2(x, y).item() - 13**0.5) < 1e-12
    assert gaussian_wasserstein2(x, x).item() < 1e-6


@pytest.mark.parametrize("metric", [mmd2, gaussian_wasserstein2])
@pytest.mark.parametrize(
    "x, y, said",
    [
        ((5, 3), (4, 2), r"x and y have shapes \(5, 3\) and \(4, 2\)"),
        ((5,), (4, 3), r"x has shape \(5,\), needs 2 dimensions"),
        ((5, 3), (1, 3), r"y has shape \(1, 3\), needs at least 2 points"),
    ],
)
def test_bad_shapes(metric, x, y, said):
    with pytest.raises(ValueError, match=said):
        metric(torch.zeros(x), torch.zeros(y))


def test_bandwidth_must_be_positive():
    with pytest.raises(ValueError, match=r"bandwidth is 0\.0, needs a positive number"):
        mmd2(torch.zeros(5, 2), torch.zeros(5, 2))
