r"""Planar and radial layers: bend space along one direction, or around one point.

$$ f(z) = z + u \tanh(w^\top z + b), \qquad
   \det J = 1 + (1 - \tanh^2)\, w^\top u $$

$$ f(z) = z + \frac{\beta}{\alpha + r}(z - c), \quad r = \|z - c\|, \qquad
   \det J = \Big(1 + \frac{\beta}{\alpha + r}\Big)^{d-1}
            \Big(1 + \frac{\alpha \beta}{(\alpha + r)^2}\Big) $$

A determinant of cost O(d), because J is the identity plus a matrix of rank one (or a multiple of
it). The planar map is invertible if wᵀu > -1, the radial one if β > -α. Both are enforced.

Source: Rezende & Mohamed 2015, section 4.1 and appendix A.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import elu

from vae_course.checks import require_count
from vae_course.flows.transform import Transform

FLATTEST = 0.999  # m stays above -FLATTEST
NEWTON_STEPS = 16


class Planar(Transform):
    r"""$z + \hat u \tanh(w^\top z + b)$, where $\hat u$ is u moved along w until $w^\top\hat u > -1$.

    $$ \hat u = u + (m - w^\top u)\, \frac{w}{\|w\|^2}, \qquad
       m = w^\top \hat u = \begin{cases} w^\top u & w^\top u \ge 0 \\
       0.999\,(e^{w^\top u} - 1) & \text{otherwise} \end{cases} $$

    The paper has log(1 + exp(wᵀu)) - 1 for m. That does the same, but moves every u: its u = 0 is
    not the identity. And no slope here is below 0.001, so that single precision can still invert.
    With `context_features`, an affine function of the context gives w, u and b.
    The inverse has no formula: it is the root of one scalar equation, found to machine precision,
    and has exact first derivatives.
    """  # noqa: E501

    def __init__(self, features: int, context_features: int = 0):
        super().__init__()
        self.features = require_count("features", features)
        require_count("context_features", context_features, least=0)
        self.w = nn.Parameter(torch.randn(features) / features**0.5)
        self.u = nn.Parameter(0.1 * torch.randn(features))
        self.b = nn.Parameter(torch.zeros(()))
        self.from_context = None
        if context_features:
            self.from_context = nn.Linear(context_features, 2 * features + 1, bias=False)
            nn.init.normal_(self.from_context.weight, std=0.01)

    def parameters_at(self, context: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """w and û, `(..., d)`; b and m, `(...)`: batch axes of the context, if there is one."""
        w, u, b = self.w, self.u, self.b
        if self.from_context is not None:
            moves = self.from_context(context).split([self.features, self.features, 1], -1)
            w, u, b = w + moves[0], u + moves[1], b + moves[2].squeeze(-1)
        u, m = invertible(w, u)
        return w, u, b, m

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        w, u, b, m = self.parameters_at(context)
        h = torch.tanh((z * w).sum(-1) + b)
        return z + h.unsqueeze(-1) * u, log_slope(h, m)

    def inverse(self, y: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        w, u, b, m = self.parameters_at(context)
        # wᵀy + b = a + m tanh a has one unknown, a = wᵀz + b.
        h = torch.tanh(solve((y * w).sum(-1) + b, m))
        return y - h.unsqueeze(-1) * u, -log_slope(h, m)


def invertible(w: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    """û, which is u moved along w, and m = wᵀû > -1: `(..., d)` and `(...)`."""
    product = (w * u).sum(-1)
    m = elu(product, FLATTEST)
    # Where w is zero, m = wᵀu = 0, and nothing is moved.
    along = (m - product) / w.square().sum(-1).clamp_min(torch.finfo(w.dtype).tiny)
    return torch.addcmul(u, along.unsqueeze(-1), w), m


def log_slope(h: Tensor, m: Tensor) -> Tensor:
    """log(1 + m (1 - h²)): log det J, and the logarithm of the slope of a + m tanh a."""
    return torch.addcmul(m, m * h, h, value=-1).log1p()


def solve(r: Tensor, m: Tensor) -> Tensor:
    r"""The root a of $a + m \tanh a = r$ for m > -1: elementwise, differentiable.

    The left side is odd and increasing, and for a > 0 concave (m > 0) or convex (m < 0). Newton's
    method comes to such a root from one side and never leaps over it, if it begins left of it
    (m > 0) or right of it (m < 0). The number of steps is fixed: no look at the numbers, so no
    wait for the device. The last step is taken with gradients, which by the implicit function
    theorem makes the first derivatives of a exact.
    """
    with torch.no_grad():
        size = r.abs()
        # m > 0: a ≥ r/(1 + m), since tanh a ≤ a; and a ≥ r - m, since tanh a ≤ 1. For m < 0 both
        # are bounds from above; there a³/5 ≤ a - tanh a for a ≤ 1 gives a third, for m near -1.
        linear, far = size / (1 + m), size - m
        cubic = (5 * size / m.abs().clamp_min(0.1)).pow(1 / 3)
        above = torch.minimum(linear, far)
        above = torch.where(cubic <= 1, torch.minimum(above, cubic), above)
        a = torch.where(m > 0, torch.maximum(linear, far), above)
        for _ in range(NEWTON_STEPS):
            a = a - newton_step(a, size, m)
        a = torch.copysign(a, r)
    return a - newton_step(a, r, m)


def newton_step(a: Tensor, r: Tensor, m: Tensor) -> Tensor:
    """The difference of the two sides over the slope; gradients pass through the first only."""
    h = torch.tanh(a)
    return (a + m * h - r) / (1 + m * (1 - h * h)).detach()


class Radial(Transform):
    r"""$z + \beta (z - c)/(\alpha + r)$: pushes away from c (β > 0) or pulls towards it (β < 0).

    $\alpha = e^{a}$ and $\beta = \alpha m$, with a = `log_alpha` free and m made from `strength` as
    in `Planar`, so that m > -1. At strength 0 it is the identity. Its inverse is the root of a
    quadratic equation for r.
    """

    def __init__(self, features: int):
        super().__init__()
        self.features = require_count("features", features)
        self.centre = nn.Parameter(torch.randn(features))
        self.log_alpha = nn.Parameter(torch.zeros(()))
        self.strength = nn.Parameter(0.1 * torch.randn(()))

    def stretch(self, r: Tensor) -> tuple[Tensor, Tensor]:
        """1 + β/(α + r), by which the radius is multiplied, and log |det J|."""
        alpha = self.log_alpha.exp()
        m, near = elu(self.strength, FLATTEST), alpha / (alpha + r)
        log_det = (self.features - 1) * (m * near).log1p() + (m * near.square()).log1p()
        return 1 + m * near, log_det

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        offset = z - self.centre
        stretch, log_det = self.stretch(torch.linalg.vector_norm(offset, dim=-1))
        return self.centre + offset * stretch.unsqueeze(-1), log_det

    def inverse(self, y: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        offset = y - self.centre
        size = torch.linalg.vector_norm(offset, dim=-1)
        alpha = self.log_alpha.exp()
        # size = r (1 + β/(α + r)), so r² + p r - α size = 0 with p = α + β - size.
        p = alpha * (1 + elu(self.strength, FLATTEST)) - size
        root = (p * p + 4 * alpha * size).sqrt()
        # Of the two forms of the positive root, the one that does not subtract near-equals.
        r = torch.where(p > 0, 2 * alpha * size / (root + p), (root - p) / 2)
        stretch, log_det = self.stretch(r)
        return self.centre + offset / stretch.unsqueeze(-1), -log_det
