"""Widgets with charts on a built page: every control works, and everybody can use it."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.widgets.beta_page import family
from tests.widgets.chart_page import Charts
from tests.widgets.frames import LIMIT, best_median
from vae_course.widgets import BoundTightness, GradientEstimators


@dataclass
class Example:
    page: str
    name: str
    kind: Callable  # makes the one on the page
    sliders: dict[str, str]  # label -> the value that it moves
    radios: dict[str, dict]  # label of a radio button -> what it sets
    checks: dict[str, dict]


EXAMPLES = [
    Example(
        "estimators",
        "vc-estimators",
        GradientEstimators,
        {"Mean μ": "mean", "Scale σ": "sigma", "Samples K": "samples", "Frequency c": "frequency"},
        {
            "sin c z": {"integrand": "sine"},
            "max(0, z)": {"integrand": "relu"},
            "1[z > 0]": {"integrand": "step"},
            "z³ − 3z": {"integrand": "cubic"},
            "z²": {"integrand": "square"},
            "σ": {"parameter": "sigma"},
        },
        {"Baseline b = E f(z)": {"baseline": True}},
    ),
    Example(
        "tightness",
        "vc-tightness",
        BoundTightness,
        {
            "Samples K": "samples",
            "Dimensions d": "dimensions",
            "Shift m": "shift",
            "Scale s": "scale",
        },
        {"same KL in total": {"total": True}, "same mismatch in each": {"total": False}},
        {},
    ),
    Example(
        "beta",
        "vc-beta",
        family,
        {"Weight of the rate β": "beta"},
        {},
        {"from a sample of q(z|x), not its mean": {"sampled": True}},
    ),
]
SLIDERS = [(example, label) for example in EXAMPLES for label in example.sliders]
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}


@pytest.fixture(params=EXAMPLES, ids=lambda example: example.page)
def example(request):
    return request.param


@pytest.fixture
def opened(served_book, open_page, example):
    def open_(**options) -> Charts:
        return Charts(open_page(f"{served_book}/{example.page}.html", **options), example.name)

    return open_


# --- every control, every way -------------------------------------------------------------------


def all_sliders(charts, example):
    """Its sliders; the frequency is one only for the sine."""
    if "Frequency c" in example.sliders:
        assert not charts.slider("Frequency c").is_visible()
        charts.move(integrand="sine")
    return [(charts.slider(label), value) for label, value in example.sliders.items()]


def test_sliders_with_keys(opened, example):
    charts = opened()
    for slider, value in all_sliders(charts, example):
        slider.focus()
        before = charts.page.evaluate("scrollY")
        assert charts.changed_values(slider.press, "ArrowLeft").keys() == {value}
        (low,) = charts.changed_values(slider.press, "Home").values()
        (high,) = charts.changed_values(slider.press, "End").values()
        assert low < high
        assert charts.page.evaluate("scrollY") == before
        charts.move(**{value: getattr(example.kind(), value)})


def test_sliders_with_the_mouse(opened, example):
    charts = opened()
    for slider, value in all_sliders(charts, example):
        slider.scroll_into_view_if_needed()
        assert charts.changed_values(drag, charts.page.mouse, slider).keys() == {value}


def drag(mouse, slider):
    box = slider.bounding_box()
    middle = box["y"] + box["height"] / 2
    mouse.move(box["x"] + 0.7 * box["width"], middle)
    mouse.down()
    mouse.move(box["x"] + 0.2 * box["width"], middle, steps=4)
    mouse.up()


def test_sliders_with_a_finger(opened, example):
    charts = opened(**PHONE)
    for slider, value in all_sliders(charts, example):
        slider.scroll_into_view_if_needed()
        assert charts.changed_values(tap, slider).keys() == {value}


def tap(slider):
    box = slider.bounding_box()
    slider.tap(position={"x": 0.15 * box["width"], "y": box["height"] / 2})


@pytest.mark.parametrize("way", ["mouse", "finger", "keys"])
def test_choices(opened, example, way):
    charts = opened(**(PHONE if way == "finger" else {}))

    def act(control):
        if way == "finger":
            control.tap()
        elif way == "mouse":
            control.click()
        else:
            control.focus()
            control.press("Space")

    for role, choices in {"radio": example.radios, "checkbox": example.checks}.items():
        for label, wanted in choices.items():
            control = charts.box.get_by_role(role, name=label, exact=True)
            assert charts.changed_values(act, control) == wanted, label
    again = charts.box.get_by_role("button", name="Draw again")
    assert charts.changed_values(act, again) == {"seed": 2}


@pytest.mark.parametrize("example", [e for e in EXAMPLES if e.radios], ids=lambda e: e.page)
def test_arrow_keys_walk_through_a_group(opened, example):
    charts = opened()
    first = charts.box.get_by_role("radio").first
    first.focus()
    assert charts.changed_values(first.press, "ArrowDown")


def test_python_sets_what_the_page_shows(opened, example):
    """The page has no kernel; what would come from one comes through the same model."""
    charts = opened()
    defaults = example.kind()
    state = charts.read()
    assert state["values"] == {name: getattr(defaults, name) for name in state["values"]}
    for slider, value in all_sliders(charts, example):
        assert float(slider.get_attribute("aria-valuetext")) == pytest.approx(
            getattr(defaults, value)
        )


# --- for everybody ------------------------------------------------------------------------------


@pytest.mark.alone
@pytest.mark.parametrize(("example", "label"), SLIDERS, ids=lambda one: getattr(one, "page", one))
def test_median_frame_takes_less_than_4_ms(opened, example, label):
    charts = opened()
    all_sliders(charts, example)
    assert best_median(lambda: charts.frame_times(label)) < LIMIT


def test_dark_and_light(opened):
    """Drawn again in other colours, at the same places."""
    opened().check_colours()


def test_on_a_phone(opened):
    charts = opened(**PHONE)
    assert charts.page.evaluate("document.documentElement.scrollWidth") == 390
    assert charts.root.evaluate("root => root.scrollWidth - root.clientWidth") <= 0
    for control in charts.box.locator("input, button").all():
        if not control.is_visible():
            continue
        size = control.evaluate("""node => {
            const choice = ["radio", "checkbox"].includes(node.type);
            const { width, height } = (choice ? node.labels[0] : node).getBoundingClientRect();
            return [width, height];
        }""")
        assert min(size) >= 24
    for canvas in charts.box.locator("canvas").all():
        assert canvas.evaluate("c => c.width / c.clientWidth") == 2


def test_words_for_those_who_do_not_see_it(opened, example):
    charts = opened()
    for canvas in charts.box.locator("canvas").all():
        assert canvas.get_attribute("role") == "img"
        assert len(canvas.get_attribute("aria-label")) > 10
    charts.read()
    charts.page.wait_for_timeout(900)
    said = charts.box.locator("div[role=status]").inner_text()
    told = {
        "estimators": "Exact gradient 2.00. Standard deviation of the score function 1.73, "
        "of pathwise 0.632. For the same precision, pathwise needs 7.5 times fewer samples here.",
        "tightness": "K 50, d 4. Bound",
        "beta": "β 1. Rate ",
    }[example.page]
    assert said.startswith(told)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(opened, theme):
    charts = opened(reduced_motion="reduce")  # colours do not fade from one to the other
    charts.page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
    assert charts.accessibility() == []


def test_page_loads_only_its_own_files(opened, served_book):
    assert opened().strangers(served_book) == []


# --- in Python ----------------------------------------------------------------------------------

BAD = {
    (GradientEstimators, "integrand"): ("tan", "integrand is 'tan', needs to be one of square"),
    (GradientEstimators, "parameter"): ("mu", "parameter is 'mu'"),
    (GradientEstimators, "samples"): (3, "samples is 3, needs to be one of 1, 2, 5"),
    (GradientEstimators, "frequency"): (0.5, "frequency is 0.5, needs to be 1 to 10"),
    (GradientEstimators, "sigma"): (0.0, "sigma is 0.0"),
    (GradientEstimators, "mean"): (float("nan"), "mean is nan"),
    (GradientEstimators, "seed"): (-1, "seed must be a whole number"),
    (BoundTightness, "samples"): (1001, "samples is 1001, needs to be at most 1000"),
    (BoundTightness, "dimensions"): (0, "dimensions must be a whole number of at least 1"),
    (BoundTightness, "shift"): (-0.1, "shift is -0.1"),
    (BoundTightness, "scale"): (3.0, "scale is 3.0"),
    (BoundTightness, "seed"): (0.5, "seed must be a whole number"),
}


@pytest.mark.parametrize(("kind", "name"), BAD)
def test_bad_input(kind, name):
    value, message = BAD[kind, name]
    with pytest.raises(ValueError, match=message):
        kind(**{name: value})


def test_text_stands_in_for_the_widget():
    assert repr(BoundTightness()).startswith("<BoundTightness: the importance-weighted bound")
    assert repr(GradientEstimators()).startswith("<GradientEstimators: score function")
