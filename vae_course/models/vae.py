r"""The variational autoencoder: a prior, a decoder and an encoder.

$$ z \sim p(z), \quad x \sim p_\theta(x \mid z),
   \quad q_\phi(z \mid x) \approx p_\theta(z \mid x) $$

The first two say how data are generated; they are the model. The third, the encoder, is there for
inference: it approximates the posterior that the model implies but that has no closed form.

Source: Kingma & Welling 2014, "Auto-Encoding Variational Bayes"; Rezende, Mohamed & Wierstra 2014.
"""

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vae_course.checks import require, require_count, require_latents, require_tensor
from vae_course.conditional import Constant


class VAE(nn.Module):
    """A VAE from three parts, each a module that returns a Distribution, or a Distribution itself.

    encoder: `(B, *event_shape)` -> q(z|x), batch `(B,)`, event `(d,)`
    decoder: `(..., d)` -> p(x|z), batch `(...)`, event `event_shape`
    prior:   `()` -> p(z), batch `()`, event `(d,)`
    """

    def __init__(self, encoder, decoder, prior):
        super().__init__()
        for name, part in [("encoder", encoder), ("decoder", decoder), ("prior", prior)]:
            require(
                isinstance(part, nn.Module | Distribution),
                f"{name} is {type(part).__name__}, needs a module that returns a Distribution, "
                "or a Distribution",
            )
        self.prior_module = Constant(prior) if isinstance(prior, Distribution) else prior
        self.decoder = Constant(decoder) if isinstance(decoder, Distribution) else decoder
        require(
            isinstance(self.prior, Distribution),
            f"prior() is {type(self.prior).__name__}, needs to be a Distribution",
        )
        latent_shape = tuple(self.prior.event_shape)
        require(len(latent_shape) == 1, f"prior has event shape {latent_shape}, needs (d,)")
        self.latent_dim = latent_shape[0]
        require(
            hasattr(self.decoder, "event_shape"),
            "decoder has no attribute event_shape, needs the shape of one example",
        )
        self.event_shape = tuple(self.decoder.event_shape)
        if isinstance(encoder, Distribution):
            require(
                tuple(encoder.event_shape) == latent_shape,
                f"encoder has event shape {tuple(encoder.event_shape)}, prior has {latent_shape}",
            )
            encoder = Constant(encoder, input_dims=len(self.event_shape))
        self.encoder = encoder
        encoder_dim = getattr(encoder, "latent_dim", self.latent_dim)
        require(
            encoder_dim == self.latent_dim,
            f"encoder has {encoder_dim} latent dimensions, prior has {self.latent_dim}",
        )

    @property
    def prior(self) -> Distribution:
        """p(z), on the model's device."""
        return self.prior_module()

    def encode(self, x: Tensor) -> Distribution:
        """q(z|x) for a batch `(B, *event_shape)`: batch `(B,)`, event `(d,)`."""
        return self.encoder(require_tensor("x", x, event_shape=self.event_shape))

    def decode(self, z: Tensor) -> Distribution:
        """p(x|z) for latents `(..., d)`: batch `(...)`, event `event_shape`."""
        return self.decoder(require_latents("z", z, self.latent_dim))

    @torch.no_grad()
    def sample(self, count: int) -> Tensor:
        """Draw `(count, *event_shape)` from the model: z from the prior, then x given z.

        These are samples, noise of the likelihood included. For the smoother picture of means
        write `vae.decode(vae.prior.sample((count,))).mean`, and call it that.
        """
        z = self.prior.sample((require_count("count", count),))
        return self.decode(z).sample()
