"""What is written down about working here is true: workflows, documents, hooks, the issue form.

Commands that a workflow or a document names exist: targets and variables of the Makefile, modules
run with `python -m`, files.
"""

import re
import shlex
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import course_page  # noqa: E402

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf8")
TARGETS = set(re.findall(r"^([a-z]+):", MAKEFILE, re.M))
VARIABLES = set(re.findall(r"\$\((?:filter \w+,\$\()?([A-Z_]+)\)", MAKEFILE)) | {"CHROMIUM"}
FOLDERS = "book tests tools recipes benchmarks vae_course"
PROGRAM = re.compile(rf"python -m ((?:{FOLDERS.replace(' ', '|')})[\w.]*)")
FILE = re.compile(rf"(?<![\w/.<-])((?:{FOLDERS.replace(' ', '|')})/[\w./-]*\w\.?\w*/?)(?![\w<*…/])")
NEW = re.compile(r"my[-_]|diagonal_kl|variance-of-a-sample")  # names that a document makes up


def missing(text: str) -> list[str]:
    """The commands and files in `text` that do not exist."""
    found = []
    for words in re.findall(r"(?:^|[`|&;] ?|: |^\s+)make((?: +[\w=./:-]+)*)", text, re.M):
        for word in words.split():
            name, equals, _ = word.partition("=")
            if name not in (VARIABLES if equals else TARGETS):
                found.append(f"make {word}")
    for module in PROGRAM.findall(text):
        if find_spec(module) is None:
            found.append(f"python -m {module}")
    for path in FILE.findall(text):
        if not NEW.search(path) and not (ROOT / path.rstrip(".")).exists():
            found.append(path)
    return found


def steps(workflow: dict) -> list[dict]:
    return [step for job in workflow["jobs"].values() for step in job.get("steps", [])]


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.stem)
def workflow(request) -> dict:
    return yaml.safe_load(request.param.read_text(encoding="utf8"))


@pytest.mark.parametrize("file", [*WORKFLOWS, *DOCUMENTS], ids=lambda path: path.name)
def test_commands_exist(file):
    text = file.read_text(encoding="utf8")
    assert "make " in text and missing(text) == []


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ("- run: make bok", "make bok"),
        ("Run `make book PYTHN=python`.", "make PYTHN=python"),
        ("- run: .venv/bin/python -m tools.lonks", "python -m tools.lonks"),
        ("        run: .venv/bin/python -m pytest tests/colob", "tests/colob"),
        ("See `tools/conanical.py`.", "tools/conanical.py"),
    ],
)
def test_a_command_that_does_not_exist_is_found(planted, found):
    assert missing(planted) == [found]
    assert missing("Run `make test BROWSER=no` to make tests of it; tools/canonical.py.") == []


def test_the_readmes_python_runs():
    readme = (ROOT / "README.md").read_text(encoding="utf8")
    programs = re.findall(r"```python\n(.*?)```", readme, re.S)
    assert programs
    for program in programs:
        exec(program, {})


def test_the_readme_without_make_says_what_make_does():
    readme = (ROOT / "README.md").read_text(encoding="utf8")
    requirements = (ROOT / "requirements.txt").read_text(encoding="utf8")
    assert f" {re.search(r'^torch==[0-9.]+', requirements, re.M)[0]}\n" in readme
    for line in ["jupyter-book build . -W --keep-going", "python -m tools.resolve"]:
        assert re.search(rf"^\t@\$\(BIN\)/{re.escape(line)}$", MAKEFILE, re.M), line
        assert f"\n{line}\n" in readme
    assert "python -m pytest -n 2 --dist loadfile" in readme


def test_links_between_documents_lead_somewhere():
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf8")
        anchors = {
            re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
            for title in re.findall(r"^#+ (.+)$", text, re.M)
        }
        for target in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
            path, _, anchor = target.partition("#")
            assert not path or (ROOT / path).is_file(), target
            assert not anchor or anchor in anchors, target


