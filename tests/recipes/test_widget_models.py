"""The family of models with different β: alike in all but β, each of them made again by itself."""

import json

import pytest
import torch
from safetensors.torch import load_file

from recipes import widget_models as recipe
from vae_course.data.dataset import Dataset
from vae_course.objectives import elbo
from vae_course.pretrained import beta_member
from vae_course.random import seeded
from vae_course.training import evaluate, fit


@pytest.fixture(autouse=True)
def few_images(monkeypatch):
    """130 pictures for training and twenty for the test, whatever was asked for."""

    def load(name, split, count):
        n, seed = {"train": (130, 1), "test": (20, 2)}[split]
        with seeded(seed):
            x = torch.rand(n, 1, 28, 28).round()  # binary already: drawn as they are
        return Dataset(name, split, x, torch.zeros(n, dtype=torch.long), ("0",), "a test")

    monkeypatch.setattr(recipe, "load", load)


def test_members_differ_in_beta_only(monkeypatch, tmp_path):
    seen = []

    def watched(model, objective, images, **options):
        before = {name: value.clone() for name, value in model.state_dict().items()}
        seen.append((before, images, options))
        return fit(model, objective, images, **options)

    monkeypatch.setattr(recipe, "fit", watched)
    recipe.beta_family(4, 3, tmp_path, (0.5, 20))
    first, second = seen[:3], seen[3:]  # three rounds for each
    assert [options["beta"] for _, _, options in seen] == [0.5] * 3 + [20] * 3
    for (_, images, options), (_, others, other_options) in zip(first, second, strict=True):
        assert torch.equal(images, others)
        assert options | {"beta": 20} == other_options
    for name, value in first[0][0].items():
        assert torch.equal(value, second[0][0][name]), name


def test_a_member_made_alone_is_that_of_the_family(tmp_path):
    recipe.beta_family(4, 0, tmp_path / "all", (0.5, 20))
    recipe.beta_family(4, 0, tmp_path / "one", (20,))
    name = "glyphs-beta-20.safetensors"
    one, other = (load_file(tmp_path / folder / name) for folder in ("all", "one"))
    assert one.keys() == other.keys() == beta_member().state_dict().keys()
    for key in one:
        assert torch.equal(one[key], other[key]) and one[key].dtype == torch.float16
    assert not torch.equal(
        one["encoder.head.weight"],
        load_file(tmp_path / "all" / "glyphs-beta-0.5.safetensors")["encoder.head.weight"],
    )


def test_its_record_says_how_it_was_made_and_what_it_reaches(tmp_path):
    recipe.beta_family(4, 0, tmp_path, (2.5,))
    record = json.loads((tmp_path / "glyphs-beta-2.5.json").read_text(encoding="utf-8"))
    command = "python -m recipes.widget_models beta-family --beta 2.5 --steps 4 --seed 0"
    assert record["recipe"] == command and record["beta"] == 2.5
    model = beta_member()
    weights = load_file(tmp_path / "glyphs-beta-2.5.safetensors")
    model.load_state_dict({key: value.float() for key, value in weights.items()})
    found = evaluate(model, elbo, recipe.load("glyphs", "test", 20).images, seed=0)
    for term in ("distortion", "rate", "elbo"):
        assert record[f"held_out_{term}"] == pytest.approx(found[term], abs=1e-3)
    assert 0 <= record["active_units"] <= 10 == len(record["unit_rates"])
