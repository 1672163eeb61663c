"""Trains recorded weights again and compares: `python -m tools.retrain glyphs-conv-vae`.

The record beside the weights names the recipe and the held-out ELBO that it reached. The recipe
runs into a temporary folder; its ELBO may not be worse than the recorded one by more than the
tolerance. On other hardware the numbers are not the same: 1 nat is what we expect seeds to change.
"""

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WEIGHTS = ROOT / "vae_course" / "weights"
METRIC = "held_out_elbo"


def command(recipe: str, folder: Path) -> list[str]:
    """The recipe's command line, run by this Python and writing into `folder`."""
    python, *rest = shlex.split(recipe)
    if python != "python" or rest[0] != "-m" or not rest[1].startswith("recipes."):
        raise ValueError(f"not the command of a recipe: {recipe!r}")
    return [sys.executable, *rest, "--folder", str(folder)]


def verdict(recorded: float, reached: float, tolerance: float) -> str:
    """What is wrong with the ELBO that was reached (nats), or nothing."""
    if reached >= recorded - tolerance:
        return ""
    return f"{METRIC} {reached:.2f} nats is worse than the recorded {recorded:.2f} by more than"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", help="of a record in vae_course/weights")
    parser.add_argument("--tolerance", type=float, default=1.0, help="nats")
    arguments = parser.parse_args()
    recorded = json.loads((WEIGHTS / f"{arguments.name}.json").read_text(encoding="utf8"))
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(command(recorded["recipe"], Path(folder)), cwd=ROOT, check=True)
        reached = json.loads((Path(folder) / f"{arguments.name}.json").read_text(encoding="utf8"))
    print(f"{METRIC}: recorded {recorded[METRIC]:.2f}, reached {reached[METRIC]:.2f} nats")
    wrong = verdict(recorded[METRIC], reached[METRIC], arguments.tolerance)
    print(f"{wrong} {arguments.tolerance}" if wrong else "within the tolerance")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