def test_workflows_are_whole(workflow):
    assert {"name", "jobs", "permissions"} <= set(workflow) and True in workflow  # YAML reads `on:`
    for job in workflow["jobs"].values():
        assert "timeout-minutes" in job
        needs = job.get("needs", [])
        assert {needs} if isinstance(needs, str) else set(needs) <= set(workflow["jobs"])
    for step in steps(workflow):
        assert ("uses" in step) != ("run" in step)
        if "uses" in step:
            assert re.fullmatch(r"actions/[\w-]+@(v\d+|[0-9a-f]{40})", step["uses"])
        else:
            shell = subprocess.run(
                ["bash", "-n"], input=step["run"], text=True, capture_output=True
            )
            assert shell.returncode == 0, shell.stderr


def load(name: str) -> dict:
    return yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text(encoding="utf8"))


def test_tests_run_on_every_python_that_the_package_names():
    versions = load("tests.yml")["jobs"]["tests"]["strategy"]["matrix"]["python"]
    assert versions == ["3.11", "3.12", "3.13"]
    assert "(3, 11) <= sys.version_info < (3, 14)" in MAKEFILE
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    assert project["requires-python"] == ">=3.11"
    assert any(step.get("run") == ".ci/run" for step in steps(load("tests.yml")))
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o100


def test_publishing_fills_in_the_repository():
    build = load("publish.yml")["jobs"]["build"]
    assert build["env"]["VAE_COURSE_REPOSITORY"] == "${{ github.repository }}"
    (push,) = [step for step in build["steps"] if "git push" in step.get("run", "")]
    assert push["working-directory"] == "_build/html/notebooks"
    branch = course_page.NOTEBOOK_BRANCH
    assert push["run"].rstrip().endswith(f'github.com/$GITHUB_REPOSITORY" {branch}')
    assert f"--initial-branch {branch}\n" in push["run"]


def test_every_weekly_job_is_reported():
    jobs = load("weekly.yml")["jobs"]
    assert set(jobs["report"]["needs"]) == set(jobs) - {"report"}
    assert jobs["report"]["if"] == "failure()"


def test_the_weekly_run_trains_weights_that_there_are():
    lines = "\n".join(step.get("run", "") for step in steps(load("weekly.yml")))
    (name,) = re.findall(r"tools\.retrain (\S+)", lines)
    assert (ROOT / "vae_course" / "weights" / f"{name}.json").is_file()


# --- the form for mistakes ------------------------------------------------------------------------


def test_the_link_on_each_page_fills_in_the_form(monkeypatch):
    form = yaml.safe_load((ROOT / ".github/ISSUE_TEMPLATE/mistake.yml").read_text(encoding="utf8"))
    fields = {field["id"] for field in form["body"] if field["type"] != "markdown"}
    options = {"repository_url": "https://github.com/somebody/course"}
    app = SimpleNamespace(config=SimpleNamespace(html_theme_options=options), confdir=ROOT)
    url = urlsplit(course_page.report_url(app, "book/page", "A page"))
    filled = parse_qs(url.query)
    assert url.path == "/somebody/course/issues/new"
    assert filled.pop("template") == ["mistake.yml"] and filled.pop("title")
    assert {"page"} <= set(filled) <= fields
    assert {"quote", "expected"} <= fields - set(filled)


# --- hooks before a commit ------------------------------------------------------------------------


def hook(name: str, file: Path) -> subprocess.CompletedProcess:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf8"))
    assert all(repository["repo"] == "local" for repository in config["repos"])  # no network
    entries = {hook["id"]: hook["entry"] for hook in config["repos"][0]["hooks"]}
    command = [*shlex.split(entries[name]), str(file)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_hooks_mend_or_refuse(tmp_path):
    program = tmp_path / "program.py"
    program.write_text("x = undefined\n")
    assert hook("ruff-check", program).returncode == 1
    program.write_text("x = 'a'\n")
    assert hook("ruff-check", program).returncode == 0
    assert hook("ruff-format", program).returncode == 0
    assert program.read_text() == 'x = "a"\n'

    notebook = tmp_path / "notebook.ipynb"
    notebook.write_text('{"cells": [], "metadata": {"a": 1}, "nbformat": 4, "nbformat_minor": 5}')
    assert hook("canonical", notebook).returncode == 0
    assert '"a"' not in notebook.read_text() and '"kernelspec"' in notebook.read_text()

    large = tmp_path / "large file.bin"
    large.write_bytes(bytes(300 * 1024))
    assert hook("large-files", large).returncode == 0
    large.write_bytes(bytes(300 * 1024 + 1))
    assert hook("large-files", large).returncode == 1
