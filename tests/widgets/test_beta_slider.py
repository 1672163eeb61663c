"""The slider for β: it shows models that were trained, and what torch says of them."""

import gzip
import json
from itertools import pairwise

import pytest
import torch

from tests.widgets.beta_page import BETAS, BetaPage, family, images, models
from tests.widgets.chart_page import number
from tests.widgets.node import run_module
from tests.widgets.test_chart_widgets import PHONE
from tests.widgets.traversal_page import mixed
from vae_course.metrics import active_units, encode_all
from vae_course.models import conv_vae
from vae_course.objectives import elbo
from vae_course.random import seeded
from vae_course.widgets import BetaSlider


@pytest.fixture
def opened(served_book, open_page):
    def open_(**options) -> BetaPage:
        return BetaPage(open_page(f"{served_book}/beta.html", **options))

    return open_


# --- it is the models' --------------------------------------------------------------------------


def test_pictures_are_what_torch_decodes(opened):
    """Outputs within 1e-3 of the decoder's mean, pixels within 1/255 of the outputs."""
    page = opened()
    for model, beta, sampled in zip(models(), BETAS, [False, True, False, True], strict=True):
        page.move(beta=beta, sampled=not sampled)  # what was decoded before must not come back
        page.move(sampled=sampled)
        shown, pixels = page.shown(), page.pixels()
        for where, codes in (("reconstructions", "codes"), ("samples", "draws")):
            wanted = model.decode(shown[codes]).mean.flatten(1)
            torch.testing.assert_close(shown[where], wanted, atol=1e-3, rtol=0)
            assert (pixels[where] - mixed(shown, shown[where])).abs().max() <= 1
        assert (pixels["inputs"] - mixed(shown, images()[:12])).abs().max() <= 1


def test_codes_are_means_or_samples_of_the_posterior(opened):
    """Samples have the same noise in every model, drawn anew with "Draw again"."""
    page = opened()
    noises = []
    for model, beta in zip(models(), BETAS, strict=True):
        mean, variance = encode_all(model, images()[:12])
        page.move(beta=beta, sampled=False)
        torch.testing.assert_close(page.shown()["codes"], mean, atol=2e-3, rtol=1e-3)
        page.move(sampled=True)
        noises.append((page.shown()["codes"] - mean) / variance.sqrt())
    for noise in noises:
        torch.testing.assert_close(noise, noises[-1], atol=0.02, rtol=0.01)
    assert 0.7 < noises[-1].std() < 1.3  # 96 standard normal numbers
    before = page.shown()
    page.move(seed=2)
    after = page.shown()
    for codes in ("codes", "draws"):
        assert (before[codes] - after[codes]).abs().min() > 0
        assert not torch.allclose(after["codes"], after["draws"])


def test_all_models_decode_the_same_draws_of_the_prior(opened):
    page = opened()
    page.move(beta=0.25)
    first = page.shown()
    page.move(beta=1)
    second = page.shown()
    assert torch.equal(first["draws"], second["draws"])
    assert (first["samples"] - second["samples"]).abs().max() > 0.05
    assert abs(first["draws"].mean()) < 0.5 and 0.7 < first["draws"].std() < 1.3
    page.move(beta=20)
    collapsed = page.shown()["samples"]
    assert torch.equal(collapsed, collapsed[:1].expand(12, -1))


def test_numbers_are_those_of_the_images(opened):
    page = opened()
    for model, beta in zip(models(), BETAS, strict=True):
        page.move(beta=beta)
        with seeded(1):
            bound = elbo(model, images(), samples=50)
        rate, distortion = bound.rate.mean().item(), bound.distortion.mean().item()
        shown = {name: number(page.row(name)[0]) for name in ("Rate", "Distortion", "ELBO", "Mini")}
        assert shown["Rate"] == pytest.approx(rate, abs=0.01)
        assert shown["Distortion"] == pytest.approx(distortion, rel=0.01)  # of other draws
        assert shown["ELBO"] == pytest.approx(-shown["Rate"] - shown["Distortion"], abs=1e-9)
        wanted = shown["Distortion"] + beta * shown["Rate"]
        assert shown["Mini"] == pytest.approx(wanted, abs=0.006)
        active = active_units(encode_all(model, images())[0]).sum()
        assert page.row("Active units") == [f"{active} of 8"]
    assert "Measured on: 60 images." in page.box.inner_text()


