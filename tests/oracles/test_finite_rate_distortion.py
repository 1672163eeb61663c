"""Blahut–Arimoto: against the closed forms of three sources, and against other channels."""

from math import log

import pytest
import torch

from vae_course.oracles import blahut_arimoto, gaussian_rate
from vae_course.random import seeded


def entropy(p: float) -> float:
    return -sum(a * log(a) for a in (p, 1 - p) if a > 0)


def hamming(letters: int, device, dtype):
    return 1 - torch.eye(letters, dtype=dtype, device=device)


@pytest.mark.parametrize("p", [0.5, 0.2, 0.9])
@pytest.mark.parametrize("slope", [0.15, 0.3, 0.4])
def test_binary_source_with_hamming_distortion(device, dtype, p, slope):
    source = torch.tensor([p, 1 - p], dtype=dtype, device=device)
    point = blahut_arimoto(source, hamming(2, device, dtype), slope, 1e-10)
    d = point.distortion.item()
    assert 0 < d < min(p, 1 - p)
    assert point.rate.item() == pytest.approx(entropy(p) - entropy(d), abs=1e-9)
    # The slope of h(p) - h(d) is -log((1 - d) / d) nats per error.
    assert log((1 - d) / d) == pytest.approx(1 / slope, abs=1e-5)


def test_a_nat_may_be_worth_too_little(device, dtype):
    source = torch.tensor([0.2, 0.8], dtype=dtype, device=device)
    point = blahut_arimoto(source, hamming(2, device, dtype), slope=3.0)
    assert point.rate.item() < 1e-7
    assert point.distortion.item() == pytest.approx(0.2, abs=1e-6)


def test_letters_that_are_all_alike(device, dtype):
    # M equally likely letters: R(d) = log M - h(d) - d log(M - 1). Cover & Thomas 2006, 10.5.
    M = 5
    source = torch.full((M,), 1 / M, dtype=dtype, device=device)
    point = blahut_arimoto(source, hamming(M, device, dtype), slope=0.4)
    d = point.distortion.item()
    assert point.rate.item() == pytest.approx(log(M) - entropy(d) - d * log(M - 1), abs=1e-8)


def test_a_finely_divided_gaussian_has_the_gaussian_curve(device, dtype):
    x = torch.linspace(-6, 6, 121, dtype=dtype, device=device)
    source = torch.softmax(-(x**2) / 2, 0)
    one = torch.ones(1, dtype=dtype, device=device)
    for slope in (0.8, 1.2):  # 2h: the level is h = 0.4, 0.6
        point = blahut_arimoto(source, (x[:, None] - x) ** 2, slope, 1e-5, 5000)
        assert point.gap < 1e-5
        rate = gaussian_rate(one, point.distortion).item()
        assert point.rate.item() == pytest.approx(rate, abs=1e-5)
        assert point.distortion.item() == pytest.approx(slope / 2, abs=1e-4)


def lagrangian(source, distortion, slope, channel):
    """Information and distortion of any channel, by their definitions."""
    joint = source[:, None] * channel
    independent = source[:, None] * joint.sum(0)
    information = torch.where(joint > 0, joint * (joint / independent).log(), 0.0).sum()
    return information, (joint * distortion).sum(), information + (joint * distortion).sum() / slope


@pytest.mark.dtypes("float64", "float32")
def test_no_other_channel_is_better_and_the_gap_is_a_certificate(device, dtype):
    with seeded(0):
        source = torch.softmax(torch.randn(4, dtype=dtype), 0).to(device)
        table = torch.rand(4, 3, dtype=dtype).to(device)
        others = torch.softmax(3 * torch.randn(2000, 4, 3, dtype=dtype), -1).to(device)
    tight = blahut_arimoto(source, table, 0.1, tolerance=1e-6)
    information, mean, best = lagrangian(source, table, 0.1, tight.channel)
    torch.testing.assert_close(tight.rate, information, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(tight.distortion, mean)
    torch.testing.assert_close(tight.channel.sum(1), torch.ones_like(source))
    for channel in others:
        assert lagrangian(source, table, 0.1, channel)[2] > best - 1e-5
    nearby = 0.98 * tight.channel + 0.02 * others
    for channel in nearby:
        assert lagrangian(source, table, 0.1, channel)[2] > best - 1e-5
    # Stopped early, it is off, and by no more than it admits.
    for steps in (1, 3, 10):
        early = blahut_arimoto(source, table, 0.1, 1e-12, max_steps=steps)
        value = lagrangian(source, table, 0.1, early.channel)[2]
        assert value - best < early.gap + 1e-5
        assert steps > 1 or value - best > 0.05


def test_a_letter_that_never_comes_and_one_that_is_never_used(device, dtype):
    source = torch.tensor([0.5, 0.5, 0.0], dtype=dtype, device=device)
    point = blahut_arimoto(source, hamming(3, device, dtype), slope=0.3)
    two = blahut_arimoto(source[:2], hamming(2, device, dtype), slope=0.3)
    assert point.rate.isfinite() and point.rate.item() == pytest.approx(two.rate.item(), abs=1e-7)


def test_bad_input_is_named():
    source, table = torch.tensor([0.5, 0.5]), torch.ones(2, 3)
    for arguments, message in [
        ((torch.tensor([0.5, 0.6]), table, 1.0), "source has a sum of 1.1"),
        ((source, torch.ones(3, 2), 1.0), r"distortion has shape \(3, 2\), needs \(2, C\)"),
        ((source, -table, 1.0), "distortion has a negative number"),
        ((source, table, 0.0), "slope is 0.0, needs a positive"),
        ((source, table, 1.0, 1e-8, 0), "max_steps must be a whole number"),
    ]:
        with pytest.raises(ValueError, match=message):
            blahut_arimoto(*arguments)
