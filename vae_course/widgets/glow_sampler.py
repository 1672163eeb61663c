r"""A flow for images at work: temperature, and what lies between two pictures.

$$ x = f(T \varepsilon), \quad \varepsilon \sim \mathcal N(0, I_n), \qquad
   x_t = f\big((1 - t)\, f^{-1}(x_0) + t\, f^{-1}(x_1)\big) $$

Scaling the noise by a temperature T below 1 draws from the middle of the base density. A flow has an
exact inverse, so a given picture has a code z, and the straight line between two codes is a path of
pictures. Beside it is the mix of the pixels, $(1 - t)\, x_0 + t\, x_1$. All of it, and log p(x) of each
picture, is computed by the page.

Source: Kingma & Dhariwal 2018, "Glow: Generative Flow with Invertible 1x1 Convolutions".
"""  # noqa: E501

import torch
import traitlets
from torch import Tensor, nn

from vae_course.checks import require, require_tensor
from vae_course.flows import ActNorm, Flow, ImageCoupling, InvertibleConv1x1, Logit, MultiScale
from vae_course.flows.reshaping import Squeeze
from vae_course.flows.transform import Inverse
from vae_course.widgets.base import CourseWidget, encode_four_bits, export_network

LEVELS = 16  # grey levels of the pictures
GIVEN = 8  # pictures to go between


class GlowSampler(CourseWidget):
    """Samples of a trained Glow at a temperature, and the way between two pictures.

    flow: a `Glow` of LU convolutions or plain ones, with `alpha`, of pictures `(1, H, W)`.
    images: pictures of 16 grey levels in [0, 1], `(N, 1, H, W)`, N ≥ 8; the first 8 are shown.
    held_out: bits per dimension of the flow on pictures it has not seen.

    Without arguments: `pretrained("glyphs-glow")` and the first test glyph of each of 8 classes.

    `temperature` (0 to 1.2), `chosen` (of the 12 samples), `draw` (which noise), `first` and
    `second` (of the 8 pictures) and `way` (0 to 1) follow the page, and can be set, in a notebook.

    Raises:
        ValueError: some arguments without the others; a flow of other layers; images of another
            shape, or not of 16 levels.
    """

    scripts = (
        "charts.js", "choices.js", "image_flow.js", "glow_pictures.js", "glow_ways.js",
        "glow_sampler.js",
    )  # fmt: skip
    styles = ("charts.css", "glow_sampler.css")

    height = traitlets.Int().tag(sync=True)
    width = traitlets.Int().tag(sync=True)
    layers = traitlets.List(traitlets.Dict()).tag(
        sync=True
    )  # from noise to data, for image_flow.js
    given = traitlets.Unicode().tag(sync=True)  # 8 pictures, four bits a pixel
    held_out = traitlets.Float(allow_none=True, default_value=None).tag(sync=True)
    temperature = traitlets.Float().tag(sync=True)
    chosen = traitlets.Int().tag(sync=True)
    draw = traitlets.Int().tag(sync=True)  # which draws of the noise
    first = traitlets.Int().tag(sync=True)
    second = traitlets.Int().tag(sync=True)
    way = traitlets.Float().tag(sync=True)

    def __init__(
        self,
        flow: Flow | None = None,
        images: Tensor | None = None,
        held_out: float | None = None,
        **kwargs,
    ):
        require(
            (flow is None) == (images is None),
            "flow and images need to be given together, or neither of them",
        )
        if flow is None:
            flow, images, held_out = recorded_glow()
        shape = tuple(flow.event_shape)
        require_tensor("images", images, event_shape=shape)
        require(len(images) >= GIVEN, f"images has {len(images)} pictures, needs at least {GIVEN}")
        levels = images[:GIVEN] * (LEVELS - 1)
        require(
            bool((levels - levels.round()).abs().max() < 1e-4 and (images >= 0).all())
            and bool((images <= 1).all()),
            f"images has values that are not among {LEVELS} grey levels from 0 to 1",
        )
        super().__init__(
            description="samples of a flow for images at a temperature, and the way between two",
            height=shape[1],
            width=shape[2],
            layers=export_image_flow(flow),
            given=encode_four_bits(images[:GIVEN]),
            held_out=held_out,
            temperature=1.0,
            chosen=0,
            draw=1,
            first=2,
            second=5,
            way=0.5,
            **kwargs,
        )


def recorded_glow() -> tuple[Flow, Tensor, float]:
    """The trained flow, the first test glyph of each of 8 classes, and its held-out bits."""
    from vae_course.data import load
    from vae_course.data.coarsening import coarse
    from vae_course.pretrained import pretrained, training_record

    test = load("glyphs", "test", count=200)
    first = [int((test.labels == label).nonzero()[0]) for label in test.labels.unique()[:GIVEN]]
    bits = training_record("glyphs-glow")["held_out_bits_per_dimension"]
    return pretrained("glyphs-glow"), coarse(test.images[first]), bits


@torch.no_grad()
def export_image_flow(flow: Flow) -> list[dict]:
    """A multi-scale flow's layers as `image_flow.js` reads them, the one next to the noise first.

    Raises:
        ValueError: a layer of another kind, or in another place.
    """
    multiscale, *rest = flow.transform.transforms
    require(
        isinstance(multiscale, MultiScale) and len(rest) <= 1,
        f"flow begins with {type(multiscale).__name__}, needs a MultiScale and at most a Logit",
    )
    layers = [{"type": "start", "shape": list(multiscale.shapes[-1])}]
    for i in reversed(range(len(multiscale.levels))):
        shape = multiscale.shapes[i]
        if i < len(multiscale.factors):
            network = nn.Sequential(multiscale.factors[i].network)
            layers.append({"type": "put_back", "network": _network(network, shape)})
        layers += [_describe(layer, shape) for layer in multiscale.levels[i].transforms]
    return layers + [_describe(layer, shape) for layer in rest]


def _network(network: nn.Module, shape) -> dict:
    layers, weights = export_network(network, (shape[0] // 2, *shape[1:]))
    return {"layers": layers, "weights": weights}


def _describe(layer: nn.Module, shape) -> dict:
    match layer:
        case ImageCoupling(by_channel=True, stays_first=True):
            return {"type": "coupling", "network": _network(layer.network, shape)}
        case InvertibleConv1x1():
            # With all digits: the page inverts it, and sixteen of them multiply their errors.
            return {"type": "convolution", "weight": _digits(layer.matrix()[0])}
        case ActNorm():
            return {
                "type": "actnorm",
                "log_scale": _digits(layer.log_scale),
                "shift": _digits(layer.shift),
            }
        case Inverse(transform=Squeeze()):
            return {"type": "unsqueeze"}
        case Logit():
            return {"type": "logit", "alpha": layer.alpha}
    raise ValueError(f"flow has a layer {type(layer).__name__} that image_flow.js cannot run")


def _digits(values: Tensor) -> list[float]:
    return [float(f"{value:.8g}") for value in values.flatten().tolist()]
