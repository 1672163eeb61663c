"""Masks that keep an order: those of the page are those of the package, and so is what follows."""

import pytest
import torch

from tests.widgets.chart_page import FRAME, Charts
from tests.widgets.frames import LIMIT, best_median
from tests.widgets.node import run_module
from vae_course.flows import MADE, autoregressive_masks, check_autoregressive, degrees, dependence
from vae_course.random import seeded
from vae_course.widgets import MaskedNetwork

PHONE = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}
SIZES = [(2, [1]), (3, [2, 5]), (5, [8, 8]), (6, [3, 12, 4]), (8, [7])]


def orderings(features: int, seed: int) -> list[list[int]]:
    generator = torch.Generator().manual_seed(seed)
    natural = list(range(features))
    return [natural, natural[::-1], torch.randperm(features, generator=generator).tolist()]


# --- the mathematics ----------------------------------------------------------------------------


@pytest.mark.parametrize(("features", "hidden"), SIZES)
def test_degrees_and_masks_are_those_of_the_package(features, hidden, seed):
    code = """
        return data.orders.map((order) => {
            const degrees = js.unitDegrees(order, data.hidden);
            return [degrees, js.masksOf(degrees)];
        });
    """
    orders = orderings(features, seed)
    found = run_module("masks.js", code, {"orders": orders, "hidden": hidden})
    for order, (units, masks) in zip(orders, found, strict=True):
        assert units == [layer.tolist() for layer in degrees(features, hidden, order)]
        wanted = autoregressive_masks(features, hidden, ordering=order)
        assert masks == [mask.tolist() for mask in wanted]


def test_masks_of_random_degrees_are_autoregressive(seed):
    code = """
        let state = data.seed + 1;
        const uniform = () => (state = (state * 16807) % 2147483647) / 2147483647;
        return data.orders.map((order) => {
            const degrees = js.unitDegrees(order, [6, 3], uniform);
            return [degrees, js.masksOf(degrees)];
        });
    """
    found = run_module("masks.js", code, {"orders": orderings(6, seed), "seed": seed})
    for order, (units, masks) in zip(orderings(6, seed), found, strict=True):
        check_autoregressive([torch.tensor(mask) for mask in masks], order)
        assert all(layer == sorted(layer) and {*layer} <= {1, 2, 3, 4, 5} for layer in units[1:])
    assert len({str(units[1]) for units, _ in found}) > 1, "drawn anew each time"


@pytest.mark.parametrize(("features", "hidden"), [(3, [2, 5]), (5, [8, 8]), (6, [3, 3]), (8, [7])])
def test_what_an_output_sees_is_what_autograd_finds(features, hidden, seed):
    order = orderings(features, seed)[2]
    with seeded(seed):
        net = MADE(features, hidden, 1, order).double()
        for parameter in net.parameters():  # no unit is off everywhere
            parameter.data.uniform_(0.5, 1.5)
        wanted = dependence(net, torch.rand(4, features, dtype=torch.float64))
    code = """
        const masks = js.masksOf(js.unitDegrees(data.order, data.hidden));
        const lit = data.order.map((_, output) => js.ancestors(masks, output));
        return [js.pathCounts(masks), lit];
    """
    paths, lit = run_module("masks.js", code, {"order": order, "hidden": hidden})
    assert (torch.tensor(paths) > 0).equal(wanted)
    assert torch.tensor([layers[0] for layers in lit]).equal(wanted), "the inputs that are lit"
    for output, layers in enumerate(lit):
        assert layers[-1] == [unit == output for unit in range(features)]
    product = torch.ones(())
    for mask in reversed(autoregressive_masks(features, hidden, ordering=order)):
        product = product @ mask.float() if product.dim() else mask.float()
    assert torch.equal(product, torch.tensor(paths).float())


def test_steps_are_the_index_at_which_the_pattern_vanishes():
    """A triangular matrix with zeros on its diagonal is nilpotent: the steps are its index."""
    generator = torch.Generator().manual_seed(0)
    cases = []
    for _ in range(30):
        order = torch.randperm(6, generator=generator)
        place = order.argsort()
        allowed = place[:, None] > place
        paths = allowed & (torch.rand(6, 6, generator=generator) < 0.4)
        cases.append({"paths": paths.int().tolist(), "order": order.tolist()})
    code = "return data.map(({ paths, order }) => js.stepsNeeded(paths, order))"
    found = run_module("masks.js", code, cases)
    for case, steps in zip(cases, found, strict=True):
        pattern = torch.tensor(case["paths"]).double()
        power, index = torch.eye(6, dtype=torch.float64), 0
        while power.any():
            power, index = power @ pattern, index + 1
        assert steps == index
    assert len({*found}) > 2


