"""Installing the course on Colab changes nothing that is there.

An environment is made in which pip sees packages of the names and versions that Colab has
(packages.txt), each an empty shell, and is asked what it would install for the course's wheel. pip
reads no package index: whatever it would need from there it cannot find, and fails. Where anywidget
is not on Colab, the setup cell brings it; then it and psygnal are offered as wheels, with the
requirements that the tested versions have.
"""

import importlib.metadata
import json
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tools.colab_image import read_record, touched, versions
from tools.wheel import ROOT, build_wheel

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
IMAGE, PYTHON = read_record()
BROUGHT = ("anywidget", "psygnal")  # what the setup cell may add to the course itself


def metadata(name: str, version: str, requires: list[str], python: str | None = None) -> str:
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Python: {python}"] if python else []
    return "\n".join([*lines, *(f"Requires-Dist: {line}" for line in requires)]) + "\n"


def write_shell_wheel(folder: Path, name: str, version: str, requires: list[str]) -> Path:
    """A wheel with nothing in it but its requirements."""
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    file = folder / f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"{info}/METADATA", metadata(name, version, requires))
        tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr(f"{info}/WHEEL", tags)
        archive.writestr(f"{info}/RECORD", "")
    return file


class Colab:
    """A Python environment in which pip sees the packages of `image`, and no others."""

    def __init__(self, folder: Path, image: dict[str, str]):
        venv.create(folder / "env", with_pip=False)
        windows = sys.platform == "win32"
        self.python = folder / "env" / ("Scripts/python.exe" if windows else "bin/python")
        where = [self.python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
        packages = Path(subprocess.check_output(where, text=True).strip())
        for name, version in image.items():
            info = packages / f"{name.replace('-', '_')}-{version}.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(metadata(name, version, []))
            (info / "INSTALLER").write_text("pip\n")
            (info / "RECORD").write_text("")
        self.wheels = folder / "wheels"
        self.wheels.mkdir()

    def would_add(self, wheel: Path) -> set[str]:
        """The packages that installing `wheel` would add or replace; CalledProcessError if it
        needs one that is neither in the image nor offered."""
        pip = [sys.executable, "-m", "pip", "--python", self.python, "--no-input"]
        offline = ["--no-index", "--find-links", self.wheels, "--disable-pip-version-check"]
        command = [*pip, "install", "--dry-run", "--quiet", "--report", "-", *offline, wheel]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return {item["metadata"]["name"].lower() for item in json.loads(output)["install"]}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def colab(tmp_path_factory) -> Colab:
    return Colab(tmp_path_factory.mktemp("colab"), IMAGE)


def test_only_the_course_is_added(colab, wheel):
    added = colab.would_add(wheel)
    assert "vae-course" in added
    assert added <= {"vae-course", *BROUGHT}


def test_where_anywidget_is_missing_only_it_and_psygnal_come_too(tmp_path, wheel):
    image = {name: version for name, version in IMAGE.items() if name not in BROUGHT}
    older = Colab(tmp_path, image)
    for name in BROUGHT:
        tested = importlib.metadata.distribution(name)
        requires = [line for line in tested.requires or [] if "extra ==" not in line]
        write_shell_wheel(older.wheels, name, tested.version, requires)
    assert older.would_add(wheel) == {"vae-course", *BROUGHT}


@pytest.mark.parametrize("bound", ["torch>=99", "numpy>=99", "ipywidgets>=8", "onnxruntime"])
def test_a_heavier_requirement_is_noticed(colab, tmp_path, bound):
    requires = [line for line in PROJECT["dependencies"] if Requirement(line).name not in bound]
    heavier = write_shell_wheel(tmp_path, "vae-course", "0.0.1", [*requires, bound])
    with pytest.raises(subprocess.CalledProcessError) as failure:
        colab.would_add(heavier)
    assert f"No matching distribution found for {bound}" in failure.value.stderr


def test_what_is_offered_and_heavier_is_noticed_too(tmp_path):
    """The other way to fail: the package can be had, so pip would replace what Colab has."""
    newer = Colab(tmp_path, IMAGE)
    write_shell_wheel(newer.wheels, "torch", "99.0", [])
    heavier = write_shell_wheel(tmp_path, "vae-course", "0.0.1", ["torch>=99"])
    assert newer.would_add(heavier) == {"vae-course", "torch"}


def test_colabs_python_is_one_of_ours():
    assert SpecifierSet(PROJECT["requires-python"]).contains(f"{PYTHON}.0")


def test_the_record_holds_all_direct_dependencies():
    names = {Requirement(line).name for line in PROJECT["dependencies"]}
    assert names - set(BROUGHT) <= set(IMAGE)
    assert touched(IMAGE, IMAGE) == dict(sorted(IMAGE.items()))


def test_published_list_is_read():
    text = (
        "numpy==2.1.3\nPyYAML==6.0.2\n"
        "torch @ https://example.org/whl/cpu/torch-2.11.0%2Bcpu-cp313-cp313-linux_x86_64.whl\n"
        "-e git+https://example.org/x#egg=x\n"
    )
    assert versions(text) == {"numpy": "2.1.3", "pyyaml": "6.0.2", "torch": "2.11.0+cpu"}
