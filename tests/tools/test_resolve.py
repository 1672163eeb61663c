"""What Colab and the download button get: plain notebooks, the same code, a wheel with everything.

The tests that name a chapter of the book read what `make book` wrote; the others make a small one.
"""

import json
import re
import sys
import types
import zipfile
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import repository, resolve
from tools.execute import Notebook, notebooks
from tools.wheel import ROOT, build_wheel, wheel_name

SITE = ROOT / "_build" / "html"
CHAPTERS = [page for page in notebooks(ROOT) if page.path.suffix == ".ipynb"]
SETUP = "import torch\n\nfrom vae_course import seeded"


def chapter(*markdown: str) -> Notebook:
    """A chapter with these Markdown cells, a setup cell after the first, and one that glues."""
    words = [new_markdown_cell(text, id=f"words{k}") for k, text in enumerate(markdown)]
    setup = new_code_cell(SETUP, id="setup", metadata={"tags": ["setup"]})
    number = new_code_cell('glue("bound", -101.26, ".1f")', id="number", metadata={"tags": ["x"]})
    content = new_notebook(cells=[*words[:1], setup, number, *words[1:]])
    return Notebook("book/part/small", Path("book/part/small.ipynb"), content)


def run_of(notebook: Notebook) -> nbformat.NotebookNode:
    """The same notebook with the outputs that a run leaves."""
    content = nbformat.from_dict(json.loads(nbformat.writes(notebook.content)))
    prefix = "application/papermill.record/"
    glued = new_output(
        "display_data",
        {f"{prefix}text/plain": "'-101.3'"},
        metadata={"scrapbook": {"name": "bound", "mime_prefix": prefix}},
    )
    content.cells[2].outputs = [new_output("stream", text="noise"), glued]
    return content


def small(*markdown: str) -> nbformat.NotebookNode:
    notebook = chapter(*markdown)
    book = resolve.book_context(ROOT, "https://example.org/course")
    return resolve.resolve(notebook, run_of(notebook), book)


# --- a small chapter ------------------------------------------------------------------------------


def test_references_are_written_out():
    copy = small(
        "# Small",
        "$$\nx = y\n$$ (mine)\n\nBy {eq}`mine`, a bound of {glue:text}`bound` nats, as"
        " {cite:t}`kingma2014auto` say; see {doc}`/book/reference/notation`.",
    )
    nbformat.validate(copy)
    assert resolve.faults(copy) == []
    assert "\\tag{1}" in copy.cells[-1].source
    assert (
        "By (1), a bound of -101.3 nats, as [Kingma and Welling (2014)]"
        "(https://arxiv.org/abs/1312.6114) say; see [Notation]"
        "(https://example.org/course/book/reference/notation.html)." in copy.cells[-1].source
    )


@pytest.mark.parametrize("path", ["notation.md", "notation", "/book/reference/notation"])
def test_links_to_other_pages(path):
    path = path if path.startswith("/") else f"../reference/{path}"
    copy = small("# Small", f"[here]({path}#symbols) and [a file](../data/table.csv)")
    site = "https://example.org/course/book"
    words = f"[here]({site}/reference/notation.html#symbols) and [a file]({site}/data/table.csv)"
    assert copy.cells[-1].source == words


def test_markdown_inside_a_fold_is_markdown():
    """HTML ends at an empty line: without one, the fence of a solution would be shown as text."""
    copy = small("# Small", ":::{exercise} vae.gaussian_kl\n:::")
    assert "<summary>Solution</summary>\n\n```python\ndef gaussian_kl" in copy.cells[-1].source
    assert "```\n\n</details>" in copy.cells[-1].source


def test_outputs_and_tags_stay_behind():
    copy = small("# Small")
    assert all(not cell.outputs for cell in copy.cells if cell.cell_type == "code")
    assert all(not cell.metadata for cell in copy.cells)
    assert all(cell.execution_count is None for cell in copy.cells if cell.cell_type == "code")


def test_the_copy_says_where_it_comes_from():
    copy = small("# Small")
    assert "https://example.org/course/book/part/small.html" in copy.cells[1].source


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ("See {mystery}`role`.", "role"),
        ("::::{mystery}\nx\n::::", "directive"),
        ("{glue:text}`nobody_glued_it`", "nothing was glued"),
    ],
)
def test_a_planted_mistake_names_its_cell(planted, found):
    with pytest.raises(ValueError, match=rf"small\.ipynb, cell words1: .*{found}"):
        small("# Small", planted)


@pytest.mark.parametrize("left", ["{eq}`mine`", ":::{note}", "(label)=", "{{ repository }}"])
def test_what_slipped_through_is_found(left):
    copy = small("# Small", "Words.")
    copy.cells[-1].source += f"\n\n{left}"
    assert len(resolve.faults(copy)) == 1 and "cell words1" in resolve.faults(copy)[0]


def test_a_chapter_without_a_setup_cell_is_refused():
    notebook = chapter("# Small")
    notebook.content.cells[1].metadata.tags = []
    copy = resolve.resolve(notebook, run_of(notebook), resolve.book_context(ROOT, "https://x.org"))
    assert resolve.faults(copy) == ["the first code cell, and no other, must be tagged `setup`"]


# --- the setup cell -------------------------------------------------------------------------------


