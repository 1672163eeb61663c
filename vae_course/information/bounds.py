r"""Bounds on the information between x and z: what can be said when q(z) is out of reach.

$$ H - D \;\le\; I_q(x; z) \;\le\; R $$

The upper one holds because $R = I_q + \mathrm{KL}(q(z) \| p(z))$, with a gap that p(z) can make as
large as it likes. The lower one because $-D = \mathbb E \log p(x|z)$ is at most
$\mathbb E \log q(x|z) = -H(X|Z)$ (Barber & Agakov 2003).

From a matrix of $\log q(z_k | x_j)$, K pairs drawn independently, with $z_k$ drawn given $x_k$:

$$ \mathbb E\, \frac1K \sum_k \log \frac{q(z_k|x_k)}{\frac1K \sum_j q(z_k|x_j)} \;\le\; I_q \;\le\;
   \mathbb E\, \frac1K \sum_k \log \frac{q(z_k|x_k)}{\frac1{K-1} \sum_{j \ne k} q(z_k|x_j)} $$

The lower one is InfoNCE with the best critic. It can never exceed log K. The upper one leaves the
own x out, as the estimate of q(z) ought to be independent of z.

Source: Poole, Ozair, van den Oord, Alemi & Tucker 2019, "On variational bounds of mutual
information"; Alemi et al. 2018.
"""

from math import log

import torch
from torch import Tensor

from vae_course.checks import require, require_tensor


def upper_by_rate(rate: Tensor) -> Tensor:
    """R, the mean of the rates `(B,)`: `()`, at least I_q(x; z) in nats."""
    return require_tensor("rate", rate, dimensions=1).mean()


def barber_agakov(entropy: Tensor | float, distortion: Tensor) -> Tensor:
    """H - D, at most I_q(x; z): `entropy` of the data, a number, and distortions `(B,)`, nats.

    The entropy of the data is rarely known. Without it D says nothing about information.
    """
    return entropy - require_tensor("distortion", distortion, dimensions=1).mean()


def info_nce(scores: Tensor) -> Tensor:
    """Lower bound from a matrix of scores `(K, K)`, row k for z_k: `(K,)`, whose mean is the bound.

    `scores[k, j]` is any critic of the pair (z_k, x_j), at best log q(z_k | x_j). At most log K.
    """
    count = _require_square("scores", scores)
    return scores.diagonal() - scores.logsumexp(1) + log(count)


def leave_one_out(log_q: Tensor) -> Tensor:
    """Upper bound from `log_q[k, j]` = log q(z_k | x_j), `(K, K)`: `(K,)`, whose mean is the bound.

    The entries must be log-densities: no other critic gives an upper bound.
    """
    count = _require_square("log_q", log_q)
    require(count >= 2, f"log_q has {count} pair, needs 2 or more to leave one out")
    own = torch.eye(count, dtype=torch.bool, device=log_q.device)
    others = log_q.masked_fill(own, -torch.inf).logsumexp(1) - log(count - 1)
    return log_q.diagonal() - others


def _require_square(name: str, value: Tensor) -> int:
    shape = tuple(require_tensor(name, value).shape)
    require(
        len(shape) == 2 and shape[0] == shape[1] >= 1, f"{name} has shape {shape}, needs (K, K)"
    )
    return shape[0]
