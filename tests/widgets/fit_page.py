"""Reads the two widgets that fit a Gaussian off their page, and moves them."""

from tests.site.small_book import ROOT

FRAME = "() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))"


class Fit:
    """A widget on a page, by the class of its root element."""

    def __init__(self, watched, name: str):
        self.watched, self.page = watched, watched.page
        self.root = watched.page.wait_for_selector(f".{name}")
        self.box = watched.page.locator(f".{name}")
        watched.page.wait_for_function(
            f"() => document.querySelector('.{name}').courseWidget?.frames.length > 0"
        )
        self.plot = self.box.locator("canvas").first

    def read(self) -> dict:
        """What the last frame showed, all numbers of it as floats."""
        self.page.evaluate(FRAME)
        return self.root.evaluate("root => root.courseWidget.output")

    def move(self, q) -> dict:
        self.root.evaluate("(root, q) => root.courseWidget.moveTo(q)", list(q))
        return self.read()

    def drawn(self, canvas=None) -> str:
        return (canvas or self.plot).evaluate("canvas => canvas.toDataURL()")

    def changes(self, act, canvas=None) -> tuple[dict, dict]:
        """The numbers before and after; the picture must have changed, too."""
        before, picture = self.read(), self.drawn(canvas)
        act()
        after = self.read()
        assert self.drawn(canvas) != picture
        return before, after

    def slider(self, name: str):
        return self.box.get_by_role("slider", name=name, exact=True)

    def button(self, name: str):
        return self.box.get_by_role("button", name=name, exact=True)

    def wait_until_it_stands(self) -> dict:
        self.page.wait_for_function(
            "root => !root.courseWidget.playing", arg=self.root, timeout=10_000
        )
        return self.read()

    def hold_time(self):
        """From now on the page's clock stands; the function returned lets milliseconds pass."""
        self.page.clock.install(time=0)
        self.page.clock.pause_at(1000)

        def later(milliseconds: int) -> dict:
            self.page.clock.run_for(milliseconds)
            return self.root.evaluate("root => root.courseWidget.output")

        return later

    def drag(self, canvas, dx: float, dy: float) -> None:
        """With the mouse, from the middle, by parts of the canvas."""
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + dx * box["width"], y + dy * box["height"], steps=5)
        self.page.mouse.up()

    def touch(self, canvas, *fingers) -> None:
        """Fingers on a canvas, each from (x0, y0) to (x1, y1) in parts of it."""
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        device = self.page.context.new_cdp_session(self.page)

        def send(kind, part):
            points = [
                {
                    "x": box["x"] + box["width"] * (x0 + part * (x1 - x0)),
                    "y": box["y"] + box["height"] * (y0 + part * (y1 - y0)),
                    "id": number,
                }
                for number, ((x0, y0), (x1, y1)) in enumerate(fingers)
            ]
            device.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        send("touchStart", 0)
        for step in range(1, 6):
            send("touchMove", step / 5)
        device.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    def frame_times(self, label: str) -> list[float]:
        """Milliseconds of 200 frames while a slider moves from end to end."""
        return self.root.evaluate(
            """async (root, label) => {
                const input = [...root.querySelectorAll("input[type=range]")]
                    .find((one) => one.labels[0].textContent === label);
                const [low, high] = [Number(input.min), Number(input.max)];
                root.courseWidget.frames.length = 0;
                for (let i = 0; i < 200; i++) {
                    input.value = low + (high - low) * (0.5 + 0.45 * Math.sin(i / 15));
                    input.dispatchEvent(new Event("input"));
                    await new Promise(requestAnimationFrame);
                }
                return root.courseWidget.frames;
            }""",
            label,
        )

    def accessibility(self, name: str) -> list:
        """Serious and critical findings of axe."""
        self.page.add_script_tag(path=ROOT / "node_modules" / "axe-core" / "axe.min.js")
        found = self.page.evaluate("name => axe.run('.' + name)", name)
        assert len(found["passes"]) > 10
        serious = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
        return [(v["id"], [node["failureSummary"] for node in v["nodes"]]) for v in serious]

    def check_on_a_phone(self) -> None:
        """Nothing is cut off, and a finger hits every control."""
        assert self.root.evaluate("root => root.scrollWidth - root.clientWidth") <= 0
        assert self.root.evaluate("root => root.getBoundingClientRect().right") <= 390
        for control in self.box.locator("input, button").all():
            area = control.evaluate("""node => {
                const box = (node.type === "checkbox" ? node.closest("label") : node);
                const { width, height } = box.getBoundingClientRect();
                return [width, height];
            }""")
            assert min(area) >= 24, control.inner_text()
        assert self.plot.evaluate("c => c.width / c.clientWidth") == 2

    def check_words(self) -> None:
        for canvas in self.box.locator("canvas").all():
            assert canvas.get_attribute("role") == "img"
            assert len(canvas.get_attribute("aria-label")) > 10
        for slider in self.box.get_by_role("slider").all():
            assert slider.get_attribute("aria-valuetext")
