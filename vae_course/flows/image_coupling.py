r"""Affine coupling of images: one part stays, and says how the other is scaled and shifted.

$$ y_{\text{stay}} = x_{\text{stay}}, \qquad
   y_{\text{move}} = x_{\text{move}}\, e^{s(x_{\text{stay}})} + t(x_{\text{stay}}), \qquad
   \log|\det J| = \sum s(x_{\text{stay}}) $$

The parts are the two colours of a checkerboard of pixels, or two halves of the channels. The
network for s and t is never inverted, so it may be anything.

Source: Dinh, Sohl-Dickstein & Bengio 2017, sections 3.2 to 3.5; Kingma & Dhariwal 2018, 3.3.
"""

import torch
from torch import Tensor, nn

from vae_course.checks import require, require_count
from vae_course.flows.reshaping import channels_last, require_image_shape
from vae_course.flows.transform import Transform

BOUND = 2.0  # of |s|: one layer stretches by at most e², so that no early step can blow up


def checkerboard(shape) -> Tensor:
    """The pixels of one colour, (1, H, W) of bool: True where row + column is even. `~` swaps."""
    _, height, width = require_image_shape("shape", shape)
    return (torch.arange(height)[:, None] + torch.arange(width)).remainder(2).eq(0)[None]


def channel_half(channels: int) -> Tensor:
    """The first half of the channels, (C, 1, 1) of bool. `~` swaps. Raises if C is odd."""
    require_count("channels", channels)
    require(channels % 2 == 0, f"channels is {channels}, needs an even number to halve it")
    return (torch.arange(channels) < channels // 2)[:, None, None]


def conditioner(inputs: int, outputs: int, hidden: int) -> nn.Sequential:
    """Glow's network, convolutions 3×3, 1×1 and 3×3; the last is zero, so s = t = 0 at first."""
    last = nn.Conv2d(hidden, outputs, 3, padding=1)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(
        nn.Conv2d(inputs, hidden, 3, padding=1), nn.ReLU(inplace=True),
        nn.Conv2d(hidden, hidden, 1), nn.ReLU(inplace=True),
        last,
    )  # fmt: skip


class ImageCoupling(Transform):
    """Affine coupling: what `mask` selects stays, and the network moves the rest.

    mask:    `checkerboard(shape)`, `channel_half(channels)`, or `~` one of them
    network: images to images of twice the channels, first s and then t. For a channel mask it
             takes and moves C/2 channels, `(B, C/2, H, W) -> (B, C, H, W)`; for a checkerboard it
             takes all C, with zeros where pixels move: `(B, C, H, W) -> (B, 2C, H, W)`.

    The log-scale is 2·tanh(s/2), which is s near 0 and stays between -2 and 2.
    """

    event_dims = 3

    def __init__(self, mask: Tensor, network: nn.Module):
        super().__init__()
        require(
            isinstance(mask, Tensor) and mask.dtype == torch.bool and mask.dim() == 3,
            "mask needs to be a tensor of bool with 3 axes: checkerboard(…) or channel_half(…)",
        )
        self.network = network
        self.by_channel = tuple(mask.shape[1:]) == (1, 1)
        if self.by_channel:
            half = channel_half(len(mask))
            self.stays_first = bool(mask[0])
            require(
                torch.equal(mask, half if self.stays_first else ~half),
                "mask selects channels that are not the first or the last half",
            )
        else:
            self.register_buffer("stays", mask.float(), persistent=False)

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        stay, move = self.split(x)
        s, t = self.scale_and_shift(stay)
        return self.join(stay, torch.addcmul(t, move, s.exp())), s.sum((-3, -2, -1))

    def inverse(self, y: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        stay, move = self.split(y)
        s, t = self.scale_and_shift(stay)
        return self.join(stay, (move - t) * (-s).exp()), -s.sum((-3, -2, -1))

    def split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What stays and what moves; a checkerboard leaves zeros in the holes."""
        if self.by_channel:
            first, second = x.chunk(2, -3)
            return (first, second) if self.stays_first else (second, first)
        stay = x * self.stays.to(x.dtype)
        return stay, x - stay

    def join(self, stay: Tensor, move: Tensor) -> Tensor:
        if self.by_channel:
            return torch.cat((stay, move) if self.stays_first else (move, stay), -3)
        return stay + move

    def scale_and_shift(self, stay: Tensor) -> tuple[Tensor, Tensor]:
        """s and t from what stays; zero where pixels stay."""
        images = channels_last(stay.reshape(-1, *stay.shape[-3:]))  # one batch axis, no more
        s, t = self.network(images).reshape(*stay.shape[:-3], -1, *stay.shape[-2:]).chunk(2, -3)
        s = BOUND * torch.tanh(s / BOUND)
        if self.by_channel:
            return s, t
        moves = 1 - self.stays.to(s.dtype)
        return s * moves, t * moves
