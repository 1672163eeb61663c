r"""Grey levels are discrete and a flow is a density: noise between the levels joins the two.

With levels $v \in \{0, \dots, 255\}$ and noise $u \in [0, 1)$ for each of n pixels,

$$ y = \frac{v + u}{256}, \qquad
   \log P(v) \;\ge\; \E_u\big[\log p(y)\big] - n \log 256, \qquad P(v) = \int p_v(v + u)\, du $$

where $p_v$ is the density in units of levels, $p(y) / 256^n$. Without the noise a density can be
as large as it likes at 256 points, and its logarithm says nothing. Noise that is learned is in
`variational_dequantisation`.

Source: Theis, van den Oord & Bethge 2016, "A note on the evaluation of generative models"; Ho et
al. 2019, "Flow++" (noise that is learned); Dinh et al. 2017 (the logit).
"""

from dataclasses import dataclass
from math import log, prod

import torch
from torch import Tensor

from vae_course.checks import require, require_count, require_tensor, require_weight
from vae_course.flows.transform import Transform
from vae_course.flows.variational_dequantisation import DequantisedFlow


def dequantise(x: Tensor, levels: int = 256) -> Tensor:
    """Grey levels 0, 1/255, …, 1 with uniform noise up to the next: (x·255 + u)/256, in [0, 1).

    `levels` is their number, 256 if not given; x may have any shape, and keeps it.
    """
    require_count("levels", levels, least=2)
    return with_noise(require_tensor("x", x), torch.rand_like(x), levels)


def with_noise(x: Tensor, u: Tensor, levels: int) -> Tensor:
    """(v + u)/256 for grey levels x = v/255."""
    whole = (x * (levels - 1)).round()
    # 255 + u would be rounded up to 256 for the largest u.
    largest = 1 - min(0.5, levels * torch.finfo(u.dtype).eps)
    return (whole + u.clamp(max=largest)) / levels


def quantise(y: Tensor, levels: int = 256) -> Tensor:
    """The level that each number of [0, 1) belongs to, as 0, 1/255, …, 1: undoes `dequantise`."""
    require_count("levels", levels, least=2)
    return (y * levels).floor().clamp(0, levels - 1) / (levels - 1)


def bits_per_dimension(log_prob: Tensor, n: int, levels: int = 256) -> Tensor:
    r"""From the log-density of dequantised data in [0, 1), in nats: $-\log_2 P(v) / n$.

    $$ \frac{-(\log p(y) - n \log 256)}{n \log 2} = -\frac{\log p(y)}{n \log 2} + 8 $$

    `n` is the number of dimensions of y. The result has the shape of `log_prob`.
    """
    require_count("n", n)
    require_count("levels", levels, least=2)
    return (n * log(levels) - log_prob) / (n * log(2))


@dataclass(frozen=True)
class DequantisedBound:
    r"""A bound on log P of grey levels, each of n pixels one of `levels`, by one draw of the noise.

    `log_prob` is the log-density of the dequantised image, `log_noise` that of the noise, zero if
    it is uniform: `(B,)` in nats.
    """

    log_prob: Tensor
    n: int
    levels: int
    log_noise: Tensor | float = 0.0

    @property
    def value(self) -> Tensor:
        r"""$\log p(y) - \log q(u \mid v) - n \log(\text{levels})$, maximised: `(B,)` in nats."""
        return self.log_prob - self.log_noise - self.n * log(self.levels)

    @property
    def terms(self) -> dict[str, Tensor]:
        """What a training run records, by name."""
        log_ratio = self.log_prob - self.log_noise
        return {"bits_per_dimension": bits_per_dimension(log_ratio, self.n, self.levels)}


def dequantised_log_likelihood(
    flow, x: Tensor, beta: float | Tensor = 1.0, levels: int = 256
) -> DequantisedBound:
    """The objective for grey levels `(B, *event_shape)` in [0, 1]: new noise at every call.

    `flow` is anything with `log_prob` of images in [0, 1]; the noise is uniform. If it is a
    `DequantisedFlow`, which brings a noise of its own, that is used and paid for. There is no rate
    to weigh: `beta` is there because `fit` passes one, and changes nothing.
    """
    require_weight("beta", beta)
    require_count("levels", levels, least=2)
    shape = tuple(require_tensor("x", x).shape)
    require(len(shape) >= 2, f"x has shape {shape}, needs (B, *event_shape)")
    if isinstance(flow, DequantisedFlow):
        u, log_noise = flow.draw_noise((x * (levels - 1)).round() / (levels - 1))
    else:
        u, log_noise = torch.rand_like(x), 0.0
    log_prob = flow.log_prob(with_noise(x, u, levels))
    return DequantisedBound(log_prob, prod(shape[1:]), levels, log_noise)


class Logit(Transform):
    r"""From data in (0, 1) to the whole line: $z = \mathrm{logit}(\alpha + (1 - 2\alpha)\, y)$.

    $$ \log\Big|\frac{dz}{dy}\Big| = \log(1 - 2\alpha) - \log p - \log(1 - p), \qquad
       p = \alpha + (1 - 2\alpha)\, y $$

    `forward` is from noise to data. α keeps black and white at a finite distance. What the flow
    puts outside of [0, 1] is lost to the bound, which stays a bound.
    """

    event_dims = 3

    def __init__(self, alpha: float = 0.05, event_dims: int = 3):
        super().__init__()
        require(0 < alpha < 0.5, f"alpha is {alpha}, needs a number between 0 and 0.5")
        self.alpha, self.event_dims = alpha, event_dims

    def inverse(self, y: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        p = self.alpha + (1 - 2 * self.alpha) * y
        log_p, log_other = p.log(), (-p).log1p()
        log_det = log(1 - 2 * self.alpha) - log_p - log_other
        return log_p - log_other, log_det.flatten(-self.event_dims).sum(-1)

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        log_p, log_other = torch.nn.functional.logsigmoid(x), torch.nn.functional.logsigmoid(-x)
        log_det = log_p + log_other - log(1 - 2 * self.alpha)
        y = (log_p.exp() - self.alpha) / (1 - 2 * self.alpha)
        return y, log_det.flatten(-self.event_dims).sum(-1)
