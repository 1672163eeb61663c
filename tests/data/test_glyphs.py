"""Glyphs: the factors are really what the images are made of."""

import hashlib
import math

import numpy as np
import pytest
import torch

from tests.statistics import assert_frequencies, assert_z
from vae_course.data import glyphs, load
from vae_course.data.glyphs import CAPITALS, DIGITS, FONTS, RANGES, UPRIGHT_FONTS, draw

ROWS = 13.5 - torch.arange(28, dtype=torch.float64)  # upwards from the centre
COLUMNS = torch.arange(28, dtype=torch.float64) - 13.5


def moments(images):
    """Ink, centroid (x, y) and the covariance of where the ink is: xx, yy, xy."""
    images = images[:, 0].double()
    ink = images.sum((1, 2))
    of_columns, of_rows = images.sum(1) / ink[:, None], images.sum(2) / ink[:, None]
    x, y = of_columns @ COLUMNS, of_rows @ ROWS
    # A pixel is a square, which has a variance of 1/12 of its own.
    xx, yy = of_columns @ COLUMNS**2 - x**2 - 1 / 12, of_rows @ ROWS**2 - y**2 - 1 / 12
    xy = torch.einsum("nrc,r,c->n", images, ROWS, COLUMNS) / ink - x * y
    return ink, x, y, xx, yy, xy


def sweep(name, character="I", font="DejaVuSans", **others):
    """Draw one character at 9 values across the range of a factor."""
    values = np.linspace(*RANGES[name], 9)
    images = draw(character * 9, font, **{name: values}, **others)
    return torch.from_numpy(values), images


# The capital I of DejaVu Sans is a rectangle, 17 high and about 2.3 wide, so the truth is known.


def test_thickness_is_the_pixels_added_to_the_stroke():
    t, images = sweep("thickness")
    ink = moments(images)[0]
    width, height = ink[0] / 17, 17  # without the factor
    rounded_corners = (4 - math.pi) * t**2 / 4
    expected = (width + t) * (height + t) - rounded_corners
    assert (ink - expected).abs().max() < 0.3  # pixels of ink, of 39 to 80


def test_rotation_turns_the_axis_anticlockwise():
    angle, images = sweep("rotation")
    *_, xx, yy, xy = moments(images)
    assert (0.5 * torch.atan2(-2 * xy, yy - xx) - angle).abs().max() < 0.006


def test_slant_leans_to_the_right_and_keeps_the_height():
    angle, images = sweep("slant")
    *_, yy, xy = moments(images)
    assert (xy / yy - torch.tan(angle)).abs().max() < 0.004
    assert (yy - yy[4]).abs().max() < 0.01


def test_position_moves_the_centroid_right_and_up():
    for name in ("x", "y"):
        value, images = sweep(name, character="8")
        _, x, y, *_ = moments(images)
        moved, still = (x, y) if name == "x" else (y, x)
        assert (moved - moved[4] - value).abs().max() < 0.01
        assert (still - still[4]).abs().max() < 0.01


def test_the_factors_of_random_glyphs_have_their_effects():
    """Setting one factor of each glyph to zero changes what it should, by as much as it should."""
    data = load("glyphs", count=300, characters=DIGITS + CAPITALS)
    characters = [data.class_names[k] for k in data.factors["class"]]
    fonts = [FONTS[k] for k in data.factors["font"]]
    factors = {name: data.factors[name].numpy() for name in RANGES}

    def without(name):
        return moments(draw(characters, fonts, **(factors | {name: 0.0})))

    ink, x, y, *_ = moments(data.images)
    inside = data.images[:, 0, [0, -1], :].amax((1, 2)) + data.images[..., [0, -1]].amax((1, 2, 3))
    inside = inside == 0  # what is cut off at the border has another centroid
    assert inside.float().mean() > 0.95
    assert (x - without("x")[1] - data.factors["x"])[inside].abs().max() < 0.05
    assert (y - without("y")[2] - data.factors["y"])[inside].abs().max() < 0.05
    # The pen adds its width times half the length of the outline: half the width, half the ink.
    bare = without("thickness")[0]
    half = moments(draw(characters, fonts, **(factors | {"thickness": factors["thickness"] / 2})))
    ratio = ((half[0] - bare) / (ink - bare))[data.factors["thickness"] > 0.3]
    assert 0.45 < ratio.min() and ratio.max() < 0.55
    assert torch.equal(data.images, draw(characters, fonts, **factors))


