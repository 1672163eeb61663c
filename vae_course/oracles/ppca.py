r"""Probabilistic PCA: the latent variable model in which everything is known exactly.

$$ z \sim \mathcal N(0, I_d), \qquad x \mid z \sim \mathcal N(W z + m,\, \sigma^2 I_n) $$

Then, with $C = W W^\top + \sigma^2 I$ and $M = W^\top W + \sigma^2 I$,

$$ p(x) = \mathcal N(m, C), \qquad p(z \mid x) = \mathcal N\big(M^{-1} W^\top (x - m),\, \sigma^2 M^{-1}\big), $$

and for any Gaussian $q(z|x) = \mathcal N(\mu, S)$, from any encoder,

$$ D = \frac{\|x - m - W\mu\|^2 + \mathrm{tr}(W S W^\top)}{2\sigma^2} + \frac n2 \log 2\pi\sigma^2 . $$

So the bound, its gap and its best value have no sampling error to hide behind.

Source: Tipping & Bishop 1999, "Probabilistic principal component analysis".
"""  # noqa: E501

from math import log, pi

import torch
from torch import Tensor
from torch.distributions import Distribution, MultivariateNormal, kl_divergence

from vae_course.checks import require, require_tensor
from vae_course.conditional import independent
from vae_course.objectives.bound import Bound


class ProbabilisticPCA:
    """The model with given parameters. `weight`: (n, d); `mean`: (n,); `sigma`: in units of x."""

    def __init__(self, weight: Tensor, mean: Tensor, sigma: float | Tensor):
        require_tensor("weight", weight, dimensions=2)
        require_tensor("mean", mean, dimensions=1)
        n, d = weight.shape
        require(mean.shape == (n,), f"mean has shape {tuple(mean.shape)}, needs ({n},)")
        self.weight, self.mean = weight, mean
        self.sigma = torch.as_tensor(sigma, dtype=weight.dtype, device=weight.device)
        require(bool(self.sigma > 0), f"sigma is {sigma}, needs a positive number")
        self.data_dim, self.latent_dim = n, d

    @classmethod
    def fit(cls, x: Tensor, latent_dim: int) -> "ProbabilisticPCA":
        """Maximum likelihood in closed form, from the eigenvalues λ of the covariance of `(N, n)`.

        σ² is the mean of the discarded eigenvalues; W = U_d (Λ_d - σ² I)^½. Tipping & Bishop 1999.
        """
        require_tensor("x", x, dimensions=2)
        n = x.shape[1]
        require(1 <= latent_dim < n, f"latent_dim is {latent_dim}, needs 1 to {n - 1}")
        mean = x.mean(0)
        eigenvalues, vectors = torch.linalg.eigh((x - mean).T @ (x - mean) / len(x))
        variance = eigenvalues[:-latent_dim].mean()
        noise = torch.finfo(x.dtype).eps * n * eigenvalues[-1]  # what eigh makes of an exact zero
        require(bool(variance > noise), "x has no variance outside latent_dim dimensions: σ² = 0")
        top = (eigenvalues[-latent_dim:] - variance).clamp_min(0).sqrt()
        # eigh sorts upwards; the strongest direction comes first here.
        return cls((vectors[:, -latent_dim:] * top).flip(1), mean, variance.sqrt())

    @property
    def prior(self) -> Distribution:
        zeros = self.mean.new_zeros(self.latent_dim)
        return independent(torch.distributions.Normal(zeros, zeros + 1, validate_args=False), 1)

    @property
    def marginal(self) -> MultivariateNormal:
        """p(x) = N(m, W Wᵀ + σ² I)."""
        identity = torch.eye(self.data_dim, dtype=self.mean.dtype, device=self.mean.device)
        covariance = self.weight @ self.weight.T + self.sigma**2 * identity
        return MultivariateNormal(self.mean, covariance, validate_args=False)

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) of `(B, n)`: `(B,)`, nats."""
        return self.marginal.log_prob(self._require(x))

    def posterior(self, x: Tensor) -> MultivariateNormal:
        """p(z|x) of `(B, n)`: batch `(B,)`, event `(d,)`."""
        self._require(x)
        identity = torch.eye(self.latent_dim, dtype=self.mean.dtype, device=self.mean.device)
        precision = (self.weight.T @ self.weight) / self.sigma**2 + identity
        mean = torch.linalg.solve(precision, self.weight.T @ (x - self.mean).T).T / self.sigma**2
        return MultivariateNormal(mean, precision_matrix=precision, validate_args=False)

    def bound(self, x: Tensor, q: Distribution, beta: float | Tensor = 1.0) -> Bound:
        """Exact distortion and rate of any Gaussian q(z|x), diagonal or full, batch `(B,)`."""
        self._require(x)
        if isinstance(q, MultivariateNormal):
            covariance = q.covariance_matrix
        else:
            covariance = torch.diag_embed(q.variance)
        residual = (x - self.mean - q.mean @ self.weight.T).square().sum(-1)
        spread = torch.einsum("ij,...jk,ik->...", self.weight, covariance, self.weight)
        variance = self.sigma**2
        constant = 0.5 * self.data_dim * (log(2 * pi) + variance.log())
        distortion = (residual + spread) / (2 * variance) + constant
        return Bound(distortion, kl_divergence(q, self.prior), beta)

    def gap(self, x: Tensor, q: Distribution) -> Tensor:
        """log p(x) - ELBO of q, which is KL(q || p(z|x)): `(B,)`, nats."""
        return self.log_prob(x) - self.bound(x, q).elbo

    def _require(self, x: Tensor) -> Tensor:
        return require_tensor("x", x, event_shape=(self.data_dim,))
