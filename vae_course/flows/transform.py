r"""What every layer of a flow can do: map both ways, and say how much it stretches space.

$$ y = f(x), \qquad \log\Big|\det \frac{\partial f}{\partial x}\Big|, \qquad
   x = f^{-1}(y), \qquad \log\Big|\det \frac{\partial f^{-1}}{\partial y}\Big| $$

`forward` is the direction from noise to data, `inverse` that from data to noise. Each gives its
value and its logarithm together, because most of the work is the same.

Source: Papamakarios et al. 2021, "Normalizing Flows for Probabilistic Modeling and Inference".
"""

from torch import Tensor, nn


class Transform(nn.Module):
    """An invertible map of events with `event_dims` axes: 1 for vectors, 3 for images (C, H, W).

    `forward(x, context)` gives y and log |det ∂y/∂x|, `inverse(y, context)` gives x and
    log |det ∂x/∂y|. Both logarithms have the batch shape, `x.shape[:-event_dims]`, and are in nats.
    `context`, `(..., c)` with batch axes that broadcast, is what the map may depend on; a transform
    that depends on nothing else ignores it.
    """

    event_dims = 1

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        raise NotImplementedError

    def inverse(self, y: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        raise NotImplementedError


class Inverse(Transform):
    """The same map the other way round: `forward` is what `inverse` was."""

    def __init__(self, transform: Transform):
        super().__init__()
        self.transform = transform
        self.event_dims = transform.event_dims

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self.transform.inverse(x, context)

    def inverse(self, y: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self.transform(y, context)


class Composition(Transform):
    r"""$f_K \circ \dots \circ f_1$: the first of the list is applied first.

    $$ \log|\det J| = \sum_k \log|\det J_k|, \qquad
       (f_K \circ \dots \circ f_1)^{-1} = f_1^{-1} \circ \dots \circ f_K^{-1} $$

    The Jacobians add up in any order, each at its own point; the inverses come in reverse order.
    """

    def __init__(self, transforms):
        super().__init__()
        self.transforms = nn.ModuleList(transforms)
        if len(self.transforms) == 0:
            raise ValueError("transforms is empty, needs at least one")
        self.event_dims = self.transforms[0].event_dims

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        total = 0
        for transform in self.transforms:
            x, log_det = transform(x, context)
            total = total + log_det
        return x, total

    def inverse(self, y: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        total = 0
        for transform in reversed(self.transforms):
            y, log_det = transform.inverse(y, context)
            total = total + log_det
        return y, total
