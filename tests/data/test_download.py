"""Downloads: whole and verified, or not there at all."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vae_course.data.download import cache_folder, fetch

CONTENT = random.Random(0).randbytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def everything_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_downloads_once_and_leaves_only_the_file(server, tmp_path, capsys):
    server.files["a/data.gz"] = CONTENT
    for _ in range(2):
        path = fetch("data.gz", SHA256, [server.address + "a"], tmp_path / "new" / "folder")
    assert path.read_bytes() == CONTENT
    assert everything_in(tmp_path / "new" / "folder") == ["data.gz"]
    assert server.asked == ["a/data.gz"]
    assert capsys.readouterr().err == f"downloading {server.address}a/data.gz\n"


def test_replaces_a_damaged_file(server, tmp_path):
    server.files["data.gz"] = CONTENT
    (tmp_path / "data.gz").write_bytes(CONTENT[:-1] + b"?")
    assert fetch("data.gz", SHA256, [server.address], tmp_path).read_bytes() == CONTENT


def test_goes_on_to_the_next_mirror(server, tmp_path):
    server.files["bad/data.gz"] = b"<html>we have moved</html>"
    server.files["good/data.gz"] = CONTENT
    mirrors = [server.address + place for place in ("absent", "bad", "good", "never")]
    assert fetch("data.gz", SHA256, mirrors, tmp_path).read_bytes() == CONTENT
    assert server.asked == [f"{place}/data.gz" for place in ("absent", "bad", "good")]
    assert everything_in(tmp_path) == ["data.gz"]


def test_a_failure_names_every_mirror_with_its_error_and_the_place_for_the_file(server, tmp_path):
    server.files["bad/data.gz"] = CONTENT[:-1] + b"?"
    server.files["short/data.gz"] = CONTENT
    server.breaks["short/data.gz"] = 100_000
    mirrors = [server.address + place for place in ("absent", "bad", "short")]
    mirrors += ["http://127.0.0.1:1", "not an address"]
    with pytest.raises(ConnectionError) as error:
        fetch("data.gz", SHA256, mirrors, tmp_path)
    lines = str(error.value).splitlines()
    for line, mirror, reason in zip(
        lines[1:6],
        mirrors,
        ["404", f"needs {SHA256}", "", "refused", "unknown url type"],
        strict=True,
    ):
        assert line.startswith(f"  {mirror}/data.gz: ") and reason in line
    assert lines[3] != f"  {mirrors[2]}/data.gz: "  # some reason is given
    assert SHA256 in lines[-2] and lines[-1] == f"here: {tmp_path / 'data.gz'}"
    assert everything_in(tmp_path) == []


def test_without_a_mirror_it_says_so(tmp_path):
    with pytest.raises(ConnectionError, match="the list is empty"):
        fetch("data.gz", SHA256, [], tmp_path)


def start_slow_download(server, folder, wait_until) -> subprocess.Popen:
    """A real process in the middle of a download: 200,000 of 300,000 bytes have been sent."""
    server.files["slow/data.gz"] = CONTENT
    server.stalls["slow/data.gz"] = 200_000
    code = (
        "import signal, sys; from pathlib import Path\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from vae_course.data.download import fetch\n"
        "fetch('data.gz', sys.argv[1], [sys.argv[2]], Path(sys.argv[3]))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, SHA256, server.address + "slow", str(folder)],
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
    )

    def has_written():
        assert process.poll() is None, "the download ended by itself"
        return any(path.stat().st_size > 100_000 for path in folder.iterdir())

    wait_until(has_written, "something is written")
    return process


def test_killed_in_the_middle_the_name_is_free_and_the_next_call_cleans_up(
    server, tmp_path, wait_until
):
    process = start_slow_download(server, tmp_path, wait_until)
    process.kill()
    process.wait()
    assert not (tmp_path / "data.gz").exists()
    leftovers = everything_in(tmp_path)
    assert len(leftovers) == 1 and leftovers[0].endswith(".part")

    # A second process must not take away what another is still writing, …
    server.files["data.gz"] = CONTENT
    assert fetch("data.gz", SHA256, [server.address], tmp_path).read_bytes() == CONTENT
    assert everything_in(tmp_path) == sorted(["data.gz", *leftovers])
    # … but what has not grown for hours is nobody's.
    (tmp_path / "data.gz").unlink()
    os.utime(tmp_path / leftovers[0], (time.time() - 7200,) * 2)
    assert fetch("data.gz", SHA256, [server.address], tmp_path).read_bytes() == CONTENT
    assert everything_in(tmp_path) == ["data.gz"]


def test_interrupted_from_the_keyboard_nothing_is_left(server, tmp_path, wait_until):
    process = start_slow_download(server, tmp_path, wait_until)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) != 0
    assert everything_in(tmp_path) == []


def test_the_name_appears_only_with_the_whole_file(server, tmp_path, monkeypatch):
    """At the moment of renaming, the other name holds every byte."""
    server.files["data.gz"] = CONTENT
    seen = []
    replace = os.replace

    def watch(source, target):
        seen.append((Path(source).read_bytes() == CONTENT, Path(source).parent, target.exists()))
        replace(source, target)

    monkeypatch.setattr(os, "replace", watch)
    fetch("data.gz", SHA256, [server.address], tmp_path)
    assert seen == [(True, tmp_path, False)]


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {}, "~/.cache/vae_course"),
        ("linux", {"XDG_CACHE_HOME": "/big/cache"}, "/big/cache/vae_course"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "~/.cache/vae_course"),
        ("darwin", {}, "~/Library/Caches/vae_course"),
        ("win32", {"LOCALAPPDATA": "/profile/Local"}, "/profile/Local/vae_course/Cache"),
        ("win32", {}, "~/AppData/Local/vae_course/Cache"),
        ("linux", {"VAE_COURSE_CACHE": "/mine"}, "/mine"),
        ("win32", {"VAE_COURSE_CACHE": "~/mine"}, "~/mine"),
    ],
)
def test_cache_folder(monkeypatch, platform, environment, expected):
    for name in ("VAE_COURSE_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert cache_folder() == Path(expected).expanduser()
