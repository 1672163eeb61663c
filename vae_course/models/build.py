"""Complete models of the two sizes that the course uses: multilayer perceptron and convolutions.

mlp_vae((1, 28, 28), hidden=(512, 256), latent_dim=16)     784-512-256-16 and its mirror image
conv_vae((1, 28, 28), channels=(16, 32), latent_dim=8)     28 -> 14 -> 7 and back
"""

from functools import partial
from math import prod

from torch import nn

from vae_course.checks import require, require_count, require_shape
from vae_course.conditional import (
    BernoulliLikelihood,
    ContinuousBernoulliLikelihood,
    DiagonalGaussian,
    DiscretisedLogisticLikelihood,
    FullGaussian,
    GaussianLikelihood,
    StandardNormal,
)
from vae_course.models.autoencoder import Autoencoder
from vae_course.models.vae import VAE
from vae_course.networks import ConvDecoder, ConvEncoder, mlp

posteriors = {"diagonal": DiagonalGaussian, "full": FullGaussian}
likelihoods = {
    "bernoulli": BernoulliLikelihood,
    "continuous_bernoulli": ContinuousBernoulliLikelihood,
    "gaussian": partial(GaussianLikelihood, sigma="shared"),
    "gaussian_per_pixel": partial(GaussianLikelihood, sigma="per_component"),
    "discretised_logistic": DiscretisedLogisticLikelihood,
}


def mlp_vae(
    event_shape=(1, 28, 28),
    hidden=(512, 256),
    latent_dim: int = 16,
    likelihood="bernoulli",
    posterior: str = "diagonal",
    activation=nn.ReLU,
) -> VAE:
    """A VAE of fully connected layers, `n - hidden - latent_dim` and its mirror image.

    `likelihood` and `posterior` are names from the tables above; a likelihood may also be a
    callable `(trunk, event_shape) -> module`, for example
    `partial(GaussianLikelihood, sigma=0.1)`.
    """
    make_posterior, make_likelihood = _parts(posterior, likelihood, latent_dim)
    event_shape, hidden = require_shape("event_shape", event_shape), require_shape("hidden", hidden)
    pixels = prod(event_shape)
    flatten = nn.Flatten(-len(event_shape))
    trunk = nn.Sequential(flatten, *mlp((pixels, *hidden), activation), activation())
    outputs = _parameters(make_likelihood) * pixels
    decoder = mlp((latent_dim, *hidden[::-1], outputs), activation)
    return VAE(
        make_posterior(trunk, hidden[-1], latent_dim),
        make_likelihood(decoder, event_shape),
        StandardNormal(latent_dim),
    )


def conv_vae(
    event_shape=(1, 28, 28),
    channels=(16, 32),
    latent_dim: int = 8,
    likelihood="bernoulli",
    posterior: str = "diagonal",
    activation=nn.ReLU,
) -> VAE:
    """A VAE of 4x4 convolutions with stride 2, one for each entry of `channels`, and their mirror.

    Options as in `mlp_vae`.
    """
    make_posterior, make_likelihood = _parts(posterior, likelihood, latent_dim)
    event_shape = require_shape("event_shape", event_shape)
    channels = require_shape("channels", channels)
    trunk = ConvEncoder(event_shape, channels, activation)
    in_channels, *size = event_shape
    outputs = (_parameters(make_likelihood) * in_channels, *size)
    return VAE(
        make_posterior(trunk, trunk.features, latent_dim),
        make_likelihood(ConvDecoder(latent_dim, outputs, channels, activation), event_shape),
        StandardNormal(latent_dim),
    )


def mlp_autoencoder(
    event_shape=(1, 28, 28), hidden=(512, 256), latent_dim: int = 16, activation=nn.ReLU
) -> Autoencoder:
    """The autoencoder of the same layers as `mlp_vae`, for comparisons."""
    require_count("latent_dim", latent_dim)
    event_shape, hidden = require_shape("event_shape", event_shape), require_shape("hidden", hidden)
    pixels = prod(event_shape)
    flatten = nn.Flatten(-len(event_shape))
    return Autoencoder(
        nn.Sequential(flatten, *mlp((pixels, *hidden, latent_dim), activation)),
        mlp((latent_dim, *hidden[::-1], pixels), activation),
        event_shape,
        latent_dim,
    )


def _parts(posterior: str, likelihood, latent_dim: int):
    require_count("latent_dim", latent_dim)
    require(posterior in posteriors, f"posterior is {posterior!r}, needs one of {[*posteriors]}")
    if not callable(likelihood):
        require(
            likelihood in likelihoods,
            f"likelihood is {likelihood!r}, needs one of {[*likelihoods]} or a callable",
        )
        likelihood = likelihoods[likelihood]
    return posteriors[posterior], likelihood


def _parameters(make_likelihood) -> int:
    """Numbers that the decoder's trunk gives for each component of x: one, or mean and log σ."""
    per_component = getattr(make_likelihood, "keywords", {}).get("sigma") == "per_component"
    return 2 if per_component else 1
