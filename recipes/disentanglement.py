"""Five methods and five seeds on sprites: what each does to the rate, and to the latents' axes.

    python -m recipes.disentanglement train      every run that is missing, into checkpoints/
    python -m recipes.disentanglement measure    recipes/results/disentanglement-<method>.json
    python -m recipes.disentanglement keep       the two models and the table that the course shows

`--methods vae beta-vae`, `--seeds 0 1` and `--steps 20` choose less. `train` can be stopped at any
time: the same command goes on with the run that was not finished.

All methods have the same networks, first weights for each seed, pictures, batches and steps. Pixels
above one half are ink and the others paper, so Bernoulli is the likelihood. What differs:

    ae            squared error, no noise, no rate
    vae           ELBO
    beta-vae      ELBO with β = 4 (Higgins et al. 2017)
    beta-tcvae    total correlation weighed by 6, stratified weights (Chen et al. 2018)
    factor-vae    total correlation weighed by γ = 10, by a discriminator (Kim & Mnih 2018)

These weights were not tuned, and runs are short, half a minute of a core each: a spread over seeds
says more than one long run. Nothing here is to be compared with published scores.

Which models are kept was decided before any recorded run: of `vae` and of `beta-tcvae`, the seed
whose mutual information gap, of the means, is the median of the five.
"""

import argparse
import json
import os
import time
from functools import partial
from math import log
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import vae_course
from benchmarks.machine import machine
from vae_course.data import fixed_binarise, load
from vae_course.information import estimate_decomposition, gaussian_total_correlation
from vae_course.metrics import (
    active_units,
    aggregate_posterior_moments,
    beta_vae_score,
    dci,
    encode_all,
    factor_vae_score,
    modularity,
    mutual_information_gap,
    sap,
    unit_rates,
)
from vae_course.models import Autoencoder, conv_vae
from vae_course.networks import ConvDecoder, ConvEncoder
from vae_course.objectives import FactorELBO, elbo, squared_error, total_correlation_elbo
from vae_course.random import seeded
from vae_course.training import evaluate, fit, fit_adversarial

RESULTS = Path(__file__).parent / "results"
WEIGHTS = Path(vae_course.__file__).parent / "weights"
METHODS = ("ae", "vae", "beta-vae", "beta-tcvae", "factor-vae")
KEPT = {"sprites-vae": "vae", "sprites-tcvae": "beta-tcvae"}
EVENT, CHANNELS, LATENT_DIM = (1, 32, 32), (16, 16, 32), 6
STEPS, BATCH_SIZE, WARMUP = 1000, 64, 200
TRAIN, TEST = 50_000, 5_000
FACTORS = ("shape", "scale", "rotation", "x", "y")


def build(method: str, seed: int) -> nn.Module:
    """The untrained model: the same networks for all, and for the four VAEs the same weights."""
    with seeded(seed):
        if method != "ae":
            return conv_vae(EVENT, CHANNELS, LATENT_DIM)
        trunk = ConvEncoder(EVENT, CHANNELS)
        encoder = nn.Sequential(trunk, nn.Linear(trunk.features, LATENT_DIM))
        return Autoencoder(encoder, ConvDecoder(LATENT_DIM, EVENT, CHANNELS), EVENT, LATENT_DIM)


