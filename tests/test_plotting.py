"""The figures: they take the page's colours, say what they show, and share a page in peace."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch

from vae_course import plotting
from vae_course.plotting import CSS_VARIABLES, figure, image_grid, show

BOOK = Path(__file__).resolve().parent.parent / "book"
DESCRIPTION = 'A line that rises from 0 to 1 & stays "there".'


def drawn(colour=plotting.RATE) -> str:
    with figure(3, 2) as (fig, ax):
        ax.plot([0, 1, 2], [0, 1, 1], color=colour)
        ax.set_xlabel("step")
    return show(fig, DESCRIPTION)._repr_html_()


def test_fallback_colours_are_those_of_the_page():
    """One colour, one meaning: a notebook without the page's style sheet looks like the page."""
    css = (BOOK / "_static" / "course.css").read_text(encoding="utf8")
    light = dict(re.findall(r"--vc-([a-z0-9-]+): (#[0-9a-f]{6});", css)[::-1])  # the first one wins
    for colour, variable in CSS_VARIABLES.items():
        name = (
            "ink"
            if variable == "currentColor"
            else re.match(r"var\(--vc-([a-z0-9-]+)", variable)[1]
        )
        assert colour == light[name], f"{name} is {colour} here and {light[name]} on the page"


def test_widgets_fall_back_on_the_same_colours():
    css = (BOOK / "_static" / "course.css").read_text(encoding="utf8")
    page = re.findall(r"--vc-([a-z0-9-]+): (#[0-9a-f]{6});", css)
    common = (Path(plotting.__file__).parent / "widgets" / "common.css").read_text(encoding="utf8")
    fallbacks = re.findall(r"var\(--vc-([a-z0-9-]+), (#[0-9a-f]+)\)", common)
    assert fallbacks and set(fallbacks) <= set(page)


def test_each_colour_of_the_palette_follows_the_page():
    for colour, variable in CSS_VARIABLES.items():
        html = drawn(colour)
        assert variable in html
        assert colour not in html.replace(variable, "")


def test_a_figure_is_named_for_those_who_cannot_see_it():
    root = ElementTree.fromstring(
        drawn().removeprefix('<figure class="vc-figure">').removesuffix("</figure>")
    )
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"] == DESCRIPTION
    with figure(2, 2) as (fig, _), pytest.raises(ValueError, match="description"):
        show(fig, "a plot")


def test_nothing_leaks_into_the_page():
    html = drawn()
    assert "<style" not in html and "<metadata" not in html and "<!--" not in html
    ids = re.findall(r' id="([^"]+)"', html)
    references = set(re.findall(r'(?:href="#|url\(#)([^")]+)', html))
    assert set(ids) <= references, "an id that nothing refers to may be there twice"
    assert ">step<" in re.sub(r"\s*\n\s*", "", html), "text stays text"


def test_figures_leave_no_trace_in_matplotlib():
    import matplotlib.pyplot as plt

    before = dict(plt.rcParams)
    drawn()
    assert not plt.get_fignums()
    assert dict(plt.rcParams) == before


def test_an_image_grid_is_laid_out_row_by_row():
    images = torch.zeros(5, 1, 2, 3)
    images[3] = 1  # the first one of the second row
    with figure(2, 2) as (_, ax):
        image_grid(ax, images, columns=3)
        sheet = ax.images[0].get_array()
        assert sheet.shape == (2 * 3 - 1, 3 * 4 - 1)
        assert sheet[3:5, 0:3].min() == 1 and sheet.sum() == 6
        with pytest.raises(ValueError, match=r"images has shape \(2, 3\)"):
            image_grid(ax, torch.zeros(2, 3))
