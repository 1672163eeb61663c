"""KL in two directions: both divergences, their optima and their maps are torch's."""

import math
from itertools import pairwise

import pytest
import torch
from torch.distributions import Categorical, MixtureSameFamily, Normal

from tests.quadrature import nodes
from tests.widgets.fit_page import Fit
from tests.widgets.frames import LIMIT, best_median
from vae_course.random import seeded
from vae_course.widgets import KLDirections

NAME = "vc-kl-directions"
FIT = {"reverse": "Fit KL(q ‖ p)", "forward": "Fit KL(p ‖ q)"}


@pytest.fixture
def opened(served_book, open_page):
    def open_(address=f"{served_book}/fits.html", **options):
        return Fit(open_page(address, **options), NAME)

    return open_


def mixture(separation, weight, width) -> MixtureSameFamily:
    means = torch.tensor([-0.5, 0.5], dtype=torch.float64) * separation
    shares = torch.tensor([1 - weight, weight], dtype=torch.float64)
    return MixtureSameFamily(Categorical(shares), Normal(means, torch.full_like(means, width)))


def gaussian(q) -> Normal:
    return Normal(q[0], q[1].exp())


def divergence(first, second, half: float) -> torch.Tensor:
    """KL(first ‖ second), Gauss-Legendre over 40 pieces of (-half, half)."""
    places, weights = nodes(-half / 40, half / 40, 60)
    middles = torch.arange(-39, 40, 2, dtype=torch.float64) * half / 40
    z = middles[:, None] + places
    log_first = first.log_prob(z)
    return (weights * log_first.exp() * (log_first - second.log_prob(z))).sum()


def both(p, q) -> dict[str, torch.Tensor]:
    return {
        "reverse": divergence(gaussian(q), p, 30.0),
        "forward": divergence(p, gaussian(q), 12.0),
    }


def points(seed, count=20):
    """Δ, w, s and q = [μ, log σ], anywhere the sliders go."""
    with seeded(seed):
        low = torch.tensor([0, 0.05, 0.3, -3, math.log(0.2)], dtype=torch.float64)
        high = torch.tensor([4, 0.95, 0.8, 3, math.log(2.5)], dtype=torch.float64)
        return low + torch.rand(count, 5, dtype=torch.float64) * (high - low)


def change(fit, p) -> dict:
    fit.root.evaluate("(root, p) => root.courseWidget.change(p)", list(p))
    return fit.read()


# --- it is torch's ------------------------------------------------------------------------------


def test_divergences_and_gradients_are_torchs(opened, seed):
    fit = opened()
    for point in points(seed).tolist():
        change(fit, point[:3])
        shown = fit.move(point[3:])
        q = torch.tensor(point[3:], dtype=torch.float64, requires_grad=True)
        for name, value in both(mixture(*point[:3]), q).items():
            (gradient,) = torch.autograd.grad(value, q)
            scale = 1 + value.item()  # a KL of hundreds of nats to seven digits
            assert shown[name]["value"] == pytest.approx(value.item(), abs=1e-6 * scale)
            assert shown[name]["gradient"] == pytest.approx(
                gradient.tolist(), abs=1e-4 * (1 + gradient.abs().max().item())
            )


def test_optima_are_where_torchs_gradient_is_zero(opened, seed):
    """To 0.01, as crosses on a map need; the fits, below, to 1e-4."""
    fit = opened()
    for point in points(seed, 10).tolist():
        shown = change(fit, point[:3])
        p = mixture(*point[:3])
        values = []
        for optimum in shown["optima"]:
            q = torch.tensor(optimum, dtype=torch.float64, requires_grad=True)
            value = both(p, q)["reverse"]
            (gradient,) = torch.autograd.grad(value, q)
            assert (gradient * torch.stack([q[1].exp(), torch.ones_like(q[1])])).norm() < 0.01
            values.append(value.item())
        assert all(a < b + 1e-5 for a, b in pairwise(values)), "best first"
        mean, log_sigma = shown["moments"]
        assert mean == pytest.approx(p.mean.item())
        assert math.exp(2 * log_sigma) == pytest.approx(p.variance.item())


