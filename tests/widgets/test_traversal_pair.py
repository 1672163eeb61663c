"""Two traversals side by side: they draw what torch decodes, each with a latent of its own."""

import gzip
import json
from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from tests.widgets.chart_page import FRAME, Charts
from tests.widgets.example import pair, sprites, vivid_vae
from tests.widgets.frames import LIMIT, best_median
from vae_course.models import conv_vae
from vae_course.random import seeded
from vae_course.widgets import TraversalPair, traversal_pair

PHONE = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}
# A canvas as numbers: each pixel of the image, the red of it, in the middle of its square.
RED = """canvas => {
    const context = canvas.getContext("2d");
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    const at = (k) => Math.floor((k + 0.5) * canvas.width / 32);
    const places = [...Array(1024).keys()].map((i) => [at(i % 32), at(Math.floor(i / 32))]);
    return places.map(([x, y]) => data[4 * (y * canvas.width + x)]);
}"""
# The same of the seven pictures of a strip, side by side with a gap of one CSS pixel.
STRIP = """canvas => {
    const context = canvas.getContext("2d");
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    return [...Array(7).keys()].map((step) => {
        const left = Math.round(step * canvas.width / 7);
        const wide = Math.round((step + 1) * canvas.width / 7) - left - devicePixelRatio;
        const at = (k, size) => Math.floor((k + 0.5) * size / 32);
        return [...Array(1024).keys()].map((i) => {
            const x = left + at(i % 32, wide);
            return data[4 * (at(Math.floor(i / 32), canvas.height) * canvas.width + x)];
        });
    });
}"""
NAMES = ("first", "second")


class Pair(Charts):
    def read(self) -> dict:
        self.page.evaluate(FRAME)
        return self.root.evaluate("""root => {
            const { values, outputs, z, colours } = root.courseWidget;
            return { values: { ...values }, outputs: outputs.map((o) => [...o]), z, colours };
        }""")

    def settled(self) -> dict:
        """Once all small pictures are drawn: no frame comes any more."""
        self.page.evaluate("""async () => {
            const { frames } = document.querySelector(".vc-pair").courseWidget;
            for (let count = -1; count !== frames.length; ) {
                count = frames.length;
                await new Promise((done) => setTimeout(done, 200));
            }
        }""")
        return self.read()

    def side(self, which: int):
        return self.box.locator("section").nth(which)

    def radio(self, which: int, latent: int):
        return self.side(which).get_by_role("radio").nth(latent)


@pytest.fixture
def opened(served_book, open_page):
    def open_(**options) -> Pair:
        return Pair(open_page(f"{served_book}/pair.html", **options), "vc-pair")

    return open_


def models():
    return vivid_vae(4, 1), vivid_vae(6, 2)


def means(which: int) -> torch.Tensor:
    return models()[which].encode(sprites().images).mean[:8]


def mixed(state, values) -> torch.Tensor:
    """The red of values in [0, 1], from paper to ink."""
    ink, paper = (state["colours"][name][0] for name in ("ink", "paper"))
    return paper + values.flatten() * (ink - paper)


# --- it is the models' --------------------------------------------------------------------------


def test_outputs_are_torchs_and_pixels_are_the_outputs(opened, seed):
    """At 20 points: one latent moved, the others where the encoder has the starting picture."""
    charts = opened()
    with seeded(seed):
        values = torch.randn(20, 2).tolist()
    for i, pair_of_values in enumerate(values):
        latents = [i % 4, (5 * i) % 6]
        wanted = {"start": i % 8}
        for name, latent, value in zip(NAMES, latents, pair_of_values, strict=True):
            wanted |= {f"{name}_latent": latent, f"{name}_value": value}
        state = charts.move(**wanted)
        for which, model in enumerate(models()):
            z = means(which)[i % 8].clone()
            z[latents[which]] = pair_of_values[which]
            torch.testing.assert_close(torch.tensor(state["z"][which]), z, atol=2e-3, rtol=2e-3)
            output = torch.tensor(state["outputs"][which])
            decoded = model.decode(torch.tensor(state["z"][which])).mean.flatten()
            assert decoded.max() - decoded.min() > 0.2  # a picture
            torch.testing.assert_close(output, decoded, atol=1e-3, rtol=0)
            canvas = charts.side(which).locator("canvas").first
            drawn = torch.tensor(canvas.evaluate(RED), dtype=torch.float32)
            assert (drawn - mixed(state, output)).abs().max() <= 1


