r"""The information bottleneck for Gaussian variables, where its curve is known exactly.

Given x and y, find a code z of x that is short and still tells about y:

$$ \min\; I(x; z) - \beta_{\mathrm{IB}}\, I(z; y) . $$

Here the weight is on what is *kept*: a larger $\beta_{\mathrm{IB}}$ means less compression. A β-VAE
has its weight on the rate; the two run in opposite directions, $\beta_{\mathrm{IB}} = 1/\beta$.

For Gaussian x and y only their canonical correlations $r_i$ matter. Direction i is in the code iff
$\beta_{\mathrm{IB}} > 1/r_i^2$, and then

$$ I_i(x; z) = \tfrac12 \log \frac{(\beta_{\mathrm{IB}} - 1)\, r_i^2}{1 - r_i^2}, \qquad
   I_i(z; y) = I_i(x; z) - \tfrac12 \log \beta_{\mathrm{IB}} r_i^2 . $$

Source: Chechik, Globerson, Tishby & Weiss 2005, "Information bottleneck for Gaussian variables".
"""

from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor

from vae_course.checks import require, require_count, require_tensor


@dataclass(frozen=True)
class Bottleneck:
    """What the code holds of x, and what of that tells about y: `(...)` nats."""

    rate: Tensor  # I(x; z)
    relevance: Tensor  # I(z; y)


def canonical_correlations(covariance: Tensor, x_dim: int) -> Tensor:
    """The canonical correlations of x and y, the largest first: `(min(x_dim, n - x_dim),)`.

    `covariance`: of x and y side by side, `(n, n)`, positive definite; x has the first `x_dim`.
    """
    require_tensor("covariance", covariance, dimensions=2)
    n = covariance.shape[0]
    square = covariance.shape[1] == n
    require(square, f"covariance has shape {tuple(covariance.shape)}, needs a square one")
    require_count("x_dim", x_dim)
    require(x_dim < n, f"x_dim is {x_dim}, needs 1 to {n - 1}")
    x_root = torch.linalg.cholesky(covariance[:x_dim, :x_dim])
    y_root = torch.linalg.cholesky(covariance[x_dim:, x_dim:])
    white = torch.linalg.solve_triangular(x_root, covariance[:x_dim, x_dim:], upper=False)
    white = torch.linalg.solve_triangular(y_root, white.T, upper=False)
    return torch.linalg.svdvals(white).clamp_max(1)


def gaussian_bottleneck(correlations: Tensor, beta: float | Tensor) -> Bottleneck:
    """The optimum at the weight `beta` of I(z; y), a number or `(...)`, from correlations `(k,)`.

    At `beta` <= 1 every code costs more than it tells, and the optimum is to keep nothing.
    """
    require_tensor("correlations", correlations, dimensions=1)
    ok = bool(((correlations >= 0) & (correlations < 1)).all())
    require(ok, f"correlations is {correlations.tolist()}, needs numbers in [0, 1)")
    beta = torch.as_tensor(beta, dtype=correlations.dtype, device=correlations.device)[..., None]
    require(bool(((beta > 0) & (beta < inf)).all()), "beta needs positive numbers")
    known = correlations.square()  # the share of this direction of x that y determines
    # At the threshold both logarithms have the argument 1: below it a unit holds nothing.
    active = beta * known > 1
    rate = 0.5 * torch.where(active, (beta - 1) * known / (1 - known), 1.0).log()
    lost = 0.5 * torch.where(active, beta * known, 1.0).log()
    return Bottleneck(rate.sum(-1), (rate - lost).sum(-1))
