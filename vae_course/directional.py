r"""Latents on a sphere: the von Mises–Fisher distribution and the uniform one.

The von Mises–Fisher distribution is the Gaussian of the unit sphere in d dimensions. With a
direction μ and a concentration κ ≥ 0,

$$ q(z) = \frac{\kappa^\nu}{(2\pi)^{d/2} I_\nu(\kappa)}\, e^{\kappa\, \mu^\top z}, \qquad
   \nu = \tfrac d2 - 1, \qquad \|\mu\| = \|z\| = 1 $$

At κ = 0 it is uniform. Towards the uniform prior its divergence has a closed form,

$$ \mathrm{KL} = \kappa A(\kappa) - \log m_0(\kappa), \qquad A = I_{d/2}/I_{d/2-1}, \qquad
   m_0(\kappa) = \Gamma(d/2)\, (2/\kappa)^\nu\, I_\nu(\kappa) $$

with A the length of the mean of z and m_0 the mean of e^{κ t} under the uniform law. How the two
are computed, for any κ and d, is in `vae_course.cosine_law`; networks that give such a q for each x
are in `vae_course.directional_posteriors`.

Sources: Davidson et al. 2018, "Hyperspherical Variational Auto-Encoders"; Wood 1994; Naesseth et
al. 2017 (the correction); Figurnov, Mohamed & Mnih 2018 (implicit gradients).
"""

import math

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints, register_kl
from torch.nn.functional import normalize

from vae_course.checks import require, require_count
from vae_course.cosine_law import draw_noise, log_mean_and_gap, log_ratio, mode, sample_gradient


def log_area(dimension: int) -> float:
    r"""Logarithm of the area of the unit sphere of d-vectors, $2 \pi^{d/2} / \Gamma(d/2)$."""
    return math.log(2) + dimension / 2 * math.log(math.pi) - math.lgamma(dimension / 2)


class HypersphericalUniform(Distribution):
    """The uniform distribution on the unit sphere of vectors with `dimension` components."""

    arg_constraints = {}
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, dimension: int, dtype=None, device=None):
        require_count("dimension", dimension, least=2)
        self.centre = torch.zeros(dimension, dtype=dtype, device=device)  # knows dtype and device
        super().__init__(torch.Size(), torch.Size([dimension]), validate_args=False)

    def expand(self, batch_shape, _instance=None):
        new = self._get_checked_instance(HypersphericalUniform, _instance)
        new.centre = self.centre
        super(HypersphericalUniform, new).__init__(
            torch.Size(batch_shape), self.event_shape, validate_args=False
        )
        return new

    def log_prob(self, value: Tensor) -> Tensor:
        shape = torch.broadcast_shapes(value.shape[:-1], self.batch_shape)
        return value.new_full(shape, -log_area(len(self.centre)))

    def entropy(self) -> Tensor:
        return self.centre.new_full(self.batch_shape, log_area(len(self.centre)))

    def rsample(self, sample_shape=()) -> Tensor:
        shape = self._extended_shape(torch.Size(sample_shape))
        noise = torch.randn(shape, dtype=self.centre.dtype, device=self.centre.device)
        return normalize(noise, dim=-1)


