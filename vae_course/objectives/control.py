r"""ControlVAE: a controller turns β so that the rate goes where it is wanted.

$$ \beta(t) = \frac{K_P}{1 + e^{e(t)}} - K_I \sum_{s \le t} e(s) + \beta_{\min}, \qquad
   e(t) = C - \bar R(t) $$

C is the wanted rate, $\bar R(t)$ the mean rate of the minibatch of update t. Too small a rate,
e > 0, lowers β. The first term answers at once, and is bounded whatever the error; the sum moves on
until the error is zero. Where it comes to rest, β is the multiplier of the constraint R = C.

β is kept between bounds. A sum that went on growing behind a bound would take as long to come back
("windup"). Shao et al. stop it there. Here it is set back to what gives the bound, so that it
leaves as soon as the error turns.

Source: Shao, Yao, Sun, Zhang, Liu, Liu, Wang & Abdelzaher 2020, "ControlVAE: Controllable
variational autoencoder".
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vae_course.checks import require, require_count
from vae_course.objectives.bound import Bound, elbo


@dataclass(frozen=True)
class ControlledBound(Bound):
    """A bound with the β that the controller had found."""

    @property
    def terms(self) -> dict[str, Tensor]:
        """What a training run records; `weight` is β, the same for each example."""
        return super().terms | {"weight": self.beta.expand_as(self.rate)}


class ControlledELBO(nn.Module):
    """An objective with a state, the sum of the errors: one for each run.

    `rate`: C, the wanted rate in nats. `proportional`, `integral`: the gains K_P and K_I. `bounds`:
    β_min and β_max. `start`: β before the first update. In training mode each call moves β; what
    it gives to `value` is a number, not a function of the weights. A warm-up multiplies it.
    """

    def __init__(
        self,
        rate: float,
        proportional: float = 0.01,
        integral: float = 1e-3,
        bounds: tuple[float, float] = (0.0, 1.0),
        start: float | None = None,
        samples: int = 1,
    ):
        super().__init__()
        low, high = bounds
        start = low if start is None else start
        require(rate >= 0, f"rate is {rate}, needs a number of nats >= 0")
        require(
            proportional >= 0 and integral >= 0,
            f"the gains are {proportional} and {integral}, need numbers >= 0",
        )
        require(
            0 <= low <= start <= high,
            f"bounds and start are {bounds} and {start}, need 0 <= low <= start <= high",
        )
        self.rate, self.proportional, self.integral = rate, proportional, integral
        self.bounds, self.samples = (low, high), require_count("samples", samples)
        self.register_buffer("weight", torch.tensor(float(start)))
        self.register_buffer("sum", torch.tensor(float(start - low)))  # the second term of β

    def forward(self, model, x: Tensor, beta: float | Tensor = 1.0) -> ControlledBound:
        bound = elbo(model, x, self.samples)
        if self.training:
            self.move(bound.rate.detach().mean())
        weight = self.weight.to(bound.rate.dtype, copy=True)  # the next call moves the buffer
        return ControlledBound(bound.distortion, bound.rate, beta * weight)

    @torch.no_grad()
    def move(self, rate: Tensor) -> None:
        """One step of the controller, from the rate that was measured."""
        low, high = self.bounds
        error = self.rate - rate
        first = self.proportional * torch.sigmoid(-error)
        weight = (first + self.sum - self.integral * error + low).clamp(low, high)
        self.weight.copy_(weight)
        self.sum.copy_(weight - first - low)  # inside the bounds, what it was

    def extra_repr(self) -> str:
        return (
            f"{self.rate}, {self.proportional}, {self.integral}, {self.bounds}, "
            f"samples={self.samples}"
        )
