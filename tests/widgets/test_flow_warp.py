"""A flow, layer by layer: what the page shows at every depth is what torch computes."""

import math

import pytest
import torch

from tests.quadrature import nodes
from tests.widgets.chart_page import FRAME, Charts
from tests.widgets.frames import LIMIT, best_median
from vae_course.flows.planar_radial import Planar
from vae_course.random import seeded
from vae_course.widgets import FlowWarp
from vae_course.widgets.flow_warp import KINDS, TARGETS, pixel_centres, trained_flow

FLOWS = [(target, kind) for target in TARGETS for kind in KINDS]
LAYERS = {"planar": 16, "coupling": 8}
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}


class Warp(Charts):
    def read(self) -> dict:
        self.page.evaluate(FRAME)
        return self.root.evaluate("""root => {
            const { values, found } = root.courseWidget;
            const { z, at, noise, density, area } = found;
            return { values: { ...values }, z, at, noise, density, area };
        }""")

    def shown(self, name: str) -> float:
        entry = self.box.locator("dl > div").filter(has_text=name).locator("dd")
        return float(entry.inner_text().split()[0].replace("−", "-"))

    @property
    def main(self):
        return self.box.locator("canvas").first

    def spot(self, x: float, y: float) -> dict:
        """A point of the plane, in CSS pixels of a picture that shows −4 to 4."""
        side = self.main.bounding_box()["width"]
        return {"x": (x + 4) / 8 * side, "y": (4 - y) / 8 * side}


@pytest.fixture
def opened(served_book, open_page):
    def open_(**options) -> Warp:
        return Warp(open_page(f"{served_book}/warp.html", **options), "vc-flow-warp")

    return open_


def partly(flow, depth: float, z):
    """The noise z after so many layers, in torch: the last one with its numbers times a."""
    layers = flow.transform.transforms
    whole = min(int(depth), len(layers) - 1)
    for layer in layers[:whole]:
        z, _ = layer(z)
    layer, a = layers[whole], depth - whole
    if isinstance(layer, Planar):
        w, u, b, _ = layer.parameters_at(None)
        return z + a * u * torch.tanh(z @ w + b).unsqueeze(-1)
    moved = int(torch.arange(2)[layer.bent])
    params = layer.net(z[..., [1 - moved]]).unflatten(-1, (2, 1))
    t, s = (number.squeeze(-1) for number in layer.elementwise.shift_and_log_scale(params))
    new = z[..., moved] * torch.exp(a * s) + a * t
    return torch.stack([z[..., 0], new] if moved else [new, z[..., 1]], -1)


def log_det(flow, depth: float, z) -> torch.Tensor:
    """log |det J| of the way to that depth, by autograd."""
    z = z.clone().requires_grad_()
    end = partly(flow, depth, z)
    rows = [torch.autograd.grad(end[:, i].sum(), z, retain_graph=True)[0] for i in (0, 1)]
    return torch.linalg.slogdet(torch.stack(rows, 1)).logabsdet


def places(seed: int, count: int = 5) -> torch.Tensor:
    with seeded(seed):
        return torch.randn(count, 2, dtype=torch.float64).clamp(-4, 4)


# --- it is torch's ------------------------------------------------------------------------------


@pytest.mark.parametrize(("target", "kind"), FLOWS)
def test_points_and_densities_are_torchs_at_every_depth(opened, target, kind, seed):
    charts = opened()
    flow = trained_flow(target, kind).double()
    noise = torch.distributions.Normal(0.0, 1.0)
    charts.move(target=target, kind=kind)
    for depth in (0.0, 0.35, 1.0, 4.6, LAYERS[kind] - 0.25, LAYERS[kind]):
        z = places(seed)
        where, stretch = partly(flow, depth, z), log_det(flow, depth, z)
        for i, (z1, z2) in enumerate(z.tolist()):
            state = charts.move(depth=depth, z1=z1, z2=z2)
            at = state["at"]
            assert [at["x"], at["y"]] == pytest.approx(where[i].tolist(), abs=1e-4)
            assert at["logDet"] == pytest.approx(stretch[i].item(), abs=1e-4)
            expected = noise.log_prob(z[i]).sum() - stretch[i]
            assert state["density"] == pytest.approx(expected.item(), abs=1e-4)
            assert charts.shown("log q(z)") == pytest.approx(expected.item(), abs=0.006)
            back = charts.root.evaluate(
                "(root, at) => root.courseWidget.back(at)", [at["x"], at["y"]]
            )
            assert back == pytest.approx([z1, z2], abs=1e-6)
    assert torch.allclose(flow.log_prob(where), noise.log_prob(z).sum(-1) - stretch)


