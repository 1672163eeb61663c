"""Three posteriors for one VAE on MNIST: `python -m recipes.flow_posteriors`.

784-200-200, 40 latents, 200-200-784, Bernoulli pixels, binarised anew every time they are used. The
posterior is a diagonal Gaussian, the same with ten planar layers (Rezende & Mohamed 2015; u, w and
b come from the encoder), or the same with four gated inverse autoregressive steps (Kingma et al.
2016; one hidden layer of 200). Nothing else differs: data, batches of 128, Adam, steps, a warm-up
of β as in Rezende & Mohamed, a learning rate that stays at 1e-3 for half of the steps and then
falls to a hundredth along a cosine. No size or rate was tuned for one of the three. The rate of the
diagonal posterior is exact, that of the others a Monte Carlo estimate.

On all 10,000 test images, binarised once with a fixed seed, 250 draws an image give the bound, the
mean of log p(x, z) - log q(z|x), and an estimate of log p(x) by importance sampling. Three seeds.

`--posterior planar --seed 1` is one run of the nine. A run can be stopped at any time; the same
command goes on from its checkpoint, and a run that is done is not repeated. The data come from
`VAE_COURSE_DATA=<folder>` or a download.
"""

import argparse
import json
import time
from math import cos, log, pi
from pathlib import Path

import torch
from torch import nn

import vae_course
from benchmarks.machine import machine
from vae_course.conditional import BernoulliLikelihood, DiagonalGaussian, StandardNormal
from vae_course.data import fixed_binarise, load
from vae_course.device import resolve_device
from vae_course.flow_posteriors import IAFPosterior, PlanarPosterior
from vae_course.models import VAE
from vae_course.networks import mlp
from vae_course.objectives import elbo, iwae
from vae_course.products import fast_products
from vae_course.random import seeded
from vae_course.training import fit

RESULT = Path(__file__).parent / "results" / "flow-posteriors.json"
SHOWN = Path(vae_course.__file__).parent / "weights" / "runs" / RESULT.name  # by the chapter
LATENTS, HIDDEN, STEPS, BATCH_SIZE, WARMUP, RATE = 40, 200, 20_000, 128, 2_000, 1e-3
SEEDS, SAMPLES = (0, 1, 2), 250
POSTERIORS = {
    "diagonal": DiagonalGaussian,
    "planar": lambda *sizes: PlanarPosterior(*sizes, layers=10),
    "iaf": lambda *sizes: IAFPosterior(*sizes, steps=4, hidden=(HIDDEN,)),
}


def build(posterior: str) -> VAE:
    """The VAE with one of the three posteriors; trunk and decoder do not depend on which."""
    trunk = nn.Sequential(nn.Flatten(-3), *mlp((784, HIDDEN, HIDDEN)), nn.ReLU())
    decoder = BernoulliLikelihood(mlp((LATENTS, HIDDEN, HIDDEN, 784)), (1, 28, 28))
    encoder = POSTERIORS[posterior](trunk, HIDDEN, LATENTS)
    return VAE(encoder, decoder, StandardNormal(LATENTS))


def learning_rate(updates: int, steps: int) -> float:
    """1e-3 for half of the steps, then down to a hundredth of it."""
    progress = max(0.0, 2 * updates / steps - 1)
    return RATE * (0.01 + 0.99 * (1 + cos(pi * progress)) / 2)


@torch.no_grad()
def test_nats(model, images, samples: int = SAMPLES) -> dict[str, float]:
    """Bound and log-likelihood of all images, from the same draws, and what they differ by."""
    model.eval()
    x = fixed_binarise(images, seed=0).to(next(model.parameters()).device)
    bounds, likelihoods = [], []
    with seeded(0), fast_products(x.device):
        for part in x.split(20):
            log_weights = iwae(model, part, samples).log_weights
            bounds.append(log_weights.mean(0))
            likelihoods.append(log_weights.logsumexp(0) - log(samples))
    bound, likelihood = torch.cat(bounds), torch.cat(likelihoods)
    return {
        "bound_nats": round(bound.mean().item(), 3),
        "log_likelihood_nats": round(likelihood.mean().item(), 3),
        "difference_nats": round((likelihood - bound).mean().item(), 3),
        "standard_error_of_the_bound_over_images": round((bound.std() / len(x) ** 0.5).item(), 3),
    }


