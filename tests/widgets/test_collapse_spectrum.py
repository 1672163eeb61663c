"""Collapse on a spectrum: what it shows is what the best linear VAE does, computed by torch."""

from math import exp, log

import pytest
import torch

from tests.widgets.chart_page import FRAME, Charts, number
from tests.widgets.frames import LIMIT, best_median
from tests.widgets.node import run_module
from vae_course.oracles import exact_elbo, optimal_linear_vae, reverse_water_filling
from vae_course.widgets import CollapseSpectrum
from vae_course.widgets.collapse_spectrum import digits_spectrum

EIGENVALUES = torch.tensor([5.0, 2.0, 1.0, 0.5, 0.25, 0.1, 0.02, 0.0], dtype=torch.float64)
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}


def in_node(code, **data):
    data = {"eigenvalues": EIGENVALUES.tolist(), **data}
    return run_module("spectrum.js", f"const s = js.spectrum(data.eigenvalues); {code}", data)


# --- the theory ---------------------------------------------------------------------------------


@pytest.mark.parametrize("latents", [1, 3, 7])
def test_optimum_is_that_of_the_linear_vae(latents, seed):
    """Rate, distortion and ELBO of the model that torch builds, on data of that spectrum."""
    generator = torch.Generator().manual_seed(seed)
    whitened = torch.linalg.qr(torch.randn(300, 9, dtype=torch.float64, generator=generator)).Q
    whitened = torch.linalg.qr(whitened - whitened.mean(0)).Q[:, :8]
    x = whitened * 300**0.5 * EIGENVALUES.sqrt()
    settings = [(0.3, 1.0), (0.05, 4.0), (1.4, 0.5), (9.0, 2.0), (1e-3, 1.0)]
    code = "return data.settings.map(([v, b]) => [s.optimum(v, b, data.latents), "
    code += "s.rates(v * b, data.latents)])"
    found = in_node(code, settings=settings, latents=latents)
    for (variance, beta), (optimum, rates) in zip(settings, found, strict=True):
        model = optimal_linear_vae(x, latents, variance**0.5, beta)
        bound = exact_elbo(model, x)
        wanted = {
            "level": beta * variance,
            "rate": bound.rate.mean().item(),
            "distortion": bound.distortion.mean().item(),
            "elbo": bound.elbo.mean().item(),
        }
        assert {name: optimum[name] for name in wanted} == pytest.approx(wanted, abs=1e-9)
        assert sum(rates) == pytest.approx(wanted["rate"], abs=1e-9)
        assert optimum["active"] == sum(rate > 0 for rate in rates)


def test_with_a_latent_for_every_direction_it_is_reverse_water_filling():
    levels = [0.01, 0.07, 0.3, 1.5, 6.0]
    found = in_node("return data.levels.map((h) => s.point(h, 8))", levels=levels)
    for level, point in zip(levels, found, strict=True):
        wanted = reverse_water_filling(EIGENVALUES, level)
        assert point["rate"] == pytest.approx(wanted.rate.item(), abs=1e-12)
        assert point["squaredError"] == pytest.approx(wanted.distortion.item(), abs=1e-12)


@pytest.mark.parametrize("latents", [1, 3, 6])
def test_no_other_variance_has_a_better_elbo_than_the_learned_one(latents):
    code = """
        const learned = s.learnedVariance(data.latents);
        const ratios = Array.from({ length: 400 }, (_, i) => Math.exp((i - 200) / 50));
        const others = ratios.map((ratio) => s.optimum(ratio * learned, 1, data.latents).elbo);
        return [learned, s.optimum(learned, 1, data.latents), Math.max(...others)];
    """
    learned, best, others = in_node(code, latents=latents)
    assert learned == pytest.approx(EIGENVALUES[latents:].mean().item())
    assert best["elbo"] >= others and best["active"] == latents


# --- the page -----------------------------------------------------------------------------------


class Spectrum(Charts):
    def read(self) -> dict:
        self.page.evaluate(FRAME)
        return self.root.evaluate("""root => {
            const { values, found } = root.courseWidget;
            return { values: { ...values }, found };
        }""")

    def shown(self, name: str) -> float:
        """A number of the list, by the start of its name."""
        return number(self.box.locator("dl > div").filter(has_text=name).locator("dd").inner_text())

    def colour(self, direction: int, value: float) -> list[int]:
        """Of the bar of a principal direction (from 1), at the height of a variance."""
        return self.root.evaluate(
            """(root, [direction, value]) => {
                const canvas = root.querySelector("canvas");
                const scale = canvas.width / canvas.clientWidth;
                const [left, right] = [44, canvas.clientWidth - 46];
                const x = left + ((direction - 0.5) / 64) * (right - left);
                const y = root.courseWidget.heightOf(value);
                const context = canvas.getContext("2d");
                return [...context.getImageData(x * scale, y * scale, 1, 1).data];
            }""",
            [direction, value],
        )


