"""A Gaussian against a posterior with two modes: numbers, sums and optima are torch's."""

import math

import pytest
import torch
from torch.distributions import Independent, Normal

from tests.widgets.fit_page import Fit
from tests.widgets.frames import LIMIT, best_median
from vae_course.oracles import QuadratureModel
from vae_course.random import seeded
from vae_course.widgets import PosteriorFit

NAME = "vc-posterior-fit"
MODEL = QuadratureModel(sigma=0.5).double()


@pytest.fixture
def opened(served_book, open_page):
    def open_(address=f"{served_book}/fits.html", **options):
        return Fit(open_page(address, **options), NAME)

    return open_


def gaussian(q) -> Independent:
    """q = [μ, log σ] as a distribution, batch (1,), event (1,)."""
    return Independent(Normal(q[0].reshape(1, 1), q[1].exp().reshape(1, 1)), 1)


def elbo(q, x: float = 1.5):
    return MODEL.bound(torch.full((1, 1), x, dtype=torch.float64), gaussian(q)).elbo.squeeze()


def points(seed, count=20):
    """q = [μ, log σ] and x, anywhere the sliders go."""
    with seeded(seed):
        low = torch.tensor([-3, math.log(0.1), 0], dtype=torch.float64)
        high = torch.tensor([3, math.log(2), 3], dtype=torch.float64)
        return low + torch.rand(count, 3, dtype=torch.float64) * (high - low)


def torch_optimum(start) -> torch.Tensor:
    """Up from `start`, by torch's LBFGS."""
    q = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [q], max_iter=200, tolerance_grad=1e-10, line_search_fn="strong_wolfe"
    )

    def closure():
        optimiser.zero_grad()
        loss = -elbo(q)
        loss.backward()
        return loss

    optimiser.step(closure)
    return q.detach()


# --- it is the model's --------------------------------------------------------------------------


def test_numbers_and_gradient_are_torchs(opened, seed):
    fit = opened()
    for *q, x in points(seed).tolist():
        fit.root.evaluate("(root, x) => root.courseWidget.observe(x)", x)
        shown = fit.move(q)
        q = torch.tensor(q, dtype=torch.float64, requires_grad=True)
        given = torch.full((1, 1), x, dtype=torch.float64)
        bound = MODEL.bound(given, gaussian(q))
        (gradient,) = torch.autograd.grad(bound.elbo.sum(), q)
        wanted = {
            "evidence": MODEL.log_prob(given),
            "elbo": bound.elbo,
            "kl": MODEL.gap(given, gaussian(q)),
            "rate": bound.rate,
            "distortion": bound.distortion,
        }
        for name, value in wanted.items():
            assert shown[name] == pytest.approx(value.item(), abs=1e-6), (name, q, x)
        assert shown["gradient"] == pytest.approx(gradient.tolist(), abs=1e-5)


def terms(fit) -> list[list[float]]:
    """The numbers of the two sums, as printed."""
    lines = fit.box.locator(".vc-sum").all()
    return [
        [float(number.replace("−", "-")) for number in line.locator("b").all_inner_texts()]
        for line in lines
    ]


def test_the_sums_hold_between_the_printed_numbers(opened, seed):
    fit = opened()
    for *q, _ in points(seed).tolist():
        shown = fit.move(q)
        (elbo, kl, evidence), (again, rate, distortion) = terms(fit)
        assert elbo == again
        assert round(100 * elbo) + round(100 * kl) == round(100 * evidence)
        assert round(100 * elbo) == -round(100 * rate) - round(100 * distortion)
        printed = {"elbo": elbo, "kl": kl, "evidence": evidence}
        for name, value in (printed | {"rate": rate, "distortion": distortion}).items():
            assert abs(value - shown[name]) <= 0.0101, name