def run(posterior: str, seed: int, steps: int, device, folder: Path) -> dict:
    """Train and test one model; its record."""
    name = f"flow-posterior-{posterior}-{steps}-seed{seed}"
    done = folder / f"{name}.json"
    if done.exists():
        return json.loads(done.read_text())
    train, test = load("mnist", "train"), load("mnist", "test")
    with seeded(seed):
        model = build(posterior)
    history = fit(
        model, elbo, train, steps=steps, batch_size=BATCH_SIZE, warmup=WARMUP,
        lr=lambda updates: learning_rate(updates, steps), binarise=True, seed=seed, device=device,
        log_every=250, checkpoint=folder / f"{name}.safetensors", checkpoint_every=1000,
        progress=False,
    )  # fmt: skip
    began = time.perf_counter()
    record = {
        "posterior": posterior,
        "seed": seed,
        "steps": steps,
        "parameters": sum(p.numel() for p in model.parameters()),
        "training_seconds": round(history.seconds[-1], 1),
        "training_bound_nats": round(sum(history.elbo[-4:]) / 4, 3),
        "test": test_nats(model, test.images),
    }
    record["test_seconds"] = round(time.perf_counter() - began, 1)
    record["machine"] = machine()
    folder.mkdir(parents=True, exist_ok=True)
    done.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    return record


def summary(runs: list[dict]) -> dict:
    """Means over the seeds, and how much better each flow is than the Gaussian of its seed."""
    by = {(r["posterior"], r["seed"]): r["test"] for r in runs}
    found = {}
    for posterior in POSTERIORS:
        tests = [by[posterior, seed] for seed in SEEDS]
        gains = [by[posterior, s]["bound_nats"] - by["diagonal", s]["bound_nats"] for s in SEEDS]
        found[posterior] = {
            name: round(sum(test[name] for test in tests) / len(tests), 3)
            for name in ("bound_nats", "log_likelihood_nats", "difference_nats")
        } | {"gain_of_each_seed_nats": [round(gain, 3) for gain in gains]}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--posterior", choices=[*POSTERIORS], help="one of the three; default all")
    parser.add_argument("--seed", type=int, help=f"one seed; default all of {SEEDS}")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--checkpoints", type=Path, default=Path("checkpoints"), help="a folder")
    parser.add_argument("--output", type=Path, default=RESULT)
    options = parser.parse_args()
    device = resolve_device(options.device)
    runs = []
    for posterior in [options.posterior] if options.posterior else POSTERIORS:
        for seed in SEEDS if options.seed is None else [options.seed]:
            runs.append(run(posterior, seed, options.steps, device, options.checkpoints))
            print(posterior, seed, json.dumps(runs[-1]["test"]), flush=True)
    if options.posterior is not None or options.seed is not None:
        return

    record = {
        "recipe": f"python -m recipes.flow_posteriors --steps {options.steps}",
        "model": f"784-{HIDDEN}-{HIDDEN}, {LATENTS} latents, and back; Bernoulli pixels",
        "data": "MNIST, 60,000 training images binarised at each use; 10,000 test images, binarised"
        " once with seed 0",
        "training": {
            "steps": options.steps,
            "epochs": round(options.steps * BATCH_SIZE / 60_000, 1),
            "batch_size": BATCH_SIZE,
            "optimizer": f"Adam, {RATE:g}, from half of the steps on down to a hundredth",
            "warmup_of_beta": WARMUP,
            "seconds": round(sum(run["training_seconds"] for run in runs), 1),
        },
        "machine": runs[0]["machine"],
        "test_draws": SAMPLES,
        "seeds": list(SEEDS),
        "mean_over_seeds": summary(runs),
        "runs": runs,
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    for path in {options.output, SHOWN if options.output == RESULT else options.output}:
        path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    print(json.dumps(record["mean_over_seeds"], indent=1), f"\nwritten to {options.output}")


if __name__ == "__main__":
    main()
