"""One figure style for the whole course: an inline SVG that takes its colours from the page.

Matplotlib draws with fixed colours. `show` replaces each colour of the palette by the CSS variable
of the same meaning, with the fixed colour as its fallback, so that the published page, light or
dark, restyles the figure by itself. Text stays text. A figure is shown with a description in words,
for those who cannot see it; there is no way to show one without.

    with figure(6, 3) as (fig, ax):
        ax.plot(history.step, history.rate, color=RATE)
    show(fig, "The rate rises from 0 to 12 nats in the first 500 steps and stays there.")
"""

import re
from contextlib import contextmanager
from io import StringIO
from math import ceil

import matplotlib as mpl
import matplotlib.pyplot as plt
from torch import Tensor

from vae_course.checks import require

INK, MUTED, LINE = "#1f242d", "#58606e", "#dfdacd"
ACCENT, ACCENT_2 = "#0b655a", "#8a5a00"
# One colour, one meaning, in figures and widgets alike; told apart by the colour-blind, too.
RATE, DISTORTION, BOUND = "#b04a00", "#0b6bad", "#5c2166"

CSS_VARIABLES = {
    INK: "currentColor",
    MUTED: f"var(--vc-muted, {MUTED})",
    LINE: f"var(--vc-line, {LINE})",
    ACCENT: f"var(--vc-accent, {ACCENT})",
    ACCENT_2: f"var(--vc-accent-2, {ACCENT_2})",
    RATE: f"var(--vc-rate, {RATE})",
    DISTORTION: f"var(--vc-distortion, {DISTORTION})",
    BOUND: f"var(--vc-bound, {BOUND})",
}

STYLE = {
    "svg.fonttype": "none",  # text stays text: smaller, sharp, and in the page's own font
    "font.family": "sans-serif",
    "font.size": 11,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "axes.edgecolor": LINE,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.prop_cycle": mpl.cycler(color=[ACCENT, RATE, DISTORTION, BOUND, ACCENT_2, MUTED]),
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "legend.fontsize": 10,
}


@contextmanager
def figure(width: float = 6.4, height: float = 3.2, rows: int = 1, columns: int = 1, **options):
    """A new figure in the course's style, `width` by `height` inches: `(figure, axes)`."""
    with mpl.rc_context(STYLE):
        fig, axes = plt.subplots(
            rows, columns, figsize=(width, height), layout="constrained", **options
        )
        try:
            yield fig, axes
        finally:
            plt.close(fig)  # else the notebook would show it a second time, in its own style


class Figure:
    """An SVG with a description; notebooks and the page show it inline."""

    def __init__(self, svg: str, description: str):
        self.svg, self.description = svg, description

    def _repr_html_(self) -> str:
        return f'<figure class="vc-figure">{self.svg}</figure>'

    def __repr__(self) -> str:
        return f"Figure: {self.description}"


def show(fig, description: str) -> Figure:
    """The figure for display, with its description for those who cannot see it."""
    require(len(description.split()) >= 5, "description needs to say what the figure shows")
    buffer = StringIO()
    with mpl.rc_context(STYLE):
        fig.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    # An inline SVG shares the page with others: no style sheet for all elements, no XML metadata,
    # and no two elements with one id, where nothing refers to them.
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    svg = re.sub(r"<style[^>]*>.*?</style>", "", svg, flags=re.S)
    svg = re.sub(r'(<g) id="[^"]*"', r"\1", svg)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.S)
    # One decimal of a point is a tenth of a pixel.
    svg = re.sub(r"(\d+\.\d\d)\d+", r"\1", svg)
    for colour, variable in CSS_VARIABLES.items():
        svg = svg.replace(colour, variable)
    # As wide as the column lets it be, and no wider than it was drawn: a point is 4/3 of a pixel.
    size = re.search(r'width="([\d.]+)pt" height="[\d.]+pt"', svg)
    width = float(size[1]) * 4 / 3
    svg = svg.replace(size[0], "", 1)
    label = description.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    opening = (
        f'<svg role="img" aria-label="{label}" stroke-linejoin="round" stroke-linecap="butt" '
        f'style="width:100%;max-width:{width:.0f}px;height:auto" '
    )
    return Figure(svg.replace("<svg ", opening, 1), description)


def image_grid(ax, images: Tensor, columns: int | None = None, titles=()) -> None:
    """Draw `(N, 1, H, W)` in [0, 1] as one picture, ink on paper, `columns` in a row."""
    require(
        images.dim() == 4 and images.shape[1] == 1,
        f"images has shape {tuple(images.shape)}, needs (N, 1, H, W)",
    )
    images = images.detach().float().clamp(0, 1).cpu()
    count, _, height, width = images.shape
    columns = columns or count
    rows = ceil(count / columns)
    gap = 1
    sheet = images.new_zeros(rows * (height + gap) - gap, columns * (width + gap) - gap)
    for i, image in enumerate(images[:, 0]):
        top, left = (i // columns) * (height + gap), (i % columns) * (width + gap)
        sheet[top : top + height, left : left + width] = image
    ax.imshow(sheet.numpy(), cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
    ax.set_axis_off()
    for i, title in enumerate(titles):
        ax.text((i + 0.5) * (width + gap), -2, title, ha="center", va="bottom", fontsize=10)
