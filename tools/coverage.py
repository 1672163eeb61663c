"""What the chapters cover: the items and corrections that cells say they demonstrate.

    python -m tools.coverage            what is covered, where, and what is still open
    python -m tools.coverage --json     the same for other programs

A cell that demonstrates an item carries it in its metadata and asserts what it shows:
`"vae_course": {"covers": ["C065"], "corrects": ["E03"]}`. Each item has one owning chapter. A page
in Markdown says it in its front matter, `vae_course: {covers: [C052]}`.
"""

import argparse
import json
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
ITEMS = [f"C{number:03d}" for number in range(1, 231)]
CORRECTIONS = [f"E{number:02d}" for number in range(1, 111)]


def marked_cells(path: Path) -> list[tuple[dict, dict]]:
    """The marks of each cell that has any, with what is marked: its id, type and source."""
    text = path.read_text(encoding="utf8")
    if path.suffix == ".md":
        front = yaml.safe_load(text.split("---\n")[1]) if text.startswith("---\n") else {}
        return [(front.get("vae_course", {}), {"id": "page", "type": "page", "source": text})]
    return [
        (
            cell["metadata"].get("vae_course", {}),
            {"id": cell["id"], "type": cell["cell_type"], "source": "".join(cell["source"])},
        )
        for cell in json.loads(text)["cells"]
    ]


def claims(path: Path) -> dict[str, list[dict]]:
    """Item or correction -> the cells of one page that claim it."""
    found: dict[str, list[dict]] = {}
    for marks, cell in marked_cells(path):
        unknown = set(marks) - {"covers", "corrects"}
        if unknown:
            raise ValueError(f"{path}: cell {cell['id']} has unknown marks {sorted(unknown)}")
        for item in marks.get("covers", []) + marks.get("corrects", []):
            if item not in ITEMS and item not in CORRECTIONS:
                raise ValueError(f"{path}: cell {cell['id']} names an unknown item {item!r}")
            found.setdefault(item, []).append(cell)
    return found


def all_claims(root: Path = ROOT) -> dict[str, dict[str, list[dict]]]:
    """Page (relative path) -> its claims."""
    pages = sorted(path for kind in ("*.ipynb", "*.md") for path in (root / "book").rglob(kind))
    return {
        path.relative_to(root).as_posix(): found
        for path in pages
        if ".ipynb_checkpoints" not in path.parts and (found := claims(path))
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
