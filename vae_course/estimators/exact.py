r"""Expectations without samples, differentiable in φ: what the estimators are held to.

$$ \mathbb E_{q_\phi}[f_\phi] = \sum_z q_\phi(z)\, f_\phi(z) \qquad\text{or}\qquad
   \int_a^b q_\phi(z)\, f_\phi(z)\, dz $$

z is a fixed grid here, so the derivative may move inside.
"""

from collections.abc import Callable
from itertools import product

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution, Independent

from vae_course.checks import require, require_count
from vae_course.estimators.integrand import evaluate


def enumeration(q: Distribution, f: Callable[[Tensor], Tensor]) -> Tensor:
    """E_q[f] as a sum over every value of a discrete z: `q.batch_shape`.

    q may be an Independent of d discrete coordinates, `(*batch, d)`: S values each, S^d in all.
    """
    base, count = q, 1
    if isinstance(q, Independent):
        require(
            q.reinterpreted_batch_ndims == 1, "q has more than one axis of coordinates, needs one"
        )
        base, count = q.base_dist, q.event_shape[0]
    require(base.has_enumerate_support, f"q is {type(base).__name__}, needs a discrete one")
    values = base.enumerate_support(expand=False).reshape(-1, *base.event_shape)
    if isinstance(q, Independent):
        choices = list(product(range(len(values)), repeat=count))
        values = values[torch.tensor(choices, device=values.device)]  # (S^d, d, *base_event)
    shape = (len(values), *[1] * len(q.batch_shape), *q.event_shape)
    z = values.reshape(shape).expand(len(values), *q.batch_shape, *q.event_shape)
    return (q.log_prob(z).exp() * evaluate(f, z, q)).sum(0)


def quadrature(
    q: Distribution, f: Callable[[Tensor], Tensor], low: float, high: float, nodes: int = 400
) -> Tensor:
    """E_q[f] for a univariate z by Gauss-Legendre quadrature on [low, high]: `q.batch_shape`.

    Exact to many digits if the integrand is smooth and negligible outside.
    """
    require(tuple(q.event_shape) == (), f"q has event shape {tuple(q.event_shape)}, needs ()")
    require(low < high, f"low is {low}, needs a number below high, {high}")
    points, weights = np.polynomial.legendre.leggauss(require_count("nodes", nodes))
    like = q.mean
    points, weights = (like.new_tensor(values) for values in (points, weights))
    half = (high - low) / 2
    z = (low + half * (points + 1)).reshape(-1, *[1] * like.dim()).expand(-1, *like.shape)
    weights = (half * weights).reshape(-1, *[1] * like.dim())
    return (weights * q.log_prob(z).exp() * evaluate(f, z, q)).sum(0)


def exact_gradient(expectation, family, phi: Tensor, f) -> Tensor:
    """The gradient of E_q[f] in φ, `(P,)`, by autograd through one of the two functions above.

    `family(phi)` builds q and `f(z, phi)` is the integrand, as for `compare`.
    """
    phi = phi.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(expectation(family(phi), lambda z: f(z, phi)), phi)
    return gradient
