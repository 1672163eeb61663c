"""The weights that travel with the package are the ones their record speaks of."""

import json

import pytest
import torch

from vae_course import pretrained as room
from vae_course.data import binarise, fixed_binarise, load
from vae_course.metrics import encode_all, unit_rates
from vae_course.objectives import elbo
from vae_course.pretrained import MODELS, WEIGHTS, pretrained, recorded_runs, training_record
from vae_course.random import seeded
from vae_course.training import evaluate


def held_out_images(name: str, seed: int):
    """The pictures that the record's `held_out` names."""
    if name.startswith("sprites"):
        return fixed_binarise(load("sprites", "test", count=5000).images, threshold=0.5)
    with seeded(seed):
        return binarise(load("glyphs", "test", count=4000).images)


@pytest.mark.parametrize("name", MODELS)
def test_the_held_out_bound_is_the_recorded_one(name):
    record = training_record(name)
    model = pretrained(name)
    x = held_out_images(name, record["seed"])
    found = evaluate(model, elbo, x, seed=record["seed"])
    for term in ("distortion", "rate", "elbo"):
        # The record has three decimals; glyphs may differ in a rounding between platforms.
        assert found[term] == pytest.approx(record[f"held_out_{term}"], abs=0.05)
    assert unit_rates(*encode_all(model, x)).tolist() == pytest.approx(
        record["unit_rates"], abs=0.01
    )


@pytest.mark.parametrize("record", sorted(WEIGHTS.glob("*.json")), ids=lambda path: path.stem)
def test_each_record_says_how_the_weights_were_made(record):
    content = json.loads(record.read_text(encoding="utf8"))
    for key in ("recipe", "seed", "hardware", "commit", "steps", "seconds"):
        assert key in content, f"{record.name} does not say its {key}"
    # A flow that was trained on a known density has its divergence from it instead of a bound.
    flows = content.get("flows", [])
    assert "held_out_elbo" in content or (flows and all("kl" in flow for flow in flows))
    weights = record.with_suffix(".safetensors")
    assert weights.stat().st_size <= 300_000


def test_every_weight_file_has_a_record_and_all_are_small():
    files = sorted(WEIGHTS.glob("*.safetensors"))
    assert files and all(file.with_suffix(".json").is_file() for file in files)
    assert sum(file.stat().st_size for file in files) <= 5_000_000


def test_the_model_is_in_evaluation_mode_and_float32():
    model = pretrained("glyphs-conv-vae")
    assert not model.training
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_an_unknown_name_lists_the_known_ones():
    for function in (room.pretrained, room.training_record):
        with pytest.raises(ValueError, match="known are: glyphs-conv-vae"):
            function("resnet")


def test_the_recorded_runs_on_sprites_are_complete():
    rows = recorded_runs("sprites-disentanglement")
    methods = ["ae", "vae", "beta-vae", "beta-tcvae", "factor-vae"]
    assert [(row["method"], row["seed"]) for row in rows] == [
        (method, seed) for method in methods for seed in range(5)
    ]
    for row in rows:
        assert row["scores"].keys() == row["scores_rotated"].keys()
        if row["method"] != "ae":
            parts = row["decomposition"]
            names = ("information", "total_correlation", "dimension_wise")
            assert sum(parts[name][0] for name in names) == pytest.approx(parts["sum"][0], abs=1e-3)
            # A sum of draws, and the closed form.
            assert abs(parts["sum"][0] - parts["rate"]) < 5.5 * parts["sum"][1]
    # The stored models are the runs of median MIG.
    for name, method in [("sprites-vae", "vae"), ("sprites-tcvae", "beta-tcvae")]:
        runs = sorted(
            (row for row in rows if row["method"] == method), key=lambda row: row["scores"]["mig"]
        )
        assert training_record(name)["seed"] == runs[2]["seed"]
    with pytest.raises(ValueError, match=r"known are: .*sprites-disentanglement"):
        recorded_runs("nothing")
