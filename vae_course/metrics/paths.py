r"""Paths between two latents: a straight line, and a great circle.

$$ z(t) = (1-t)\, a + t\, b, \qquad
   z(t) = \frac{\sin((1-t)\,\omega)}{\sin\omega}\, a + \frac{\sin(t\,\omega)}{\sin\omega}\, b, \quad
   \cos\omega = \frac{a \cdot b}{\|a\|\,\|b\|} $$

Two draws from N(0, I_d) have norms near √d, and the middle of the straight line between them has a
norm near √(d/2). For large d almost no draw is that short. The great circle keeps the norm.
Source: White 2016, "Sampling generative networks"; Shoemake 1985 (the formula).
"""

import torch
from torch import Tensor

from vae_course.checks import require, require_tensor


def straight_line(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Linear interpolation: `(..., d)` and `(..., d)`, times `(T,)` -> `(T, ..., d)`."""
    t = _times(a, b, t)
    return (1 - t) * a + t * b


def great_circle(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Spherical interpolation, shapes as for `straight_line`. Nearly parallel: the straight line.

    Opposite vectors have no unique great circle between them and are refused.
    """
    t = _times(a, b, t)
    cosine = torch.nn.functional.cosine_similarity(a, b, dim=-1).clamp(-1, 1).unsqueeze(-1)
    require(bool((cosine > -1 + 1e-6).all()), "a and b are opposite: no unique great circle")
    angle = cosine.acos()
    sine = angle.sin()
    parallel = sine < 1e-4
    safe = torch.where(parallel, torch.ones_like(sine), sine)
    circle = ((1 - t) * angle).sin() / safe * a + (t * angle).sin() / safe * b
    return torch.where(parallel, (1 - t) * a + t * b, circle)


def _times(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    require_tensor("a", a)
    require_tensor("b", b)
    require(
        a.shape == b.shape and a.dim() >= 1 and a.shape[-1] >= 1,
        f"a and b have shapes {tuple(a.shape)} and {tuple(b.shape)}, need equal (..., d)",
    )
    t = torch.as_tensor(t, dtype=a.dtype, device=a.device)
    require(t.dim() == 1, f"t has shape {tuple(t.shape)}, needs (T,)")
    return t.reshape(-1, *[1] * a.dim())
