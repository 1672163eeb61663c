r"""Entropy and mutual information of finite tables of probabilities, as plain sums.

$$ H(X) = -\sum_x p(x) \log p(x), \qquad I(X; Z) = H(X) + H(Z) - H(X, Z), \qquad 0 \log 0 = 0 $$

A table of several variables has one axis for each. In nats.

Source: Cover & Thomas 2006, chapter 2.
"""

import torch
from torch import Tensor

from vae_course.checks import require, require_tensor


def entropy(p: Tensor) -> Tensor:
    """H of all variables of a table together, `()`: each entry is one of the outcomes."""
    return -torch.xlogy(_require_table("p", p), p).sum()


def relative_entropy(p: Tensor, q: Tensor) -> Tensor:
    """KL(p || q) of two tables of one shape, `()`; infinite if q excludes what p does not."""
    _require_table("p", p)
    _require_table("q", q)
    require(p.shape == q.shape, f"q has shape {tuple(q.shape)}, needs that of p, {tuple(p.shape)}")
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum()


def mutual_information(joint: Tensor) -> Tensor:
    """I(X; Z) of a table `(X, Z)`: `()`. It is never negative."""
    _require_table("joint", joint, axes=2)
    return relative_entropy(joint, joint.sum(1)[:, None] * joint.sum(0))


def conditional_entropy(joint: Tensor) -> Tensor:
    """H(Z | X) of a table `(X, Z)`, the first axis the one that is given: `()`."""
    _require_table("joint", joint, axes=2)
    return entropy(joint) - entropy(joint.sum(1))


def total_correlation(joint: Tensor) -> Tensor:
    """KL(joint || product of its marginals) of a table with one axis for each variable: `()`."""
    _require_table("joint", joint)
    product = joint.new_ones(())
    for axis in range(joint.dim()):
        others = [other for other in range(joint.dim()) if other != axis]
        product = product[..., None] * (joint.sum(others) if others else joint)
    return relative_entropy(joint, product)


def _require_table(name: str, table: Tensor, axes: int | None = None) -> Tensor:
    require_tensor(name, table, dimensions=axes)
    require(table.dim() >= 1 and table.numel() >= 1, f"{name} is empty, needs probabilities")
    mass = table.sum().item()
    tolerance = 1e-9 if table.dtype == torch.float64 else 1e-4
    require(
        bool((table >= 0).all()) and abs(mass - 1) <= tolerance,
        f"{name} has values from {table.min().item():.4g} that sum to {mass:.6g}, "
        "needs probabilities that sum to 1",
    )
    return table
