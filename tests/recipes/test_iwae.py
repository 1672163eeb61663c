"""The recipe of the IWAE paper: its schedule, its first weights, and that it can be stopped."""

import json
from math import sqrt

import pytest
import torch
from torch import nn

from recipes import iwae as recipe
from vae_course.data.dataset import Dataset
from vae_course.random import seeded
from vae_course.training import load_checkpoint


def test_learning_rates_of_the_paper():
    assert recipe.EPOCHS == 3280
    starts = [(3**i - 1) / 2 for i in range(8)]  # 0, 1, 4, 13, 40, 121, 364, 1093
    for i, start in enumerate(starts):
        rate = 0.001 * 10 ** (-i / 7)
        assert recipe.learning_rate(start) == pytest.approx(rate)
        assert recipe.learning_rate(start + 3**i - 1 / 3000) == pytest.approx(rate)
    assert recipe.learning_rate(10_000) == pytest.approx(1e-4)


def test_first_weights():
    images = torch.zeros(50, 1, 28, 28)
    images[:, :, 14:] = 0.25
    with seeded(0):
        model = recipe.build(images)
    frequency = model.decode(torch.zeros(1, 50)).mean.flatten()
    # Hidden units of the decoder are zero at z = 0, so what is left is the bias of the pixels.
    assert frequency[0].item() == pytest.approx(0.001, rel=1e-4)
    assert frequency[-1].item() == pytest.approx(0.25, rel=1e-4)
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    sizes = sorted((layer.in_features, layer.out_features) for layer in layers)
    assert sizes == [(50, 200), (200, 100), (200, 200), (200, 200), (200, 784), (784, 200)]
    for layer in layers:
        inputs, outputs = layer.in_features, layer.out_features
        limit = sqrt(6 / (inputs + (50 if outputs == 100 else outputs)))
        assert 0.95 * limit < layer.weight.abs().max() <= limit


@pytest.fixture
def small(monkeypatch):
    """Sixty pictures for training and ten for the test."""
    with seeded(0):
        images = torch.rand(70, 1, 28, 28)
    parts = {"train": images[:60], "test": images[60:]}

    def load(name, split):
        x = parts[split]
        return Dataset(name, split, x, torch.zeros(len(x), dtype=torch.long), ("0",), "a test")

    monkeypatch.setattr(recipe, "load", load)


def run(monkeypatch, folder, **options) -> dict:
    options = {"k": 2, "samples": 30, "device": "cpu", "checkpoints": folder} | options
    options["output"] = folder / "record.json"
    arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    monkeypatch.setattr("sys.argv", ["iwae", *arguments])
    recipe.main()
    return json.loads(options["output"].read_text())


def test_a_run_in_two_parts_is_the_run_in_one(small, monkeypatch, tmp_path):
    run(monkeypatch, tmp_path / "parts", epochs=1)
    parts = run(monkeypatch, tmp_path / "parts", epochs=3)
    whole = run(monkeypatch, tmp_path / "whole", epochs=3)
    assert parts["test"] == whole["test"]
    assert parts["training"]["steps"] == 9
    assert parts["training"]["batch_size"] == 20
    assert parts["paper"]["negative_log_likelihood_nats"] is None  # k = 2 is not in the table
    assert {"cpu", "commit", "threads"} <= set(parts["machine"])
    _, info = load_checkpoint(next((tmp_path / "whole").glob("*.safetensors")))
    optimizer = info["settings"]["optimizer"]
    # The paper's ε of 1e-4 goes with the sum over 20 images.
    assert "'betas': (0.9, 0.999), 'eps': 5e-06" in optimizer[1]
    assert info["settings"]["binarise"]
