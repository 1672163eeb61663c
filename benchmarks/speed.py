"""`python -m benchmarks.speed` (or `make benchmark`): beside pythae, disent and plain torch.

All contenders of a case take turns in one process, so that a busy machine slows all of them.
Milliseconds are medians over the rounds; a ratio is the median of the ratios within a round.
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
# Shares of pythae's time, or of disent's.
TARGETS = {
    "training step": 0.75,
    "IWAE step, k = 50": 0.80,
    "importance-sampled NLL": 0.40,
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
            f"of_{peer}": round(median(a / b for a, b in zip(values, times[peer], strict=True)), 3),
        }
        for name, values in times.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    steps, images, points = 100, by.bits(5000), by.bits(50)
    codes = by.codes_and_factors(10_000)
    ours, theirs = by.course_mig(*codes), by.disent_mig(*codes)
    assert abs(ours() - theirs()) < 1e-6, f"MIG: {ours()} here, {theirs()} by disent"
    cases = {
        "training step": compare(
            {
                "vae_course": by.course_steps(images, 128, steps),
                "pythae": by.pythae_steps(images, 128, steps),
                "plain torch": by.torch_steps(images, 128, steps),
            },
            options.rounds,
            steps,
        ),
        "IWAE step, k = 50": compare(
            {
                "vae_course": by.course_steps(images, 128, 5, samples=50),
                "pythae": by.pythae_steps(images, 128, 5, samples=50),
                "plain torch": by.torch_steps(images, 128, 5, samples=50),
            },
            options.rounds,
            5,
        ),
        "importance-sampled NLL": compare(
            {
                "vae_course": by.course_likelihood(points, 500),
                "pythae": by.without_gradients(by.pythae_likelihood(points, 500)),
            },
            options.rounds,
        ),
        "MIG": compare({"vae_course": ours, "disent": theirs}, options.rounds, peer="disent"),
    }
    results = {
        "machine": machine(),
        "rounds": options.rounds,
        "cases": cases,
        "gpu": gpu_results(),
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(results, indent=2) + "\n")

    missed = 0
    for case, target in TARGETS.items():
        print(case)
        for name, row in cases[case].items():
            milliseconds, share = row.values()
            print(f"  {name:12} {milliseconds:9.2f} ms   {share:.3f} of {[*cases[case]][1]}")
        ratio = [*cases[case]["vae_course"].values()][1]
        missed += ratio > target
        print(f"  target {target:.2f}: {'missed' if ratio > target else 'held'}")
    print(f"GPU: {results['gpu'] if isinstance(results['gpu'], str) else 'recorded'}")
    print(f"written to {options.output}")
    raise SystemExit(1 if missed else 0)


if __name__ == "__main__":
    main()
