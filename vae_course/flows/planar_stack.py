r"""K planar layers as one transform: what all of them need is computed once.

$$ z_k = z_{k-1} + \hat u_k\, h_k, \qquad h_k = \tanh(w_k^\top z_{k-1} + b_k), \qquad
   \log|\det J| = \sum_{k=1}^K \log\big(1 + (1 - h_k^2)\, w_k^\top \hat u_k\big) $$

The same map as K layers of `Planar`, one after the other. Only two steps of each layer have to wait
for the layer before: h and the sum. Everything else is done for all layers at once, so that a flow
of many small layers is not slower than it must be.

Source: Rezende & Mohamed 2015, section 4.1.
"""

import torch
from torch import Tensor, nn

from vae_course.checks import require_count
from vae_course.flows.planar_radial import invertible, log_slope, solve
from vae_course.flows.transform import Transform


class PlanarLayers(Transform):
    """Planar layers with numbers from `parameters_at(context)`; the first is next to the noise."""

    layers: int

    def parameters_at(self, context: Tensor | None) -> tuple[Tensor, ...]:
        """w and û `(..., K, d)`, b and m = wᵀû `(..., K)`: batch axes of the context, if any."""
        raise NotImplementedError

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        w, u, b, m = self.parameters_at(context)
        heights = []
        if w.dim() == 2 and x.dim() == 2:  # the same numbers for all, in fewer operations
            for w_k, u_k, b_k in zip(w.unbind(), u.unbind(), b.unbind(), strict=True):
                h = torch.addmv(b_k, x, w_k).tanh()
                x = torch.addr(x, h, u_k)
                heights.append(h)
        else:
            for k in range(self.layers):
                h = torch.tanh((w[..., k, :] * x).sum(-1) + b[..., k])
                x = x + u[..., k, :] * h.unsqueeze(-1)
                heights.append(h)
        return x, log_slope(torch.stack(heights, -1), m).sum(-1)

    def inverse(self, y: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        w, u, b, m = self.parameters_at(context)
        heights = []
        for k in reversed(range(self.layers)):
            h = torch.tanh(solve((w[..., k, :] * y).sum(-1) + b[..., k], m[..., k]))
            y = y - u[..., k, :] * h.unsqueeze(-1)
            heights.insert(0, h)
        return y, -log_slope(torch.stack(heights, -1), m).sum(-1)


class PlanarStack(PlanarLayers):
    """`layers` planar layers of vectors `(..., features)`, with parameters of their own.

    w and u are `(K, d)`, b is `(K,)`. With `context_features`, an affine function of the context
    gives them.
    """

    def __init__(self, features: int, layers: int, context_features: int = 0):
        super().__init__()
        self.features = require_count("features", features)
        self.layers = require_count("layers", layers)
        require_count("context_features", context_features, least=0)
        self.w = nn.Parameter(torch.randn(layers, features) / features**0.5)
        self.u = nn.Parameter(0.1 * torch.randn(layers, features))
        self.b = nn.Parameter(torch.zeros(layers))
        self.from_context = None
        if context_features:
            numbers = layers * (2 * features + 1)
            self.from_context = nn.Linear(context_features, numbers, bias=False)
            nn.init.normal_(self.from_context.weight, std=0.01)

    def parameters_at(self, context: Tensor | None) -> tuple[Tensor, ...]:
        w, u, b = self.w, self.u, self.b
        if self.from_context is not None:
            moves = split_numbers(self.from_context(context), self.layers, self.features)
            w, u, b = w + moves[0], u + moves[1], b + moves[2]
        u, m = invertible(w, u)
        return w, u, b, m


def split_numbers(numbers: Tensor, layers: int, features: int) -> tuple[Tensor, Tensor, Tensor]:
    """`(..., K (2d + 1))` as w and u `(..., K, d)` and b `(..., K)`."""
    numbers = numbers.unflatten(-1, (layers, 2 * features + 1))
    u, w, b = numbers.split([features, features, 1], -1)
    return w, u, b.squeeze(-1)
