"""The catalogue is whole; the command lists it, in time, and fails if a mistake passes."""

import importlib
import pkgutil
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.derivations.contract import derivations_in
from vae_course import derivations
from vae_course.derivations import __main__ as command

PACKAGE = Path(derivations.__file__).parent


def modules():
    names = [m.name for m in pkgutil.iter_modules([str(PACKAGE)]) if m.name != "__main__"]
    return [importlib.import_module(f"vae_course.derivations.{name}") for name in names]


def test_every_derivation_is_listed_once_and_can_be_imported_by_its_name():
    found = {each.name: each for module in modules() for each in derivations_in(module)}
    listed = [each.name for each in derivations.all()]
    assert sorted(found) == sorted(listed)
    assert len(listed) >= 20
    for name in listed:
        assert getattr(derivations, name) is derivations.get(name) is found[name]


def test_every_file_of_derivations_is_held_to_the_contract():
    folder = Path(__file__).parent
    for module in modules():
        if derivations_in(module):
            name = module.__name__.split(".")[-1]
            text = (folder / f"test_{name}.py").read_text()
            assert re.search(rf"\(Contract\):\n    module = {name}\n", text), name


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="kl_diagonal"):
        derivations.get("gaussian")


def test_the_package_does_not_import_sympy():
    code = "import sys, vae_course, vae_course.derivations; assert 'sympy' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_command_checks_everything_within_the_budget():
    """60 seconds for all checks, 300 for all mutants, of one core."""
    run = subprocess.run(
        [sys.executable, "-m", "vae_course.derivations"], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout
    *lines, total = run.stdout.splitlines()
    for derivation, line in zip(derivations.all(), lines, strict=True):
        assert line.startswith(f"{derivation.name}: {len(derivation.steps)} steps hold")
    pattern = r"(\d+) derivations hold \((.*) s\)\. (\d+) .* 0 not caught \((.*) s\)\."
    count, checking, planted, planting = re.fullmatch(pattern, total).groups()
    assert int(count) == len(derivations.all()) and int(planted) > 40 * int(count) / 2
    assert float(checking) < 60 and float(planting) < 300


def test_the_command_fails_if_a_mistake_passes(monkeypatch, capsys):
    open_ended = replace(derivations.kl_diagonal, equivalent={})
    monkeypatch.setattr(command, "all", lambda: [open_ended])
    assert command.main() == 1
    assert "not caught: step 2: index of p_j(z_j) shifted" in capsys.readouterr().out
