"""The colours of the page: readable on both grounds, and rate, distortion and bound stay apart.

Contrast is WCAG 2's; colour blindness is simulated with the matrices of Machado, Oliveira and
Fernandes (2009) at full severity, and distances are CIE76 in CIELAB.
"""

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

CSS = Path(__file__).resolve().parents[2] / "book" / "_static" / "course.css"
SEEN_BY = {
    "most": np.eye(3),
    "protanopes": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopes": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopes": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)


def colours(theme: str) -> dict[str, np.ndarray]:
    """The custom properties of a theme that are colours, as linear RGB."""
    css = CSS.read_text(encoding="utf8")
    block = re.search(rf'html\[data-theme="{theme}"\] {{(.*?)}}', css, re.S)[1]
    found = {}
    for name, code in re.findall(r"--vc-([\w-]+): #([0-9a-f]{6});", block):
        channels = np.array([int(code[k : k + 2], 16) for k in (0, 2, 4)]) / 255
        found[name] = np.where(
            channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4
        )
    return found


def contrast(first: np.ndarray, second: np.ndarray) -> float:
    darker, lighter = sorted(float(TO_XYZ[1] @ colour) for colour in (first, second))
    return (lighter + 0.05) / (darker + 0.05)


def lab(linear: np.ndarray) -> np.ndarray:
    x, y, z = TO_XYZ @ linear.clip(0, 1) / [0.95047, 1, 1.08883]
    fx, fy, fz = (np.cbrt(v) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z))
    return np.array([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)])


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    "name", "ink muted accent accent-2 rate distortion bound right wrong".split()
)
@pytest.mark.parametrize("ground", ["paper", "panel"])
def test_text_is_readable(theme, name, ground):
    shades = colours(theme)
    assert contrast(shades[name], shades[ground]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("ground", ["paper", "panel"])
def test_edges_of_controls_are_seen(theme, ground):
    shades = colours(theme)
    assert contrast(shades["edge"], shades[ground]) >= 3


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("who", SEEN_BY)
def test_rate_distortion_and_bound_stay_apart(theme, who):
    shades = colours(theme)
    for first, second in combinations(("rate", "distortion", "bound"), 2):
        seen = [lab(SEEN_BY[who] @ shades[name]) for name in (first, second)]
        assert np.linalg.norm(seen[0] - seen[1]) > 22, (first, second)


def test_black_on_white_has_the_contrast_that_wcag_gives():
    assert contrast(np.zeros(3), np.ones(3)) == pytest.approx(21)
