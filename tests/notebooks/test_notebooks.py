"""The chapters as notebooks: canonical, fast, and their marked outputs are what a run gives.

The build executes every notebook once. Here each is executed a second time, by nbval, which
compares the outputs of the cells tagged `nbval-check-output`.
"""

import json
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tools import execute
from tools.canonical import CHECKED, faults

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = [page for page in execute.notebooks(ROOT) if page.path.suffix == ".ipynb"]
each_notebook = pytest.mark.parametrize(
    "page", [pytest.param(page, id=page.docname) for page in NOTEBOOKS]
)


def nbval(path: Path) -> subprocess.CompletedProcess:
    """Execute a notebook and compare its marked outputs. Nothing else of pytest's is loaded."""
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-current-env"]
    options = ["-q", "-c", "/dev/null", "--rootdir", str(path.parent), "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, *options, "--nbval-cell-timeout", "240", str(path)],
        cwd=path.parent,
        capture_output=True,
        text=True,
    )


def marked(content: nbformat.NotebookNode) -> list[int]:
    """Which cells have an output that is compared."""
    return [i for i, cell in enumerate(content.cells) if CHECKED in cell.metadata.get("tags", [])]


def test_every_notebook_is_in_the_table_of_contents():
    files = {file for file in (ROOT / "book").rglob("*.ipynb") if "checkpoints" not in str(file)}
    assert files == {page.path for page in NOTEBOOKS}


@each_notebook
def test_is_canonical(page):
    assert faults(page.path) == []


@each_notebook
def test_takes_less_than_a_minute(page):
    """As measured when the book was built, two notebooks at a time."""
    record = json.loads(execute.record_path(ROOT / "_build", page.docname).read_text())
    assert record["seconds"] < execute.LIMIT


@each_notebook
def test_executes_and_gives_its_marked_outputs(page):
    result = nbval(page.path)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-2000:]


def test_a_planted_wrong_output_is_found(tmp_path):
    """In a copy of a chapter, cut after its first marked cell."""
    content = min(
        (page.content for page in NOTEBOOKS if marked(page.content)),
        key=lambda content: marked(content)[0],
    ).copy()
    first = marked(content)[0]
    content.cells = content.cells[: first + 1]
    cell = content.cells[first]
    assert cell.outputs, "a marked cell has an output"
    for output in cell.outputs:
        if "text" in output:
            output.text = output.text + "planted\n"
        else:
            output.data["text/plain"] = "planted"
    copy = tmp_path / "planted.ipynb"
    nbformat.write(content, copy)
    result = nbval(copy)
    assert result.returncode == 1, result.stdout[-5000:] + result.stderr[-2000:]
    assert "planted" in result.stdout
    assert f"Cell {len([c for c in content.cells if c.cell_type == 'code']) - 1}" in result.stdout
