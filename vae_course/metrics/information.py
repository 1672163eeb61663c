r"""What each latent says about each factor, in nats, and two scores made from it.

$$ m_{ij} = I(\hat z_i; v_j) = H(\hat z_i) + H(v_j) - H(\hat z_i, v_j) $$

where $\hat z_i$ is latent i cut into equal bins between its smallest and its largest value, and
every term is the entropy of the counts in the data. Counts of few examples give too much
information: about (bins - 1)(levels - 1) / 2N nats too much where there is none.
"""

import torch
from torch import Tensor

from vae_course.checks import require, require_count, require_tensor


def factor_information(codes: Tensor, factors: Tensor, bins: int = 20) -> Tensor:
    """Mutual information of each latent with each factor: `(d, k)` in nats.

    `codes` `(N, d)`; `factors` `(N, k)`, whole numbers from 0: the level of each factor.
    """
    require_arrays(codes, factors)
    require_count("bins", bins, least=2)
    return _information(codes, factors, bins)[0]


def mutual_information_gap(codes: Tensor, factors: Tensor, bins: int = 20) -> float:
    r"""MIG: how far the best latent of a factor is ahead of the second best, mean over factors.

    $$ \mathrm{MIG} = \frac1k \sum_j \frac{m_{(1)j} - m_{(2)j}}{H(v_j)} $$

    `codes` `(N, d)` with d >= 2, `factors` `(N, k)`. At most 1, which a factor with more levels
    than there are bins cannot reach. Source: Chen et al. 2018, with the 20 bins of Locatello et
    al. 2019.
    """
    require_arrays(codes, factors, latents=2)
    require_count("bins", bins, least=2)
    information, entropy = _information(codes, factors, bins)
    best = information.topk(2, dim=0).values
    return ((best[0] - best[1]) / entropy).mean().item()


def modularity(codes: Tensor, factors: Tensor, bins: int = 20) -> float:
    r"""How nearly each latent knows one factor only: 1 if it does, mean over latents.

    $$ 1 - \frac{\sum_{j \ne j^*} m_{ij}^2}{(k - 1)\, m_{ij^*}^2}, \qquad j^* = \arg\max_j m_{ij} $$

    `codes` `(N, d)`, `factors` `(N, k)` with k >= 2. A latent that knows nothing counts as 0.
    Source: Ridgeway & Mozer 2018.
    """
    require_arrays(codes, factors, factors_at_least=2)
    require_count("bins", bins, least=2)
    squares = _information(codes, factors, bins)[0].square()
    largest = squares.amax(1)
    others = squares.sum(1) - largest
    score = 1 - others / ((squares.shape[1] - 1) * largest)
    return torch.where(largest > 0, score, 0.0).mean().item()


def _information(codes: Tensor, factors: Tensor, bins: int) -> tuple[Tensor, Tensor]:
    """Information `(d, k)` and entropy of the factors `(k,)`: all tables counted in one pass."""
    codes, factors = codes.T.contiguous(), factors.T.contiguous()
    (latents, count), kinds = codes.shape, len(factors)
    levels = int(factors.max()) + 1
    tables = torch.arange(latents * kinds, device=codes.device).reshape(latents, kinds, 1)
    # The cell of each example in each of the tables: (d, k, N).
    cells = (_bin(codes, bins) * levels)[:, None] + factors
    cells += tables * (bins * levels)
    counted = cells.flatten().bincount(minlength=latents * kinds * bins * levels)
    joint = counted.reshape(latents, kinds, bins, levels).double() / count
    of_bins, of_levels = _entropy(joint.sum(3)), _entropy(joint.sum(2))
    information = of_bins + of_levels - _entropy(joint.flatten(2))
    # Rounding leaves some 1e-15 nats where there are none.
    return torch.where(information > 1e-12, information, 0.0), of_levels[0]


def _bin(codes: Tensor, bins: int) -> Tensor:
    """The bin, 0 to bins - 1, of every code of `(d, N)`; all are in bin 0 if they do not vary."""
    low, high = codes.aminmax(dim=1, keepdim=True)
    width = (high - low) / bins
    return ((codes - low) / torch.where(width > 0, width, 1.0)).long().clamp_(max=bins - 1)


def _entropy(masses: Tensor) -> Tensor:
    """Entropy over the last axis, in nats."""
    return -torch.xlogy(masses, masses).sum(-1)


def require_arrays(codes, factors, latents: int = 1, factors_at_least: int = 1) -> None:
    """Codes `(N, d)` and whole-numbered factors `(N, k)` that belong together."""
    require_tensor("codes", codes, dimensions=2)
    require(
        isinstance(factors, Tensor) and factors.dtype == torch.int64 and factors.dim() == 2,
        "factors must be an int64 tensor (N, k)",
    )
    require(
        len(codes) == len(factors) >= 2
        and codes.shape[1] >= latents
        and factors.shape[1] >= factors_at_least,
        f"codes and factors have shapes {tuple(codes.shape)} and {tuple(factors.shape)}, need "
        f"(N, d) and (N, k) with N >= 2, d >= {latents}, k >= {factors_at_least}",
    )
    require(bool(torch.isfinite(codes.sum())), "codes must be finite")
    low, high = factors.aminmax(dim=0)
    require(
        bool((low >= 0).all() and (high > low).all()),
        "factors must be whole numbers from 0, and each must take two values at least",
    )
