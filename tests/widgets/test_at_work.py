"""The widget "A VAE at work", in Chromium, against torch."""

import json
from types import SimpleNamespace

import pytest
import torch
from torch.distributions import kl_divergence

from tests.widgets.frames import LIMIT, best_median
from tests.widgets.node import run_module
from vae_course.widgets.at_work import VAEAtWork, load_at_work

ADDRESS = "http://widget.test/"  # answered by `serve`: nothing leaves the machine
SEVEN = [[(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)]]
STRAIGHT = [[(0.5, 0.2), (0.5, 0.8)]]


@pytest.fixture(scope="module")
def widget():
    return VAEAtWork()


@pytest.fixture(scope="module")
def model():
    return load_at_work()[0]


@pytest.fixture
def open_page(browser, widget):
    """Opens the widget on a page of its own; every console message and error is a failure."""
    state = {k: v for k, v in widget.get_state().items() if not k.startswith("_")}
    page_text = f"""<!doctype html><html lang="en"><meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <style>{widget._css}</style><title>widget</title><main></main>
        <script type="module">
          import widget from "{ADDRESS}widget.js";
          const state = {json.dumps(state)};
          const model = {{ get: (name) => state[name], on() {{}}, off() {{}} }};
          widget.render({{ model, el: document.querySelector("main") }});
          window.widget = document.querySelector("main").courseWidget;
        </script>"""
    contexts, complaints = [], []

    def serve(route):
        script = route.request.url.endswith("widget.js")
        body, kind = (widget._esm, "text/javascript") if script else (page_text, "text/html")
        route.fulfill(body=body, content_type=kind, status=200)

    def opener(**options):
        contexts.append(
            browser.new_context(**{"viewport": {"width": 1000, "height": 1000}, **options})
        )
        page = contexts[-1].new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.route("**/*", serve)
        page.goto(ADDRESS)
        page.wait_for_function("window.widget?.frames.length > 0")
        return page

    yield opener
    for context in contexts:
        context.close()
    assert not complaints


def read(
    page, names=("mu", "log_var", "z", "epsilon", "distortion", "rate", "bound", "x", "output")
):
    """The widget's numbers, as float64 tensors, once its next frame has been drawn."""
    code = """async (names) => {
        for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame);
        return names.map((name) => {
            const value = widget[name];
            return value.length ? [...value] : value;
        });
    }"""
    values = page.evaluate(code, list(names))
    return SimpleNamespace(
        **{n: torch.tensor(v, dtype=torch.float64) for n, v in zip(names, values, strict=True)}
    )


def draw(page, strokes, offset=(0.0, 0.0), size=1.0):
    """Draws on the pad with the mouse."""
    box = page.locator(".at-pad").bounding_box()
    for stroke in strokes:
        points = [
            (
                box["x"] + box["width"] * (offset[0] + size * x),
                box["y"] + box["height"] * (offset[1] + size * y),
            )
            for x, y in stroke
        ]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point, steps=8)
        page.mouse.up()


def place_on(locator, z, half=3.4):
    """Where the latent z lies on the map, in CSS pixels of the window."""
    box = locator.bounding_box()
    unit = box["width"] / (2 * half)
    return box["x"] + box["width"] / 2 + z[0] * unit, box["y"] + box["height"] / 2 - z[1] * unit


def test_networks_equal_torch(open_page, model, widget):
    page = open_page()
    generator = torch.Generator().manual_seed(0)
    z = 1.5 * torch.randn(20, 2, generator=generator)
    x = (torch.rand(20, 1, 28, 28, generator=generator) < 0.2).float()
    x[:10] = load_at_work()[1]["given"].float().reshape(10, 1, 28, 28)
    logits = page.evaluate("(z) => z.map((z) => [...widget.decode(z)])", z.tolist())
    heads = page.evaluate("(x) => x.map((x) => [...widget.encode(x)])", x.flatten(1).tolist())
    assert (torch.tensor(logits) - model.decoder.trunk(z).flatten(1)).abs().max() < 1e-3
    q = model.encode(x)
    expected = torch.cat([q.mean, q.variance.log()], -1)
    assert (torch.tensor(heads) - expected).abs().max() < 1e-3


