r"""Two distributions and a KL divergence that torch.distributions does not have, or not so far out.

The continuous Bernoulli with logit l has the density (Loaiza-Ganem & Cunningham 2019)

$$ p(x) = C(l)\, \lambda^x (1-\lambda)^{1-x}, \quad x \in [0, 1], \quad \lambda = S(l), \quad
   C(l) = \frac{l}{\tanh(l/2)}, \quad C(0) = 2. $$

torch has it too, but computes C from a λ that it keeps off 0 and 1: for |l| > 16 in float32, and
a decoder of black pixels goes there, its density no longer integrates to one.

The discretised logistic gives each of K grey levels the mass that a logistic distribution puts
on its bin (Kingma et al. 2016, "Improved variational inference with inverse autoregressive
flow"; Salimans et al. 2017, "PixelCNN++"):

$$ P(x_k) = S\big((x_k + h - \mu)/s\big) - S\big((x_k - h - \mu)/s\big),
   \quad S(u) = 1/(1+e^{-u}) $$

with levels $x_k = k/(K-1)$, half-width $h = 1/(2(K-1))$, and the two tails added to the first
and the last level, so that the masses sum to one.
"""

from math import log

import torch
from torch import Tensor
from torch.distributions import (
    Distribution,
    Independent,
    MultivariateNormal,
    Normal,
    constraints,
    register_kl,
)
from torch.distributions.utils import broadcast_all
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid


