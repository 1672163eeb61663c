"""The same flows by vae_course, zuko, nflows, normflows and in plain torch.

MAF:      64 features, 5 layers, hidden 128 and 128, batch of 512
Real NVP: 64 features, 8 layers, hidden 128 and 128, batch of 512
planar:   64 features, 16 layers, batch of 512: samples, their log-density, and the gradient

Each function returns callables that do the work once: `density`, log_prob of the batch and the
gradient of every parameter; `sample`, 512 draws without gradients.
"""

import torch
from torch import nn
from torch.nn import functional as F

from vae_course import flows
from vae_course.random import seeded

FEATURES, WIDTH, BATCH = 64, 128, 512
MAF_LAYERS, NVP_LAYERS, PLANAR_LAYERS = 5, 8, 16


def batch(device="cpu") -> torch.Tensor:
    with seeded(0):
        return torch.randn(BATCH, FEATURES).to(device)


def density_step(model: nn.Module, log_prob, x):
    """The mean log-density and the gradient of every parameter, as an optimiser would want it."""

    def run():
        for parameter in model.parameters():
            parameter.grad = None
        (-log_prob(x).mean()).backward()

    return run


def sampling(sample):
    return torch.no_grad()(sample)


# vae_course -------------------------------------------------------------------------------------


def course(name: str, device="cpu"):
    with seeded(0):
        return {
            "MAF": lambda: flows.MAF(FEATURES, MAF_LAYERS, (WIDTH, WIDTH)),
            "Real NVP": lambda: flows.RealNVP(FEATURES, NVP_LAYERS, (WIDTH, WIDTH)),
            "planar": lambda: flows.PlanarFlow(FEATURES, PLANAR_LAYERS),
        }[name]().to(device)


# zuko -------------------------------------------------------------------------------------------


def zuko_flow(name: str, device="cpu"):
    import zuko

    with seeded(0):
        return {
            "MAF": lambda: zuko.flows.MAF(
                FEATURES, transforms=MAF_LAYERS, hidden_features=(WIDTH, WIDTH)
            ),
            "Real NVP": lambda: zuko.flows.RealNVP(
                FEATURES, transforms=NVP_LAYERS, hidden_features=(WIDTH, WIDTH)
            ),
        }[name]().to(device)


# nflows -----------------------------------------------------------------------------------------


def nflows_flow(name: str, device="cpu"):
    from nflows.distributions.normal import StandardNormal
    from nflows.flows import Flow
    from nflows.nn.nets import MLP
    from nflows.transforms import (
        AffineCouplingTransform,
        CompositeTransform,
        MaskedAffineAutoregressiveTransform,
        ReversePermutation,
    )

    class Plain(MLP):
        """nflows' perceptron, called as its couplings call their networks."""

        def forward(self, inputs, context=None):
            return super().forward(inputs)

    layers = []
    with seeded(0):
        if name == "MAF":
            for _ in range(MAF_LAYERS):
                layers += [
                    MaskedAffineAutoregressiveTransform(
                        FEATURES, WIDTH, num_blocks=1, use_residual_blocks=False
                    ),
                    ReversePermutation(FEATURES),
                ]
        else:
            mask = (torch.arange(FEATURES) % 2) * 2 - 1
            for layer in range(NVP_LAYERS):
                layers.append(
                    AffineCouplingTransform(
                        mask * (-1) ** layer, lambda a, b: Plain([a], [b], [WIDTH, WIDTH])
                    )
                )
        return Flow(CompositeTransform(layers), StandardNormal([FEATURES])).to(device)


# normflows --------------------------------------------------------------------------------------


def normflows_flow(name: str, device="cpu"):
    """Its autoregressive layer goes from data to noise in one pass by `forward`."""
    import normflows as nf

    layers = []
    with seeded(0):
        base = nf.distributions.DiagGaussian(FEATURES, trainable=False)
        if name == "MAF":
            layers = [
                nf.flows.Reverse(
                    nf.flows.MaskedAffineAutoregressive(
                        FEATURES, WIDTH, num_blocks=1, use_residual_blocks=False
                    )
                )
                for _ in range(MAF_LAYERS)
            ]
        elif name == "Real NVP":
            for _ in range(NVP_LAYERS):
                net = nf.nets.MLP([FEATURES // 2, WIDTH, WIDTH, FEATURES])
                layers += [nf.flows.AffineCouplingBlock(net), nf.flows.Permute(FEATURES, "swap")]
        else:
            layers = [nf.flows.Planar((FEATURES,)) for _ in range(PLANAR_LAYERS)]
        return nf.NormalizingFlow(base, layers).to(device)
