r"""Multi-scale flows: after each level half of the numbers are done, and become noise.

$$ h^{(0)} = x, \qquad (z^{(i)}, h^{(i)}) = f^{(i)}(h^{(i-1)}), \qquad
   z = (z^{(1)}, \dots, z^{(L)}), \quad z^{(L)} = f^{(L)}(h^{(L-1)}) $$

What is factored out is not coupled and put back: it goes to the base density and takes no part in
the levels that follow. Those see half as many numbers, at a coarser scale.

Source: Dinh, Sohl-Dickstein & Bengio 2017, section 3.6; Kingma & Dhariwal 2018, figure 2.
"""

from math import prod

import torch
from torch import Tensor, nn

from vae_course.checks import require
from vae_course.flows.image_coupling import BOUND
from vae_course.flows.reshaping import channels_last, require_image_shape
from vae_course.flows.transform import Composition, Transform


class FactorOut(nn.Module):
    r"""Split off the second half of the channels, as noise of a Gaussian that the first half gives.

    $$ z = \big(h_2 - \mu(h_1)\big)\, e^{-s(h_1)} $$

    A 3×3 convolution gives μ and s; it starts at zero, so at first $z = h_2$.
    """

    def __init__(self, shape):
        super().__init__()
        channels, height, width = require_image_shape("shape", shape)
        require(channels % 2 == 0, f"shape has {channels} channels, needs an even number to halve")
        self.half = (channels // 2, height, width)
        self.network = nn.Conv2d(channels // 2, channels, 3, padding=1)
        nn.init.zeros_(self.network.weight)
        nn.init.zeros_(self.network.bias)

    def take_out(self, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What goes on, `(..., C/2, H, W)`; the noise, `(..., n/2)`; and log |det|."""
        goes_on, leaves = h.chunk(2, -3)
        mean, s = self.gaussian(goes_on)
        noise = (leaves - mean) * (-s).exp()
        return goes_on, noise.flatten(-3), -s.sum((-3, -2, -1))

    def put_back(self, goes_on: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """The whole again, `(..., C, H, W)`, and log |det|."""
        mean, s = self.gaussian(goes_on)
        leaves = channels_last(noise.unflatten(-1, self.half)) * s.exp() + mean
        return torch.cat((goes_on, leaves), -3), s.sum((-3, -2, -1))

    def gaussian(self, goes_on: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-sigma of what leaves, given what goes on."""
        images = self.network(goes_on.reshape(-1, *self.half))
        mean, s = images.reshape(*goes_on.shape[:-3], -1, *self.half[1:]).chunk(2, -3)
        return mean, BOUND * torch.tanh(s / BOUND)


class MultiScale(Transform):
    """Noise `(..., n)` to images `(..., C, H, W)`, level by level.

    levels: for each level a list of transforms of images, the first level next to the data; within
            a level the first transform is next to the noise, as everywhere
    shapes: for each level the shape (C, H, W) on its noise side

    Between two levels half of the channels are factored out. The noise of the first level comes
    first in the vector, and that of the last, coarsest level last.
    """

    event_dims = 1

    def __init__(self, levels, shapes):
        super().__init__()
        require(
            len(levels) == len(shapes) >= 1,
            f"levels has {len(levels)} entries and shapes {len(shapes)}, needs one for each level",
        )
        self.levels = nn.ModuleList(Composition(level) for level in levels)
        self.shapes = [require_image_shape("shapes", shape) for shape in shapes]
        self.factors = nn.ModuleList(FactorOut(shape) for shape in self.shapes[:-1])
        self.sizes = [prod(factor.half) for factor in self.factors] + [prod(self.shapes[-1])]

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        *parts, last = x.split(self.sizes, -1)
        h, total = self.levels[-1](channels_last(last.unflatten(-1, self.shapes[-1])), context)
        for i in reversed(range(len(parts))):
            h, log_det = self.factors[i].put_back(h, parts[i])
            total = total + log_det
            h, log_det = self.levels[i](h, context)
            total = total + log_det
        return h, total

    def inverse(self, y: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        parts, total, h = [], 0, y
        for level, factor in zip(self.levels, self.factors, strict=False):
            h, log_det = level.inverse(h, context)
            total = total + log_det
            h, part, log_det = factor.take_out(h)
            total = total + log_det
            parts.append(part)
        h, log_det = self.levels[-1].inverse(h, context)
        return torch.cat([*parts, h.flatten(-3)], -1), total + log_det
