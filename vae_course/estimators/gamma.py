r"""The Gamma distribution with implicit gradients, the distribution function differentiated by us.

$$ q(z) = \frac{z^{\alpha-1} e^{-z}}{\Gamma(\alpha)}, \qquad
   \frac{\partial z}{\partial \alpha} = -\frac{1}{q(z)} \frac{\partial}{\partial \alpha}
   \int_0^z q(t)\, dt = -\int_0^z \frac{q(t)}{q(z)} \big(\log t - \psi(\alpha)\big)\, dt $$

The bracket is the score of α. Its mean is zero, so the integral from 0 to z is minus the one from z
to ∞, and we take the side on which q falls. With t = z e^{∓v} the ratio is largest at v = 0,

$$ \frac{q(t)\,t}{q(z)\,z} = e^{h(v)}, \qquad h(v) = \mp \alpha v - z (e^{\mp v} - 1) \le 0. $$

A rate β only divides: z/β. The draws themselves are torch's, which rejects proposals (Marsaglia &
Tsang 2000); torch also has a gradient for them, and the tests compare ours with it.

Source: Figurnov, Mohamed & Mnih 2018.
"""

import math

import torch
from torch import Tensor
from torch.distributions import Gamma

NODES = 64
NEGLIGIBLE = 40.0  # e^-40 = 4e-18 of the largest value: below the rounding of float64


def crowded_nodes(like: Tensor) -> tuple[Tensor, Tensor]:
    r"""Points in (0, 1] that crowd towards zero, and weights: `(weights * f(points)).sum()`.

    The trapezium rule in y for $v = c \exp(y - e^{-y})$. It sees all scales of v: the integrand may
    change over distances of one, or of a hundredth.
    """
    y = torch.linspace(-3.8, math.log(NEGLIGIBLE), NODES, dtype=like.dtype, device=like.device)
    v = (y - (-y).exp()).exp()
    weights = v * (1 + (-y).exp()) * (y[1] - y[0])
    return v / v[-1], weights / v[-1]


@torch.no_grad()
def gamma_sample_gradient(z: Tensor, concentration: Tensor) -> Tensor:
    """∂z/∂α = -(∂F/∂α)/q(z) of a Gamma(α, 1) at the draw z; the arguments broadcast."""
    z, alpha = torch.broadcast_tensors(z, concentration)
    sign = torch.where(z <= alpha, -1.0, 1.0).to(z.dtype)  # the side on which q falls
    # Beyond v = reach, h(v) < -40. It follows from h(v) <= -α (e^{±v} - 1 ∓ v).
    c = NEGLIGIBLE / alpha
    reach = torch.where(sign < 0, c + (2 * c).sqrt(), torch.log1p(c + (2 * c).sqrt()))
    nodes, weights = crowded_nodes(z)
    v = sign[..., None] * reach[..., None] * nodes
    ratio = (alpha[..., None] * v - z[..., None] * torch.expm1(v)).exp()
    score = z[..., None].log() + v - torch.digamma(alpha)[..., None]
    return sign * z * reach * (weights * ratio * score).sum(-1)


class ImplicitGamma(Gamma):
    """Gamma(concentration α, rate β) whose `rsample` has implicit gradients in both.

    In float32, draws for α below about 0.1 may be too small to be told from zero.
    """

    def rsample(self, sample_shape=()) -> Tensor:
        with torch.no_grad():
            z = super().rsample(sample_shape) * self.rate  # torch's draw, of Gamma(α, 1)
            z = z.clamp_min(torch.finfo(z.dtype).tiny)  # its logarithm is needed
            slope = gamma_sample_gradient(z, self.concentration)
        z = z + (self.concentration - self.concentration.detach()) * slope
        return z / self.rate
