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


ADDITIVE, AFFINE, SPLINE = Additive(), Affine(), RationalQuadraticSpline(bins=4)
# Quadrature over the corners of a spline, and of a network's ReLU, is less exact.
KINKS = {"integral": 1e-3, "nodes": 300}
CONTEXT = KINKS | {"context_features": 3}
CASES = [
    *sizes("output-affine", autoregressive(AFFINE, "output"), 2, 5, **KINKS),
    *sizes("output-affine-context", autoregressive(AFFINE, "output", None, 3), 2, **CONTEXT),
    *sizes("output-spline", autoregressive(SPLINE, "output"), 2, **KINKS),
    *sizes("output-additive", autoregressive(ADDITIVE, "output"), 2, **KINKS),
    *sizes("input-affine", autoregressive(AFFINE, "input"), 2, **KINKS),
    *sizes("input-affine-context", autoregressive(AFFINE, "input", None, 3), 3, **CONTEXT),
    *sizes("input-spline-context", autoregressive(SPLINE, "input", None, 3), 2, **CONTEXT),
    *sizes("ordering", autoregressive(AFFINE, "output", (3, 0, 4, 1, 2)), 5),
    *sizes("coupling-affine", coupling(AFFINE), 2, 5, **KINKS),
    *sizes("coupling-affine-context", coupling(AFFINE, 3), 2, **CONTEXT),
    *sizes("coupling-spline", coupling(SPLINE), 2, **KINKS),
    *sizes("coupling-spline-context", coupling(SPLINE, 3), 3, **CONTEXT),
    *sizes("coupling-additive", coupling(ADDITIVE), 2, **KINKS),
]
for flow in (MAF, IAF, RealNVP, NeuralSplineFlow):

    def build(features: int, flow=flow):
        return flow(features, layers=2, hidden=SMALL).transform

    CASES += sizes(flow.__name__, build, 2, stacks=False, spread=0.1, **KINKS)
CASES += sizes("PlanarFlow", lambda n: PlanarFlow(n, layers=2).transform, 2, stacks=False)
