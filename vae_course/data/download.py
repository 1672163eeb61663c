"""Download a file whose SHA-256 is known, from the first mirror that gives it.

The bytes go to a temporary file in the target's own folder and are hashed on the way. Only when
the hash is right does the file get its name, in one atomic step, so under that name there is
either nothing or the whole file, whatever interrupts us.
"""

import hashlib
import http.client
import os
import secrets
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

_CHUNK = 64 * 1024
_TIMEOUT = 30  # seconds without a byte
_STALE = 3600  # seconds after which the leftovers of a killed download are removed


def cache_folder() -> Path:
    """Where downloads are kept: VAE_COURSE_CACHE, or the platform's folder for caches."""
    if chosen := os.environ.get("VAE_COURSE_CACHE"):
        return Path(chosen).expanduser()
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "vae_course"
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else home / "AppData" / "Local") / "vae_course" / "Cache"
    # The XDG specification says that a relative path is to be ignored.
    shared = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (shared if shared.is_absolute() else home / ".cache") / "vae_course"


def fetch(file: str, sha256: str, mirrors: Sequence[str], folder: Path) -> Path:
    """Return `folder / file`, downloaded from `mirror + file` unless it is there already.

    A file that is there with another hash is replaced. Raises `ConnectionError` that lists each
    mirror with what went wrong, and says where to put the file by hand.
    """
    target = folder / file
    if target.is_file() and _sha256(target) == sha256:
        return target
    folder.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(file, folder)
    failures = []
    for mirror in mirrors:
        url = f"{mirror.rstrip('/')}/{file}"
        try:
            _download(url, sha256, target)
            return target
        except (OSError, http.client.HTTPException, ValueError) as error:
            failures.append(f"  {url}: {error or type(error).__name__}")
    raise ConnectionError(
        f"could not download {file}. Tried:\n"
        + ("\n".join(failures) or "  no mirror: the list is empty")
        + f"\nTo go on without the download, put the file, with SHA-256\n  {sha256},\n"
        f"here: {target}"
    )


def _download(url: str, sha256: str, target: Path) -> None:
    print(f"downloading {url}", file=sys.stderr)
    partial = target.with_name(f".{target.name}.{secrets.token_hex(8)}.part")
    try:
        digest = hashlib.sha256()
        with urllib.request.urlopen(url, timeout=_TIMEOUT) as response, open(partial, "xb") as file:
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                digest.update(chunk)
            file.flush()
            os.fsync(file.fileno())  # the content is on the disk before the name is
        if digest.hexdigest() != sha256:
            raise ValueError(
                f"what came ({partial.stat().st_size:,} bytes) has SHA-256 "
                f"{digest.hexdigest()}, needs {sha256}"
            )
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def _remove_leftovers(file: str, folder: Path) -> None:
    """Remove what a download left that was killed outright; a fresh one may still be running."""
    for partial in folder.glob(f".{file}.*.part"):
        if time.time() - partial.stat().st_mtime > _STALE:
            partial.unlink(missing_ok=True)


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