@pytest.fixture
def opened(served_book, open_page):
    def open_(**options) -> Spectrum:
        return Spectrum(open_page(f"{served_book}/spectrum.html", **options), "vc-spectrum")

    return open_


def test_the_list_shows_the_optimum_of_the_digits(opened):
    charts = opened()
    eigenvalues = digits_spectrum()
    for variance, beta, latents in [(0.5, 1.0, 16), (0.03, 3.0, 10), (0.0148, 1.0, 32)]:
        state = charts.move(log_var=log(variance), log_beta=log(beta), latent_dim=latents)
        model = optimal_linear_vae(eigenvalues, latents, variance**0.5, beta)
        x = torch.diag((64 * eigenvalues).sqrt())  # second moments as the digits', mean left out
        x = torch.cat([x, -x])
        bound = exact_elbo(model, x)
        close = {"rel": 2e-3, "abs": 2e-3}
        assert charts.shown("Active") == (eigenvalues[:latents] > beta * variance).sum()
        assert charts.shown("Rate") == pytest.approx(bound.rate.mean().item(), **close)
        assert charts.shown("Distortion") == pytest.approx(bound.distortion.mean().item(), **close)
        assert charts.shown("ELBO") == pytest.approx(bound.elbo.mean().item(), **close)
        left = torch.cat([eigenvalues[:latents].clamp(max=beta * variance), eigenvalues[latents:]])
        assert state["found"]["squaredError"] == pytest.approx(left.sum().item(), rel=1e-4)


def test_bars_change_colour_at_the_line(opened):
    charts = opened()
    charts.move(log_var=log(0.1), log_beta=0.0, latent_dim=16)
    over, under = charts.colour(1, 0.3), charts.colour(1, 0.05)
    collapsed, without = charts.colour(16, 0.05), charts.colour(17, 0.05)
    assert len({tuple(one) for one in (over, under, collapsed, without)}) == 4
    charts.move(log_var=log(1.0))
    assert charts.colour(1, 0.3) == collapsed
    charts.move(log_var=log(0.01))
    assert charts.colour(16, 0.05) == over


def test_sliders_with_keys(opened):
    charts = opened()
    for label, value in [
        ("Noise σ²", "log_var"),
        ("Weight β", "log_beta"),
        ("Latents d", "latent_dim"),
    ]:
        slider = charts.slider(label)
        slider.focus()
        before = charts.page.evaluate("scrollY")
        assert charts.changed_values(slider.press, "ArrowLeft").keys() == {value}
        (low,) = charts.changed_values(slider.press, "Home").values()
        (high,) = charts.changed_values(slider.press, "End").values()
        assert low < high and charts.page.evaluate("scrollY") == before
        charts.move(log_var=log(0.5), log_beta=0.0, latent_dim=16)


def test_held_product_moves_the_other_slider_and_no_unit(opened):
    charts = opened()
    charts.box.get_by_role("checkbox").check()
    before = charts.move(log_var=log(0.1), log_beta=log(0.5))
    slider = charts.slider("Weight β")
    changed = charts.changed_values(lambda: [slider.press("ArrowRight") for _ in range(50)])
    after = charts.read()
    assert changed.keys() == {"log_var", "log_beta"}
    assert changed["log_var"] + changed["log_beta"] == pytest.approx(log(0.05), abs=0.006)
    for name in ("active", "rate", "squaredError"):
        assert after["found"][name] == pytest.approx(before["found"][name], rel=0.02), name
    assert abs(after["found"]["elbo"] - before["found"]["elbo"]) > 1
    charts.slider("Weight β").press("End")
    values = charts.read()["values"]
    assert values["log_beta"] <= log(100) + 1e-6 and values["log_var"] >= log(1e-3) - 1e-6


def heights(charts, *variances):
    """Places on the page, in the middle of the first picture, at the heights of variances."""
    box = charts.box.locator("canvas").first.bounding_box()
    tops = [
        charts.root.evaluate("(root, v) => root.courseWidget.heightOf(v)", v) for v in variances
    ]
    return [(box["x"] + box["width"] / 2, box["y"] + top) for top in tops]


def test_line_follows_the_mouse(opened):
    charts = opened()
    charts.move(log_var=log(0.5), log_beta=log(2))
    start, end, elsewhere = heights(charts, 1.0, 0.05, 0.003)
    mouse = charts.page.mouse

    def drag():
        mouse.move(start[0], start[1] + 6)  # not exactly on it: the line does not jump
        mouse.down()
        mouse.move(end[0], end[1] + 6, steps=5)
        mouse.up()

    changed = charts.changed_values(drag)
    assert changed == {"log_var": pytest.approx(log(0.025), abs=0.06)}
    assert charts.read()["found"]["level"] == pytest.approx(0.05, rel=0.06)
    charts.page.mouse.move(*elsewhere)
    assert charts.changed_values(lambda: charts.page.mouse.click(*elsewhere)).keys() == {"log_var"}
    assert charts.read()["found"]["level"] == pytest.approx(0.003, rel=0.06)


