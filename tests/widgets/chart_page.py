"""Reads a widget with charts off its page, and moves it."""

from tests.site.small_book import ROOT

STATE = """root => {
    const { values, exact, found, maker } = root.courseWidget;
    return { values: { ...values }, exact, found, done: maker?.done };
}"""
FINISHED = """root => {
    const { maker, finished } = root.courseWidget;
    return finished ?? maker.done === (maker.runs ?? maker.repetitions);
}"""
FRAME = "() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))"


class Charts:
    """A widget on a page, by the class of its root element."""

    def __init__(self, watched, name: str):
        self.name, self.watched, self.page = name, watched, watched.page
        self.root = watched.page.wait_for_selector(f".{name}")
        self.box = watched.page.locator(f".{name}")
        self.page.wait_for_function(
            "root => root.courseWidget?.frames.length > 0", arg=self.root, timeout=20_000
        )

    def read(self) -> dict:
        """What the widget shows once all its samples, or pictures, are drawn."""
        self.page.evaluate(FRAME)
        self.page.wait_for_function(FINISHED, arg=self.root, timeout=60_000)
        self.page.evaluate(FRAME)
        return self.root.evaluate(STATE)

    def move(self, **values) -> dict:
        self.root.evaluate("(root, values) => root.courseWidget.moveTo(values)", values)
        return self.read()

    def pictures(self) -> list[str]:
        canvases = self.box.locator("canvas")
        return [one.evaluate("canvas => canvas.toDataURL()") for one in canvases.all()]

    def changed_values(self, act, *arguments) -> dict:
        """What an action changed, by name; at least one of the pictures must have changed, too."""
        before, pictures = self.read()["values"], self.pictures()
        act(*arguments)
        after = self.read()["values"]
        assert self.pictures() != pictures
        return {name: value for name, value in after.items() if value != before[name]}

    def slider(self, name: str):
        return self.box.get_by_role("slider", name=name, exact=True)

    def row(self, name: str) -> list[str]:
        """The cells of the row of the table whose head starts so."""
        return self.root.evaluate(
            """(root, name) => [...root.querySelectorAll("tbody tr")]
                .filter((row) => row.querySelector("th").textContent.startsWith(name))
                .flatMap((row) => [...row.querySelectorAll("td")].map((cell) => cell.textContent))
            """,
            name,
        )

    def frame_times(self, name: str) -> list[float]:
        """Milliseconds of 200 frames while a slider moves from end to end."""
        return self.slider(name).evaluate("""async input => {
            const { frames } = input.closest(".vc-widget").courseWidget;
            const [low, high] = [Number(input.min), Number(input.max)];
            frames.length = 0;
            for (let i = 0; i < 200; i++) {
                input.value = low + (high - low) * (0.5 + 0.45 * Math.sin(i / 15));
                input.dispatchEvent(new Event("input"));
                await new Promise(requestAnimationFrame);
            }
            return [...frames];
        }""")

    def check_colours(self) -> None:
        """In the dark all pictures are others, of the same state; in the light the old ones."""
        self.read()
        light = self.pictures()
        self.page.evaluate("document.documentElement.dataset.theme = 'dark'")
        state = self.read()
        dark = self.pictures()
        assert all(one != other for one, other in zip(light, dark, strict=True))
        self.page.evaluate("document.documentElement.dataset.theme = 'light'")
        assert self.read() == state
        assert self.pictures() == light

    def check_phone(self, controls: str, blur: float = 0) -> None:
        """On a phone of 390 px, two device pixels each: nothing sticks out, and a finger hits all.

        controls: a selector; each must be 24 px wide and high
        blur:     how far a canvas may be from two of its pixels for one of the page's
        """
        self.read()
        assert self.page.evaluate("document.documentElement.scrollWidth") == 390
        assert self.root.evaluate("root => root.scrollWidth - root.clientWidth") <= 0
        found = self.box.locator(controls).all()
        assert found
        for control in found:
            size = control.bounding_box()
            assert min(size["width"], size["height"]) >= 24
        for canvas in self.box.locator("canvas").all():
            assert abs(canvas.evaluate("c => c.width / c.clientWidth") - 2) <= blur

    def strangers(self, address: str) -> list[str]:
        """What was asked of anybody but `address`, and errors, once the widget has computed."""
        self.read()
        own = (address, "blob:")
        return [url for url in self.watched.requests if not url.startswith(own)] + [
            *map(str, self.watched.errors)
        ]

    def accessibility(self) -> list:
        """Serious and critical findings of axe."""
        self.page.add_script_tag(path=ROOT / "node_modules" / "axe-core" / "axe.min.js")
        found = self.page.evaluate("name => axe.run('.' + name)", self.name)
        assert len(found["passes"]) > 10
        serious = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
        return [(v["id"], [node["failureSummary"] for node in v["nodes"]]) for v in serious]


def number(text: str) -> float:
    """The first number of a text, as the widget writes it."""
    return float(text.split()[0].replace("−", "-").replace(",", ""))
