r"""A categorical made continuous: the Gumbel-softmax, and the straight-through estimator.

$$ y = \mathrm{softmax}\big( (\log \pi + g) / T \big), \qquad g_i = -\log(-\log u_i),
   \quad u_i \sim \mathrm{Uniform}(0, 1) $$

The largest entry of log π + g is at i with probability π_i exactly. The softmax replaces the
largest by the larger, so y lies inside the simplex and has a derivative. But E f(y) is not E f(z):
the estimator is *biased*, less at a low temperature T, where its variance grows.

Straight-through evaluates f at the corner of the simplex that is nearest to y, and differentiates
as if it were at y. Its value is right and its gradient is biased all the same.

Source: Jang, Gu & Poole 2017; Maddison, Mnih & Teh 2017 (the density); Bengio, Léonard & Courville
2013 (straight-through).
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import (
    Distribution,
    Independent,
    OneHotCategorical,
    constraints,
)
from torch.nn.functional import one_hot

from vae_course.checks import require
from vae_course.estimators.integrand import evaluate, require_problem


class RelaxedOneHot(Distribution):
    """Distribution of y on the simplex of C corners: `logits` `(..., C)`, one `temperature` T."""

    arg_constraints = {"logits": constraints.real_vector}
    support = constraints.simplex
    has_rsample = True

    def __init__(self, temperature: float, logits: Tensor, validate_args=None):
        self.temperature = temperature
        self.logits = logits.log_softmax(-1)
        super().__init__(logits.shape[:-1], logits.shape[-1:], validate_args=validate_args)

    def rsample(self, sample_shape=()) -> Tensor:
        shape = self._extended_shape(torch.Size(sample_shape))
        # Minus the logarithm of a uniform number is exponential, and never quite zero here.
        exponential = torch.empty(shape, dtype=self.logits.dtype, device=self.logits.device)
        gumbel = -exponential.exponential_().log()
        return ((self.logits + gumbel) / self.temperature).softmax(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        r"""Log density with respect to the volume of the first C - 1 coordinates, in nats.

        $$ \log \Gamma(C) + (C-1) \log T + \sum_i (\log \pi_i - (T + 1) \log y_i)
           - C \log \sum_i \pi_i y_i^{-T} $$
        """
        corners, temperature = self.logits.shape[-1], self.temperature
        terms = self.logits - temperature * value.log()
        constant = math.lgamma(corners) + (corners - 1) * math.log(temperature)
        return constant + (terms - value.log()).sum(-1) - corners * terms.logsumexp(-1)


def relaxed(q: Distribution, temperature: float) -> Distribution:
    """The relaxation of a OneHotCategorical, or of an Independent of one."""
    require(temperature > 0, f"temperature is {temperature}, needs a number above 0")
    if isinstance(q, Independent):
        base = relaxed(q.base_dist, temperature)
        return Independent(base, q.reinterpreted_batch_ndims, validate_args=False)
    require(isinstance(q, OneHotCategorical), f"q is {type(q).__name__}, needs a OneHotCategorical")
    return RelaxedOneHot(temperature, q.logits, validate_args=False)


def gumbel_softmax(
    q: Distribution, f: Callable[[Tensor], Tensor], samples: int = 1, temperature: float = 0.5
) -> Tensor:
    """Surrogate f(y), y from the relaxation of q: `(samples, *q.batch_shape)`. Biased.

    q: OneHotCategorical, event `(C,)`. f has to make sense between the corners.
    """
    require_problem(q, samples)
    return evaluate(f, relaxed(q, temperature).rsample((samples,)), q)


def straight_through(
    q: Distribution, f: Callable[[Tensor], Tensor], samples: int = 1, temperature: float = 0.5
) -> Tensor:
    """Surrogate with f's value at the nearest corner and its gradient carried to y. Biased."""
    require_problem(q, samples)
    y = relaxed(q, temperature).rsample((samples,))
    corner = one_hot(y.argmax(-1), y.shape[-1]).to(y.dtype)
    return evaluate(f, corner + (y - y.detach()), q)  # the bracket is zero, its gradient not
