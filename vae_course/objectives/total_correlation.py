r"""β-TCVAE: the three parts of the rate, each with a weight of its own.

$$ \mathcal L = -D - \alpha\, I_q(x; z) - \beta\, \mathrm{KL}\Big(q(z) \Big\| \prod_i q(z_i)\Big)
   - \gamma \sum_i \mathrm{KL}\big(q(z_i) \| p(z_i)\big) $$

With α = β = γ = 1 that is the ELBO. The logarithm of $q(z) = \frac1N \sum_n q(z|x_n)$ would need all N
examples for each z. From a batch of B, in which z was drawn given the first of them, $x_1$:

    weighted     q(z) ≈ 1/(NB) Σ_b q(z|x_b)
    stratified   q(z) ≈ 1/N q(z|x_1) + 1/M Σ_{b=2}^{M} q(z|x_b) + (N-M)/(NM) q(z|x_B),   M = B - 1

The mean of the second over all batches that have $x_1$ in them is q(z). The first is too small, at
B = N by a factor N; in its gradient, where a factor does not show, only the share of $x_1$ is wrong.
The weight 1/N belongs to the x that z was drawn from: in the matrix of weights, row b has it in
column b. The authors' program, and what was copied from it, has it in column 0 of every row.

The logarithm of an unbiased estimate is too small on average: both leave the information too large.
The three parts add up to the same sum, whatever the weights, so the sum cannot show a wrong one.

Source: Chen, Li, Grosse & Duvenaud 2018, "Isolating Sources of Disentanglement in Variational
Autoencoders", appendix C; github.com/rtqichen/beta-tcvae.
"""  # noqa: E501

from dataclasses import dataclass
from math import log

import torch
from torch import Tensor
from torch.distributions import Independent, Normal

from vae_course.checks import require, require_count, require_tensor
from vae_course.objectives.bound import Bound

WEIGHTINGS = ("weighted", "stratified", "exhaustive")


@dataclass(frozen=True, kw_only=True)
class TotalCorrelationBound(Bound):
    """Distortion and the three parts of the rate, `(B,)` in nats, from one draw of each z.

    `rate` is log q(z|x) - log p(z) of that draw, which is the sum of the parts. α, β and γ weigh
    information, total correlation and the dimension-wise KL.
    """

    information: Tensor
    total_correlation: Tensor
    dimension_wise: Tensor
    alpha: float = 1.0
    gamma: float = 1.0

    @property
    def value(self) -> Tensor:
        """What is maximised: -(D + α information + β total correlation + γ dimension-wise KL)."""
        return -(
            self.distortion
            + self.alpha * self.information
            + self.beta * self.total_correlation
            + self.gamma * self.dimension_wise
        )

    @property
    def terms(self) -> dict[str, Tensor]:
        """What a training run records, by name. Only means over many examples are meaningful."""
        return super().terms | {
            "information": self.information,
            "total_correlation": self.total_correlation,
            "dimension_wise": self.dimension_wise,
        }


def total_correlation_elbo(
    model,
    x: Tensor,
    dataset_size: int,
    alpha: float = 1.0,
    beta: float | Tensor = 1.0,
    gamma: float = 1.0,
    weighting: str = "stratified",
) -> TotalCorrelationBound:
    """Estimate the objective of the β-TCVAE from a batch `(B, *event_shape)` of `dataset_size`.

    The model needs a diagonal Gaussian q(z|x) and a prior that is a product over the latents. The
    batch must have been drawn without replacement. `weighting`: see above. As an objective for
    `fit`, whose β it takes: `partial(total_correlation_elbo, dataset_size=len(images))`.
    """
    for name, weight in [("alpha", alpha), ("beta", beta), ("gamma", gamma)]:
        # A weight that changes from step to step may come as a tensor; it is not read back here.
        require(isinstance(weight, Tensor) or weight >= 0, f"{name} is {weight}, needs >= 0")
    q, prior = model.encode(x), model.prior
    for name, distribution in [("encoder", q), ("prior", prior)]:
        factorised = isinstance(distribution, Independent)
        require(
            factorised and isinstance(distribution.base_dist, Normal),
            f"{name} gives {type(distribution).__name__}, needs a diagonal Gaussian",
        )
    z = q.rsample()  # (B, d)
    log_q = q.base_dist.log_prob(z[:, None])  # [b, m, i]: log q(z_bi | x_m)
    log_joint = log_aggregate(log_q.sum(-1), dataset_size, weighting)  # log q(z), (B,)
    log_single = log_aggregate(log_q, dataset_size, weighting)  # log q(z_i), (B, d)
    log_own, log_prior = q.log_prob(z), prior.log_prob(z)
    return TotalCorrelationBound(
        distortion=-model.decode(z).log_prob(x),
        rate=log_own - log_prior,
        beta=beta,
        information=log_own - log_joint,
        total_correlation=log_joint - log_single.sum(-1),
        dimension_wise=log_single.sum(-1) - log_prior,
        alpha=alpha,
        gamma=gamma,
    )


def log_aggregate(log_q: Tensor, dataset_size: int, weighting: str = "stratified") -> Tensor:
    """log q(z) of each z, estimated from a batch: `(B, ...)`, nats.

    `log_q` `(B, B, ...)`: `log_q[b, m]` = log q(z_b | x_m), z_b drawn given x_b. Further axes, such
    as one for each latent, are kept. "exhaustive" takes the mean over all of the data set instead,
    for `log_q` `(B, N, ...)`.
    """
    require_tensor("log_q", log_q)
    require_count("dataset_size", dataset_size)
    require(log_q.dim() >= 2, f"log_q has shape {tuple(log_q.shape)}, needs (B, B, ...)")
    rows, columns = log_q.shape[:2]
    if weighting == "exhaustive":
        require(
            columns == dataset_size,
            f"log_q has {columns} columns, needs one for each of the {dataset_size} examples",
        )
        return log_q.logsumexp(1) - log(columns)
    require(rows == columns, f"log_q has shape {tuple(log_q.shape)}, needs (B, B, ...)")
    log_weights = log_aggregate_weights(rows, dataset_size, weighting, log_q)
    return (log_weights.reshape(rows, columns, *[1] * (log_q.dim() - 2)) + log_q).logsumexp(1)


def log_aggregate_weights(
    batch_size: int, dataset_size: int, weighting: str, like: Tensor
) -> Tensor:
    """Logarithms of the weights, `(B, B)`: row b for z_b, column m for x_m; as `like`.

    Which of the others comes last in a row does not matter for the mean. It is the next one here.
    """
    require(weighting in WEIGHTINGS, f"weighting is {weighting!r}, needs one of {[*WEIGHTINGS]}")
    require(
        1 <= batch_size <= dataset_size,
        f"batch has {batch_size} examples, needs 1 to {dataset_size}, the size of the data set",
    )
    if weighting == "weighted":
        return like.new_full((batch_size, batch_size), -log(dataset_size * batch_size))
    require(weighting == "stratified", f"weighting is {weighting!r}: it has no matrix of a batch")
    others = batch_size - 1
    require(others >= 1, "batch has 1 example, needs 2 or more for stratified weights")
    log_weights = like.new_full((batch_size, batch_size), -log(others))
    own = torch.arange(batch_size, device=like.device)
    log_weights[own, own] = -log(dataset_size)
    log_last = log(dataset_size - others) - log(dataset_size * others)
    log_weights[own, own.roll(-1)] = log_last
    return log_weights