def test_verdict(opened):
    page = opened()
    members = family().members
    bounds = [-one["rate"] - one["distortion"] for one in members]
    best = bounds.index(max(bounds))
    assert best < 3
    verdict = page.box.locator(".bs-verdict")
    for index, beta in enumerate(BETAS):
        page.move(beta=beta)
        text = verdict.inner_text()
        assert text.startswith("No other model") == (index == best)
        assert text.startswith("Total collapse") == (index == 3)
        if index != best:
            behind = f"{bounds[best] - bounds[index]:.1f} nats below that at β = {BETAS[best]}"
            assert behind in text


# --- between two models there is none -----------------------------------------------------------


def test_a_beta_between_two_shows_the_nearer_by_its_ratio(opened):
    page = opened()
    for beta, index in [(0.7, 1), (0.3, 0), (0.36, 1), (4.4, 2), (4.6, 3), (1e-6, 0), (1e6, 3)]:
        page.move(beta=beta)
        assert page.shown()["index"] == index, beta
        shown = float(page.slider("Weight of the rate β").get_attribute("aria-valuetext"))
        assert shown == BETAS[index]


def place_of(page, index: int) -> tuple[float, float]:
    """Where a model's point is on the screen."""
    box = page.plane.bounding_box()
    x, y = page.shown()["points"][index].tolist()
    return box["x"] + x, box["y"] + y


def test_points_are_in_the_order_of_rate_and_distortion(opened):
    """Right is more rate, up is more distortion, and both axes are straight."""
    points = opened().shown()["points"].double()
    members = family().members
    for axis, name in enumerate(("rate", "distortion")):
        values = torch.tensor([one[name] for one in members], dtype=torch.float64)
        slopes = points[:, axis].diff() / values.diff()
        torch.testing.assert_close(slopes, slopes[:1].expand(3), rtol=1e-3, atol=0)
        assert (slopes > 0).all() == (axis == 0)


def test_line_has_the_slope_minus_beta(opened):
    """Dashes in the accent's colour lie on it, from the left axis on, and not beside it."""
    page = opened()
    members = family().members
    for index in (0, 1, 2):
        page.move(beta=BETAS[index])
        points = page.shown()["points"].double()
        rates, heights = (
            torch.tensor([one[name] for one in members], dtype=torch.float64)
            for name in ("rate", "distortion")
        )
        per_rate = (points[0, 0] - points[3, 0]) / (rates[0] - rates[3])
        per_nat = (points[0, 1] - points[3, 1]) / (heights[0] - heights[3])
        left = points[index, 0] - rates[index] * per_rate  # of the axis R = 0
        across = torch.linspace(8, (points[index, 0] - left - 12).item(), 40).double() + left
        rate = (across - left) / per_rate
        height = members[index]["distortion"] + BETAS[index] * (rates[index] - rate)
        y = points[index, 1] + (height - heights[index]) * per_nat
        hits = page.plane.evaluate(
            """(canvas, [places, accent]) => {
                const context = canvas.getContext("2d");
                return places.map(([x, y]) => [0, 14].map((off) => {
                    const { data } = context.getImageData(Math.floor(x), Math.floor(y + off), 1, 1);
                    return Math.hypot(...accent.map((c, i) => c - data[i])) < 40 && data[3] > 100;
                }));
            }""",
            [torch.stack([across, y], 1).tolist(), accent(page)],
        )
        on, beside = torch.tensor(hits).float().mean(0).tolist()
        assert on > 0.35 and beside < 0.1, (index, on, beside)  # dashes: 6 of 10


def accent(page) -> list[int]:
    text = page.root.evaluate("root => getComputedStyle(root).getPropertyValue('--accent')")
    return [int(text.strip()[i : i + 2], 16) for i in (1, 3, 5)]


def test_a_drag_on_the_plane_goes_from_model_to_model(opened):
    page = opened()
    mouse = page.page.mouse
    mouse.move(*place_of(page, 2))
    mouse.down()
    seen = []
    for index in (1, 0, 3):
        x, y = place_of(page, index)
        mouse.move(x + 2, y + 3, steps=4)
        seen.append(page.shown()["index"])
    mouse.up()
    assert seen == [1, 0, 3]
    mouse.move(*place_of(page, 0))
    assert page.shown()["index"] == 3  # a pointer that is not held moves nothing
    mouse.click(*place_of(page, 1))
    assert page.read()["values"]["beta"] == 0.5


def test_a_finger_on_the_plane(opened):
    page = opened(**PHONE)
    page.plane.scroll_into_view_if_needed()
    for index in (0, 3, 1):
        page.page.touchscreen.tap(*place_of(page, index))
        assert page.shown()["index"] == index
    assert page.plane.evaluate("c => getComputedStyle(c).touchAction") == "pan-y"


