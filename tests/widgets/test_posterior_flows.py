"""Posteriors that bend: densities, ELBOs and logarithms are those that torch gives."""

import gzip
import json
import math
from itertools import pairwise

import pytest
import torch
from torch.distributions import MultivariateNormal

from tests.widgets.chart_page import FRAME, Charts, number
from tests.widgets.frames import LIMIT, best_median
from tests.widgets.node import run_module
from vae_course.flows import Flow, Planar
from vae_course.pretrained import recorded_runs
from vae_course.widgets import PosteriorFlows
from vae_course.widgets.posterior_flows import LAYERS, POSTERIORS, posterior_model

MEMBERS = recorded_runs("posterior-flows")["members"]
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}
HALF, CELLS = 3, 112  # of the pictures


class Given(Planar):
    """The package's planar layer with w, u and b as they are used: u is not moved again."""

    def __init__(self, w1, w2, u1, u2, b):
        super().__init__(2)
        w, u = (torch.tensor(one, dtype=torch.float64) for one in ([w1, w2], [u1, u2]))
        self.given = [w, u, torch.tensor(b, dtype=torch.float64), w @ u]

    def parameters_at(self, context=None):
        return self.given


def torch_flow(member: dict):
    """A member's q as a Distribution of the package, in float64."""
    s1, below, s2 = member["scale"]
    scale = torch.tensor([[s1, 0.0], [below, s2]], dtype=torch.float64)
    base = MultivariateNormal(torch.tensor(member["mean"], dtype=torch.float64), scale_tril=scale)
    return Flow(base, [Given(*layer) for layer in member["layers"]])() if member["layers"] else base


def torch_elbo(member: dict, spacing=0.02, reach=7.0) -> float:
    """A sum over a grid of the Gaussian's noise, finer and wider than the page's."""
    model, x = posterior_model(member["posterior"])
    count = round(reach / spacing)
    axis = spacing * torch.arange(-count, count + 1, dtype=torch.float64)
    epsilon = torch.cartesian_prod(axis, axis)
    weights = torch.softmax(-0.5 * epsilon.square().sum(-1), 0)
    q = torch_flow(member)
    base = q.base if member["layers"] else q
    z0 = base.mean + epsilon @ base.scale_tril.T
    z, log_det = q.transform(z0) if member["layers"] else (z0, 0.0)
    log_q = base.log_prob(z0) - log_det
    return (weights @ (model.log_joint(z[:, None], x)[:, 0] - log_q)).item()


def member_of(posterior: str, depth: int, start: str) -> dict:
    wanted = (posterior, depth, start)
    (found,) = [m for m in MEMBERS if (m["posterior"], m["depth"], m["start"]) == wanted]
    return found


# --- the mathematics ------------------------------------------------------------------------------


def steep_layers(seed: int) -> list[list[float]]:
    """Layers whose slope wᵀu goes from almost −1 to 20."""
    with_seed = torch.Generator().manual_seed(seed)
    layers = []
    for slope in (-0.9995, -0.9, -0.3, 0.0, 2.0, 20.0):
        w, u = torch.randn(2, 2, generator=with_seed).double()
        u = u + (slope - w @ u) * w / (w @ w)
        b = torch.randn((), generator=with_seed)
        layers.append([*w.tolist(), *u.tolist(), b.item()])
    return layers


def test_root_is_found_where_newtons_method_could_go_to_and_fro():
    """Steep and almost flat layers, far out and near the bend: the equation holds to rounding."""
    r = torch.cat([torch.linspace(-40, 40, 2001), torch.linspace(-1, 1, 2001) ** 5]).double()
    slopes = [-0.999, -0.9, -0.1, 0.0, 1e-4, 1.0, 9.9, 60.0]
    code = "return data.m.map((m) => data.r.map((r) => js.rootAlongWeight(r, m)));"
    found = run_module("planar_flow.js", code, {"r": r.tolist(), "m": slopes})
    for m, roots in zip(slopes, torch.tensor(found, dtype=torch.float64), strict=True):
        torch.testing.assert_close(roots + m * roots.tanh(), r, atol=1e-11, rtol=1e-12)


