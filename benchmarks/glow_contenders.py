"""Glow by vae_course, nflows, normflows and in plain torch: 3×32×32, 2 levels of 4 steps, width 32.

Each function returns an object with `log_prob(x)` of 32 images and `sample()` of 32 images. The
couplings of all have the same network, convolutions 3×3, 1×1 and 3×3; all but the floor's bound
their scales in their own way. Every ActNorm has seen a batch before anything is timed.
"""

from math import log, pi

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.flow_contenders import density_step
from vae_course.flows import Glow
from vae_course.random import seeded

SHAPE, LEVELS, STEPS, WIDTH, BATCH = (3, 32, 32), 2, 4, 32, 32


def images(device="cpu") -> torch.Tensor:
    with seeded(0):
        return torch.randn(BATCH, *SHAPE).to(device)


def course(device="cpu"):
    with seeded(0):
        flow = Glow(SHAPE, levels=LEVELS, steps=STEPS, hidden=WIDTH).to(device)
    flow.log_prob(images(device))
    return flow, flow.log_prob, lambda: flow.sample((BATCH,))


# Plain torch: one loop for each direction ---------------------------------------------------------


class Floor(nn.Module):
    """No transforms and no distributions; ActNorm is part of the 1×1 convolution's weights.

    The memory format is channels-last throughout, and log-determinants that are the same for all
    images are added as scalars.
    """

    def __init__(self):
        super().__init__()
        self.steps = nn.ParameterList()
        self.factor = nn.Conv2d(6, 12, 3, padding=1)
        levels, channels = [], SHAPE[0]
        for _ in range(LEVELS):
            channels *= 4
            levels.append(nn.ModuleList(FloorStep(channels) for _ in range(STEPS)))
            channels //= 2
        self.levels = nn.ModuleList(levels)
        nn.init.zeros_(self.factor.weight)
        nn.init.zeros_(self.factor.bias)

    def log_prob(self, x):
        h = F.pixel_unshuffle(x, 2).contiguous(memory_format=torch.channels_last)
        stretch, squares = 0, 0
        for level, steps in enumerate(self.levels):
            for step in steps:
                h, log_det = step.to_noise(h)
                stretch = stretch + log_det
            if level == 0:
                h, z = h.chunk(2, 1)
                mean, s = self.factor(h).chunk(2, 1)
                s = 2 * torch.tanh(s / 2)
                z = (z - mean) * torch.exp(-s)
                squares = squares + z.square().sum((1, 2, 3))
                stretch = stretch - s.sum((1, 2, 3))
                h = F.pixel_unshuffle(h, 2).contiguous(memory_format=torch.channels_last)
        squares = squares + h.square().sum((1, 2, 3))
        return stretch - 0.5 * squares - 0.5 * x[0].numel() * log(2 * pi)

    def sample(self):
        h = torch.randn(BATCH, 24, 8, 8, device=self.factor.weight.device)
        h = h.contiguous(memory_format=torch.channels_last)
        for step in reversed(self.levels[1]):
            h = step.to_image(h)
        h = F.pixel_shuffle(h, 2).contiguous(memory_format=torch.channels_last)
        mean, s = self.factor(h).chunk(2, 1)
        z = torch.randn_like(mean) * torch.exp(2 * torch.tanh(s / 2)) + mean
        h = torch.cat((h, z), 1)
        for step in reversed(self.levels[0]):
            h = step.to_image(h)
        return F.pixel_shuffle(h, 2)


