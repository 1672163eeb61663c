"""The flow for images in the browser: its pictures, codes and densities are torch's."""

import gzip
import json
import math

import pytest
import torch

from tests.widgets.chart_page import FRAME, Charts, number
from tests.widgets.example import glow, glow_flow, images_and_names
from tests.widgets.frames import LIMIT, best_median
from tests.widgets.node import run_module
from vae_course.data.coarsening import coarse
from vae_course.flows import Glow, InvertibleConv1x1, MultiscaleRealNVP
from vae_course.flows.dequantisation import bits_per_dimension, quantise
from vae_course.pretrained import pretrained
from vae_course.random import seeded
from vae_course.widgets import GlowSampler
from vae_course.widgets.base import join_files
from vae_course.widgets.glow_sampler import export_image_flow, recorded_glow

PHONE = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}
N, LEVELS = 256, 16


@pytest.fixture(scope="module")
def joined(tmp_path_factory):
    """image_flow.js with what it is joined to in the widget."""
    path = tmp_path_factory.mktemp("joined") / "image_flow.mjs"
    path.write_text(join_files(("nn.js", "image_flow.js", "glow_pictures.js")), encoding="utf-8")
    return path


def vivid(flow, seed: int, size: float = 0.05):
    """No parameter at its first zero, and all of them as float16 has them."""
    with seeded(seed), torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(size * torch.randn_like(parameter))
            parameter.copy_(parameter.half().float())
    return flow.eval().requires_grad_(False)


FLOWS = {
    "as trained": lambda: pretrained("glyphs-glow"),
    "of the other tests": glow_flow,
    "plain convolutions": lambda: vivid(Glow((1, 8, 8), 2, 2, 8, lu=False, alpha=0.05), 1),
    "three levels, oblong": lambda: vivid(Glow((1, 16, 8), 3, 1, 6, alpha=0.01), 2),
    "no logit": lambda: vivid(Glow((2, 8, 4), 1, 3, 8), 3),
}


# --- the mathematics ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FLOWS)
def test_both_directions_are_torchs(name, joined, seed):
    with seeded(0):
        flow = FLOWS[name]()
    n = math.prod(flow.event_shape)
    z = torch.randn(20, n, generator=torch.Generator().manual_seed(seed)) * 0.8
    x, log_det = flow.transform(z)
    log_prob = flow.base().log_prob(z) - log_det
    code = """
        const flow = js.imageFlow(data.layers, data.n);
        return data.z.map((z) => {
            const decoded = flow.decode(Float64Array.from(z));
            const encoded = flow.encode(decoded.x);
            return { x: [...decoded.x], logProb: decoded.logProb, z: [...encoded.z],
                     encoded: encoded.logProb };
        });
    """
    data = {"layers": export_image_flow(flow), "n": n, "z": z.tolist()}
    found = run_module(joined, code, data)
    shown = {key: torch.tensor([one[key] for one in found]) for key in found[0]}
    assert x.std() > 0.01
    torch.testing.assert_close(shown["x"], x.flatten(1), atol=1e-4, rtol=0)
    torch.testing.assert_close(shown["logProb"], log_prob, atol=1e-3, rtol=1e-5)
    torch.testing.assert_close(shown["z"], z, atol=1e-4, rtol=0)
    torch.testing.assert_close(shown["encoded"], shown["logProb"], atol=1e-3, rtol=1e-5)


def test_inverse_and_determinant_of_a_matrix(joined, seed):
    """Also where elimination has to change rows, and the determinant is negative."""
    torch.manual_seed(seed)
    matrices = [torch.randn(n, n, dtype=torch.float64) for n in (1, 2, 4, 8, 12)]
    matrices += [torch.eye(4, dtype=torch.float64).flip(0), -torch.eye(3, dtype=torch.float64)]
    code = "return data.map(([matrix, n]) => js.invertMatrix(matrix, n));"
    found = run_module(joined, code, [[one.flatten().tolist(), len(one)] for one in matrices])
    for matrix, one in zip(matrices, found, strict=True):
        inverse = torch.tensor(one["inverse"], dtype=torch.float64).reshape(matrix.shape)
        torch.testing.assert_close(
            inverse @ matrix, torch.eye(len(matrix)).double(), atol=1e-9, rtol=0
        )
        assert one["logDet"] == pytest.approx(torch.linalg.slogdet(matrix)[1].item(), abs=1e-9)


