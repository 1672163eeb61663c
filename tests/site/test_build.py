"""How the site is built: math, widgets' scripts, what is left out of the theme, what is rebuilt."""

import json
import re
from pathlib import Path

import pytest
from sphinxcontrib import katex

from tests.site.conftest import page_names
from tests.site.small_book import ROOT, SmallBook
from tools.repository import repository_name, repository_url

MATH = r"""# Math

$$
\ELBO(x) = \E_q[\log p(x \mid z)] - \KL{q(z \mid x)}{p(z)}
$$ (bound)

Equation {eq}`bound` holds $\log p(x)$ from below.
"""
TEXT_NOTEBOOK = """---
file_format: mystnb
kernelspec: {name: python3, display_name: Python 3}
---
# Text and code

$$
1 + 1
$$

```{code-cell}
print("a cell", "in Markdown")
```
"""
WIDGET = "import ipywidgets\nipywidgets.IntSlider(description='alive')"


# --- the site as it was built -------------------------------------------------------------------


def test_no_page_is_missing_from_the_tests(site_folder):
    built = {file.relative_to(site_folder).as_posix() for file in site_folder.rglob("*.html")}
    built = {name for name in built if not name.startswith(("_static/", "_sources/"))}
    assert built - {"index.html"} == set(page_names()), "index.html leads to the first page"


def test_pages_name_no_server_to_load_from(site_folder, page_name):
    page = (site_folder / page_name).read_text(encoding="utf8")
    loaded = re.findall(r"<(?:script|img|iframe|source|video)[^>]*\ssrc=\"([^\"]*)\"", page)
    links = [tag for tag in re.findall(r"<link[^>]*>", page) if "canonical" not in tag]
    loaded += re.findall(r"href=\"([^\"]*)\"", " ".join(links))
    assert loaded, "the pattern finds what a page loads"
    assert [address for address in loaded if re.match(r"(https?:)?//", address)] == []


def test_nothing_of_the_theme_that_no_page_needs(site_folder):
    names = [file.relative_to(site_folder).as_posix() for file in site_folder.rglob("*")]
    unused = re.compile(
        r"fontawesome|mathjax|thebe|require\.min|embed-amd|locales/|\.(map|ttf|woff|eot)$"
    )
    assert [name for name in names if unused.search(name)] == []
    sheets = [file.read_text(encoding="utf8") for file in site_folder.rglob("*.css")]
    assert not any(re.search(r"@font-face\s*{[^}]*Awesome", css) for css in sheets)


def test_style_sheets_name_only_files_that_are_there(site_folder):
    missing = []
    for sheet in site_folder.rglob("*.css"):
        for address in re.findall(r"url\(['\"]?([^'\")]+)", sheet.read_text(encoding="utf8")):
            file = sheet.parent / re.split(r"[?#]", address)[0]
            if not address.startswith(("data:", "#", "%23")) and not file.is_file():
                missing.append(f"{sheet.name}: {address}")
    assert missing == []


def test_the_widget_host_is_on_pages_with_a_widget_only(site_folder, page_name):
    page = (site_folder / page_name).read_text(encoding="utf8")
    has_widget = "application/vnd.jupyter.widget-view+json" in page
    assert has_widget == ("host.js" in page)


def test_katex_on_the_page_is_the_one_that_rendered():
    installed = ROOT / "node_modules" / "katex"
    version = json.loads((installed / "package.json").read_text())["version"]
    lock = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    wanted = json.loads((ROOT / "package.json").read_text())["devDependencies"]["katex"]
    assert katex.katex_version == version == lock["node_modules/katex"]["version"] == wanted
    bundled = Path(katex.__file__).parent / "katex.min.js"
    assert bundled.read_bytes() == (installed / "dist" / "katex.min.js").read_bytes()


def test_the_lock_file_has_hashes_and_no_addresses():
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    for name, package in packages.items():
        assert not name or package["integrity"].startswith("sha512-")
        assert "resolved" not in package


def test_the_repository_is_one_setting(monkeypatch):
    monkeypatch.delenv("VAE_COURSE_REPOSITORY", raising=False)
    assert re.fullmatch(r"https://github\.com/[\w-]+/[\w.-]+", repository_url())
    monkeypatch.setenv("VAE_COURSE_REPOSITORY", "somebody/a-copy")
    assert repository_url() == "https://github.com/somebody/a-copy"
    assert repository_name() == "somebody/a-copy"


# --- a small book -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> SmallBook:
    folder = tmp_path_factory.mktemp("small")
    (folder / "thing.py").write_text("value = 'the first value'")
    code = ["import thing; print(thing.value)"]
    pages = {"index": MATH, "widget": [WIDGET], "code": code, "text": TEXT_NOTEBOOK}
    book = SmallBook(folder, pages)
    built = book.build()
    assert built.returncode == 0, built.stdout + built.stderr
    assert "Executing 3 notebooks" in built.stdout
    assert "Executing notebook using" not in built.stdout, "the build itself executes none"
    assert "a cell in Markdown" in book.page("text")
    return book


def test_math_is_drawn_and_numbered(small):
    page = small.page("index")
    assert page.count("<math xmlns") == 2, "MathML for those who cannot see the page"
    assert page.count('class="katex-html"') == 2
    assert "double-struck" in page, "the macro for the expectation"
    assert 'id="equation-bound"' in page
    assert re.search(r'<a class="reference internal" href="#equation-bound">\(1\)</a>', page)
    assert "katex-error" not in page and "mathjax" not in page.lower()


def test_only_the_page_with_a_widget_loads_the_host(small):
    assert '<script defer="defer" src="_static/host.js' in small.page("widget")
    assert "host.js" not in small.page("index") + small.page("code")
    assert "require.js" not in small.page("widget") and "html-manager" not in small.page("widget")


def test_pages_of_executed_notebooks_follow_the_package(small):
    """A second build executes and writes nothing; an edit of a module changes its page only."""
    again = small.build()
    assert again.returncode == 0 and "Executing" not in again.stdout
    assert "no targets are out of date" in again.stdout
    (small.folder / "thing.py").write_text("value = 'the second value'")
    edited = small.build()
    assert edited.returncode == 0, edited.stderr
    assert "Executing 1 notebook" in edited.stdout
    assert "Executing notebook using" not in edited.stdout
    assert "the second value" in small.page("code")


def test_formulas_that_katex_cannot_read_fail_the_build(tmp_path):
    formulas = [r"$\notamacro{x}$", "$$ a &= b $$", "$x^é$"]
    book = SmallBook(tmp_path, {"index": "# Page\n\n" + "\n\n".join(formulas) + "\n"})
    for _attempt in range(2):  # the second time too: nothing is taken for up to date
        built = book.build()
        assert built.returncode != 0
        report = re.sub(r"\x1b\[[\d;]+m", "", built.stderr)
        for line, formula in zip((3, 5, 7), formulas, strict=True):
            reason = f"index.md:{line}: WARNING: KaTeX cannot render this: {formula.strip('$ ')}"
            assert reason in report


def test_a_failing_cell_fails_the_build(tmp_path):
    book = SmallBook(tmp_path, {"index": "# Page\n", "code": ["raise ValueError('planted')"]})
    built = book.build()
    assert built.returncode != 0
    assert "ValueError: planted" in re.sub(r"\x1b\[[\d;]+m", "", built.stderr)
