"""The widgets of the built site: all are shown, without a kernel, and the traversal is torch's."""

import base64
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import vae_course
from tests.site.conftest import page_names
from tests.widgets.frames import LIMIT, best_median
from tests.widgets.traversal_page import changes, check_drawing, frame_times, ready, slider
from vae_course.models import conv_vae

VIEW = 'type="application/vnd.jupyter.widget-view+json"'
STATE = re.compile(
    r'<script type="application/vnd.jupyter.widget-state\+json">(.*?)</script>', re.DOTALL
)
TRAVERSAL = "vae_course.widgets.traversal.LatentTraversal"
WEIGHTS = Path(vae_course.__file__).parent / "weights" / "glyphs-conv-vae.safetensors"


@pytest.fixture
def open_page(browser):
    """open_page(address, **options of a browser context) -> page; closed after the test."""
    contexts = []

    def open_(address: str, **options):
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.goto(address)
        return page

    yield open_
    for context in contexts:
        context.close()


def test_every_widget_is_shown(site, site_folder, open_page, page_name):
    text = (site_folder / page_name).read_text(encoding="utf8")
    page = open_page(f"{site}/{page_name}")
    assert ("host.js" in text) == (VIEW in text)
    for place in range(text.count(VIEW)):
        page.locator(".vc-host").nth(place).locator("> *").first.wait_for()
    assert page.locator(".vc-host").count() == text.count(VIEW)
    assert page.get_by_text("could not be shown").count() == 0


# --- the latent traversal ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def traversal_page(site_folder) -> tuple[str, dict]:
    """The page of the book that holds it, and the widget's state there."""
    for name in page_names():
        for states in STATE.findall((site_folder / name).read_text(encoding="utf8")):
            for widget in json.loads(states)["state"].values():
                if widget["state"].get("_anywidget_id") == TRAVERSAL:
                    return name, widget["state"]
    raise AssertionError("no page of the site holds a latent traversal")


@pytest.fixture
def watched(site, traversal_page, open_page):
    class Watched:
        page = open_page(f"{site}/{traversal_page[0]}")

    return ready(Watched())


def test_traversal_is_torchs(watched, traversal_page, seed):
    model = conv_vae().eval()
    names = model.state_dict().keys()
    weights = load_file(WEIGHTS)
    model.load_state_dict({name: weights[name].float() for name in names})
    means = np.frombuffer(base64.b64decode(traversal_page[1]["means"]), "<f2").astype(np.float32)
    with torch.no_grad():
        check_drawing(watched, model, torch.from_numpy(means).reshape(-1, 8), seed)


def test_traversal_has_a_slider_for_each_of_eight_latents(watched, traversal_page):
    assert watched.page.locator(".vc-traversal input[type=range]").count() == 8
    rates = traversal_page[1]["rates"]
    assert len(rates) == 8 and max(rates) > 0.5
    inputs = len(base64.b64decode(traversal_page[1]["means"])) // 16
    assert 100 <= inputs <= 500


def test_traversal_follows_keys_and_mouse(watched, traversal_page):
    most = traversal_page[1]["rates"].index(max(traversal_page[1]["rates"])) + 1
    assert changes(watched, lambda: slider(watched, most).press("End"))
    assert changes(watched, watched.page.get_by_role("button", name="Reset").click)
    box = slider(watched, most).bounding_box()
    position = {"x": 0.1 * box["width"], "y": box["height"] / 2}
    assert changes(watched, lambda: slider(watched, most).click(position=position))
    sample = watched.page.get_by_role("button", name="Sample from the prior")
    assert changes(watched, sample.click)


@pytest.mark.alone
def test_traversal_frame_takes_less_than_4_ms(watched):
    assert best_median(lambda: frame_times(watched)) < LIMIT
