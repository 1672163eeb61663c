r"""Maps that only move numbers: their Jacobian is a permutation, so $\log|\det J| = 0$.

Squeezing trades space for channels. Each block of 2×2 pixels becomes one pixel of four channels,

$$ y_{4c + 2a + b,\; i,\; j} = x_{c,\; 2i + a,\; 2j + b}, \qquad a, b \in \{0, 1\}, $$

so that $(C, H, W)$ becomes $(4C, H/2, W/2)$ and no number is lost.

Source: Dinh, Sohl-Dickstein & Bengio 2017, "Density estimation using Real NVP", section 3.6.
"""

from math import prod

import torch
from torch import Tensor
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from vae_course.checks import require, require_shape
from vae_course.flows.transform import Transform


class Squeeze(Transform):
    """Space to depth: `(..., C, H, W) -> (..., 4C, H/2, W/2)`; `inverse` undoes it.

    Raises `ValueError` for an odd height or width, or channels that are no multiple of 4.
    """

    event_dims = 3

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        height, width = x.shape[-2:]
        require(
            height % 2 == 0 and width % 2 == 0,
            f"x has height × width {height} × {width}, needs both even to squeeze 2×2 blocks",
        )
        return channels_last(pixel_unshuffle(x, 2)), x.new_zeros(x.shape[:-3])

    def inverse(self, y: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        require(
            y.shape[-3] % 4 == 0,
            f"y has {y.shape[-3]} channels, needs a multiple of 4 to unsqueeze",
        )
        return channels_last(pixel_shuffle(y, 2)), y.new_zeros(y.shape[:-3])


class Flatten(Transform):
    """An image as a vector: `(..., C, H, W) -> (..., n)`; `inverse` gives it its shape back."""

    event_dims = 3

    def __init__(self, event_shape):
        super().__init__()
        self.shape = require_image_shape("event_shape", event_shape)
        self.n = prod(self.shape)

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return x.flatten(-3), x.new_zeros(x.shape[:-3])

    def inverse(self, y: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return y.unflatten(-1, self.shape), y.new_zeros(y.shape[:-1])


def channels_last(x: Tensor) -> Tensor:
    """The same numbers, the channels of a pixel side by side in memory: convolutions like that.

    On a CPU the networks of the couplings take half as long. The layers that follow keep it so.
    """
    return x.contiguous(memory_format=torch.channels_last) if x.dim() == 4 else x


def squeezed(shape) -> tuple[int, int, int]:
    """The shape (C, H, W) after a squeeze. Raises `ValueError` for an odd height or width."""
    channels, height, width = require_image_shape("event_shape", shape)
    require(
        height % 2 == 0 and width % 2 == 0,
        f"event_shape is {tuple(shape)}: height and width must be even to squeeze 2×2 blocks",
    )
    return 4 * channels, height // 2, width // 2


def require_image_shape(name: str, value) -> tuple[int, int, int]:
    """Return `value` as a tuple if it is a shape (C, H, W)."""
    shape = require_shape(name, value)
    require(len(shape) == 3, f"{name} is {shape}, needs (C, H, W)")
    return shape
