"""The widget that the tests look at: a VAE trained for a moment on 60 glyphs."""

from functools import cache

import torch
from torch import Tensor

from vae_course.data import load
from vae_course.models import VAE, conv_vae
from vae_course.objectives import elbo
from vae_course.random import seeded
from vae_course.widgets import LatentTraversal


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