def test_planar_flow_is_the_packages(seed):
    member = {"mean": [0.3, -0.5], "scale": [0.8, -0.6, 1.7], "layers": steep_layers(seed)}
    points = torch.randn(50, 2, generator=torch.Generator().manual_seed(seed + 1)) * 2
    code = """
        const flow = js.planarFlow(data.member);
        return data.points.map(([a, b]) => {
            const [z1, z2, logDet] = flow.forward(a, b);
            return { forward: [z1, z2, logDet], back: [...flow.inverse(z1, z2)],
                     logDensity: flow.logDensity(a, b) };
        });
    """
    found = run_module("planar_flow.js", code, {"member": member, "points": points.tolist()})
    q = torch_flow(member)
    points = points.double()
    z, log_det = q.transform(q.base.mean + points @ q.base.scale_tril.T)
    log_det = log_det + math.log(0.8 * 1.7)
    wanted = torch.cat([z, log_det[:, None]], -1)
    forward = torch.tensor([one["forward"] for one in found], dtype=torch.float64)
    torch.testing.assert_close(forward, wanted, atol=1e-9, rtol=1e-9)
    back = torch.tensor([one["back"] for one in found], dtype=torch.float64)
    torch.testing.assert_close(back[:, :2], points, atol=1e-6, rtol=0)
    torch.testing.assert_close(back[:, 2], -log_det, atol=1e-5, rtol=0)
    densities = torch.tensor([one["logDensity"] for one in found], dtype=torch.float64)
    torch.testing.assert_close(densities, q.log_prob(points), atol=1e-5, rtol=1e-6)


MODELS = PosteriorFlows().models
RUN = """const run = (work) => {
    for (;;) {
        const { done, value } = work.next();
        if (done) return value;
    }
};"""


@pytest.mark.parametrize("name", POSTERIORS)
def test_evidence_is_that_of_quadrature(name):
    model, x = posterior_model(name)
    points = torch.tensor([[0.0, 0.0], [1.0, -2.0], [-0.3, 2.5]], dtype=torch.float64)
    code = """
        const model = js.quadraticModel(data.model);
        return [model.evidence, ...data.points.map((z) => model.logPosterior(...z))];
    """
    data = {"model": MODELS[name], "points": points.tolist()}
    evidence, *logs = run_module("bent_posteriors.js", code, data)
    assert evidence == pytest.approx(model.log_prob(x).item(), abs=1e-6)
    wanted = model.posterior_log_prob(points[:, None], x)[:, 0]
    assert logs == pytest.approx(wanted.tolist(), abs=1e-6)


def test_elbos_of_all_members_are_exact():
    """Of each of them to 1e-3, by the page's grid and by torch's finer one."""
    code = f"""{RUN}
        const {{ planarFlow }} = await import(data.planar);
        const models = Object.fromEntries(
            Object.entries(data.models).map(([name, model]) => [name, js.quadraticModel(model)]));
        return data.members.map((m) => run(js.elboOf(planarFlow(m), models[m.posterior])));
    """
    from vae_course.widgets.base import FOLDER

    data = {"planar": (FOLDER / "planar_flow.js").as_uri(), "models": MODELS, "members": MEMBERS}
    found = run_module("bent_posteriors.js", code, data)
    wanted = [member["elbo"] for member in MEMBERS]
    assert found == pytest.approx(wanted, abs=1e-3)
    for member in MEMBERS[3::8]:
        assert member["elbo"] == pytest.approx(torch_elbo(member), abs=1e-4)


# --- what the recipe found ------------------------------------------------------------------------


def gap(posterior: str, depth: int, start: str = "best") -> float:
    model, x = posterior_model(posterior)
    return model.log_prob(x).item() - member_of(posterior, depth, start)["elbo"]