# --- the page -----------------------------------------------------------------------------------


class Masked(Charts):
    def read(self) -> dict:
        self.page.evaluate(FRAME)
        return self.root.evaluate("""root => {
            const { values, found } = root.courseWidget;
            return { values: { ...values }, found };
        }""")

    def shown(self, name: str) -> str:
        return self.box.locator("dl > div").filter(has_text=name).locator("dd").inner_text()

    def place(self, layer: int, unit: int) -> dict:
        """Where a unit is drawn, for a click on the network."""
        x, y = self.root.evaluate(
            "(root, [layer, unit]) => root.courseWidget.places().at(layer)[unit]", [layer, unit]
        )
        return {"x": x, "y": y}


@pytest.fixture
def opened(served_book, open_page):
    def open_(**options) -> Masked:
        return Masked(open_page(f"{served_book}/masked.html", **options), "vc-masked")

    return open_


def test_page_shows_the_masks_of_the_package(opened):
    charts = opened()
    for values in (
        {},
        {"ordering": "reversed", "units": 3},
        {"ordering": "random", "features": 7, "layers": 3, "seed": 5},
        {"ordering": "natural", "features": 8, "layers": 1, "units": 2},
    ):
        state = charts.move(**values)
        now, found = state["values"], state["found"]
        hidden = [now["units"]] * now["layers"]
        wanted = autoregressive_masks(now["features"], hidden, ordering=found["order"])
        assert found["masks"] == [mask.tolist() for mask in wanted]
        kept, all_ = sum(m.sum().item() for m in wanted), sum(m.numel() for m in wanted)
        assert charts.shown("Weights that survive") == f"{kept} of {all_}"
        pairs = (torch.tensor(found["paths"]) > 0).sum().item()
        allowed = now["features"] * (now["features"] - 1) // 2
        assert charts.shown("Dependences") == f"{pairs} of {allowed}"
    natural = list(range(7))
    order = charts.move(ordering="reversed", features=7)["found"]["order"]
    assert order == natural[::-1]


def test_passes(opened):
    charts = opened()
    charts.move(features=6, units=12)
    assert charts.row("MAF") == ["1 pass", "6 passes"]
    assert charts.row("IAF") == ["6 passes", "1 pass"]
    charts.move(units=1, layers=1)  # the one unit sees the first input, and all others see the unit
    assert charts.row("MAF") == ["1 pass", "2 passes"]


def test_sliders_with_keys(opened):
    charts = opened()
    for name, value in [
        ("Features d", "features"),
        ("Hidden layers", "layers"),
        ("Units in each", "units"),
    ]:
        slider = charts.slider(name)
        slider.focus()
        before = charts.page.evaluate("scrollY")
        assert charts.changed_values(slider.press, "ArrowLeft").keys() == {value}
        (high,) = charts.changed_values(slider.press, "End").values()
        (low,) = charts.changed_values(slider.press, "Home").values()
        assert low < high and charts.page.evaluate("scrollY") == before
        charts.move(features=5, layers=2, units=8)
    output = charts.slider("Output")
    assert charts.changed_values(output.press, "End") == {"output": 5}
    assert output.get_attribute("aria-valuetext") == "5"
    charts.move(features=3)
    assert charts.read()["values"]["output"] == 3, "there is no fifth any more"


def test_choices_and_a_new_draw(opened):
    charts = opened()
    again = charts.box.get_by_role("button", name="Draw again")
    assert again.is_disabled()
    random = charts.box.get_by_role("radio", name="random", exact=True)
    assert charts.changed_values(random.nth(0).click) == {"ordering": "random"}
    assert charts.changed_values(again.click) == {"seed": 2}
    assert charts.changed_values(random.nth(1).press, "Space") == {"spread": "random"}
    first = charts.read()["found"]
    charts.changed_values(again.press, "Enter")
    assert charts.read()["found"]["degrees"] != first["degrees"]
    reversed_ = charts.box.get_by_role("radio", name="reversed")
    assert charts.changed_values(reversed_.press, "Space") == {"ordering": "reversed"}


