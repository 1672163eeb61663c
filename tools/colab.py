"""Creates .venv-colab, with the ipywidgets that Colab has: `python -m tools.colab`.

It holds the packages of requirements-colab.txt and sees everything else in the environment that
runs this, so that there is one torch. Its own packages come first.
"""

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".venv-colab"
PYTHON = FOLDER / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def main() -> int:
    print("Installing requirements-colab.txt into .venv-colab: a minute the first time", flush=True)
    venv.create(FOLDER, with_pip=True, clear=True)  # what an interrupted run left is no use
    pip = [PYTHON, "-m", "pip", "--no-input", "--disable-pip-version-check"]
    install = ["install", "--quiet", "--retries", "5", "--timeout", "60"]
    failed = subprocess.call([*pip, *install, "-r", ROOT / "requirements-colab.txt"])
    if failed:
        return failed
    where = [PYTHON, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = Path(subprocess.check_output(where, text=True).strip())
    (packages / "course.pth").write_text(f"{sysconfig.get_path('purelib')}\n{ROOT}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
