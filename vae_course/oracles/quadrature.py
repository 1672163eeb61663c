r"""A model with a bent posterior, and integrals over its one or two latents to ten digits.

$$ z \sim \mathcal N(0, I_d), \qquad x \mid z \sim \mathcal N(\|z\|^2,\, \sigma^2), \qquad d = 1, 2 $$

From x alone the sign of z cannot be known: the posterior of one latent has two modes, at
$z^2 = x - \sigma^2/2$, and that of two latents is a ring. No Gaussian fits either. Yet with so few
latents every integral is a sum over a grid,

$$ p(x) = \int p(z)\, p(x \mid z)\, dz \approx h^d \sum_s p(z_s)\, p(x \mid z_s) , $$

and because the integrand is smooth and vanishes at both ends, the error of this plainest of all
rules falls faster than any power of the spacing h. The expectation under a Gaussian q is the same
sum over ε, at $z = \mu + \sigma\varepsilon$: it follows q, and has a derivative by μ and log σ.

Source: Trefethen & Weideman 2014, "The exponentially convergent trapezoidal rule".
"""  # noqa: E501

import copy
from math import log, pi

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, MultivariateNormal, kl_divergence

from vae_course.checks import require, require_count, require_tensor
from vae_course.conditional import GaussianLikelihood, StandardNormal
from vae_course.flows.flow import FlowDistribution
from vae_course.models.vae import VAE
from vae_course.objectives.bound import Bound


class SquaredNorm(nn.Module):
    """‖z‖² of latents `(..., d)`: `(..., 1)`."""

    def forward(self, z: Tensor) -> Tensor:
        return z.square().sum(-1, keepdim=True)