def test_tasks_take_turns(joined):
    """The urgent one goes first and again and again, and the others still get done."""
    code = """
        const turns = js.inTurns();
        const done = [];
        const task = (name) => turns.add(
            function* () { yield; yield; return name; }, (value) => done.push(value));
        const [a, b, c] = ["a", "b", "c"].map(task);
        for (const one of [a, b, c]) turns.ask(one, one === c);
        for (let i = 0; i < 30 && turns.left; i++) {
            turns.work(0);
            if (done.length < 4 && done.at(-1) === "c") turns.ask(c, true);
        }
        return [done, turns.left];
    """
    assert run_module(joined, code, None) == [["c", "a", "c", "b", "c"], 0]


# --- the page -------------------------------------------------------------------------------------


class Sampler(Charts):
    def read(self) -> dict:
        self.page.wait_for_function(
            "root => root.courseWidget.finished", arg=self.root, timeout=60_000
        )
        self.page.evaluate(FRAME)
        return self.root.evaluate("""root => {
            const { values, found, colours } = root.courseWidget;
            return { values: { ...values }, found, colours };
        }""")

    def red(self, canvas) -> torch.Tensor:
        """A canvas as numbers: the red in the middle of each of the picture's pixels."""
        values = canvas.evaluate("""canvas => {
            const context = canvas.getContext("2d");
            const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
            const at = (k) => Math.floor((k + 0.5) * canvas.width / 16);
            const places = [...Array(256).keys()].map((i) => [at(i % 16), at(Math.floor(i / 16))]);
            return places.map(([x, y]) => data[4 * (y * canvas.width + x)]);
        }""")
        return torch.tensor(values, dtype=torch.float32)


@pytest.fixture
def opened(served_book, open_page):
    def open_(**options) -> Sampler:
        return Sampler(open_page(f"{served_book}/glow.html", **options), "vc-glow")

    return open_


def log_prob_of(x: torch.Tensor) -> torch.Tensor:
    return glow_flow().log_prob(x.reshape(-1, 1, 16, 16))


@pytest.mark.parametrize("temperature", [0.0, 0.7, 1.2])
def test_samples_are_torchs(opened, temperature):
    charts = opened()
    state = charts.move(temperature=temperature, draw=3, chosen=4)
    noise = torch.tensor(state["found"]["noise"])
    assert noise.shape == (12, N) and abs(noise.mean()) < 0.1 and abs(noise.std() - 1) < 0.1
    flow = glow_flow()
    z = temperature * noise
    x, log_det = flow.transform(z)
    wanted = flow.base().log_prob(z) - log_det
    shown = torch.tensor([sample["x"] for sample in state["found"]["samples"]])
    torch.testing.assert_close(shown, x.flatten(1), atol=1e-3, rtol=0)
    log_probs = torch.tensor([sample["logProb"] for sample in state["found"]["samples"]])
    torch.testing.assert_close(log_probs, wanted, atol=0.01, rtol=1e-4)
    numbers = charts.box.locator(".gs-large .gs-numbers").inner_text().split("= ")[1]
    assert number(numbers) == pytest.approx(wanted[4].item(), abs=0.1)
    bits = bits_per_dimension(wanted, N, LEVELS)
    assert number(numbers.split("nats")[1]) == pytest.approx(bits[4].item(), abs=0.006)
    mean = charts.box.locator(".gs-grid .vc-muted").inner_text()
    assert number(mean.split("need ")[1]) == pytest.approx(bits.mean().item(), abs=0.006)
    assert number(mean.split("pictures ")[1].rstrip(".")) == 2.5

    ink, paper = (state["colours"][name][0] for name in ("ink", "paper"))
    pixels = paper + x[4].flatten().clamp(0, 1) * (ink - paper)
    large = charts.red(charts.box.locator(".gs-large canvas"))
    torch.testing.assert_close(large, pixels, atol=1.5, rtol=0)
    small = charts.red(charts.box.locator(".gs-grid canvas").nth(4))
    torch.testing.assert_close(small, pixels, atol=1.5, rtol=0)


