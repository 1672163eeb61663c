"""Finds Chromium for the browser tests: `python -m tools.browser` prints its path.

$CHROMIUM, if set, is the one that is used.
"""

import os
import shutil
import sys

NAMES = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
]
# A browser that talks to nobody but the page it is given.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MISSING = """\
The browser tests need Chromium. Install it:
    sudo apt-get install -y chromium          (Debian, Ubuntu)
    brew install --cask chromium              (macOS)
or name one:           make test CHROMIUM=/path/to/chrome
or leave them out:     make test BROWSER=no"""


def chromium() -> str | None:
    """The path of Chromium or Chrome, or None."""
    wanted = os.environ.get("CHROMIUM")
    candidates = [wanted] if wanted else NAMES
    return next(filter(None, map(shutil.which, candidates)), None)


if __name__ == "__main__":
    path = chromium()
    sys.exit(print(path) if path else MISSING)
