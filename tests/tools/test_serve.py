"""The server that readers, and the browser tests, see the site through."""

import gzip
import urllib.error
import urllib.request

import pytest

from tools import browser, constraints
from tools.serve import serving


@pytest.fixture
def address(tmp_path):
    (tmp_path / "index.html").write_text("<p>first</p>" * 100)
    (tmp_path / "404.html").write_text("<p>lost</p>")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    with serving(tmp_path) as address:
        yield address


def get(address: str, **headers):
    return urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=10)


def test_serves_files_on_this_machine_only(address):
    assert address.startswith("http://127.0.0.1:")
    with get(f"{address}/") as answer:
        assert answer.read() == b"<p>first</p>" * 100
    with get(f"{address}/picture.png", **{"Accept-Encoding": "gzip"}) as answer:
        assert answer.read() == b"\x89PNG" and answer.headers["Content-Encoding"] is None


def test_text_is_compressed(address):
    with get(f"{address}/index.html", **{"Accept-Encoding": "gzip"}) as answer:
        body = answer.read()
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.headers["Content-Type"] == "text/html"
    assert len(body) < 100 and gzip.decompress(body) == b"<p>first</p>" * 100


def test_what_is_not_there_gets_the_404_page(address):
    with pytest.raises(urllib.error.HTTPError) as error:
        get(f"{address}/no/such/page.html")
    assert error.value.code == 404 and error.value.read() == b"<p>lost</p>"


def test_finds_the_browser_that_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("CHROMIUM", str(tmp_path / "none"))
    assert browser.chromium() is None
    program = tmp_path / "chrome"
    program.write_text("")
    program.chmod(0o755)
    monkeypatch.setenv("CHROMIUM", str(program))
    assert browser.chromium() == str(program)


def test_constraints_name_everything_that_is_needed():
    """Also what only others need; torch is pinned by requirements.txt."""
    names = constraints.wanted("-c constraints.txt\n# words\nanywidget==0.11.0  # why\n")
    assert names == ["anywidget"]
    pins = constraints.pinned(names)
    assert {"anywidget", "ipywidgets", "traitlets", "psygnal"} <= set(pins)
    assert "torch" not in constraints.pinned(["torch"])
    committed = (constraints.ROOT / "constraints.txt").read_text().splitlines()
    assert {f"{name}=={version}" for name, version in pins.items()} <= set(committed)