def test_line_follows_a_finger_and_elsewhere_the_page_scrolls(opened):
    charts = opened(**PHONE)
    charts.box.locator("canvas").first.scroll_into_view_if_needed()
    touch = charts.page.context.new_cdp_session(charts.page)

    def swipe(start, end):
        for kind, part in [("touchStart", 0), *[("touchMove", i / 8) for i in range(1, 9)]]:
            point = {"x": start[0] + part * (end[0] - start[0]),
                     "y": start[1] + part * (end[1] - start[1])}  # fmt: skip
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    before = charts.page.evaluate("scrollY")
    on_line, target, away = heights(charts, 0.5, 0.05, 0.005)
    assert charts.changed_values(swipe, on_line, target) == {
        "log_var": pytest.approx(log(0.05), abs=0.1)
    }
    assert charts.page.evaluate("scrollY") == before
    values = charts.read()["values"]
    swipe(away, (away[0], away[1] - 120))
    charts.page.wait_for_timeout(300)
    assert charts.read()["values"] == values
    assert charts.page.evaluate("scrollY") > before


def test_buttons_are_three_losses(opened):
    charts = opened()
    charts.move(log_beta=log(3), latent_dim=10)
    wanted = {"Mean": (32.0, 0), "Summed": (0.5, 3), "Learned": (digits_spectrum()[10:].mean(), 10)}
    for name, (variance, active) in wanted.items():
        button = charts.box.get_by_role("button", name=name)
        charts.changed_values(button.click)
        state = charts.read()
        assert exp(state["values"]["log_var"]) == pytest.approx(float(variance), rel=1e-4)
        assert state["values"]["log_beta"] == 0 and state["found"]["active"] == active


def test_python_and_page_agree_at_the_start(opened):
    values = opened().read()["values"]
    widget = CollapseSpectrum()
    assert values == {name: getattr(widget, name) for name in values}


# --- for everybody ------------------------------------------------------------------------------


@pytest.mark.alone
@pytest.mark.parametrize("label", ["Noise σ²", "Latents d"])
def test_median_frame_takes_less_than_4_ms(opened, label):
    charts = opened()
    assert best_median(lambda: charts.frame_times(label)) < LIMIT


def test_dark_and_light(opened):
    opened().check_colours()


def test_on_a_phone(opened):
    opened(**PHONE).check_phone("input[type=range], button, label.vc-check")


def test_words_for_those_who_do_not_see_it(opened):
    charts = opened()
    for canvas in charts.box.locator("canvas").all():
        assert canvas.get_attribute("role") == "img"
        assert len(canvas.get_attribute("aria-label")) > 10
    charts.move(log_var=log(0.5))
    charts.page.wait_for_timeout(900)
    said = charts.box.locator("div[role=status]").inner_text()
    assert said.startswith("βσ² is 0.500: 3 of 16 latents are active, KL 0.17, 0.12, 0.05 nats.")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(opened, theme):
    charts = opened(reduced_motion="reduce")  # colours do not fade from one to the other
    charts.page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
    assert charts.accessibility() == []


def test_page_loads_only_its_own_files(opened, served_book):
    assert opened().strangers(served_book) == []


# --- in Python ----------------------------------------------------------------------------------

BAD = {
    "negative": ({"eigenvalues": torch.tensor([1.0, -0.1])}, "eigenvalues has none above 0"),
    "all zero": ({"eigenvalues": torch.zeros(3)}, "eigenvalues has none above 0"),
    "one": ({"eigenvalues": torch.ones(1)}, "eigenvalues has 1 numbers"),
    "matrix": ({"eigenvalues": torch.ones(2, 2)}, "eigenvalues"),
    "latents": ({"eigenvalues": torch.ones(3), "latent_dim": 3}, "latent_dim is 3, needs to be at"),
    "sigma": ({"sigma": 0.0}, "sigma is 0.0"),
    "beta": ({"beta": 0.05}, "beta is 0.05"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    arguments, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        CollapseSpectrum(**arguments)


def test_text_stands_in_for_the_widget():
    widget = CollapseSpectrum(torch.tensor([0.5, 2.0, 1.0]), latent_dim=2, name="three numbers")
    assert widget.eigenvalues == [2.0, 1.0, 0.5]
    assert repr(widget).startswith("<CollapseSpectrum: which latents of a linear VAE are used")
