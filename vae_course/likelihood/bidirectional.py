r"""Bidirectional Monte Carlo: how wrong is annealed importance sampling? Bounds from both sides.

Annealing up from $f_0$ gives weights with E[w] = p(x). Annealing down, from a sample of the
posterior, through the same densities in reverse, gives weights with

$$ \mathbb E\big[1 / w\big] = 1 / p_\theta(x), \qquad \text{so} \qquad
   \mathbb E\Big[\log \frac1M \sum_m w_m\Big] \le \log p_\theta(x) \le
   \mathbb E\Big[-\log \frac1M \sum_m \frac1{w_m}\Big] . $$

A sample of the posterior is not to be had for real data. For simulated data it is free: draw z from
the prior and x given z, and z is one draw from p(z|x). So the bracket tells how accurate annealing
is on data from the model itself.

Source: Grosse, Ghahramani & Adams 2015, "Sandwiching the marginal likelihood using bidirectional
Monte Carlo".
"""

from dataclasses import dataclass
from math import log

import torch
from torch import Tensor

from vae_course.checks import require, require_count, require_latents, require_tensor
from vae_course.likelihood.annealed import (
    AnnealedEstimate,
    Path,
    annealed_importance_sampling,
    schedule,
)
from vae_course.products import fast_products


@dataclass(frozen=True)
class Bracket:
    """Two estimates of log p(x), one from below and one from above. Nats."""

    x: Tensor  # (B, *event_shape), simulated
    z: Tensor  # (B, d), the latents that x was simulated from: draws from the posterior
    forward: AnnealedEstimate
    reverse_log_weights: Tensor  # (chains, B)

    @property
    def lower(self) -> Tensor:
        """Not above log p(x) in expectation: `(B,)`."""
        return self.forward.value

    @property
    def upper(self) -> Tensor:
        """Not below log p(x) in expectation: `(B,)`."""
        chains = len(self.reverse_log_weights)
        return log(chains) - (-self.reverse_log_weights).logsumexp(0)

    @property
    def gap(self) -> Tensor:
        """upper - lower: `(B,)`. In expectation not less than the error of either."""
        return self.upper - self.lower


@torch.no_grad()
def bidirectional_monte_carlo(
    model,
    count: int = 16,
    steps: int | list[float] = 100,
    chains: int = 16,
    leapfrog_steps: int = 10,
    start: str = "prior",
    z: Tensor | None = None,
    x: Tensor | None = None,
) -> Bracket:
    """Bound log p(x) from below and from above for `count` examples drawn from the model.

    Or for a given pair of `z` `(B, d)` and `x` `(B, *event_shape)`, which must have been drawn from
    p(z) p(x|z): any other z is no sample of the posterior, and the upper bound none.
    `steps`, `chains`, `leapfrog_steps`, `start`: as in `annealed_importance_sampling`.
    """
    require((z is None) == (x is None), "z and x must be given together, or neither")
    if z is None:
        z = model.prior.sample((require_count("count", count),))
        x = model.decode(z).sample()
    require_latents("z", z, model.latent_dim)
    require_tensor("x", x, event_shape=model.event_shape)
    require(z.shape[:-1] == x.shape[:1], f"z has shape {tuple(z.shape)}, x has {len(x)} examples")
    forward = annealed_importance_sampling(model, x, steps, chains, leapfrog_steps, start)
    with fast_products(x.device):
        log_weights = anneal_down(
            Path(model, x, start),
            z.expand(chains, *z.shape),
            schedule(steps),
            forward.step_sizes,  # tuned in the pilot run, which has not seen z
            leapfrog_steps,
        )
    return Bracket(x, z, forward, log_weights)


def anneal_down(path: Path, z: Tensor, powers: list[float], step_sizes, leapfrog_steps: int):
    """`anneal` step by step in reverse, from z at τ = 1: log w, `(chains, B)`."""
    log_weights = z.new_zeros(z.shape[:-1])
    for j in range(len(step_sizes), 0, -1):
        z, _ = path.move(z, powers[j], step_sizes[j - 1], leapfrog_steps)
        log_weights += (powers[j] - powers[j - 1]) * path.log_ratio(z)
    return log_weights
