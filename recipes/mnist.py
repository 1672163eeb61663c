"""The first chapter's MLP VAE on MNIST: `python -m recipes.mnist`.

784-512-256-20 and its mirror image, Bernoulli likelihood, pixels binarised anew every time they
are used, 10 epochs of Adam. The data come from `VAE_COURSE_DATA=<folder>` or a download. Nothing is
tuned on the test set: batch size and learning rate are the defaults of `fit`.

The result is the ELBO of all 10,000 test images, binarised once with a fixed seed, one sample of z
each, in nats; and for the first 1,000 of them an estimate of log p(x) by importance sampling.
"""

import argparse
import json
import time
from pathlib import Path

import torch

from benchmarks.machine import machine
from vae_course.data import fixed_binarise, load
from vae_course.likelihood import importance_sampled_log_likelihood
from vae_course.models import mlp_vae
from vae_course.objectives import elbo
from vae_course.random import seeded
from vae_course.training import evaluate, fit

RESULTS = Path(__file__).parent / "results"
EPOCHS, BATCH_SIZE, LEARNING_RATE, LATENTS = 10, 128, 1e-3, 20
BOUND = -102.0  # nats: what this recipe promises


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--output", type=Path, default=RESULTS / "mnist-mlp.json")
    options = parser.parse_args()

    train, test = load("mnist", "train"), load("mnist", "test")
    with seeded(options.seed):
        model = mlp_vae((1, 28, 28), hidden=(512, 256), latent_dim=LATENTS)

    began = time.perf_counter()
    history = fit(
        model, elbo, train, steps=options.epochs * len(train) // BATCH_SIZE,
        batch_size=BATCH_SIZE, lr=LEARNING_RATE, binarise=True, seed=options.seed,
        device=options.device, log_every=100,
    )  # fmt: skip
    seconds = time.perf_counter() - began

    x = fixed_binarise(test.images, seed=0).to(next(model.parameters()).device)
    terms = evaluate(model, elbo, x, seed=0)
    model.eval()
    with seeded(0):
        parts = [
            importance_sampled_log_likelihood(model, p, samples=500) for p in x[:1000].split(50)
        ]
    record = {
        "recipe": f"python -m recipes.mnist --seed {options.seed} --epochs {options.epochs}",
        "model": f"mlp_vae((1, 28, 28), hidden=(512, 256), latent_dim={LATENTS})",
        "training": {
            "data": f"MNIST, {len(train):,} training images",
            "binarisation": "stochastic",
            "epochs": options.epochs,
            "steps": history.step[-1],
            "batch_size": BATCH_SIZE,
            "optimizer": f"Adam, learning rate {LEARNING_RATE}",
            "seed": options.seed,
            "seconds": round(seconds, 1),
        },
        "test": {
            "data": f"MNIST, {len(test):,} test images, binarised once with seed 0",
            **{f"{name}_nats": round(value, 3) for name, value in terms.items()},
            "log_likelihood_nats_of_the_first_1000": round(torch.cat(parts).mean().item(), 3),
            "log_likelihood_by": "importance sampling, 500 samples",
        },
        "machine": machine(),
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n")
    print(json.dumps(record["test"], indent=2, ensure_ascii=False))
    print(f"test bound {terms['elbo']:.2f} nats after {seconds:.0f} s; written to {options.output}")
    if options.epochs == EPOCHS and terms["elbo"] < BOUND:
        raise SystemExit(f"the test bound is below the {BOUND} nats that this recipe promises")


if __name__ == "__main__":
    main()
