"""The two flows for images that everybody knows, built of the parts in this folder.

Both are a `Flow`: a standard Gaussian of n = C·H·W numbers, and a transform to images.

Source: Dinh, Sohl-Dickstein & Bengio 2017 (Real NVP); Kingma & Dhariwal 2018 (Glow).
"""

from math import prod

from vae_course.checks import require, require_count
from vae_course.conditional import StandardNormal
from vae_course.flows.convolution import InvertibleConv1x1
from vae_course.flows.dequantisation import Logit
from vae_course.flows.flow import Flow
from vae_course.flows.image_coupling import ImageCoupling, channel_half, checkerboard, conditioner
from vae_course.flows.multiscale import MultiScale
from vae_course.flows.normalisation import ActNorm
from vae_course.flows.reshaping import Flatten, Squeeze, require_image_shape, squeezed
from vae_course.flows.transform import Inverse


def Glow(
    event_shape,
    levels: int = 2,
    steps: int = 4,
    hidden: int = 64,
    lu: bool = True,
    factor_out: bool = True,
    alpha: float | None = None,
) -> Flow:
    """Kingma & Dhariwal's flow: at each level a squeeze, then `steps` times three layers.

    From data to noise a step is ActNorm, an invertible 1×1 convolution and a coupling of channel
    halves. `hidden` is the width of the couplings' networks. With `factor_out=False` nothing is
    factored out, and all numbers go through all levels. With `alpha` a `Logit(alpha)` stands next
    to the data, which are then in [0, 1].

    Raises `ValueError` if height or width cannot be halved `levels` times.
    """
    for name, count in [("levels", levels), ("steps", steps), ("hidden", hidden)]:
        require_count(name, count)
    shape, built, shapes = require_image_shape("event_shape", event_shape), [], []
    for _ in range(levels):
        shape = squeezed(shape)
        layers = [layer for _ in range(steps) for layer in glow_step(shape[0], hidden, lu)]
        built.append([*layers, Inverse(Squeeze())])
        shapes.append(shape)
        if factor_out:
            shape = (shape[0] // 2, *shape[1:])
    return image_flow(event_shape, built, shapes, factor_out, alpha)


def glow_step(channels: int, hidden: int, lu: bool = True) -> list:
    """One step, from noise to data: coupling, 1×1 convolution, ActNorm."""
    network = conditioner(channels // 2, channels, hidden)
    return [
        ImageCoupling(channel_half(channels), network),
        InvertibleConv1x1(channels, lu),
        ActNorm(channels, event_dims=3),
    ]


def MultiscaleRealNVP(event_shape, levels: int = 2, hidden: int = 64) -> Flow:
    """Dinh et al.'s flow: three checkerboard couplings, squeeze, three of channels, factor out.

    The last level has four checkerboard couplings and no squeeze. Neighbouring couplings move
    opposite parts. ActNorm stands in for the paper's batch normalisation.

    Raises `ValueError` if height or width cannot be halved `levels - 1` times, or if one pixel is
    left for the last checkerboard.
    """
    for name, count in [("levels", levels), ("hidden", hidden)]:
        require_count(name, count)
    shape, built, shapes = require_image_shape("event_shape", event_shape), [], []
    for _ in range(levels - 1):
        fine, shape = shape, squeezed(shape)
        by_channel = [*channel_couplings(shape, 3, hidden), Inverse(Squeeze())]
        built.append([*by_channel, *checkerboard_couplings(fine, 3, hidden)])
        shapes.append(shape)
        shape = (shape[0] // 2, *shape[1:])
    require(
        prod(shape[1:]) > 1,
        f"levels is {levels}: of {tuple(event_shape)} one pixel is left, a checkerboard needs two",
    )
    built.append(checkerboard_couplings(shape, 4, hidden))
    shapes.append(shape)
    return image_flow(event_shape, built, shapes)


def checkerboard_couplings(shape, count: int, hidden: int) -> list:
    """Couplings of pixels whose colours take turns, each followed by ActNorm."""
    channels, mask, layers = shape[0], checkerboard(shape), []
    for i in range(count):
        network = conditioner(channels, 2 * channels, hidden)
        layers += [ImageCoupling(mask if i % 2 else ~mask, network), ActNorm(channels, 3)]
    return layers


def channel_couplings(shape, count: int, hidden: int) -> list:
    """Couplings of channel halves that take turns, each followed by ActNorm."""
    channels, mask, layers = shape[0], channel_half(shape[0]), []
    for i in range(count):
        network = conditioner(channels // 2, channels, hidden)
        layers += [ImageCoupling(mask if i % 2 else ~mask, network), ActNorm(channels, 3)]
    return layers


def image_flow(event_shape, levels, shapes, factor_out=True, alpha=None) -> Flow:
    """Levels of image transforms as a flow from a flat standard Gaussian."""
    if factor_out:
        transforms = [MultiScale(levels, shapes)]
    else:
        in_order = [layer for level in reversed(levels) for layer in level]
        transforms = [Inverse(Flatten(shapes[-1])), *in_order]
    if alpha is not None:
        transforms.append(Logit(alpha))
    return Flow(StandardNormal(prod(event_shape)), transforms, event_shape)
