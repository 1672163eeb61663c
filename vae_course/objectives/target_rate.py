r"""Controlled capacity: the rate is pulled to a value C that the user chooses.

$$ -D - \gamma\, |R - C| $$

with a large weight γ. It is a soft constraint R = C, from both sides: below C the gradient pushes
the rate up. C = 0 is the β-VAE with β = γ. With γ = 1 a C below the rate R* of the
ELBO's own optimum does nothing: the rate of a linear VAE is then max(C, R*).

Burgess et al. write |·| for one example. What is implemented almost everywhere, here too, is the
mean of R over the minibatch inside |·|: the mean rate is C, and an image that needs more may have
more. Burgess et al. raise C linearly during training; `RisingCapacity` does.

Source: Burgess, Higgins, Pal, Matthey, Watters, Desjardins & Lerchner 2018, "Understanding
disentangling in β-VAE".
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vae_course.checks import require, require_count
from vae_course.objectives.bound import Bound, elbo


@dataclass(frozen=True)
class CapacityBound(Bound):
    """A bound with the capacity C, in nats, and the weight γ of the distance to it."""

    capacity: float | Tensor = 0.0
    gamma: float = 1.0

    @property
    def value(self) -> Tensor:
        """What is maximised, `(B,)`: the second term belongs to the minibatch."""
        distance = (self.rate.mean(-1, keepdim=True) - self.capacity).abs()
        return -(self.distortion + self.beta * self.gamma * distance)


def capacity(
    model,
    x: Tensor,
    capacity: float | Tensor,
    gamma: float,
    samples: int = 1,
    beta: float | Tensor = 1.0,
) -> CapacityBound:
    """The ELBO's terms for each example of `x`, `(B, *event_shape)`, and the target for the rate.

    `capacity`: C in nats. `beta` multiplies γ, so that a warm-up of the training loop does.
    """
    if not isinstance(capacity, Tensor):  # even to print a tensor, the host waits for the device
        require(capacity >= 0, f"capacity is {capacity}, needs a number of nats >= 0")
    require(gamma >= 0, f"gamma is {gamma}, needs a number >= 0")
    bound = elbo(model, x, samples, beta)
    return CapacityBound(bound.distortion, bound.rate, beta, capacity, gamma)


class RisingCapacity(nn.Module):
    """The same with C rising linearly from 0 to `capacity` in the first `ramp` updates.

    It counts the updates in a buffer, so it is an objective with a state: one for each run.
    """

    def __init__(self, capacity: float, gamma: float, ramp: int, samples: int = 1):
        super().__init__()
        require(capacity >= 0, f"capacity is {capacity}, needs a number of nats >= 0")
        require(gamma >= 0, f"gamma is {gamma}, needs a number >= 0")
        self.capacity, self.gamma = capacity, gamma
        self.ramp, self.samples = require_count("ramp", ramp), require_count("samples", samples)
        self.register_buffer("updates", torch.zeros(()))

    def forward(self, model, x: Tensor, beta: float | Tensor = 1.0) -> CapacityBound:
        target = self.capacity * (self.updates / self.ramp).clamp(max=1)
        if self.training:
            self.updates.add_(1)
        return capacity(model, x, target, self.gamma, self.samples, beta)

    def extra_repr(self) -> str:
        return f"{self.capacity}, gamma={self.gamma}, ramp={self.ramp}, samples={self.samples}"
