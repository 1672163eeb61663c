r"""A distribution and a KL divergence that torch.distributions does not have.

The discretised logistic gives each of K grey levels the mass that a logistic distribution puts
on its bin (Kingma et al. 2016, "Improved variational inference with inverse autoregressive
flow"; Salimans et al. 2017, "PixelCNN++", eq. 2):

$$ P(x_k) = S\big((x_k + h - \mu)/s\big) - S\big((x_k - h - \mu)/s\big),
   \quad S(u) = 1/(1+e^{-u}) $$

with levels $x_k = k/(K-1)$, half-width $h = 1/(2(K-1))$, and the two tails added to the first
and the last level, so that the masses sum to one.
"""

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
from torch.nn.functional import logsigmoid


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
        half = 0.5 / top
        scale = self.log_scale.exp()
        upper = (level / top + half - self.loc) / scale
        lower = (level / top - half - self.loc) / scale
        # log(S(u) - S(l)) = log S(u) + log S(-l) + log(1 - e^{l - u}). The left side subtracts two
        # numbers that round to one; the right side keeps its digits, and its gradient, far out.
        # u - l is the width of a bin in units of s. The first and last level have one edge only.
        width = 2 * half / scale
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