class QuadratureModel(VAE):
    """A VAE with one or two latents and any decoder; log p(x), posterior and bound by quadrature.

    `decoder`: as in `VAE`; without one, x given z is Gaussian around ‖z‖² with deviation `sigma`.
    `encoder`: as in `VAE`; without one, q(z|x) is the prior.
    The grid has `nodes` points an axis, from -`half_width` to `half_width`. Ten digits need float64
    (`.double()`), a posterior inside the grid, and details wider than its spacing: `error` tells.
    """

    def __init__(
        self,
        latent_dim: int = 1,
        sigma: float = 0.5,
        decoder=None,
        encoder=None,
        nodes: int | None = None,
        half_width: float = 10.0,
    ):
        require(latent_dim in (1, 2), f"latent_dim is {latent_dim}, needs 1 or 2")
        nodes = {1: 2001, 2: 401}[latent_dim] if nodes is None else nodes
        require_count("nodes", nodes, least=3)
        require(half_width > 0, f"half_width is {half_width}, needs a positive number")
        prior = StandardNormal(latent_dim)
        if decoder is None:
            decoder = GaussianLikelihood(SquaredNorm(), (1,), sigma=sigma)
        super().__init__(prior() if encoder is None else encoder, decoder, prior)
        self.nodes, self.half_width = nodes, float(half_width)

    def grid(self, like: Tensor) -> tuple[Tensor, float]:
        """The points `(S, d)`, in the dtype and on the device of `like`, and log h^d."""
        h = 2 * self.half_width / (self.nodes - 1)
        axis = h * torch.arange(self.nodes, dtype=like.dtype, device=like.device) - self.half_width
        points = torch.cartesian_prod(*[axis] * self.latent_dim).reshape(-1, self.latent_dim)
        return points, self.latent_dim * log(h)

    def log_joint(self, z: Tensor, x: Tensor, power: float = 1.0) -> Tensor:
        """log p(z) + τ log p(x|z), with the `power` τ, for z `(..., B or 1, d)`: `(..., B)`."""
        return self.prior.log_prob(z) + power * self.decode(z).log_prob(x)

    def log_prob(self, x: Tensor, power: float = 1.0) -> Tensor:
        r"""log p(x) of `(B, *event_shape)`: `(B,)`, nats.

        With another `power` τ, the logarithm of $\int p(z)\, p(x \mid z)^\tau dz$.
        """
        require_tensor("x", x, event_shape=self.event_shape)
        points, log_cell = self.grid(x)
        return self.log_joint(points[:, None], x, power).logsumexp(0) + log_cell

    def posterior_log_prob(self, z: Tensor, x: Tensor, power: float = 1.0) -> Tensor:
        r"""log p(z|x) for z `(..., B or 1, d)`: `(..., B)`, nats.

        With a `power` τ, of the power posterior, proportional to $p(z)\, p(x \mid z)^\tau$.
        """
        return self.log_joint(z, x, power) - self.log_prob(x, power)

    def posterior_expectation(self, f, x: Tensor, power: float = 1.0) -> Tensor:
        """E[f(z)] under the (power) posterior, for f from `(S, d)` to `(S, k)`: `(B, k)`."""
        points, log_cell = self.grid(x)
        masses = (self.posterior_log_prob(points[:, None], x, power) + log_cell).exp()  # (S, B)
        return masses.T @ f(points)

    def posterior_moments(self, x: Tensor, power: float = 1.0) -> tuple[Tensor, Tensor]:
        """Mean `(B, d)` and covariance `(B, d, d)` of the (power) posterior."""
        d = self.latent_dim
        mean = self.posterior_expectation(lambda z: z, x, power)
        second = self.posterior_expectation(
            lambda z: (z[:, :, None] * z[:, None]).flatten(1), x, power
        ).reshape(-1, d, d)
        return mean, second - mean[:, :, None] * mean[:, None]

    def bound(self, x: Tensor, q: Distribution | None = None, beta: float | Tensor = 1.0) -> Bound:
        """Distortion and rate of a q(z|x), batch `(B,)`: exact.

        q: a Gaussian, diagonal or full, or a flow from one; without a q, that of the encoder.
        Differentiable by the parameters of q and of the decoder.
        """
        q = self.encode(x) if q is None else q
        epsilon, log_cell = self.grid(x)
        log_normal = -0.5 * (epsilon.square().sum(-1) + self.latent_dim * log(2 * pi))
        weights = (log_normal + log_cell).exp()[:, None]
        if isinstance(q, FlowDistribution):
            noise = _at(q.base, epsilon)
            z, log_det = q.transform(noise, q.context)
            log_q = q.base.log_prob(noise) - log_det
            rate = (weights * (log_q - self.prior.log_prob(z))).sum(0)
        else:
            z, rate = _at(q, epsilon), kl_divergence(q, self.prior)  # z: (S, B, d)
        distortion = -(weights * self.decode(z).log_prob(x)).sum(0)
        return Bound(distortion, rate, beta)

    def gap(self, x: Tensor, q: Distribution | None = None) -> Tensor:
        """log p(x) - ELBO of q, a Gaussian or a flow, which is KL(q || p(z|x)): `(B,)`, nats."""
        return self.log_prob(x) - self.bound(x, q).elbo

    def error(self, x: Tensor, q: Distribution | None = None) -> Tensor:
        """How far log p(x), or the ELBO of q if there is one, moves on a finer and wider grid."""
        finer = copy.copy(self)
        finer.nodes, finer.half_width = 2 * self.nodes - 1, 1.5 * self.half_width
        if q is None:
            return (finer.log_prob(x) - self.log_prob(x)).abs()
        return (finer.bound(x, q).elbo - self.bound(x, q).elbo).abs()


def _at(gaussian: Distribution, epsilon: Tensor) -> Tensor:
    """μ + Lε of a Gaussian, batch `(B,)`, at the noise `(S, d)`: `(S, B, d)`."""
    if isinstance(gaussian, MultivariateNormal):
        return gaussian.mean + (gaussian.scale_tril @ epsilon[:, None, :, None]).squeeze(-1)
    return gaussian.mean + gaussian.stddev * epsilon[:, None]
