r"""The parts of the rate by Monte Carlo, where there are too many latents for a grid.

Draw n from the data and z from q(z|x_n). Then the means of

$$ \log\frac{q(z|x_n)}{q(z)}, \qquad \log\frac{q(z)}{\prod_i q(z_i)}, \qquad
   \log\frac{q(z_i)}{p(z_i)} $$

are information, total correlation and dimension-wise KL, *if* log q(z) is that of all the data:
that is "exhaustive", unbiased, at N evaluations a draw. From a batch of B alone, log q(z) is
estimated ("weighted", "stratified"; see `objectives.total_correlation`) and each part has a bias
that no number of repetitions removes. Their sum has none.

Source: Chen, Li, Grosse & Duvenaud 2018, appendix C.
"""

import torch
from torch import Tensor

from vae_course.checks import require, require_count
from vae_course.information.decomposition import Decomposition, log_normal
from vae_course.metrics.latents import unit_rates
from vae_course.objectives.total_correlation import WEIGHTINGS, log_aggregate


@torch.no_grad()
def estimate_decomposition(
    mean: Tensor,
    variance: Tensor,
    batch_size: int = 100,
    repetitions: int = 10,
    weighting: str = "exhaustive",
) -> Decomposition:
    """Estimate the decomposition for N diagonal Gaussian posteriors `(N, d)`, prior N(0, I).

    Each of the `repetitions` draws a batch without replacement, one z for each of its examples, and
    takes the mean over them: the parts have a first axis `(repetitions,)`, from whose mean and
    spread the estimate and its standard error follow. The rate is drawn too: it is their sum.
    """
    unit_rates(mean, variance)  # it checks the two shapes
    require(bool((variance > 0).all()), "variance has values that are not positive")
    count, _ = mean.shape
    require_count("repetitions", repetitions)
    require_count("batch_size", batch_size)
    require(batch_size <= count, f"batch_size is {batch_size}, needs at most the {count} examples")
    require(weighting in WEIGHTINGS, f"weighting is {weighting!r}, needs one of {[*WEIGHTINGS]}")
    sigma, parts = variance.sqrt(), []
    for _ in range(repetitions):
        index = torch.randperm(count, device=mean.device)[:batch_size]
        own_mean, own_sigma = mean[index], sigma[index]
        z = own_mean + own_sigma * torch.randn_like(own_mean)  # (B, d)
        everything = weighting == "exhaustive"
        others = (mean, sigma) if everything else (own_mean, own_sigma)
        log_q = log_normal(z[:, None], *others)  # (B, N or B, d)
        log_joint = log_aggregate(log_q.sum(-1), count, weighting)
        log_single = log_aggregate(log_q, count, weighting)
        log_own = log_normal(z, own_mean, own_sigma).sum(-1)
        log_prior = log_normal(z, z.new_zeros(()), z.new_ones(()))
        parts.append(
            (
                (log_own - log_prior.sum(-1)).mean(),
                (log_own - log_joint).mean(),
                (log_joint - log_single.sum(-1)).mean(),
                (log_single - log_prior).mean(0),
            )
        )
    return Decomposition(*[torch.stack(column) for column in zip(*parts, strict=True)])
