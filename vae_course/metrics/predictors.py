r"""How well the factors are predicted from the latents, and from how many of them.

SAP asks each latent alone: with $S_{ij}$ the score of predicting factor j from latent i,

$$ \mathrm{SAP} = \frac1k \sum_j \big( S_{(1)j} - S_{(2)j} \big). $$

DCI predicts each factor from all latents, and looks at the share $P_{ij}$ that latent i has in it.
"""

from collections.abc import Sequence
from math import log
from typing import NamedTuple

import torch
from torch import Tensor

from vae_course.checks import require, require_count
from vae_course.metrics.information import require_arrays


def sap(codes: Tensor, factors: Tensor, categorical: Sequence[int] = ()) -> float:
    """SAP: how much better the best latent of a factor predicts it than the second, mean over them.

    `codes` `(N, d)` with d >= 2, `factors` `(N, k)`. $S_{ij}$ is the squared correlation; for the
    columns named in `categorical`, whose levels have no order, the share of the examples nearest
    in latent i to the mean of their own level, averaged over levels. A latent that does not vary
    scores 0. Source: Kumar, Sattigeri & Balakrishnan 2018, who fit the thresholds between levels.
    """
    require_arrays(codes, factors, latents=2)
    _require_columns(categorical, factors)
    codes = codes.double()
    scores = []
    for j, factor in enumerate(factors.T):
        if j in categorical:
            scores.append(_balanced_accuracy(codes, factor))
        else:
            scores.append(_squared_correlation(codes, factor.double()))
    best = torch.stack(scores, dim=1).topk(2, dim=0).values
    return (best[0] - best[1]).mean().item()


class DCI(NamedTuple):
    """Each at most 1, and 1 is best."""

    disentanglement: float
    completeness: float
    informativeness: float


def dci(
    codes: Tensor, factors: Tensor, categorical: Sequence[int] = (), trees: int = 10, seed: int = 0
) -> DCI:
    r"""Disentanglement, completeness and informativeness, by random forests.

    Each factor is predicted from all latents of one half of the data. With $R_{ij}$ the importance
    of latent i for factor j, and H the entropy of shares divided by its largest value,

        disentanglement  1 - H over factors of R_ij, mean over latents weighted by their importance
        completeness     1 - H over latents of R_ij, mean over factors
        informativeness  R² of the other half, the accuracy for `categorical` columns; mean

    `codes` `(N, d)` with d >= 2, `factors` `(N, k)` with k >= 2. Source: Eastwood & Williams 2018,
    who give the root of 1 - R² as the error of informativeness.
    """
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    require_arrays(codes, factors, latents=2, factors_at_least=2)
    _require_columns(categorical, factors)
    require_count("trees", trees)
    require_count("seed", seed, least=0)
    z, v = codes.cpu().numpy(), factors.cpu().numpy()
    half = len(z) // 2
    importance, scores = [], []
    for j in range(v.shape[1]):
        forest = RandomForestClassifier if j in categorical else RandomForestRegressor
        model = forest(trees, min_samples_leaf=5, random_state=seed).fit(z[:half], v[:half, j])
        importance.append(torch.from_numpy(model.feature_importances_))
        scores.append(model.score(z[half:], v[half:, j]))
    disentanglement, completeness = concentration(torch.stack(importance, dim=1))
    return DCI(disentanglement, completeness, sum(scores) / len(scores))


def concentration(importance: Tensor) -> tuple[float, float]:
    """DCI's disentanglement and completeness of importances `(d, k)`, none negative.

    A latent without importance has no weight; a factor that nothing predicts counts as 0.
    """
    latents, kinds = importance.shape
    weights = importance.sum(1) / importance.sum().clamp_min(1e-12)
    of_latents = 1 - _entropy_of_shares(importance) / log(kinds)
    of_factors = 1 - _entropy_of_shares(importance.T) / log(latents)
    of_factors = torch.where(importance.sum(0) > 0, of_factors, 0.0)
    return (weights * of_latents).sum().item(), of_factors.mean().item()


def _entropy_of_shares(rows: Tensor) -> Tensor:
    shares = rows / rows.sum(1, keepdim=True).clamp_min(1e-12)
    return -torch.xlogy(shares, shares).sum(1)


def _squared_correlation(codes: Tensor, factor: Tensor) -> Tensor:
    """Of each latent with the factor: `(d,)`."""
    z, v = codes - codes.mean(0), factor - factor.mean()
    variance = z.square().sum(0)
    return (v @ z).square() / torch.where(variance > 0, variance, 1.0) / v.square().sum()


def _balanced_accuracy(codes: Tensor, factor: Tensor) -> Tensor:
    """Share of examples nearest to the mean of their own level, averaged over levels: `(d,)`."""
    names, level = factor.unique(return_inverse=True)
    means = torch.stack([codes[level == k].mean(0) for k in range(len(names))])
    nearest = (codes[:, None] - means).abs().argmin(1)
    right = (nearest == level[:, None]).double()
    score = torch.stack([right[level == k].mean(0) for k in range(len(names))]).mean(0)
    return torch.where(codes.amax(0) > codes.amin(0), score, 0.0)


def _require_columns(categorical: Sequence[int], factors: Tensor) -> None:
    kinds = factors.shape[1]
    require(
        all(type(j) is int and 0 <= j < kinds for j in categorical),
        f"categorical is {categorical!r}, needs numbers of columns of factors, 0 to {kinds - 1}",
    )
