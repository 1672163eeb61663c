r"""The rate–distortion function of a source with finitely many letters.

For a source p over S letters, C letters to reproduce them with and a table of distortions d, the
algorithm of Blahut and Arimoto finds the channel that minimises

$$ \mathbb E\, d(x, \hat x) + \beta\, I(x; \hat x) . $$

The information is the least that any guess r of the marginal gives,
$I = \min_r \mathbb E\,\mathrm{KL}(q(\hat x \mid x)\,\|\,r)$. So two steps alternate: the best
channel for a given marginal, and the marginal of that channel,

$$ q(\hat x \mid x) = \frac{r(\hat x)\, e^{-d(x, \hat x)/\beta}}{Z(x)}, \qquad
   r(\hat x) \leftarrow \sum_x p(x)\, q(\hat x \mid x) = r(\hat x)\, c(\hat x) . $$

This is a β-VAE with a learned prior in which nothing is limited by a network. When to stop? For any
r the minimum of $I + \mathbb E\,d/\beta$ is at least
$-\sum_x p(x) \log Z(x) - \log \max c$, and the channel at hand has
$-\sum_x p(x) \log Z(x) - \sum r c \log c$. Their difference, the `gap`, is a certificate: the rate
is within so many nats of the least possible at its distortion.

Source: Blahut 1972, "Computation of channel capacity and rate-distortion functions"; Arimoto 1972.
"""

from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor

from vae_course.checks import require, require_count, require_tensor


@dataclass(frozen=True)
class FiniteRateDistortion:
    """A point of the curve: rate (nats) and mean distortion of a `channel` `(S, C)`."""

    rate: Tensor
    distortion: Tensor
    channel: Tensor
    gap: Tensor  # nats: the rate is at most so far above the curve at this distortion


@torch.no_grad()
def blahut_arimoto(
    source: Tensor,
    distortion: Tensor,
    slope: float,
    tolerance: float = 1e-8,
    max_steps: int = 100_000,
) -> FiniteRateDistortion:
    """The point at which the curve of distortion over rate has the slope -β, with β = `slope`.

    `source`: probabilities `(S,)`. `distortion`: `(S, C)`, >= 0; `slope` > 0, in its units per nat.
    It stops when the gap is below `tolerance` nats, or after `max_steps`; look at `gap`.
    """
    require_tensor("source", source, dimensions=1)
    require_tensor("distortion", distortion, dimensions=2)
    S = len(source)
    off = abs(source.sum().item() - 1)
    ok = bool((source >= 0).all()) and off < 1e-4
    require(ok, f"source has a sum of {source.sum().item():.4g}, needs probabilities with sum 1")
    shape = tuple(distortion.shape)
    require(shape[0] == S, f"distortion has shape {shape}, needs ({S}, C)")
    require(bool((distortion >= 0).all()), "distortion has a negative number, needs d >= 0")
    require(0 < slope < inf, f"slope is {slope!r}, needs a positive number")
    require_count("max_steps", max_steps)

    score = -distortion / slope
    log_marginal = torch.full_like(distortion[0], 1 / shape[1]).log()
    for _ in range(max_steps):
        log_z = (log_marginal + score).logsumexp(1, keepdim=True)  # (S, 1)
        channel = (log_marginal + score - log_z).exp()
        # c is the factor by which the marginal of this channel differs from the one it was made of.
        log_c = ((score - log_z).exp() * source[:, None]).sum(0).log()
        marginal = (log_marginal + log_c).exp()
        kl_of_marginals = (marginal * torch.where(marginal > 0, log_c, 0.0)).sum()
        gap = log_c.max() - kl_of_marginals
        if gap < tolerance:
            break
        # Added up over many steps, rounding would move the sum away from one.
        log_marginal = (log_marginal + log_c).log_softmax(0)
    mean = (source[:, None] * channel * distortion).sum()
    rate = -(source * log_z[:, 0]).sum() - kl_of_marginals - mean / slope
    return FiniteRateDistortion(rate.clamp_min(0), mean, channel, gap)
