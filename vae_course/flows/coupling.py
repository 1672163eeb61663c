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
        self.bent, self.stay = places(mask), places(~mask)
        bent = int(mask.sum())
        self.net = Conditioner(
            len(mask) - bent, hidden, self.elementwise.parameters * bent, context_features
        )

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self.bend(self.elementwise.forward, x, context)

    def inverse(self, y: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self.bend(self.elementwise.inverse, y, context)

    def bend(self, bend, values: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        stay, bent = values[..., self.stay], values[..., self.bent]
        params = self.net(stay, context)
        params = params.view(*params.shape[:-1], self.elementwise.parameters, bent.shape[-1])
        bent, log_derivative = bend(bent, params)
        return self.put_together(values, bent), log_derivative.sum(-1)

    def put_together(self, values: Tensor, bent: Tensor) -> Tensor:
        """`values` with the bent features in their places."""
        values = values.expand(*bent.shape[:-1], -1)
        if isinstance(self.bent, slice) and self.bent.step == 1:  # a block, as in Real NVP
            before, after = values[..., : self.bent.start], values[..., self.bent.stop :]
            return torch.cat([before, bent, after], -1)
        result = values.clone()
        result[..., self.bent] = bent
        return result


def places(mask: Tensor) -> slice | list[int]:
    """Where the mask is true: a slice, which takes no time, if the places are evenly spaced."""
    where = mask.nonzero().squeeze(-1).tolist()
    steps = {b - a for a, b in itertools.pairwise(where)} or {1}
    if len(steps) > 1:
        return where
    return slice(where[0], where[-1] + 1, steps.pop())


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
