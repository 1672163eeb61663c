r"""One VAE for all β of a range: its networks are told β, and the whole curve is trained once.

$$ \max_{\theta, \phi}\; \mathbb E_{\log\beta \sim \mathcal U(\log a, \log b)}\, \mathbb E_x
   \Big[ \mathbb E_{q_\phi(z \mid x, \beta)} \log p_\theta(x \mid z, \beta)
   - \beta\, \mathrm{KL}\big(q_\phi(z \mid x, \beta)\,\|\,p(z)\big) \Big] $$

Every example of a batch draws a β of its own. The networks get one more input, log β brought to
[-1, 1]. A network that could be the best one for each β at once would lose nothing; one of the same
size must share its hidden units among all β, and does lose something.

Source: Bae, Zhang, Ruan, Wang, Hasegawa, Ba & Grosse 2023, "Multi-Rate VAE: Train Once, Get the
Full Rate-Distortion Curve", ICLR 2023. Theirs multiplies each layer by a gate that depends on β;
the plainer input is ours.
"""

from math import inf, log, prod

import torch
from torch import Tensor, nn

from vae_course.checks import require, require_count, require_shape
from vae_course.conditional import DiagonalGaussian, StandardNormal
from vae_course.models.build import likelihoods
from vae_course.models.vae import VAE
from vae_course.networks import mlp
from vae_course.objectives.bound import Bound, elbo


class MultiRateVAE(nn.Module):
    """`n - hidden - latent_dim` and its mirror image, for every β in `[low, high]`.

    `model.at(beta)` is the VAE of that β. Train with `multi_rate_elbo`.
    """

    def __init__(
        self,
        event_shape=(1, 28, 28),
        hidden=(512, 256),
        latent_dim: int = 16,
        low: float = 0.05,
        high: float = 20.0,
        likelihood: str = "bernoulli",
        activation=nn.ReLU,
    ):
        super().__init__()
        self.event_shape = require_shape("event_shape", event_shape)
        hidden = require_shape("hidden", hidden)
        self.latent_dim = require_count("latent_dim", latent_dim)
        require(0 < low < high < inf, f"low and high are {low}, {high}, need 0 < low < high")
        names = [name for name in likelihoods if name != "gaussian_per_pixel"]
        require(likelihood in names, f"likelihood is {likelihood!r}, needs one of {names}")
        self.low, self.high = low, high
        pixels = prod(self.event_shape)
        trunk = nn.Sequential(mlp((pixels + 1, *hidden), activation), activation())
        self.encoder = DiagonalGaussian(trunk, hidden[-1], latent_dim)
        decoder = mlp((latent_dim + 1, *hidden[::-1], pixels), activation)
        self.decoder = likelihoods[likelihood](decoder, self.event_shape)
        self.prior_module = StandardNormal(latent_dim)

    def at(self, beta: float | Tensor) -> VAE:
        """The VAE of this β, with the same parameters: what changes here changes there.

        A tensor of β gives each batch its own by broadcasting: `(B,)` one to each example,
        `(F, 1)` all of F to each example, and encode then gives batch `(F, B)`.
        """
        reference = next(self.parameters())
        if not isinstance(beta, Tensor):
            require(
                self.low <= beta <= self.high,
                f"beta is {beta}, the model is trained for {self.low} to {self.high}",
            )
        beta = torch.as_tensor(beta, dtype=reference.dtype, device=reference.device)
        position = (beta.log() - log(self.low)) / log(self.high / self.low)
        u = 2 * position - 1  # log β, from -1 at the lowest to 1 at the highest
        encoder = AtRate(self.encoder, u, len(self.event_shape))
        return VAE(encoder, AtRate(self.decoder, u, 1), self.prior_module)


class AtRate(nn.Module):
    """A part that is told β in its last input: the event, flattened, with u appended."""

    def __init__(self, part: nn.Module, u: Tensor, event_dims: int):
        super().__init__()
        self.part, self.event_dims = part, event_dims
        self.register_buffer("u", u, persistent=False)
        for name in ("latent_dim", "event_shape"):
            if hasattr(part, name):
                setattr(self, name, getattr(part, name))

    def forward(self, value: Tensor):
        value = value.flatten(-self.event_dims)
        batch = torch.broadcast_shapes(value.shape[:-1], self.u.shape)
        told = [value.expand(*batch, -1), self.u.expand(batch)[..., None]]
        return self.part(torch.cat(told, -1))


def multi_rate_elbo(
    model: MultiRateVAE, x: Tensor, samples: int = 1, beta: float | Tensor = 1.0
) -> Bound:
    """`elbo` with a β of its own for each example, log-uniform in the model's range: `(B,)`, nats.

    `beta` multiplies the drawn ones: it is what a warm-up changes.
    """
    uniform = torch.rand(len(x), dtype=x.dtype, device=x.device)
    drawn = model.low * (uniform * log(model.high / model.low)).exp()
    return elbo(model.at(drawn), x, samples, beta * drawn)
