r"""The rate, taken apart: information, total correlation, and one KL for each latent.

$$ \underbrace{\mathbb E_x\, \mathrm{KL}\big(q(z|x) \,\|\, p(z)\big)}_{\text{rate}}
   = \underbrace{I_q(x; z)}_{\text{information}}
   + \underbrace{\mathrm{KL}\Big(q(z) \,\Big\|\, \prod_i q(z_i)\Big)}_{\text{total correlation}}
   + \sum_i \underbrace{\mathrm{KL}\big(q(z_i) \,\|\, p(z_i)\big)}_{\text{dimension-wise}} $$

with the aggregate posterior $q(z) = \frac1N \sum_n q(z|x_n)$. It holds for the mean over the data,
not for a single x, and for a prior that is a product over the latents. The last two terms together
are KL(q(z) || p(z)), the `marginal_kl`.

For a finite data set q(z) is a mixture of N Gaussians: its density is known, and only expectations
of its logarithm need a rule of integration. With $z = \mu_n + \sigma_n \epsilon$ they are
expectations over $\epsilon \sim \mathcal N(0, I)$, the kind that Gauss-Hermite nodes are made for.

Source: Hoffman & Johnson 2016 (the two parts); Chen, Li, Grosse & Duvenaud 2018 (the three).
"""

from dataclasses import dataclass
from math import log, pi

import numpy as np
import torch
from torch import Tensor

from vae_course.checks import require, require_count
from vae_course.metrics.latents import unit_rates

MOST_POINTS = 1_000_000


@dataclass(frozen=True)
class Decomposition:
    """The parts of a rate, in nats: numbers `()`, the last for each latent `(d,)`.

    An estimate has one more axis in front, for its repetitions.
    """

    rate: Tensor
    information: Tensor
    total_correlation: Tensor
    dimension_wise: Tensor

    @property
    def marginal_kl(self) -> Tensor:
        """KL(q(z) || p(z)) of the aggregate posterior: total correlation + dimension-wise KLs."""
        return self.total_correlation + self.dimension_wise.sum(-1)

    @property
    def sum(self) -> Tensor:
        """Information + total correlation + dimension-wise KLs. Exactly, that is the rate."""
        return self.information + self.marginal_kl


@torch.no_grad()
def exact_decomposition(mean: Tensor, variance: Tensor, nodes: int = 32) -> Decomposition:
    """The decomposition for a data set of N diagonal Gaussian posteriors, prior N(0, I).

    `mean`, `variance`: `(N, d)`, as from `encode_all`. The work is N² · nodes^d: for few latents.
    The rate is the closed form. The parts add up to it whatever the number of `nodes`, in float64
    to 1e-12; each part by itself is as good as the rule, so compare with twice as many nodes.
    """
    rate = unit_rates(mean, variance).sum()  # it checks the two shapes
    require(bool((variance > 0).all()), "variance has values that are not positive")
    count, d = mean.shape
    require_count("nodes", nodes, least=2)
    require(
        nodes**d <= MOST_POINTS,
        f"nodes is {nodes}: {nodes}^{d} points for each posterior, needs at most {MOST_POINTS:,}; "
        "see estimate_decomposition",
    )
    epsilon, log_weight = gauss_hermite(nodes, mean)
    grid = torch.cartesian_prod(*[epsilon] * d).reshape(-1, d)  # (S, d)
    weight = torch.cartesian_prod(*[log_weight] * d).reshape(-1, d).sum(1).exp()  # (S,)
    sigma = variance.sqrt()

    joint = mean.new_zeros(())  # E log q(z)
    for center, scale in zip(mean, sigma, strict=True):  # one posterior at a time: memory S · N
        z = center + scale * grid
        log_q = sum(log_normal(z[:, i, None], mean[:, i], sigma[:, i]) for i in range(d))
        joint += weight @ log_q.logsumexp(1)
    joint = joint / count - log(count)

    single, prior = mean.new_zeros(d), mean.new_zeros(d)  # E log q(z_i), E log p(z_i)
    for i in range(d):
        z = mean[:, i, None] + sigma[:, i, None] * epsilon  # (N, nodes)
        log_q = log_normal(z[..., None], mean[:, i], sigma[:, i]).logsumexp(-1) - log(count)
        single[i] = (log_q @ log_weight.exp()).mean()
        prior[i] = (log_normal(z, z.new_zeros(()), z.new_ones(())) @ log_weight.exp()).mean()
    conditional = -(sigma.log() + 0.5 * log(2 * pi) + 0.5).sum(1).mean()  # E log q(z|x)
    return Decomposition(rate, conditional - joint, joint - single.sum(), single - prior)


def gauss_hermite(nodes: int, like: Tensor) -> tuple[Tensor, Tensor]:
    r"""Points ε and logarithms of weights w: $\sum w f(\epsilon) \approx \mathbb E f(\epsilon)$.

    For ε ~ N(0, 1); exact for polynomials of degree below 2 · nodes. Both `(nodes,)`.
    """
    points, weights = np.polynomial.hermite_e.hermegauss(nodes)
    log_weights = np.log(weights) - 0.5 * log(2 * pi)
    return like.new_tensor(points), like.new_tensor(log_weights)


def log_normal(z: Tensor, mean: Tensor, sigma: Tensor) -> Tensor:
    """log N(z; mean, sigma²), elementwise."""
    return -0.5 * ((z - mean) / sigma).square() - sigma.log() - 0.5 * log(2 * pi)
