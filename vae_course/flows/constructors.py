"""Flows by their names in the literature, from standard normal noise to vectors.

Each takes `features`, how many numbers one x has, `layers`, and `context_features`, the size c of
a context `(..., c)` on which the density may depend.
"""

import torch

from vae_course.checks import require, require_count
from vae_course.flows.autoregressive import Autoregressive
from vae_course.flows.coupling import Coupling
from vae_course.flows.elementwise import Affine, RationalQuadraticSpline
from vae_course.flows.flow import Flow
from vae_course.flows.made import MADE
from vae_course.flows.planar_stack import PlanarStack
from vae_course.flows.standard_normal import StandardNormal


def MAF(features: int, layers: int = 5, hidden=(128, 128), context_features: int = 0) -> Flow:
    """Masked autoregressive flow: `log_prob` in one pass, samples one feature at a time.

    Every second layer takes the features in reverse order. Papamakarios et al. 2017.
    """
    return autoregressive_flow(features, layers, hidden, Affine(), "output", context_features)


def IAF(features: int, layers: int = 5, hidden=(128, 128), context_features: int = 0) -> Flow:
    """Inverse autoregressive flow: samples and their densities in one pass, `log_prob` of other
    points one feature at a time.

    Every second layer takes the features in reverse order. Kingma et al. 2016.
    """
    return autoregressive_flow(features, layers, hidden, Affine(), "input", context_features)


def RealNVP(features: int, layers: int = 8, hidden=(128, 128), context_features: int = 0) -> Flow:
    """Affine couplings: both directions in one pass. Dinh et al. 2017.

    The first layer bends the second half of the features, the next one the first half, and so on.
    """
    return coupling_flow(features, layers, hidden, Affine(), context_features)


def NeuralSplineFlow(
    features: int,
    layers: int = 5,
    hidden=(128, 128),
    bins: int = 8,
    bound: float = 5.0,
    kind: str = "coupling",
    context_features: int = 0,
) -> Flow:
    """Couplings, or an autoregressive flow, of rational-quadratic splines. Durkan et al. 2019.

    kind:  "coupling" for both directions in one pass, as in `RealNVP`; "autoregressive" for one
           pass from data to noise, as in `MAF`
    bins:  pieces of each spline on [-bound, bound]; outside it is the identity
    """
    spline = RationalQuadraticSpline(bins, bound)
    require(
        kind in ("coupling", "autoregressive"),
        f"kind is {kind!r}, needs 'coupling' or 'autoregressive'",
    )
    if kind == "coupling":
        return coupling_flow(features, layers, hidden, spline, context_features)
    return autoregressive_flow(features, layers, hidden, spline, "output", context_features)


def PlanarFlow(features: int, layers: int = 16, context_features: int = 0) -> Flow:
    """Planar layers: a cheap density of its own samples. Rezende & Mohamed 2015."""
    stack = PlanarStack(features, layers, context_features)
    return Flow(StandardNormal(torch.zeros(features)), [stack])


def autoregressive_flow(features, layers, hidden, elementwise, conditions_on, context_features):
    order = list(range(require_count("features", features)))
    transforms = []
    for layer in range(require_count("layers", layers)):
        ordering = order if layer % 2 == 0 else order[::-1]
        net = MADE(features, hidden, elementwise.parameters, ordering, context_features)
        transforms.append(Autoregressive(net, elementwise, conditions_on))
    return Flow(StandardNormal(torch.zeros(features)), transforms)


def coupling_flow(features, layers, hidden, elementwise, context_features):
    second_half = torch.arange(require_count("features", features, least=2)) >= features // 2
    masks = [second_half if layer % 2 == 0 else ~second_half
             for layer in range(require_count("layers", layers))]  # fmt: skip
    transforms = [Coupling(mask, elementwise, hidden, context_features) for mask in masks]
    return Flow(StandardNormal(torch.zeros(features)), transforms)
