r"""Sprites: three shapes, drawn from five factors that are independent and known exactly.

A picture is the square $[-1, 1]^2$, and a pixel at u shows the shape's own point

$$ v = \frac{1}{s}\, R(-\alpha)\,\big(u - (x, y)\big) $$

with scale s, rotation $\alpha$ and centre (x, y). Its ink is $\tfrac12 - d$ between 0 and 1, where d is
the distance of v to the outline in pixels, negative inside. All shapes have the same area and
their centre of mass at v = 0, so position and ink say nothing about the shape. None looks the same
twice between -42° and 42°, so the picture tells all five factors. (In dSprites, Matthey et al.
2017, a square is turned by up to 360°, and looks the same four times.)

The factors take the values of a grid, 3 × 6 × 15 × 32 × 32 = 276,480 pictures in all, and each is
drawn from its index: nothing is stored.
"""  # noqa: E501

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from vae_course.checks import require, require_count
from vae_course.data.dataset import Dataset

SHAPES = ("ellipse", "triangle", "heart")
# What the levels of each factor are. Lengths are of a picture that goes from -1 to 1.
VALUES = {
    "shape": SHAPES,
    "scale": tuple((5 + k) / 10 for k in range(6)),  # of the largest, 0.5 to 1
    "rotation": tuple(math.radians(6 * k - 42) for k in range(15)),  # radians, anticlockwise
    "x": tuple(0.4 * (2 * k - 31) / 31 for k in range(32)),  # to the right of the centre
    "y": tuple(0.4 * (2 * k - 31) / 31 for k in range(32)),  # above the centre
}
LEVELS = tuple(len(values) for values in VALUES.values())  # 3, 6, 15, 32, 32
COUNT = math.prod(LEVELS)  # 276,480
AREA = 0.52**2  # of every shape at scale 1, where the whole picture has 4

_SIZES = (32, 64)
_TEST = COUNT // 10  # so many combinations of factors are never in the training split
_CHUNK = 4096  # pictures drawn at a time, which bounds the memory


def load_sprites(
    split: str = "train", size: int = 32, count: int | None = None, seed: int = 0
) -> Dataset:
    """Choose `count` different sprites (10,000 for training, 2,000 for testing if not given).

    size  of the pictures: 32 or 64
    seed  which sprites are chosen, and in which order; the splits never share a sprite,
          whatever the seeds

    Sprite i is the same whatever `count` is. Factors: shape, scale, rotation, x, y, each as its
    level, a whole number that counts from 0; `VALUES` says what the levels are.
    """
    if count is None:
        count = 2_000 if split == "test" else 10_000
    require_count("count", count)
    require_count("seed", seed, least=0)
    available = _TEST if split == "test" else COUNT - _TEST
    require(count <= available, f"count is {count:,}; the {split} split has {available:,} sprites")
    everything = np.random.Generator(np.random.PCG64(0)).permutation(COUNT)  # the same for ever
    members = everything[:_TEST] if split == "test" else everything[_TEST:]
    indices = torch.from_numpy(np.random.Generator(np.random.PCG64(seed)).permutation(members))
    indices = indices[:count].clone()
    levels = sprite_factors(indices)
    return Dataset(
        name="sprites",
        split=split,
        images=sprites(indices, size),
        labels=levels[:, 0].clone(),
        class_names=SHAPES,
        source=f"{count:,} of {COUNT:,} on a grid of five factors, seed {seed}",
        factors={name: levels[:, k].clone() for k, name in enumerate(VALUES)},
    )


def sprite_factors(indices: Tensor) -> Tensor:
    """The levels of shape, scale, rotation, x, y: `(N, 5)` int64 for indices `(N,)`; y is fastest.

    Raises `ValueError` for an index outside 0 ... 276,479.
    """
    _require_whole("indices", indices, dimensions=1)
    require(
        bool(((indices >= 0) & (indices < COUNT)).all()),
        f"indices must be in 0 ... {COUNT - 1:,}",
    )
    levels = []
    for size in reversed(LEVELS):
        levels.append(indices % size)
        indices = indices // size
    return torch.stack(levels[::-1], dim=1)


def sprite_index(levels: Tensor) -> Tensor:
    """The index `(N,)` of each row of levels `(N, 5)`: the inverse of `sprite_factors`."""
    _require_whole("levels", levels, dimensions=2)
    sizes = torch.tensor(LEVELS, device=levels.device)
    require(
        levels.shape[1] == len(LEVELS) and bool(((levels >= 0) & (levels < sizes)).all()),
        f"levels must be (N, 5), each from 0 to one less than {LEVELS}",
    )
    index = torch.zeros_like(levels[:, 0])
    for k, size in enumerate(LEVELS):
        index = index * size + levels[:, k]
    return index


