"""Flows for images: `python -m recipes.flow_images mnist`, or `glyphs` for the model of the page.

mnist   Glow on the 8-bit grey levels of MNIST, in bits per dimension, beside published numbers. It
        is a much smaller model, trained for much less time, than those; the record says how long.
        Needs MNIST: VAE_COURSE_DATA=<folder> or a download.
glyphs  the flow `glyphs-glow`: 16×16 pictures of digits with 16 grey levels, drawn from fonts.

Both add uniform noise to the grey levels, anew at each use, and train by maximum likelihood with
Adam; the learning rate rises for 200 steps and falls to zero along a cosine. A run can be stopped
with Ctrl-C at any time, and the same command goes on from its checkpoint. Nothing is tuned on the
test sets. Bits per dimension are a bound, by `--draws` draws of the noise for each test image.
"""

import argparse
import json
import os
import sys
from functools import partial
from math import cos, log, pi
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.machine import machine
from recipes.widget_models import WEIGHTS, round_weights, save
from vae_course.data import load
from vae_course.data.coarsening import coarse
from vae_course.flows import Glow, bits_per_dimension, dequantise, dequantised_log_likelihood
from vae_course.networks import parameter_count
from vae_course.pretrained import glyphs_glow
from vae_course.random import seeded
from vae_course.training import fit

RESULTS = Path(__file__).parent / "results"
PUBLISHED = {  # MNIST, bits per dimension
    "source": "Grathwohl et al. 2019 (FFJORD)",
    "Real NVP": 1.06,
    "Glow": 1.05,
    "FFJORD": 0.99,
}


def learning_rate(updates: int, steps: int, highest: float) -> float:
    """A linear rise over 200 updates, times a cosine from 1 to 0 at `steps`."""
    return highest * min(1, (updates + 1) / 200) * 0.5 * (1 + cos(pi * updates / steps))


def train(name: str, flow, images: Tensor, levels: int, options):
    """Fit the flow to grey levels; the history has their bits per dimension."""
    return fit(
        flow,
        partial(dequantised_log_likelihood, levels=levels),
        images,
        steps=options.steps,
        batch_size=options.batch_size,
        lr=lambda updates: learning_rate(updates, options.steps, options.rate),
        seed=options.seed,
        clip=options.clip,
        log_every=100,
        device="cpu",
        checkpoint=options.checkpoints / f"{name}-seed{options.seed}.safetensors",
        checkpoint_every=200,
        progress=sys.stderr.isatty(),
    )


@torch.no_grad()
def test_bound(flow, images: Tensor, levels: int, draws: int, seed: int) -> Tensor:
    """Mean over `draws` of log p(y), one for each image, in nats; y is the image with noise."""
    flow.eval()
    with seeded(seed):
        return torch.stack(
            [
                torch.cat([flow.log_prob(dequantise(x, levels)) for x in images.split(500)])
                for _ in range(draws)
            ]
        ).mean(0)


def mnist(options) -> dict:
    """A small Glow on MNIST; returns the record."""
    train_set, test_set = load("mnist", "train"), load("mnist", "test")
    with seeded(options.seed):
        flow = Glow((1, 28, 28), levels=2, steps=options.depth, hidden=options.hidden, alpha=1e-3)
    history = train("flow-mnist", flow, train_set.images, 256, options)
    log_prob = test_bound(flow, test_set.images, 256, options.draws, seed=0)
    bits = bits_per_dimension(log_prob, 784)
    return {
        "recipe": f"python -m recipes.flow_images mnist --steps {options.steps} --batch-size "
        f"{options.batch_size} --depth {options.depth} --hidden {options.hidden} "
        f"--rate {options.rate:g} --seed {options.seed}",
        "model": f"Glow((1, 28, 28), levels=2, steps={options.depth}, hidden={options.hidden}, "
        f"alpha=1e-3), {parameter_count(flow):,} parameters",
        "training": {
            "data": f"MNIST, {len(train_set):,} training images, uniform noise at each use; "
            + train_set.source.partition("; ")[2],
            "steps": history.step[-1],
            "batch_size": options.batch_size,
            "epochs": round(history.step[-1] * options.batch_size / len(train_set), 2),
            "optimizer": f"Adam, highest learning rate {options.rate:g}, clip {options.clip:g}",
            "seed": options.seed,
            "seconds": round(history.seconds[-1], 1),
            "last_bits_per_dimension": round(history.bits_per_dimension[-1], 3),
        },
        "test": {
            "data": f"MNIST, {len(test_set):,} test images",
            "bits_per_dimension": round(bits.mean().item(), 4),
            "standard_error_over_images": round((bits.std() / len(bits) ** 0.5).item(), 4),
            "by": f"uniform dequantisation, {options.draws} draws; a bound",
        },
        "curve": {
            "step": history.step[::5],
            "bits_per_dimension": [round(value, 3) for value in history.bits_per_dimension[::5]],
        },
        "published": PUBLISHED,
        "machine": machine() | {"niceness": os.nice(0) if hasattr(os, "nice") else None},
    }


def glyphs(options) -> dict:
    """The flow of the page and its widget; writes weights and record."""
    train_set = load("glyphs", "train", count=40_000)
    test_set = load("glyphs", "test", count=4_000)
    with seeded(options.seed):
        flow = glyphs_glow()
    history = train("flow-glyphs", flow, coarse(train_set.images), 16, options)
    round_weights(flow)
    log_prob = test_bound(flow, coarse(test_set.images), 16, options.draws, seed=options.seed)
    caption = "A Glow of 16 steps, trained on digits drawn from seven fonts, at 16×16 pixels."
    n = 256
    return save(
        "glyphs-glow", "glyphs", flow, options.folder, {}, caption=caption, steps=options.steps,
        seed=options.seed, batch_size=options.batch_size, rate=options.rate,
        seconds=round(history.seconds[-1], 1),
        data=train_set.source + "; made 16×16 with 16 grey levels by `coarse`",
        architecture="vae_course.pretrained.glyphs_glow", parameters=parameter_count(flow),
        held_out="glyphs test split, 4,000, uniform dequantisation",
        held_out_elbo=round((log_prob.mean() - n * log(16)).item(), 3),
        held_out_bits_per_dimension=round(bits_per_dimension(log_prob, n, 16).mean().item(), 4),
        recipe=f"python -m recipes.flow_images glyphs --steps {options.steps} --batch-size "
        f"{options.batch_size} --rate {options.rate:g} --seed {options.seed}",
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("run", choices=["mnist", "glyphs"])
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--rate", type=float, default=2e-3, help="the highest learning rate")
    parser.add_argument("--clip", type=float, default=100.0)
    parser.add_argument("--depth", type=int, default=4, help="of mnist: steps of each level")
    parser.add_argument("--hidden", type=int, default=32, help="of mnist: width")
    parser.add_argument("--draws", type=int, default=1, help="of noise for each test image")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--checkpoints", type=Path, default=Path("checkpoints"), help="a folder")
    parser.add_argument("--output", type=Path, default=RESULTS / "flow-mnist.json")
    parser.add_argument(
        "--folder", type=Path, default=WEIGHTS, help="of weights and runs that the page loads"
    )
    options = parser.parse_args()
    record = {"mnist": mnist, "glyphs": glyphs}[options.run](options)
    if options.run == "mnist":
        options.output.parent.mkdir(parents=True, exist_ok=True)
        runs = options.folder / "runs" / "flow-mnist.json"  # what the page reads
        runs.parent.mkdir(parents=True, exist_ok=True)
        for path, content in [(options.output, record), (runs, [record])]:
            path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    print(json.dumps(record, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
