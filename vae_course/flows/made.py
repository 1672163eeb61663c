r"""MADE: a multilayer perceptron whose output for feature i sees only the features before i.

$$ h_1 = a((M_1 \odot W_1)\, x + b_1 + C c), \qquad h_l = a((M_l \odot W_l)\, h_{l-1} + b_l), \qquad
   o = (M \odot W)\, h_L + b $$

The masks M cut every path from a feature to what belongs to itself or to an earlier one. The
context c comes before all features, so C has no mask.

Source: Germain et al. 2015, "MADE: Masked Autoencoder for Distribution Estimation".
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vae_course.checks import require_count, require_shape
from vae_course.flows.masks import autoregressive_masks, check_autoregressive, degrees


class MaskedLinear(nn.Linear):
    """A linear layer some of whose weights do not count."""

    def __init__(self, mask: Tensor):
        super().__init__(mask.shape[1], mask.shape[0])
        self.register_buffer("mask", mask.to(self.weight.dtype), persistent=False)

    def masked_weight(self) -> Tensor:
        return self.weight * self.mask

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.masked_weight(), self.bias)


class MADE(nn.Module):
    """`(..., features)` to `(..., outputs_per_feature, features)`, with an optional context.

    features:            how many inputs D
    hidden:              sizes of the hidden layers, at least one; their units are sorted by degree
    outputs_per_feature: how many numbers there are for each feature
    ordering:            the features in the order in which they come; 0 … D - 1 if not given
    context_features:    size c of a context `(..., c)`, whose batch axes broadcast

    The outputs start near zero: a layer that reads zeros as the identity starts near the identity,
    and still passes a gradient to every weight.
    """

    def __init__(
        self, features: int, hidden, outputs_per_feature: int, ordering=None, context_features=0
    ):
        super().__init__()
        self.features = require_count("features", features)
        self.outputs_per_feature = require_count("outputs_per_feature", outputs_per_feature)
        self.context_features = require_count("context_features", context_features, least=0)
        self.hidden = require_shape("hidden", hidden)
        self.ordering = tuple(range(features) if ordering is None else ordering)
        with_context = context_features > 0
        masks = autoregressive_masks(
            features, self.hidden, outputs_per_feature, self.ordering, with_context
        )
        check_autoregressive(masks, self.ordering)
        self.layers = nn.ModuleList(MaskedLinear(mask) for mask in masks)
        self.context = (
            nn.Linear(context_features, self.hidden[0], bias=False) if with_context else None
        )
        start_near_zero(self.layers[-1])
        self.hidden_degrees = degrees(features, self.hidden, self.ordering, with_context)[1:]

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        first, *others = self.layers
        h = first.forward(x)  # not `first(x)`: what a call of a module adds is felt here
        if self.context is not None:
            h = h + self.context(context)
        for layer in others:
            h = layer.forward(h.relu_())  # in place: memory is what limits a flow's speed
        return h.view(*h.shape[:-1], self.outputs_per_feature, self.features)


def start_near_zero(layer: nn.Linear, share: float = 0.1) -> None:
    """Shrink a network's last layer, so that what it gives starts near zero."""
    with torch.no_grad():
        layer.weight.mul_(share)
        layer.bias.zero_()