def test_strip_shows_the_chosen_latent(opened):
    charts = opened()
    for latent in (3, 1):
        charts.move(start=2, first_latent=latent, first_value=2.0)
        state = charts.settled()
        z = torch.tensor(state["z"][0]).repeat(7, 1)
        z[:, latent] = torch.arange(-3.0, 4.0)
        wanted = mixed(state, models()[0].decode(z).mean).reshape(7, 1024)
        found = torch.tensor(charts.side(0).locator("canvas").nth(1).evaluate(STRIP)).float()
        assert (wanted[0] - wanted[6]).abs().mean() > 20
        assert (found - wanted).abs().mean() < 1


def test_table_shows_what_latents_know(opened):
    charts = opened()
    widget = pair()
    for which in range(2):
        texts = charts.side(which).locator("tbody td").all_inner_texts()
        shown = torch.tensor([float(text) for text in texts])
        wanted = torch.tensor(widget.models[which]["information"]).flatten()
        torch.testing.assert_close(shown, wanted, atol=0.00501, rtol=0)


def test_a_latent_that_is_a_factor_knows_all_of_it(monkeypatch):
    data = sprites()
    factors = torch.stack(list(data.factors.values()), 1).float()
    codes = torch.cat([factors[:, [1]], factors[:, [0]], torch.zeros(len(factors), 2)], 1)
    monkeypatch.setattr(traversal_pair, "encode_all", lambda model, x: (codes, None))
    model = vivid_vae(4, 1)
    widget = TraversalPair(model, model, data)
    information = torch.tensor(widget.models[0]["information"])
    assert information[0, 1] == 1 and information[1, 0] == 1  # scale, shape
    assert information[2:].abs().max() == 0
    assert widget.first_latent == 1 and widget.first_value == factors[0, 0]


# --- every way to move it -----------------------------------------------------------------------


def test_latents_with_keys_put_the_slider_where_the_encoder_has_it(opened):
    charts = opened()
    charts.move(start=3, first_latent=0)
    first = charts.radio(0, 0)
    first.focus()
    changed = charts.changed_values(first.press, "ArrowDown")
    assert changed == {
        "first_latent": 1,
        "first_value": pytest.approx(means(0)[3, 1].item(), abs=2e-3),
    }
    slider = charts.side(0).get_by_role("slider")
    assert float(slider.get_attribute("aria-valuetext").replace("−", "-")) == pytest.approx(
        changed["first_value"], abs=0.006
    )
    assert charts.side(0).locator("label.vc-label").inner_text() == "z₂"
    assert charts.changed_values(slider.press, "End") == {"first_value": 3}


@pytest.mark.parametrize("way", ["mouse", "finger"])
def test_latents_by_their_rows_and_values_by_the_pictures(opened, way):
    charts = opened(**(PHONE if way == "finger" else {}))

    def act(locator, **options):
        (locator.tap if way == "finger" else locator.click)(**options)

    cell = charts.side(1).locator("tbody tr").nth(4).locator("td").nth(2)
    changed = charts.changed_values(act, cell)
    assert changed.keys() == {"second_latent", "second_value"} and changed["second_latent"] == 4
    assert charts.radio(1, 4).is_checked()
    charts.settled()
    strip = charts.side(1).locator("canvas").nth(1)
    box = strip.bounding_box()
    place = {"x": 1.5 / 7 * box["width"], "y": box["height"] / 2}
    assert charts.changed_values(lambda: act(strip, position=place)) == {"second_value": -2}
    slider = charts.side(1).get_by_role("slider")
    box = slider.bounding_box()
    place = {"x": 0.9 * box["width"], "y": box["height"] / 2}
    (value,) = charts.changed_values(lambda: act(slider, position=place)).values()
    assert value > 2


def test_starting_pictures(opened):
    charts = opened()
    group = charts.box.get_by_role("group", name="Start from")
    first = group.get_by_role("radio").first
    first.focus()
    changed = charts.changed_values(first.press, "ArrowRight")
    assert changed.pop("start") == 1
    latents = [charts.read()["values"][f"{name}_latent"] for name in NAMES]
    wanted = [means(which)[1, latent].item() for which, latent in enumerate(latents)]
    assert list(changed.values()) == pytest.approx(wanted, abs=2e-3)
    changed = charts.changed_values(group.get_by_role("radio").nth(5).click)
    assert changed["start"] == 5


