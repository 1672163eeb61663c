r"""FactorVAE: the total correlation by a second network, which is asked where a z comes from.

$$ \mathcal L = -D - \beta R - \gamma\, \mathrm{TC}, \qquad
   \mathrm{TC} = \mathbb E_{q(z)} \log \frac{q(z)}{\prod_i q(z_i)}
   \approx \mathbb E_{q(z)} \log \frac{h(z)}{1 - h(z)} $$

h(z) is the probability, says the discriminator, that z is a draw of q(z) and not of the product of
its marginals. Trained on as many of the one as of the other, the best one has

$$ \operatorname{logit} h(z) = \log q(z) - \sum_i \log q(z_i) , $$

the density ratio. Any other gives a wrong total correlation, and nothing says on which side.
Draws of the product are made from draws of q(z): each latent is permuted over the batch, by a
permutation of its own.

Source: Kim & Mnih 2018, "Disentangling by Factorising".
"""

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.distributions import kl_divergence
from torch.nn.functional import softplus

from vae_course.checks import require, require_count, require_shape, require_tensor, require_weight
from vae_course.networks import mlp
from vae_course.objectives.bound import Bound


@dataclass(frozen=True, kw_only=True)
class FactorBound(Bound):
    """Distortion, rate and density ratio of each example, `(B,)` in nats.

    `total_correlation` is log h/(1-h) of one draw: only its mean over many is a total correlation.
    `z` `(B, d)` are the draws, for the discriminator.
    """

    total_correlation: Tensor
    z: Tensor
    gamma: float

    @property
    def value(self) -> Tensor:
        """What is maximised: -(D + βR + γ TC), `(B,)`."""
        return super().value - self.gamma * self.total_correlation

    @property
    def terms(self) -> dict[str, Tensor]:
        """What a training run records, by name."""
        return super().terms | {"total_correlation": self.total_correlation}


class FactorELBO(nn.Module):
    """The objective of FactorVAE with its discriminator, an MLP `latent_dim - hidden - 1`.

    For `fit_adversarial`, which trains both. `fit` would leave the discriminator as it is.
    """

    def __init__(self, latent_dim: int, gamma: float = 10.0, hidden=(64, 64)):
        super().__init__()
        require_count("latent_dim", latent_dim)
        require(gamma >= 0, f"gamma is {gamma}, needs a number >= 0")
        hidden = require_shape("hidden", hidden)
        self.gamma = gamma
        self.discriminator = mlp((latent_dim, *hidden, 1), partial(nn.LeakyReLU, 0.2))

    def forward(self, model, x: Tensor, beta: float | Tensor = 1.0) -> FactorBound:
        """The objective for a batch `(B, *event_shape)`, one draw of z for each example."""
        require_weight("beta", beta)
        q = model.encode(x)
        z = q.rsample()
        return FactorBound(
            distortion=-model.decode(z).log_prob(x),
            rate=kl_divergence(q, model.prior),
            beta=beta,
            total_correlation=self.log_ratio(z),
            z=z,
            gamma=self.gamma,
        )

    def log_ratio(self, z: Tensor) -> Tensor:
        """logit h(z), the estimate of log q(z) - Σ log q(z_i), `(B,)` for `(B, d)`."""
        return self.discriminator(z).squeeze(-1)

    def discriminator_loss(self, z: Tensor, other: Tensor) -> Tensor:
        """What the discriminator minimises, `(B,)` in nats: log 2 if it cannot tell.

        `z` and `other`: draws of q(z) from two batches, `(B, d)`. The other is permuted here.
        """
        joint, product = self.log_ratio(z), self.log_ratio(permute_dims(other))
        return 0.5 * (softplus(-joint) + softplus(product))


def permute_dims(z: Tensor) -> Tensor:
    """Permute each latent over the batch for itself: `(B, d)` to `(B, d)`.

    The columns keep their values, so the marginals stay. What held between columns is gone.
    """
    require_tensor("z", z, dimensions=2)
    return z.gather(0, torch.rand_like(z).argsort(0))
