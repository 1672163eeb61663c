"""Hold one factor still, let the others vary, and tell from the latents which one it was.

Both scores are shares of right answers, so guessing is worth 1 / k. Examples that share a level
are taken from the data set itself, with replacement: it must have several for each level.
"""

import torch
from torch import Tensor

from vae_course.checks import require_count
from vae_course.metrics.information import require_arrays


def beta_vae_score(
    codes: Tensor, factors: Tensor, trials: int = 1000, samples: int = 64, seed: int = 0
) -> float:
    r"""Accuracy of a linear classifier that names the factor shared by pairs.

    One trial draws `samples` pairs (a, b) that agree in factor j, and shows the classifier the mean
    of $|z_a - z_b|$, a vector `(d,)`. Logistic regression learns from one half of `trials` for
    each factor and is judged by the other. `codes` `(N, d)`, divided by their standard deviations;
    `factors` `(N, k)` with k >= 2. Source: Higgins et al. 2017.
    """
    from sklearn.linear_model import LogisticRegression

    codes = _standardised(codes, factors, trials, samples, seed)
    generator = torch.Generator().manual_seed(seed)
    shown, answers = [], []
    for j, level in enumerate(factors.cpu().T):
        # Each pair has a level of its own, so pairs are groups of two.
        group = _agreeing(level, trials * samples, 2, generator).reshape(trials, samples, 2)
        a, b = codes[group[..., 0]], codes[group[..., 1]]
        shown.append((a - b).abs().mean(1))
        answers.append(torch.full((trials,), j))
    x, y = torch.stack(shown, dim=1).numpy(), torch.stack(answers, dim=1).numpy()
    half, latents = trials // 2, codes.shape[1]
    model = LogisticRegression(C=1e4, max_iter=1000)
    model.fit(x[:half].reshape(-1, latents), y[:half].ravel())
    return float(model.score(x[half:].reshape(-1, latents), y[half:].ravel()))


def factor_vae_score(
    codes: Tensor, factors: Tensor, trials: int = 1000, samples: int = 64, seed: int = 0
) -> float:
    r"""Accuracy of a majority vote that names the factor shared by a group.

    One trial draws `samples` examples that agree in factor j, and notes which latent varies least
    among them, compared with all data. Each latent then stands for the factor that it was noted
    for most often, in one half of `trials` for each factor; the other half judges. Latents that do
    not vary at all are left out. `codes` `(N, d)`, `factors` `(N, k)` with k >= 2.
    Source: Kim & Mnih 2018.
    """
    codes = _standardised(codes, factors, trials, samples, seed)
    kinds = factors.shape[1]
    codes = codes[:, codes.amax(0) > codes.amin(0)]
    if codes.shape[1] == 0:
        return 1 / kinds
    generator = torch.Generator().manual_seed(seed)
    noted = torch.stack(
        [
            codes[_agreeing(level, trials, samples, generator)].var(1).argmin(1)
            for level in factors.cpu().T
        ]
    )  # (k, trials)
    half = trials // 2
    votes = torch.stack([(noted[:, :half] == i).sum(1) for i in range(codes.shape[1])])
    named = votes.argmax(1)[noted[:, half:]]
    return (named == torch.arange(kinds)[:, None]).double().mean().item()


def _agreeing(level: Tensor, groups: int, size: int, generator: torch.Generator) -> Tensor:
    """Indices `(groups, size)`: each group's examples have one level, of an example at random."""
    order = level.argsort()
    count = level.bincount()
    start = count.cumsum(0) - count
    chosen = level[torch.randint(len(level), (groups,), generator=generator)]
    place = torch.rand(groups, size, generator=generator, dtype=torch.float64)
    within = (place * count[chosen][:, None]).long()
    return order[start[chosen][:, None] + within]


def _standardised(codes, factors, trials, samples, seed) -> Tensor:
    """Codes with standard deviation 1, on the CPU; what does not vary stays as it is."""
    require_arrays(codes, factors, factors_at_least=2)
    require_count("trials", trials, least=2)
    require_count("samples", samples, least=2)
    require_count("seed", seed, least=0)
    codes = codes.cpu().double()
    spread = codes.std(0)
    return codes / torch.where(codes.amax(0) > codes.amin(0), spread, 1.0)
