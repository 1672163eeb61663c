"""Packages that load a submodule when one of its names is first used.

Importing `vae_course` imports torch and nothing heavier, and a chapter depends only on the files
that it uses: an edit of one objective does not re-execute the chapters that use another. The
table is a literal, so that `tools/execute.py` can read it without importing anything.
"""

import importlib
import sys


def lazy(package: str, exports: dict[str, list[str]]):
    """Return `(__getattr__, __dir__, __all__)` for a package whose names live in submodules.

    `exports` maps a submodule to the names that it provides, for example
    `{"elbo": ["Bound", "elbo"]}`. Where a submodule and a name in it are spelled alike, the name
    wins: `from vae_course.objectives import elbo` is the function.
    """
    home = {name: submodule for submodule, names in exports.items() for name in names}

    def __getattr__(name: str):
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = importlib.import_module(f"{package}.{home[name]}")
        value = getattr(module, name)
        # Kept in the package: later uses are plain attribute look-ups, and a submodule of the
        # same name, which the import above has just put there, is replaced by the name itself.
        setattr(sys.modules[package], name, value)
        return value

    return __getattr__, lambda: sorted(home), sorted(home)
