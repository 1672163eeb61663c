"""Flows on densities that are known exactly: `python -m recipes.toy_flows`.

Four densities of the plane, and on each a flow of affine couplings (Real NVP), a masked
autoregressive flow and a flow of spline couplings, trained by maximum likelihood on 200,000 points.
What is recorded for each, on 100,000 fresh points: the mean of -log p, and how far it lies above
the entropy of the density, which is KL(density || flow) in nats.

The second number is the mean of log p_true(x) - log p_flow(x) over the same points. It has the
expectation of "mean of -log p, minus the entropy" and a smaller standard error, because the noise
of -log p_true itself is left out. On the checkerboard, where p_true is constant, the two are equal.
"""

import argparse
import json
import time
from math import sqrt
from pathlib import Path

import torch

import vae_course
from benchmarks.machine import machine
from recipes.families import cosine
from vae_course.data.toy_densities import toy
from vae_course.flows import MAF, NeuralSplineFlow, RealNVP
from vae_course.objectives.maximum_likelihood import log_likelihood
from vae_course.random import seeded
from vae_course.training import fit

RESULT = Path(__file__).parent / "results" / "toy-flows.json"
SHOWN = Path(vae_course.__file__).parent / "weights" / "runs" / RESULT.name  # by the chapter
DENSITIES = ("two_moons", "rings", "eight_gaussians", "checkerboard")
FLOWS = {
    "affine coupling": lambda: RealNVP(2, layers=12, hidden=(64, 64)),
    "MAF": lambda: MAF(2, layers=10, hidden=(64, 64)),
    "spline coupling": lambda: NeuralSplineFlow(2, layers=4, hidden=(64, 64), bins=16, bound=4.0),
}
POINTS, HELD_OUT, BATCH = 200_000, 100_000, 512


def train(density, make, steps: int, lr: float, seed: int):
    """A flow fitted to draws of the density; the learning rate falls to a fiftieth by a cosine."""
    with seeded(seed):
        x, flow = density.sample((POINTS,)), make()
    fit(
        flow, log_likelihood, x, steps, batch_size=BATCH, lr=cosine(lr, steps), clip=5.0,
        device="cpu", seed=seed, progress=False,
    )  # fmt: skip
    return flow.eval()


@torch.no_grad()
def held_out(density, flow, seed: int, points: int) -> dict[str, float]:
    """Means of -log p_flow and of log p_true - log p_flow on fresh points, and errors, in nats."""
    with seeded(seed):
        x = density.sample((points,))
    nll = -torch.cat([flow.log_prob(part) for part in x.split(10_000)]).double()
    excess = nll + density.log_prob(x.double())
    found = {"nll": nll, "excess": excess}
    numbers = {name: values.mean().item() for name, values in found.items()}
    errors = {
        f"{name}_error": (values.std() / sqrt(points)).item() for name, values in found.items()
    }
    return {name: round(value, 5) for name, value in (numbers | errors).items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--densities", nargs="+", choices=DENSITIES, default=DENSITIES)
    parser.add_argument("--flows", nargs="+", choices=FLOWS, default=tuple(FLOWS))
    parser.add_argument("--output", type=Path, default=RESULT)
    options = parser.parse_args()
    start, runs = time.perf_counter(), []
    for flow_name in options.flows:
        for name in options.densities:
            density = toy(name)
            flow = train(density, FLOWS[flow_name], options.steps, options.lr, options.seed)
            runs.append({
                "density": name,
                "flow": flow_name,
                "parameters": sum(p.numel() for p in flow.parameters()),
                "entropy": round(density.entropy().item(), 6),
                **held_out(density, flow, 1000 + options.seed, HELD_OUT),
            })  # fmt: skip
            print(runs[-1], flush=True)
    record = {
        "recipe": f"python -m recipes.toy_flows --steps {options.steps} --lr {options.lr:g} "
        f"--seed {options.seed}",
        "data": f"{POINTS:,} points for training, {HELD_OUT:,} fresh ones for testing",
        "runs": runs,
        "training": {
            "steps": options.steps,
            "batch": BATCH,
            "seed": options.seed,
            "seconds": round(time.perf_counter() - start),
        },
        "machine": machine(),
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    for path in {options.output, SHOWN if options.output == RESULT else options.output}:
        path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    print(f"written to {options.output}")


if __name__ == "__main__":
    main()