@pytest.mark.parametrize(("target", "kind"), FLOWS)
def test_shading_is_the_density(opened, target, kind):
    """Less than 3 % of the peak off on average where it is dense, and it adds up to one."""
    charts = opened()
    charts.move(target=target, kind=kind, depth=LAYERS[kind])
    shades = charts.root.evaluate("root => [...root.courseWidget.shades]")
    exact = trained_flow(target, kind).log_prob(pixel_centres()).exp()
    drawn = torch.tensor(shades).reshape(exact.shape)
    dense = exact > 0.1 * exact.max()
    assert ((drawn - exact).abs()[dense].mean() / exact.max()).item() < 0.03
    assert drawn.sum().item() * (8 / 120) ** 2 == pytest.approx(1, abs=0.03)


def test_trained_flows_are_near_their_targets(seed):
    """As near as their record says: KL(q ‖ p), from samples."""
    for one in FlowWarp().flows:
        flow, density = trained_flow(one["target"], one["kind"]), TARGETS[one["target"]]()
        with seeded(seed):
            z, log_q = flow.rsample_and_log_prob((40_000,))
        terms = (log_q - density.log_prob(z)).double()
        error = (terms.var() * (1 / 40_000 + 1 / 200_000)).sqrt().item()
        assert abs(terms.mean().item() - one["kl"]) < 5.5 * error + 5e-5
        assert one["kl"] < 0.15, one


@pytest.mark.parametrize("kind", KINDS)
def test_area_of_the_square_is_the_mean_of_the_determinant(opened, kind):
    charts = opened()
    flow = trained_flow("two_moons", kind).double()
    offsets, weights = nodes(-0.2, 0.2, 24)
    grid, areas = torch.cartesian_prod(offsets, offsets), torch.cartesian_prod(weights, weights)
    whole = LAYERS[kind]
    for z1, z2, depth in ((0.3, -0.4, 2.5), (-1.0, 0.8, 5.0), (0.6, -0.7, whole)):
        state = charts.move(target="two_moons", kind=kind, depth=depth, z1=z1, z2=z2)
        middle = torch.tensor([z1, z2], dtype=torch.float64)
        determinants = log_det(flow, depth, grid + middle).exp()
        mean = (determinants * areas.prod(-1)).sum().item() / 0.16
        assert state["area"] == pytest.approx(mean, rel=2e-3)
        assert charts.shown("Area of") == pytest.approx(mean, rel=5e-3)
    assert charts.move(depth=0.0)["area"] == pytest.approx(1)


def test_pictures_of_the_targets_are_their_densities():
    for target in FlowWarp().targets:
        exact = TARGETS[target["name"]]().log_prob(pixel_centres()).exp()
        assert target["peak"] == pytest.approx(exact.max().item())
        assert exact.sum().item() * (8 / 120) ** 2 == pytest.approx(1, abs=0.01), (
            "all of it is shown"
        )


# --- every way to move it -----------------------------------------------------------------------


def test_slider_with_keys(opened):
    charts = opened()
    slider = charts.slider("Depth k")
    slider.focus()
    before = charts.page.evaluate("scrollY")
    assert charts.changed_values(slider.press, "ArrowRight") == {"depth": pytest.approx(0.05)}
    assert charts.changed_values(slider.press, "End") == {"depth": 16}
    assert slider.get_attribute("aria-valuetext") == "16 of 16"
    assert charts.changed_values(slider.press, "Home") == {"depth": 0}
    assert charts.page.evaluate("scrollY") == before