def installed_by(source: str, modules: set[str], monkeypatch) -> list[str]:
    """The lines given to %pip when the cell runs where `modules` can be imported."""
    code = TransformerManager().transform_cell(source)
    ran = []

    class Shell:
        def run_line_magic(self, name, line):
            assert name == "pip"
            ran.append(line)

    monkeypatch.setattr("importlib.util.find_spec", lambda name: name in modules or None)
    with monkeypatch.context() as patch:
        if "google.colab" in modules:
            patch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
        exec(compile(code, "setup cell", "exec"), {"get_ipython": Shell})
    return ran


WHEEL = f"https://example.org/course/wheels/{wheel_name()}"
COLAB = {"google.colab"}


@pytest.mark.parametrize(
    ("modules", "wanted"),
    [
        (COLAB | {"anywidget"}, [f"install -q --no-deps {WHEEL}"]),
        (COLAB, [f"install -q --no-deps {WHEEL}", "install -q anywidget"]),
        ({"vae_course"}, []),
    ],
)
def test_the_setup_cell_installs_what_is_missing(modules, wanted, monkeypatch):
    copy = small("# Small")
    setup = next(cell for cell in copy.cells if cell.id == "setup")
    install, rest = setup.source.split(SETUP)
    assert rest == ""
    assert installed_by(install, modules, monkeypatch) == wanted


def test_elsewhere_without_the_course_it_says_what_to_run(monkeypatch):
    install = resolve.setup_cell("", "https://example.org/course")
    with pytest.raises(ModuleNotFoundError, match=re.escape(f"pip install {WHEEL}")):
        installed_by(install, set(), monkeypatch)


# --- the book's chapters, as published ------------------------------------------------------------


def published(page: Notebook) -> nbformat.NotebookNode:
    file = SITE / "notebooks" / page.path.name
    assert file.is_file(), f"there is no {file}: run `make book` first"
    return nbformat.read(file, as_version=4)


def code(notebook: nbformat.NotebookNode) -> dict[str, str]:
    return {cell.id: cell.source for cell in notebook.cells if cell.cell_type == "code"}


def test_every_chapter_is_published_and_nothing_else():
    names = {page.path.name for page in CHAPTERS}
    assert {file.name for file in (SITE / "notebooks").iterdir()} == names
    assert len(names) == len(CHAPTERS)


@pytest.mark.parametrize("page", CHAPTERS, ids=lambda page: page.path.stem)
def test_a_published_chapter_is_plain_and_has_the_same_code(page):
    copy = published(page)
    nbformat.validate(copy)
    assert resolve.faults(copy) == []
    wanted, found = code(page.content), code(copy)
    setup = next(iter(wanted))
    assert found.pop(setup).endswith(f"\n\n{wanted.pop(setup)}")
    assert list(found.items()) == list(wanted.items())


@pytest.mark.parametrize("page", CHAPTERS, ids=lambda page: page.path.stem)
def test_links_to_the_site_lead_somewhere(page):
    words = "\n".join(cell.source for cell in published(page).cells)
    address = re.escape(repository.site_url())
    for path in re.findall(rf"{address}/([^)\s\"#]*)", words):
        assert (SITE / path).is_file(), path


@pytest.mark.parametrize("page", CHAPTERS, ids=lambda page: page.path.stem)
def test_the_pages_buttons_lead_to_published_copies(page):
    html = (SITE / f"{page.docname}.html").read_text(encoding="utf8")
    (download,) = re.findall(r'href="([^"]*notebooks/[^"]*\.ipynb)" download', html)
    assert (SITE / page.docname).parent.joinpath(download).resolve().is_file()
    pattern = r'href="https://colab\.research\.google\.com/github/([^"]*)"'
    (colab,) = re.findall(pattern, html)
    owner, name, blob, branch, file = colab.split("/")
    assert (blob, branch) == ("blob", "notebooks") and (SITE / "notebooks" / file).is_file()
    assert f"{owner}/{name}" == repository.repository_name()


# --- the wheel ------------------------------------------------------------------------------------


def test_the_wheel_holds_the_whole_package(tmp_path):
    (tmp_path / "vae_course-0.0.1-py3-none-any.whl").write_text("an older edition")
    wheel = build_wheel(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [wheel_name()]
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("vae_course/")}
    here = {
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / "vae_course").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert packed == here
    assert {".py", ".js", ".css", ".json", ".safetensors"} <= {Path(name).suffix for name in here}


def test_the_wheel_says_what_the_package_says():
    import vae_course

    assert wheel_name() == f"vae_course-{vae_course.__version__}-py3-none-any.whl"


def test_addresses(monkeypatch):
    monkeypatch.delenv("VAE_COURSE_SITE", raising=False)
    monkeypatch.setenv("VAE_COURSE_REPOSITORY", "Some-Body/A-Copy")
    assert repository.site_url() == "https://some-body.github.io/A-Copy"
    monkeypatch.setenv("VAE_COURSE_REPOSITORY", "Some-Body/some-body.github.io")
    assert repository.site_url() == "https://some-body.github.io"
    monkeypatch.setenv("VAE_COURSE_SITE", "https://vae.example.org/")
    assert repository.site_url() == "https://vae.example.org"
