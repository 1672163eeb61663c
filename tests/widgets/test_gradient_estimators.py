"""The widget of the two gradient estimators: what it shows is what was computed."""

import pytest

from tests.widgets.chart_page import Charts, number
from tests.widgets.node import run_module

# The columns of a histogram on its canvas: for each of the two halves, where the coloured pixels
# lie, as their mean place along the axis in parts of the width. Bars are 85% opaque; text is not.
CENTROIDS = """canvas => {
    const { width, height } = canvas;
    const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
    return [[0, 0.5], [0.5, 0.92]].map(([from, to]) => {
        let [sum, count] = [0, 0];
        for (let y = Math.floor(from * height); y < to * height; y++) {
            for (let x = 0; x < width; x++) {
                const opacity = data[4 * (y * width + x) + 3] / 255;
                if (Math.abs(opacity - 0.85) < 0.01) {
                    sum += x + 0.5;
                    count += 1;
                }
            }
        }
        return sum / count - width / 2;
    });
}"""
SETTINGS = [
    {"integrand": "square", "mean": 1.0, "samples": 10},
    {"integrand": "sine", "mean": 0.3, "frequency": 10.0, "samples": 5},
    {"integrand": "step", "mean": 0.4, "samples": 50},
    {"integrand": "relu", "mean": -0.4, "samples": 100, "baseline": True},
    {"integrand": "cubic", "mean": 0.5, "sigma": 0.7, "samples": 20, "parameter": "sigma"},
]


@pytest.fixture
def charts(served_book, open_page):
    return Charts(open_page(f"{served_book}/estimators.html"), "vc-estimators")


def test_table_shows_what_was_found_and_what_is_exact(charts):
    for setting in SETTINGS:
        state = charts.move(**setting)
        wanted = run_module("estimator_moments.js", "return js.exactMoments(data)", state["values"])
        assert state["exact"] == wanted and state["done"] == 2000
        for name, label in {"score": "Score function", "pathwise": "Pathwise"}.items():
            found = state["found"][name]
            deviation = (wanted[name]["variance"] / state["values"]["samples"]) ** 0.5
            shown = [number(text) for text in charts.row(label)]
            wanted_row = [found["mean"], found["variance"] ** 0.5, deviation]
            assert shown == pytest.approx(wanted_row, rel=0.006, abs=6e-5), setting
        ratio = charts.row("Variance ratio")
        if setting["integrand"] == "step":
            assert ratio == ["", "—", "—"]
        else:
            exact = wanted["score"]["variance"] / wanted["pathwise"]["variance"]
            assert number(ratio[2]) == pytest.approx(exact, rel=0.006, abs=6e-5)


def test_histograms_lie_where_the_estimates_do(charts):
    """In the picture: the middle of the bars against the mean of the estimates."""
    canvas = charts.box.locator("canvas").nth(1)
    for setting in SETTINGS:
        state = charts.move(**setting)
        exact = state["exact"]
        widest = max(exact[name]["variance"] for name in ("score", "pathwise")) ** 0.5
        reach = max(2 * widest, 1.2 * abs(exact["gradient"] - exact["pathwise"]["mean"]))
        half = canvas.evaluate("canvas => canvas.width / 2 - 8")
        for name, place in zip(("score", "pathwise"), canvas.evaluate(CENTROIDS), strict=True):
            mean = state["found"][name]["mean"] - exact["gradient"]
            assert place == pytest.approx(half * mean / reach, abs=4), (setting, name)


def test_who_wins_is_said(charts):
    verdict = charts.box.locator(".ge-verdict")
    charts.move(integrand="square", mean=1.0)
    assert "pathwise needs 7.5 times fewer" in verdict.inner_text()
    charts.move(integrand="sine", mean=0.3, frequency=10.0)
    assert "the score function needs 100 times fewer" in verdict.inner_text()
    charts.move(integrand="step", mean=0.4)
    assert "Pathwise sees no slope and says 0" in verdict.inner_text()


def test_baseline_is_the_mean_and_helps(charts):
    without = charts.move(integrand="relu", mean=1.0, baseline=False)["exact"]
    charts.box.get_by_role("checkbox").check()
    with_it = charts.read()["exact"]
    assert without["b"] == 0 and with_it["b"] == pytest.approx(1.08332, abs=1e-5)  # φ(1) + Φ(1)
    assert with_it["score"]["variance"] < 0.6 * without["score"]["variance"]
    assert with_it["gradient"] == without["gradient"]
