"""The recipes of flows for images, a few steps of each; and what the stored flow reaches."""

import json

import pytest
import torch

from recipes import flow_images as recipe
from vae_course.data import load
from vae_course.data.coarsening import coarse
from vae_course.data.dataset import Dataset
from vae_course.flows import bits_per_dimension
from vae_course.pretrained import pretrained, recorded_runs, training_record
from vae_course.random import seeded


@pytest.fixture
def few_images(monkeypatch):
    """130 pictures for training and 20 for the test, whatever was asked for."""

    def few(name, split, count=None):
        n, seed = {"train": (130, 1), "test": (20, 2)}[split]
        with seeded(seed):
            x = (torch.rand(n, 1, 28, 28) * 255).round() / 255
        return Dataset(name, split, x, torch.zeros(n, dtype=torch.long), ("0",), "a test")

    monkeypatch.setattr(recipe, "load", few)


def run(monkeypatch, tmp_path, *arguments):
    """What the command writes; checkpoints and results in a folder of the test."""
    command = [
        "flow_images", *arguments, "--batch-size", "32", "--folder", str(tmp_path / "weights"),
        "--checkpoints", str(tmp_path / "checkpoints"), "--output", str(tmp_path / "mnist.json"),
    ]  # fmt: skip
    monkeypatch.setattr("sys.argv", command)
    recipe.main()


def test_mnist_is_recorded_with_what_was_run(few_images, monkeypatch, tmp_path):
    run(monkeypatch, tmp_path, "mnist", "--steps", "4", "--depth", "1", "--hidden", "4")
    record = json.loads((tmp_path / "mnist.json").read_text())
    assert record["training"]["steps"] == 4 and record["training"]["epochs"] == 0.98
    assert "--steps 4 --batch-size 32 --depth 1 --hidden 4" in record["recipe"]
    # Uniform levels cost 8 bits, and after four steps nothing better is known.
    assert 7.9 < record["test"]["bits_per_dimension"] < 12
    runs = tmp_path / "weights" / "runs" / "flow-mnist.json"
    assert json.loads(runs.read_text()) == [record]


def test_glyphs_can_be_stopped_and_resumed(few_images, monkeypatch, tmp_path):
    monkeypatch.setattr(recipe, "learning_rate", lambda updates, steps, highest: highest)
    run(monkeypatch, tmp_path, "glyphs", "--steps", "2")
    run(monkeypatch, tmp_path, "glyphs", "--steps", "4")
    resumed = (tmp_path / "weights" / "glyphs-glow.safetensors").read_bytes()
    run(monkeypatch, tmp_path / "other", "glyphs", "--steps", "4")
    assert (tmp_path / "other" / "weights" / "glyphs-glow.safetensors").read_bytes() == resumed


def test_the_learning_rate_rises_and_falls_to_zero():
    rates = [recipe.learning_rate(i, 1000, 1.0) for i in range(1001)]
    assert rates[0] < 0.01 and rates[1000] < 1e-6
    assert max(range(1001), key=rates.__getitem__) == 199


def test_the_stored_flow_reaches_what_its_record_says():
    record, flow = training_record("glyphs-glow"), pretrained("glyphs-glow")
    assert not flow.training
    x = coarse(load("glyphs", "test", count=4000).images)
    log_prob = recipe.test_bound(flow, x, 16, 1, seed=record["seed"])
    bits = bits_per_dimension(log_prob, 256, 16).mean().item()
    assert bits == pytest.approx(record["held_out_bits_per_dimension"], abs=2e-3)


def test_the_recorded_run_on_mnist_is_the_one_that_the_page_shows():
    (page,) = recorded_runs("flow-mnist")
    assert page == json.loads((recipe.RESULTS / "flow-mnist.json").read_text())
    assert page["published"] == recipe.PUBLISHED
    assert 0.9 < page["test"]["bits_per_dimension"] < 2
