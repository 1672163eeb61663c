"""Packages that load a submodule when one of its names is first used.

Importing `vae_course` imports nothing heavier than torch, and a chapter depends only on the files
that it uses: an edit of one objective does not re-execute the chapters that use another. The
table is a literal, so that `tools/execute.py` can read it without importing anything.
"""

import importlib
import sys


def lazy(package: str, exports: dict[str, list[str]]):
    """Return `(__getattr__, __dir__, __all__)` for a package whose names live in submodules.

    `exports` maps a submodule to the names that it provides, for example
    `{"bound": ["Bound", "elbo"]}`. A name may not be spelled like a submodule: which of the two
    `from package import name` finds would depend on what was imported before.
    """
    home = {name: submodule for submodule, names in exports.items() for name in names}
    clashes = sorted(set(home) & set(exports))
    if clashes:
        raise ValueError(f"{package}: {clashes} are names of submodules and of things in them")

    def __getattr__(name: str):
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = importlib.import_module(f"{package}.{home[name]}")
        value = getattr(module, name)
        setattr(sys.modules[package], name, value)  # later uses are plain attribute look-ups
        return value

    return __getattr__, lambda: sorted(home), sorted(home)