def sprites(indices: Tensor, size: int = 32) -> Tensor:
    """The sprites of these indices: `(N, 1, size, size)` float32 in [0, 1], `size` 32 or 64."""
    require(size in _SIZES, f"size is {size!r}; sprites are 32 or 64 pixels wide")
    shape, *levels = sprite_factors(indices).unbind(1)
    scale, rotation, x, y = (
        torch.tensor(VALUES[name], device=indices.device)[level]
        for name, level in zip(("scale", "rotation", "x", "y"), levels, strict=True)
    )
    return draw_sprites(shape, scale, rotation, x, y, size)


def draw_sprites(
    shape: Tensor, scale: Tensor, rotation: Tensor, x: Tensor, y: Tensor, size: int = 32
) -> Tensor:
    """Draw sprites off the grid: `(N, 1, size, size)` in [0, 1], in the dtype of `scale`.

    `shape` is an index into `SHAPES`; units of the others as in `VALUES`; each is `(N,)`.
    """
    _require_whole("shape", shape, dimensions=1)
    require(bool(((shape >= 0) & (shape < len(SHAPES))).all()), "shape must be 0, 1 or 2")
    columns = {"scale": scale, "rotation": rotation, "x": x, "y": y}
    for name, values in columns.items():
        require(
            values.shape == shape.shape and values.is_floating_point(),
            f"{name} has shape {tuple(values.shape)} and dtype {values.dtype}, "
            f"needs {tuple(shape.shape)} and a floating-point dtype",
        )
    require_count("size", size)
    images = scale.new_empty(len(shape), 1, size, size)
    for start in range(0, len(shape), _CHUNK):
        part = slice(start, start + _CHUNK)
        for k, distance in enumerate((_ellipse, _triangle, _heart)):
            chosen = start + (shape[part] == k).nonzero()[:, 0]
            rows = (values[chosen] for values in columns.values())
            images[chosen, 0] = _ink(distance, *rows, size)
    return images


def _ink(distance: Callable, scale, rotation, x, y, size: int) -> Tensor:
    """Ink `(N, size, size)` of one shape, from the distance to its outline."""
    grid = (torch.arange(size, dtype=scale.dtype, device=scale.device) + 0.5) * (2 / size) - 1
    right = grid[None, :] - x[:, None]  # of each column
    up = -grid[None, :] - y[:, None]  # of each row: rows count downwards
    cosine, sine = rotation.cos()[:, None], rotation.sin()[:, None]
    length = math.sqrt(AREA) * scale[:, None, None]  # of the side of a square of the same area
    a = ((cosine * right)[:, None, :] + (sine * up)[:, :, None]) / length
    b = ((cosine * up)[:, :, None] - (sine * right)[:, None, :]) / length
    return (0.5 - distance(a, b) * length * (size / 2)).clamp(0, 1)


# Distances to the outlines of shapes of area 1, upright, centre of mass at (0, 0) ---------------

_LONG = math.sqrt(2 / math.pi)  # the ellipse's half axes: this, upright, and half of it
_HEIGHT = math.sqrt(2 * 1.2)  # the triangle's height is 1.2 times its base
_HALF = math.sqrt(1 / (2 + math.pi / 2))  # half the diagonal of the square in the heart
# The heart's centre of mass is so far above the centre of that square.
_RISE = _HALF * (math.pi / 4 + 1 / 3) / (2 + math.pi / 2)


def _ellipse(a: Tensor, b: Tensor) -> Tensor:
    """The level of $|(2a, b)| / l$ above 1 over its slope: exact to first order at the outline."""
    level = ((2 * a).square() + b.square()).sqrt() / _LONG
    slope = ((4 * a).square() + b.square()).sqrt() / _LONG**2
    return level * (level - 1) / slope.clamp_min(1e-6)


def _triangle(a: Tensor, b: Tensor) -> Tensor:
    """The distance to the nearest point of the base or of a side, negative if inside of both."""
    a, corner, below, apex = a.abs(), _HEIGHT / 2.4, _HEIGHT / 3, _HEIGHT * 2 / 3
    to_base = torch.hypot((a - corner).clamp_min(0), b + below)
    along = (a * corner + (apex - b) * _HEIGHT) / (
        corner**2 + _HEIGHT**2
    )  # 0 on top, 1 at the base
    along = along.clamp(0, 1)
    to_side = torch.hypot(a - along * corner, b - apex + along * _HEIGHT)
    inside = (b > -below) & (a * _HEIGHT < (apex - b) * corner)
    distance = torch.minimum(to_base, to_side)
    return torch.where(inside, -distance, distance)


def _heart(a: Tensor, b: Tensor) -> Tensor:
    """The nearest of a square on its corner and a disc on each of its two upper sides."""
    a, b = a.abs(), b + _RISE
    square = (a + b.abs() - _HALF) / math.sqrt(2)
    disc = ((a - _HALF / 2).square() + (b - _HALF / 2).square()).sqrt() - _HALF / math.sqrt(2)
    return torch.minimum(square, disc)


def _require_whole(name: str, value, dimensions: int) -> None:
    require(
        isinstance(value, Tensor) and value.dtype == torch.int64 and value.dim() == dimensions,
        f"{name} must be an int64 tensor of {dimensions} dimensions",
    )
