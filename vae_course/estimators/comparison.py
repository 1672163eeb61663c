r"""Estimators of the same gradient, side by side: bias with its standard error, variance, cost.

To learn the mean and variance of a gradient we need many independent ones. Every repeat gets its
own copy of φ, so that one backward pass gives the gradients of all of them, `(repeats, P)`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Distribution

from vae_course.checks import require, require_count, require_tensor


@dataclass(frozen=True)
class GradientStatistics:
    """Independent gradients `(repeats, P)`, each made of `samples` draws, and what they cost."""

    gradients: Tensor
    exact: Tensor | None
    seconds: float  # for one gradient, of many computed together
    evaluations: float  # of f, for one gradient

    @property
    def mean(self) -> Tensor:
        return self.gradients.mean(0)

    @property
    def variance(self) -> Tensor:
        """Variance of one gradient, `(P,)`."""
        return self.gradients.var(0)

    @property
    def standard_error(self) -> Tensor:
        """Of the mean, and so of the bias: `(P,)`."""
        return (self.variance / len(self.gradients)).sqrt()

    @property
    def bias(self) -> Tensor:
        """Mean minus exact gradient, `(P,)`; known up to `standard_error`."""
        require(self.exact is not None, "exact is None, needs the exact gradient for a bias")
        return self.mean - self.exact

    @property
    def z(self) -> Tensor:
        """The bias in standard errors. Without bias, it is within ±3 nearly always."""
        return self.bias / self.standard_error


def compare(
    estimators: dict[str, Callable],
    family: Callable[[Tensor], Distribution],
    phi: Tensor,
    f: Callable[[Tensor, Tensor], Tensor],
    samples: int = 1,
    repeats: int = 1000,
    exact: Tensor | None = None,
    warmup: int = 1,
) -> dict[str, GradientStatistics]:
    """Statistics of each estimator's gradient of E_q[f] in φ, by name.

    - `phi`: `(P,)`. `family(phi)` builds q from φ of shape `(..., P)`, with batch shape `(...)`.
    - `f(z, phi)`: `(K, repeats)` numbers; it may depend on φ.
    - `exact`: the true gradient `(P,)`, if known.
    - `warmup`: uses of an estimator before the one that counts; a moving average needs one.
    """
    require_count("samples", samples)
    require_count("repeats", repeats, least=2)
    require_count("warmup", warmup, least=0)
    require_tensor("phi", phi, dimensions=1)
    require(
        exact is None or tuple(exact.shape) == tuple(phi.shape),
        f"exact has shape {None if exact is None else tuple(exact.shape)}, "
        f"needs that of phi, {tuple(phi.shape)}",
    )
    results = {}
    for name, estimator in estimators.items():
        for _ in range(warmup):
            _gradients(estimator, family, phi, f, samples, repeats)
        start = time.perf_counter()
        gradients, evaluations = _gradients(estimator, family, phi, f, samples, repeats)
        gradients.sum().item()  # on a GPU: wait for the work before reading the clock
        seconds = (time.perf_counter() - start) / repeats
        results[name] = GradientStatistics(gradients, exact, seconds, evaluations)
    return results


def _gradients(estimator, family, phi, f, samples, repeats) -> tuple[Tensor, float]:
    """Independent gradients `(repeats, P)`, and the evaluations of f that one of them took."""
    copies = phi.detach().expand(repeats, -1).clone().requires_grad_()
    q = family(copies)
    require(
        tuple(q.batch_shape) == (repeats,),
        f"family(phi) has batch shape {tuple(q.batch_shape)} for phi {tuple(copies.shape)}, "
        f"needs ({repeats},): write phi[..., 0]",
    )
    evaluations = 0

    def counted(z: Tensor) -> Tensor:
        nonlocal evaluations
        values = f(z, copies)
        evaluations += values.numel()
        return values

    surrogate = estimator(q, counted, samples).mean(0)  # (repeats,)
    # A step function has no derivative at all; the zero makes that a gradient of zero.
    surrogate = surrogate + 0 * copies.sum(-1)
    (gradients,) = torch.autograd.grad(surrogate.sum(), copies)
    return gradients, evaluations / repeats