def test_the_record_is_complete():
    assert {(m["posterior"], m["depth"], m["start"]) for m in MEMBERS} == {
        (name, depth, start)
        for name in POSTERIORS
        for depth in LAYERS
        for start in ("best", "typical")
    }
    assert len(MEMBERS) == 2 * len(POSTERIORS) * len(LAYERS)
    for member in MEMBERS:
        assert len(member["layers"]) == member["depth"]
        assert member["error"] < 3e-4 and len(member["elbos"]) == 12
        if member["start"] == "best":
            assert member["elbo"] >= max(member["elbos"]) - 0.02  # too sharp ones are left out
        else:
            assert min(member["elbos"]) - 1e-4 < member["elbo"] < max(member["elbos"]) + 1e-4


@pytest.mark.parametrize("name", POSTERIORS)
def test_layers_close_the_gap(name):
    gaps = [gap(name, depth) for depth in LAYERS]
    assert min(gaps) > 0  # no ELBO is above log p(x)
    assert all(later < earlier + 0.005 for earlier, later in pairwise(gaps))
    assert gaps[-1] < 0.2 * gaps[0]


def test_a_typical_start_finds_one_of_two_modes():
    """One mode alone costs log 2, and a little less where the modes touch; layers do not help."""
    for depth in LAYERS[1:]:
        assert gap("two modes", depth, "typical") == pytest.approx(math.log(2), abs=0.05)
    assert gap("two modes", 16, "best") < 0.1


# --- the page -------------------------------------------------------------------------------------


class Posteriors(Charts):
    def read(self) -> dict:
        self.page.wait_for_function(
            "root => root.courseWidget.finished", arg=self.root, timeout=60_000
        )
        self.page.evaluate(FRAME)
        return self.root.evaluate("""root => {
            const { values, found } = root.courseWidget;
            return { values: { ...values }, found };
        }""")

    def spot(self, picture: int, z1: float, z2: float) -> tuple[float, float]:
        """Where a point is on the page, in one of the three pictures."""
        box = self.box.locator("canvas").nth(picture).bounding_box()
        part = (z1 / HALF + 1) / 2, (1 - z2 / HALF) / 2
        return box["x"] + part[0] * box["width"], box["y"] + part[1] * box["height"]


@pytest.fixture
def opened(served_book, open_page):
    def open_(**options) -> Posteriors:
        page = open_page(f"{served_book}/posterior-flows.html", **options)
        return Posteriors(page, "vc-posterior-flows")

    return open_


SHOWN = [
    ("banana", 2, "best"),
    ("ring", 8, "best"),
    ("two modes", 4, "typical"),
    ("star", 16, "best"),
]


@pytest.mark.parametrize("posterior, layers, start", SHOWN)
def test_numbers_and_pictures_are_torchs(opened, posterior, layers, start):
    charts = opened()
    z = torch.tensor([0.7, -1.3], dtype=torch.float64)
    found = charts.move(posterior=posterior, layers=layers, start=start, z1=0.7, z2=-1.3)["found"]
    model, x = posterior_model(posterior)
    gaussian = member_of(posterior, 0, "best")
    flow = member_of(posterior, layers, start)
    evidence = model.log_prob(x).item()
    assert found["evidence"] == pytest.approx(evidence, abs=1e-5)
    assert found["gaussian"]["elbo"] == pytest.approx(torch_elbo(gaussian), abs=1e-3)
    assert found["flow"]["elbo"] == pytest.approx(torch_elbo(flow), abs=1e-3)

    densities = {
        "truth": lambda z: model.posterior_log_prob(z[:, None], x)[:, 0],
        "gaussian": torch_flow(gaussian).log_prob,
        "flow": torch_flow(flow).log_prob,
    }
    axis = ((2 * torch.arange(CELLS, dtype=torch.float64) + 1) / CELLS - 1) * HALF
    rows, columns = torch.meshgrid(-axis, axis, indexing="ij")
    points = torch.stack([columns, rows], -1).reshape(-1, 2)
    for name, log_density in densities.items():
        wanted = log_density(z[None]).item()
        assert found[name]["logAt"] == pytest.approx(wanted, abs=1e-3), name
        shown = torch.tensor(found[name]["density"], dtype=torch.float64)
        torch.testing.assert_close(shown, log_density(points).exp(), atol=1e-3, rtol=1e-3)
    values = charts.box.locator(".pf-card b").all_inner_texts()
    assert [number(text) for text in values] == pytest.approx(
        [found[name]["logAt"] for name in densities], abs=0.0051
    )
    texts = charts.box.locator(".pf-row").all_inner_texts()
    for text, name in zip(texts, ("gaussian", "flow"), strict=True):
        _, elbo, rest = text.replace("gap", "ELBO").split("ELBO")
        assert number(elbo.strip(" ,")) == pytest.approx(found[name]["elbo"], abs=6e-4)
        assert number(rest) == pytest.approx(evidence - found[name]["elbo"], abs=2e-3)


