r"""The score function estimator, also called REINFORCE, and its baselines.

$$ \nabla_\phi\, \mathbb E_{q_\phi}[f_\phi(z)] = \mathbb E_{q_\phi}\big[ (f_\phi(z) - b)\,
   \nabla_\phi \log q_\phi(z) \big] + \mathbb E_{q_\phi}\big[ \nabla_\phi f_\phi(z) \big] $$

z needs no gradient, so it may be discrete, and f needs none, so it may be a black box. Because the
score has mean zero, any b that ignores z leaves the mean alone. A good b lowers the variance.

Source: Williams 1992 (REINFORCE); Mohamed et al. 2020 (review); Kool, van Hoof & Welling 2019
(leave-one-out).
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Distribution

from vae_course.checks import require
from vae_course.estimators.integrand import evaluate, require_problem


def score_function(
    q: Distribution,
    f: Callable[[Tensor], Tensor],
    samples: int = 1,
    baseline: Callable[[Tensor], Tensor] | Tensor | float | None = None,
) -> Tensor:
    """Surrogate of E_q[f] by the score function: `(samples, *q.batch_shape)`.

    Its value is f(z), its gradient is (f(z) - b) ∇ log q(z) + ∇f(z) with z held fixed. `baseline`
    is a number, or is called with the values f(z), `(samples, *batch)`, and returns b in a shape
    that broadcasts with them; what it returns for a sample must not depend on that sample.
    """
    require_problem(q, samples)
    z = q.sample((samples,))
    values = evaluate(f, z, q)
    signal = values.detach()
    if baseline is not None:
        signal = signal - (baseline(signal) if callable(baseline) else baseline)
    log_q = q.log_prob(z)
    return values + signal * (log_q - log_q.detach())  # the second term is zero, its gradient not


def rloo(q: Distribution, f: Callable[[Tensor], Tensor], samples: int = 2) -> Tensor:
    """`score_function` in which the other samples are each sample's baseline; `samples` >= 2."""
    require_problem(q, samples, least=2)
    return score_function(q, f, samples, baseline=leave_one_out)


def leave_one_out(values: Tensor) -> Tensor:
    r"""Baseline $b_k = \frac{1}{K-1} \sum_{j \ne k} f(z_j)$: `(K, *batch)` in and out, K >= 2."""
    count = len(values)
    require(count >= 2, f"values has {count} sample, needs 2 or more to leave one out")
    return (values.sum(0) - values) / (count - 1)


class MovingAverage:
    r"""Baseline from the past: $b \leftarrow \gamma\, b + (1 - \gamma)\, \overline{f(z)}$.

    The value used for a batch is the one from before it. The first batch has none, b = 0, and
    starts the average. `decay` is γ.
    """

    def __init__(self, decay: float = 0.9):
        require(0 <= decay < 1, f"decay is {decay}, needs a number from 0 to below 1")
        self.decay = decay
        self.average: Tensor | None = None

    @torch.no_grad()
    def __call__(self, values: Tensor) -> Tensor:
        before, now = self.average, values.mean()
        self.average = now if before is None else self.decay * before + (1 - self.decay) * now
        return torch.zeros_like(now) if before is None else before
