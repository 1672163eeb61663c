"""A small book with widgets, built by the course's own configuration, and its pages in Chromium."""

import pytest

from tests.site.small_book import SmallBook
from tools.serve import serving

TRAVERSAL = "from tests.widgets.example import traversal\n\ntraversal()"
ESTIMATORS = "from vae_course.widgets import GradientEstimators\n\nGradientEstimators()"
TIGHTNESS = "from vae_course.widgets import BoundTightness\n\nBoundTightness()"
PAIR = "from tests.widgets.example import pair\n\npair()"
SPECTRUM = "from vae_course.widgets import CollapseSpectrum\n\nCollapseSpectrum()"
WARP = "from vae_course.widgets import FlowWarp\n\nFlowWarp()"
MASKED = "from vae_course.widgets import MaskedNetwork\n\nMaskedNetwork()"
BETA = "from tests.widgets.beta_page import family\n\nfamily()"
GLOW = "from tests.widgets.example import glow\n\nglow()"
POSTERIORS = "from vae_course.widgets import PosteriorFlows\n\nPosteriorFlows()"
NATIVE = """
import ipywidgets as w
number = w.IntSlider(description="number", min=0, max=10, value=4)
double = w.FloatSlider(description="double", min=0, max=10, value=1, step=0.5)
text = w.Label("nothing")
copy = w.Label("nothing")
w.jslink((number, "value"), (double, "value"))
w.jsdlink((double, "value"), (text, "value"))
tick = w.Checkbox(description="tick", value=True)
choice = w.Dropdown(description="choice", options=["red", "green", "blue"], value="green")
chosen = w.Label("nothing")
w.jsdlink((choice, "index"), (chosen, "value"))
w.VBox([w.HBox([number, double, text]), w.HBox([tick, choice, chosen])])
"""
FITS = [
    "from vae_course.widgets import PosteriorFit\n\nPosteriorFit()",
    "from vae_course.widgets import KLDirections\n\nKLDirections()",
]
KERNEL = """
import traitlets
from IPython.display import display
from vae_course.widgets import CourseWidget

class Trainer(CourseWidget):
    scripts = ("traversal.js",)
    needs_kernel = traitlets.Bool(True).tag(sync=True)

picture = "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>"
display(Trainer(description="loss of a run", last_picture=picture))
display(w.Textarea(description="of no kind that the host knows"))
"""


@pytest.fixture(scope="session")
def small_book(tmp_path_factory):
    book = SmallBook(
        tmp_path_factory.mktemp("book"),
        {
            "index": "# Home",
            "traversal": [TRAVERSAL],
            "fits": FITS,
            "estimators": [ESTIMATORS],
            "tightness": [TIGHTNESS],
            "spectrum": [SPECTRUM],
            "warp": [WARP],
            "masked": [MASKED],
            "pair": [PAIR],
            "beta": [BETA],
            "posterior-flows": [POSTERIORS],
            "glow": [GLOW],
            "native": [NATIVE, KERNEL],
        },
    )
    built = book.build()
    assert built.returncode == 0, built.stdout + built.stderr
    return book


@pytest.fixture(scope="session")
def served_book(small_book):
    with serving(small_book.folder / "_build" / "html") as address:
        yield address


class Watched:
    """A page, what it asked for, and what went wrong on it."""

    def __init__(self, page):
        self.page = page
        self.requests, self.errors = [], []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self.note)

    def note(self, message):
        # The first page of a browser asks for the icon of the site, which the small book lacks.
        if message.type == "error" and "favicon" not in message.location["url"]:
            self.errors.append(message.text)


@pytest.fixture
def open_page(browser):
    """open_page(address, **options of a browser context) -> Watched; closed after the test."""
    contexts = []

    def open_(address: str, **options) -> Watched:
        contexts.append(browser.new_context(**options))
        watched = Watched(contexts[-1].new_page())
        watched.page.goto(address)
        return watched

    yield open_
    for context in contexts:
        context.close()
