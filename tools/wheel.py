"""Builds the package's wheel: `python -m tools.wheel [folder]`. No network is needed.

The site publishes it, and the first cell of every Colab copy installs it. What goes in is copied
to a temporary folder first: setuptools would also pack what an older build left behind.
"""

import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DESCRIPTION = ("pyproject.toml", "README.md", "LICENSE")
UNWANTED = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")


def version(root: Path = ROOT) -> str:
    """The edition: the version in pyproject.toml."""
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf8"))["project"]["version"]


def wheel_name(root: Path = ROOT) -> str:
    return f"vae_course-{version(root)}-py3-none-any.whl"


def sources(root: Path) -> list[Path]:
    package = [file for file in (root / "vae_course").rglob("*") if file.is_file()]
    return [root / name for name in DESCRIPTION] + [
        file for file in package if "__pycache__" not in file.parts
    ]


def is_current(wheel: Path, root: Path) -> bool:
    """Whether the wheel is newer than every file and folder that it is made of."""
    folders = [folder for folder in (root / "vae_course").rglob("*") if folder.is_dir()]
    folders = [folder for folder in folders if folder.name != "__pycache__"]
    # A folder changes when a file is deleted, but also when Python writes its __pycache__: once.
    newest = max(path.stat().st_mtime for path in [*sources(root), *folders])
    return wheel.is_file() and wheel.stat().st_mtime > newest


def build_wheel(folder: Path, root: Path = ROOT) -> Path:
    """The wheel of the package at `root`, in `folder`, which then holds no other edition."""
    wheel = folder / wheel_name(root)
    if is_current(wheel, root):
        return wheel
    folder.mkdir(parents=True, exist_ok=True)
    for older in folder.glob("vae_course-*.whl"):
        older.unlink()
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary) / "package"
        copy.mkdir()
        for name in DESCRIPTION:
            shutil.copy(root / name, copy)
        shutil.copytree(root / "vae_course", copy / "vae_course", ignore=UNWANTED)
        pip = [sys.executable, "-m", "pip", "--no-input", "--disable-pip-version-check"]
        offline = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
        subprocess.run([*pip, "wheel", *offline, "-w", folder.resolve(), copy], check=True)
    if not wheel.is_file():
        raise FileNotFoundError(f"pip built {[p.name for p in folder.iterdir()]}, not {wheel.name}")
    return wheel


if __name__ == "__main__":
    print(build_wheel(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist"))
