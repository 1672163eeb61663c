"""The flows of the widget FlowWarp: what the recipe writes is what the widget reads."""

import json
import sys

import torch

from recipes import flow_warp as recipe
from vae_course.random import seeded
from vae_course.widgets import flow_warp as widget


def test_the_recipe_writes_what_the_widget_reads(monkeypatch, tmp_path):
    monkeypatch.setattr(recipe, "BATCH", 8)
    monkeypatch.setattr(recipe, "divergence", lambda *_: (0.123456, 0.01))
    arguments = ["flow_warp", "--steps", "2", "--seed", "3", "--folder", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", arguments)
    recipe.main()
    monkeypatch.setattr(widget, "WEIGHTS", tmp_path / "flow-warp.safetensors")
    record = json.loads((tmp_path / "flow-warp.json").read_text())
    assert record["recipe"] == "python -m recipes.flow_warp --steps 2 --seed 3"
    pairs = [(target, kind) for target in widget.TARGETS for kind in widget.KINDS]
    assert [(one["target"], one["kind"]) for one in record["flows"]] == pairs
    for target, kind in pairs:
        trained, _ = recipe.one_flow(target, kind, steps=2, seed=3)
        read = widget.trained_flow(target, kind).state_dict()
        assert all(torch.equal(value, read[key]) for key, value in trained.state_dict().items())
    assert len(widget.FlowWarp().flows) == 4


def test_training_lowers_the_divergence_that_it_reports(monkeypatch):
    monkeypatch.setattr(recipe, "BATCH", 128)
    density = widget.TARGETS["ring"]()
    with seeded(0):
        flow = widget.KINDS["planar"]()
        before, _ = recipe.divergence(flow, density, 4000)
        recipe.train(flow, density, steps=150, lr=1e-2)
        after, error = recipe.divergence(flow, density, 4000)
    assert 0 < after < before - 20 * error


def test_the_divergence_of_a_flow_from_its_own_density_is_zero():
    with seeded(0):
        flow = widget.KINDS["coupling"]()
        found, error = recipe.divergence(flow, flow, 1000)
    assert abs(found) < 1e-5 and error < 1e-5