def test_bound_equals_torch_at_20_points(open_page, model):
    page = open_page()
    pad, canvas = page.locator(".at-given input"), page.locator(".at-map canvas")
    for i in range(20):
        pad.nth(i % 10).check()
        page.mouse.click(*place_on(canvas, (-2 + 0.2 * i, 1.7 - 0.31 * (i % 7))))
        shown = read(page)
        x, z = shown.x.float().reshape(1, 1, 28, 28), shown.z.float().reshape(1, 2)
        q, p_x = model.encode(x), model.decode(z)
        distortion, rate = -p_x.log_prob(x), kl_divergence(q, model.prior)
        assert abs(shown.distortion - distortion) < 1e-3
        assert abs(shown.rate - rate) < 1e-4
        assert shown.bound == -(shown.distortion + shown.rate)
        assert (shown.output.float() - p_x.mean.flatten()).abs().max() < 1e-3
        sigma = (0.5 * shown.log_var).exp()
        assert (shown.mu + sigma * shown.epsilon - shown.z).abs().max() < 1e-6


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pixels_equal_the_output(open_page, scheme):
    page = open_page()
    if scheme == "dark":
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
    shown = read(page)
    # The picture is enlarged without smoothing: the middle of each square is the pixel.
    grey = page.evaluate("""() => {
        const canvas = document.querySelector('[aria-label^="Decoding"]');
        const context = canvas.getContext("2d");
        const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
        const at = (i) => Math.floor((canvas.width * (2 * i + 1)) / 56);
        return Array.from({length: 784}, (_, i) =>
            data[4 * (at(Math.floor(i / 28)) * canvas.width + at(i % 28))]);
    }""")
    colours = page.evaluate("""() => ["--ink", "--paper"].map((name) =>
        getComputedStyle(document.querySelector(".at-work")).getPropertyValue(name).trim())""")
    ink, paper = (int(colour[1:3], 16) for colour in colours)  # the red of "#rrggbb"
    assert (ink < paper - 150) if scheme == "light" else (ink > paper + 150)
    expected = paper + shown.output * (ink - paper)
    assert (torch.tensor(grey) - expected).abs().max() <= 1


def test_drawing_with_the_mouse(open_page, model):
    page = open_page()
    first = read(page)
    draw(page, SEVEN)
    seven = read(page)
    assert (seven.mu - first.mu).norm() > 0.1
    assert not page.locator(".at-given input:checked").count()
    on_the_pad = page.evaluate("""() => {
        const canvas = document.querySelector(".at-pad");
        const { width, height } = canvas;
        const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
        const grey = (x, y) => data[4 * (Math.round(y * height) * width + Math.round(x * width))];
        return [grey(0.28, 0.2), grey(0.2, 0.6)];
    }""")
    assert on_the_pad[0] < 64 < 192 < on_the_pad[1]  # the bar of the seven, and paper
    q = model.encode(seven.x.float().reshape(1, 1, 28, 28))
    assert (seven.mu - q.mean[0]).abs().max() < 1e-4
    page.get_by_role("button", name="Clear").click()
    assert read(page).x.sum() == 0
    draw(page, STRAIGHT)
    straight = read(page)
    assert 40 < straight.x.sum() < 60  # 20 pixels high, 2 or 3 wide


def test_a_drawing_is_centred_and_scaled_like_mnist():
    """Wherever and however large a seven is drawn, the encoder sees the same picture."""
    placed = [((0.0, 0.0), 1.0), ((0.45, 0.4), 0.5), ((0.1, 0.5), 0.4)]
    drawings = [
        [[[dx + size * x, dy + size * y] for x, y in stroke] for stroke in SEVEN]
        for (dx, dy), size in placed
    ]
    code = "return data.map((strokes) => [...js.pictureOfStrokes(strokes)])"
    pictures = torch.tensor(run_module("at_work_pad.js", code, drawings)).reshape(-1, 28, 28)
    # Rounding may turn a pixel whose centre lies on the edge of the stroke.
    assert (pictures != pictures[0]).flatten(1).sum(1).max() <= 1
    index = torch.arange(28.0)
    rows, columns = pictures[0].sum(1).float(), pictures[0].sum(0).float()
    assert abs((rows @ index) / rows.sum() - 14) < 0.25
    assert abs((columns @ index) / columns.sum() - 14) < 0.25
    assert abs((rows > 0).sum() - 20) <= 1  # the longer side


