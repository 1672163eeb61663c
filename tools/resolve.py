r"""The chapters as Colab and the download button get them: `python -m tools.resolve`.

Each chapter of _toc.yml becomes `<site>/notebooks/<name>.ipynb`: plain Markdown, no outputs, code
as it is. What only MyST understands is written out: numbers that the run glued, citations as author
and year, equation numbers, links to other pages, exercises. The setup cell first installs the
package's wheel, which is built into `<site>/wheels/`.

A notebook in which anything of MyST is left is an error.
"""

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

import nbformat
from jupyter_cache import get_cache
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from sphinx_external_toc.parsing import parse_toc_yaml

from tools import repository
from tools.canonical import KERNEL
from tools.execute import Notebook, notebooks
from tools.wheel import build_wheel, version, wheel_name

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book" / "_ext"))

from course_build import MACROS  # noqa: E402
from course_plain import (  # noqa: E402
    HEADING,
    Context,
    find_labels,
    leftovers,
    number_equations,
    to_plain,
)
from course_plain_blocks import citations_of  # noqa: E402

INSTALL = """\
# On Colab: install the course, and leave everything else there as it is.
import importlib.util
import sys

if "google.colab" in sys.modules:
    %pip install -q --no-deps {wheel}
    if importlib.util.find_spec("anywidget") is None:
        %pip install -q anywidget
elif importlib.util.find_spec("vae_course") is None:
    raise ModuleNotFoundError("The course is not installed here. Run: pip install {wheel}")
"""


def markdown_cells(notebook: nbformat.NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]


def pages(root: Path) -> dict[str, list[str]]:
    """Page -> its Markdown: every page of _toc.yml, with code or without."""
    with_code = {page.docname: markdown_cells(page.content) for page in notebooks(root)}
    found = {}
    for docname in parse_toc_yaml(root / "_toc.yml"):
        if docname in with_code:
            found[docname] = with_code[docname]
        else:
            found[docname] = [(root / f"{docname}.md").read_text(encoding="utf8")]
    return found


def title(cells: list[str]) -> str:
    lines = "\n".join(cells).splitlines()
    return next((match["title"] for match in map(HEADING.match, lines) if match), "")


def book_context(root: Path, site: str) -> Context:
    """What a chapter can refer to in the rest of the book."""
    context = Context(site=site, macros=MACROS)
    context.citations = citations_of(root / "book" / "references.bib")
    for docname, cells in pages(root).items():
        context.titles[docname] = title(cells)
        for label in number_equations(cells):
            context.labels[label] = ("an equation there", docname)
        context.labels.update(find_labels(docname, cells))
    return context


def glued_numbers(executed: nbformat.NotebookNode) -> dict[str, str]:
    """Name -> text, of everything that the run kept for the prose."""
    found = {}
    for cell in executed.cells:
        for output in cell.get("outputs", []):
            note = output.get("metadata", {}).get("scrapbook")
            if note:
                prefix = note.get("mime_prefix", "")
                found[note["name"]] = "".join(output["data"][f"{prefix}text/plain"])
    return found


def executed(build: Path, notebook: Notebook) -> nbformat.NotebookNode:
    """The chapter with the outputs that the page shows."""
    cache = get_cache(str(build / ".jupyter_cache"))
    try:
        record = cache.match_cache_notebook(notebook.content)
    except KeyError:
        raise ValueError(f"{notebook.path} has not been executed: run `make book` first") from None
    return cache.get_cache_bundle(record.pk).nb


def setup_cell(source: str, site: str) -> str:
    """A chapter's setup cell with what Colab needs before it."""
    wheel = f"{site}/wheels/{wheel_name()}"
    return INSTALL.format(wheel=wheel) + "\n" + source


def resolve(notebook: Notebook, outputs: nbformat.NotebookNode, book: Context):
    """The published copy of one chapter."""
    equations = number_equations(markdown_cells(notebook.content))
    context = replace(
        book, docname=notebook.docname, equations=equations, glued=glued_numbers(outputs)
    )
    cells = []
    for cell in notebook.content.cells:
        try:
            if cell.cell_type == "markdown":
                cells.append(new_markdown_cell(to_plain(cell.source, context), id=cell.id))
            elif cell.cell_type == "code":
                is_setup = "setup" in cell.metadata.get("tags", [])
                source = setup_cell(cell.source, context.site) if is_setup else cell.source
                cells.append(new_code_cell(source, id=cell.id))
        except ValueError as error:
            raise ValueError(f"{notebook.path}, cell {cell.id}: {error}") from error
    page = f"{context.site}/{notebook.docname}.html"
    origin = f"From [The VAE Course]({page}), edition {version()}. Text CC BY 4.0, code MIT."
    cells.insert(1, new_markdown_cell(origin, id="origin"))
    return new_notebook(
        cells=cells, metadata={"kernelspec": KERNEL, "colab": {"provenance": []}}, nbformat_minor=5
    )


def faults(resolved: nbformat.NotebookNode) -> list[str]:
    """What is wrong with a published copy, in words."""
    found = [
        f"cell {cell.id} still has a {left}"
        for cell in resolved.cells
        if cell.cell_type == "markdown"
        for left in leftovers(cell.source)
    ]
    setups = [cell for cell in resolved.cells if "google.colab" in cell.source]
    first = next((cell for cell in resolved.cells if cell.cell_type == "code"), None)
    if setups != [first]:
        found.append("the first code cell, and no other, must be tagged `setup`")
    return found


def write_all(site_folder: Path, site: str, root: Path = ROOT) -> list[Path]:
    """Resolve every chapter into the built site; what is wrong is one ValueError."""
    context, build = book_context(root, site), site_folder.parent
    target = site_folder / "notebooks"
    target.mkdir(parents=True, exist_ok=True)
    written, wrong = [], []
    for notebook in notebooks(root):
        if notebook.path.suffix != ".ipynb":
            continue
        resolved = resolve(notebook, executed(build, notebook), context)
        nbformat.validate(resolved)
        wrong += [f"{notebook.path}: {fault}" for fault in faults(resolved)]
        file = target / notebook.path.name
        if file in written:
            wrong.append(f"{notebook.path}: two chapters have the name {file.name}")
        nbformat.write(resolved, file)
        written.append(file)
    for file in set(target.glob("*.ipynb")) - set(written):
        file.unlink()
    if wrong:
        raise ValueError("\n".join(wrong))
    return written


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--site", type=Path, default=ROOT / "_build" / "html")
    parser.add_argument("--repository", help="owner/name, if not the one of _config.yml")
    arguments = parser.parse_args()
    if arguments.repository:
        os.environ["VAE_COURSE_REPOSITORY"] = arguments.repository
    try:
        written = write_all(arguments.site, repository.site_url())
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    wheel = build_wheel(arguments.site / "wheels")
    print(f"Copies for Colab: {len(written)} notebooks, and {wheel.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
