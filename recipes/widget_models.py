"""The trained models of the live widgets.

    python -m recipes.widget_models at-work       needs MNIST: VAE_COURSE_DATA=… or a download
    python -m recipes.widget_models traversal     glyphs, no data needed
    python -m recipes.widget_models beta-family   glyphs, one model for each β; --beta 1: that one

Each writes vae_course/weights/<name>.safetensors (float16: what the browser computes with) and a
JSON record beside it. `--steps 20 --folder /tmp/weights` tries one out.
"""

import argparse
import json
import os
import platform
import subprocess
import time
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

import vae_course
from vae_course.data import binarise, fixed_binarise, load
from vae_course.device import resolve_device
from vae_course.metrics import active_units, encode_all, unit_rates
from vae_course.models import conv_vae
from vae_course.objectives import elbo
from vae_course.pretrained import BETAS, beta_member
from vae_course.random import seeded
from vae_course.training import evaluate, fit

WEIGHTS = Path(vae_course.__file__).parent / "weights"
ROUNDS = ((2e-3, 0.55), (5e-4, 0.25), (1e-4, 0.2))  # learning rate, share of the steps


def at_work(steps: int | None, seed: int, folder: Path) -> dict:
    """A VAE of two latents on MNIST, pixels above one half black and the others white."""
    from vae_course.widgets.at_work import at_work_vae

    steps = 40_000 if steps is None else steps
    train, test = load("mnist", "train"), load("mnist", "test")
    x = fixed_binarise(train.images, threshold=0.5)
    x_test = fixed_binarise(test.images, threshold=0.5)
    with seeded(seed):
        model = at_work_vae()
    seconds = train_in_rounds(model, x, steps, seed, warmup=4000)
    round_weights(model)

    shown = slice(0, 600)
    # The first test digit of each class: nobody chose them by how well they decode.
    given = [int((test.labels == label).nonzero()[0]) for label in range(10)]
    extras = {
        "points": encode_all(model, x[shown])[0].half(),
        "point_labels": train.labels[shown].to(torch.uint8),
        "given": x_test[given].to(torch.uint8),
        "given_labels": test.labels[given].to(torch.uint8),
    }
    caption = (
        "A convolutional VAE with two latents, trained on the 60,000 training digits of MNIST, "
        "pixels above one half black and the others white, as here. The ten digits to pick are "
        "the first of each class in MNIST's test set."
    )
    return save(
        "at-work-vae", "at-work", model, folder, extras, caption=caption, steps=steps, seed=seed,
        seconds=seconds, data="MNIST, " + train.source.partition("; ")[2], given_test_indices=given,
        held_out="MNIST test set, 10,000 digits, thresholded at 0.5", **bound(model, x_test, seed),
    )  # fmt: skip


def traversal(steps: int | None, seed: int, folder: Path) -> dict:
    """A convolutional VAE of eight latents on glyphs."""
    steps = 6_000 if steps is None else steps
    train = load("glyphs", "train", count=20_000)
    test = load("glyphs", "test", count=4_000)
    with seeded(seed):
        model = conv_vae(channels=(16, 32), latent_dim=8)
    seconds = train_in_rounds(model, train.images, steps, seed, warmup=1000, stochastic=True)
    round_weights(model)
    with seeded(seed):
        x_test = binarise(test.images)
    caption = "A convolutional VAE with eight latents, trained on glyphs drawn from seven fonts."
    return save(
        "glyphs-conv-vae", "traversal", model, folder, {}, caption=caption, steps=steps, seed=seed,
        seconds=seconds, data=train.source, architecture="conv_vae, channels (16, 32), 8 latents",
        held_out="glyphs test split, 4,000, stochastically binarised", **bound(model, x_test, seed),
    )  # fmt: skip


def beta_family(steps: int | None, seed: int, folder: Path, betas=BETAS) -> list[dict]:
    """The same small model for each weight β of the rate: same first weights, data and batches."""
    steps = 4_000 if steps is None else steps
    train = load("glyphs", "train", count=20_000)
    test = load("glyphs", "test", count=4_000)
    with seeded(seed):
        x_test = binarise(test.images)
    records = []
    for beta in betas:
        with seeded(seed):
            model = beta_member()
        seconds = train_in_rounds(
            model, train.images, steps, seed, warmup=1000, stochastic=True, beta=beta
        )
        round_weights(model)
        found = bound(model, x_test, seed)
        active = int(active_units(encode_all(model, x_test)[0]).sum())
        record = save(
            f"glyphs-beta-{beta:g}", f"beta-family --beta {beta:g}", model, folder, {}, steps=steps,
            seed=seed, beta=beta, seconds=seconds, data=train.source,
            architecture="conv_vae, channels (12, 20), 10 latents",
            held_out="glyphs test split, 4,000, stochastically binarised", **found,
            active_units=active,
        )  # fmt: skip
        records.append(record)
    return records


def train_in_rounds(
    model,
    images: Tensor,
    steps: int,
    seed: int,
    warmup: int,
    stochastic: bool = False,
    beta: float = 1.0,
) -> float:
    """Train with a learning rate that falls in three rounds; return the seconds it took."""
    start = time.perf_counter()
    for i, (lr, share) in enumerate(ROUNDS):
        history = fit(
            model, elbo, images, steps=max(1, round(steps * share)), lr=lr, seed=seed + i,
            warmup=min(warmup, steps // 2) if i == 0 else 0, binarise=stochastic, clip=100.0,
            beta=beta, log_every=1000, progress=False,
        )  # fmt: skip
        print(f"lr {lr}: ELBO of the last batches {history['elbo'][-1]:.2f} nats", flush=True)
    return round(time.perf_counter() - start, 1)


@torch.no_grad()
def round_weights(model) -> None:
    """Round every weight to float16: torch and the browser then compute with the same numbers."""
    for parameter in model.parameters():
        parameter.copy_(parameter.half().to(parameter.dtype))


def bound(model, x: Tensor, seed: int) -> dict:
    """Mean ELBO, distortion and rate in nats, and the rate of each latent."""
    model.cpu()
    terms = evaluate(model, elbo, x, seed=seed)
    rates = unit_rates(*encode_all(model, x))
    return {f"held_out_{name}": round(value, 3) for name, value in terms.items()} | {
        "unit_rates": [round(rate, 3) for rate in rates.tolist()]
    }


def save(name: str, command: str, model, folder: Path, extras: dict, **record) -> dict:
    """Write the weights as float16 and the record of how they were made."""
    weights = {key: value.half().contiguous() for key, value in model.state_dict().items()}
    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights | extras, folder / f"{name}.safetensors")
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    record = {
        "name": name,
        "recipe": f"python -m recipes.widget_models {command} --steps {record['steps']} "
        f"--seed {record['seed']}",
        "commit": commit.stdout.strip(),
        "hardware": f"{resolve_device('auto')}, {torch.get_num_threads()} thread(s) of "
        f"{os.cpu_count()}, {platform.machine()}",
        "torch": torch.__version__,
    } | record
    (folder / f"{name}.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return record


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", choices=["at-work", "traversal", "beta-family"])
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=WEIGHTS)
    parser.add_argument("--beta", type=float, nargs="+", default=BETAS, help="of beta-family")
    arguments = parser.parse_args()
    common = (arguments.steps, arguments.seed, arguments.folder)
    if arguments.model == "beta-family":
        record = beta_family(*common, arguments.beta)
    else:
        record = {"at-work": at_work, "traversal": traversal}[arguments.model](*common)
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