def test_bars_stack_to_the_line_of_the_evidence(opened, seed):
    """In the picture too: KL leads from the end of the ELBO to the line; the rate begins there."""
    fit = opened()
    for *q, _ in points(seed, 6).tolist():
        shown = fit.move(q)
        edges = fit.root.evaluate("""root => Object.fromEntries(
            [...root.querySelectorAll(".vc-bar")].map((bar) => {
                const { left, right } = bar.getBoundingClientRect();
                return [bar.className.replaceAll("vc-", ""), [left, right]];
            }))""")
        width = fit.root.evaluate("root => root.querySelector('.vc-track').clientWidth")
        ticks = fit.box.locator(".vc-ruler span").all_inner_texts()
        pixels = width / -float(ticks[0].replace("−", "-"))  # for one nat
        mark = sum(edges["bar mark evidence"]) / 2
        assert edges["bar elbo"][1] == pytest.approx(edges["bar kl"][0], abs=0.1)
        assert edges["bar kl"][1] == pytest.approx(mark, abs=0.1)
        assert edges["bar rate"][0] == pytest.approx(edges["bar elbo"][1], abs=0.1)
        assert edges["bar rate"][1] == pytest.approx(edges["bar distortion"][0], abs=0.1)
        for name in ("kl", "rate", "distortion"):
            left, right = edges[f"bar {name}"]
            assert right - left == pytest.approx(shown[name] * pixels, abs=0.2)


# --- the way uphill -----------------------------------------------------------------------------

STARTS = {"right": (0.6, -0.5), "left": (-0.6, -0.5), "far": (-2.5, 0.5), "middle": (0.0, 0.0)}


@pytest.mark.parametrize("start", STARTS)
def test_optimise_ends_in_torchs_optimum(opened, start):
    fit = opened()
    fit.move(STARTS[start])
    fit.button("Optimise").click()
    shown = fit.wait_until_it_stands()
    wanted = torch_optimum(STARTS[start])
    assert shown["q"] == pytest.approx(wanted.tolist(), abs=1e-4)
    assert shown["elbo"] == pytest.approx(elbo(wanted).item(), abs=1e-6)
    assert math.hypot(*shown["gradient"]) < 1e-5
    side = {"right": 1, "left": -1, "far": -1, "middle": 0}[start]
    assert round(shown["q"][0] / 1.1) == side
    assert ("one of two modes" in fit.box.locator(".vc-note").inner_text()) == (side != 0)


def test_one_mode_costs_about_log_two_and_the_middle_more(opened):
    fit = opened()
    fit.button("Optimise").click()
    assert abs(fit.wait_until_it_stands()["kl"] - math.log(2)) < 0.05
    fit.button("Start in the middle").click()
    assert fit.read()["q"] == [0, 0]
    fit.button("Optimise").click()
    middle = fit.wait_until_it_stands()
    assert middle["q"][0] == 0 and middle["kl"] > 1.5


def test_it_goes_uphill_all_the_way_and_can_be_stopped(opened):
    fit = opened()
    fit.move((-2.5, 0.5))
    later = fit.hold_time()
    fit.button("Optimise").click()
    seen = [later(50)["elbo"] for _ in range(10)]
    assert seen == sorted(seen) and len(set(seen)) == 10
    fit.button("Stop").click()
    stopped = later(50)
    assert math.hypot(*stopped["gradient"]) > 1e-2
    assert later(1000) == stopped
    fit.button("Optimise").click()
    assert later(500)["elbo"] > stopped["elbo"]
    fit.slider("x").press("ArrowRight")  # whoever takes a slider takes over
    assert fit.button("Optimise").count() == 1


def test_with_reduced_motion_it_jumps_in_a_few_steps(opened):
    fit = opened(reduced_motion="reduce")
    before = fit.root.evaluate("root => root.courseWidget.frames.length")
    fit.button("Optimise").click()
    shown = fit.wait_until_it_stands()
    assert shown["q"] == pytest.approx(torch_optimum((0.6, math.log(0.6))).tolist(), abs=1e-4)
    assert fit.root.evaluate("root => root.courseWidget.frames.length") - before <= 6


# --- every way to move it -----------------------------------------------------------------------


def test_keys(opened):
    fit = opened()
    before, after = fit.changes(lambda: [fit.slider("μ").press("ArrowRight") for _ in range(10)])
    assert after["q"][0] == pytest.approx(before["q"][0] + 0.1)
    before, after = fit.changes(lambda: fit.slider("σ").press("Home"))
    assert after["q"][1] == pytest.approx(math.log(0.1), abs=0.01)
    before, after = fit.changes(lambda: fit.slider("x").press("End"))
    assert after["x"] == 3 and after["evidence"] != before["evidence"]


