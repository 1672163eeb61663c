"""The latent traversal on a built page: it draws what torch decodes, and every control moves it."""

import gzip
import json

import pytest
import torch

from tests.site.small_book import ROOT
from tests.widgets.example import images_and_names, trained_vae, traversal
from tests.widgets.frames import LIMIT, best_median
from tests.widgets.traversal_page import (
    changes,
    check_drawing,
    drawn,
    frame_times,
    mixed,
    read,
    ready,
    slider,
)
from vae_course.metrics import encode_all, unit_rates
from vae_course.models import conv_vae
from vae_course.widgets import LatentTraversal, export_network


@pytest.fixture
def opened(served_book, open_page):
    """The widget's root element on the built page, ready."""

    def open_(address=f"{served_book}/traversal.html", **options):
        return ready(open_page(address, **options))

    return open_


# --- it is the model's --------------------------------------------------------------------------


def test_output_is_torchs_and_pixels_are_the_outputs(opened, seed):
    means, _ = encode_all(trained_vae(), images_and_names()[0])
    check_drawing(opened(), trained_vae(), means, seed)


def test_nearest_input_is_drawn(opened):
    """Its picture travels in 16 grey levels: within half a level of the image."""
    watched = opened()
    for values in ([0.0] * 8, [1.5] * 8):
        watched.root.evaluate("(root, z) => root.courseWidget.moveTo((i) => z[i])", values)
        state = read(watched)
        image = images_and_names()[0][state["nearest"]["index"]]
        closest = torch.tensor(state["closest"], dtype=torch.float32)
        assert (closest - mixed(state, image)).abs().max() <= 255 / 30 + 1


def test_rows_are_ordered_by_rate_and_say_it(opened):
    rates = unit_rates(*encode_all(trained_vae(), images_and_names()[0]))
    labels = [label.inner_text() for label in opened().page.locator(".vc-traversal label").all()]
    wanted = [
        f"z{'₀₁₂₃₄₅₆₇₈₉'[unit + 1]} {rates[unit]:.2f} nats"
        for unit in rates.argsort(descending=True)
    ]
    assert labels == wanted


def test_rows_show_that_latent_alone(opened):
    """Each small picture is the decoder's with one latent moved and the others kept."""
    watched = opened()
    z = [0.7, -0.4, 1.2, 0.0, 0.3, -1.1, 0.5, 0.9]
    watched.root.evaluate("(root, z) => root.courseWidget.moveTo((i) => z[i])", z)
    watched.page.wait_for_timeout(1500)  # all small pictures are up to date
    slider(watched, 1).press("End")
    z[0] = 3.0
    watched.page.wait_for_timeout(1500)
    unit = 3
    strip = slider(watched, unit).locator("xpath=..").locator("canvas")
    columns = strip.evaluate("""canvas => {
        const { width, height } = canvas;
        const pixels = canvas.getContext("2d").getImageData(0, 0, width, height).data;
        return [...Array(7).keys()].map(step => {
            let sum = 0;
            const left = Math.round(step * width / 7);
            const right = Math.round((step + 1) * width / 7) - 2;
            for (let y = 0; y < height; y++) {
                for (let x = left; x < right; x++) sum += pixels[4 * (y * width + x)];
            }
            return sum / (height * (right - left));
        });
    }""")
    moved = torch.tensor(z).repeat(7, 1)
    moved[:, unit - 1] = torch.arange(-3.0, 4.0)
    colours = read(watched)["colours"]
    ink = trained_vae().decode(moved).mean.mean((1, 2, 3))
    wanted = colours["paper"][0] + ink * (colours["ink"][0] - colours["paper"][0])
    assert wanted.max() - wanted.min() > 5
    torch.testing.assert_close(torch.tensor(columns), wanted, atol=2.5, rtol=0)


# --- every way to move it -----------------------------------------------------------------------


def test_keys(opened):
    watched = opened()
    first = slider(watched, 1)
    first.focus()
    before = watched.page.evaluate("scrollY")
    assert changes(watched, lambda: [first.press("ArrowRight") for _ in range(10)])
    assert read(watched)["z"][0] == pytest.approx(1.0)
    assert changes(watched, lambda: first.press("Home"))
    assert read(watched)["z"][0] == -3
    assert watched.page.evaluate("scrollY") == before


def test_mouse(opened):
    watched = opened()
    box = slider(watched, 2).bounding_box()
    middle = box["y"] + box["height"] / 2

    def drag():
        watched.page.mouse.move(box["x"] + box["width"] / 2, middle)
        watched.page.mouse.down()
        watched.page.mouse.move(box["x"] + 0.9 * box["width"], middle, steps=5)
        watched.page.mouse.up()

    assert changes(watched, drag)
    assert read(watched)["z"][1] > 1.5
    watched.page.get_by_role("button", name="Reset").click()
    assert read(watched)["z"] == [0] * 8


def test_mouse_on_a_small_picture(opened):
    watched = opened()
    strip = slider(watched, 2).locator("xpath=..").locator("canvas")
    box = strip.bounding_box()
    position = {"x": box["width"] * 6.5 / 7, "y": box["height"] / 2}
    assert changes(watched, lambda: strip.click(position=position))
    assert read(watched)["z"][1] == 3
    assert slider(watched, 2).input_value() == "3"