def test_a_dot_stays_a_dot():
    code = "return [...js.pictureOfStrokes(data)]"
    dot = run_module("at_work_pad.js", code, [[[0.3, 0.3], [0.302, 0.301]]])
    assert 4 <= sum(dot) <= 8
    assert sum(run_module("at_work_pad.js", code, [])) == 0


def test_keys_move_the_map_point_and_choose_digits(open_page):
    page = open_page()
    page.locator(".at-map").focus()
    before = read(page)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    after = read(page)
    assert torch.allclose(after.z - before.z, torch.tensor([0.1, 0.1], dtype=torch.float64))
    assert (after.output - before.output).abs().max() > 1e-3
    page.keyboard.press("Shift+ArrowLeft")
    assert torch.allclose(read(page).z - after.z, torch.tensor([-0.01, 0.0], dtype=torch.float64))

    page.locator(".at-given input").first.focus()
    page.keyboard.press("ArrowRight")
    chosen = read(page)
    assert (chosen.x != before.x).any()
    assert page.locator(".at-given input").nth(1).is_checked()
    page.get_by_role("button", name="Reset").click()
    chosen = read(page)
    page.get_by_label("epsilon 1").focus()
    page.keyboard.press("ArrowRight")
    moved = read(page)
    sigma = (0.5 * moved.log_var).exp()
    assert abs(moved.z[0] - chosen.z[0] - 0.05 * sigma[0]) < 1e-6
    assert moved.z[1] == chosen.z[1]


def test_two_keys_between_two_frames_both_count(open_page):
    page = open_page()
    before = read(page)
    page.locator(".at-map").evaluate(
        """map => {
            for (const key of ["ArrowRight", "ArrowUp"]) {
                map.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
            }
        }"""
    )
    moved = read(page).z - before.z
    assert torch.allclose(moved, torch.tensor([0.1, 0.1], dtype=torch.float64))


def test_hovering_decodes_and_leaves_the_sample_alone(open_page):
    page = open_page(reduced_motion="reduce")
    canvas = page.locator(".at-map canvas")
    kept = read(page)
    page.mouse.move(*place_on(canvas, (1.0, -1.0)))
    hovered = read(page)
    assert (hovered.z - torch.tensor([1.0, -1.0])).abs().max() < 0.02
    page.mouse.move(5, 5)
    assert torch.equal(read(page).z, kept.z)
    page.get_by_role("button", name="Draw ε").click()
    drawn = read(page)
    assert (drawn.epsilon - kept.epsilon).abs().min() > 1e-6
    assert torch.equal(drawn.mu, kept.mu)
    page.get_by_role("button", name="Reset").click()
    assert (read(page).z - kept.z).abs().max() < 1e-9