class FloorStep(nn.Module):
    def __init__(self, channels):
        super().__init__()
        permutation, lower, upper = torch.linalg.lu(
            torch.linalg.qr(torch.randn(channels, channels))[0]
        )
        self.register_buffer("permutation", permutation)
        self.register_buffer("sign", upper.diagonal().sign())
        self.register_buffer("identity", torch.eye(channels))
        self.lower = nn.Parameter(lower.tril(-1))
        self.upper = nn.Parameter(upper.triu(1))
        self.log_s = nn.Parameter(upper.diagonal().abs().log())
        self.log_scale = nn.Parameter(torch.zeros(channels))
        self.shift = nn.Parameter(torch.zeros(channels))
        self.network = nn.Sequential(
            nn.Conv2d(channels // 2, WIDTH, 3, padding=1), nn.ReLU(),
            nn.Conv2d(WIDTH, WIDTH, 1), nn.ReLU(),
            nn.Conv2d(WIDTH, channels, 3, padding=1),
        )  # fmt: skip
        nn.init.zeros_(self.network[-1].weight)
        nn.init.zeros_(self.network[-1].bias)
        self.to(memory_format=torch.channels_last)

    def matrix(self):
        lower = self.lower.tril(-1) + self.identity
        upper = self.upper.triu(1) + torch.diag(self.sign * self.log_s.exp())
        return self.permutation @ lower @ upper

    def to_noise(self, h):
        weight = self.matrix() * torch.exp(-self.log_scale)
        h = F.conv2d(h, weight[:, :, None, None], -weight @ self.shift)
        stay, move = h.chunk(2, 1)
        s, t = self.network(stay).chunk(2, 1)
        s = 2 * torch.tanh(s / 2)
        h = torch.cat((stay, (move - t) * torch.exp(-s)), 1)
        pixels = h.shape[2] * h.shape[3]
        return h, pixels * (self.log_s.sum() - self.log_scale.sum()) - s.sum((1, 2, 3))

    def to_image(self, h):
        stay, move = h.chunk(2, 1)
        s, t = self.network(stay).chunk(2, 1)
        h = torch.cat((stay, move * torch.exp(2 * torch.tanh(s / 2)) + t), 1)
        weight = torch.exp(self.log_scale)[:, None] * torch.linalg.inv(self.matrix())
        return F.conv2d(h, weight[:, :, None, None], self.shift)


def floor(device="cpu"):
    with seeded(0):
        model = Floor().to(device)
    return model, model.log_prob, model.sample


# The peers ----------------------------------------------------------------------------------------


def nflows_glow(device="cpu"):
    from nflows.distributions.normal import StandardNormal
    from nflows.flows import Flow
    from nflows.transforms import (
        ActNorm,
        AffineCouplingTransform,
        CompositeTransform,
        MultiscaleCompositeTransform,
        OneByOneConvolution,
        SqueezeTransform,
    )

    class Network(nn.Module):
        def __init__(self, inputs, outputs):
            super().__init__()
            self.layers = convolutions(inputs, outputs)

        def forward(self, x, context=None):
            return self.layers(x)

    with seeded(0):
        multiscale, channels, size = MultiscaleCompositeTransform(LEVELS), SHAPE[0], SHAPE[1]
        for _ in range(LEVELS):
            channels, size = 4 * channels, size // 2
            mask = torch.cat([torch.ones(channels // 2), -torch.ones(channels // 2)])
            layers = [SqueezeTransform()]
            for _ in range(STEPS):
                layers += [
                    ActNorm(channels),
                    OneByOneConvolution(channels),
                    AffineCouplingTransform(mask, Network),
                ]
            multiscale.add_transform(CompositeTransform(layers), (channels, size, size))
            channels //= 2
        flow = Flow(multiscale, StandardNormal([SHAPE[0] * SHAPE[1] * SHAPE[2]])).to(device)
    flow.log_prob(images(device))
    return flow, flow.log_prob, lambda: flow.sample(BATCH)


def normflows_glow(device="cpu"):
    import normflows as nf

    with seeded(0):
        bases, merges, flows, channels, size = [], [], [], SHAPE[0], SHAPE[1]
        for level in range(LEVELS):
            channels, size = 4 * channels, size // 2
            blocks = [nf.flows.GlowBlock(channels, WIDTH) for _ in range(STEPS)]
            flows.insert(0, [*blocks, nf.flows.Squeeze()])
            last = level == LEVELS - 1
            kept = channels if last else channels // 2
            bases.insert(0, nf.distributions.DiagGaussian((kept, size, size), trainable=False))
            if not last:
                merges.insert(0, nf.flows.Merge())
            channels //= 2
        model = nf.MultiscaleFlow(bases, flows, merges).to(device)
    model.log_prob(images(device), None)
    return model, lambda x: model.log_prob(x, None), lambda: model.sample(BATCH)


def convolutions(inputs, outputs):
    network = nn.Sequential(
        nn.Conv2d(inputs, WIDTH, 3, padding=1), nn.ReLU(),
        nn.Conv2d(WIDTH, WIDTH, 1), nn.ReLU(),
        nn.Conv2d(WIDTH, outputs, 3, padding=1),
    )  # fmt: skip
    nn.init.zeros_(network[-1].weight)
    nn.init.zeros_(network[-1].bias)
    return network


CONTENDERS = {
    "vae_course": course,
    "nflows": nflows_glow,
    "normflows": normflows_glow,
    "plain torch": floor,
}


def densities(name: str, device: str) -> dict:
    """For each contender, log_prob of the images and the gradient of every parameter."""
    x = images(device)
    runs = {}
    for library, build in CONTENDERS.items():
        model, log_prob, _ = build(device)
        runs[library] = density_step(model, log_prob, x)
        if library == "vae_course" and device != "cpu":
            runs[library + ", compiled"] = density_step(model, torch.compile(log_prob), x)
    return runs


def samples(name: str, device: str) -> dict:
    """For each contender, 32 images without gradients."""
    return {library: torch.no_grad()(build(device)[2]) for library, build in CONTENDERS.items()}
