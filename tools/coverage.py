"""What the chapters cover: the items and corrections that cells say they demonstrate.

    python -m tools.coverage            what is covered, where, and what is still open
    python -m tools.coverage --json     the same for other programs

A cell that demonstrates an item carries it in its metadata and asserts what it shows:
`"vae_course": {"covers": ["C065"], "corrects": ["E03"]}`. Each item has one owning chapter.
"""

import argparse
import json
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ITEMS = [f"C{number:03d}" for number in range(1, 231)]
CORRECTIONS = [f"E{number:02d}" for number in range(1, 111)]


def claims(notebook: Path) -> dict[str, list[dict]]:
    """Item or correction -> the cells of one notebook that claim it, with their source."""
    found: dict[str, list[dict]] = {}
    for cell in json.loads(notebook.read_text())["cells"]:
        marks = cell["metadata"].get("vae_course", {})
        unknown = set(marks) - {"covers", "corrects"}
        if unknown:
            raise ValueError(f"{notebook}: cell {cell['id']} has unknown marks {sorted(unknown)}")
        for item in marks.get("covers", []) + marks.get("corrects", []):
            if item not in ITEMS and item not in CORRECTIONS:
                raise ValueError(f"{notebook}: cell {cell['id']} names an unknown item {item!r}")
            found.setdefault(item, []).append(
                {"id": cell["id"], "type": cell["cell_type"], "source": "".join(cell["source"])}
            )
    return found


def all_claims(root: Path = ROOT) -> dict[str, dict[str, list[dict]]]:
    """Notebook (relative path) -> its claims."""
    notebooks = sorted((root / "book").rglob("*.ipynb"))
    return {
        notebook.relative_to(root).as_posix(): claims(notebook)
        for notebook in notebooks
        if ".ipynb_checkpoints" not in notebook.parts
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    by_item: dict[str, list[str]] = {}
    for path, items in all_claims().items():
        for item in items:
            by_item.setdefault(item, []).append(path)
    if arguments.json:
        print(json.dumps(by_item, indent=1, sort_keys=True))
        return
    for title, known in [("Items", ITEMS), ("Corrections", CORRECTIONS)]:
        covered = [item for item in known if item in by_item]
        print(f"{title}: {len(covered)} of {len(known)} covered")
        for item in covered:
            print(f"  {item}  {', '.join(by_item[item])}")
        print("  open: " + " ".join(item for item in known if item not in by_item) + "\n")


if __name__ == "__main__":
    main()
