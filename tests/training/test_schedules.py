"""Weights that change: their values, and what `fit` makes of them."""

import functools
from math import exp

import pytest
import torch

from vae_course.models import mlp_vae
from vae_course.objectives import elbo
from vae_course.random import seeded
from vae_course.training import cyclical, fit, linear, sigmoid

quiet = functools.partial(fit, device="cpu", progress=False, batch_size=20, log_every=1)


def small_vae():
    with seeded(0):
        return mlp_vae((1, 4, 4), hidden=(8,), latent_dim=2), torch.rand(40, 1, 4, 4)


def test_linear_is_a_ramp():
    assert [linear(step, 4, 2.0) for step in range(6)] == [0.0, 0.5, 1.0, 1.5, 2.0, 2.0]
    assert linear(0, 0) == 1.0


def test_sigmoid_is_half_in_the_middle_and_does_not_start_at_zero():
    assert sigmoid(5000, 5000, 500, final=3.0) == 1.5
    for width, start in [(500, 4.54e-5), (2500, 0.1192), (10000, 0.3775)]:
        assert sigmoid(0, 5000, width) == pytest.approx(start, rel=1e-3)
        for step in (0, 100, 4000, 9000):
            assert sigmoid(step, 5000, width) == pytest.approx(1 / (1 + exp((5000 - step) / width)))
    assert sigmoid(0, 5000, 1e-3) == 0.0 and sigmoid(10**9, 5000, 1e-3) == 1.0  # no overflow
    assert sigmoid(6000, 5000, 2500) < sigmoid(6000, 5000, 500)  # a larger width is slower


def test_cyclical_starts_again():
    values = [cyclical(step, 8, rising=0.5, final=2.0) for step in range(17)]
    period = [0.0, 0.5, 1.0, 1.5, 2.0, 2.0, 2.0, 2.0]
    assert values == [*period, *period, 0.0]
    assert [cyclical(step, 4, rising=1.0) for step in range(5)] == [0.0, 0.25, 0.5, 0.75, 0.0]


def test_bad_schedules_are_refused():
    with pytest.raises(ValueError, match="width is 0"):
        sigmoid(1, 10, 0)
    with pytest.raises(ValueError, match="period is 0"):
        cyclical(1, 0)
    with pytest.raises(ValueError, match="rising is 0"):
        cyclical(1, 10, rising=0.0)


def test_fit_asks_for_beta_with_the_number_of_updates_done():
    vae, x = small_vae()
    history = quiet(vae, elbo, x, 6, beta=functools.partial(cyclical, period=4))
    assert history.beta == [0.0, 0.5, 1.0, 1.0, 0.0, 0.5]
    for row in range(6):
        weighted = history.distortion[row] + history.beta[row] * history.rate[row]
        assert history.loss[row] == pytest.approx(weighted, rel=1e-5)


def test_a_warm_up_multiplies_the_schedule():
    vae, x = small_vae()
    history = quiet(vae, elbo, x, 4, beta=lambda updates: 1.0 + updates, warmup=2)
    assert history.beta == [0.0, 1.0, 3.0, 4.0]


def test_a_schedule_that_starts_below_zero_is_refused():
    vae, x = small_vae()
    with pytest.raises(ValueError, match="beta is -1"):
        quiet(vae, elbo, x, 1, beta=lambda updates: -1.0)