def test_optima_are_several_only_if_the_modes_are_apart(opened):
    fit = opened()
    means = [mu for mu, _ in change(fit, (3, 0.6, 0.4))["optima"]]
    assert means == pytest.approx([1.5, -1.5, 0.24], abs=0.02), "the broad one is the worst"
    assert len(change(fit, (1.2, 0.6, 0.6))["optima"]) == 1


@pytest.mark.parametrize("start", [(0.6, 0.0), (-1.0, 0.0), (-0.6, 0.0)])
def test_fit_of_the_reverse_ends_in_an_optimum_near_the_start(opened, start):
    """Each mode is one, and so is a broad q in the middle: where it ends depends on the start."""
    fit = opened()
    fit.move(start)
    fit.button(FIT["reverse"]).click()
    shown = fit.wait_until_it_stands()
    q = torch.tensor(shown["q"], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(both(mixture(3, 0.6, 0.4), q)["reverse"], q)
    assert gradient.abs().max() < 1e-4
    assert shown["q"][0] == pytest.approx({0.6: 1.5, -1.0: -1.5, -0.6: 0.24}[start[0]], abs=0.02)


def test_fit_of_the_forward_matches_mean_and_variance(opened):
    fit = opened()
    fit.move((-2.5, -1.2))
    fit.button(FIT["forward"]).click()
    shown = fit.wait_until_it_stands()
    p = mixture(3, 0.6, 0.4)
    assert shown["q"][0] == pytest.approx(p.mean.item(), abs=1e-5)
    assert math.exp(2 * shown["q"][1]) == pytest.approx(p.variance.item(), abs=1e-4)


def test_fit_stops_at_the_second_click_and_gives_way_to_the_other(opened):
    fit = opened()
    start = fit.move((-2.5, -1.2))
    later = fit.hold_time()
    fit.button(FIT["forward"]).click()
    assert later(300)["q"] != start["q"]
    fit.button("Stop").click()
    stopped = later(50)
    assert later(1000) == stopped and fit.button("Stop").count() == 0
    fit.button(FIT["forward"]).click()
    fit.button(FIT["reverse"]).click()
    assert fit.button("Stop").count() == 1 and fit.button(FIT["forward"]).count() == 1


def test_with_reduced_motion_it_jumps_in_a_few_steps(opened):
    fit = opened(reduced_motion="reduce")
    before = fit.root.evaluate("root => root.courseWidget.frames.length")
    fit.button(FIT["forward"]).click()
    assert fit.wait_until_it_stands()["q"][0] == pytest.approx(0.3, abs=1e-5)
    assert fit.root.evaluate("root => root.courseWidget.frames.length") - before <= 6


def test_contours_pass_where_the_divergence_has_their_level(opened, seed):
    """All points of all contours of KL(p ‖ q): a closed form but for the entropy of p."""
    fit = opened()
    *p, _, _ = points(seed, 1)[0].tolist()
    change(fit, p)
    lines = fit.root.evaluate("root => root.courseWidget.contours('forward')")
    target = mixture(*p)
    least = divergence(target, Normal(target.mean, target.variance.sqrt()), 12.0)
    drawn = [(level, torch.tensor(places)) for level, places in lines if places]
    assert len(drawn) >= 5
    for level, places in drawn:
        mu, log_sigma = places.double().T
        ratio = (target.variance + (target.mean - mu) ** 2) / (2 * log_sigma).exp()
        value = least + log_sigma - 0.5 * target.variance.log() + 0.5 * ratio - 0.5
        assert (value - level).abs().max() < 0.05 * (level + 0.3)


# --- every way to move it -----------------------------------------------------------------------


def test_keys(opened):
    fit = opened()
    before, after = fit.changes(lambda: [fit.slider("μ").press("ArrowRight") for _ in range(10)])
    assert after["q"][0] == pytest.approx(before["q"][0] + 0.1)
    # The distance comes last: where it is 0 there is no weight.
    for index, name, least in ((1, "weight w", 0.05), (2, "width s", 0.3), (0, "distance Δ", 0)):
        before, after = fit.changes(lambda: fit.slider(name).press("Home"))  # noqa: B023
        assert after["p"][index] == least < before["p"][index]
        assert after["reverse"]["value"] != before["reverse"]["value"]


def test_mouse_in_the_plot_and_on_the_maps(opened):
    fit = opened()
    before, after = fit.changes(lambda: fit.drag(fit.plot, 0.25, 0))
    assert after["q"] == pytest.approx([before["q"][0] + 2, before["q"][1]], abs=0.03)
    for index in (1, 2):
        canvas = fit.box.locator("canvas").nth(index)
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        fit.changes(lambda: canvas.click(position={"x": 30, "y": 1}), canvas)  # noqa: B023
        assert fit.read()["q"] == pytest.approx([-3, math.log(2.5)], abs=0.05)
        corner = {"x": box["width"] - 1, "y": box["height"] - 20}
        canvas.click(position=corner)
        assert fit.read()["q"] == pytest.approx([3, math.log(0.2)], abs=0.05)
        fit.drag(canvas, 0.1, 0.1)
        assert fit.read()["q"][0] < 1.5


def test_fingers(opened):
    fit = opened(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    before, after = fit.changes(lambda: fit.touch(fit.plot, ((0.5, 0.5), (0.3, 0.55))))
    assert after["q"][0] < before["q"][0] - 1.2 and after["q"][1] == before["q"][1]
    canvas = fit.box.locator("canvas").nth(1)
    before, after = fit.changes(lambda: fit.touch(canvas, ((0.5, 0.3), (0.6, 0.6))), canvas)
    assert after["q"][0] > before["q"][0] and after["q"][1] < before["q"][1]


# --- how it behaves -----------------------------------------------------------------------------


@pytest.mark.alone
@pytest.mark.parametrize("label", ["μ", "distance Δ"])
def test_median_frame_takes_less_than_4_ms(opened, label):
    fit = opened()
    assert best_median(lambda: fit.frame_times(label)) < LIMIT


def test_dark_and_light(opened):
    fit = opened()
    for canvas in fit.box.locator("canvas").all():
        fit.page.evaluate("document.documentElement.dataset.theme = 'light'")
        fit.changes(
            lambda: fit.page.evaluate("document.documentElement.dataset.theme = 'dark'"), canvas
        )


def test_on_a_phone(opened):
    fit = opened(viewport={"width": 390, "height": 844}, device_scale_factor=2)
    fit.check_on_a_phone()


def test_words_for_those_who_do_not_see_it(opened):
    fit = opened()
    fit.check_words()
    shown = fit.move((0, 0))
    fit.page.wait_for_timeout(900)
    assert fit.box.get_by_role("status").filter(has_text="q has").inner_text() == (
        "q has mean 0.00 and standard deviation 1.00. "
        f"KL from q to p is {shown['reverse']['value']:.2f} nats, "
        f"KL from p to q is {shown['forward']['value']:.2f} nats."
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(opened, theme):
    fit = opened(reduced_motion="reduce")  # colours do not fade from one to the other
    fit.page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
    assert fit.accessibility(NAME) == []


def test_page_has_no_errors(opened):
    assert opened().watched.errors == []


@pytest.mark.parametrize(
    "arguments",
    [{"separation": 5}, {"weight": 1}, {"width": 0.1}, {"mu": -4}, {"sigma": 3}],
)
def test_bad_input(arguments):
    name = next(iter(arguments))
    with pytest.raises(ValueError, match=f"^{name} is .*, needs "):
        KLDirections(**arguments)
