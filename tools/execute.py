"""Executes the notebooks that are stale, two at a time: `python -m tools.execute`.

A notebook is stale when its code, a file of ours that it depends on (tools/closure.py),
requirements.txt or constraints.txt has changed since it was executed. Editing its prose executes
nothing. Outputs go into the jupyter-cache that the build reads, so the build executes nothing.
What was run, with its measured time and the files that it depends on, is in
_build/executed/<page>.json.
"""

import argparse
import hashlib
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.executors.utils import single_nb_execution
from myst_nb.core.read import is_myst_markdown_notebook, read_myst_markdown_notebook
from myst_parser.config.main import MdParserConfig
from sphinx_external_toc.parsing import parse_toc_yaml

from tools.closure import closure

ROOT = Path(__file__).resolve().parent.parent
AT_ONCE = 2
LIMIT = 60  # seconds a notebook may take
MARKDOWN = MdParserConfig(enable_extensions={"colon_fence", "dollarmath"})  # what can hold a cell


@dataclass
class Notebook:
    """A page with code: `docname` as in _toc.yml, its file, and its cells."""

    docname: str
    path: Path
    content: nbformat.NotebookNode

    @property
    def code(self) -> str:
        """All code cells as Python, with magics turned into calls."""
        cells = [cell.source for cell in self.content.cells if cell.cell_type == "code"]
        return "\n\n".join(TransformerManager().transform_cell(cell) for cell in cells)


def notebooks(root: Path) -> list[Notebook]:
    """The notebooks named in _toc.yml: .ipynb files, and Markdown files that hold code cells."""
    found = []
    for docname in parse_toc_yaml(root / "_toc.yml"):
        path = root / f"{docname}.ipynb"
        if path.is_file():
            content = nbformat.read(path, as_version=4)
        else:
            path = root / f"{docname}.md"
            text = path.read_text(encoding="utf8")
            if not is_myst_markdown_notebook(text):
                continue
            content = read_myst_markdown_notebook(text, MARKDOWN)
        found.append(Notebook(docname, path, content))
    return found


def dependencies(root: Path, notebook: Notebook) -> list[Path]:
    """The files that the notebook's results depend on."""
    pins = [root / "requirements.txt", root / "constraints.txt"]
    return closure(root, notebook.code, (notebook.path.parent, root)) + pins


def key(root: Path, cache, notebook: Notebook, files: list[Path]) -> str:
    """A hash of the notebook's code and of the files that it depends on."""
    digest = hashlib.sha256(cache.create_hashed_notebook(notebook.content)[1].encode())
    for file in files:
        name = os.path.relpath(file, root.resolve())
        digest.update(f"\n{name} {hashlib.sha256(file.read_bytes()).hexdigest()}".encode())
    return digest.hexdigest()


def record_path(build: Path, docname: str) -> Path:
    """Where it is written down that a page's notebook was executed."""
    return build / "executed" / f"{docname}.json"


def is_stale(build: Path, cache, notebook: Notebook, wanted: str) -> bool:
    record = record_path(build, notebook.docname)
    if not record.is_file() or json.loads(record.read_text())["key"] != wanted:
        return True
    try:
        cache.match_cache_notebook(notebook.content)
    except KeyError:
        return True
    return False


def execute_stale(
    root: Path = ROOT, build: Path = ROOT / "_build", force: bool = False
) -> list[str]:
    """Execute what is stale. Returns the pages whose notebook failed."""
    cache = get_cache(str(build / ".jupyter_cache"))
    stale = []
    for notebook in notebooks(root):
        files = dependencies(root, notebook)
        wanted = key(root, cache, notebook, files)
        if force or is_stale(build, cache, notebook, wanted):
            stale.append((notebook, wanted, files))
    if not stale:
        return []

    # Two threads for a tiny network on a busy machine are far slower than one. The user's own
    # IPython start-up files stay out.
    profile = build.resolve() / "ipython"
    profile.mkdir(parents=True, exist_ok=True)
    os.environ.update(OMP_NUM_THREADS="1", IPYTHONDIR=str(profile))
    plural = "s, two at a time" if len(stale) > 1 else ""
    print(f"Executing {len(stale)} notebook{plural}", flush=True)
    failed = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = {pool.submit(run, notebook): (notebook, *rest) for notebook, *rest in stale}
        for count, job in enumerate(as_completed(jobs), 1):
            notebook, wanted, files = jobs[job]
            result = job.result()
            note = "failed" if result.err else f"{result.time:.1f} s"
            if result.time > LIMIT:
                note += f", more than the {LIMIT} s that a notebook may take"
            print(f"  {count}/{len(stale)} {notebook.docname}: {note}", flush=True)
            if result.err:
                print(result.exc_string, file=sys.stderr, flush=True)
                failed.append(notebook.docname)
                continue
            data = {"execution_seconds": result.time}
            bundle = CacheBundleIn(result.nb, str(notebook.path), data=data)
            cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
            names = [os.path.relpath(file, root.resolve()) for file in files]
            record = {"key": wanted, "seconds": round(result.time, 2), "files": names}
            path = record_path(build, notebook.docname)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(record, indent=1) + "\n")
    return failed


def run(notebook: Notebook):
    """Execute one notebook in a kernel of its own, in its own folder."""
    return single_nb_execution(
        notebook.content,
        cwd=str(notebook.path.parent),
        timeout=2 * LIMIT,
        allow_errors=False,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--force", action="store_true", help="execute all of them")
    failed = execute_stale(force=parser.parse_args().force)
    return len(failed)


if __name__ == "__main__":
    sys.exit(main())