def test_pictures_come_a_few_at_a_time_and_are_kept(opened):
    """A model seen before is there at once; a new one takes more frames than one."""
    page = opened()
    page.move(beta=0.25)
    page.move(beta=1)
    frames = """(root, beta) => new Promise((done) => {
        const { frames, moveTo } = root.courseWidget;
        frames.length = 0;
        moveTo({ beta });
        const wait = () => root.courseWidget.finished ? done(frames.length) : setTimeout(wait, 1);
        wait();
    })"""
    assert page.root.evaluate(frames, 20) > 1
    assert page.root.evaluate(frames, 0.25) < page.root.evaluate(frames, 0.5)


def test_pure_functions():
    found = run_module(
        "beta_plane.js",
        """return [
            js.nearestPoint([[0, 0], [10, 0], [10, 30]], [9, 14]),
            js.nearestPoint([[0, 0], [10, 0], [10, 30]], [9, 16]),
            js.objective({ beta: 4, rate: 3, distortion: 50 }),
            js.planeRanges([
                { beta: 1, rate: 20, distortion: 60 }, { beta: 50, rate: 2, distortion: 90 },
            ]),
        ]""",
        None,
    )
    assert found[:3] == [1, 2, 62]
    low, high = found[3]["distortions"]
    assert found[3]["rates"][0] == 0 and found[3]["rates"][1] > 20
    assert low < 60 and high > 190  # the objective 90 + 50 · 2 is a place on the axis


# --- in Python ----------------------------------------------------------------------------------


def state_size(widget) -> int:
    return len(gzip.compress(json.dumps(widget.get_state()).encode()))


def test_a_learners_own_family_starts_near_one():
    widget = family()
    assert widget.beta == 1 and not widget.sampled
    assert repr(widget) == "<BetaSlider: 4 models, trained with β from 0.25 to 20>"
    assert BetaSlider(models()[2:], (2, 3), images(), beta=3.0).beta == 3
    assert BetaSlider(models()[2:], (2, 3), images()).beta == 2


BAD = {
    "one alone": ({"betas": None}, "models, betas and images need to be given together"),
    "few models": ({"models": models()[:1], "betas": [1]}, "models has 1 of them"),
    "few betas": ({"betas": [1, 2]}, "betas has 2 entries, needs 4"),
    "falling": ({"betas": [4, 3, 2, 1]}, "needs positive numbers that rise"),
    "zero": ({"betas": [0, 1, 2, 3]}, "needs positive numbers that rise"),
    "shapes": (
        {"models": [*models()[:3], conv_vae((1, 32, 32))]},
        r"models have event shapes \[\(1, 28, 28\), \(1, 32, 32\)\]",
    ),
    "colour": ({"models": [conv_vae((3, 28, 28))] * 4}, "need the same"),
    "images": ({"images": images()[:, 0]}, "images has shape"),
    "one image": ({"images": images()[:1]}, "images has 1 of them"),
    "range": ({"images": images() - 0.5}, r"images has values outside \[0, 1\]"),
    "likelihood": (
        {"models": [conv_vae(likelihood="continuous_bernoulli")] * 4},
        "model has the likelihood",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    change, message = BAD[case]
    arguments = {"models": models(), "betas": BETAS, "images": images()} | change
    with pytest.raises(ValueError, match=message):
        BetaSlider(**arguments)


# --- the family that comes with the course ------------------------------------------------------


@pytest.fixture(scope="module")
def recorded() -> BetaSlider:
    return BetaSlider()


def test_its_state_leaves_room_for_the_page(recorded):
    """A page of text is about 330 KB, and may be 900."""
    assert state_size(recorded) <= 480_000


def test_each_member_is_the_best_for_its_own_beta(recorded):
    """Of the family no other model has a lower D + βR, as it must be if all were trained enough.

    Not exactly: they were trained on other glyphs than these. Where β is small, so is the gain.
    """
    members = recorded.members
    for one in members:
        costs = [other["distortion"] + one["beta"] * other["rate"] for other in members]
        mine = one["distortion"] + one["beta"] * one["rate"]
        assert mine <= min(costs) + 0.3, one["beta"]  # nats, of 54 to 180


def test_it_goes_from_a_high_rate_to_total_collapse(recorded):
    members = recorded.members
    rates = [one["rate"] for one in members]
    assert rates[0] > 30 and members[0]["active"] == members[0]["latents"] == 10
    assert recorded.measured_on.startswith("glyphs test split, 4,000")
    assert rates[-1] < 0.01 and members[-1]["active"] == 0
    for one, other in pairwise(members):
        assert other["rate"] <= one["rate"] + 0.02
        assert other["distortion"] >= one["distortion"] - 0.3
