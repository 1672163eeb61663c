"""Characters drawn from fonts, 28×28: as much data as you like, and you know what it was made of.

    pixel position = centre + (x, y) + R(rotation) S(slant) (scaled outline of the character)

with R a rotation and S a shear; the outline is filled, and traced with a round pen as wide as
`thickness`. All seven factors are independent and uniform in their ranges. The fonts are those
that matplotlib ships, so nothing is downloaded. Unlike handwriting, nothing else varies.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
import torch
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.font_manager import FontProperties, get_font
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D, Bbox
from torch import Tensor

from vae_course.checks import require, require_count
from vae_course.data.dataset import Dataset

DIGITS = "0123456789"
CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

# Upright fonts of regular weight: in these, `slant` and `thickness` say the whole truth.
UPRIGHT_FONTS = (
    "DejaVuSans", "DejaVuSerif", "DejaVuSansMono", "STIXGeneral", "cmr10", "cmss10", "cmtt10",
)  # fmt: skip
# The factor `font` is an index into this. Symbol fonts (cmsy10, STIXSiz…) have no plain characters.
FONTS = (
    *UPRIGHT_FONTS,
    "DejaVuSans-Oblique", "DejaVuSans-Bold", "DejaVuSans-BoldOblique",
    "DejaVuSerif-Italic", "DejaVuSerif-Bold", "DejaVuSerif-BoldItalic",
    "DejaVuSansMono-Oblique", "DejaVuSansMono-Bold", "DejaVuSansMono-BoldOblique",
    "STIXGeneralItalic", "STIXGeneralBol", "STIXGeneralBolIta",
    "cmti10", "cmb10",
)  # fmt: skip

RANGES = {
    "slant": (-0.25, 0.25),  # radians from the vertical, positive leans right
    "thickness": (0.0, 2.0),  # pixels added to the width of each stroke of the font
    "rotation": (-0.2, 0.2),  # radians, positive is anticlockwise
    "x": (-2.0, 2.0),  # pixels to the right of the centre
    "y": (-2.0, 2.0),  # pixels above the centre
}

SIZE = 28
_BOX = 17  # capitals and digits are 17 pixels high, or 17 wide if they are wider than high
_FINE = 4  # drawn larger, then averaged: fill and stroke rarely share a pixel of the fine grid
_SHEET = 12  # glyphs are drawn side by side, 12 × 12 on a canvas
_SPLIT_STREAM = {"train": 0, "test": 1}


def load_glyphs(
    split: str = "train",
    count: int | None = None,
    seed: int = 0,
    characters: str = DIGITS,
    fonts: Sequence[str] = UPRIGHT_FONTS,
) -> Dataset:
    """Draw `count` random glyphs (10,000 for training, 2,000 for testing if not given).

    characters  the classes, for example `CAPITALS` or "aeiou"; ten digits if not given
    fonts       names from `FONTS`; the upright ones of regular weight if not given
    seed        two seeds, and the two splits of one seed, have nothing in common

    Glyph i is the same whatever `count` is. Factors: class, slant, thickness, rotation, x, y,
    font; units and ranges in `RANGES`. `draw` makes the images from the factors again, bit for
    bit. Raises `ValueError` for a character that a font lacks.
    """
    if count is None:
        count = 2_000 if split == "test" else 10_000
    require_count("count", count)
    require_count("seed", seed, least=0)
    fonts = (fonts,) if isinstance(fonts, str) else tuple(fonts)
    _check_distinct("characters", characters)
    _check_distinct("fonts", fonts)
    for font in fonts:
        for character in characters:
            _outline(character, font)

    def uniform(stream: int) -> np.ndarray:
        # One stream of random numbers for each factor, so the first n do not depend on count.
        sequence = np.random.SeedSequence([seed, _SPLIT_STREAM[split], stream])
        return np.random.Generator(np.random.PCG64(sequence)).random(count)

    classes = (uniform(0) * len(characters)).astype(np.int64)
    font_of = (uniform(1) * len(fonts)).astype(np.int64)
    factors = {
        name: (low + (high - low) * uniform(2 + k)).astype(np.float32)
        for k, (name, (low, high)) in enumerate(RANGES.items())
    }
    images = draw([characters[c] for c in classes], [fonts[f] for f in font_of], **factors)
    font_index = np.array([FONTS.index(font) for font in fonts])[font_of]
    labels = torch.from_numpy(classes)
    return Dataset(
        name="glyphs",
        split=split,
        images=images,
        labels=labels,
        class_names=tuple(characters),
        source=f"drawn from {len(fonts)} fonts of matplotlib {matplotlib.__version__}, seed {seed}",
        factors={
            "class": labels,
            **{name: torch.from_numpy(values) for name, values in factors.items()},
            "font": torch.from_numpy(font_index),
        },
    )


def draw(
    characters: Sequence[str],
    fonts: Sequence[str] | str = "DejaVuSans",
    slant=0.0,
    thickness=0.0,
    rotation=0.0,
    x=0.0,
    y=0.0,
) -> Tensor:
    """Draw one glyph for each character: (N, 1, 28, 28) float32 in [0, 1].

    Every other argument is one value for all, or N values. Units as in `RANGES`; values outside
    those ranges are allowed, and what then leaves the picture is cut off.
    """
    count = len(characters)
    fonts = [fonts] * count if isinstance(fonts, str) else list(fonts)
    require(len(fonts) == count, f"fonts has {len(fonts)} entries for {count} characters")
    columns = {"slant": slant, "thickness": thickness, "rotation": rotation, "x": x, "y": y}
    for name, values in columns.items():
        values = np.asarray(values, dtype=np.float64)
        require(
            values.shape in ((), (count,)) and bool(np.isfinite(values).all()),
            f"{name} has shape {values.shape}, needs one finite value or {count} of them",
        )
        columns[name] = np.broadcast_to(values, (count,))
    require(bool((columns["thickness"] >= 0).all()), "thickness must not be negative")
    sheets = [
        _draw_sheet(
            characters[start : start + _SHEET**2],
            fonts[start : start + _SHEET**2],
            {name: values[start : start + _SHEET**2] for name, values in columns.items()},
        )
        for start in range(0, count, _SHEET**2)
    ]
    pixels = np.concatenate(sheets) if sheets else np.zeros((0, SIZE, SIZE), np.uint8)
    return torch.from_numpy(pixels).float().div_(255).unsqueeze(1)


def _draw_sheet(characters, fonts, columns: dict[str, np.ndarray]) -> np.ndarray:
    """Draw at most `_SHEET`² glyphs on one canvas and cut it up: (N, 28, 28) uint8."""
    cell = SIZE * _FINE
    canvas = RendererAgg(_SHEET * cell, _SHEET * cell, 72)
    pen = canvas.new_gc()
    pen.set_joinstyle("round")
    pen.set_snap(False)  # snapping to whole pixels would undo small shifts
    for i, (character, font) in enumerate(zip(characters, fonts, strict=True)):
        row, column = divmod(i, _SHEET)
        left, bottom = column * cell, (_SHEET - 1 - row) * cell  # the canvas counts upwards
        placed = (
            Affine2D()
            .skew(columns["slant"][i], 0)
            .rotate(columns["rotation"][i])
            .translate(SIZE / 2 + columns["x"][i], SIZE / 2 + columns["y"][i])
            .scale(_FINE)
            .translate(left, bottom)
        )
        pen.set_clip_rectangle(Bbox.from_bounds(left, bottom, cell, cell))
        pen.set_linewidth(columns["thickness"][i] * _FINE)
        canvas.draw_path(pen, _outline(character, font), placed, (0.0, 0.0, 0.0))
    coverage = np.asarray(canvas.buffer_rgba())[..., 3].astype(np.uint16)
    total = sum(coverage[r::_FINE, c::_FINE] for r in range(_FINE) for c in range(_FINE))
    pixels = ((total + _FINE**2 // 2) // _FINE**2).astype(np.uint8)  # the mean, rounded
    cells = pixels.reshape(_SHEET, SIZE, _SHEET, SIZE).swapaxes(1, 2).reshape(-1, SIZE, SIZE)
    return cells[: len(characters)]


@cache
def _outline(character: str, font: str):
    """The outline of a character, in pixels, its bounding box centred on the origin."""
    require(font in FONTS, f"unknown font {font!r}; known are: {', '.join(FONTS)}")
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{font}.ttf"
    face = get_font(str(path))
    require(
        len(character) == 1 and ord(character) in face.get_charmap(),
        f"characters: the font {font} has no {character!r}",
    )
    require(
        face.load_char(ord(character)).width > 0,
        f"characters: {character!r} is blank in the font {font}",
    )

    def outline(text: str):
        return TextPath((0, 0), text, size=100, prop=FontProperties(fname=str(path)))

    shape = outline(character)
    box = shape.get_extents()
    # Letters keep their sizes relative to each other, unless they would not fit.
    scale = _BOX / max(outline("H").get_extents().height, box.width, box.height)
    centre = (box.p0 + box.p1) / 2
    return Affine2D().translate(*-centre).scale(scale).transform_path(shape)


def _check_distinct(name: str, values: Sequence[str]) -> None:
    require(
        len(values) > 0 and len(set(values)) == len(values),
        f"{name} must be distinct and at least one, got {values!r}",
    )
