r"""How few nats describe a Gaussian: the rate–distortion function by reverse water-filling.

A Gaussian vector whose covariance has the eigenvalues $\lambda_i$ is to be described with a squared
error $\delta = \mathbb E\|x - \hat x\|^2$, summed over its dimensions. The least mutual information
that any description needs is

$$ R(\delta) = \sum_i \tfrac12 \log \frac{\lambda_i}{\delta_i}, \qquad
   \delta_i = \min(\lambda_i, h), \qquad \sum_i \delta_i = \delta . $$

Think of a vessel with a floor at the height 0 and directions of the height $\lambda_i$: up to the
level h all that varies is given up, and what sticks out is described. All directions that are
described pay the same for their last nat, so the curve has the slope

$$ \frac{d\delta}{dR} = -2h . $$

Source: Cover & Thomas 2006, "Elements of Information Theory", section 10.3.3.
"""

from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor

from vae_course.checks import require, require_tensor


@dataclass(frozen=True)
class WaterFilling:
    """Rates in nats and squared errors, `(..., n)` for each direction and `(...)` in all."""

    rates: Tensor
    distortions: Tensor

    @property
    def rate(self) -> Tensor:
        return self.rates.sum(-1)

    @property
    def distortion(self) -> Tensor:
        return self.distortions.sum(-1)


def reverse_water_filling(eigenvalues: Tensor, level: float | Tensor) -> WaterFilling:
    """The point of the Gaussian curve at the water level h > 0, a number or `(...)`.

    `eigenvalues`: `(n,)`, in squared units of x, in any order.
    """
    _require_eigenvalues(eigenvalues)
    level = _positive("level", level, eigenvalues)[..., None]
    rates = 0.5 * (torch.maximum(eigenvalues, level) / level).log()
    return WaterFilling(rates, torch.minimum(eigenvalues, level))


def water_level(eigenvalues: Tensor, squared_error: float | Tensor) -> Tensor:
    """The level h at which the squared errors add up to δ > 0, a number or `(...)`.

    Between two eigenvalues the sum of min(λ_i, h) is a straight line in h, so this is exact. From
    δ = Σ λ_i on nothing is described, and h stays at the largest eigenvalue.
    """
    _require_eigenvalues(eigenvalues)
    squared_error = _positive("squared_error", squared_error, eigenvalues)
    ordered = eigenvalues.sort().values
    under_water = ordered.cumsum(0) - ordered  # (n,): the sum of the smaller ones
    above = torch.arange(len(ordered), 0, -1, device=ordered.device)  # how many are not smaller
    # δ when the level has risen to each eigenvalue: where in this list does ours belong?
    at_each = under_water + above * ordered
    k = torch.searchsorted(at_each.detach(), squared_error.detach().contiguous())
    k = k.clamp_max(len(ordered) - 1)
    level = (squared_error - under_water[k]) / above[k]
    return torch.minimum(level, ordered[-1])


def gaussian_rate(eigenvalues: Tensor, squared_error: float | Tensor) -> Tensor:
    """R(δ) of a Gaussian vector, `(...)` nats, at the squared error δ > 0, a number or `(...)`."""
    return reverse_water_filling(eigenvalues, water_level(eigenvalues, squared_error)).rate


def _require_eigenvalues(eigenvalues: Tensor) -> None:
    require_tensor("eigenvalues", eigenvalues, dimensions=1)
    ok = bool((eigenvalues >= 0).all() and (eigenvalues > 0).any())
    require(ok, "eigenvalues has no positive or some negative number, needs λ >= 0 and one > 0")


def _positive(name: str, value: float | Tensor, like: Tensor) -> Tensor:
    value = torch.as_tensor(value, dtype=like.dtype, device=like.device)
    ok = bool(((value > 0) & (value < inf)).all())
    require(ok, f"{name} is {value.tolist()}, needs positive numbers")
    return value
