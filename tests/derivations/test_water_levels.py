"""Rate-distortion of Gaussians: the contract."""

import math

import numpy as np
import pytest

from tests.derivations.contract import Contract
from vae_course.derivations import water_levels
from vae_course.derivations.evaluation import closed_form


class TestWaterLevels(Contract):
    module = water_levels


def test_the_test_channel_has_the_fewest_nats_at_numbers():
    """A quarter of the variance is left: one bit, which is half of log 4."""
    derivation = water_levels.gaussian_rate_distortion
    chosen = {water_levels.delta: 0.3, water_levels.u: 0.9, water_levels.sigma: 0.7}
    ends = [closed_form(derivation.steps[k].expression, derivation.setting) for k in (2, 3)]
    assert [float(end.xreplace(chosen)) for end in ends] == pytest.approx([math.log(4) / 2] * 2)


def test_no_split_of_the_error_beats_the_water_level():
    """By a grid over all splits of the same total among three components."""
    eigenvalues, level = np.array([2.0, 1.2, 0.3]), 0.5
    total = 2 * level + eigenvalues[2]
    first, second = np.meshgrid(np.arange(0.02, 1.3, 0.02), np.arange(0.02, 1.2, 0.02))
    third = total - first - second
    allowed = (third > 0) & (third <= eigenvalues[2] + 1e-12)
    splits = np.stack([first, second, third])[:, allowed]
    rates = 0.5 * np.log(eigenvalues[:, None] / splits).sum(0)
    best = splits[:, rates.argmin()]
    assert best == pytest.approx([level, level, eigenvalues[2]], abs=1e-9)
    derivation = water_levels.water_filling
    last = closed_form(derivation.steps[-1].expression, derivation.setting)
    numbers = {water_levels.eigenvalue[k + 1]: value for k, value in enumerate(eigenvalues)}
    value = float(last.xreplace(numbers | {water_levels.above: level - eigenvalues[2]}))
    assert value == pytest.approx(rates.min() + total / (2 * level))
