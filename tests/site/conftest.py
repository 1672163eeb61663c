"""The pages of the built site. A test that takes `page_name` runs once for each of them."""

from pathlib import Path

import pytest
from sphinx_external_toc.parsing import parse_toc_yaml

ROOT = Path(__file__).resolve().parents[2]
OTHERS = ["search.html", "404.html"]


def page_names() -> list[str]:
    """Every page that a reader can come to: those of _toc.yml, the search page and the 404 page."""
    return [f"{docname}.html" for docname in parse_toc_yaml(ROOT / "_toc.yml")] + OTHERS


def pytest_generate_tests(metafunc):
    if "page_name" in metafunc.fixturenames:
        metafunc.parametrize("page_name", page_names())


@pytest.fixture(scope="session")
def site_folder() -> Path:
    """Where the site was built."""
    folder = ROOT / "_build" / "html"
    assert (folder / "index.html").is_file(), f"there is no {folder}: run `make book` first"
    return folder
