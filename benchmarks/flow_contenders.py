"""The same flows by vae_course, zuko, nflows, normflows and in plain torch.

MAF:      64 features, 5 layers, hidden 128 and 128, batch of 512
Real NVP: 64 features, 8 layers, hidden 128 and 128, batch of 512
planar:   64 features, 16 layers, batch of 512: samples, their log-density, and the gradient

Each function `X(name, device)` returns the model, its `log_prob` and a function that draws 512
samples; planar flows return the samples with their log-densities. normflows has no activation
between the first two layers of its MADE; nothing is done about it.
"""

import itertools
from math import log, pi

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


def posterior_step(model: nn.Module, sample_and_log_prob):
    """Samples with their log-density under the flow, compared with a Gaussian, and the gradient."""

    def run():
        for parameter in model.parameters():
            parameter.grad = None
        x, log_prob = sample_and_log_prob()
        (log_prob + x.square().sum(-1)).mean().backward()

    return run


# vae_course -------------------------------------------------------------------------------------


def course(name: str, device="cpu"):
    with seeded(0):
        model = {
            "MAF": lambda: flows.MAF(FEATURES, MAF_LAYERS, (WIDTH, WIDTH)),
            "Real NVP": lambda: flows.RealNVP(FEATURES, NVP_LAYERS, (WIDTH, WIDTH)),
            "planar": lambda: flows.PlanarFlow(FEATURES, PLANAR_LAYERS),
        }[name]().to(device)
    draw = model.rsample_and_log_prob if name == "planar" else model.sample
    return model, model.log_prob, lambda: draw((BATCH,))


# zuko -------------------------------------------------------------------------------------------


def zuko_flow(name: str, device="cpu"):
    import zuko

    with seeded(0):
        model = {
            "MAF": lambda: zuko.flows.MAF(
                FEATURES, transforms=MAF_LAYERS, hidden_features=(WIDTH, WIDTH)
            ),
            "Real NVP": lambda: zuko.flows.RealNVP(
                FEATURES, transforms=NVP_LAYERS, hidden_features=(WIDTH, WIDTH)
            ),
        }[name]().to(device)
    return model, lambda x: model().log_prob(x), lambda: model().sample((BATCH,))


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
        model = Flow(CompositeTransform(layers), StandardNormal([FEATURES])).to(device)
    return model, model.log_prob, lambda: model.sample(BATCH)


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
        model = nf.NormalizingFlow(base, layers).to(device)
    return model, model.log_prob, lambda: model.sample(BATCH)


# Plain torch: the floor. Unbounded exponentials, no contexts, no checks --------------------------


class PlainFlow(nn.Module):
    """Perceptrons 64-128-128-128 with masked weights, or 32-128-128-64 on halves that swap."""

    def __init__(self, name: str):
        super().__init__()
        self.autoregressive = name == "MAF"
        layers = MAF_LAYERS if self.autoregressive else NVP_LAYERS
        sizes = [FEATURES, WIDTH, WIDTH, 2 * FEATURES]
        if not self.autoregressive:
            sizes = [FEATURES // 2, WIDTH, WIDTH, FEATURES]
        self.nets = nn.ModuleList(
            nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))
            for _ in range(layers)
        )
        for index, mask in enumerate(flows.autoregressive_masks(FEATURES, (WIDTH, WIDTH), 2)):
            self.register_buffer(f"mask{index}", mask.float())

    def parameters_of(self, net, x):
        for index, linear in enumerate(net):
            masks = self.autoregressive
            weight = linear.weight * getattr(self, f"mask{index}") if masks else linear.weight
            x = F.linear(F.relu(x, inplace=True) if index else x, weight, linear.bias)
        return x.view(len(x), 2, -1).unbind(1)

    def log_prob(self, x):
        total = 0
        for index, net in enumerate(self.nets):
            if self.autoregressive:
                shift, log_scale = self.parameters_of(net, x)
                x = (x - shift) * torch.exp(-log_scale)
            else:
                first, second = x.chunk(2, -1)[:: 1 if index % 2 else -1]
                shift, log_scale = self.parameters_of(net, first)
                second = (second - shift) * torch.exp(-log_scale)
                x = torch.cat([first, second][:: 1 if index % 2 else -1], -1)
            total = total - log_scale.sum(-1)
        return total - 0.5 * x.square().sum(-1) - FEATURES / 2 * log(2 * pi)


class PlainPlanar(nn.Module):
    """u is taken as it comes: nothing makes the layers invertible."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(0.1 * torch.randn(PLANAR_LAYERS, FEATURES))
        self.u = nn.Parameter(0.1 * torch.randn(PLANAR_LAYERS, FEATURES))
        self.b = nn.Parameter(torch.zeros(PLANAR_LAYERS))

    def forward(self):
        z = torch.randn(BATCH, FEATURES, device=self.w.device)
        log_prob = -0.5 * z.square().sum(-1) - FEATURES / 2 * log(2 * pi)
        for w, u, b in zip(self.w, self.u, self.b, strict=True):
            h = torch.tanh(torch.addmv(b, z, w))
            z = torch.addr(z, h, u)
            log_prob = log_prob - torch.log1p((1 - h * h) * (w @ u))
        return z, log_prob


def floor(name: str, device="cpu"):
    with seeded(0):
        model = (PlainPlanar() if name == "planar" else PlainFlow(name)).to(device)
    return model, getattr(model, "log_prob", None), model
