"""`python -m benchmarks.speed` (or `make benchmark`): beside pythae, disent and plain torch.

All contenders of a case take turns in one process, so that a busy machine slows all of them.
Milliseconds are medians over the rounds; a ratio is the median of the ratios within a round.
`--only "family of 16"` measures one case and leaves what is recorded of the others as it is; under
`apart` it is written on which machine and commit that was.
"""

import argparse
import json
from pathlib import Path
from statistics import median
from time import perf_counter

import torch

from benchmarks import contenders as by
from benchmarks.gpu import gpu_results
from benchmarks.machine import machine

RESULTS = Path(__file__).parent / "results" / "speed.json"
# Shares of pythae's time, of that of one model in plain torch, or of disent's.
TARGETS = {
    "training step": 0.75,
    "IWAE step, k = 50": 0.80,
    "importance-sampled NLL": 0.40,
    "family of 16": 5.5,
    "MIG": 0.05,
}


def compare(contenders: dict, rounds: int, repeats: int = 1, peer: str = "pythae") -> dict:
    """Time each contender once a round; `repeats` is how much work one call does."""
    times = {name: [] for name in contenders}
    for run in contenders.values():
        run()  # caches, the optimiser's state, lazy imports
    names = list(contenders)
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            start = perf_counter()
            contenders[name]()
            times[name].append((perf_counter() - start) / repeats * 1e3)
    return {
        name: {
            "milliseconds": round(median(values), 3),
            "of_" + peer.replace(" ", "_"): round(
                median(a / b for a, b in zip(values, times[peer], strict=True)), 3
            ),
        }
        for name, values in times.items()
    }


def training_step(rounds: int) -> dict:
    images, steps = by.bits(5000), 100
    return compare(
        {
            "vae_course": by.course_steps(images, 128, steps),
            "pythae": by.pythae_steps(images, 128, steps),
            "plain torch": by.torch_steps(images, 128, steps),
        },
        rounds,
        steps,
    )


def iwae_step(rounds: int) -> dict:
    images, steps = by.bits(5000), 5
    return compare(
        {
            "vae_course": by.course_steps(images, 128, steps, samples=50),
            "pythae": by.pythae_steps(images, 128, steps, samples=50),
            "plain torch": by.torch_steps(images, 128, steps, samples=50),
        },
        rounds,
        steps,
    )


def likelihood(rounds: int) -> dict:
    points = by.bits(50)
    return compare(
        {
            "vae_course": by.course_likelihood(points, 500),
            "pythae": by.without_gradients(by.pythae_likelihood(points, 500)),
        },
        rounds,
    )


def family_of_16(rounds: int) -> dict:
    """A step of sixteen models 64-128-8 that differ in β; beside it one, and sixteen in turn."""
    images, steps = by.digits(), 100
    return compare(
        {
            "vae_course": by.course_family_steps(images, 128, steps, members=16),
            "plain torch": by.torch_digits_steps(images, 128, steps),
            "plain torch, 16 in turn": by.torch_digits_steps(images, 128, steps, members=16),
        },
        rounds,
        steps,
        peer="plain torch",
    )


def gap(rounds: int) -> dict:
    """The mutual information gap of 10 latents and 5 factors; both give the same number."""
    codes = by.codes_and_factors(10_000)
    ours, theirs = by.course_mig(*codes), by.disent_mig(*codes)
    assert abs(ours() - theirs()) < 1e-6, f"MIG: {ours()} here, {theirs()} by disent"
    return compare({"vae_course": ours, "disent": theirs}, rounds, peer="disent")


CASES = {
    "training step": training_step,
    "IWAE step, k = 50": iwae_step,
    "importance-sampled NLL": likelihood,
    "family of 16": family_of_16,
    "MIG": gap,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", choices=CASES, help="one case; the others stay as recorded")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    chosen = [options.only] if options.only else list(CASES)
    cases = {name: CASES[name](options.rounds) for name in chosen}
    if options.only:
        results = json.loads(options.output.read_text()) if options.output.exists() else {}
        results["cases"] = results.get("cases", {}) | cases
        apart = {options.only: {"machine": machine(), "rounds": options.rounds}}
        results["apart"] = results.get("apart", {}) | apart
    else:
        results = {
            "machine": machine(),
            "rounds": options.rounds,
            "cases": cases,
            "gpu": gpu_results(),
        }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(results, indent=2) + "\n")

    missed = 0
    for case, rows in cases.items():
        print(case)
        peer = next(name for name in rows["vae_course"] if name.startswith("of_"))
        for name, row in rows.items():
            words = f"{row[peer]:.3f} {peer.replace('_', ' ')}"
            print(f"  {name:24} {row['milliseconds']:9.2f} ms   {words}")
        ratio, target = rows["vae_course"][peer], TARGETS[case]
        missed += ratio > target
        print(f"  target {target:.2f}: {'missed' if ratio > target else 'held'}")
    if not options.only:
        print(f"GPU: {results['gpu'] if isinstance(results['gpu'], str) else 'recorded'}")
    print(f"written to {options.output}")
    raise SystemExit(1 if missed else 0)


if __name__ == "__main__":
    main()
