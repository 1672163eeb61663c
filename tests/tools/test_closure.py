"""Which files a notebook depends on: neither fewer than it does, nor all of them."""

from pathlib import Path

import pytest

from tools.closure import closure

FILES = {
    "pkg/__init__.py": 'from pkg.lazy import lazy\nlazy(__name__, {"top": ["shiny"]})',
    "pkg/lazy.py": "import importlib\ndef lazy(name, table): return importlib.import_module(name)",
    "pkg/top.py": "def shiny(): ...",
    "pkg/room/__init__.py": (
        "from pkg.lazy import lazy\n"
        '__getattr__ = lazy(__name__, {"first": ["one", "uno"], "second": ["two"]})'
    ),
    "pkg/room/first.py": "def one():\n    from pkg import helper\n    return helper.help()",
    "pkg/room/second.py": 'from pathlib import Path\nSCRIPT = "second.js"',
    "pkg/room/second.js": "",
    "pkg/room/unused.js": "",
    "pkg/helper.py": "from . import deep",
    "pkg/deep.py": "",
    "pkg/plugins/__init__.py": "",
    "pkg/plugins/engine.py": "import importlib\ndef get(n): return importlib.import_module(n)",
    "pkg/plugins/alpha.py": "",
    "pkg/plugins/beta.py": 'MODEL = "glyphs"',
    "pkg/weights/glyphs.safetensors": "",
    "pkg/weights/glyphs.json": "",
    "pkg/weights/other.json": "",
    "bare/task.py": "import pkg.deep",
    "book/chapter.ipynb": "",
    "book/table.csv": "",
}
ALWAYS = {"pkg/__init__.py", "pkg/lazy.py"}
ROOM = ALWAYS | {"pkg/room/__init__.py"}
FIRST = ROOM | {"pkg/room/first.py", "pkg/helper.py", "pkg/deep.py"}
SECOND = ROOM | {"pkg/room/second.py", "pkg/room/second.js"}
GLYPHS = {"pkg/weights/glyphs.safetensors", "pkg/weights/glyphs.json"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import torch, numpy as np\nnp.zeros(3)", set()),
        ("import pkg", ALWAYS),
        ("import pkg\npkg.shiny()", ALWAYS | {"pkg/top.py"}),
        ("from pkg import shiny", ALWAYS | {"pkg/top.py"}),
        ("from pkg.room import one", FIRST),
        ("from pkg.room import uno as eins\neins()", FIRST),
        ("from pkg.room import two", SECOND),
        ("from pkg import room\nroom.two()", SECOND),
        ("import pkg.room as r\nr.two", SECOND),
        ("import pkg.room\npkg.room.two()", SECOND),
        ("def late():\n    from pkg.room import two", SECOND),
        ("from pkg.room import *", FIRST | SECOND),
        ("from pkg import room\ngetattr(room, name)", FIRST | SECOND),
        ("import pkg.deep", ALWAYS | {"pkg/deep.py"}),
        ("from bare import task", ALWAYS | {"bare/task.py", "pkg/deep.py"}),
        ('load("glyphs")', GLYPHS),
        ('load("glyphs.json")', {"pkg/weights/glyphs.json"}),
        ('read("table.csv"); name = "chapter"; other = "chapter.ipynb"', {"book/table.csv"}),
        (
            "from pkg.plugins import engine",
            ALWAYS
            | GLYPHS
            | {f"pkg/plugins/{n}.py" for n in ("__init__", "engine", "alpha", "beta")},
        ),
    ],
)
def test_closure(root: Path, code: str, expected: set[str]):
    found = {file.relative_to(root).as_posix() for file in closure(root, code, (root / "book",))}
    assert found == expected


def test_closure_of_the_real_package():
    root = Path(__file__).resolve().parents[2]

    def names(code: str) -> set[str]:
        return {file.relative_to(root / "vae_course").as_posix() for file in closure(root, code)}

    bound = names("from vae_course.objectives import elbo")
    assert {"__init__.py", "lazy.py", "checks.py", "objectives/bound.py"} <= bound
    assert not {"objectives/reconstruction.py", "random.py", "training/loop.py"} & bound
    assert "random.py" in names("import vae_course\nwith vae_course.seeded(3): ...")
    traversal = names("from vae_course.widgets import LatentTraversal")
    assert {"widgets/nn.js", "widgets/controls.js", "widgets/common.css"} <= traversal