def train(method: str, seed: int, images: Tensor, steps: int) -> tuple[nn.Module, dict]:
    """The trained model, and what its training was."""
    model = build(method, seed)
    arguments = {
        "steps": steps, "batch_size": BATCH_SIZE, "seed": seed, "warmup": min(WARMUP, steps // 5),
        "clip": 1000.0, "log_every": 100, "progress": False, "device": "cpu",
        # Constant in the first half, then falling to a twentieth.
        "lr": lambda updates: 2e-3 * max(0.05, min(1.0, 2 * (1 - updates / steps))),
    }  # fmt: skip
    start = time.process_time()
    if method == "factor-vae":
        with seeded(1000 + seed):
            objective = FactorELBO(LATENT_DIM, gamma=10.0)
        history = fit_adversarial(model, objective, images, **arguments)
    else:
        objective, beta = {
            "ae": (squared_error, 1.0),
            "vae": (elbo, 1.0),
            "beta-vae": (elbo, 4.0),
            "beta-tcvae": (partial(total_correlation_elbo, dataset_size=len(images)), 6.0),
        }[method]
        history = fit(model, objective, images, beta=beta, **arguments)
    return model.eval(), {
        "steps": steps,
        "loss": round(history.loss[-1], 3),
        "seconds": round(history.seconds[-1], 1),
        "cpu_seconds": round(time.process_time() - start, 1),
    }


# What is measured ----------------------------------------------------------------------------


def measure(model: nn.Module, everything: Tensor, images: Tensor, factors: Tensor, seed: int):
    """Rate and its parts over `everything`, and scores of the codes of `images`: a record."""
    record, is_vae = {}, not isinstance(model, Autoencoder)
    if is_vae:
        terms = evaluate(model, elbo, images, seed=seed)
        record |= {name: round(value, 3) for name, value in terms.items()}
        with seeded(seed):
            mean, variance = encode_all(model, everything)
            parts = estimate_decomposition(mean, variance, 20, 25)
        record["decomposition"] = {
            "examples": len(everything),
            "information": _estimate(parts.information),
            "information_is_at_most": round(log(len(everything)), 3),
            "total_correlation": _estimate(parts.total_correlation),
            "dimension_wise": _estimate(parts.dimension_wise.sum(-1)),
            "sum": _estimate(parts.sum),
            "rate": round(unit_rates(mean, variance).sum().item(), 3),
        }
        record["unit_rates"] = [round(rate, 3) for rate in unit_rates(mean, variance).tolist()]
        active = active_units(mean)
        record["active_units"] = int(active.sum())
        # Of the Gaussian with the same covariance: of draws, and of the means of active units.
        _, covariance = aggregate_posterior_moments(mean, variance)
        record["gaussian_total_correlation"] = {
            "draws": round(gaussian_total_correlation(covariance).item(), 3),
            "means": round(
                gaussian_total_correlation(torch.atleast_2d(mean[:, active].T.cov())).item(), 3
            ),
        }
        codes = encode_all(model, images)[0]
    else:
        with torch.no_grad():
            codes = torch.cat([model.encode(x) for x in images.split(1000)])
            again = torch.cat([model.decode(z) for z in codes.split(1000)])
        record["squared_error"] = round(
            (again - images).square().flatten(1).sum(1).mean().item(), 3
        )
        record["active_units"] = int(active_units(codes).sum())
    record["scores"] = scores(codes, factors)
    record["scores_rotated"] = scores(codes @ rotation(codes.shape[1], seed), factors)
    return record


def scores(codes: Tensor, factors: Tensor) -> dict[str, float]:
    """Every score of codes `(N, d)` for factors `(N, 5)`, the first of which has no order."""
    found = {
        "mig": mutual_information_gap(codes, factors),
        "sap": sap(codes, factors, categorical=(0,)),
        "modularity": modularity(codes, factors),
        "beta_vae_score": beta_vae_score(codes, factors),
        "factor_vae_score": factor_vae_score(codes, factors),
    }
    importance = dci(codes, factors, categorical=(0,))
    found |= {f"dci_{name}": value for name, value in importance._asdict().items()}
    return {name: round(float(value), 4) for name, value in found.items()}


def rotation(d: int, seed: int) -> Tensor:
    """A rotation of d dimensions, uniform over all: Q of a Gaussian matrix, signs made unique."""
    with seeded(seed):
        q, r = torch.linalg.qr(torch.randn(d, d))
    q = q * r.diagonal().sign()
    q[:, 0] *= torch.linalg.det(q).sign()
    return q


def _estimate(draws: Tensor) -> list[float]:
    """Mean and standard error of repetitions."""
    return [round(draws.mean().item(), 4), round((draws.std() / len(draws) ** 0.5).item(), 4)]


# Commands ------------------------------------------------------------------------------------


def checkpoint(options, method: str, seed: int) -> Path:
    return options.checkpoints / f"disentanglement-{method}-{options.steps}-seed{seed}.safetensors"


def command(options, name: str) -> str:
    return (
        f"python -m recipes.disentanglement {name} --steps {options.steps} "
        f"--seeds {' '.join(map(str, options.seeds))}"
    )


def run_training(options) -> None:
    images = fixed_binarise(load("sprites", "train", count=TRAIN).images, threshold=0.5)
    options.checkpoints.mkdir(parents=True, exist_ok=True)
    for seed in options.seeds:
        for method in options.methods:
            path = checkpoint(options, method, seed)
            if path.exists():
                continue
            model, record = train(method, seed, images, options.steps)
            record |= {
                "machine": machine(),
                "niceness": os.nice(0),
                "recipe": command(options, "train"),
            }
            save_file(model.state_dict(), path, metadata={"record": json.dumps(record)})
            print(f"{method} seed {seed}: loss {record['loss']}, {record['seconds']} s", flush=True)


def run_measuring(options) -> None:
    from safetensors import safe_open

    train_set, test = load("sprites", "train", count=TRAIN), load("sprites", "test", count=TEST)
    everything = fixed_binarise(train_set.images, threshold=0.5)
    images = fixed_binarise(test.images, threshold=0.5)
    factors = torch.stack([test.factors[name] for name in FACTORS], 1)
    options.results.mkdir(parents=True, exist_ok=True)
    for method in options.methods:
        runs = []
        for seed in options.seeds:
            path = checkpoint(options, method, seed)
            model = build(method, seed)
            # As the browser gets them: rounded to float16.
            model.load_state_dict({k: v.half().float() for k, v in load_file(path).items()})
            with safe_open(path, "pt") as file:
                training = json.loads(file.metadata()["record"])
            found = measure(model.eval(), everything, images, factors, seed)
            runs.append({"seed": seed, "training": training} | found)
            print(f"{method} seed {seed}: {found['scores']}", flush=True)
        record = {
            "recipe": command(options, "measure"),
            "method": method,
            "data": f"sprites 32x32 above one half; {TRAIN:,} for training, {TEST:,} for scores",
            "architecture": f"conv_vae, channels {CHANNELS}, {LATENT_DIM} latents",
            "units": "nats; [mean, standard error] where two numbers are given",
            "runs": runs,
            "machine": machine(),
        }
        text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
        (options.results / f"disentanglement-{method}.json").write_text(text, encoding="utf-8")


def run_keeping(options) -> None:
    table = []
    for method in METHODS:
        path = options.results / f"disentanglement-{method}.json"
        record = json.loads(path.read_text(encoding="utf-8"))
        for run in record["runs"]:
            kept = {name: value for name, value in run.items() if name != "training"}
            table.append({"method": method, "steps": run["training"]["steps"]} | kept)
    folder = options.weights / "runs"
    folder.mkdir(parents=True, exist_ok=True)
    text = "[\n" + ",\n".join(json.dumps(row) for row in table) + "\n]\n"
    (folder / "sprites-disentanglement.json").write_text(text, encoding="utf-8")
    for name, method in KEPT.items():
        keep(options, name, method)


def keep(options, name: str, method: str) -> None:
    """Copy the median run's weights into the package, with the record of how they were made."""
    path = options.results / f"disentanglement-{method}.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    ranked = sorted(record["runs"], key=lambda run: run["scores"]["mig"])
    run = ranked[len(ranked) // 2]
    weights = load_file(checkpoint(options, method, run["seed"]))
    save_file(
        {key: value.half().contiguous() for key, value in weights.items()},
        options.weights / f"{name}.safetensors",
    )
    trained = run["training"]
    hardware = trained["machine"]
    kept = {
        "name": name,
        "recipe": trained["recipe"],
        "commit": hardware["commit"],
        "hardware": f"{hardware['cpu']}, {hardware['threads']} thread(s) of {hardware['cores']}",
        "torch": hardware["torch"],
        "caption": {
            "vae": "A convolutional VAE with six latents, trained on sprites.",
            "beta-tcvae": "A β-TCVAE of the same networks, total correlation weighed by 6.",
        }[method],
        "chosen": f"seed {run['seed']}: the median mutual information gap of {len(ranked)} seeds",
        "method": method,
        "steps": trained["steps"],
        "seed": run["seed"],
        "seconds": trained["seconds"],
        "data": f"{record['data']}",
        "architecture": record["architecture"],
        "held_out": f"sprites test split, {TEST:,}, above one half",
        **{f"held_out_{term}": run[term] for term in ("distortion", "rate", "elbo")},
        "unit_rates": run["unit_rates"],
        "active_units": run["active_units"],
        "scores": run["scores"],
    }
    text = json.dumps(kept, indent=2, ensure_ascii=False) + "\n"
    (options.weights / f"{name}.json").write_text(text, encoding="utf-8")
    print(f"{name}: {kept['chosen']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("command", choices=["train", "measure", "keep"])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--checkpoints", type=Path, default=Path("checkpoints"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    run = {"train": run_training, "measure": run_measuring, "keep": run_keeping}
    run[options.command](options)


if __name__ == "__main__":
    main()
