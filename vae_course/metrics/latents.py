r"""What the latents of a VAE carry.

The rate of the whole data set splits (Hoffman & Johnson 2016) into

$$ \mathbb E_{x}\, \mathrm{KL}\big(q(z|x) \,\|\, p(z)\big) = I_q(x; z) + \mathrm{KL}\big(q(z) \,\|\, p(z)\big) $$

with the aggregate posterior $q(z) = \mathbb E_x\, q(z|x)$: only the second term says how well q(z) meets
the prior. A unit is *active* if its posterior mean depends on x (Burda et al. 2016):
$\mathrm{Var}_x\, \mathbb E_q[z_i] > 0.01$.
"""  # noqa: E501

import torch
from torch import Tensor

from vae_course.checks import require, require_count, require_tensor


@torch.no_grad()
def encode_all(model, x: Tensor, batch_size: int = 1000) -> tuple[Tensor, Tensor]:
    """Posterior mean and variance of every example, in batches: two tensors `(N, d)`."""
    require_count("batch_size", batch_size)
    posteriors = [model.encode(batch) for batch in x.split(batch_size)]
    return torch.cat([q.mean for q in posteriors]), torch.cat([q.variance for q in posteriors])


def unit_rates(mean: Tensor, variance: Tensor) -> Tensor:
    """Mean KL of each latent to N(0, 1), `(d,)` in nats, for diagonal posteriors `(N, d)`."""
    _require_pair(mean, variance)
    return 0.5 * (mean.square() + variance - 1 - variance.log()).mean(0)


def active_units(mean: Tensor, threshold: float = 0.01) -> Tensor:
    """Which latents are active: booleans `(d,)` from posterior means `(N, d)`."""
    require_tensor("mean", mean, dimensions=2)
    require(
        len(mean) >= 2 and mean.shape[1] >= 1,
        f"mean has shape {tuple(mean.shape)}, needs at least 2 examples and 1 latent",
    )
    return mean.var(0) > threshold


def aggregate_posterior_moments(mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
    r"""Mean `(d,)` and covariance `(d, d)` of the aggregate posterior q(z).

    Its covariance: $\mathrm{Cov}_x[\mu(x)] + \mathbb E_x[\mathrm{diag}\,\sigma^2(x)]$.
    """
    _require_pair(mean, variance)
    return mean.mean(0), mean.T.cov(correction=0) + variance.mean(0).diag()


def _require_pair(mean: Tensor, variance: Tensor) -> None:
    require_tensor("mean", mean)
    require_tensor("variance", variance)
    require(
        mean.dim() == 2 and len(mean) >= 1 and mean.shape == variance.shape,
        f"mean and variance have shapes {tuple(mean.shape)} and {tuple(variance.shape)}, "
        "need the same (N, d) with N >= 1",
    )