def test_click_on_an_output_lights_its_ancestors(opened):
    charts = opened()
    network = charts.box.locator("canvas").first

    def click(layer, unit):
        network.click(position=charts.place(layer, unit))

    def alpha_of_input(unit):
        """How dark the rim of an input is: the sum over a row of pixels through it."""
        at = charts.place(0, unit)
        return charts.root.evaluate(
            """(root, { x, y }) => {
                const context = root.querySelector("canvas").getContext("2d");
                const row = context.getImageData(x - 14, y, 6, 1).data;
                return row.filter((_, i) => i % 4 === 3).reduce((a, b) => a + b);
            }""",
            at,
        )

    all_ = [alpha_of_input(unit) for unit in range(5)]
    assert charts.changed_values(click, -1, 2) == {"output": 3}
    assert charts.read()["found"]["lit"][0] == [True, True, False, False, False]
    faded = [alpha_of_input(unit) < all_[unit] for unit in range(5)]
    assert faded == [False, False, True, True, True]
    assert charts.changed_values(click, -1, 2) == {"output": 0}
    pattern = charts.box.locator("canvas").nth(2)
    side = pattern.bounding_box()["width"]
    below = {"x": side / 2, "y": side - 8}
    assert charts.changed_values(lambda: pattern.click(position=below)) == {"output": 5}
    click(1, 3)
    assert charts.read()["values"]["output"] == 5, "a hidden unit is no output"


def test_a_finger_chooses_an_output(opened):
    charts = opened(**PHONE)
    network = charts.box.locator("canvas").first
    network.scroll_into_view_if_needed()
    assert charts.changed_values(lambda: network.tap(position=charts.place(-1, 4))) == {"output": 5}
    slider = charts.slider("Features d")
    box = slider.bounding_box()
    tap = {"x": 0.9 * box["width"], "y": box["height"] / 2}
    assert charts.changed_values(lambda: slider.tap(position=tap)).keys() == {"features"}


def test_python_and_page_agree_at_the_start(opened):
    values = opened().read()["values"]
    widget = MaskedNetwork()
    assert values == {name: getattr(widget, name) for name in values}


# --- for everybody ------------------------------------------------------------------------------


@pytest.mark.alone
@pytest.mark.parametrize("label", ["Units in each", "Output"])
def test_median_frame_takes_less_than_4_ms(opened, label):
    charts = opened()
    charts.move(features=8, layers=3, units=12)
    assert best_median(lambda: charts.frame_times(label)) < LIMIT


def test_dark_and_light(opened):
    opened().check_colours()


def test_on_a_phone(opened):
    controls = "input[type=range], button, .vc-choices label"
    opened(**PHONE).check_phone(controls, blur=0.02)


def test_words_for_those_who_do_not_see_it(opened):
    charts = opened()
    for canvas in charts.box.locator("canvas").all():
        assert canvas.get_attribute("role") == "img"
        assert len(canvas.get_attribute("aria-label")) > 10
    charts.move(output=3)
    charts.page.wait_for_timeout(900)
    assert charts.box.locator("div[role=status]").inner_text() == (
        "x₃ comes after x₁, x₂, and its s and t see both of them, through 8 hidden units. "
        "80 of 144 weights survive, 10 of 10 dependences. One way takes 1 pass, the other 5."
    )
    sentences = {
        (1, 8, 2): "x₁ comes first: its s and t see nothing, they are constants.",
        (2, 8, 2): "x₂ comes after x₁, and its s and t see it, through 4 hidden units.",
        (0, 1, 1): "Some dependences have no path: there are too few hidden units of some degree.",
        (3, 1, 1): "x₃ comes after x₁, x₂, and its s and t see only x₁, through 1 hidden unit.",
    }
    for (output, units, layers), wanted in sentences.items():
        charts.move(output=output, units=units, layers=layers)
        assert charts.box.locator(".mn-verdict").inner_text() == wanted


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(opened, theme):
    charts = opened(reduced_motion="reduce")  # colours do not fade from one to the other
    charts.page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
    assert charts.accessibility() == []


def test_page_loads_only_its_own_files(opened, served_book):
    assert opened().strangers(served_book) == []


# --- in Python ----------------------------------------------------------------------------------

BAD = {
    "features": (9, "features is 9, needs to be at most 8"),
    "layers": (0, "layers must be a whole number of at least 1"),
    "units": (13, "units is 13, needs to be at most 12"),
    "ordering": ("sorted", "ordering is 'sorted', needs to be one of natural, reversed, random"),
    "spread": ("odd", "spread is 'odd'"),
    "seed": (-1, "seed must be a whole number"),
    "output": (6, "output is 6, needs to be at most 5"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name):
    value, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        MaskedNetwork(**{name: value})


def test_text_stands_in_for_the_widget():
    assert repr(MaskedNetwork()).startswith("<MaskedNetwork: which weights of an autoregressive")
