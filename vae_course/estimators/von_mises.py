r"""The von Mises distribution, the Gaussian of the circle, with implicit gradients.

$$ q(z) = \frac{e^{\kappa \cos(z - \mu)}}{2\pi I_0(\kappa)}, \qquad
   \frac{\partial z}{\partial \mu} = 1, \qquad
   \frac{\partial z}{\partial \kappa} = -\int_0^u e^{\kappa (\cos t - \cos u)}
   \big(\cos t - A(\kappa)\big)\, dt, \quad u = z - \mu $$

with $A = I_1/I_0$, the mean of cos t. The bracket is the score of κ. Half of the mass lies left of
the centre whatever κ is, so the integral may start there. In the tail we integrate from u to π
instead, with the opposite sign: the whole from 0 to π is zero, and the difference of two large
numbers is avoided.

f must be a function on the circle: f(z) = f(z + 2π). Otherwise it has a jump where the circle is
cut, and no pathwise gradient sees a jump.

Source: Figurnov, Mohamed & Mnih 2018.
"""

import math

import numpy as np
import torch
from torch import Tensor
from torch.distributions import VonMises

NODES = 32
NEGLIGIBLE = 40.0  # e^-40 of the largest value is below the rounding of float64


@torch.no_grad()
def von_mises_sample_gradient(u: Tensor, concentration: Tensor) -> Tensor:
    """∂z/∂κ = -(∂F/∂κ)/q(z) at u = z - μ in [-π, π]; the arguments broadcast."""
    u, kappa = torch.broadcast_tensors(u, concentration)
    distance, cosine = u.abs(), u.cos()
    in_tail = kappa * (1 - cosine) > 1
    # Where to stop: at the centre, or where e^{κ (cos t - cos u)} is negligible.
    far = (cosine - NEGLIGIBLE / kappa).clamp_min(-1).acos()
    stop = torch.where(in_tail, far, torch.zeros_like(u))
    points, weights = (  # Gauss-Legendre, on [0, 1]
        torch.as_tensor(values, dtype=u.dtype, device=u.device)
        for values in np.polynomial.legendre.leggauss(NODES)
    )
    points, weights = (points + 1) / 2, weights / 2
    t = distance[..., None] + (stop - distance)[..., None] * points
    ratio = (kappa[..., None] * (t.cos() - cosine[..., None])).exp()
    mean_cosine = torch.special.i1e(kappa) / torch.special.i0e(kappa)
    integral = (weights * ratio * (t.cos() - mean_cosine[..., None])).sum(-1)
    # From u to 0 and from u to π both have the sign that is wanted.
    return torch.sign(u) * (stop - distance) * integral


class ImplicitVonMises(VonMises):
    """von Mises(loc μ, concentration κ) on [-π, π), with implicit gradients in both."""

    has_rsample = True

    def rsample(self, sample_shape=()) -> Tensor:
        with torch.no_grad():
            u = _wrap(VonMises.sample(self, sample_shape) - self.loc)
            slope = von_mises_sample_gradient(u, self.concentration)
        kappa = self.concentration
        return _wrap(self.loc + u + (kappa - kappa.detach()) * slope)

    def sample(self, sample_shape=()) -> Tensor:
        return VonMises.sample(self, sample_shape)


def _wrap(angle: Tensor) -> Tensor:
    return (angle + math.pi) % (2 * math.pi) - math.pi
