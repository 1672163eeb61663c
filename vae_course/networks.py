"""Plain networks: functions from tensor to tensor, with nothing probabilistic in them."""

from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn

from vae_course.checks import require, require_shape


def mlp(sizes, activation=nn.ReLU) -> nn.Sequential:
    """Multilayer perceptron: `sizes[0] -> sizes[1] -> ... -> sizes[-1]`.

    An activation stands between two layers; the last layer is linear. Any leading axes.
    """
    sizes = require_shape("sizes", sizes)
    require(len(sizes) >= 2, f"sizes is {sizes}, needs at least the sizes of input and output")
    layers = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), activation()]
    return nn.Sequential(*layers[:-1])


class ConvEncoder(nn.Module):
    """Images to features: each stage halves height and width (4x4 kernel, stride 2).

    `(B, C, H, W) -> (B, features)`, with `features = channels[-1] * (H / 2^s) * (W / 2^s)` after
    s stages. H and W must be multiples of 2^s.
    """

    def __init__(self, event_shape, channels=(16, 32), activation=nn.ReLU):
        super().__init__()
        self.grid = _coarse_grid(event_shape, channels)
        stages = []
        for inputs, outputs in zip((event_shape[0], *channels[:-1]), channels, strict=True):
            stages += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), activation()]
        self.layers = nn.Sequential(*stages, nn.Flatten(-3))
        self.features = prod(self.grid)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class ConvDecoder(nn.Module):
    """Latents to images: a linear layer to a coarse grid, then each stage doubles its size.

    `(..., d) -> (..., C, H, W)`, the mirror image of `ConvEncoder`. The last stage is linear.
    """

    def __init__(self, latent_dim, event_shape, channels=(16, 32), activation=nn.ReLU):
        super().__init__()
        self.grid = _coarse_grid(event_shape, channels)
        backwards = channels[::-1]
        layers = [nn.Linear(latent_dim, prod(self.grid)), activation(), nn.Unflatten(-1, self.grid)]
        for inputs, outputs in zip(backwards, (*backwards[1:], event_shape[0]), strict=True):
            layers += [nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1), activation()]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, z: Tensor) -> Tensor:
        # Convolutions take one batch axis; samples and batch are folded into it and back.
        images = self.layers(z.reshape(-1, z.shape[-1]))
        return images.reshape(*z.shape[:-1], *images.shape[-3:])


def _coarse_grid(event_shape, channels) -> tuple[int, int, int]:
    """Shape (channels, height, width) after all stages."""
    require_shape("event_shape", event_shape)
    require_shape("channels", channels)
    require(len(event_shape) == 3, f"event_shape is {tuple(event_shape)}, needs (C, H, W)")
    _, height, width = event_shape
    shrink = 2 ** len(channels)
    require(
        height % shrink == 0 and width % shrink == 0,
        f"event_shape is {tuple(event_shape)}: height and width must be multiples of {shrink} "
        f"for {len(channels)} stages",
    )
    return channels[-1], height // shrink, width // shrink


def parameter_count(module: nn.Module) -> int:
    """Number of trainable numbers in a module."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def multiply_adds(module: nn.Module, *inputs: Tensor) -> int:
    """Multiply-adds of one forward pass through linear and convolution layers, counted as it runs.

    A linear layer costs `inputs * outputs` for each row; a convolution, `kernel * in-channels /
    groups` for each output number; a transposed one the same for each *input* number.
    """
    total = 0

    def count(layer, args, output):
        nonlocal total
        if isinstance(layer, nn.Linear):
            total += output.numel() * layer.in_features
        elif isinstance(layer, nn.Conv2d):
            total += output.numel() * prod(layer.weight.shape[1:])
        else:
            total += args[0].numel() * prod(layer.weight.shape[1:])

    hooks = [
        layer.register_forward_hook(count)
        for layer in module.modules()
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)
    ]
    try:
        with torch.no_grad():
            module(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return total
