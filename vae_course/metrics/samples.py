r"""How far one set of samples is from another.

Maximum mean discrepancy with a kernel k (Gretton et al. 2012, the unbiased estimate):

$$ \mathrm{MMD}^2 = \frac{\sum_{i \ne j} k(x_i, x_j)}{N(N-1)} + \frac{\sum_{i \ne j} k(y_i, y_j)}{M(M-1)}
   - \frac{2 \sum_{i,j} k(x_i, y_j)}{N M} $$

Two-Wasserstein distance between the Gaussians that fit the sets (Dowson & Landau 1982):

$$ W_2^2 = \|m_1 - m_2\|^2 + \mathrm{tr}\big(C_1 + C_2 - 2 (C_1^{1/2} C_2 C_1^{1/2})^{1/2}\big) $$
"""  # noqa: E501

import torch
from torch import Tensor

from vae_course.checks import require, require_tensor


def mmd2(x: Tensor, y: Tensor, bandwidth: float | None = None) -> Tensor:
    """Unbiased squared MMD of `(N, n)` and `(M, n)` with a Gaussian kernel; may be negative.

    `bandwidth` is the kernel's standard deviation in units of x; by default, the median distance
    between the points of both sets together.
    """
    x, y = _require_sets(x, y)
    if bandwidth is None:
        bandwidth = torch.pdist(torch.cat([x, y])).median()
    require(bool(bandwidth > 0), f"bandwidth is {float(bandwidth)}, needs a positive number")

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        # Not |a|² + |b|² - 2 a·b: far from the origin that keeps no digits of a small distance.
        distance = torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")
        return torch.exp(-0.5 * (distance / bandwidth).square())

    def mean_off_diagonal(a: Tensor) -> Tensor:
        n = len(a)
        return (kernel(a, a).sum() - n) / (n * (n - 1))  # k(a, a) = 1

    return mean_off_diagonal(x) + mean_off_diagonal(y) - 2 * kernel(x, y).mean()


def gaussian_wasserstein2(x: Tensor, y: Tensor) -> Tensor:
    """Two-Wasserstein distance, in units of x, between Gaussians with the sets' moments."""
    x, y = _require_sets(x, y)
    mean_x, mean_y = x.mean(0), y.mean(0)
    n = x.shape[1]  # the covariance of one component comes as a number without axes
    cov_x, cov_y = (s.T.cov(correction=0).reshape(n, n) for s in (x, y))
    root_x = _matrix_root(cov_x)
    cross = _matrix_root(root_x @ cov_y @ root_x)
    squared = (mean_x - mean_y).square().sum() + (cov_x + cov_y - 2 * cross).trace()
    return squared.clamp_min(0).sqrt()


def _matrix_root(matrix: Tensor) -> Tensor:
    """Symmetric square root of a positive semi-definite matrix."""
    values, vectors = torch.linalg.eigh((matrix + matrix.T) / 2)
    return (vectors * values.clamp_min(0).sqrt()) @ vectors.T


def _require_sets(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    for name, value in [("x", x), ("y", y)]:
        require_tensor(name, value, dimensions=2)
        require(len(value) >= 2, f"{name} has shape {tuple(value.shape)}, needs at least 2 points")
    require(
        x.shape[1] == y.shape[1] >= 1,
        f"x and y have shapes {tuple(x.shape)} and {tuple(y.shape)}, need as many components",
    )
    return x, y
