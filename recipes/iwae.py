"""The one-layer IWAE of Burda, Grosse & Salakhutdinov on MNIST: `python -m recipes.iwae --k 5`.

784-200-200 tanh, 50 latents, 200-200 tanh-784, Bernoulli pixels, binarised anew every time they are
used; batches of 20; Adam with β₁ = 0.9, β₂ = 0.999; learning rate 0.001 · 10^(-i/7) for 3^i epochs,
i = 0 ... 7, 3,280 epochs in all. `--epochs` says how far to go: the rate does not depend on it. A
run can be stopped with Ctrl-C at any time, and the same command goes on from the checkpoint of the
last epoch. The data come from `VAE_COURSE_DATA=<folder>` or a download.

The result is -L_5000 on all 10,000 test images, binarised once with a fixed seed, and the number of
active units, beside Table 1 of the paper. What is not as in the paper or in the authors' program:

- The loss here is the mean over a batch. Theirs is the sum, and with Adam the scale of a gradient
  matters only beside ε: their ε = 1e-4 is 1e-4 / 20 here.
- The encoder's head gives log σ², theirs log σ.
- Their program has β₁ = 0.99 and leaves 400 training images out; here it is as the paper says.
- They binarise the test images with the random numbers of their program, we with ours.

Source: Burda, Grosse & Salakhutdinov 2016, "Importance Weighted Autoencoders"; and the authors'
program, github.com/yburda/iwae.
"""

import argparse
import json
import os
import sys
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.machine import machine
from vae_course.data import fixed_binarise, load
from vae_course.device import resolve_device
from vae_course.likelihood import importance_sampled_log_likelihood
from vae_course.metrics import active_units, encode_all
from vae_course.models import mlp_vae
from vae_course.objectives import iwae
from vae_course.random import seeded
from vae_course.training import fit

RESULTS = Path(__file__).parent / "results"
BATCH_SIZE = 20
STAGES = [(3**i, 0.001 * 10 ** (-i / 7)) for i in range(8)]  # epochs and learning rate of each
EPOCHS = sum(epochs for epochs, _ in STAGES)  # 3,280
# Table 1, MNIST, one stochastic layer: negative log-likelihood in nats, and active units.
PAPER = {1: (86.76, 19), 5: (85.54, 22), 50: (84.78, 25)}


def learning_rate(epoch: float) -> float:
    """The rate after `epoch` epochs; the last stage's goes on for ever."""
    for epochs, rate in STAGES:
        if epoch < epochs:
            return rate
        epoch -= epochs
    return rate


def build(images: Tensor):
    """The model, initialised after Glorot & Bengio; black pixels start at their frequency."""
    model = mlp_vae((1, 28, 28), hidden=(200, 200), latent_dim=50, activation=nn.Tanh)
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    # Mean and log σ² are two layers in one: each has half of its outputs.
    for half in model.encoder.head.weight.data.chunk(2):
        nn.init.xavier_uniform_(half)
    frequency = images.mean(0).flatten().clamp(0.001, 0.999)
    model.decoder.trunk[-1].bias.data.copy_(frequency.logit())
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--k", type=int, default=5, help="draws in the bound (paper: 1, 5, 50)")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help=f"of the {EPOCHS} epochs")
    parser.add_argument("--batch-size", type=int, default=BATCH_SIZE)
    parser.add_argument("--gradient", choices=["pathwise", "dreg"], default="pathwise")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--checkpoints", type=Path, default=Path("checkpoints"), help="a folder")
    parser.add_argument("--samples", type=int, default=5000, help="draws of the final estimate")
    parser.add_argument("--output", type=Path, help="of the record")
    options = parser.parse_args()
    name = f"iwae-{options.gradient}-k{options.k}-seed{options.seed}"
    output = options.output or RESULTS / f"iwae-k{options.k}.json"

    device = resolve_device(options.device)
    train, test = load("mnist", "train"), load("mnist", "test")
    with seeded(options.seed):
        model = build(train.images)
    steps = len(train) // options.batch_size  # of an epoch
    history = fit(
        model,
        partial(iwae, samples=options.k, gradient=options.gradient),
        train,
        steps=options.epochs * steps,
        batch_size=options.batch_size,
        lr=lambda updates: learning_rate(updates / steps),
        optimizer=partial(
            torch.optim.Adam, eps=1e-4 / options.batch_size, fused=device.type != "mps"
        ),
        binarise=True,
        seed=options.seed,
        device=device,
        log_every=steps,
        checkpoint=options.checkpoints / f"{name}.safetensors",
        checkpoint_every=steps,
        progress=sys.stderr.isatty(),
    )
    print(f"epoch {options.epochs}: bound {history.iwae[-1]:.2f} nats on training images")

    model.eval()
    x = fixed_binarise(test.images, seed=0).to(device)
    with seeded(0):
        estimate = importance_sampled_log_likelihood(model, x, options.samples, batch_size=20)
    active = int(active_units(encode_all(model, x)[0]).sum())
    nats, units = PAPER.get(options.k, (None, None))
    record = {
        "recipe": f"python -m recipes.iwae --k {options.k} --epochs {options.epochs} "
        f"--batch-size {options.batch_size} --gradient {options.gradient} --seed {options.seed}",
        "training": {
            "data": f"MNIST, {len(train):,} training images, binarised anew at each use",
            "objective": f"iwae, samples={options.k}, gradient={options.gradient}",
            "epochs": options.epochs,
            "epochs_of_the_paper": EPOCHS,
            "steps": history.step[-1],
            "batch_size": options.batch_size,
            "seed": options.seed,
            "seconds": round(history.seconds[-1], 1),
            "last_epoch_bound_nats": round(history.iwae[-1], 3),
        },
        "test": {
            "data": f"MNIST, {len(test):,} test images, binarised once with seed 0",
            "negative_log_likelihood_nats": round(-estimate.mean().item(), 3),
            "standard_error_over_images": round((estimate.std() / len(x) ** 0.5).item(), 3),
            "by": f"importance sampling, {options.samples:,} draws",
            "active_units": active,
        },
        "paper": {
            "source": "Burda, Grosse & Salakhutdinov 2016, Table 1, one stochastic layer",
            "epochs": EPOCHS,
            "negative_log_likelihood_nats": nats,
            "active_units": units,
        },
        "machine": machine() | {"niceness": os.nice(0) if hasattr(os, "nice") else None},
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n")
    print(json.dumps(record["test"] | {"paper": nats}, indent=2, ensure_ascii=False))
    print(f"written to {output}")


if __name__ == "__main__":
    main()
