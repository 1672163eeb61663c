"""What all live widgets share: one ES module made of plain files, and networks exported to it.

A widget computes in the browser, so that it is alive on a published page, where no kernel runs.
Its networks travel in its state: a list of layers, and their weights as float16 in base64 (text,
because Colab loses binary buffers). `nn.js` reads both.
"""

import base64
import sys
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import numpy as np
import torch
import traitlets
from torch import Tensor, nn

from vae_course.checks import require
from vae_course.conditional import BernoulliLikelihood, GaussianLikelihood
from vae_course.networks import ConvDecoder, ConvEncoder

FOLDER = Path(__file__).parent


def enable() -> None:
    """Let Colab show widgets that are not its own; elsewhere, do nothing."""
    if "google.colab" in sys.modules:
        from google.colab import output

        output.enable_custom_widget_manager()


class CourseWidget(anywidget.AnyWidget):
    """A widget whose ES module is `nn.js`, `controls.js` and the files of `scripts`, in order.

    The last of the scripts ends with `export default { render }`. `description` is what a reader
    gets where no widget can be shown.
    """

    scripts: ClassVar[tuple[str, ...]] = ()
    styles: ClassVar[tuple[str, ...]] = ()

    description = traitlets.Unicode("").tag(sync=True)
    needs_kernel = traitlets.Bool(False).tag(sync=True)  # the page then shows `last_picture`
    last_picture = traitlets.Unicode("").tag(sync=True)  # a data: address

    def __init_subclass__(cls, **kwargs: Any) -> None:
        # An anywidget also makes a nameless subclass of itself, for its traits: that inherits them.
        if "scripts" in vars(cls):
            cls._esm = join_files(("nn.js", "controls.js", *cls.scripts))
            cls._css = join_files(("common.css", *cls.styles))
        super().__init_subclass__(**kwargs)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.description}>"


def join_files(names: tuple[str, ...]) -> str:
    """The text of files of this folder, one after the other."""
    return "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in names)


def encode_bytes(values: bytes) -> str:
    """Bytes as base64 text."""
    return base64.b64encode(values).decode("ascii")


def encode_float16(values: Tensor) -> str:
    """Numbers as little-endian float16 in base64: 11 bits of precision, relative error <= 2^-11.

    Raises:
        ValueError: a value is not finite, or beyond float16 (65504).
    """
    numbers = values.detach().cpu().reshape(-1).double().numpy()
    largest = np.abs(numbers).max(initial=0.0)
    require(
        bool(np.isfinite(numbers).all()) and largest < 65504,
        f"values must be finite and below 65504 to be stored as float16, but has {largest}",
    )
    return encode_bytes(numbers.astype("<f2").tobytes())


def export_network(network: nn.Module, input_shape: tuple[int, ...]) -> tuple[list[dict], str]:
    """A network as `nn.js` reads it: its layers, and its weights as float16 in base64.

    `network` is a Sequential (nested ones too), a ConvEncoder or a ConvDecoder, of Linear, Conv2d,
    ConvTranspose2d, Upsample (nearest), Flatten, Unflatten, ReLU, LeakyReLU, Sigmoid and Tanh.
    `input_shape` is that of one input, (d,) or (channels, height, width). The output comes back
    flat.

    Raises:
        ValueError: a layer of another kind, or an option of a layer that `nn.js` does not know.
    """
    layers = flat_layers(network)
    spec = [_reshape(input_shape)] if len(input_shape) == 3 else []
    spec += [_describe(layer) for layer in layers if not isinstance(layer, nn.Identity)]
    # In the order that `nn.js` takes them: weight, bias, weight, bias.
    weights = [p.detach().cpu().reshape(-1) for layer in layers for p in layer.parameters()]
    return spec, encode_float16(torch.cat([torch.zeros(0), *weights]))


def encode_four_bits(images: Tensor) -> str:
    """Images in [0, 1] as 16 grey levels, two pixels a byte, the first one in the high bits."""
    levels = (images.detach().cpu() * 15).round().to(torch.uint8).reshape(-1)
    if levels.numel() % 2:
        levels = torch.cat([levels, levels.new_zeros(1)])
    return encode_bytes((levels[0::2] * 16 + levels[1::2]).numpy().tobytes())


def mean_decoder(model) -> nn.Module:
    """Latents to the mean of p(x|z), as layers that `export_network` can write."""
    decoder = model.decoder
    if isinstance(decoder, BernoulliLikelihood):
        return nn.Sequential(decoder.trunk, nn.Sigmoid())
    require(
        isinstance(decoder, GaussianLikelihood) and decoder.sets == 1,
        f"model has the likelihood {type(decoder).__name__}, needs a Bernoulli or a Gaussian one "
        "with one σ for all pixels",
    )
    return decoder.trunk


def flat_layers(network: nn.Module) -> list[nn.Module]:
    """The layers of a network in order, nested Sequentials opened."""
    if isinstance(network, ConvEncoder | ConvDecoder):
        return flat_layers(network.layers)
    if isinstance(network, nn.Sequential):
        return [layer for child in network for layer in flat_layers(child)]
    return [network]


def _reshape(shape: tuple[int, ...]) -> dict:
    channels, height, width = shape
    return {"type": "reshape", "channels": channels, "height": height, "width": width}


def _square(layer: nn.Module, name: str) -> int:
    value = getattr(layer, name)
    sides = (value, value) if isinstance(value, int) else tuple(value)
    require(
        len(sides) == 2 and sides[0] == sides[1],
        f"network has {type(layer).__name__} with {name} {value}, but needs it equal in height "
        "and width",
    )
    return sides[0]


def _describe(layer: nn.Module) -> dict:
    match layer:
        case nn.Linear():
            require(layer.bias is not None, "network has a Linear layer that lacks a bias")
            return {"type": "linear", "in": layer.in_features, "out": layer.out_features}
        case nn.Conv2d() | nn.ConvTranspose2d():
            name = type(layer).__name__
            plain = layer.groups == 1 and _square(layer, "dilation") == 1
            plain = plain and layer.padding_mode == "zeros" and layer.bias is not None
            require(
                plain,
                f"network has {layer}, but {name} needs a bias, zero padding, no groups, "
                "no dilation",
            )
            described = {
                "type": "conv2d" if isinstance(layer, nn.Conv2d) else "conv_transpose2d",
                "in": layer.in_channels,
                "out": layer.out_channels,
                "kernel": _square(layer, "kernel_size"),
                "stride": _square(layer, "stride"),
                "padding": _square(layer, "padding"),
            }
            if isinstance(layer, nn.ConvTranspose2d):
                described["output_padding"] = _square(layer, "output_padding")
            return described
        case nn.Upsample(mode="nearest"):
            return {"type": "upsample", "scale": int(layer.scale_factor)}
        case nn.Unflatten():
            return _reshape(tuple(layer.unflattened_size))
        case nn.Flatten():
            return {"type": "flatten"}
        case nn.ReLU():
            return {"type": "relu"}
        case nn.LeakyReLU():
            return {"type": "leaky_relu", "slope": layer.negative_slope}
        case nn.Sigmoid():
            return {"type": "sigmoid"}
        case nn.Tanh():
            return {"type": "tanh"}
    raise ValueError(f"network has a layer {layer}, which nn.js cannot run")
