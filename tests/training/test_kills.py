"""20 SIGKILLs at random times, some while saving: nothing is lost but the steps since the save."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("seed", [0])
def test_a_run_that_is_killed_again_and_again(tmp_path, seed):
    command = [sys.executable, "-m", "tests.training.killed_run", str(tmp_path), str(seed)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found["steps"]) == 20
    assert 0 < found["steps"][-1] < 120  # killed before it was done
    assert found["while_saving"] >= 3
    assert set(found["left"]) <= {
        "straight.safetensors", "killed.safetensors", "killed.safetensors.partial",
    }  # fmt: skip
    assert found["equal"]
