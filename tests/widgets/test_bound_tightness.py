"""The widget of the bound's tightness: what it shows is what was computed."""

from math import ceil, exp

import pytest
import torch

from tests.widgets.chart_page import Charts, number
from tests.widgets.node import run_module

SETTINGS = [
    {"samples": 50, "dimensions": 4},
    {"samples": 1000, "dimensions": 32},
    {"samples": 7, "dimensions": 64, "total": True},
    {"samples": 200, "dimensions": 8, "scale": 1.3, "total": False},
    {"samples": 20, "dimensions": 3, "scale": 0.6},
]


@pytest.fixture
def charts(served_book, open_page):
    return Charts(open_page(f"{served_book}/tightness.html"), "vc-tightness")


def results(charts) -> dict[str, torch.Tensor]:
    """All runs: bound, ess and largest, each (counts, runs)."""
    found = charts.root.evaluate("""root => Object.fromEntries(
        Object.entries(root.courseWidget.maker.results)
            .map(([name, table]) => [name, table.map((numbers) => [...numbers])]))""")
    return {name: torch.tensor(table, dtype=torch.float64) for name, table in found.items()}


def test_table_shows_what_was_found_and_what_is_exact(charts):
    for setting in SETTINGS:
        state = charts.move(**setting)
        exact, place = state["exact"], state["found"]["place"]
        wanted = run_module("bound_weights.js", "return js.exactTightness(data)", state["values"])
        assert exact == wanted and state["done"] == 200
        runs = results(charts)
        rows = {
            "ELBO": (runs["bound"][0].mean(), -exact["klQP"]),
            "ESS": (runs["ess"][place].mean(), exact["essFraction"]),
        }
        for label, (found, truth) in rows.items():
            shown = [number(text) for text in charts.row(label)]
            close = {"rel": 0.006, "abs": 6e-3 if label == "ELBO" else 6e-5}
            assert shown == pytest.approx([found.item(), truth], **close), (setting, label)
        bound = charts.row(f"L{setting['samples']:,} ")
        assert number(bound[0]) == pytest.approx(runs["bound"][place].mean().item(), abs=6e-3)
        largest = charts.row("Largest weight")
        assert number(largest[0]) == pytest.approx(runs["largest"][place].mean().item(), rel=0.01)
        needed = charts.box.locator("tbody tr").last.locator("td").last.inner_text()
        needed = number(needed.rpartition("= ")[2])
        assert needed == pytest.approx(ceil(exp(exact["klPQ"]) - 1e-9), rel=0.05)


def test_band_holds_the_middle_80_percent(charts):
    state = charts.move(samples=50, dimensions=16)
    for summary, numbers in zip(state["found"]["bounds"], results(charts)["bound"], strict=True):
        assert summary["mean"] == pytest.approx(numbers.mean().item())
        assert (numbers < summary["low"]).sum() == pytest.approx(20, abs=1)
        assert (numbers > summary["high"]).sum() == pytest.approx(20, abs=1)


def test_strip_is_the_weights_of_one_draw_the_largest_first(charts):
    """Where its colour changes, from left to right, weights add up."""
    charts.move(samples=10, dimensions=4)
    weights = torch.tensor(charts.read()["found"]["weights"])
    assert len(weights) == 10 and weights.sum() == pytest.approx(1)
    assert (weights.diff() <= 0).all()
    edges = (
        charts.box.locator("canvas")
        .nth(1)
        .evaluate("""canvas => {
        const { width } = canvas;
        const { data } = canvas.getContext("2d").getImageData(0, 20, width, 1);
        const gaps = [];
        for (let x = 1; x < width; x++) {
            if (data[4 * x + 3] < 0.6 * data[4 * x - 1]) gaps.push((x + 1) / width);
        }
        return gaps;
    }""")
    )
    wanted = weights.cumsum(0)[: len(edges)]
    assert len(edges) >= 4
    assert edges == pytest.approx(wanted.tolist(), abs=0.006)


def test_dimension_is_harmless_when_the_kl_stays(charts):
    one = charts.move(dimensions=1, samples=1000)["exact"]
    many = charts.move(dimensions=64, total=True)
    assert many["exact"]["klQP"] == pytest.approx(one["klQP"])
    assert many["exact"]["essFraction"] == pytest.approx(exp(-0.25))
    assert many["found"]["ess"] == pytest.approx(exp(-0.25), abs=0.02)
    apart = charts.move(total=False)
    assert apart["found"]["ess"] < 0.02
    assert "samples are needed" in charts.box.locator(".bt-verdict").inner_text()


def test_a_narrow_q_is_warned_of(charts):
    charts.move(scale=0.7)
    assert "infinite variance" in charts.box.locator(".bt-verdict").inner_text()
    charts.move(scale=0.75)
    assert "infinite variance" not in charts.box.locator(".bt-verdict").inner_text()


def test_where_q_is_the_posterior_every_sample_is_exact(charts):
    state = charts.move(shift=0.0, scale=1.0, dimensions=64, samples=20)
    assert results(charts)["bound"].abs().max() < 1e-12
    assert state["found"]["largest"] == pytest.approx(1 / 20)
    assert "one sample is exact" in charts.box.locator(".bt-verdict").inner_text()
