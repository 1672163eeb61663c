r"""Three families made from Gamma draws by formulas, so that the chain rule does the rest.

$$ \text{inverse Gamma: } \frac1g, \qquad \text{Beta: } \frac{g_1}{g_1 + g_2}, \qquad
   \text{Student's } t: \; m + s\, \varepsilon \sqrt{\frac{\nu}{2 g}} $$

with $g \sim \mathrm{Gamma}(\alpha, \beta)$, $g_1 \sim \mathrm{Gamma}(a, 1)$ and
$g_2 \sim \mathrm{Gamma}(b, 1)$; for Student's t, $g \sim \mathrm{Gamma}(\nu/2, 1)$ and ε is
standard normal. Nothing else needs a distribution function.

Source: Figurnov, Mohamed & Mnih 2018.
"""

import torch
from torch import Tensor
from torch.distributions import Beta, PowerTransform, StudentT, TransformedDistribution

from vae_course.estimators.gamma import ImplicitGamma


class ImplicitInverseGamma(TransformedDistribution):
    """1/g for g from Gamma(concentration, rate); the density by change of variables."""

    def __init__(self, concentration, rate, validate_args=None):
        base = ImplicitGamma(concentration, rate, validate_args=validate_args)
        power = PowerTransform(-base.rate.new_ones(()))
        super().__init__(base, power, validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        new = self._get_checked_instance(ImplicitInverseGamma, _instance)
        return super().expand(batch_shape, _instance=new)


class ImplicitBeta(Beta):
    """Beta(a, b) on (0, 1) as g₁/(g₁ + g₂), with implicit gradients in both parameters."""

    def rsample(self, sample_shape=()) -> Tensor:
        g1, g2 = (
            ImplicitGamma(shape, torch.ones_like(shape), validate_args=False).rsample(sample_shape)
            for shape in (self.concentration1, self.concentration0)
        )
        return g1 / (g1 + g2)


class ImplicitStudentT(StudentT):
    """Student's t with `df` = ν, `loc` and `scale`, implicit in ν through a Gamma draw."""

    def rsample(self, sample_shape=()) -> Tensor:
        shape = self._extended_shape(torch.Size(sample_shape))
        epsilon = torch.randn(shape, dtype=self.loc.dtype, device=self.loc.device)
        half = self.df / 2
        g = ImplicitGamma(half, torch.ones_like(half), validate_args=False).rsample(sample_shape)
        return self.loc + self.scale * epsilon * (half / g).sqrt()
