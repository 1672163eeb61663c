r"""Annealed importance sampling: from a known density to the posterior, in many small steps.

$$ \log f_\tau(z) = \log f_0(z) + \tau\, r(z), \qquad
   r(z) = \log \frac{p_\theta(x \mid z)\, p(z)}{f_0(z)}, \qquad
   0 = \tau_0 < \tau_1 < \dots < \tau_J = 1 $$

From the prior, $f_0 = p(z)$, this is the power posterior $p(z)\, p_\theta(x \mid z)^\tau$. A chain
starts at $z_0 \sim f_0$. For j = 1, ..., J its weight takes one factor, and then a transition with
equilibrium $f_{\tau_j}$ moves it:

$$ \log w = \sum_{j=1}^J (\tau_j - \tau_{j-1})\, r(z_{j-1}), \qquad \mathbb E[w] = p_\theta(x) . $$

The mean of w is exact for any number of powers and any transitions that keep their density, so
log w is, in expectation, a lower bound on log p(x); more powers make it tighter. It says how good a
trained model is. It changes neither the encoder nor its ELBO.

The step size of the transitions is tuned, for each example and each power, in a pilot run whose
chains are then thrown away. Were it tuned on the chains that are weighed, a step would depend on
where its chain has been, and E[w] = p(x) would not hold any more.

Source: Neal 2001, "Annealed importance sampling"; Wu, Burda, Salakhutdinov & Grosse 2017.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, log

import torch
from torch import Tensor

from vae_course.checks import require, require_count, require_tensor
from vae_course.likelihood.hamiltonian import hamiltonian_transition
from vae_course.products import fast_products

TARGET = 0.65  # the acceptance that HMC does best with in many dimensions (Neal 2011)
PILOT_CHAINS, PILOT_TRANSITIONS = 4, 200


@dataclass(frozen=True)
class AnnealedEstimate:
    """What the chains say of each example. Nats."""

    log_weights: Tensor  # (chains, B)
    acceptance: Tensor  # (B,), the mean over chains and powers
    step_sizes: Tensor  # (J, B), one for each power above zero
    z: Tensor  # (chains, B, d), where the chains ended: weighted, a sample of the posterior

    @property
    def value(self) -> Tensor:
        """log of the mean weight, the estimate of log p(x): `(B,)`."""
        return self.log_weights.logsumexp(0) - log(len(self.log_weights))


class Path:
    """The densities f_τ between `start` ("prior" or "encoder") and p(x, z)."""

    def __init__(self, model, x: Tensor, start: str):
        self.model, self.x = model, x
        self.encoder = model.encode(x) if start == "encoder" else None

    def sample(self, chains: int) -> Tensor:
        """z from f_0: `(chains, B, d)`."""
        if self.encoder is not None:
            return self.encoder.sample((chains,))
        return self.model.prior.sample((chains, len(self.x)))

    def log_ratio(self, z: Tensor) -> Tensor:
        """r(z) for `(chains, B, d)`: `(chains, B)`."""
        log_ratio = self.model.decode(z).log_prob(self.x)
        if self.encoder is not None:
            log_ratio = log_ratio + self.model.prior.log_prob(z) - self.encoder.log_prob(z)
        return log_ratio

    def at(self, power: float) -> Callable:
        """log f_τ, as a function of z `(chains, B, d)`."""
        first = self.model.prior if self.encoder is None else self.encoder
        return lambda z: first.log_prob(z) + power * self.log_ratio(z)

    def move(self, z: Tensor, power: float, step_size: Tensor, leapfrog_steps: int):
        """One transition with equilibrium f_τ: the new z, and the acceptance `(chains, B)`."""
        # Each chain takes steps of its own length, or all could come back to where they started.
        step_size = step_size * torch.empty_like(z[..., 0]).uniform_(0.5, 1.5)
        return hamiltonian_transition(self.at(power), z, step_size, leapfrog_steps)


def anneal(path: Path, z: Tensor, powers: list[float], step_sizes, leapfrog_steps: int):
    """Move z up the powers: z at the end, log w `(chains, B)`, and mean acceptance `(B,)`."""
    log_weights = z.new_zeros(z.shape[:-1])
    acceptance = z.new_zeros(z.shape[1])
    for j, step_size in enumerate(step_sizes, start=1):
        log_weights += (powers[j] - powers[j - 1]) * path.log_ratio(z)
        z, accepted = path.move(z, powers[j], step_size, leapfrog_steps)
        acceptance += accepted.mean(0) / len(step_sizes)
    return z, log_weights, acceptance


def pilot(path: Path, powers: list[float], leapfrog_steps: int) -> Tensor:
    """Step sizes with about the acceptance wanted, `(J, B)`, from a run that is not weighed."""
    z = path.sample(PILOT_CHAINS)
    log_size = z.new_full((z.shape[1],), log(0.5))
    repeats = ceil(PILOT_TRANSITIONS / (len(powers) - 1))
    sizes = []
    for power in powers[1:]:
        for _ in range(repeats):
            z, accepted = path.move(z, power, log_size.exp(), leapfrog_steps)
            log_size = log_size + 0.2 * (accepted.mean(0) - TARGET)
        sizes.append(log_size.exp())
    return torch.stack(sizes)


@torch.no_grad()
def annealed_importance_sampling(
    model,
    x: Tensor,
    steps: int | list[float] = 100,
    chains: int = 16,
    leapfrog_steps: int = 10,
    start: str = "prior",
    step_sizes: Tensor | None = None,
    chunk: int | None = None,
) -> AnnealedEstimate:
    """Estimate log p(x) for each example of `(B, *event_shape)` with `chains` annealed chains.

    `steps`: how many powers above zero, or the increasing list of all of them from 0 to 1.
    `start`: "prior" or "encoder". `step_sizes`: `(J, B)` of an earlier estimate, which saves the
    pilot run. `chunk`: how many examples at a time, to bound the memory. Cost: about
    `steps * leapfrog_steps` passes through the decoder and back, and as many for the pilot.
    """
    require_tensor("x", x, event_shape=model.event_shape)
    require_count("chains", chains)
    require_count("leapfrog_steps", leapfrog_steps)
    require(start in ("prior", "encoder"), f"start is {start!r}, needs 'prior' or 'encoder'")
    powers = schedule(steps)
    chunk = require_count("chunk", len(x) if chunk is None else chunk)
    if step_sizes is not None:
        wanted = (len(powers) - 1, len(x))
        shape = tuple(step_sizes.shape)
        require(shape == wanted, f"step_sizes has shape {shape}, needs {wanted}")
    parts = []
    with fast_products(x.device):
        for first in range(0, len(x), chunk):
            some = slice(first, first + chunk)
            path = Path(model, x[some], start)
            if step_sizes is None:
                sizes = pilot(path, powers, leapfrog_steps)
            else:
                sizes = step_sizes[:, some]
            z, log_weights, acceptance = anneal(
                path, path.sample(chains), powers, sizes, leapfrog_steps
            )
            parts.append((log_weights, acceptance, sizes, z))
    log_weights, acceptance, sizes, z = zip(*parts, strict=True)
    return AnnealedEstimate(
        torch.cat(log_weights, 1), torch.cat(acceptance), torch.cat(sizes, 1), torch.cat(z, 1)
    )


def schedule(steps: int | list[float]) -> list[float]:
    """The powers: $\\tau_j = (j/J)^4$, close together near zero, where f_τ changes fastest.

    After Friel & Pettitt 2008, "Marginal likelihood estimation via power posteriors".
    """
    if isinstance(steps, int):
        require_count("steps", steps)
        return [(j / steps) ** 4 for j in range(steps + 1)]
    powers = [float(power) for power in steps]
    increasing = all(a < b for a, b in pairwise(powers))
    require(
        increasing and len(powers) >= 2 and powers[0] == 0 and powers[-1] == 1,
        "steps must be a whole number, or powers that increase from 0 to 1",
    )
    return powers
