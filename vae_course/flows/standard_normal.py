r"""The noise of most flows: independent standard normal numbers.

$$ \log \mathcal N(z; 0, I) = -\tfrac12 \sum_i z_i^2 - \tfrac n2 \log 2\pi $$
"""

import math

import torch
from torch import Tensor
from torch.distributions import Independent, Normal


class StandardNormal(Independent):
    """`Independent(Normal(0, 1), 1)` with batch and event shape of `zeros`, `(..., features)`.

    It differs in one thing: it knows that it is standard. The general formulas subtract means,
    divide by variances and take logarithms of deviations, which takes as long as a layer.
    """

    def __init__(self, zeros: Tensor):
        super().__init__(Normal(zeros, torch.ones_like(zeros), validate_args=False), 1,
                         validate_args=False)  # fmt: skip

    def expand(self, batch_shape, _instance=None):
        return StandardNormal(self.base_dist.loc.expand(*batch_shape, *self.event_shape))

    def rsample(self, sample_shape=()) -> Tensor:
        zeros = self.base_dist.loc
        shape = self._extended_shape(torch.Size(sample_shape))
        return torch.randn(shape, dtype=zeros.dtype, device=zeros.device)

    def log_prob(self, value: Tensor) -> Tensor:
        return -0.5 * value.square().sum(-1) - 0.5 * self.event_shape[0] * math.log(2 * math.pi)
