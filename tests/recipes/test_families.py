"""The recipe of the rate-distortion curves: its arithmetic on a known curve, and a short run."""

import json
from itertools import pairwise
from math import log, sqrt

import pytest

from recipes import families as recipe

BETAS = recipe.BETAS


def gaussian_curve(betas) -> dict[str, list[float]]:
    """One direction of variance 30 and σ = 1, at the optimum: R = ½ log(30/β), D = β/2."""
    return {
        "rate": [0.5 * log(30 / beta) for beta in betas],
        "distortion": [0.5 * beta for beta in betas],
    }


def test_grid_holds_the_range_that_the_slopes_are_for():
    assert BETAS[0] < 0.05
    assert BETAS[-1] > 20
    assert 1.0 in BETAS


def test_the_slope_of_an_exact_curve_is_minus_beta():
    slopes = recipe.slopes_over_beta(BETAS, **gaussian_curve(BETAS))
    # The chord of a curve that is known, over √(ab): 1.005 for b = √2 a, 1.00125 for half of that.
    chords = [(b - a) / log(b / a) / sqrt(a * b) for a, b in pairwise(BETAS)]
    assert slopes == pytest.approx(chords, rel=1e-9)
    assert max(chords) < 1.00503
    fine = [1.05**k for k in range(-3, 4)]
    assert recipe.slopes_over_beta(fine, **gaussian_curve(fine)) == pytest.approx(
        [1.0] * 6, abs=2e-4
    )
    flat = {"rate": [1.0, 0.0, 0.0], "distortion": [1.0, 2.0, 2.0]}
    assert recipe.slopes_over_beta([1.0, 4.0, 16.0], **flat) == [0.5, None]  # and no 0/0


def test_regret_is_zero_on_the_exact_curve_and_finds_the_member_that_is_off():
    curve = gaussian_curve(BETAS)
    assert recipe.regrets(BETAS, **curve) == pytest.approx([0] * len(BETAS), abs=1e-6)
    curve["distortion"][2] += 1.0
    found = recipe.regrets(BETAS, **curve)
    assert found[2] > 0.9
    assert max(found[:2] + found[3:]) < 1e-6


def test_a_short_run_is_recorded(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(recipe, "BETAS", [0.1, 1.0, 10.0])
    monkeypatch.setattr(recipe, "SAMPLES", 2)
    path = tmp_path / "record.json"
    monkeypatch.setattr("sys.argv", f"x --steps 8 --seeds 2 --output {path}".split())
    recipe.main()
    record = json.loads(path.read_text())
    for name in ("family_train", "family_test", "multi_rate_train", "multi_rate_test"):
        assert len(record[name]) == 2
        for row in record[name]:
            assert [len(row[key]) for key in ("rate", "distortion", "regret")] == [3, 3, 3]
            assert len(row["slope_over_beta"]) == 2
    assert record["family_train"][0] != record["family_train"][1]
    assert record["seeds"] == [0, 1]
    assert "commit" in record["machine"]
    assert "written to" in capsys.readouterr().out
