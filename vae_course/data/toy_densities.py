r"""Densities in the plane that are known exactly, to see what a flow learns.

An arc is a point of a circle whose angle is von Mises, plus Gaussian noise:

$$ x = c + r\,(\cos\varphi, \sin\varphi) + \sigma\varepsilon, \qquad
   p(\varphi) \propto e^{k \cos(\varphi - \varphi_0)} $$

Its density has a closed form, because the integral over φ is a Bessel function again: with
$y = x - c$ and $e_0 = (\cos\varphi_0, \sin\varphi_0)$,

$$ p(x) = \frac{1}{2\pi\sigma^2}\, e^{-(\|y\|^2 + r^2)/2\sigma^2}\,
   \frac{I_0\big(\| k e_0 + r y/\sigma^2 \|\big)}{I_0(k)} . $$

A ring is an arc with k = 0, a Gaussian is one with r = 0, and the smooth densities here are
mixtures of such arcs. The checkerboard is uniform on eight squares.
"""

from math import cos, log, pi, sin

import torch
from torch import Tensor
from torch.distributions import Distribution, VonMises, constraints

from vae_course.checks import require


class ToyDensity(Distribution):
    """A distribution of points `(2,)`, in float32. `extent`: |x_i| below it holds all the mass.

    `log_prob` takes `(..., 2)` in any dtype and gives `(...)` in nats; `entropy()` is in nats too.
    """

    arg_constraints = {}
    support = constraints.real_vector
    extent: float

    def __init__(self):
        super().__init__(event_shape=torch.Size((2,)), validate_args=False)


class NoisyArcs(ToyDensity):
    """Equally likely arcs: `centres` and `directions` e₀ `(K, 2)`, `radii` `(K,)`, one k, one σ."""

    def __init__(self, centres, radii, directions, concentration: float, sigma: float):
        super().__init__()
        self.centres, self.radii, self.directions = map(torch.tensor, (centres, radii, directions))
        self.concentration, self.sigma = concentration, sigma
        self.extent = (self.centres.abs().amax(-1) + self.radii).max().item() + 8 * sigma

    def log_prob(self, value: Tensor) -> Tensor:
        centres, radii, directions = (
            tensor.to(value.dtype) for tensor in (self.centres, self.radii, self.directions)
        )
        offset = (value.unsqueeze(-2) - centres) / self.sigma  # (..., K, 2)
        radii = radii / self.sigma
        tilted = self.concentration * directions + radii.unsqueeze(-1) * offset
        tilted = torch.linalg.vector_norm(tilted, dim=-1)
        # i0e(a) = exp(-a) I_0(a), which does not overflow.
        log_arc = (
            tilted + torch.special.i0e(tilted).log()
            - 0.5 * (offset.square().sum(-1) + radii.square())
        )  # fmt: skip
        log_i0 = (
            torch.special.i0(torch.tensor(self.concentration, dtype=torch.float64)).log().item()
        )
        constant = log(2 * pi) + 2 * log(self.sigma) + log_i0 + log(len(radii))
        return log_arc.logsumexp(-1) - constant

    @torch.no_grad()
    def sample(self, sample_shape=()) -> Tensor:
        shape = torch.Size(sample_shape)
        which = torch.randint(len(self.radii), shape, device=self.radii.device)
        centre, radius, direction = self.centres[which], self.radii[which], self.directions[which]
        angle = torch.atan2(direction[..., 1], direction[..., 0])
        if self.concentration > 0:
            angle = VonMises(angle, angle.new_tensor(self.concentration)).sample()
        else:
            angle = 2 * pi * torch.rand_like(angle)
        point = radius.unsqueeze(-1) * torch.stack([angle.cos(), angle.sin()], -1)
        return centre + point + self.sigma * torch.randn_like(centre)

    def entropy(self) -> Tensor:
        """By the sum over a grid, whose error for a smooth density that ends is below 1e-9."""
        count = 2 * int(3 * self.extent / self.sigma) + 1
        axis = torch.linspace(-self.extent, self.extent, count, dtype=torch.float64)
        grid = torch.cartesian_prod(axis, axis).to(self.radii.device)
        log_density = self.log_prob(grid)
        cell = (axis[1] - axis[0]).square()
        return -(log_density.exp() * log_density).sum() * cell


class Checkerboard(ToyDensity):
    """Uniform on the eight squares of a 4 × 4 board on [-2, 2]²: indices of even sum."""

    extent = 2.0

    def log_prob(self, value: Tensor) -> Tensor:
        square = value.floor()
        inside = (value >= -2).all(-1) & (value < 2).all(-1) & (square.sum(-1) % 2 == 0)
        return torch.where(inside, value.new_full((), -log(8)), -torch.inf)

    @torch.no_grad()
    def sample(self, sample_shape=()) -> Tensor:
        shape = torch.Size(sample_shape)
        column = torch.randint(-2, 2, shape)
        row = 2 * torch.randint(-1, 1, shape) + column % 2
        # The largest numbers below one would be rounded up into the next square.
        inside = torch.rand(*shape, 2).clamp(max=1 - 2**-22)
        return torch.stack([column, row], -1) + inside

    def entropy(self) -> Tensor:
        return torch.tensor(log(8), dtype=torch.float64)


def around(count: int, radius: float) -> list[tuple[float, float]]:
    """`count` points at equal steps on a circle."""
    angles = [2 * pi * index / count for index in range(count)]
    return [(radius * cos(angle), radius * sin(angle)) for angle in angles]


TOYS = {
    "two_moons": lambda: NoisyArcs(
        [(-1.0, -0.5), (1.0, 0.5)], [2.0, 2.0], [(0.0, 1.0), (0.0, -1.0)], 3.0, 0.25
    ),
    "rings": lambda: NoisyArcs([(0.0, 0.0)] * 2, [1.0, 2.5], [(1.0, 0.0)] * 2, 0.0, 0.1875),
    "eight_gaussians": lambda: NoisyArcs(around(8, 2.0), [0.0] * 8, around(8, 1.0), 0.0, 0.25),
    "checkerboard": Checkerboard,
}


def toy(name: str) -> ToyDensity:
    """A density of the plane by its name: two_moons, rings, eight_gaussians or checkerboard."""
    require(name in TOYS, f"name is {name!r}, needs one of {', '.join(sorted(TOYS))}")
    return TOYS[name]()