def test_touch(opened):
    watched = opened(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    box = slider(watched, 1).bounding_box()
    tap = {"x": 0.8 * box["width"], "y": box["height"] / 2}
    assert changes(watched, lambda: slider(watched, 1).tap(position=tap))


def test_samples_come_from_the_prior(opened):
    watched = opened()
    draw = watched.page.get_by_role("button", name="Sample from the prior")
    assert changes(watched, draw.click)
    state = read(watched)
    shown = [slider(watched, unit).get_attribute("aria-valuetext") for unit in range(1, 9)]
    assert [float(text.replace("−", "-")) for text in shown] == pytest.approx(state["z"], abs=6e-3)


# --- how it behaves -----------------------------------------------------------------------------


@pytest.mark.alone
def test_median_frame_takes_less_than_4_ms(opened):
    watched = opened()
    assert best_median(lambda: frame_times(watched)) < LIMIT


def test_dark_and_light(opened):
    watched = opened()
    light = read(watched)["colours"]
    watched.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    state = read(watched)
    dark = state["colours"]
    assert sum(light["paper"]) > 600 > 300 > sum(dark["paper"])
    assert sum(light["ink"]) < 300 < 600 < sum(dark["ink"])
    wanted = mixed(state, torch.tensor(state["output"]))
    assert (drawn(state) - wanted).abs().max() <= 1, "drawn again in the new colours"


def test_on_a_phone(opened):
    watched = opened(viewport={"width": 390, "height": 844}, device_scale_factor=2)
    root = watched.page.locator(".vc-traversal")
    overflow = root.evaluate("root => root.scrollWidth - root.clientWidth")
    right = root.evaluate("root => root.getBoundingClientRect().right")
    assert overflow <= 0 and right <= 390
    targets = [root.locator("input"), root.locator("button")]
    sizes = [one.bounding_box() for target in targets for one in target.all()]
    assert len(sizes) == 10
    assert all(min(size["width"], size["height"]) >= 24 for size in sizes)
    assert root.locator("canvas").first.evaluate("c => c.width / c.clientWidth") == 2


def test_words_for_those_who_do_not_see_it(opened):
    watched = opened()
    root = watched.page.locator(".vc-traversal")
    for canvas in root.locator("canvas").all():
        assert canvas.get_attribute("role") == "img"
        assert len(canvas.get_attribute("aria-label")) > 10
    slider(watched, 4).focus()
    slider(watched, 4).press("End")
    watched.page.wait_for_timeout(900)
    said = root.get_by_role("status").filter(has_text="Decoded at").inner_text()
    assert "z4 +3.0" in said and "Nearest of 60 inputs: “" in said


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(opened, theme):
    watched = opened(reduced_motion="reduce")  # colours do not fade from one to the other
    watched.page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
    watched.page.add_script_tag(path=ROOT / "node_modules" / "axe-core" / "axe.min.js")
    found = watched.page.evaluate("axe.run('.vc-traversal')")
    assert len(found["passes"]) > 10
    serious = [one for one in found["violations"] if one["impact"] in ("serious", "critical")]
    assert [(one["id"], [n["failureSummary"] for n in one["nodes"]]) for one in serious] == []


def test_page_loads_only_its_own_files(opened, served_book):
    watched = opened()
    assert [url for url in watched.requests if not url.startswith((served_book, "blob:"))] == []
    names = " ".join(watched.requests)
    assert "host.js" in names and "require" not in names and "embed-amd" not in names
    assert watched.errors == []


def test_page_works_from_a_folder(opened, small_book):
    """Opened as a file, without any server."""
    address = (small_book.folder / "_build" / "html" / "traversal.html").as_uri()
    watched = opened(address)
    assert changes(watched, lambda: slider(watched, 1).press("End"))


# --- in Python ----------------------------------------------------------------------------------


def test_state_is_small():
    images, names = images_and_names()
    widget = LatentTraversal(conv_vae(), images.repeat(9, 1, 1, 1)[:500], names * 8 + names[:20])
    assert len(gzip.compress(json.dumps(widget.get_state()).encode())) <= 200_000


def test_gaussian_decoder_draws_its_mean():
    model = conv_vae(likelihood="gaussian")
    widget = LatentTraversal(model, images_and_names()[0])
    assert widget.layers == export_network(model.decoder.trunk, (8,))[0]


def test_text_stands_in_for_the_widget():
    bundle = traversal()._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert data["text/plain"] == "<LatentTraversal: latent traversal of 8 latents, 60 inputs>"


BAD = {
    "too many": (lambda x: (conv_vae(), x.repeat(9, 1, 1, 1)), "images has 540"),
    "another shape": (lambda x: (conv_vae(), x[:, 0]), "images has shape"),
    "not grey": (lambda x: (conv_vae(), x - 0.5), r"images has values outside \[0, 1\]"),
    "colour": (lambda x: (conv_vae((3, 28, 28)), x), "model has event shape"),
    "likelihood": (lambda x: (conv_vae(likelihood="continuous_bernoulli"), x), "model has the lik"),
    "labels": (lambda x: (conv_vae(), x, ["a"]), "labels has 1 entries"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    arguments, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        LatentTraversal(*arguments(images_and_names()[0]))
