r"""Invertible maps of one number, whose parameters a network gives: shift, affine, and spline.

A coupling or an autoregressive layer bends each feature by itself, by one of these. A map has
`parameters` numbers for each feature; a network gives them as `(..., parameters, features)`, one
row for each role, and zeros mean the identity.

$$ y = x + t, \qquad y = x\, e^s + t, \qquad
   y = y_k + \frac{h_k\,[\rho_k \xi^2 + d_k\, \xi (1 - \xi)]}
                  {\rho_k + (d_{k+1} + d_k - 2\rho_k)\, \xi (1 - \xi)}, \quad
   \xi = \frac{x - x_k}{w_k}, \quad \rho_k = \frac{h_k}{w_k} $$

Source: Dinh et al. 2015 (additive), Dinh et al. 2017 (affine), Durkan et al. 2019 (spline).
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from vae_course.checks import require, require_count


class Additive:
    """`y = x + t`. It preserves volume. Dinh et al. 2015 (NICE)."""

    parameters = 1

    def forward(self, x: Tensor, params: Tensor) -> tuple[Tensor, Tensor]:
        """x `(..., features)` and params `(..., 1, features)` to y and log dy/dx, as x."""
        y = x + params.squeeze(-2)
        return y, torch.zeros_like(y)

    def inverse(self, y: Tensor, params: Tensor) -> tuple[Tensor, Tensor]:
        """y to x and log dx/dy."""
        x = y - params.squeeze(-2)
        return x, torch.zeros_like(x)


class Affine:
    r"""`y = x eˢ + t`. The network gives t and a number a, and $s = -b \tanh(a / b)$.

    bound: b, what |s| stays below. One layer stretches by less than eᵇ, K layers by less than eᴷᵇ.

    It is bounded because a point far from the data may get any a, and an exponential of it, or of
    its negative on the way back, would overflow: one such point makes every parameter not a number.
    Dinh et al. 2017 bound s by a hyperbolic tangent too. It has a minus because what a density,
    by which flows are trained, needs is -s.
    """

    parameters = 2

    def __init__(self, bound: float = 1.0):
        require(bound > 0, f"bound is {bound}, needs a number > 0")
        self.bound = float(bound)

    def shift_and_log_scale(self, params: Tensor) -> tuple[Tensor, Tensor]:
        """t and s, each `(..., features)`."""
        shift, log_slope = self.shift_and_log_slope_back(params)
        return shift, -log_slope

    def shift_and_log_slope_back(self, params: Tensor) -> tuple[Tensor, Tensor]:
        """t and -s."""
        shift, free = params.unbind(-2)
        if self.bound == 1:  # two products saved, which are felt in training
            return shift, torch.tanh(free)
        return shift, self.bound * torch.tanh(free / self.bound)

    def forward(self, x: Tensor, params: Tensor) -> tuple[Tensor, Tensor]:
        """x `(..., features)` and params `(..., 2, features)` to y and log dy/dx, as x."""
        shift, log_scale = self.shift_and_log_scale(params)
        return torch.addcmul(shift, x, log_scale.exp()), log_scale

    def inverse(self, y: Tensor, params: Tensor) -> tuple[Tensor, Tensor]:
        """y to x and log dx/dy."""
        shift, log_slope = self.shift_and_log_slope_back(params)
        return (y - shift) * log_slope.exp(), log_slope


class RationalQuadraticSpline:
    """A monotone curve of `bins` pieces on [-bound, bound], the identity outside.

    bins:  pieces K; the parameters are K widths, K heights and K - 1 slopes at the inner knots
    bound: where the curve ends. It has slope 1 there, as the straight tails have.

    No bin is narrower or lower than a thousandth of the whole, and no slope is below a thousandth:
    the quotients stay finite. Durkan et al. 2019.
    """

    least = 1e-3

    def __init__(self, bins: int = 8, bound: float = 5.0):
        self.bins = require_count("bins", bins, least=2)
        require(bins * self.least < 1, f"bins is {bins}, needs fewer than {1 / self.least:.0f}")
        require(bound > 0, f"bound is {bound}, needs a number > 0")
        self.bound = float(bound)
        self.parameters = 3 * bins - 1

    def forward(self, x: Tensor, params: Tensor) -> tuple[Tensor, Tensor]:
        """x `(..., features)` and params `(..., 3 bins - 1, features)` to y, log dy/dx, as x."""
        clamped = x.clamp(-self.bound, self.bound)
        left, bottom, width, height, d0, d1 = self.bin_of(clamped, params, by_height=False)
        rho = height / width
        xi = (clamped - left) / width
        y = bottom + height * (rho * xi.square() + d0 * xi * (1 - xi)) / (
            rho + (d1 + d0 - 2 * rho) * xi * (1 - xi)
        )
        return self.with_tails(x, y, log_slope(xi, rho, d0, d1))

    def inverse(self, y: Tensor, params: Tensor) -> tuple[Tensor, Tensor]:
        """y to x and log dx/dy: the root of a quadratic, in the form that does not cancel."""
        clamped = y.clamp(-self.bound, self.bound)
        left, bottom, width, height, d0, d1 = self.bin_of(clamped, params, by_height=True)
        rho = height / width
        bend = (clamped - bottom) * (d1 + d0 - 2 * rho)
        a = height * (rho - d0) + bend
        b = height * d0 - bend
        c = -rho * (clamped - bottom)
        # Positive, but rounding may say otherwise.
        root = (b.square() - 4 * a * c).clamp(min=torch.finfo(y.dtype).tiny).sqrt()
        xi = 2 * c / (-b - root)
        return self.with_tails(y, left + xi * width, -log_slope(xi, rho, d0, d1))

    def with_tails(self, value: Tensor, inside: Tensor, log_derivative: Tensor):
        within = value.abs() < self.bound
        return torch.where(within, inside, value), torch.where(within, log_derivative, 0.0)

    def bin_of(self, value: Tensor, params: Tensor, by_height: bool) -> tuple[Tensor, ...]:
        """Left, bottom, width, height and both slopes of the bin that holds each value."""
        lefts, bottoms, widths, heights, slopes = self.knots(params)
        starts = (bottoms if by_height else lefts)[..., 1:, :]
        index = (value.unsqueeze(-2) >= starts).sum(-2, keepdim=True)  # starts at or below: 0 … K-1
        slopes = [slopes[..., :-1, :], slopes[..., 1:, :]]  # at each bin's ends
        table = torch.stack([lefts, bottoms, widths, heights, *slopes], -3)
        batch = index.shape[:-2]
        table = table.expand(*batch, *table.shape[-3:])
        index = index.unsqueeze(-3).expand(*batch, 6, 1, -1)
        return table.gather(-2, index).squeeze(-2).unbind(-2)

    def knots(self, params: Tensor) -> tuple[Tensor, ...]:
        """Lefts, bottoms, widths and heights of the K bins, and the slopes at the K + 1 knots."""
        widths, heights, slopes = params.split([self.bins, self.bins, self.bins - 1], -2)
        widths, heights = self.sizes(widths), self.sizes(heights)
        # softplus(shift) = 1 - least: a free parameter of zero is a slope of one.
        shift = math.log(math.expm1(1 - self.least))
        slopes = self.least + F.softplus(slopes + shift)
        slopes = F.pad(slopes, (0, 0, 1, 1), value=1.0)
        return self.starts(widths), self.starts(heights), widths, heights, slopes

    def sizes(self, free: Tensor) -> Tensor:
        """Positive numbers that add up to the interval's length."""
        shares = self.least + (1 - self.least * self.bins) * free.softmax(-2)
        return 2 * self.bound * shares

    def starts(self, sizes: Tensor) -> Tensor:
        return sizes.cumsum(-2) - sizes - self.bound


def log_slope(xi: Tensor, rho: Tensor, d0: Tensor, d1: Tensor) -> Tensor:
    """log dy/dx of the rational quadratic piece at ξ, from its mean slope and those at its ends."""
    rest = 1 - xi
    top = d1 * xi.square() + 2 * rho * xi * rest + d0 * rest.square()
    bottom = rho + (d1 + d0 - 2 * rho) * xi * rest
    return 2 * rho.log() + top.log() - 2 * bottom.log()
