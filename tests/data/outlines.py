"""The sprites' shapes once more, as polygons: how much of each pixel they cover."""

import math

import numpy as np
import torch
from matplotlib.path import Path


def outline(shape: int) -> np.ndarray:
    """The corners of a polygon of area 1, its centre of mass at (0, 0), upright: (M, 2)."""
    if shape == 0:
        t = np.linspace(0, 2 * np.pi, 200, endpoint=False)
        points = np.stack([0.5 * np.cos(t), np.sin(t)], axis=1)
    elif shape == 1:
        points = np.array([[-0.5, 0.0], [0.5, 0.0], [0.0, 1.2]])
    else:  # from the tip at (0, -1), round both lobes
        t = np.linspace(-np.pi / 4, 3 * np.pi / 4, 100)
        right = np.stack([np.cos(t), np.sin(t)], axis=1) * math.sqrt(0.5) + 0.5
        points = np.concatenate([[[0.0, -1.0]], right, right[::-1] * [-1, 1]])
    x, y = points.T
    cross = x * np.roll(y, -1) - np.roll(x, -1) * y
    area = cross.sum() / 2
    centre = [((v + np.roll(v, -1)) * cross).sum() / (6 * area) for v in (x, y)]
    return (points - centre) / math.sqrt(abs(area))


def coverage(shape, length, rotation, x, y, size, fine=8) -> torch.Tensor:
    """The share of each pixel inside the polygon, by `fine`² points a pixel: (size, size)."""
    cosine, sine = math.cos(rotation), math.sin(rotation)
    turn = np.array([[cosine, -sine], [sine, cosine]])
    placed = outline(shape) * length @ turn.T + [x, y]
    grid = (np.arange(size * fine) + 0.5) * 2 / (size * fine) - 1
    across, up = np.meshgrid(grid, -grid)
    inside = Path(placed).contains_points(np.stack([across.ravel(), up.ravel()], axis=1))
    shares = inside.reshape(size, fine, size, fine).mean((1, 3))
    return torch.from_numpy(shares)
