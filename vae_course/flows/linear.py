r"""Linear layers: scale each feature, exchange features, multiply by an invertible matrix.

$$ y = A x + t, \qquad \log|\det J| = \log|\det A| $$

A diagonal or triangular matrix has its determinant on the diagonal. A permutation has |det| = 1. A
product of a lower and an upper triangular matrix mixes all features and is still cheap.

Source: Papamakarios et al. 2021, section 3.2; the LU form follows Kingma & Dhariwal 2018 (Glow).
"""

import torch
from torch import Tensor, nn

from vae_course.checks import require, require_count
from vae_course.flows.transform import Transform


class ElementwiseAffine(Transform):
    r"""$y_i = x_i e^{s_i} + t_i$, log |det J| = Σ s_i. It begins as the identity."""

    def __init__(self, features: int):
        super().__init__()
        require_count("features", features)
        self.log_scale = nn.Parameter(torch.zeros(features))
        self.shift = nn.Parameter(torch.zeros(features))

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        y = torch.addcmul(self.shift, x, self.log_scale.exp())
        return y, self.log_scale.sum().expand(x.shape[:-1])

    def inverse(self, y: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        x = (y - self.shift) * torch.exp(-self.log_scale)
        return x, -self.log_scale.sum().expand(y.shape[:-1])


class Permutation(Transform):
    """`y = x[..., order]`: the features in another order. It keeps volumes.

    Permutation.reverse(n):  the last feature first
    Permutation.random(n):   an order drawn once, when the layer is made
    """

    def __init__(self, order):
        super().__init__()
        order = torch.as_tensor(order)
        require(
            order.dim() == 1 and sorted(order.tolist()) == list(range(len(order))),
            f"order is {order.tolist()}, needs each of 0 … n-1 once",
        )
        self.register_buffer("order", order)
        self.register_buffer("inverse_order", order.argsort())

    @classmethod
    def reverse(cls, features: int) -> "Permutation":
        return cls(torch.arange(require_count("features", features)).flip(0))

    @classmethod
    def random(cls, features: int) -> "Permutation":
        return cls(torch.randperm(require_count("features", features)))

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return x.index_select(-1, self.order), x.new_zeros(()).expand(x.shape[:-1])

    def inverse(self, y: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return y.index_select(-1, self.inverse_order), y.new_zeros(()).expand(y.shape[:-1])


class LULinear(Transform):
    r"""$y = L U x + t$, with L unit lower triangular and U upper triangular.

    $$ \log|\det J| = \sum_i \log U_{ii}, \qquad x = U^{-1} L^{-1} (y - t) $$

    One matrix `lu` holds everything that is learned: L below its diagonal, U above, and log U_ii on
    it, so that U cannot become singular. The inverse is two triangular solves. It begins as the
    identity. Not every matrix has such a form: put a `Permutation` before it for the others.
    """

    def __init__(self, features: int):
        super().__init__()
        require_count("features", features)
        self.lu = nn.Parameter(torch.zeros(features, features))
        self.shift = nn.Parameter(torch.zeros(features))

    def lower(self) -> Tensor:
        """L, `(n, n)`."""
        return self.lu.tril(-1) + torch.eye(
            len(self.lu), dtype=self.lu.dtype, device=self.lu.device
        )

    def upper(self) -> Tensor:
        """U, `(n, n)`, with a positive diagonal."""
        return self.lu.triu(1) + self.lu.diagonal().exp().diag()

    def weight(self) -> Tensor:
        """The matrix of the whole map, L U."""
        return self.lower() @ self.upper()

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        y = nn.functional.linear(x, self.weight(), self.shift)
        return y, self.lu.diagonal().sum().expand(x.shape[:-1])

    def inverse(self, y: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        # Events are rows: y - t = x (L U)ᵀ = x Uᵀ Lᵀ is solved for x from the right.
        rows = (y - self.shift).reshape(-1, y.shape[-1])
        rows = torch.linalg.solve_triangular(self.lower().mT, rows, upper=True, left=False)
        rows = torch.linalg.solve_triangular(self.upper().mT, rows, upper=False, left=False)
        return rows.reshape(y.shape), -self.lu.diagonal().sum().expand(y.shape[:-1])
