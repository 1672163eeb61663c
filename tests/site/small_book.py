"""A book of a few lines, built with the course's own configuration and extension."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ROOT = Path(__file__).resolve().parents[2]


class SmallBook:
    """`pages`: name -> Markdown, or a list of code cells. The page `index` is the first."""

    def __init__(self, folder: Path, pages: dict[str, str | list[str]]):
        self.folder = folder
        config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf8"))
        config = {key: value for key, value in config.items() if "bibtex" not in key}
        sphinx = config["sphinx"]
        sphinx["local_extensions"] = {"course_build": str(ROOT / "book" / "_ext")}
        settings = {key: value for key, value in sphinx["config"].items() if "bibtex" not in key}
        settings["extensions"].remove("course_page")
        settings["extensions"].remove("sphinxcontrib.bibtex")
        settings["templates_path"] = []
        settings["html_static_path"] = [str(ROOT / "book" / "_static_widgets")]
        sphinx["config"] = settings
        (folder / "_config.yml").write_text(yaml.safe_dump(config))
        others = [{"file": name} for name in pages if name != "index"]
        toc = {"format": "jb-book", "root": "index"} | ({"chapters": others} if others else {})
        (folder / "_toc.yml").write_text(yaml.safe_dump(toc))
        for name in ("requirements.txt", "constraints.txt"):
            (folder / name).write_text("")
        for name, content in pages.items():
            self.write(name, content)

    def write(self, name: str, content: str | list[str]) -> None:
        if isinstance(content, str):
            (self.folder / f"{name}.md").write_text(content)
            return
        cells = [new_markdown_cell(f"# {name}"), *map(new_code_cell, content)]
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = new_notebook(cells=cells, metadata={"kernelspec": kernel})
        nbformat.write(notebook, self.folder / f"{name}.ipynb")

    def build(self) -> subprocess.CompletedProcess:
        code = "from jupyter_book.cli.main import main; main()"
        command = [sys.executable, "-c", code, "build", ".", "-W", "--keep-going"]
        path = os.pathsep.join([str(self.folder), str(ROOT)])  # this checkout, not another one
        environment = os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=300
        )

    def page(self, name: str) -> str:
        return (self.folder / "_build" / "html" / f"{name}.html").read_text(encoding="utf8")
