"""What the tests of the data share: small files, a server on this machine, a clean environment.

No test reads MNIST or reaches beyond 127.0.0.1.
"""

import http.server
import threading
import time

import pytest

from tests.data.small_idx import small_mnist


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch, tmp_path):
    """No folder of the user, a cache of the test's own, and no proxy in front of 127.0.0.1."""
    monkeypatch.delenv("VAE_COURSE_DATA", raising=False)
    monkeypatch.setenv("VAE_COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def files() -> dict[str, bytes]:
    return small_mnist()


@pytest.fixture
def folder(tmp_path, files):
    """A folder that holds the small data set."""
    place = tmp_path / "mine"
    place.mkdir()
    for name, content in files.items():
        (place / name).write_bytes(content)
    return place


class Server:
    """Serves `files` (path -> bytes) on 127.0.0.1 and remembers what was asked for.

    A path in `stalls` sends that many bytes and then nothing more until the server closes; a path
    in `breaks` announces the whole length, sends that many bytes and hangs up.
    """

    def __init__(self):
        self.files, self.stalls, self.breaks, self.asked = {}, {}, {}, []
        self.closing = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                path = self.path.lstrip("/")
                outer.asked.append(path)
                if path not in outer.files:
                    self.send_error(404)
                    return
                content = outer.files[path]
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                sent = outer.stalls.get(path, outer.breaks.get(path, len(content)))
                self.wfile.write(content[:sent])
                self.wfile.flush()
                if path in outer.stalls:
                    outer.closing.wait(60)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.address = f"http://127.0.0.1:{self._server.server_port}/"

    def close(self):
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


@pytest.fixture
def wait_until():
    def wait(condition, what: str, seconds: float = 30):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"waited {seconds} s in vain until {what}"
            time.sleep(0.01)

    return wait
