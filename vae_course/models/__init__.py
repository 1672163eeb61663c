"""Models: what is generated from what."""

from vae_course.lazy import lazy

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "vae": ["VAE"],
        "autoencoder": ["Autoencoder"],
        "family": ["Family", "stack"],
        "multirate": ["MultiRateVAE", "multi_rate_elbo"],
        "build": ["conv_vae", "likelihoods", "mlp_autoencoder", "mlp_vae", "posteriors"],
    },
)