def test_bars_end_where_their_elbos_are(opened):
    charts = opened()
    for posterior, layers in [("banana", 1), ("ring", 4), ("star", 2)]:
        found = charts.move(posterior=posterior, layers=layers)["found"]
        left, ends, mark, ticks = charts.root.evaluate("""root => {
            const box = (one) => one.getBoundingClientRect();
            const ticks = [...root.querySelectorAll(".pf-ruler span")].map((tick) => [
                Number(tick.textContent.replace("−", "-")),
                (box(tick).left + box(tick).right) / 2]);
            return [box(root.querySelector(".pf-track")).left,
                [...root.querySelectorAll(".pf-elbo")].map((bar) => box(bar).right),
                box(root.querySelector(".pf-mark")).left, ticks];
        }""")
        (low, at_low), (high, at_high) = ticks[0], ticks[-1]
        scale = (at_high - at_low) / (high - low)
        for end, name in zip(ends, ("gaussian", "flow"), strict=True):
            assert end == pytest.approx(at_low + (found[name]["elbo"] - low) * scale, abs=1.5)
            assert left < end
        assert mark == pytest.approx(at_low + (found["evidence"] - low) * scale, abs=2)


def test_without_layers_the_flow_is_the_gaussian(opened):
    charts = opened()
    for posterior in POSTERIORS:
        found = charts.move(posterior=posterior, layers=0, start="typical")["found"]
        assert found["flow"] == found["gaussian"]
    assert "is the Gaussian itself" in charts.box.locator(".pf-note").inner_text()


def test_controls_with_keys(opened):
    charts = opened()
    slider = charts.slider("Layers K")
    slider.focus()
    assert charts.changed_values(slider.press, "ArrowRight") == {"layers": 2}
    assert charts.changed_values(slider.press, "End") == {"layers": 16}
    assert slider.get_attribute("aria-valuetext") == "16"
    ring = charts.box.get_by_role("radio", name="ring")
    charts.box.get_by_role("radio", name="banana").focus()
    assert charts.changed_values(charts.page.keyboard.press, "ArrowRight") == {"posterior": "ring"}
    assert ring.is_checked()
    middle = charts.box.get_by_role("radio", name="the middle one")
    assert charts.changed_values(middle.check) == {"start": "typical"}
    for name, symbol in (("z1", "z₁"), ("z2", "z₂")):
        before = charts.read()["values"][name]
        changed = charts.changed_values(charts.slider(symbol).press, "ArrowLeft")
        assert changed == {name: pytest.approx(before - 0.05)}


def test_the_point_follows_the_mouse(opened):
    charts = opened()
    charts.box.locator("canvas").first.scroll_into_view_if_needed()
    mouse = charts.page.mouse

    def drag():
        mouse.move(*charts.spot(1, 0.1, 0.1))  # not exactly on it: the point does not jump
        mouse.down()
        mouse.move(*charts.spot(1, 1.1, -1.9), steps=5)
        mouse.up()

    assert charts.changed_values(drag) == {
        "z1": pytest.approx(1.0, abs=0.04),
        "z2": pytest.approx(-2.0, abs=0.04),
    }
    elsewhere = charts.spot(2, -2.0, 0.5)
    changed = charts.changed_values(lambda: mouse.click(*elsewhere))
    assert changed == {"z1": pytest.approx(-2, abs=0.04), "z2": pytest.approx(0.5, abs=0.04)}
    values = charts.read()["values"]
    mouse.move(*charts.spot(0, 0, 0))
    assert charts.read()["values"] == values