def test_touch_draws_and_moves(open_page):
    page = open_page(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    before = read(page)
    session = page.context.new_cdp_session(page)

    def swipe(points):
        kinds = ["touchStart", *["touchMove"] * (len(points) - 1), "touchEnd"]
        for kind, point in zip(kinds, [*points, None], strict=True):
            touches = [] if point is None else [{"x": point[0], "y": point[1]}]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    box = page.locator(".at-pad").bounding_box()
    swipe(
        [
            (box["x"] + box["width"] * (0.3 + 0.04 * i), box["y"] + box["height"] * 0.08 * (i + 1))
            for i in range(10)
        ]
    )
    drawn = read(page)
    assert (drawn.x != before.x).any() and 30 < drawn.x.sum() < 120
    canvas = page.locator(".at-map canvas")
    canvas.scroll_into_view_if_needed()
    swipe([place_on(canvas, (-1.0 + 0.1 * i, 0.5)) for i in range(11)])
    assert (read(page).z - torch.tensor([0.0, 0.5])).abs().max() < 0.03


def test_true_posterior_equals_quadrature_in_torch(open_page, model):
    """Sum over the lens and average over q, against torch on a finer grid."""
    page = open_page()
    for digit in (0, 3, 7):
        page.locator(".at-given input").nth(digit).check()
        read(page)
        page.wait_for_function("widget.posterior !== null")
        found = page.evaluate(
            "({log: widget.posterior.logEvidence, D: widget.posterior.distortion})"
        )
        shown = read(page)
        x = shown.x.float().reshape(1, 1, 28, 28)
        sigma = (0.5 * shown.log_var).exp().float()
        reach = 4 * sigma.max()
        line = (torch.arange(60) + 0.5) / 30 - 1  # midpoints
        offset = reach * torch.cartesian_prod(line, line)
        z = shown.mu.float() + offset
        log_p_x_z = model.decode(z).log_prob(x)
        area = (reach / 30) ** 2
        inside = torch.logsumexp(log_p_x_z + model.prior.log_prob(z), 0) + area.log()
        assert abs(found["log"] - inside) < 0.02
        weights = torch.softmax(-0.5 * (offset / sigma).square().sum(-1), 0)
        average = -(weights * log_p_x_z).sum()
        assert abs(found["D"] - average) < 0.02
        assert -(average + shown.rate) <= inside + 1e-3  # the bound is one


@pytest.mark.alone
def test_a_frame_takes_less_than_4_ms(open_page):
    """Median over 200 moves of the pointer, each drawn: decode, draw, write the numbers."""
    page = open_page()
    assert best_median(lambda: page.evaluate(MOVE_200_TIMES)) < LIMIT


MOVE_200_TIMES = """async () => {
    const map = document.querySelector(".at-map canvas");
    const { left, top, width } = map.getBoundingClientRect();
    const start = widget.frames.length;
    for (let i = 0; i < 200; i++) {
        const at = (n) => width * (0.1 + (0.8 * (i % n)) / n);
        const place = { clientX: left + at(37), clientY: top + at(53) };
        map.dispatchEvent(new PointerEvent("pointermove", { ...place, pointerType: "mouse" }));
        await new Promise(requestAnimationFrame);
    }
    return widget.frames.slice(start);
}"""


def test_the_python_that_is_shown_is_right(open_page, model):
    """The lines under "The same in six lines of Python", executed, give the numbers beside them."""
    page = open_page()
    page.get_by_text("The same in six lines of Python").click()
    shown = read(page)
    lines = page.locator(".at-work pre").text_content()
    names = {
        "vae": model,
        "x": shown.x.float().reshape(1, 1, 28, 28),
        "epsilon": shown.epsilon.float(),
        "kl_divergence": kl_divergence,
    }
    exec(lines, names)
    assert (names["z"][0] - shown.z).abs().max() < 1e-4
    for name in ("distortion", "rate", "bound"):
        (line,) = [line for line in lines.splitlines() if line.startswith(f"{name} =")]
        assert abs(float(line.partition("#")[2].split()[0]) - names[name].item()) < 0.06


def test_every_control_and_picture_is_named(open_page):
    page = open_page()
    page.wait_for_timeout(900)  # the live text waits until the numbers rest
    status = page.locator(".at-work [role=status]").text_content()
    assert status.startswith("Posterior mean") and "bound −" in status
    unnamed = page.evaluate("""() => [...document.querySelectorAll("canvas")].filter((c) =>
        c.getAttribute("aria-hidden") !== "true" && !(c.role === "img" && c.ariaLabel)).length""")
    assert unnamed == 0
    page.keyboard.press("Tab")
    order = []
    for _ in range(10):
        order.append(
            page.evaluate("document.activeElement.ariaLabel || document.activeElement.textContent")
        )
        page.keyboard.press("Tab")
    order = [name for name in order if name]
    expected = ["a handwritten", "Clear", "Latent map", "epsilon 1", "epsilon 2", "Draw ε", "Reset"]
    places = [next(i for i, name in enumerate(order) if name.startswith(e)) for e in expected]
    assert places == sorted(places)
