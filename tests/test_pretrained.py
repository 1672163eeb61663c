"""The weights that travel with the package are the ones their record speaks of."""

import json

import pytest
import torch

from vae_course import pretrained as room
from vae_course.data import binarise, load
from vae_course.metrics import encode_all, unit_rates
from vae_course.objectives import elbo
from vae_course.pretrained import MODELS, WEIGHTS, pretrained, training_record
from vae_course.random import seeded
from vae_course.training import evaluate


@pytest.mark.parametrize("name", MODELS)
def test_the_held_out_bound_is_the_recorded_one(name):
    record = training_record(name)
    model = pretrained(name)
    x = load("glyphs", "test", count=4000).images
    with seeded(record["seed"]):
        x = binarise(x)
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
    for key in ("recipe", "seed", "hardware", "commit", "steps", "seconds", "held_out_elbo"):
        assert key in content, f"{record.name} does not say its {key}"
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
