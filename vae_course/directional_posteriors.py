"""Posteriors for latents on a sphere, and for latents between zero and one.

Each is a network, the `trunk`, and a head, as in `vae_course.conditional`. Sources: Davidson et al.
2018 (von Mises–Fisher); Figurnov, Mohamed & Mnih 2018 (gradients of the draws, of both).
"""

from torch import Tensor, nn
from torch.distributions import Beta, Independent
from torch.nn.functional import normalize, softplus

from vae_course.checks import require_count
from vae_course.conditional import independent
from vae_course.directional import VonMisesFisher


class VonMisesFisherPosterior(nn.Module):
    r"""$q(z|x) = \mathrm{vMF}\big(\mu(x), \kappa(x)\big)$ on the sphere of `latent_dim`-vectors.

    The head gives a vector, of which the direction is μ, and log κ. `latent_dim` counts the
    components of z, one more than the sphere has dimensions. `trunk`: `(B, *event_shape) ->
    (B, features)`. The prior that goes with it is `HypersphericalUniform(latent_dim)`. Train with a
    warm-up of β: a small VAE's posterior stays at κ = 0 without it.
    """

    def __init__(self, trunk: nn.Module, features: int, latent_dim: int):
        super().__init__()
        self.trunk = trunk
        self.latent_dim = require_count("latent_dim", latent_dim, least=2)
        self.head = nn.Linear(features, latent_dim + 1)

    def forward(self, x: Tensor) -> VonMisesFisher:
        direction, log_concentration = (
            self.head(self.trunk(x)).to(x.dtype).split([self.latent_dim, 1], -1)
        )
        loc = normalize(direction, dim=-1)
        return VonMisesFisher(loc, log_concentration[..., 0].exp(), validate_args=False)


class BetaPosterior(nn.Module):
    r"""$q(z|x) = \prod_i \mathrm{Beta}\big(\alpha_i(x), \beta_i(x)\big)$, latents between 0 and 1.

    The head gives α and β through a softplus, kept above 0.1: below, draws in float32 may be equal
    to 0 or 1. `trunk`: `(B, *event_shape) -> (B, features)`. The prior that goes with it is
    `Independent(Beta(a, b), 1)`; the divergence has a closed form, and draws have torch's implicit
    gradients.
    """

    least = 0.1

    def __init__(self, trunk: nn.Module, features: int, latent_dim: int):
        super().__init__()
        self.trunk = trunk
        self.latent_dim = require_count("latent_dim", latent_dim)
        self.head = nn.Linear(features, 2 * latent_dim)

    def forward(self, x: Tensor) -> Independent:
        out = self.head(self.trunk(x)).to(x.dtype)
        alpha, beta = (self.least + softplus(out)).chunk(2, -1)
        return independent(Beta(alpha, beta, validate_args=False), 1)