class VonMisesFisher(Distribution):
    """vMF with direction `loc`, `(..., d)` of length one, and `concentration` κ ≥ 0, `(...)`.

    Gradients of `rsample` are unbiased and first derivatives only. In κ the draw keeps its rank
    among all draws (implicit reparameterisation); when `loc` turns, the draw turns with it. The
    two need nothing but f'(z), so every objective may use them. `rsample_and_correction` is the
    gradient through the rejection sampler, which needs f(z) as well.

    Only derivatives along the sphere mean anything: `loc` and z have no other direction to go.
    """

    arg_constraints = {
        "loc": constraints.real_vector,
        "concentration": constraints.nonnegative,
    }
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, loc: Tensor, concentration: Tensor, validate_args=None):
        require(
            loc.dim() >= 1 and loc.shape[-1] >= 2,
            f"loc has shape {tuple(loc.shape)}, needs (..., d) with d >= 2",
        )
        concentration = torch.as_tensor(concentration, dtype=loc.dtype, device=loc.device)
        batch_shape = torch.broadcast_shapes(loc.shape[:-1], concentration.shape)
        self.loc = loc.expand(*batch_shape, loc.shape[-1])
        self.concentration = concentration.expand(batch_shape)
        super().__init__(batch_shape, loc.shape[-1:], validate_args=validate_args)

    @property
    def dimension(self) -> int:
        return self.event_shape[0]

    def expand(self, batch_shape, _instance=None):
        return VonMisesFisher(
            self.loc.expand(*batch_shape, self.dimension),
            self.concentration.expand(batch_shape),
            validate_args=False,
        )

    @property
    def mean(self) -> Tensor:
        """A(κ) μ: inside the ball, not on the sphere."""
        return (1 - self._log_mean_and_gap()[1])[..., None] * self.loc

    @property
    def mode(self) -> Tensor:
        return self.loc

    def _log_mean_and_gap(self) -> tuple[Tensor, Tensor]:
        return log_mean_and_gap(self.concentration, self.dimension)

    def log_prob(self, value: Tensor) -> Tensor:
        """log-density against the area of the sphere, in nats, for `value` of length one."""
        # κ (1 - cos) by the chord: at κ = 1e5 one minus a rounded cosine has no digits left.
        gap = (value - self.loc).square().sum(-1) / 2
        return -self.concentration * gap - self._log_mean_and_gap()[0] - log_area(self.dimension)

    def entropy(self) -> Tensor:
        return log_area(self.dimension) - _kl_from_uniform(self)

    def rsample(self, sample_shape=()) -> Tensor:
        """Draw `(*sample_shape, *batch_shape, d)`."""
        kappa = self.concentration
        with torch.no_grad():
            shape = torch.Size(sample_shape) + self.batch_shape
            y = draw_noise(kappa, self.dimension, shape) + mode(kappa, self.dimension)
            slope = sample_gradient(y, kappa, self.dimension) if kappa.requires_grad else 0
        return self._on_the_sphere(y + (kappa - kappa.detach()) * slope)

    def sample(self, sample_shape=()) -> Tensor:
        with torch.no_grad():
            return self.rsample(sample_shape)

    def rsample_and_correction(self, sample_shape=()) -> tuple[Tensor, Tensor]:
        r"""Draws whose gradient in κ goes through the sampler, and what that gradient leaves out.

        Which proposals are accepted depends on κ too. With c the second result, zero in value,

        $$ \nabla\, \mathbb E[f(z)] = \mathbb E\big[\nabla f(z) + f(z)\, \nabla c\big], \qquad
           \nabla c = \nabla_\kappa \log \frac{q(\varepsilon + y_0(\kappa); \kappa)}
                                              {r(\varepsilon + y_0(\kappa); \kappa)} $$

        so that `f(z) + f(z).detach() * c` has an unbiased gradient. Naesseth et al. 2017.
        """
        kappa = self.concentration
        shape = torch.Size(sample_shape) + self.batch_shape
        y = draw_noise(kappa.detach(), self.dimension, shape) + mode(kappa, self.dimension)
        ratio = log_ratio(y, kappa, self.dimension) - self._log_mean_and_gap()[0]
        return self._on_the_sphere(y), ratio - ratio.detach()

    def _on_the_sphere(self, y: Tensor) -> Tensor:
        """tanh(y) μ + v / cosh(y) with v uniform among the unit vectors at right angles to μ."""
        with torch.no_grad():
            centre = self.loc
            noise = torch.randn(*y.shape, self.dimension, dtype=y.dtype, device=y.device)
            across = normalize(noise - (noise * centre).sum(-1, keepdim=True) * centre, dim=-1)
        z = y.tanh()[..., None] * centre.detach() + across / y.cosh()[..., None]
        # As loc turns from μ to μ + dμ, the rotation that takes it there takes z along:
        # dz = (μ·z) dμ - (dμ·z) μ.
        turn = self.loc - centre.detach()
        fixed, centre = z.detach(), centre.detach()
        along = (fixed * centre).sum(-1, keepdim=True)
        return z + along * turn - (turn * fixed).sum(-1, keepdim=True) * centre


def _kl_from_uniform(q: VonMisesFisher) -> Tensor:
    log_mean, mean_gap = q._log_mean_and_gap()
    return -q.concentration * mean_gap - log_mean


@register_kl(VonMisesFisher, HypersphericalUniform)
def _kl_von_mises_fisher_uniform(q: VonMisesFisher, p: HypersphericalUniform) -> Tensor:
    """KL to the uniform law, in nats, of shape `batch_shape`."""
    require(q.event_shape == p.event_shape, f"q has {q.dimension} components, p {len(p.centre)}")
    return _kl_from_uniform(q)