def test_both_ways_are_torchs(opened):
    charts = opened()
    state = charts.move(first=2, second=5, way=0.3)
    given = torch.tensor(state["found"]["given"])
    images = coarse(images_and_names()[0][:8]).flatten(1)
    torch.testing.assert_close(quantise(given, LEVELS), images)  # noise within its level
    flow = glow_flow()
    codes, _ = flow.transform.inverse(given.reshape(-1, 1, 16, 16))
    for place in [None, *range(13)]:
        t = 0.3 if place is None else place / 12
        pixels = (1 - t) * given[2] + t * given[5]
        z = (1 - t) * codes[2] + t * codes[5]
        x, log_det = flow.transform(z)
        wanted = {
            "code": (x.flatten(), flow.base().log_prob(z) - log_det),
            "pixel": (pixels, log_prob_of(pixels)[0]),
        }
        for name, (picture, log_prob) in wanted.items():
            path = state["found"][name]
            shown = path["now"] if place is None else path["steps"][place]
            difference = (torch.tensor(shown["x"]) - picture).abs().max().item()
            assert difference < 1e-3, (name, place)
            assert shown["logProb"] == pytest.approx(log_prob.item(), rel=1e-3, abs=0.1)
    for name, text in zip(
        ("code", "pixel"), charts.box.locator(".gs-path .gs-numbers").all(), strict=True
    ):
        log_prob = state["found"][name]["now"]["logProb"]
        assert number(text.inner_text().split("= ")[1]) == pytest.approx(log_prob, abs=0.06)


def test_the_ways_begin_and_end_at_the_pictures(opened):
    """The flow's inverse is exact: at both ends the two mixes are the pictures themselves."""
    charts = opened()
    for way, end in ((0.0, 3), (1.0, 6)):
        found = charts.move(first=3, second=6, way=way)["found"]
        given = torch.tensor(found["given"][end])
        for name in ("code", "pixel"):
            torch.testing.assert_close(
                torch.tensor(found[name]["now"]["x"]), given, atol=1e-5, rtol=0
            )
        assert found["code"]["now"]["logProb"] == pytest.approx(
            found["pixel"]["now"]["logProb"], abs=1e-3
        )


def test_controls_with_keys(opened):
    charts = opened()
    for name, value, step in (("Temperature T", "temperature", 0.02), ("Way t", "way", 0.02)):
        slider = charts.slider(name)
        slider.focus()
        before = charts.read()["values"][value]
        changed = charts.changed_values(slider.press, "ArrowLeft")
        assert changed == {value: pytest.approx(before - step)}
    for group, value in (("Samples", "chosen"), ("From", "first"), ("to", "second")):
        radio = charts.box.get_by_role("group", name=group, exact=True).get_by_role("radio")
        radio.nth(3).focus()
        assert charts.changed_values(radio.nth(3).press, "Space") == {value: 3}
        assert charts.changed_values(radio.nth(3).press, "ArrowRight") == {value: 4}
    new = charts.box.get_by_role("button", name="New draws")
    assert charts.changed_values(new.press, "Enter") == {"draw": 2}


def test_mouse_and_finger(opened):
    charts = opened()
    strip = charts.box.locator(".gs-pixel canvas").nth(1)
    box = strip.bounding_box()
    place = {"x": box["width"] * 5.5 / 7, "y": box["height"] / 2}
    assert charts.changed_values(lambda: strip.click(position=place)) == {"way": 5 / 6}
    phone = opened(**PHONE)
    sample = phone.box.locator(".gs-grid label").nth(7)
    assert phone.changed_values(sample.tap) == {"chosen": 7}
    picture = phone.box.get_by_role("group", name="From").locator("label").nth(5)
    assert phone.changed_values(picture.tap) == {"first": 5}


def test_all_pictures_follow_while_the_slider_moves(opened):
    """No picture waits for the slider to stand still: each is drawn some time on the way."""
    charts = opened()
    charts.read()
    late = charts.slider("Temperature T").evaluate("""async (input) => {
        const { courseWidget } = input.closest(".vc-widget");
        const first = courseWidget.found.samples.map(({ logProb }) => logProb);
        const seen = new Set();
        for (let i = 0; i < 600 && seen.size < 12; i++) {
            input.value = 0.6 + 0.3 * Math.sin(i / 40);
            input.dispatchEvent(new Event("input"));
            await new Promise(requestAnimationFrame);
            if (i % 20) continue;
            const now = courseWidget.found.samples;
            now.forEach(({ logProb }, k) => logProb !== first[k] && seen.add(k));
        }
        return 12 - seen.size;
    }""")
    assert late == 0


