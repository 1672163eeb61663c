"""Takes the pins out of requirements.txt: `python -m tools.newest`, for the weekly run.

What `make install` installs then is the newest of everything, at least at the tested version.
Jupyter Book stays below 2, which is another program. `git checkout requirements.txt` undoes it.
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BELOW = {"jupyter-book": "2"}


def loosened(requirements: str) -> str:
    """`requirements` with lower bounds in place of exact versions, and without constraints."""
    lines = [line for line in requirements.splitlines() if not line.startswith("-c")]
    pin = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^\s#]+)")

    def bound(match: re.Match) -> str:
        below = BELOW.get(match["name"])
        return f"{match['name']}>={match['version']}" + (f",<{below}" if below else "")

    return "\n".join(pin.sub(bound, line) for line in lines) + "\n"


if __name__ == "__main__":
    file = ROOT / "requirements.txt"
    file.write_text(loosened(file.read_text(encoding="utf8")), encoding="utf8")
