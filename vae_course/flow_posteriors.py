r"""Posteriors that bend: a Gaussian from the encoder, sent through a flow.

$$ z_0 \sim \mathcal N\big(\mu_\phi(x), \mathrm{diag}\, \sigma_\phi^2(x)\big), \quad
   z_K = f_K \circ \dots \circ f_1(z_0), \quad
   \log q(z_K \mid x) = \log q_0(z_0 \mid x)
   - \sum_{k=1}^K \log\Big|\det \frac{\partial f_k}{\partial z_{k-1}}\Big| $$

The encoder's network gives μ, log σ² and the context h(x): numbers that the maps may depend on. An
ELBO needs samples and the densities of these samples. Both come out of one pass from z_0 to z_K; no
map is ever inverted for it. Only the density of a point from elsewhere needs the inverse,
$z_0 = f_1^{-1} \circ \dots \circ f_K^{-1}(z_K)$.

Source: Rezende & Mohamed 2015, "Variational Inference with Normalizing Flows"; Kingma et al. 2016,
"Improved Variational Inference with Inverse Autoregressive Flow".
"""

from torch import Tensor, nn
from torch.distributions import Normal

from vae_course.checks import require_count
from vae_course.conditional import independent
from vae_course.flows.flow import FlowDistribution
from vae_course.flows.transform import Composition, Transform


class FlowPosterior(nn.Module):
    """q(z|x): a diagonal Gaussian given x, then `transforms`, the first one next to the Gaussian.

    trunk:            `(B, *event_shape) -> (B, features)`
    transforms:       a list of `Transform` of vectors `(..., latent_dim)`
    context_features: how many numbers of context, a linear map of the trunk's, they are given
    """

    def __init__(
        self, trunk: nn.Module, features: int, latent_dim: int, transforms, context_features=0
    ):
        super().__init__()
        self.trunk = trunk
        self.latent_dim = require_count("latent_dim", latent_dim)
        self.context_features = require_count("context_features", context_features, least=0)
        self.head = nn.Linear(features, 2 * latent_dim + context_features)
        self.transform = Composition(transforms)

    def forward(self, x: Tensor) -> FlowDistribution:
        out = self.head(self.trunk(x)).to(x.dtype)
        d = self.latent_dim
        mean, log_var, context = out.split([d, d, self.context_features], -1)
        base = independent(Normal(mean, (0.5 * log_var).exp(), validate_args=False), 1)
        return FlowDistribution(base, self.transform, context if self.context_features else None)


class PlanarPosterior(FlowPosterior):
    """A flow of planar layers whose u, w and b are all given by the encoder, for each x anew.

    Rezende & Mohamed 2015, section 4.2: with `layers` K the head gives K (2d + 1) numbers more.
    """

    def __init__(self, trunk: nn.Module, features: int, latent_dim: int, layers: int = 10):
        require_count("layers", layers)
        transform = AmortisedPlanar(require_count("latent_dim", latent_dim), layers)
        super().__init__(trunk, features, latent_dim, [transform], transform.context_features)


class AmortisedPlanar(Transform):
    r"""K planar layers $f(z) = z + \hat u \tanh(w^\top z + b)$; u, w, b are the context.

    Any u is bent to a û with $w^\top \hat u > -1$, for which f is invertible.
    """

    def __init__(self, features: int, layers: int):
        super().__init__()
        self.features, self.layers = features, layers
        self.context_features = layers * (2 * features + 1)

    def parts(self, context: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """w `(..., K, d)`, û `(..., K, d)` and b `(..., K)` from the context `(..., c)`."""
        numbers = context.unflatten(-1, (self.layers, 2 * self.features + 1))
        u, w, b = numbers.split([self.features, self.features, 1], -1)
        return w, invertible_u(u, w), b.squeeze(-1)

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        w, u, b = self.parts(context)
        slope = (w * u).sum(-1)  # wᵀû of all layers, (..., K)
        total = 0
        for k in range(self.layers):
            t = ((w[..., k, :] * x).sum(-1) + b[..., k]).tanh()
            x = x + u[..., k, :] * t[..., None]
            total = total + ((1 - t * t) * slope[..., k]).log1p()
        return x, total


def invertible_u(u: Tensor, w: Tensor) -> Tensor:
    r"""$\hat u = u + \big(\mathrm{softplus}(w^\top u) - 1 - w^\top u\big)\, w / \|w\|^2$."""
    dot = (w * u).sum(-1, keepdim=True)
    square = (w * w).sum(-1, keepdim=True)
    return u + (nn.functional.softplus(dot) - 1 - dot) * w / square
