"""`python -m benchmarks.flows`: our flows beside zuko, nflows, normflows and plain torch.

All contenders of a case take turns in one process, so that a busy machine slows all of them.
Milliseconds are medians over the rounds. A ratio is the median of the ratios within a round, to
the best peer: the one with the least median. Before anything is timed, ours, with the weights of
zuko's and nflows' flows, has to give their densities to 1e-6. `--device cuda` measures on a GPU,
and what `torch.compile` makes of it.
"""

import argparse
import json
from pathlib import Path
from statistics import median
from time import perf_counter

import torch

from benchmarks import flow_agreement as agreement
from benchmarks import flow_contenders as by
from benchmarks import glow_contenders as glow
from benchmarks.machine import machine

RESULTS = Path(__file__).parent / "results" / "flows.json"
OURS, FLOOR = "vae_course", "plain torch"
LIBRARIES = {
    OURS: by.course,
    "zuko": by.zuko_flow,
    "nflows": by.nflows_flow,
    "normflows": by.normflows_flow,
    FLOOR: by.floor,
}
TARGETS = {  # shares of the best peer's time
    "MAF: log_prob and gradient": 0.9,
    "MAF: sample": 0.2,
    "Real NVP: log_prob and gradient": 0.9,
    "planar: sample, log_prob and gradient": 0.6,
    "Glow: log_prob and gradient": 0.9,
    "Glow: sample": 0.9,
}


def densities(name: str, device: str) -> dict:
    x = by.batch(device)
    runs = {}
    for library, build in LIBRARIES.items():
        model, log_prob, _ = build(name, device)
        runs[library] = by.density_step(model, log_prob, x)
        if library == OURS and device != "cpu":
            runs[OURS + ", compiled"] = by.density_step(model, torch.compile(log_prob), x)
    return runs


def samples(name: str, device: str) -> dict:
    return {
        library: torch.no_grad()(build(name, device)[2])
        for library, build in LIBRARIES.items()
        if library != FLOOR
    }


def posteriors(name: str, device: str) -> dict:
    libraries = {key: LIBRARIES[key] for key in (OURS, "normflows", FLOOR)}  # others have no planar
    runs = {}
    for library, build in libraries.items():
        model, _, draw = build(name, device)
        runs[library] = by.posterior_step(model, draw)
    return runs


CASES = {
    "MAF: log_prob and gradient": (densities, "MAF", 1),
    "MAF: sample": (samples, "MAF", 5),
    "Real NVP: log_prob and gradient": (densities, "Real NVP", 1),
    "planar: sample, log_prob and gradient": (posteriors, "planar", 1),
    "Glow: log_prob and gradient": (glow.densities, "Glow", 2),
    "Glow: sample": (glow.samples, "Glow", 2),
}


def compare(contenders: dict, rounds: int, wait) -> dict:
    """Time each contender once a round; `wait` returns when the device has done its work."""
    times = {name: [] for name in contenders}
    for run in contenders.values():
        run()
        run()
    names = list(contenders)
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            wait()
            start = perf_counter()
            contenders[name]()
            wait()
            times[name].append((perf_counter() - start) * 1e3)
    best = min(
        (n for n in names if n not in (FLOOR,) and OURS not in n), key=lambda n: median(times[n])
    )
    return {
        "best peer": best,
        "rows": {
            name: {
                "milliseconds": round(median(values), 3),
                "of_best_peer": round(
                    median(a / b for a, b in zip(values, times[best], strict=True)), 3
                ),
            }
            for name, values in times.items()
        },
    }


def check_agreement() -> dict:
    """The largest difference of log-densities, in nats, in float64."""
    x = by.batch().double()
    largest = {}
    for library, name, copy in (
        ("zuko", "MAF", agreement.maf_from_zuko),
        ("zuko", "Real NVP", agreement.real_nvp_from_zuko),
        ("nflows", "MAF", agreement.maf_from_nflows),
        ("nflows", "Real NVP", agreement.real_nvp_from_nflows),
    ):
        theirs, _, _ = LIBRARIES[library](name)
        theirs = theirs.double()
        wanted = (theirs() if library == "zuko" else theirs).log_prob(x)
        difference = (copy(theirs).log_prob(x) - wanted).abs().max().item()
        assert difference < 1e-6, f"{name}: {difference} nats from {library}"
        largest[f"{name}, {library}"] = difference
    return largest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=61)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    wait = torch.cuda.synchronize if options.device == "cuda" else lambda: None

    measured = {"machine": machine(), "threads": options.threads, "rounds": options.rounds}
    measured["agreement"] = check_agreement()
    measured["cases"], missed = {}, 0
    for case, (contenders, name, slower) in CASES.items():
        rounds = max(3, options.rounds // slower)
        results = compare(contenders(name, options.device), rounds, wait)
        measured["cases"][case] = results
        print(f"{case} (best peer: {results['best peer']})")
        for row, numbers in results["rows"].items():
            print(f"  {row:22} {numbers['milliseconds']:9.2f} ms   {numbers['of_best_peer']:.3f}")
        ratio = results["rows"][OURS]["of_best_peer"]
        missed += ratio > TARGETS[case]
        word = "missed" if ratio > TARGETS[case] else "held"
        print(f"  target {TARGETS[case]:.2f}: {word}")

    recorded = json.loads(options.output.read_text()) if options.output.exists() else {}
    recorded[options.device] = measured
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(recorded, indent=2) + "\n")
    print(f"written to {options.output}")
    raise SystemExit(1 if missed else 0)


if __name__ == "__main__":
    main()