def test_factors_are_uniform_and_independent(seed):
    n = 20_000
    factors = load("glyphs", count=n, seed=seed).factors
    assert list(factors) == ["class", *RANGES, "font"]
    standard = []
    for name, values in factors.items():
        values = values.double()
        assert factors[name].dtype == (torch.float32 if name in RANGES else torch.int64)
        if name in RANGES:
            low, high = RANGES[name]
            assert low <= values.min() < low + 0.001 * (high - low)
            assert high - 0.001 * (high - low) < values.max() <= high
            unit = (values - low) / (high - low)
            assert_z(unit.mean(), 1 / 2, (1 / 12 / n) ** 0.5, detects=0.03)
            assert_z((unit - 0.5).square().mean(), 1 / 12, (1 / 180 / n) ** 0.5, detects=0.01)
            standard.append((unit - 0.5) * 12**0.5)
        else:
            k = 10 if name == "class" else len(UPRIGHT_FONTS)
            assert_frequencies(values, torch.arange(k), torch.full((k,), 1 / k), detects=0.04)
            assert set(values.tolist()) == set(range(k))
            standard.append((values - (k - 1) / 2) / ((k**2 - 1) / 12) ** 0.5)
    pairs = torch.combinations(torch.arange(7))
    standard = torch.stack(standard)
    products = standard[pairs[:, 0]] * standard[pairs[:, 1]]
    assert_z(products.mean(1), 0.0, n**-0.5, detects=0.1)


def test_a_sample_is_the_same_for_ever():
    """Drawn with the versions in requirements.txt. If a new matplotlib draws otherwise, look at
    the glyphs, then write the new sum here and in the changelog: trained weights depend on it."""
    images = load("glyphs", count=64, seed=7, characters=DIGITS + CAPITALS, fonts=FONTS).images
    pixels = (images * 255).round().byte()
    assert torch.equal(pixels.float() / 255, images)  # 256 grey levels, no more
    digest = hashlib.sha256(pixels.numpy().tobytes()).hexdigest()
    assert digest == "95c2b1935507683c724aaace6b9ea256d55a396dfa83f15073f4911ef478d08b"


def test_glyph_i_does_not_depend_on_count():
    many = load("glyphs", count=500)  # more than fit on one canvas
    few = load("glyphs", count=150)
    assert torch.equal(many.images[:150], few.images)
    for name, values in few.factors.items():
        assert torch.equal(many.factors[name][:150], values)
    one = draw([many.class_names[many.labels[400]]], [FONTS[many.factors["font"][400]]],
               **{name: many.factors[name][400].item() for name in RANGES})  # fmt: skip
    assert torch.equal(one[0], many.images[400])


def test_splits_and_seeds_have_nothing_in_common():
    sets = [
        load("glyphs", split, count=2000, seed=s) for split in ("train", "test") for s in (0, 1)
    ]
    for name in RANGES:
        values = torch.cat([data.factors[name] for data in sets]).double()
        # float32 has a resolution: a few of 8,000 values meet by chance, not more.
        assert len(values.unique()) > 7990
    pictures = {image.numpy().tobytes() for data in sets for image in data.images}
    assert len(pictures) == 8000
    assert len(load("glyphs")) == 10_000 and len(load("glyphs", "test")) == 2_000


def test_digits_keep_off_the_border_and_stay_centred():
    images = load("glyphs", count=5000).images
    assert images[:, :, [0, -1], :].max() == 0 and images[:, :, :, [0, -1]].max() == 0
    _, x, y, *_ = moments(images.mean(0, keepdim=True))
    assert abs(x) < 0.5 and abs(y) < 0.5
    plain = draw(DIGITS + CAPITALS, "DejaVuSans")
    for image, character in zip(plain[:, 0], DIGITS + CAPITALS, strict=True):
        box = (image > 0.02).nonzero()
        (top, left), (bottom, right) = box.amin(0).tolist(), box.amax(0).tolist()
        assert abs(top + bottom - 27) <= 1 and abs(left + right - 27) <= 1, character
        assert 17 <= max(bottom - top, right - left) + 1 <= 19, character


