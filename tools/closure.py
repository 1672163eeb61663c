"""Which of the repository's files a piece of code depends on, found without running it.

Follows imports (also those inside functions), attribute access on imported packages
(`vae_course.data.load`), the tables of lazy packages (`vae_course/lazy.py`), and string constants
that name a file beside the module or in `vae_course/weights` (scripts, styles, weights). Where the
code leaves it open (`import *`, a package used as a value, `import_module`), everything that could
be meant is included: too much executes a notebook once too often, too little publishes what is
stale.
"""

import ast
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path


@dataclass
class Source:
    """One piece of code: a module, or a notebook's cells (then `file` is None)."""

    tree: ast.Module
    file: Path | None = None
    package: str = ""  # the package that relative imports start from
    folders: tuple[Path, ...] = ()  # where a string constant may name a file

    @cached_property
    def lazy_table(self) -> dict[str, str]:
        """name -> submodule, from `... = lazy(__name__, {...})`."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "lazy":
                table = ast.literal_eval(node.args[1])
                return {name: submodule for submodule, names in table.items() for name in names}
        return {}

    @cached_property
    def imports_dynamically(self) -> bool:
        used = {getattr(node, "id", getattr(node, "attr", "")) for node in ast.walk(self.tree)}
        return bool(used & {"import_module", "__import__", "iter_modules", "walk_packages"})


@dataclass
class Closure:
    """All files that code depends on. `root` holds the packages; other imports are not followed."""

    root: Path
    files: set[Path] = field(default_factory=set)

    def add_code(self, code: str, folders: tuple[Path, ...]) -> None:
        """Code that lives in no module, such as a notebook's cells."""
        self._read(Source(ast.parse(code), folders=folders))

    def add_module(self, name: str) -> None:
        """The module or package `name` with everything that importing it imports."""
        file = self._file(name)
        if file is None or file in self.files:
            return  # None: a folder without an __init__.py
        self.files.add(file)
        package = name if file.name == "__init__.py" else name.rpartition(".")[0]
        source = self._source(file, package)
        self._read(source)
        if source.imports_dynamically and file.name != "lazy.py":
            self._add_all_modules(file.parent, package)

    def add_reference(self, dotted: str, whole: bool = False) -> None:
        """What `a.b.c` leads to. `whole`: `c` is used as a value, so any name in it may be used."""
        parts = dotted.split(".")
        module = parts[0]
        if not self._exists(module):
            return  # not ours: torch, numpy, the standard library
        self.add_module(module)
        for part in parts[1:]:
            table = self._table(module)
            if self._exists(f"{module}.{part}"):
                module = f"{module}.{part}"
            elif part in table and self._exists(f"{module}.{table[part]}"):
                module = f"{module}.{table[part]}"
            else:
                return  # a name defined in a module that is in the closure now
            self.add_module(module)
        if whole:
            for submodule in set(self._table(module).values()):
                self.add_module(f"{module}.{submodule}")

    def _read(self, source: Source) -> None:
        bound: dict[str, str] = {}  # local name -> dotted name
        bases: set[int] = set()  # Name nodes that are only the start of an attribute chain
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    self.add_reference(alias.name)
                    start = alias.name.split(".")[0]
                    bound[alias.asname or start] = alias.name if alias.asname else start
            elif isinstance(node, ast.ImportFrom):
                module = self._absolute(node, source.package)
                for alias in node.names:
                    if alias.name == "*":
                        self.add_reference(module, whole=True)
                        continue
                    self.add_reference(f"{module}.{alias.name}")
                    bound[alias.asname or alias.name] = f"{module}.{alias.name}"
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                self._add_named_files(node.value, source.folders)
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Attribute):
                chain, base = [node.attr], node.value
                while isinstance(base, ast.Attribute):
                    chain, base = [base.attr, *chain], base.value
                if isinstance(base, ast.Name) and base.id in bound:
                    bases.add(id(base))
                    self.add_reference(".".join([bound[base.id], *chain]))
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Name) and node.id in bound and id(node) not in bases:
                self.add_reference(bound[node.id], whole=True)

    @staticmethod
    def _absolute(node: ast.ImportFrom, package: str) -> str:
        if node.level:
            start = package.split(".")[: len(package.split(".")) - node.level + 1]
            return ".".join([*start, *([node.module] if node.module else [])])
        return node.module or ""

    def _add_named_files(self, text: str, folders: tuple[Path, ...]) -> None:
        """Files called `text` (or matching it: "*.js"), weights called `text` with any ending."""
        if not text or len(text) > 200 or "\n" in text or (text[0] in "/.*" and text[:2] != "*."):
            return
        named = [file for folder in folders for file in self._match(folder, text)]
        for folder in self._weight_folders():
            named += self._match(folder, text) + self._match(folder, f"{text}.*")
        self.files.update(f.resolve() for f in named if f.suffix not in {".py", ".ipynb", ".md"})

    @staticmethod
    def _match(folder: Path, pattern: str) -> list[Path]:
        if "**" in pattern:
            return []
        try:
            return [file for file in folder.glob(pattern) if file.is_file()]
        except (OSError, ValueError, NotImplementedError, IndexError):
            return []  # no file can be called that

    def _add_all_modules(self, folder: Path, package: str) -> None:
        for file in sorted(folder.glob("*.py")):
            if file.name != "__init__.py":
                self.add_module(f"{package}.{file.stem}")

    def _weight_folders(self) -> list[Path]:
        return sorted(self.root.glob("*/weights"))

    def _source(self, file: Path, package: str) -> Source:
        tree = ast.parse(file.read_text(encoding="utf8"))
        return Source(tree, file, package, (file.parent,))

    def _table(self, module: str) -> dict[str, str]:
        file = self._file(module)
        if file is None or file.name != "__init__.py":
            return {}
        return self._source(file, module).lazy_table

    def _exists(self, module: str) -> bool:
        return bool(self._file(module)) or self.root.joinpath(*module.split(".")).is_dir()

    def _file(self, module: str) -> Path | None:
        """The file of one of our modules; None if there is no such module, or it has no file."""
        path = self.root.joinpath(*module.split("."))
        for file in (path / "__init__.py", path.with_name(path.name + ".py")):
            if file.is_file():
                return file.resolve()
        return None


def closure(root: Path, code: str, folders: tuple[Path, ...] = ()) -> list[Path]:
    """The files under `root` that `code` depends on, sorted."""
    result = Closure(root.resolve())
    result.add_code(code, folders)
    return sorted(result.files)