def test_choices(opened):
    charts = opened()
    charts.move(depth=12.0)
    moons = charts.box.get_by_role("radio", name="two moons")
    assert charts.changed_values(moons.click) == {"target": "two_moons"}
    coupling = charts.box.get_by_role("radio", name="affine coupling")
    # As far through the eight layers as it was through the sixteen.
    assert charts.changed_values(coupling.press, "Space") == {"kind": "coupling", "depth": 6}
    assert charts.slider("Depth k").get_attribute("aria-valuetext") == "6 of 8"
    planar = charts.box.get_by_role("radio", name="planar")
    assert charts.changed_values(planar.press, "Space") == {"kind": "planar", "depth": 12}


@pytest.mark.parametrize("name", ["density", "grid", "samples"])
def test_what_is_shown(opened, name):
    charts = opened()
    charts.move(depth=7.5)
    before = charts.pictures()
    charts.box.get_by_role("checkbox", name=name).press("Space")
    charts.read()
    after = charts.pictures()
    assert after[0] != before[0] and after[1] != before[1] and after[2] == before[2]


def test_mouse_over_the_picture_and_a_click(opened):
    charts = opened()
    start = charts.move(depth=9.3)
    charts.main.hover(position=charts.spot(1.0, 1.5))
    hovered = charts.read()
    assert [hovered["at"]["x"], hovered["at"]["y"]] == pytest.approx([1.0, 1.5], abs=0.02)
    assert hovered["values"] == start["values"], "a mouse that passes by keeps nothing"
    charts.page.mouse.move(1, 1)
    assert charts.read() == start
    charts.main.click(position=charts.spot(-1.2, 0.4))
    charts.page.mouse.move(1, 1)
    state = charts.read()
    assert [state["at"]["x"], state["at"]["y"]] == pytest.approx([-1.2, 0.4], abs=0.02)
    noise = [state["values"]["z1"], state["values"]["z2"]]
    later = charts.move(depth=12.0)
    assert later["z"] == noise and later["at"] != state["at"], "the layers carry it along"
    side = charts.box.locator("canvas").nth(1)
    middle = side.bounding_box()["width"] / 2
    side.click(position={"x": middle, "y": middle})
    charts.page.mouse.move(1, 1)
    assert charts.read()["z"] == pytest.approx([0, 0], abs=0.03)


def test_arrow_keys_move_the_point_and_not_the_page(opened):
    charts = opened()
    before = charts.move(depth=5.0)["at"]
    pad = charts.box.locator(".fw-pad")
    pad.focus()
    scrolled = charts.page.evaluate("scrollY")
    for key, dx, dy in (("ArrowRight", 0.1, 0), ("ArrowDown", 0, -0.1), ("Shift+ArrowUp", 0, 0.5)):
        pad.press(key)
        now = charts.read()["at"]
        assert now["x"] - before["x"] == pytest.approx(dx, abs=1e-6)
        assert now["y"] - before["y"] == pytest.approx(dy, abs=1e-6)
        before = now
    assert charts.page.evaluate("scrollY") == scrolled


def test_fingers(opened):
    charts = opened(**PHONE)
    charts.move(depth=4.0)
    charts.main.scroll_into_view_if_needed()
    charts.main.tap(position=charts.spot(1.5, -1.0))
    at = charts.read()["at"]
    assert [at["x"], at["y"]] == pytest.approx([1.5, -1.0], abs=0.03)
    touch = charts.page.context.new_cdp_session(charts.page)
    box = charts.main.bounding_box()

    def swipe(start, end):
        def send(kind, part):
            x, y = (a + part * (b - a) for a, b in zip(start, end, strict=True))
            spot = charts.spot(x, y)
            points = [{"x": box["x"] + spot["x"], "y": box["y"] + spot["y"]}]
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        send("touchStart", 0)
        for step in range(1, 9):
            send("touchMove", step / 8)
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    scrolled = charts.page.evaluate("scrollY")
    swipe((1.5, -1.0), (0.5, 1.0))
    at = charts.read()["at"]
    assert [at["x"], at["y"]] == pytest.approx([0.5, 1.0], abs=0.05)
    assert charts.page.evaluate("scrollY") == scrolled
    swipe((-2.0, -2.0), (-2.0, 2.0))
    charts.page.wait_for_function("before => scrollY > before", arg=scrolled)
    assert charts.read()["at"] == at


