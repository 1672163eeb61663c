"""Plant one mistake at a time and see the named test fail: `make mutants`.

Each file of tests/mutants is a unified patch. Its first lines name the mistake and the test:

    Mistake: the rate is averaged over latents instead of summed
    Test: tests/objectives/test_bound.py::test_value_is_minus_distortion_plus_rate

A mutant is *caught* when that test passes without the patch and fails with it. The patches are
applied to copies of the working tree, two at a time; the tree itself is never touched.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "tests" / "mutants"


@dataclass(frozen=True)
class Mutant:
    path: Path
    mistake: str
    test: str


def read_mutant(path: Path) -> Mutant:
    """The two header lines of a patch; what is missing is an error."""
    head = dict(line.split(": ", 1) for line in path.read_text().splitlines()[:6] if ": " in line)
    for key in ("Mistake", "Test"):
        if key not in head:
            raise ValueError(f"{path.name}: no line '{key}: …' at its top")
    return Mutant(path, head["Mistake"], head["Test"])


def tracked_files(root: Path) -> list[str]:
    """What a copy holds: the files that git knows, and those it would know after an add."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listing = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    return [name for name in listing.split("\0") if name and (root / name).is_file()]


def copy_tree(to: Path) -> None:
    for name in tracked_files(ROOT):
        target = to / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
    # What was installed or built is shared; the tests that need it find it where they look.
    for name in (".venv", ".venv-colab", "node_modules", "_build"):
        if (ROOT / name).exists():
            (to / name).symlink_to(ROOT / name)


def run_test(tree: Path, test: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", test]
    return subprocess.run(
        command, cwd=tree, env=environment, capture_output=True, text=True, timeout=600
    )


def try_mutant(tree: Path, mutant: Mutant) -> str:
    """What is wrong with the mutant, or nothing if its test caught it."""

    def patch(*options: str) -> subprocess.CompletedProcess:
        command = ["git", "apply", *options, str(mutant.path)]
        return subprocess.run(command, cwd=tree, capture_output=True, text=True)

    applied = patch()
    if applied.returncode:
        return f"the patch does not apply: {applied.stderr.strip()}"
    try:
        result = run_test(tree, mutant.test)
    finally:
        patch("--reverse")
    # 1: tests ran and some failed. 2 to 5: interrupted, internal error, usage, no test found.
    if result.returncode == 1:
        return ""
    if result.returncode == 0:
        return "not caught: the test passes"
    return f"the test did not run:\n{(result.stdout + result.stderr)[-2000:]}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "names", nargs="*", help="only the patches whose name contains one of these"
    )
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    mutants = [read_mutant(path) for path in sorted(FOLDER.glob("*.patch"))]
    if arguments.names:
        mutants = [m for m in mutants if any(name in m.path.name for name in arguments.names)]
    with tempfile.TemporaryDirectory() as folder:
        trees: Queue[Path] = Queue()
        for number in range(arguments.jobs):
            tree = Path(folder) / f"tree{number}"
            tree.mkdir()
            copy_tree(tree)
            # A repository of its own: git apply works on the tree it is called in.
            subprocess.run(["git", "init", "-q"], cwd=tree, check=True)
            trees.put(tree)

        def in_a_tree(work, *arguments):
            tree = trees.get()
            try:
                return work(tree, *arguments)
            finally:
                trees.put(tree)

        tests = sorted({mutant.test for mutant in mutants})
        faults = []
        with ThreadPoolExecutor(arguments.jobs) as pool:
            clean = pool.map(lambda test: in_a_tree(run_test, test), tests)
            for test, result in zip(tests, clean, strict=True):
                if result.returncode:
                    faults.append(test)
                    print(f"FAILS UNPATCHED {test}\n{result.stdout[-2000:]}", flush=True)
            outcomes = pool.map(lambda mutant: in_a_tree(try_mutant, mutant), mutants)
            for mutant, fault in zip(mutants, outcomes, strict=True):
                print(f"{'caught' if not fault else 'FAULT'}  {mutant.path.stem}: {mutant.mistake}")
                if fault:
                    faults.append(mutant.path.name)
                    print(f"        {fault}", flush=True)
    print(f"{len(mutants) - len(faults)} passed, {len(faults)} failed")
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