class ContinuousBernoulli(Distribution):
    """Density on [0, 1] that is proportional to `exp(logits * x)`, from any finite logits."""

    arg_constraints = {"logits": constraints.real}
    support = constraints.unit_interval

    def __init__(self, logits, validate_args=None):
        (self.logits,) = broadcast_all(logits)
        super().__init__(self.logits.shape, validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        new = self._get_checked_instance(ContinuousBernoulli, _instance)
        new.logits = self.logits.expand(batch_shape)
        super(ContinuousBernoulli, new).__init__(batch_shape, validate_args=False)
        return new

    def _half_logits(self) -> tuple[Tensor, Tensor, Tensor]:
        """h = l/2; where it is too small to divide by; and h with ones in those places."""
        half = self.logits / 2
        small = half.abs() < 0.01
        return half, small, torch.where(small, torch.ones_like(half), half)

    def log_prob(self, value: Tensor) -> Tensor:
        half, small, safe = self._half_logits()
        # log C = log 2 + log(h / tanh h); around zero, its Taylor series to h⁴.
        series = half**2 / 3 - 7 * half**4 / 90
        log_ratio = torch.where(small, series, (safe / safe.tanh()).log())
        logits, value = broadcast_all(self.logits, value)
        cross_entropy = binary_cross_entropy_with_logits(logits, value, reduction="none")
        return log(2) + log_ratio - cross_entropy

    @property
    def probs(self) -> Tensor:
        """λ = sigmoid(logits), which is not the mean."""
        return self.logits.sigmoid()

    @property
    def mean(self) -> Tensor:
        r"""$1/(1-e^{-l}) - 1/l$, one half at l = 0."""
        half, small, safe = self._half_logits()
        series = half / 3 - half**3 / 45
        return 0.5 + 0.5 * torch.where(small, series, 1 / safe.tanh() - 1 / safe)

    def sample(self, sample_shape=()) -> Tensor:
        with torch.no_grad():
            shape = self._extended_shape(torch.Size(sample_shape))
            uniform = torch.rand(shape, dtype=self.logits.dtype, device=self.logits.device)
            # The inverse of the distribution function for l < 0; for l > 0, seen in the mirror.
            steepness = self.logits.abs().clamp_min(1e-6)
            x = -torch.log1p(uniform * torch.expm1(-steepness)) / steepness
            return torch.where(self.logits > 0, 1 - x, x).clamp(0, 1)


class DiscretisedLogistic(Distribution):
    """Logistic distribution on the K grey levels 0, 1/(K-1), ..., 1.

    `loc` and `log_scale` broadcast; `log_scale` is the logarithm of s, in units of the grey range.
    `log_prob` is a log mass in nats; a value between two levels counts as the nearest one.
    """

    arg_constraints = {"loc": constraints.real, "log_scale": constraints.real}
    support = constraints.unit_interval

    def __init__(self, loc, log_scale, levels: int = 256, validate_args=None):
        self.loc, self.log_scale = broadcast_all(loc, log_scale)
        self.levels = levels
        super().__init__(self.loc.shape, validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        new = self._get_checked_instance(DiscretisedLogistic, _instance)
        new.loc = self.loc.expand(batch_shape)
        new.log_scale = self.log_scale.expand(batch_shape)
        new.levels = self.levels
        super(DiscretisedLogistic, new).__init__(batch_shape, validate_args=False)
        return new

    def log_prob(self, value: Tensor) -> Tensor:
        top = self.levels - 1
        level = (value * top).round()
        scale = self.log_scale.exp()
        # k + 1/2 has no rounding error: neighbours share their edge, and the masses sum to one.
        upper = ((level + 0.5) / top - self.loc) / scale
        lower = ((level - 0.5) / top - self.loc) / scale
        # log(S(u) - S(l)) = log S(u) + log S(-l) + log(1 - e^{l - u}). The left side subtracts two
        # numbers that round to one; the right side keeps its digits, and its gradient, far out.
        # u - l is the width of a bin in units of s. The first and last level have one edge only.
        width = 1 / (top * scale)
        log_middle = logsigmoid(upper) + logsigmoid(-lower) + torch.log(-torch.expm1(-width))
        log_mass = torch.where(level <= 0, logsigmoid(upper), log_middle)
        return torch.where(level >= top, logsigmoid(-lower), log_mass)

    def sample(self, sample_shape=()) -> Tensor:
        with torch.no_grad():
            shape = self._extended_shape(torch.Size(sample_shape))
            smallest = torch.finfo(self.loc.dtype).tiny
            uniform = torch.rand(shape, dtype=self.loc.dtype, device=self.loc.device)
            logistic = torch.logit(uniform.clamp(smallest, 1 - torch.finfo(self.loc.dtype).eps))
            x = self.loc + self.log_scale.exp() * logistic
            top = self.levels - 1
            return (x.clamp(0, 1) * top).round() / top

    @property
    def masses(self) -> Tensor:
        """Probability of every level, `(K, *batch_shape)`; sums to one over the first axis."""
        grid = torch.linspace(0, 1, self.levels, dtype=self.loc.dtype, device=self.loc.device)
        return self.log_prob(grid.reshape(-1, *[1] * self.loc.dim())).exp()

    @property
    def mean(self) -> Tensor:
        grid = torch.linspace(0, 1, self.levels, dtype=self.loc.dtype, device=self.loc.device)
        return (self.masses * grid.reshape(-1, *[1] * self.loc.dim())).sum(0)


def rsample_and_log_prob(distribution: Distribution, sample_shape=()) -> tuple[Tensor, Tensor]:
    """Draw samples that pass gradients on, `(*sample_shape, ...)`, and their log-densities, nats.

    A flow knows the noise that its own samples came from, and gives both in one pass; asked for the
    density afterwards it would have to find that noise again.
    """
    if hasattr(distribution, "rsample_and_log_prob"):
        return distribution.rsample_and_log_prob(sample_shape)
    value = distribution.rsample(sample_shape)
    return value, distribution.log_prob(value)


@torch.no_grad()
def sample_and_log_prob(distribution: Distribution, sample_shape=()) -> tuple[Tensor, Tensor]:
    """The same without gradients; the distribution may be discrete."""
    if hasattr(distribution, "rsample_and_log_prob"):
        return distribution.rsample_and_log_prob(sample_shape)
    value = distribution.sample(sample_shape)
    return value, distribution.log_prob(value)


@register_kl(MultivariateNormal, Independent)
def _kl_full_diagonal(q: MultivariateNormal, p: Independent) -> Tensor:
    r"""KL between a Gaussian with full covariance and one with a diagonal covariance, in nats.

    $$ \tfrac12 \Big[\sum_i \frac{\Sigma_{ii} + (\mu_i - m_i)^2}{s_i^2} - d
       + \sum_i \log s_i^2 - \log\det\Sigma\Big] $$

    torch has the case of two full Gaussians only.
    """
    if not isinstance(p.base_dist, Normal) or p.reinterpreted_batch_ndims != 1:
        raise NotImplementedError
    m, s = p.base_dist.loc, p.base_dist.scale
    scaled = (q.variance + (q.mean - m).square()) / s.square()
    log_det = 2 * q.scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    return 0.5 * ((scaled - 1 + 2 * s.log()).sum(-1) - log_det)
