"""Writes constraints.txt from what is installed in this environment: `make constraints`.

Every package that requirements.txt pulls in, at the version that was tested, except torch and its
CUDA libraries: those differ from one build of torch to another, and requirements.txt pins torch.
"""

import importlib.metadata as metadata
import re
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
HEAD = """\
# Every package of the environment at the version it was tested with, also what is needed by others.
# requirements.txt names what the course itself uses. Made by `make constraints`.
"""
LEFT_OUT = re.compile(r"(torch|triton|setuptools|nvidia-.*|cuda-.*)$")


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def wanted(requirements: str) -> list[str]:
    """The packages that requirements.txt names."""
    lines = (line.split("#")[0].strip() for line in requirements.splitlines())
    return [Requirement(line).name for line in lines if line and not line.startswith("-")]


def pinned(names: list[str]) -> dict[str, str]:
    """Those packages and all that they need on this machine: name as it is spelled -> version."""
    pins: dict[str, tuple[str, str]] = {}
    queue = [(name, frozenset[str]()) for name in names]
    seen = set()
    while queue:
        name, extras = queue.pop()
        if (normalised(name), extras) in seen:
            continue
        seen.add((normalised(name), extras))
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # needed on other systems only
        if not LEFT_OUT.match(normalised(name)):
            pins[normalised(name)] = (found.metadata["Name"], found.version)
        for line in found.requires or []:
            need = Requirement(line)
            contexts = [{"extra": extra} for extra in (*extras, "")]
            if need.marker is None or any(need.marker.evaluate(context) for context in contexts):
                queue.append((need.name, frozenset(need.extras)))
    return dict(pins[name] for name in sorted(pins))


def main() -> None:
    pins = pinned(wanted((ROOT / "requirements.txt").read_text()))
    lines = [f"{name}=={version}\n" for name, version in pins.items()]
    (ROOT / "constraints.txt").write_text(HEAD + "".join(lines))
    print(f"constraints.txt: {len(lines)} packages")


if __name__ == "__main__":
    main()
