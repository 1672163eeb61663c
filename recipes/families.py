"""The rate-distortion curve of trained VAEs on `digits`: `python -m recipes.families`.

64-128-8 and its mirror image, one model for each β of a grid of ratio √2, twice as fine from 0.42
to 4.8, and for each of five seeds; a family of all β is trained at once, with the batches and first
weights of its seed. The learning rate falls to a fiftieth by a cosine, so that little of the last
steps' noise is left in D and R. They are means over 64 draws, the same noise for all β, on the
training and test images. D is the cross-entropy of grey pixels: the expected -log p(x|z) of an
image that is binarised anew at each use, while the encoder sees the grey levels.

At the best model for each β the curve has the slope dD/dR = -β. What is recorded of it: minus the
slope between neighbours over the geometric mean of their β, which is 1 on the exact curve. And the
regret: how much lower D + βR another member has at this one's β, in nats. It is zero for a model
that is the best one found for its own β; where it is not, training has not found the optimum.

Beside it the multi-rate model, trained once with the same number of steps (and, each example having
a β of its own, on so many times fewer examples for each β).
"""

import argparse
import json
import time
from functools import partial
from itertools import pairwise
from math import cos, pi, sqrt
from pathlib import Path

import torch
from torch import Tensor

import vae_course
from benchmarks.machine import machine
from vae_course.data import load
from vae_course.models import MultiRateVAE, mlp_vae, multi_rate_elbo, stack
from vae_course.objectives import elbo
from vae_course.random import seeded
from vae_course.training import evaluate_family, fit, fit_family

RESULT = Path(__file__).parent / "results" / "families-digits.json"
SHOWN = Path(vae_course.__file__).parent / "weights" / "runs" / RESULT.name  # by the chapter
BETAS = [2 ** (k / 4) for k in range(-18, 19) if k % 2 == 0 or -5 <= k <= 9]  # 0.044 to 22.6
SAMPLES = 64


def train_family(images, betas, seed: int, steps: int, likelihood: str, lr: float = 3e-3):
    """One model for each β, all with the first weights of `seed`."""
    with seeded(seed):
        model = mlp_vae((1, 8, 8), hidden=(128,), latent_dim=8, likelihood=likelihood)
    family = stack([model] * len(betas))
    fit_family(
        family, elbo, images, steps, beta=betas, lr=cosine(lr, steps), seed=seed, progress=False
    )
    return family


def train_multi_rate(images, betas, seed: int, steps: int, likelihood: str, lr: float = 3e-3):
    """One model for all β between the least and the largest."""
    with seeded(seed):
        model = MultiRateVAE((1, 8, 8), (128,), 8, min(betas), max(betas), likelihood)
    lr = cosine(lr, steps)
    fit(model, multi_rate_elbo, images, steps, lr=lr, seed=seed, progress=False)
    return model


def cosine(lr: float, steps: int):
    """The learning rate from the number of updates done: from `lr` down to a fiftieth of it."""
    return lambda updates: lr * max(0.02, 0.5 * (1 + cos(pi * updates / steps)))


@torch.no_grad()
def curve_of_family(family, images) -> dict[str, list[float]]:
    """R and D of each member, nats: means over the images and 64 draws."""
    terms = evaluate_family(family, partial(elbo, samples=SAMPLES), images, batch_size=100, seed=1)
    return {"rate": terms["rate"], "distortion": terms["distortion"]}


@torch.no_grad()
def curve_of_multi_rate(model, images, betas) -> dict[str, list[float]]:
    """The same of the one model at each β."""
    column = torch.tensor(betas, device=images.device)[:, None]
    with seeded(1):
        parts = [elbo(model.at(column), x, SAMPLES) for x in images.split(100)]
    return {
        name: torch.cat([getattr(part, name) for part in parts], -1).mean(-1).tolist()
        for name in ("rate", "distortion")
    }


def slopes_over_beta(betas, rate, distortion) -> list[float | None]:
    """-(ΔD/ΔR) over the geometric mean of β, for each two neighbours; None where R stays."""
    found = []
    for i in range(len(betas) - 1):
        rise = distortion[i + 1] - distortion[i]
        run = rate[i] - rate[i + 1]
        middle = sqrt(betas[i] * betas[i + 1])
        # Below a hundredth of a nat all units are off on both sides: 0/0, and noise.
        found.append(rise / run / middle if abs(run) > 0.01 else None)
    return found


def regrets(betas, rate, distortion) -> list[float]:
    """How much lower D + βR some member has than the one that was trained with this β, nats."""
    beta, r, d = Tensor(betas)[:, None], Tensor(rate), Tensor(distortion)
    lagrangian = d + beta * r  # [i, j]: member j at the β of member i
    return (lagrangian.diagonal() - lagrangian.min(1).values).tolist()


def record_of(curve: dict, betas) -> dict:
    """R, D, slopes and regret, rounded for the file."""
    numbers = curve | {
        "slope_over_beta": slopes_over_beta(betas, **curve),
        "regret": regrets(betas, **curve),
    }
    return {
        name: [None if value is None else round(value, 4) for value in values]
        for name, values in numbers.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--likelihood", choices=["bernoulli", "gaussian"], default="bernoulli")
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--output", type=Path, default=RESULT)
    options = parser.parse_args()
    start = time.perf_counter()
    train, test = load("digits", "train").images, load("digits", "test").images
    settings = (options.steps, options.likelihood, options.lr)
    names = ["family_train", "family_test", "multi_rate_train", "multi_rate_test"]
    records = {name: [] for name in names}
    for seed in range(options.seeds):
        family = train_family(train, BETAS, seed, *settings)
        model = train_multi_rate(train, BETAS, seed, *settings)
        curves = [curve_of_family(family, x) for x in (train, test)]
        curves += [curve_of_multi_rate(model, x, BETAS) for x in (train, test)]
        for name, curve in zip(names, curves, strict=True):
            records[name].append(record_of(curve, BETAS))
        print(f"seed {seed}: slope over β {records['family_train'][-1]['slope_over_beta']}")

    middles = [sqrt(a * b) for a, b in pairwise(BETAS)]
    by_seed = [row["slope_over_beta"] for row in records["family_train"]]
    mean_slopes = [
        None if None in column else round(sum(column) / len(column), 4)
        for column in zip(*by_seed, strict=True)
    ]
    record = {
        "recipe": f"python -m recipes.families --steps {options.steps} --seeds {options.seeds} "
        f"--likelihood {options.likelihood} --lr {options.lr:g}",
        "model": f"64-128-8, {options.likelihood}, batches of 128",
        "data": f"digits: {len(train):,} training and {len(test)} test images",
        "betas": [round(beta, 6) for beta in BETAS],
        "middles": [round(beta, 6) for beta in middles],
        "mean_slope_over_beta_train": mean_slopes,
        "seeds": list(range(options.seeds)),
        **records,
        "training": {"steps": options.steps, "seconds": round(time.perf_counter() - start)},
        "machine": machine(),
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    for path in {options.output, SHOWN if options.output == RESULT else options.output}:
        path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    for beta, slope in zip(middles, mean_slopes, strict=True):
        print(f"β {beta:7.3f}   minus the slope over β, mean over seeds: {slope}")
    print(f"written to {options.output}")


if __name__ == "__main__":
    main()
