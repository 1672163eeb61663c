"""The recipe of the flows in the plane: its arithmetic, a short run, and what was recorded."""

import json
from math import log
from pathlib import Path

import pytest
import torch

from recipes import toy_flows as recipe
from vae_course.data import toy
from vae_course.pretrained import recorded_runs

RESULTS = Path(recipe.__file__).parent / "results" / "toy-flows.json"


class OnTheSquare:
    """Uniform on [-2, 2]²: a sixteenth everywhere."""

    def log_prob(self, x):
        return x.new_full(x.shape[:-1], -log(16))


def test_what_lies_above_the_entropy_is_the_divergence():
    found = recipe.held_out(toy("checkerboard"), OnTheSquare(), seed=0, points=1000)
    assert found == {
        "nll": round(log(16), 5), "excess": round(log(2), 5), "nll_error": 0, "excess_error": 0,
    }  # fmt: skip


@pytest.mark.parametrize("name", recipe.DENSITIES)
def test_the_density_itself_has_no_excess(seed, name):
    density = toy(name)
    found = recipe.held_out(density, density, seed=seed, points=20_000)
    assert abs(found["excess"]) < 1e-5 and found["excess_error"] < 1e-5
    off = found["nll"] - density.entropy().item()
    assert abs(off) <= 5.5 * found["nll_error"] + 1e-5


def test_a_short_run_is_recorded(monkeypatch, tmp_path):
    monkeypatch.setattr(recipe, "POINTS", 600)
    monkeypatch.setattr(recipe, "HELD_OUT", 400)
    path = tmp_path / "record.json"
    command = f"x --steps 2 --seed 3 --densities rings --output {path}"
    monkeypatch.setattr("sys.argv", command.split())
    recipe.main()
    record = json.loads(path.read_text())
    assert [run["flow"] for run in record["runs"]] == list(recipe.FLOWS)
    for run in record["runs"]:
        assert run["density"] == "rings" and run["parameters"] > 1000
        assert run["excess"] == pytest.approx(run["nll"] - run["entropy"], abs=0.3)
        assert 0 < run["excess_error"] < 0.2
    assert record["training"]["steps"] == 2 and record["machine"]["torch"] == torch.__version__


def test_spline_flows_come_close_to_every_entropy():
    runs = {(run["density"], run["flow"]): run for run in recorded_runs("toy-flows")["runs"]}
    assert len(runs) == len(recipe.DENSITIES) * len(recipe.FLOWS)
    for (density, flow), run in runs.items():
        assert abs(run["entropy"] - toy(density).entropy().item()) < 1e-5
        assert run["excess_error"] < 0.005
        # the two ways to say how far above agree
        assert abs(run["nll"] - run["entropy"] - run["excess"]) < 5.5 * run["nll_error"]
        if flow == "spline coupling":
            most = 0.15 if density == "checkerboard" else 0.05
            assert run["excess"] < most and run["nll"] - run["entropy"] < most


def test_the_package_has_the_record_of_the_recipe():
    # A reader on Colab has the package, and not the recipes.
    assert recorded_runs("toy-flows") == json.loads(RESULTS.read_text(encoding="utf-8"))
