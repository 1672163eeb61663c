r"""A flow, layer by layer: the noise, its grid and its samples bent into a density.

$$ z_k = f_k \circ \dots \circ f_1(z_0), \quad z_0 \sim \mathcal N(0, I), \qquad
   \log q_k(z_k) = \log q_0(z_0) - \sum_{j \le k} \log\Big|\det \frac{\partial f_j}{\partial z_{j-1}}\Big| $$

Between two layers the last one is used in part: z + a u tanh(wᵀz + b), or y = x exp(a s) + a t, with
a from 0 to 1. Each part is an invertible map, with a log-determinant of its own, so what is shown
is the exact density of a flow at every place of the slider.

A small square around the point is carried along. Its area, over that in the noise, is the mean of
|det J| in it.

Sources: Rezende & Mohamed 2015 (planar layers); Dinh et al. 2017 (affine couplings).
"""  # noqa: E501

import json
from pathlib import Path

import torch
import traitlets
from safetensors.torch import load_file
from torch import Tensor, nn

from vae_course.checks import require
from vae_course.conditional import StandardNormal
from vae_course.data.toy_densities import NoisyArcs, ToyDensity, toy
from vae_course.flows import Coupling, Flow, RealNVP
from vae_course.flows.planar_radial import Planar
from vae_course.widgets.base import CourseWidget, encode_bytes, export_network

WEIGHTS = Path(__file__).parents[1] / "weights" / "flow-warp.safetensors"
HALF, PIXELS = 4.0, 120  # the picture of a target shows −4 to 4

TARGETS = {
    "ring": lambda: NoisyArcs([(0.0, 0.0)], [2.0], [(1.0, 0.0)], 0.0, 0.3),
    "two_moons": lambda: toy("two_moons"),
}
KINDS = {
    "planar": lambda: Flow(StandardNormal(2), [Planar(2) for _ in range(16)]),
    "coupling": lambda: RealNVP(2, layers=8, hidden=(16, 16)),
}


class FlowWarp(CourseWidget):
    """A trained flow in the plane, a slider for how many of its layers are used, and one point.

    target: "ring" or "two_moons". kind: of the layers, "planar" (16) or "coupling" (8, affine).
    depth: how many layers are used, also in parts. z: the noise of the point, within ±4.4.

    `target`, `kind`, `depth`, `z1` and `z2` follow the page, and can be set, in a notebook.

    Raises:
        ValueError: an argument outside its range.
    """

    scripts = (
        "charts.js",
        "choices.js",
        "flow_layers.js",
        "flow_mesh.js",
        "flow_plane.js",
        "flow_numbers.js",
        "flow_warp.js",
    )
    styles = ("charts.css", "flow_warp.css")

    targets = traitlets.List().tag(sync=True)
    flows = traitlets.List().tag(sync=True)
    target = traitlets.Unicode().tag(sync=True)
    kind = traitlets.Unicode().tag(sync=True)
    depth = traitlets.Float().tag(sync=True)
    z1 = traitlets.Float().tag(sync=True)
    z2 = traitlets.Float().tag(sync=True)

    def __init__(
        self,
        target: str = "ring",
        kind: str = "planar",
        depth: float = 0.0,
        z: tuple[float, float] = (0.6, -0.7),
        **kwargs,
    ):
        for name, value, known in (("target", target, TARGETS), ("kind", kind, KINDS)):
            require(value in known, f"{name} is {value!r}, needs to be one of {', '.join(known)}")
        most = len(KINDS[kind]().transform.transforms)
        require(0 <= depth <= most, f"depth is {depth}, needs to be 0 to {most}")
        require(
            len(z) == 2 and all(abs(value) <= 4.4 for value in z),
            f"z is {tuple(z)}, needs two numbers from -4.4 to 4.4",
        )
        measured = json.loads(WEIGHTS.with_suffix(".json").read_text(encoding="utf-8"))["flows"]
        super().__init__(
            description="noise that a trained flow bends into a density, layer by layer",
            targets=[describe_target(name, make()) for name, make in TARGETS.items()],
            flows=[
                {
                    "target": one["target"],
                    "kind": one["kind"],
                    "kl": one["kl"],
                    "numbers": one["numbers"],
                    "layers": describe_layers(trained_flow(one["target"], one["kind"])),
                }
                for one in measured
            ],
            target=target,
            kind=kind,
            depth=float(depth),
            z1=float(z[0]),
            z2=float(z[1]),
            **kwargs,
        )


def trained_flow(target: str, kind: str) -> Flow:
    """The flow that was trained on that target, on the CPU, in float32."""
    require(
        target in TARGETS and kind in KINDS,
        f"target and kind are {target!r} and {kind!r}, need one of {', '.join(TARGETS)} and one of "
        f"{', '.join(KINDS)}",
    )
    flow, start = KINDS[kind](), f"{target}.{kind}."
    weights = load_file(WEIGHTS)
    flow.load_state_dict(
        {key.removeprefix(start): w.float() for key, w in weights.items() if key.startswith(start)}
    )
    return flow.eval().requires_grad_(False)


def describe_layers(flow: Flow) -> list[dict]:
    """The layers as `flow_layers.js` takes them: numbers, or a network of each coupling."""
    return [describe_layer(layer) for layer in flow.transform.transforms]


def describe_layer(layer: nn.Module) -> dict:
    if isinstance(layer, Planar):
        w, u, b, _ = layer.parameters_at(None)
        return {"type": "planar", "w": w.tolist(), "u": u.tolist(), "b": b.item()}
    require(
        isinstance(layer, Coupling), f"the flow has a layer {type(layer).__name__}, unknown here"
    )
    linear = list(layer.net.layers)
    between = [part for one in linear[:-1] for part in (one, nn.ReLU())]
    network, weights = export_network(nn.Sequential(*between, linear[-1]), (1,))
    moved, bound = int(torch.arange(2)[layer.bent]), layer.elementwise.bound
    return {
        "type": "coupling", "moved": moved, "bound": bound, "network": network, "weights": weights
    }  # fmt: skip


def describe_target(name: str, density: ToyDensity) -> dict:
    """Its picture: 256 levels of the density, the first row on top, and how dense it is at most."""
    values = density.log_prob(pixel_centres()).exp()
    peak = values.max().item()
    shades = (values / peak * 255).round().to(torch.uint8)
    return {
        "name": name,
        "label": name.replace("_", " "),
        "peak": peak,
        "shades": encode_bytes(shades.numpy().tobytes()),
    }


def pixel_centres() -> Tensor:
    """`(PIXELS, PIXELS, 2)`: the points of the plane in the middle of each pixel."""
    across = ((torch.arange(PIXELS) + 0.5) / PIXELS * 2 - 1) * HALF
    y, x = torch.meshgrid(across.flip(0), across, indexing="ij")
    return torch.stack([x, y], -1)
