"""Autoregressive and coupling layers, and the flows made of them."""

import torch

from tests.flows.contract import sizes
from vae_course.flows import (
    IAF,
    MADE,
    MAF,
    Additive,
    Affine,
    Autoregressive,
    Coupling,
    NeuralSplineFlow,
    PlanarFlow,
    RationalQuadraticSpline,
    RealNVP,
)

MAPS = {"additive": Additive(), "affine": Affine(), "spline": RationalQuadraticSpline(bins=4)}
SMALL = (12, 10)


def autoregressive(elementwise, conditions_on: str, ordering=None, context_features: int = 0):
    def build(features: int):
        net = MADE(features, SMALL, elementwise.parameters, ordering, context_features)
        return Autoregressive(net, elementwise, conditions_on)

    return build


def coupling(elementwise, context_features: int = 0):
    def build(features: int):
        return Coupling(torch.arange(features) % 2 == 1, elementwise, SMALL, context_features)

    return build


CASES = []
for name, elementwise in MAPS.items():
    # Quadrature over the corners of a spline, and of its network's ReLU, is less exact.
    kinks = {"integral": 1e-3}
    for side in ("output", "input"):
        CASES += sizes(f"{side}-{name}", autoregressive(elementwise, side), 2, 5, **kinks)
        CASES += sizes(
            f"{side}-{name}-context",
            autoregressive(elementwise, side, None, 3), 1, 2, 5,
            context_features=3, **kinks,
        )  # fmt: skip
    CASES += sizes(f"coupling-{name}", coupling(elementwise), 2, 5, **kinks)
    CASES += sizes(
        f"coupling-{name}-context", coupling(elementwise, 3), 2, 5, context_features=3, **kinks
    )
CASES += sizes("ordering", autoregressive(Affine(), "output", (3, 0, 4, 1, 2)), 5)
for flow in (MAF, IAF, RealNVP, NeuralSplineFlow):
    CASES += sizes(
        flow.__name__,
        lambda n, flow=flow: flow(n, layers=2, hidden=SMALL).transform, 2, 4, integral=1e-3,
    )  # fmt: skip
CASES += sizes("PlanarFlow", lambda n: PlanarFlow(n, layers=2).transform, 2)