def test_python_and_page_agree_at_the_start(opened):
    values = opened().read()["values"]
    widget = glow()
    assert values == {name: getattr(widget, name) for name in values}


# --- for everybody --------------------------------------------------------------------------------


@pytest.mark.alone
@pytest.mark.parametrize("label", ["Temperature T", "Way t"])
def test_median_frame_takes_less_than_4_ms(opened, label):
    charts = opened()
    assert best_median(lambda: charts.frame_times(label)) < LIMIT


def test_dark_and_light(opened):
    charts = opened()
    charts.read()
    light = charts.pictures()
    charts.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    dark_state = charts.read()
    dark = charts.pictures()
    assert all(one != other for one, other in zip(light, dark, strict=True))
    charts.page.evaluate("document.documentElement.dataset.theme = 'light'")
    assert charts.read()["found"] == dark_state["found"] and charts.pictures() == light


def test_on_a_phone(opened):
    controls = "input[type=range], button, label:has(canvas)"
    opened(**PHONE).check_phone(controls, blur=0.05)


def test_words_for_those_who_do_not_see_it(opened):
    charts = opened()
    for canvas in charts.box.locator("canvas").all():
        assert canvas.get_attribute("role") == "img"
        assert len(canvas.get_attribute("aria-label")) >= 8
    found = charts.move(temperature=0.5, chosen=2, first=1, second=4, way=0.5)["found"]
    charts.page.wait_for_timeout(1500)
    said = charts.box.locator("div[role=status]").inner_text().replace("−", "-")
    assert said.startswith(
        f"Temperature 0.50, sample 3: log p(x) = {found['samples'][2]['logProb']:.1f} nats, "
    )
    assert "From picture 2 to 5, way 0.50: mix of the codes log p(x) = " in said


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(opened, theme):
    charts = opened(reduced_motion="reduce")  # colours do not fade from one to the other
    charts.page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
    charts.read()
    assert charts.accessibility() == []


def test_page_loads_only_its_own_files(opened, served_book):
    assert opened().strangers(served_book) == []


# --- in Python ------------------------------------------------------------------------------------


def test_the_recorded_flow_is_small_and_starts_with_eight_classes():
    widget = GlowSampler()
    assert len(gzip.compress(json.dumps(widget.get_state()).encode())) <= 200_000
    assert 0.3 < widget.held_out < 1.2
    images = recorded_glow()[1]
    assert len(images) == 8 and (images[:, None] != images).flatten(2).any(-1).sum() == 56


def test_a_flow_of_other_layers_is_refused():
    with seeded(0):
        flow = MultiscaleRealNVP((1, 16, 16), levels=2, hidden=4)
    with pytest.raises(ValueError, match="flow has a layer ImageCoupling that"):
        export_image_flow(flow.eval())
    with seeded(0):
        flow = Glow((1, 8, 8), 1, 1, 4, factor_out=False)
    with pytest.raises(ValueError, match="flow begins with Inverse, needs a MultiScale"):
        export_image_flow(flow.eval())


IMAGES = torch.zeros(8, 1, 16, 16)
BAD = {
    "one alone": ((None, IMAGES), "need to be given together"),
    "shape": (("flow", IMAGES[:, :, :8]), "images"),
    "few": (("flow", IMAGES[:7]), "images has 7 pictures, needs at least 8"),
    "levels": (("flow", IMAGES + 0.5), "not among 16 grey levels"),
    "outside": (("flow", IMAGES + 2), "not among 16 grey levels"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(case):
    (flow, images), message = BAD[case]
    with pytest.raises(ValueError, match=message):
        GlowSampler(glow_flow() if flow else None, images)


def test_text_stands_in_for_the_widget():
    assert repr(glow()).startswith("<GlowSampler: samples of a flow for images")
    assert isinstance(
        glow_flow().transform.transforms[0].levels[0].transforms[1], InvertibleConv1x1
    )