def test_the_right_way_round():
    seven, ell, tee = draw("7LT", "DejaVuSans")[:, 0]
    assert seven[:14].sum() > 1.3 * seven[14:].sum()
    assert ell[14:].sum() > 1.3 * ell[:14].sum() and ell[:, :14].sum() > 1.3 * ell[:, 14:].sum()
    assert (tee - tee.flip(1)).abs().max() < 0.02  # symmetric


@pytest.mark.parametrize("font", FONTS)
def test_every_font_draws_every_plain_character_and_no_two_alike(font):
    characters = DIGITS + CAPITALS + CAPITALS.lower()
    images = draw(characters, font)
    assert (images.sum((1, 2, 3)) > 15).all()
    distance = torch.cdist(images.flatten(1), images.flatten(1)) + 99 * torch.eye(len(characters))
    assert distance.min() > 0.5
    assert (images.amax((1, 2, 3)) > 0.45).all()


def test_lower_case_keeps_its_size():
    x, g, capital = draw("xgX", "DejaVuSans")[:, 0]

    def height(image):
        return int((image.amax(1) > 0.02).sum())

    assert height(x) < 0.8 * height(capital)
    assert height(x) < height(g)


def test_classes_and_fonts_follow_the_options():
    data = load("glyphs", count=400, characters="Qz", fonts=["cmr10", "cmb10"])
    assert data.class_names == ("Q", "z")
    assert set(data.labels.tolist()) == {0, 1} and torch.equal(data.labels, data.factors["class"])
    assert {FONTS[k] for k in data.factors["font"]} == {"cmr10", "cmb10"}
    assert "2 fonts" in data.source and "seed 0" in data.source
    assert len(load("glyphs", count=3, fonts="cmr10")) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 0}, "count must be a whole number of at least 1, got 0"),
        ({"count": 2.5}, "count must be a whole number"),
        ({"seed": -1}, "seed must be a whole number of at least 0"),
        ({"characters": ""}, "characters must be distinct and at least one"),
        ({"characters": "ABA"}, "characters must be distinct"),
        ({"characters": "A B"}, "' ' is blank"),
        ({"characters": "A中"}, "the font DejaVuSans has no '中'"),
        ({"characters": ["A", "BC"]}, "has no 'BC'"),
        ({"characters": "Aя", "fonts": ["DejaVuSans", "cmr10"]}, "the font cmr10 has no 'я'"),
        ({"fonts": "Comic Sans"}, "unknown font 'Comic Sans'; known are: DejaVuSans,"),
        ({"fonts": ["cmsy10"]}, "unknown font 'cmsy10'"),
        ({"fonts": []}, "fonts must be distinct and at least one"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        load("glyphs", **({"count": 5} | options))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"slant": [0.1, 0.2]}, r"slant has shape \(2,\), needs one finite value or 3"),
        ({"x": math.nan}, "x has shape .* needs one finite value"),
        ({"thickness": -1}, "thickness must not be negative"),
        ({"fonts": ["cmr10"]}, "fonts has 1 entries for 3 characters"),
    ],
)
def test_bad_drawing(options, message):
    with pytest.raises(ValueError, match=message):
        draw("ABC", **options)
    assert draw("").shape == (0, 1, 28, 28)


def test_what_leaves_its_picture_does_not_reach_the_next():
    far = draw("MMM", "DejaVuSans", x=[0.0, 20.0, 0.0], y=[0.0, 20.0, 0.0])
    alone = draw("M", "DejaVuSans")
    assert torch.equal(far[0], alone[0]) and torch.equal(far[2], alone[0])
    assert glyphs.draw("M", "DejaVuSans", x=40.0).sum() == 0
