"""Bits with the right probabilities."""

import pytest
import torch

from tests.statistics import assert_z
from vae_course.data import binarise, fixed_binarise


@pytest.mark.parametrize("how", ["fresh", "fixed"])
def test_a_pixel_is_one_with_its_own_probability(device, seed, how):
    n = 40_000
    p = torch.linspace(0.02, 0.98, 49, device=device)
    images = p.expand(n, 49)
    if how == "fresh":
        bits = binarise(images, torch.Generator(device).manual_seed(seed))
    else:
        bits = fixed_binarise(images, seed=seed)
    assert bits.device == images.device and set(bits.unique().tolist()) == {0.0, 1.0}
    assert_z(bits.double().mean(0), p, (p * (1 - p) / n).sqrt(), detects=0.03)


def test_pixels_are_independent_of_each_other(device, seed):
    bits = binarise(
        torch.full((20_000, 1, 2, 2), 0.5, device=device), torch.Generator(device).manual_seed(seed)
    )
    bits = bits.flatten(1).double().cpu()
    pairs = torch.combinations(torch.arange(4))
    agree = (bits[:, pairs[:, 0]] == bits[:, pairs[:, 1]]).double()
    assert_z(agree.mean(0), 0.5, 0.5 / 20_000**0.5, detects=0.04)
    # Nor of the image before.
    assert_z((bits[1:] == bits[:-1]).double().mean(0), 0.5, 0.5 / 19_999**0.5, detects=0.04)


@pytest.mark.dtypes("float32", "float64", "float16", "bfloat16")
def test_shape_dtype_device_and_certain_pixels(device, dtype):
    images = torch.tensor([0.0, 1.0], device=device, dtype=dtype).repeat(3, 1, 40, 40)
    for bits in (binarise(images), fixed_binarise(images), fixed_binarise(images, threshold=0.5)):
        assert bits.dtype == dtype and bits.device == images.device
        assert torch.equal(bits, images)  # black and white stay what they are


def test_fresh_bits_differ_each_time_and_follow_the_generator():
    images = torch.full((2, 1, 28, 28), 0.5)
    assert not torch.equal(binarise(images), binarise(images))
    one, two = torch.Generator().manual_seed(3), torch.Generator().manual_seed(3)
    state = torch.get_rng_state()
    first = binarise(images, one)
    assert torch.equal(first, binarise(images, two))
    assert not torch.equal(first, binarise(images, one))
    assert torch.equal(torch.get_rng_state(), state)


def test_fixed_bits_are_fixed_by_the_seed_alone(device):
    images = torch.full((2, 1, 28, 28), 0.5)
    state = torch.get_rng_state()
    first = fixed_binarise(images)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(1)
    assert torch.equal(first, fixed_binarise(images, seed=0))
    assert not torch.equal(first, fixed_binarise(images, seed=1))
    assert torch.equal(first, fixed_binarise(images.to(device)).cpu())


def test_threshold():
    images = torch.tensor([0.0, 0.2, 0.5, 0.500001, 1.0])
    assert fixed_binarise(images, threshold=0.5).tolist() == [0, 0, 0, 1, 1]
    assert fixed_binarise(images, threshold=0).tolist() == [0, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: binarise((x * 255).byte()), "images must be a floating-point tensor.*uint8"),
        (lambda x: fixed_binarise(x.long()), "images must be a floating-point tensor.*int64"),
        (lambda x: binarise([0.5]), "images must be a floating-point tensor, got list"),
        (lambda x: fixed_binarise(x * 255), r"images must be in \[0, 1\].* from 0 to 255"),
        (lambda x: fixed_binarise(x - 0.5), r"images must be in \[0, 1\].* from -0.5 to 0.5"),
        (lambda x: fixed_binarise(x * torch.nan), r"images must be in \[0, 1\].*nan"),
        (lambda x: fixed_binarise(x, threshold=1.0), r"threshold must be in \[0, 1\), got 1.0"),
        (lambda x: fixed_binarise(x, threshold=127), r"threshold must be in \[0, 1\), got 127"),
        (lambda x: fixed_binarise(x, seed=-1), "seed must be a whole number of at least 0"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call(torch.tensor([0.0, 0.5, 1.0]))
