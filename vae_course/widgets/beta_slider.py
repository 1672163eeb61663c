r"""The slider for β: models that were trained each with its own weight of the rate.

$$ \mathcal L_\beta = -(D + \beta R), \qquad \frac{dD}{dR} = -\beta \text{ at the optimum} $$

The page shows where each model lies in the plane of rate and distortion (Alemi et al. 2018,
"Fixing a Broken ELBO"), the line of slope −β through the present one, its reconstructions and its
samples. The slider goes from one trained model to the next. Between them there is no model, and
none is made up.
"""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from math import log

import torch
import traitlets
from torch import Tensor

from vae_course.checks import require, require_tensor
from vae_course.metrics import active_units, encode_all
from vae_course.models import VAE
from vae_course.objectives import elbo
from vae_course.random import seeded
from vae_course.training import evaluate
from vae_course.widgets.base import (
    CourseWidget,
    encode_float16,
    encode_four_bits,
    export_network,
    mean_decoder,
)

SHOWN = 12  # pictures that travel in the page


class BetaSlider(CourseWidget):
    """A family of trained VAEs in the plane of rate and distortion, and what each of them draws.

    models: two or more VAEs over grey images `(1, H, W)`; decoders as `LatentTraversal` takes them.
    betas: the weight with which each was trained; positive, rising.
    images: `(N, 1, H, W)` in [0, 1], N >= 2, as they were given in training (binarise them first).
        Rate and distortion, in nats, are means over all of them; the first twelve are shown.

    Without arguments: the family `glyphs-beta-…` of `vae_course.pretrained`, with the numbers that
    its records give for 4,000 test glyphs.

    `beta` (the page takes the nearest model), `sampled` (reconstructions from a sample of q, not
    its mean) and `seed` (of all noise) follow the page, and can be set, in a notebook.

    Raises:
        ValueError: one of the three arguments without the others, or one of another shape.
    """

    scripts = ("charts.js", "choices.js", "beta_plane.js", "beta_pictures.js", "beta_slider.js")
    styles = ("charts.css", "beta_slider.css")

    height = traitlets.Int().tag(sync=True)
    width = traitlets.Int().tag(sync=True)
    inputs = traitlets.Unicode().tag(sync=True)  # of the shown images, four bits a pixel
    # One for each model: beta, rate, distortion, active, latents; its decoder as layers and
    # weights for nn.js; means and deviations of q(z|x) for the shown images, (N, d) in float16.
    members = traitlets.List(traitlets.Dict()).tag(sync=True)
    measured_on = traitlets.Unicode().tag(sync=True)  # what the rates and distortions are means of
    beta = traitlets.Float().tag(sync=True)
    sampled = traitlets.Bool(False).tag(sync=True)
    seed = traitlets.Int(1).tag(sync=True)

    def __init__(
        self,
        models: Sequence[VAE] | None = None,
        betas: Sequence[float] | None = None,
        images: Tensor | None = None,
        **kwargs,
    ):
        missing = [argument is None for argument in (models, betas, images)]
        require(
            all(missing) or not any(missing),
            "models, betas and images need to be given together, or none of them",
        )
        if models is None:
            models, betas, images, measured, measured_on = recorded_family()
        else:
            _check(models, betas, images)
            measured = [measure(model, images) for model in models]
            measured_on = f"{len(images)} images"
        shown = images[:SHOWN]
        members = [
            {"beta": float(beta)} | numbers | _exported(model, shown)
            for model, beta, numbers in zip(models, betas, measured, strict=True)
        ]
        super().__init__(
            description=f"{len(members)} models, trained with β from {betas[0]:g} to {betas[-1]:g}",
            height=images.shape[-2],
            width=images.shape[-1],
            inputs=encode_four_bits(shown),
            members=members,
            measured_on=measured_on,
            **{"beta": min(map(float, betas), key=lambda beta: abs(log(beta)))} | kwargs,
        )


def recorded_family() -> tuple[list[VAE], tuple[float, ...], Tensor, list[dict], str]:
    """The models, their β, the first twelve test glyphs, the recorded numbers and their data."""
    from vae_course.data import binarise, load
    from vae_course.pretrained import BETAS, pretrained, training_record

    names = [f"glyphs-beta-{beta:g}" for beta in BETAS]
    with seeded(0):
        images = binarise(load("glyphs", "test", count=SHOWN).images)
    records = [training_record(name) for name in names]
    measured = [
        {
            "rate": round(record["held_out_rate"], 2),
            "distortion": round(record["held_out_distortion"], 2),
            "active": record["active_units"],
        }
        for record in records
    ]
    models = [pretrained(name) for name in names]
    return models, BETAS, images, measured, records[0]["held_out"]


@torch.no_grad()
def measure(model: VAE, images: Tensor) -> dict:
    """Mean rate and distortion over the images, in nats, and how many units are active.

    Rounded as the page prints them, so that what is printed adds up.
    """
    images = images.to(next(model.parameters()).device)
    terms = evaluate(model, partial(elbo, samples=20), images)
    return {
        "rate": round(terms["rate"], 2),
        "distortion": round(terms["distortion"], 2),
        "active": int(active_units(encode_all(model, images)[0]).sum()),
    }


def _exported(model: VAE, shown: Tensor) -> dict:
    layers, weights = export_network(mean_decoder(model), (model.latent_dim,))
    mean, variance = encode_all(model, shown.to(next(model.parameters()).device))
    return {
        "latents": model.latent_dim,
        "layers": layers,
        "weights": weights,
        "means": encode_float16(mean),
        "deviations": encode_float16(variance.sqrt()),
    }


def _check(models: Sequence[VAE], betas: Sequence[float], images: Tensor) -> None:
    require(len(models) >= 2, f"models has {len(models)} of them, needs at least 2")
    require(
        len(betas) == len(models), f"betas has {len(betas)} entries, needs {len(models)}, as models"
    )
    rising = all(a < b for a, b in pairwise(betas))
    require(betas[0] > 0 and rising, f"betas is {list(betas)}, needs positive numbers that rise")
    shape = tuple(models[0].event_shape)
    require(
        len(shape) == 3 and shape[0] == 1 and all(tuple(m.event_shape) == shape for m in models),
        f"models have event shapes {sorted({tuple(m.event_shape) for m in models})}, "
        "need the same (1, H, W)",
    )
    require_tensor("images", images, event_shape=shape)
    require(len(images) >= 2, f"images has {len(images)} of them, needs at least 2")
    require(bool((images >= 0).all() and (images <= 1).all()), "images has values outside [0, 1]")
