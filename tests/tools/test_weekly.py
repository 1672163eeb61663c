"""The commands of the weekly run, without the network."""

import re
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tools import links
from tools.constraints import wanted
from tools.newest import loosened
from tools.retrain import command, verdict

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def server():
    """Answers /200 with 200 and so on; /flaky fails the first time."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            flaky = 200 if asked.count("/flaky") > 1 else 500
            self.send_response(flaky if self.path == "/flaky" else int(self.path[1:]))
            self.end_headers()
            self.wfile.write(b"x")

        def log_message(self, *arguments):
            pass

    running = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, args=[0.01])
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    thread.join()
    running.server_close()


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("200", ""),
        ("flaky", ""),
        ("403", "refused"),
        ("404", "404 Not Found"),
        ("500", "500 Internal"),
    ],
)
def test_what_a_server_answers(server, path, wrong):
    found = links.fault(f"{server}/{path}", pause=0)
    assert found.startswith(wrong) and bool(found) == bool(wrong)


def test_nobody_listens():
    assert "refused" in links.fault("http://127.0.0.1:9/", pause=0).lower()
    assert links.fault("http://127.0.0.1:9/", pause=0) != "refused"


def test_broken_links_are_counted(server, capsys):
    addresses = {f"{server}/{code}": "index.html" for code in (200, 403, 404)}
    assert links.check(addresses, pause=0) == 1
    assert links.check(addresses, pause=0, refusal_is_fault=True) == 2
    assert f"BROKEN {server}/404 (index.html): 404 Not Found" in capsys.readouterr().out


def test_links_of_the_site_itself_are_left_out(tmp_path, monkeypatch):
    monkeypatch.setenv("VAE_COURSE_REPOSITORY", "somebody/course")
    monkeypatch.delenv("VAE_COURSE_SITE", raising=False)
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "page.html").write_text(
        '<a href="https://arxiv.org/abs/1312.6114#there">p</a><a href="other.html">o</a>'
        '<a href="https://github.com/somebody/course/issues/new?a=b&amp;c=d">r</a>'
        '<a href="https://somebody.github.io/course/">s</a><a>none</a>'
        '<a href="https://colab.research.google.com/github/somebody/course/blob/x.ipynb">c</a>'
    )
    assert links.external_links(tmp_path) == {"https://arxiv.org/abs/1312.6114": "part/page.html"}


def test_every_data_set_has_a_mirror_and_four_files():
    files = links.mirror_files()
    assert set(files.values()) == {"mnist", "fashion_mnist"}
    names = {address.rsplit("/", 1)[1] for address in files}
    assert len(names) == 4 and len(files) % 4 == 0


def test_pins_become_lower_bounds():
    text = (ROOT / "requirements.txt").read_text(encoding="utf8")
    loose = loosened(text)
    assert wanted(loose) == wanted(text)  # the same packages
    assert "-c constraints.txt" in text and "-c " not in loose
    bounds = {
        need.name: str(need.specifier)
        for need in map(Requirement, re.findall(r"^[\w.-]+[=><][^\s#]+", loose, re.M))
    }
    assert bounds["torch"].startswith(">=") and "==" not in "".join(bounds.values())
    assert bounds["jupyter-book"].startswith("<2,>=")


def test_a_worse_elbo_is_noticed():
    assert verdict(-100.0, -100.9, 1.0) == "" and verdict(-100.0, -80.0, 1.0) == ""
    assert "worse" in verdict(-100.0, -101.1, 1.0)
    assert "worse" in verdict(-100.0, float("nan"), 1.0)


def test_only_a_recipe_is_run(tmp_path):
    line = "python -m recipes.widget_models traversal --steps 6000 --seed 0"
    found = command(line, tmp_path)
    assert found[1:4] == ["-m", "recipes.widget_models", "traversal"]
    assert found[-2:] == ["--folder", str(tmp_path)]
    with pytest.raises(ValueError, match="not the command of a recipe"):
        command("interim: 12,000 steps", tmp_path)