def test_the_point_follows_a_finger_and_elsewhere_the_page_scrolls(opened):
    charts = opened(**PHONE)
    charts.read()
    charts.box.locator("canvas").first.scroll_into_view_if_needed()
    touch = charts.page.context.new_cdp_session(charts.page)

    def swipe(start, end):
        for kind, part in [("touchStart", 0), *[("touchMove", i / 8) for i in range(1, 9)]]:
            point = {"x": start[0] + part * (end[0] - start[0]),
                     "y": start[1] + part * (end[1] - start[1])}  # fmt: skip
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    before = charts.page.evaluate("scrollY")
    changed = charts.changed_values(swipe, charts.spot(0, 0, 0), charts.spot(0, 1.5, 1.5))
    assert changed == {"z1": pytest.approx(1.5, abs=0.1), "z2": pytest.approx(1.5, abs=0.1)}
    assert charts.page.evaluate("scrollY") == before
    values = charts.read()["values"]
    away = charts.spot(0, -1.5, -1)
    swipe(away, (away[0], away[1] - 100))
    charts.page.wait_for_timeout(300)
    assert charts.read()["values"] == values
    assert charts.page.evaluate("scrollY") > before
    tap = charts.spot(0, -1.0, 1.0)
    changed = charts.changed_values(lambda: charts.page.touchscreen.tap(*tap))
    assert changed == {"z1": pytest.approx(-1, abs=0.06), "z2": pytest.approx(1, abs=0.06)}


def test_python_and_page_agree_at_the_start(opened):
    values = opened().read()["values"]
    widget = PosteriorFlows()
    assert values == {name: getattr(widget, name) for name in values}


# --- for everybody --------------------------------------------------------------------------------


@pytest.mark.alone
@pytest.mark.parametrize("label", ["Layers K", "z₁"])
def test_median_frame_takes_less_than_4_ms(opened, label):
    charts = opened()
    assert best_median(lambda: charts.frame_times(label)) < LIMIT


def test_dark_and_light(opened):
    opened().check_colours()


def test_on_a_phone(opened):
    charts = opened(**PHONE)
    charts.check_phone("input[type=range], label:has(input[type=radio])")
    for canvas in charts.box.locator("canvas").all():
        assert canvas.bounding_box()["width"] > 140


def test_words_for_those_who_do_not_see_it(opened):
    charts = opened()
    for canvas in charts.box.locator("canvas").all():
        assert canvas.get_attribute("role") == "img"
        assert len(canvas.get_attribute("aria-label")) > 10
    found = charts.move(posterior="ring", layers=4, z1=1.0, z2=1.0)["found"]
    charts.page.wait_for_timeout(1500)
    said = charts.box.locator("div[role=status]").inner_text().replace("−", "-")
    assert said.startswith(
        f"ring: log p(x) is {found['evidence']:.3f} nats. ELBO of the best Gaussian "
        f"{found['gaussian']['elbo']:.3f}, of the flow with 4 layers {found['flow']['elbo']:.3f}. "
        f"At z = (1.00, 1.00) log p(z|x) is {found['truth']['logAt']:.2f}"
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(opened, theme):
    charts = opened(reduced_motion="reduce")  # colours do not fade from one to the other
    charts.page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
    charts.read()
    assert charts.accessibility() == []


def test_page_loads_only_its_own_files(opened, served_book):
    assert opened().strangers(served_book) == []


# --- in Python ------------------------------------------------------------------------------------


def test_state_is_small():
    assert len(gzip.compress(json.dumps(PosteriorFlows().get_state()).encode())) <= 40_000


@pytest.mark.parametrize("arguments", [{"posterior": "cube"}, {"layers": 3}, {"start": "worst"}])
def test_bad_input(arguments):
    name = next(iter(arguments))
    with pytest.raises(ValueError, match=f"^{name} is .*, needs one of"):
        PosteriorFlows(**arguments)


def test_text_stands_in_for_the_widget():
    assert repr(PosteriorFlows("ring")).startswith("<PosteriorFlows: a true posterior, the best")
