r"""A linear VAE: trained like any other, and known like probabilistic PCA.

$$ q(z \mid x) = \mathcal N(V x + c,\, \mathrm{diag}\, s^2), \qquad p(x \mid z) = \mathcal N(W z + m,\, \sigma^2 I_n) $$

Decoder and prior are those of probabilistic PCA, so log p(x), the posterior, the ELBO and its gap
are exact at every step of training. The posterior's covariance does not depend on x, so neither
need s. At the maximum of the ELBO the columns of W are orthogonal, q is the posterior and the gap is
zero: a diagonal Gaussian is enough there, although it is not elsewhere.

The maximum of $-(D + \beta R)$ is known too. Divide by β: this is the ELBO of a model with noise
$h = \beta\sigma^2$. So each principal direction $u_i$ with $\lambda_i > h$ is given to one latent,

$$ w_i^2 = \lambda_i - h, \quad v_i = w_i / \lambda_i, \quad s_i^2 = h / \lambda_i,
   \qquad \mathrm{KL}_i = \tfrac12 \log \frac{\lambda_i}{h}, \quad \delta_i = h , $$

and the latents that are left stay at the prior.

Source: Lucas, Tucker, Grosse & Norouzi 2019, "Don't blame the ELBO!".
"""  # noqa: E501

from math import inf, pi

import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal, kl_divergence

from vae_course.checks import require, require_count, require_tensor
from vae_course.conditional import GaussianLikelihood, StandardNormal, independent
from vae_course.models.vae import VAE
from vae_course.objectives.bound import Bound
from vae_course.oracles.ppca import ProbabilisticPCA


class LinearPosterior(nn.Module):
    """q(z|x) with a linear mean and one variance for each latent, the same for every x."""

    def __init__(self, data_dim: int, latent_dim: int):
        super().__init__()
        self.latent_dim = latent_dim
        self.mean = nn.Linear(data_dim, latent_dim)
        self.log_var = nn.Parameter(torch.zeros(latent_dim))

    def forward(self, x: Tensor) -> Independent:
        mean = self.mean(x)
        sigma = (0.5 * self.log_var).exp().expand_as(mean)
        return independent(Normal(mean, sigma, validate_args=False), 1)


class LinearGaussianVAE(VAE):
    """A VAE on data `(B, n)` with a linear encoder and a linear decoder of one σ for all of x.

    `sigma="shared"`: σ is learned. A number: it is fixed, in units of x.
    """

    def __init__(self, data_dim: int, latent_dim: int, sigma: float | str = "shared"):
        named = isinstance(sigma, str) and sigma != "shared"
        require(not named, f"sigma is {sigma!r}, needs 'shared' or a number")
        super().__init__(
            LinearPosterior(data_dim, latent_dim),
            GaussianLikelihood(nn.Linear(latent_dim, data_dim), (data_dim,), sigma),
            StandardNormal(latent_dim),
        )

    def exact(self) -> ProbabilisticPCA:
        """The model p(x) that the present decoder defines, with its closed forms."""
        linear = self.decoder.trunk
        log_sigma = torch.as_tensor(self.decoder.log_sigma, dtype=linear.weight.dtype)
        return ProbabilisticPCA(linear.weight, linear.bias, log_sigma.exp())


def exact_elbo(model: VAE, x: Tensor, beta: float | Tensor = 1.0) -> Bound:
    """The ELBO of a linear VAE without sampling, as an objective to train on: same as `elbo`.

    `model` may be a stacked family of linear VAEs, `x` `(B, n)` or `(F, B, n)`. The matrix W is
    read off the decoder: it is what it makes of the unit vectors, less what it makes of zero.
    """
    require_tensor("x", x)
    q = model.encode(x)
    d = q.event_shape[0]
    points = torch.cat([q.mean.new_zeros(1, d), torch.eye(d, dtype=x.dtype, device=x.device)])
    p = model.decode(points.expand(*q.batch_shape[:-1], d + 1, d))
    m, columns = p.mean[..., :1, :], p.mean[..., 1:, :] - p.mean[..., :1, :]
    residual = (x - m - q.mean @ columns).square()
    spread = q.variance @ columns.square()
    variance = p.variance[..., :1, :]
    distortion = 0.5 * ((residual + spread) / variance + (2 * pi * variance).log()).sum(-1)
    return Bound(distortion, kl_divergence(q, model.prior), beta)


@torch.no_grad()
def optimal_linear_vae(
    data: Tensor, latent_dim: int, sigma: float, beta: float = 1.0
) -> LinearGaussianVAE:
    """The linear VAE that maximises the mean of -(D + βR) over the data at a fixed σ.

    `data`: examples `(N, n)`, or only the eigenvalues `(n,)` of a covariance whose principal
    directions are the axes, with mean 0. Unit i, the strongest first, is active iff λ_i > βσ².
    """
    require_tensor("data", data)
    require(data.dim() in (1, 2), f"data has shape {tuple(data.shape)}, needs (N, n) or (n,)")
    n = data.shape[-1]
    require_count("latent_dim", latent_dim)
    require(0 < sigma < inf, f"sigma is {sigma!r}, needs a positive number")
    require(0 < beta < inf, f"beta is {beta!r}, needs a positive number")
    if data.dim() == 1:
        mean, eigenvalues, vectors = torch.zeros_like(data), *data.sort(descending=True)
        vectors = torch.eye(n, dtype=data.dtype, device=data.device)[:, vectors]
    else:
        mean = data.mean(0)
        eigenvalues, vectors = torch.linalg.eigh((data - mean).T @ (data - mean) / len(data))
        eigenvalues, vectors = eigenvalues.flip(0), vectors.flip(1)  # the strongest first
    level = beta * sigma**2
    k = min(latent_dim, int((eigenvalues > level).sum()))  # active units
    eigenvalues, vectors = eigenvalues[:k], vectors[:, :k]
    w = (eigenvalues - level).sqrt()

    model = LinearGaussianVAE(n, latent_dim, float(sigma)).to(data)
    for parameter in model.parameters():
        parameter.zero_()
    model.decoder.trunk.weight[:, :k] = vectors * w
    model.decoder.trunk.bias[:] = mean
    model.encoder.mean.weight[:k] = (vectors * (w / eigenvalues)).T
    model.encoder.mean.bias[:k] = -(w / eigenvalues) * (mean @ vectors)
    model.encoder.log_var[:k] = (level / eigenvalues).log()
    return model
