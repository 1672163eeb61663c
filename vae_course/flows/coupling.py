r"""Coupling layers: some features stay, and say how the others are bent.

$$ y_A = x_A, \qquad y_B = \tau\big(x_B;\, \theta(x_A)\big), \qquad
   \log\Big|\det \frac{\partial y}{\partial x}\Big| = \sum_{i \in B} \log \frac{\partial \tau}{\partial x_i} $$

Both directions take one pass, because A is known in both. One layer leaves A as it was: the next
one has to change it.

Source: Dinh et al. 2015 (NICE), Dinh et al. 2017 (Real NVP).
"""  # noqa: E501

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vae_course.checks import require, require_count, require_shape
from vae_course.flows.elementwise import Affine
from vae_course.flows.made import start_near_zero
from vae_course.flows.transform import Transform


class Coupling(Transform):
    """A coupling layer.

    mask:             `(features,)`, true where a feature is bent, false where it stays
    elementwise:      the map of one feature: `Affine()`, if not given
    hidden:           sizes of the hidden layers of the network, at least one
    context_features: size c of a context `(..., c)`
    """

    def __init__(self, mask, elementwise=None, hidden=(128, 128), context_features: int = 0):
        super().__init__()
        mask = torch.as_tensor(mask, dtype=torch.bool)
        require(
            mask.dim() == 1 and 0 < int(mask.sum()) < len(mask),
            f"mask is {mask.tolist()}, needs one axis with both true and false",
        )
        self.elementwise = elementwise or Affine()
        bent, stay = mask.nonzero().squeeze(-1), (~mask).nonzero().squeeze(-1)
        self.register_buffer("bent", bent, persistent=False)
        self.register_buffer("stay", stay, persistent=False)
        self.register_buffer("back", torch.cat([stay, bent]).argsort(), persistent=False)
        # Two blocks, as in Real NVP, are cut and joined, which takes less time than gathering.
        self.blocks = int((mask[1:] != mask[:-1]).sum()) == 1
        self.first_stays = not bool(mask[0])
        self.net = Conditioner(
            len(stay), hidden, self.elementwise.parameters * len(bent), context_features
        )

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self.bend(self.elementwise.forward, x, context)

    def inverse(self, y: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self.bend(self.elementwise.inverse, y, context)

    def bend(self, bend, values: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        stay, bent = self.take_apart(values)
        params = self.net(stay, context)
        params = params.view(*params.shape[:-1], self.elementwise.parameters, bent.shape[-1])
        bent, log_derivative = bend(bent, params)
        stay = stay.expand(*bent.shape[:-1], -1)
        return self.put_together(stay, bent), log_derivative.sum(-1)

    def take_apart(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """The features that stay, and those that are bent."""
        if not self.blocks:
            return values[..., self.stay], values[..., self.bent]
        if self.first_stays:
            return values.split([len(self.stay), len(self.bent)], -1)
        return values.split([len(self.bent), len(self.stay)], -1)[::-1]

    def put_together(self, stay: Tensor, bent: Tensor) -> Tensor:
        """All features, in their places."""
        if not self.blocks:
            return torch.cat([stay, bent], -1)[..., self.back]
        return torch.cat([stay, bent] if self.first_stays else [bent, stay], -1)


class Conditioner(nn.Module):
    """A multilayer perceptron `(..., inputs)` to `(..., outputs)`; the context enters first."""

    def __init__(self, inputs: int, hidden, outputs: int, context_features: int = 0):
        super().__init__()
        sizes = [inputs, *require_shape("hidden", hidden), outputs]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))
        require_count("context_features", context_features, least=0)
        self.context = (
            nn.Linear(context_features, sizes[1], bias=False) if context_features else None
        )
        start_near_zero(self.layers[-1])

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        first, *others = self.layers
        h = first(x)
        if self.context is not None:
            h = h + self.context(context)
        for layer in others:
            h = layer(F.relu(h, inplace=True))
        return h
