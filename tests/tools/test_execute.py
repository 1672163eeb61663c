"""Notebooks are executed when something they depend on has changed, and only then."""

import json
from pathlib import Path

import nbformat
import pytest
from jupyter_cache import get_cache
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools import execute

MARKDOWN_PAGE = """---
file_format: mystnb
kernelspec: {name: python3, display_name: Python 3}
---
# A page
```{code-cell}
print("from Markdown")
```
"""


class Book:
    """Two notebooks, each using one module of a package, and a page without code."""

    def __init__(self, root: Path):
        self.root, self.build = root, root / "_build"
        for name in ("requirements.txt", "constraints.txt"):
            (root / name).write_text("")
        (root / "_toc.yml").write_text(
            "format: jb-book\nroot: index\nchapters:\n- file: one\n- file: two\n"
        )
        (root / "index.md").write_text("# No code")
        (root / "pkg").mkdir()
        (root / "pkg" / "__init__.py").write_text("")
        for name in ("one", "two"):
            (root / "pkg" / f"{name}.py").write_text(f"value = '{name}'")
            self.write(name, f"from pkg import {name}\nprint({name}.value)")

    def write(self, name: str, code: str, prose: str = "Some words.") -> None:
        cells = [new_markdown_cell(prose), new_code_cell(code)]
        nbformat.write(new_notebook(cells=cells), self.root / f"{name}.ipynb")

    def run(self) -> list[str]:
        """Execute what is stale; the names of what was executed."""
        before = self.times()
        self.failed = execute.execute_stale(self.root, self.build)
        return [name for name, time in self.times().items() if before.get(name) != time]

    def times(self) -> dict[str, int]:
        records = sorted((self.build / "executed").glob("*.json"))
        return {file.stem: file.stat().st_mtime_ns for file in records}

    def record(self, name: str) -> dict:
        return json.loads(execute.record_path(self.build, name).read_text())

    def output(self, name: str) -> str:
        cache = get_cache(str(self.build / ".jupyter_cache"))
        content = nbformat.read(self.root / f"{name}.ipynb", as_version=4)
        _, merged = cache.merge_match_into_notebook(content)
        return merged.cells[1].outputs[0].text.strip()


@pytest.fixture
def book(tmp_path, monkeypatch) -> Book:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")  # two edits in one second
    monkeypatch.setenv("IPYTHONDIR", "")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return Book(tmp_path)


def test_executes_what_is_stale_and_nothing_else(book):
    assert book.run() == ["one", "two"]
    assert book.output("one") == "one"
    assert book.record("one")["files"] == [
        "pkg/__init__.py",
        "pkg/one.py",
        "requirements.txt",
        "constraints.txt",
    ]
    assert 0 < book.record("one")["seconds"] < 60

    assert book.run() == [], "nothing has changed"

    book.write("one", "from pkg import one\nprint(one.value)", prose="Other words.")
    assert book.run() == [], "only prose has changed"

    (book.root / "pkg" / "one.py").write_text("value = 'uno'")
    assert book.run() == ["one"], "a module that only the first notebook uses has changed"
    assert book.output("one") == "uno"

    book.write("two", "from pkg import two\nprint(two.value * 2)")
    assert book.run() == ["two"], "its code has changed"
    assert book.output("two") == "twotwo"

    (book.root / "constraints.txt").write_text("numpy==2.0")
    assert book.run() == ["one", "two"], "the environment has changed"


def test_a_failing_cell_is_reported_and_not_stored(book, capsys):
    book.write("two", "from pkg import two\nraise RuntimeError('planted')")
    assert book.run() == ["one"]
    assert book.failed == ["two"]
    assert "planted" in capsys.readouterr().err
    book.run()
    assert book.failed == ["two"], "it is tried again"


def test_a_slow_notebook_is_reported(book, capsys, monkeypatch):
    monkeypatch.setattr(execute, "LIMIT", 0.001)
    monkeypatch.setattr(execute, "run", lambda notebook: _Slow(notebook.content))
    book.run()
    assert "more than the 0.001 s that a notebook may take" in capsys.readouterr().out


class _Slow:
    time, err = 1.0, None

    def __init__(self, content):
        self.nb = content


def test_markdown_pages_with_code_are_notebooks(book):
    (book.root / "index.md").write_text(MARKDOWN_PAGE)
    pages = execute.notebooks(book.root)
    assert [page.docname for page in pages] == ["index", "one", "two"]
    assert pages[0].code.strip() == 'print("from Markdown")'


def test_magics_are_read_as_code(book):
    book.write("one", "%matplotlib inline\n!ls\nfrom pkg import one")
    notebook = execute.notebooks(book.root)[0]
    files = execute.dependencies(book.root, notebook)
    assert book.root.resolve() / "pkg" / "one.py" in files
