r"""A linear VAE: trained like any other, and known like probabilistic PCA.

$$ q(z \mid x) = \mathcal N(V x + c,\, \mathrm{diag}\, s^2), \qquad p(x \mid z) = \mathcal N(W z + m,\, \sigma^2 I_n) $$

Decoder and prior are those of probabilistic PCA, so log p(x), the posterior, the ELBO and its gap
are exact at every step of training. The posterior's covariance does not depend on x, so neither
need s. At the maximum of the ELBO the columns of W are orthogonal, q is the posterior and the gap is
zero: a diagonal Gaussian is enough there, although it is not elsewhere.

Source: Lucas, Tucker, Grosse & Norouzi 2019, "Don't blame the ELBO!".
"""  # noqa: E501

import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal

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
    """A VAE on data `(B, n)` with a linear encoder, a linear decoder and one learned σ."""

    def __init__(self, data_dim: int, latent_dim: int):
        super().__init__(
            LinearPosterior(data_dim, latent_dim),
            GaussianLikelihood(nn.Linear(latent_dim, data_dim), (data_dim,), sigma="shared"),
            StandardNormal(latent_dim),
        )

    def exact(self) -> ProbabilisticPCA:
        """The model p(x) that the present decoder defines, with its closed forms."""
        linear = self.decoder.trunk
        return ProbabilisticPCA(linear.weight, linear.bias, self.decoder.log_sigma.exp())


def exact_elbo(model: LinearGaussianVAE, x: Tensor, beta: float | Tensor = 1.0) -> Bound:
    """The ELBO of a linear VAE without sampling, as an objective to train on: same as `elbo`."""
    return model.exact().bound(x, model.encode(x), beta)