def test_mouse_in_the_plot(opened):
    fit = opened()
    before, after = fit.changes(lambda: fit.drag(fit.plot, 0.25, 0))
    assert after["q"] == pytest.approx([before["q"][0] + 1.5, before["q"][1]], abs=0.03)
    before, after = fit.changes(lambda: fit.drag(fit.plot, 0, -0.3))
    assert after["q"][0] == pytest.approx(before["q"][0]) and after["q"][1] < before["q"][1] - 0.5
    assert fit.slider("μ").get_attribute("aria-valuetext") == f"{after['q'][0]:.2f}"


def test_fingers_in_the_plot(opened):
    fit = opened(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    before, after = fit.changes(lambda: fit.touch(fit.plot, ((0.5, 0.5), (0.3, 0.55))))
    assert after["q"][0] < before["q"][0] - 0.9 and after["q"][1] == before["q"][1]
    pinch = ((0.45, 0.5), (0.3, 0.5)), ((0.55, 0.5), (0.7, 0.5))
    before, after = fit.changes(lambda: fit.touch(fit.plot, *pinch))
    assert after["q"][1] > before["q"][1] + 0.5
    fit.slider("μ").tap(position={"x": 20, "y": 10})
    assert fit.read()["q"][0] < -2


def test_log_scale(opened):
    fit = opened()
    before, after = fit.changes(lambda: fit.box.get_by_label("log scale").check())
    assert before == after


# --- how it behaves -----------------------------------------------------------------------------


@pytest.mark.alone
@pytest.mark.parametrize("label", ["μ", "x"])
def test_median_frame_takes_less_than_4_ms(opened, label):
    fit = opened()
    assert best_median(lambda: fit.frame_times(label)) < LIMIT


def test_dark_and_light(opened):
    fit = opened()
    light = fit.root.evaluate("root => root.courseWidget.colours")
    fit.changes(lambda: fit.page.evaluate("document.documentElement.dataset.theme = 'dark'"))
    dark = fit.root.evaluate("root => root.courseWidget.colours")
    assert sum(light["paper"]) > 600 > 300 > sum(dark["paper"])


def test_on_a_phone(opened):
    fit = opened(viewport={"width": 390, "height": 844}, device_scale_factor=2)
    fit.check_on_a_phone()
    fit.move((3, math.log(2)))  # three digits before the point still fit
    fit.check_on_a_phone()


def test_words_for_those_who_do_not_see_it(opened):
    fit = opened()
    fit.check_words()
    fit.move((0, 0))
    fit.page.wait_for_timeout(900)
    said = fit.box.get_by_role("status").filter(has_text="q has").inner_text()
    (elbo, kl, evidence), (_, rate, distortion) = terms(fit)
    assert said.replace("−", "-") == (
        f"q has mean 0.00 and standard deviation 1.00. ELBO {elbo:.2f} plus KL {kl:.2f} is the "
        f"log evidence {evidence:.2f} nats. Rate {rate:.2f}, distortion {distortion:.2f}."
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(opened, theme):
    fit = opened(reduced_motion="reduce")  # colours do not fade from one to the other
    fit.page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
    assert fit.accessibility(NAME) == []


def test_page_loads_only_its_own_files(opened, served_book, small_book):
    fit = opened()
    urls = fit.watched.requests
    assert [url for url in urls if not url.startswith((served_book, "blob:"))] == []
    assert fit.watched.errors == []
    fit = opened((small_book.folder / "_build" / "html" / "fits.html").as_uri())
    fit.changes(lambda: fit.slider("μ").press("End"))  # opened as a file, without any server


@pytest.mark.parametrize(
    "arguments", [{"x": -1}, {"x": 3.5}, {"noise": 0.1}, {"mu": 4}, {"sigma": 0.0}]
)
def test_bad_input(arguments):
    name = next(iter(arguments))
    with pytest.raises(ValueError, match=f"^{name} is .*, needs "):
        PosteriorFit(**arguments)
