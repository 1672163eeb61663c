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

import torch
from torch import Tensor, nn
from torch.distributions import Normal
from torch.nn.functional import logsigmoid

from vae_course.checks import require_count
from vae_course.conditional import independent
from vae_course.flows.autoregressive import Autoregressive
from vae_course.flows.flow import FlowDistribution
from vae_course.flows.made import MADE
from vae_course.flows.planar_radial import invertible
from vae_course.flows.planar_stack import PlanarLayers, split_numbers
from vae_course.flows.transform import Composition


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


class AmortisedPlanar(PlanarLayers):
    """K planar layers whose u, w and b are the context, K (2d + 1) numbers for each example."""

    def __init__(self, features: int, layers: int):
        super().__init__()
        self.features, self.layers = features, layers
        self.context_features = layers * (2 * features + 1)

    def parameters_at(self, context: Tensor) -> tuple[Tensor, ...]:
        w, u, b = split_numbers(context, self.layers, self.features)
        u, m = invertible(w, u)
        return w, u, b, m


class IAFPosterior(FlowPosterior):
    """A few gated inverse autoregressive steps, each with the features in the other order.

    Kingma et al. 2016. Each step has a MADE with layers of sizes `hidden`, which reads the features
    before and the encoder's context of `context_features` numbers (as many as the trunk's).
    """

    def __init__(
        self,
        trunk: nn.Module,
        features: int,
        latent_dim: int,
        steps: int = 4,
        hidden=(200,),
        context_features: int | None = None,
    ):
        require_count("steps", steps)
        context_features = features if context_features is None else context_features
        order = list(range(require_count("latent_dim", latent_dim)))
        transforms = [
            Autoregressive(
                MADE(latent_dim, hidden, 2, order[:: (-1) ** k], context_features), Gate(), "input"
            )
            for k in range(steps)
        ]
        super().__init__(trunk, features, latent_dim, transforms, context_features)


class Gate:
    r"""$y = \sigma x + (1 - \sigma)\, m$ with $\sigma = S(s + 2)$, S the logistic function.

    The number-by-number step of Kingma et al. 2016, section 4: no s can make it overflow, and it
    begins as a gate that is nearly open. `parameters` are m and s for each feature.
    """

    parameters = 2
    open = 2.0

    def forward(self, x: Tensor, params: Tensor) -> tuple[Tensor, Tensor]:
        """x `(..., features)` and params `(..., 2, features)` to y and log dy/dx, as x."""
        m, s = params.unbind(-2)
        log_gate = logsigmoid(s + self.open)
        return torch.lerp(m, x, log_gate.exp()), log_gate

    def inverse(self, y: Tensor, params: Tensor) -> tuple[Tensor, Tensor]:
        """y to x and log dx/dy."""
        m, s = params.unbind(-2)
        log_gate = logsigmoid(s + self.open)
        return m + (y - m) * (-log_gate).exp(), -log_gate
