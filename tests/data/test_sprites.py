"""Sprites: the factors can be read off the pictures, and a picture depends on nothing else."""

import math

import pytest
import torch

from tests.data.outlines import coverage
from vae_course.data import load
from vae_course.data.sprites import (
    AREA,
    COUNT,
    LEVELS,
    SHAPES,
    VALUES,
    draw_sprites,
    sprite_factors,
    sprite_index,
    sprites,
)

ELLIPSE, TRIANGLE, HEART = range(3)


def moments(images):
    """Ink, centre (x, y), and E v² of the ink, v = x + iy from the centre; -1 to 1."""
    images = images[:, 0].double()
    size = images.shape[-1]
    grid = (torch.arange(size, dtype=torch.float64) + 0.5) * (2 / size) - 1
    points = torch.complex(grid[None, :].expand(size, size), -grid[:, None].expand(size, size))
    ink = images.sum((1, 2))
    weights = images / ink[:, None, None]
    centre = (weights * points).sum((1, 2))
    second = (weights * (points - centre[:, None, None]) ** 2).sum((1, 2))
    return ink * (2 / size) ** 2, centre.real, centre.imag, second


@pytest.fixture(scope="module")
def some():
    """Levels, values and pictures of 2,000 sprites, at both sizes."""
    data = load("sprites", count=2000, seed=3)
    levels = torch.stack(list(data.factors.values()), dim=1)
    values = {
        name: torch.tensor(VALUES[name], dtype=torch.float64)[data.factors[name]]
        for name in ("scale", "rotation", "x", "y")
    }
    return levels, values, {32: data.images, 64: sprites(sprite_index(levels), size=64)}


@pytest.mark.parametrize(("size", "pixels", "ink_error"), [(32, 0.1, 0.05), (64, 0.06, 0.013)])
def test_position_and_scale_are_the_centre_and_the_ink(some, size, pixels, ink_error):
    _, values, images = some
    ink, x, y, *_ = moments(images[size])
    assert (x - values["x"]).abs().max() < pixels * 2 / size
    assert (y - values["y"]).abs().max() < pixels * 2 / size
    assert (ink / (AREA * values["scale"] ** 2) - 1).abs().max() < ink_error


@pytest.mark.parametrize(("size", "degrees"), [(32, 7.0), (64, 2.5)])
@pytest.mark.parametrize("shape", [ELLIPSE, TRIANGLE], ids=SHAPES[:2])
def test_rotation_is_the_direction_of_the_longest_axis(some, shape, size, degrees):
    levels, values, images = some
    chosen = levels[:, 0] == shape
    *_, second = moments(images[size][chosen])
    angle = (-second).angle() / 2  # E v² is negative where the longest axis is upright
    assert math.degrees((angle - values["rotation"][chosen]).abs().max()) < degrees


@pytest.mark.parametrize("shape", range(3), ids=SHAPES)
def test_a_picture_is_what_its_outline_covers(shape):
    """Pixels are shares of small squares inside a polygon, for sprites of all rotations."""
    angles = range(0, 15, 2)
    levels = torch.tensor([[shape, k % 6, k, (7 * k) % 32, (11 * k) % 32] for k in angles])
    images = sprites(sprite_index(levels))[:, 0].double()
    for image, row in zip(images, levels.tolist(), strict=True):
        _, *values = (VALUES[name][level] for name, level in zip(VALUES, row, strict=True))
        scale, rotation, x, y = values

        def error(turn, image=image, scale=scale, rotation=rotation, x=x, y=y):
            truth = coverage(shape, math.sqrt(AREA) * scale, rotation + turn, x, y, size=32)
            return (image - truth).abs().sum() / image.sum()

        assert error(0) < 0.09  # the rest is the fringe of the outline
        assert error(0) < min(error(math.radians(6)), error(math.radians(-6)))


