"""controls.js: what can be tested without a page."""

import torch

from tests.statistics import assert_z
from tests.widgets.node import run_module


def test_samples_of_the_prior_are_standard_normal(seed):
    """Mean, variance and fourth moment, and no dependence between one number and the next."""
    code = "const draw = js.normals(data); return Array.from({ length: 100000 }, draw)"
    x = torch.tensor(run_module("controls.js", code, 1 + seed), dtype=torch.float64)
    root = len(x) ** 0.5
    assert_z(x.mean(), 0, 1 / root, detects=0.04)
    assert_z(x.square().mean(), 1, 2**0.5 / root, detects=0.06)
    assert_z((x**4).mean(), 3, 96**0.5 / root, detects=0.4)  # 96 = E x^8 - (E x^4)^2
    assert_z((x[1:] * x[:-1]).mean(), 0, 1 / root, detects=0.04)


def test_uniform_numbers_stay_inside_the_open_interval():
    """log(0) would be a sample at infinity."""
    code = """
        const draw = js.uniforms(data);
        const numbers = Array.from({ length: 1000000 }, draw);
        return [numbers.reduce((a, b) => Math.min(a, b)), numbers.reduce((a, b) => Math.max(a, b))];
    """
    smallest, largest = run_module("controls.js", code, 7)
    assert 0 < smallest < 1e-4 and 1 - 1e-4 < largest < 1


def test_one_seed_one_sequence():
    code = """
        const draws = (seed) => Array.from({ length: 5 }, js.normals(seed));
        return [draws(1), draws(1), draws(2)];
    """
    first, again, other = run_module("controls.js", code, None)
    assert first == again != other