def test_factor_buttons_choose_the_best_latent_in_both(opened):
    charts = opened()
    widget = pair()
    for factor, name in enumerate(widget.factors):
        charts.box.get_by_role("button", name=name, exact=True).click()
        values = charts.read()["values"]
        for which, model in enumerate(widget.models):
            column = torch.tensor(model["information"])[:, factor]
            assert values[f"{NAMES[which]}_latent"] == column.argmax()


def test_python_and_page_agree_at_the_start(opened):
    values = opened().read()["values"]
    widget = pair()
    assert values == {name: getattr(widget, name) for name in values}


# --- for everybody ------------------------------------------------------------------------------


@pytest.mark.alone
def test_median_frame_takes_less_than_4_ms(opened):
    charts = opened()

    def measure():
        return (
            charts.side(0)
            .get_by_role("slider")
            .evaluate("""async input => {
            const { frames } = input.closest(".vc-widget").courseWidget;
            frames.length = 0;
            for (let i = 0; i < 200; i++) {
                input.value = 3 * Math.sin(i / 15);
                input.dispatchEvent(new Event("input"));
                await new Promise(requestAnimationFrame);
            }
            return [...frames];
        }""")
        )

    assert best_median(measure) < LIMIT


def test_dark_and_light(opened):
    charts = opened()
    charts.settled()
    light = charts.pictures()
    charts.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    state = charts.settled()
    assert sum(state["colours"]["paper"]) < 300 < 600 < sum(state["colours"]["ink"])
    assert all(one != other for one, other in zip(light, charts.pictures(), strict=True))
    charts.page.evaluate("document.documentElement.dataset.theme = 'light'")
    charts.settled()
    assert charts.pictures() == light


def test_on_a_phone(opened):
    charts = opened(**PHONE)
    assert charts.page.evaluate("document.documentElement.scrollWidth") == 390
    assert charts.root.evaluate("root => root.scrollWidth - root.clientWidth") <= 0
    targets = "input[type=range], button, fieldset label, tbody tr"
    for control in charts.box.locator(targets).all():
        size = control.bounding_box()
        assert min(size["width"], size["height"]) >= 24
    heads = (
        charts.side(0)
        .locator("thead th")
        .evaluate_all("""heads => heads.map((head) => {
        const range = document.createRange();
        range.selectNodeContents(head);
        const { left, right } = range.getBoundingClientRect();
        return [left, right];
    })""")
    )
    gaps = [right[0] - left[1] for left, right in pairwise(heads)]
    assert min(gaps) > 0, "names of factors do not overlap"


def test_words_for_those_who_do_not_see_it(opened):
    charts = opened()
    for canvas in charts.box.locator("canvas").all():
        assert canvas.get_attribute("role") == "img"
        assert len(canvas.get_attribute("aria-label")) > 10
    charts.move(start=4, first_latent=2, first_value=-1.0)
    charts.page.wait_for_timeout(900)
    said = charts.box.locator("div[role=status]").inner_text()
    assert said.startswith("Starting picture 5. four: z3 −1.0, knows shape 0.")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(opened, theme):
    charts = opened(reduced_motion="reduce")  # colours do not fade from one to the other
    charts.page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
    # as if one latent knew everything: the strongest colour must leave the number readable
    charts.box.locator("tbody td").first.evaluate(
        "cell => cell.style.setProperty('--share', '100%')"
    )
    assert charts.accessibility() == []


def test_page_loads_only_its_own_files(opened, served_book):
    assert opened().strangers(served_book) == []


# --- in Python ----------------------------------------------------------------------------------


def test_state_is_small():
    """Models of the size of those that the course trained."""
    with seeded(0):
        two = [conv_vae((1, 32, 32), (16, 16, 32), 10) for _ in range(2)]
    widget = TraversalPair(*two, sprites())
    assert len(gzip.compress(json.dumps(widget.get_state()).encode())) <= 200_000


BAD = {
    "one alone": (lambda m, d: (m, None, None), "need to be given together"),
    "no factors": (lambda m, d: (m, m, replace(d, factors={})), "has no factors"),
    "few": (lambda m, d: (m, m, d[:7]), "dataset has 7 images, needs at least 8"),
    "another shape": (lambda m, d: (m, conv_vae(), d), "second has event shape"),
    "names": (lambda m, d: (m, m, d, ("a",)), "names has 1 entries"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    arguments, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        TraversalPair(*arguments(vivid_vae(4, 1), sprites()))


def test_text_stands_in_for_the_widget():
    assert repr(pair()).startswith("<TraversalPair: traversals of two models, four and six")
