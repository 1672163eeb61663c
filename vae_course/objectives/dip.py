r"""DIP-VAE: the covariance of the latents is pulled to the identity.

$$ \mathcal L = \mathrm{ELBO} - \lambda_{od} \sum_{i \ne j} C_{ij}^2
   - \lambda_d \sum_i (C_{ii} - 1)^2 $$

with one of two covariances over the data:

    I     C = Cov_x[μ(x)]                        of the posterior means
    II    C = Cov_x[μ(x)] + E_x[diag σ²(x)]      of the aggregate posterior q(z)

A covariance of zero is less than independence: it sees no dependence of higher order. And with I a
unit that carries nothing is punished, for the variance of its means is 0 instead of 1.

Source: Kumar, Sattigeri & Balakrishnan 2018, "Variational Inference of Disentangled Latent Concepts
from Unlabeled Observations".
"""

from dataclasses import dataclass

from torch import Tensor
from torch.distributions import kl_divergence

from vae_course.checks import require, require_weight
from vae_course.metrics.latents import aggregate_posterior_moments
from vae_course.objectives.bound import Bound

KINDS = ("I", "II")


@dataclass(frozen=True, kw_only=True)
class PenalisedBound(Bound):
    """Distortion and rate of each example, `(B,)` in nats, and one penalty `()` of the batch."""

    penalty: Tensor

    @property
    def value(self) -> Tensor:
        """What is maximised, `(B,)`: each example bears the whole penalty, so the mean does."""
        return super().value - self.penalty

    @property
    def terms(self) -> dict[str, Tensor]:
        """What a training run records, by name."""
        return super().terms | {"penalty": self.penalty.expand_as(self.rate)}


def dip_elbo(
    model,
    x: Tensor,
    off_diagonal: float = 10.0,
    diagonal: float = 10.0,
    kind: str = "II",
    beta: float | Tensor = 1.0,
) -> PenalisedBound:
    """The ELBO minus the penalty on the covariance over the batch `(B, *event_shape)`, B >= 2.

    `off_diagonal`, `diagonal`: λ_od and λ_d. `kind`: "I" or "II", see above. The model needs a
    diagonal Gaussian q(z|x).
    """
    require(kind in KINDS, f"kind is {kind!r}, needs one of {[*KINDS]}")
    for name, weight in [("off_diagonal", off_diagonal), ("diagonal", diagonal)]:
        require(weight >= 0, f"{name} is {weight}, needs a number >= 0")
    require_weight("beta", beta)
    q = model.encode(x)
    require(len(x) >= 2, f"x has {len(x)} example, needs 2 or more for a covariance")
    return PenalisedBound(
        distortion=-model.decode(q.rsample()).log_prob(x),
        rate=kl_divergence(q, model.prior),
        beta=beta,
        penalty=covariance_penalty(q.mean, q.variance, off_diagonal, diagonal, kind),
    )


def covariance_penalty(
    mean: Tensor, variance: Tensor, off_diagonal: float, diagonal: float, kind: str
) -> Tensor:
    """λ_od Σ C_ij² + λ_d Σ (C_ii - 1)², `()`, of posterior means and variances `(B, d)`."""
    if kind == "I":
        covariance = mean.T.cov(correction=0).reshape(mean.shape[1], -1)
    else:
        _, covariance = aggregate_posterior_moments(mean, variance)
    variances = covariance.diagonal()
    others = covariance.square().sum() - variances.square().sum()
    return off_diagonal * others + diagonal * (variances - 1).square().sum()
