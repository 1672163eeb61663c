"""The mutants are in order: `make mutants` plants them, which takes too long for every run."""

import subprocess
from pathlib import Path

import pytest

from tools.mutants import FOLDER, ROOT, read_mutant

PATCHES = sorted(FOLDER.glob("*.patch"))


def test_there_are_enough():
    assert len(PATCHES) >= 25


@pytest.mark.parametrize("path", PATCHES, ids=lambda path: path.stem)
def test_applies_and_names_a_test_that_exists(path):
    mutant = read_mutant(path)
    check = ["git", "apply", "--check", str(path)]
    found = subprocess.run(check, cwd=ROOT, capture_output=True, text=True)
    assert found.returncode == 0, f"the code that it changes has changed: {found.stderr}"
    file, _, name = mutant.test.partition("::")  # or the whole file
    source = (ROOT / file).read_text(encoding="utf8")
    shared = (ROOT / file).with_name("contract.py")  # what a class of tests inherits
    source += shared.read_text(encoding="utf8") if shared.exists() else ""
    for part in name.partition("[")[0].split("::"):
        assert not part or f"def {part}(" in source or f"class {part}(" in source


def test_a_patch_without_its_header_is_refused(tmp_path):
    patch = tmp_path / "nameless.patch"
    patch.write_text("Mistake: none\n\n--- a/x\n+++ b/x\n")
    with pytest.raises(ValueError, match="no line 'Test: …'"):
        read_mutant(Path(patch))