def test_play_goes_to_the_last_layer_and_stops(opened):
    charts = opened()
    charts.page.clock.install(time=0)
    charts.page.clock.pause_at(1000)

    def later(milliseconds):
        charts.page.clock.run_for(milliseconds)
        return charts.root.evaluate("root => root.courseWidget.values.depth")

    charts.box.get_by_role("button", name="Play").click()
    first = later(1000)
    assert 0 < first < 6
    charts.box.get_by_role("button", name="Stop").click()
    assert later(1000) == first
    charts.box.get_by_role("button", name="Play").click()
    assert later(12_000) == 16
    charts.box.get_by_role("button", name="Play").click()
    assert later(500) < 4, "from the start again"


def test_play_with_reduced_motion_goes_layer_by_layer(opened):
    charts = opened(reduced_motion="reduce")
    charts.page.clock.install(time=0)
    charts.page.clock.pause_at(1000)
    charts.box.get_by_role("button", name="Play").click()
    seen = set()
    for _ in range(100):
        charts.page.clock.run_for(100)
        seen.add(charts.root.evaluate("root => root.courseWidget.values.depth"))
    assert seen == set(range(17))


def test_python_and_page_agree_at_the_start(opened):
    values = opened().read()["values"]
    widget = FlowWarp()
    assert values == {name: getattr(widget, name) for name in values}


# --- for everybody ------------------------------------------------------------------------------


@pytest.mark.alone
@pytest.mark.parametrize("kind", KINDS)
def test_median_frame_takes_less_than_4_ms(opened, kind):
    charts = opened()
    charts.move(kind=kind, depth=LAYERS[kind])
    assert best_median(lambda: charts.frame_times("Depth k")) < LIMIT


def test_dark_and_light(opened):
    charts = opened()
    charts.move(depth=7.5)
    charts.check_colours()


def test_on_a_phone(opened):
    controls = "input[type=range], button, .vc-choices label, .vc-check"
    opened(**PHONE).check_phone(controls, blur=0.02)


def test_words_for_those_who_do_not_see_it(opened):
    charts = opened()
    for canvas in charts.box.locator("canvas").all():
        assert canvas.get_attribute("role") == "img"
        assert len(canvas.get_attribute("aria-label")) > 10
    charts.move(depth=0.0)
    charts.page.wait_for_timeout(900)
    said = charts.box.locator("div[role=status]")
    nats = math.log(2 * math.pi) + 0.5 * (0.6**2 + 0.7**2)
    assert said.inner_text() == (
        f"Before the first layer the point is at (0.60, −0.70): log density "
        f"−{nats:.2f} nats, in the noise −{nats:.2f} nats, log det J 0.00 nats. The square around "
        "it has 1.00 times its area."
    )
    verdict = charts.box.locator(".fw-verdict")
    assert verdict.inner_text().startswith("Around the point no area has changed")
    state = charts.move(depth=16.0)
    charts.page.wait_for_timeout(900)
    assert said.inner_text().startswith("After 16 of 16 layers the point is at (")
    word = "stretched" if state["at"]["logDet"] > 0 else "squeezed"
    assert word in verdict.inner_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(opened, theme):
    charts = opened(reduced_motion="reduce")  # colours do not fade from one to the other
    charts.page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
    assert charts.accessibility() == []


def test_page_loads_only_its_own_files(opened, served_book):
    assert opened().strangers(served_book) == []


# --- in Python ----------------------------------------------------------------------------------

BAD = {
    "target": ("spiral", "target is 'spiral', needs to be one of ring, two_moons"),
    "kind": ("radial", "kind is 'radial', needs to be one of planar, coupling"),
    "depth": (17, "depth is 17, needs to be 0 to 16"),
    "z": ((0.0, 5.0), "z is .*, needs two numbers from -4.4 to 4.4"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name):
    value, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        FlowWarp(**{name: value})


def test_text_stands_in_for_the_widget():
    assert repr(FlowWarp()).startswith("<FlowWarp: noise that a trained flow bends")
