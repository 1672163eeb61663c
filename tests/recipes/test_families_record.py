"""The recorded family on digits: the slope of its curve is -β, where training reaches the curve."""

import json
from pathlib import Path

import torch

from vae_course.pretrained import recorded_runs

RESULTS = Path(__file__).parents[2] / "recipes" / "results" / "families-digits.json"


def test_slope_is_minus_beta_in_the_mean_of_five_seeds():
    record = recorded_runs("families-digits")
    betas = torch.tensor(record["betas"])
    runs = record["family_train"]
    rate, distortion = (
        torch.tensor([run[name] for run in runs]) for name in ("rate", "distortion")
    )
    middle = (betas[1:] * betas[:-1]).sqrt()
    ratio = (-distortion.diff() / rate.diff() / middle).mean(0)
    inside = (middle >= 0.5) & (middle <= 3.5)
    assert len(runs) == 5 and inside.sum() >= 5
    assert ((ratio >= 0.9) & (ratio <= 1.2))[inside].all(), ratio


def test_the_package_has_the_record_of_the_recipe():
    # A reader on Colab has the package, and not the recipes.
    assert recorded_runs("families-digits") == json.loads(RESULTS.read_text(encoding="utf-8"))
