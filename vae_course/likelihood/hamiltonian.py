r"""Hamiltonian Monte Carlo: a step that moves z far, and leaves a density $f(z)$ as it is.

Give z a random momentum $v \sim \mathcal N(0, I)$ and let it roll in the landscape $-\log f$:

$$ H(z, v) = -\log f(z) + \tfrac12 \|v\|^2, \qquad
   \dot z = v, \qquad \dot v = \nabla \log f(z) . $$

The leapfrog integrator follows this motion in steps of size η: half a kick, a drift, half a kick.
It can be run backwards, keeps volumes, and keeps H up to an error of order η². Accepting the end
point with probability $\min(1, e^{H_0 - H_1})$ removes what that error does to f: at any η the
transition is exact.

Source: Duane, Kennedy, Pendleton & Roweth 1987, "Hybrid Monte Carlo"; Neal 2011, "MCMC using
Hamiltonian dynamics".
"""

from collections.abc import Callable

import torch
from torch import Tensor

from vae_course.checks import require, require_count


def gradient_of(log_density: Callable) -> Callable:
    """The function from z `(..., d)` to ∇ log f(z), of the same shape, by autograd."""

    def gradient(z: Tensor) -> Tensor:
        with torch.enable_grad():
            z = z.detach().requires_grad_()
            # Each z moves its own value only: the gradient of the sum holds all the gradients.
            return torch.autograd.grad(log_density(z).sum(), z)[0]

    return gradient


def leapfrog(gradient: Callable, z: Tensor, momentum: Tensor, step_size, steps: int):
    """Follow the motion for `steps` steps of size η: z and momentum at the end.

    `gradient`: from z `(..., d)` to ∇ log f, of the same shape; `step_size` broadcasts to it.
    """
    momentum = momentum + 0.5 * step_size * gradient(z)
    for _ in range(steps - 1):
        z = z + step_size * momentum
        momentum = momentum + step_size * gradient(z)  # the end of one kick, the start of the next
    z = z + step_size * momentum
    momentum = momentum + 0.5 * step_size * gradient(z)
    return z, momentum


@torch.no_grad()
def hamiltonian_transition(
    log_density: Callable, z: Tensor, step_size: float | Tensor, steps: int = 10
) -> tuple[Tensor, Tensor]:
    """Move every z `(..., d)` by one transition that has the density f for its equilibrium.

    `log_density`: from `(..., d)` to `(...)`, log f up to a constant. `step_size`: η, a number, or
    a tensor that broadcasts to `(...)`. Returns the new z and the probability `(...)` with which
    each end point was accepted. Nothing is read back from the device.
    """
    require_count("steps", steps)
    require(
        isinstance(step_size, Tensor) or step_size > 0,
        f"step_size is {step_size}, needs a positive number",
    )
    eta = step_size[..., None] if isinstance(step_size, Tensor) else step_size
    momentum = torch.randn_like(z)
    end, end_momentum = leapfrog(gradient_of(log_density), z, momentum, eta, steps)
    energy = 0.5 * momentum.square().sum(-1) - log_density(z)
    end_energy = 0.5 * end_momentum.square().sum(-1) - log_density(end)
    # A motion that left the numbers has energy NaN: its end point is refused.
    probability = (energy - end_energy).exp().clamp(max=1).nan_to_num(0.0)
    accepted = torch.rand_like(probability) < probability
    return torch.where(accepted[..., None], end, z), probability
