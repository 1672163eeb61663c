"""Widgets that the tests look at: a VAE trained for a moment, and two that were not trained."""

from functools import cache

import torch
from torch import Tensor

from vae_course.data import Dataset, load
from vae_course.data.coarsening import coarse
from vae_course.flows import Flow
from vae_course.models import VAE, conv_vae
from vae_course.objectives import elbo
from vae_course.pretrained import glyphs_glow
from vae_course.random import seeded
from vae_course.widgets import GlowSampler, LatentTraversal, TraversalPair


@cache
def images_and_names() -> tuple[Tensor, list[str]]:
    data = load("glyphs", count=60)
    return data.images, [data.class_names[label] for label in data.labels]


@cache
def trained_vae() -> VAE:
    """The same weights in every process: a test compares what the page shows with them."""
    images, _ = images_and_names()
    torch.set_num_threads(1)  # another number of threads rounds in another order
    with seeded(3):
        model = conv_vae()
        optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
        for _ in range(250):
            optimizer.zero_grad()
            (-elbo(model, images).value.mean()).backward()
            optimizer.step()
    return model.eval().requires_grad_(False)


def traversal() -> LatentTraversal:
    images, names = images_and_names()
    return LatentTraversal(trained_vae(), images, names)


@cache
def sprites() -> Dataset:
    return load("sprites", "test", count=200)


@cache
def vivid_vae(latents: int, seed: int) -> VAE:
    """Not trained, but what it decodes and encodes depends on z and x as if it were."""
    with seeded(seed), torch.no_grad():
        model = conv_vae((1, 32, 32), (4, 8, 8), latents)
        for parameter in model.decoder.parameters():
            parameter.mul_(3)
        codes = model.encode(sprites().images).mean
        # the means: to mean zero and variance one over the pictures
        weight, bias = (p[:latents] for p in (model.encoder.head.weight, model.encoder.head.bias))
        weight.div_(codes.std(0)[:, None])
        bias.copy_((bias - codes.mean(0)) / codes.std(0))
    return model.eval().requires_grad_(False)


def pair() -> TraversalPair:
    return TraversalPair(vivid_vae(4, 1), vivid_vae(6, 2), sprites(), names=("four", "six"))


@cache
def glow_flow() -> Flow:
    """The architecture of `glyphs-glow`, not trained, but with no parameter at its first zero."""
    with seeded(4), torch.no_grad():
        flow = glyphs_glow().eval()
        for parameter in flow.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
            parameter.copy_(parameter.half().float())
    return flow.requires_grad_(False)


def glow() -> GlowSampler:
    images, _ = images_and_names()
    return GlowSampler(glow_flow(), coarse(images), held_out=2.5)