def test_shapes_are_what_they_are_called():
    """Drawn large, upright: areas equal, centres at 0, second moments of the known figures."""
    half, zero = torch.full((3,), 0.8, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    images = draw_sprites(torch.arange(3), half, zero, zero, zero, size=640)
    ink, x, y, second = moments(images)
    area = AREA * 0.64
    assert (ink / area - 1).abs().max() < 2e-4
    assert x.abs().max() < 1e-4 and y.abs().max() < 1e-4
    # E v² = E x² - E y² + 2i E xy. An ellipse with half axes l/2 and l: l²/16 - l²/4.
    assert abs(second[ELLIPSE] / area + 3 / 16 * 2 / math.pi) < 2e-4
    # A triangle with base w and height h: w²/24 - h²/18.
    assert abs(second[TRIANGLE] / area - (2 / 1.2 / 24 - 2 * 1.2 / 18)) < 2e-4
    assert (images - images.flip(-1)).abs().max() < 1e-9  # left is right
    # The heart: a notch above, two lobes, a tip below. Columns from the left, rows from the top.
    rows = (images[HEART, 0] > 0.5).double()
    top = int(rows.amax(1).nonzero()[0])
    assert rows[top + 3].diff().abs().sum() == 4 and rows[top + 100].diff().abs().sum() == 2
    bottom = int(rows.amax(1).nonzero()[-1])
    assert rows[bottom].sum() <= 2
    # Its width and its height: two discs, and a square on its corner.
    unit = math.sqrt(area / (2 + math.pi / 2)) * 320
    assert abs(rows.amax(0).sum() - (1 + math.sqrt(2)) * unit) < 1.5
    assert abs(bottom - top + 1 - (1.5 + math.sqrt(0.5)) * unit) < 1.5


def test_every_index_has_its_own_levels():
    indices = torch.arange(COUNT)
    levels = sprite_factors(indices)
    assert COUNT == 3 * 6 * 15 * 32 * 32 == 276_480
    assert torch.equal(sprite_index(levels), indices)
    assert levels.min() == 0 and tuple((levels.amax(0) + 1).tolist()) == LEVELS
    assert sprite_factors(torch.tensor([1, 32, 1024]))[:, 2:].tolist() == [
        [0, 0, 1], [0, 1, 0], [1, 0, 0],
    ]  # fmt: skip


def test_no_two_sprites_look_alike():
    """Of one position: sprites of different shape, scale or rotation differ by much ink."""
    position = torch.tensor([13, 18]).expand(270, 2)
    forms = torch.cartesian_prod(*(torch.arange(size) for size in LEVELS[:3]))
    images = sprites(sprite_index(torch.cat([forms, position], dim=1))).flatten(1)
    distance = torch.cdist(images, images) + 99 * torch.eye(270)
    assert distance.min() > 0.3  # two are never within a third of a black pixel


def test_a_picture_is_the_same_alone_or_in_a_batch():
    with torch.random.fork_rng():
        indices = torch.randint(COUNT, (5000,))  # more than are drawn at a time
    together = sprites(indices)
    for k in (0, 1, 2, 3, 4095, 4096, 4999):
        assert torch.equal(sprites(indices[k : k + 1])[0], together[k])
    assert torch.equal(sprites(indices.flip(0)), together.flip(0))
    assert sprites(indices[:0]).shape == (0, 1, 32, 32)


def test_the_data_set_is_made_of_the_sprites_it_names():
    data = load("sprites", "test", size=64, count=50, seed=1)
    levels = torch.stack(list(data.factors.values()), dim=1)
    assert list(data.factors) == list(VALUES) and levels.dtype == torch.int64
    assert torch.equal(data.images, sprites(sprite_index(levels), size=64))
    assert torch.equal(data.labels, levels[:, 0]) and data.class_names == SHAPES
    assert len(load("sprites")) == 10_000 and len(load("sprites", "test")) == 2_000


def test_sprite_i_does_not_depend_on_count_and_splits_share_nothing():
    many = load("sprites", count=300)
    assert torch.equal(many.images[:50], load("sprites", count=50).images)

    def indices(split, seed, count):
        factors = load("sprites", split, count=count, seed=seed).factors
        return sprite_index(torch.stack(list(factors.values()), dim=1))

    test = {seed: indices("test", seed, COUNT // 10) for seed in (0, 1)}
    assert torch.equal(test[0].sort()[0], test[1].sort()[0])  # all there are, in another order
    assert not torch.equal(test[0], test[1])
    for seed in (0, 1):
        train = indices("train", seed, 20_000)
        assert len(train.unique()) == 20_000
        assert not torch.isin(train, test[1 - seed]).any()


def test_shapes_keep_inside_the_picture():
    corners = torch.cartesian_prod(
        torch.arange(3), torch.tensor([5]), torch.arange(15), torch.tensor([0, 31]),
        torch.tensor([0, 31]),
    )  # fmt: skip
    images = sprites(sprite_index(corners))
    assert images[..., [0, -1], :].max() == 0 and images[..., [0, -1]].max() == 0
    assert images.amax((1, 2, 3)).min() == 1


@pytest.mark.dtypes("float32", "float64")
def test_off_the_grid_on_every_device(device, dtype):
    values = [torch.tensor([value], dtype=dtype, device=device) for value in (0.77, 0.1, 0.2, -0.3)]
    image = draw_sprites(torch.tensor([2], device=device), *values, size=48)
    assert image.shape == (1, 1, 48, 48) and image.dtype == dtype and image.device == device
    ink, x, y, *_ = moments(image.cpu())
    assert abs(x - 0.2) < 0.01 and abs(y + 0.3) < 0.01 and abs(ink / (AREA * 0.77**2) - 1) < 0.03
    assert sprites(torch.tensor([0, 9], device=device)).device == device


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 0}, "count must be a whole number of at least 1, got 0"),
        ({"count": 248_833}, "count is 248,833; the train split has 248,832 sprites"),
        ({"count": 5, "seed": -1}, "seed must be a whole number of at least 0"),
        ({"count": 5, "size": 28}, "size is 28; sprites are 32 or 64 pixels wide"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        load("sprites", **options)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sprites(torch.tensor([COUNT])), r"indices must be in 0 ... 276,479"),
        (lambda: sprites(torch.tensor([-1])), "indices must be in 0"),
        (lambda: sprites(torch.tensor([0.5])), "indices must be an int64 tensor of 1 dim"),
        (lambda: sprite_index(torch.tensor([[0, 0, 15, 0, 0]])), "levels must be .* less than"),
        (lambda: sprite_index(torch.tensor([[0, 0, 0, 0]])), r"levels must be \(N, 5\)"),
        (
            lambda: draw_sprites(torch.tensor([3]), *[torch.zeros(1)] * 4),
            "shape must be 0, 1 or 2",
        ),
        (
            lambda: draw_sprites(torch.tensor([0]), *[torch.zeros(2)] * 4),
            r"scale has shape \(2,\) .* needs \(1,\)",
        ),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
