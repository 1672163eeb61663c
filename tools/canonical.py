"""Notebooks in one form, so that a diff shows what was edited: `python -m tools.canonical [files]`.

Canonical: JSON as nbformat writes it (one space of indent, sorted keys), format 4.5 with unique
cell ids, no outputs and no execution counts, no metadata of one person's editor. Cells tagged
`nbval-check-output` keep output and count: the tests compare what a run gives with them (without a
count nbval compares nothing). `--check` changes nothing and fails if a file is not canonical.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
CELL_METADATA = {"tags", "mystnb", "vae_course"}
CHECKED = "nbval-check-output"


def canonical(text: str) -> str:
    """The notebook `text` in canonical form."""
    notebook = nbformat.reads(with_ids(text), as_version=4)
    keep = {key: value for key, value in notebook.metadata.items() if key in {"mystnb", "title"}}
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, **keep})
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict(
            {key: value for key, value in cell.metadata.items() if key in CELL_METADATA and value}
        )
        if cell.cell_type == "code" and CHECKED not in cell.metadata.get("tags", []):
            cell.outputs, cell.execution_count = [], None
        for output in cell.get("outputs", []):
            if "execution_count" in output:
                output.execution_count = cell.execution_count
    nbformat.validate(notebook)
    return nbformat.writes(notebook, nbformat.NO_CONVERT).rstrip("\n") + "\n"


def with_ids(text: str) -> str:
    """Format 4.5, each cell with an id of its own. nbformat would draw missing ones at random; here
    the same notebook always gets the same ids."""
    notebook = json.loads(text)
    notebook["nbformat_minor"] = 5
    taken: set[str] = set()
    for number, cell in enumerate(notebook["cells"]):
        if not cell.get("id") or cell["id"] in taken:
            seed = f"{number}\n{cell['cell_type']}\n{''.join(cell['source'])}"
            cell["id"] = hashlib.sha256(seed.encode()).hexdigest()[:8]
        taken.add(cell["id"])
    return json.dumps(notebook)


def faults(path: Path) -> list[str]:
    """What is wrong with a notebook, in words; nothing for a canonical one."""
    text = path.read_text(encoding="utf8")
    found = []
    if text != canonical(text):
        found.append(f"{path}: not canonical. Run: python -m tools.canonical {path}")
    for cell in nbformat.reads(text, as_version=4).cells:
        if CHECKED in cell.metadata.get("tags", []) and not cell.get("execution_count"):
            found.append(
                f"{path}: cell {cell.get('id')} is tagged {CHECKED} and holds no execution count,"
                " so nothing would be compared. Run it, and save the notebook."
            )
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, help="all of book/, if none is named")
    parser.add_argument("--check", action="store_true", help="change nothing, fail if one differs")
    arguments = parser.parse_args()
    files = arguments.files or sorted(
        file for file in (ROOT / "book").rglob("*.ipynb") if ".ipynb_checkpoints" not in file.parts
    )
    if not arguments.check:
        for file in files:
            file.write_text(
                canonical(file.read_text(encoding="utf8")), encoding="utf8", newline="\n"
            )
    found = [fault for file in files for fault in faults(file)]
    print(*found, sep="\n", end="\n" if found else "", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
