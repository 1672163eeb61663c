r"""The autoencoder that a VAE is compared with: a code, no distribution.

$$ z = f(x), \qquad \hat x = g(z) $$

trained on the squared error of $\hat x$ (`vae_course.objectives.squared_error`). It prescribes no
distribution of z, so it does not by itself say how to sample.
"""

from torch import Tensor, nn

from vae_course.checks import require_count, require_latents, require_shape, require_tensor


class Autoencoder(nn.Module):
    """encoder: `(B, *event_shape) -> (B, d)`; decoder: `(..., d) -> (..., *event_shape)`."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module, event_shape, latent_dim: int):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.event_shape = require_shape("event_shape", event_shape)
        self.latent_dim = require_count("latent_dim", latent_dim)

    def encode(self, x: Tensor) -> Tensor:
        """The codes `(B, d)` of a batch."""
        return self.encoder(require_tensor("x", x, event_shape=self.event_shape))

    def decode(self, z: Tensor) -> Tensor:
        """The pictures `(..., *event_shape)` that codes `(..., d)` stand for."""
        require_latents("z", z, self.latent_dim)
        return self.decoder(z).reshape(*z.shape[:-1], *self.event_shape)
