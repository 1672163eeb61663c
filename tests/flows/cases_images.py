"""Layers of flows for images, and whole flows of them on images of 4×4."""

from tests.flows.contract import Case
from vae_course.flows import (
    Flatten,
    Glow,
    ImageCoupling,
    Inverse,
    InvertibleConv1x1,
    Logit,
    MultiscaleRealNVP,
    Squeeze,
    channel_half,
    checkerboard,
)
from vae_course.flows.image_coupling import conditioner


def by_channel(mask):
    return ImageCoupling(mask, conditioner(2, 4, hidden=5))


def by_pixel(mask):
    return ImageCoupling(mask, conditioner(2, 4, hidden=5))


def flows(name, build):
    # Many layers: parameters as far off as for one would lose digits of float32.
    return [Case(name, lambda: build().transform, (1, 4, 4), (16,), spread=0.1, stacks=False)]


CASES = [
    Case("squeeze", Squeeze, (4, 2, 3), (1, 4, 6), stacks=False),
    Case("unsqueeze", lambda: Inverse(Squeeze()), (1, 4, 6), (4, 2, 3), stacks=False),
    Case("flatten", lambda: Flatten((2, 2, 3)), (12,), (2, 2, 3), stacks=False),
    Case("conv1x1", lambda: InvertibleConv1x1(3), (3, 4, 2)),
    Case("conv1x1-lu", lambda: InvertibleConv1x1(3, lu=True), (3, 4, 2)),
    Case("image_coupling-channels", lambda: by_channel(channel_half(4)), (4, 4, 4)),
    Case("image_coupling-other_channels", lambda: by_channel(~channel_half(4)), (4, 4, 4)),
    Case("image_coupling-checkerboard", lambda: by_pixel(checkerboard((2, 4, 4))), (2, 4, 4)),
    Case("image_coupling-other_checkers", lambda: by_pixel(~checkerboard((2, 4, 4))), (2, 4, 4)),
    Case("logit", Logit, (1, 2, 2), stacks=False),
    *flows("glow", lambda: Glow((1, 4, 4), 2, 2, 5)),
    *flows("glow-logit", lambda: Glow((1, 4, 4), 1, 1, 5, alpha=0.05)),
    *flows("glow-plain", lambda: Glow((1, 4, 4), 1, 2, 5, lu=False)),
    *flows("glow-kept", lambda: Glow((1, 4, 4), 2, 2, 5, factor_out=False)),
    *flows("real_nvp-multiscale", lambda: MultiscaleRealNVP((1, 4, 4), 2, 5)),
]
