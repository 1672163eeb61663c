"""The widget with a kernel: in JupyterLab 4, and with the ipywidgets 7.7 that Colab has.

The second is an environment of its own, .venv-colab: JupyterLab 3 with ipywidgets 7.7.1, front end
and kernel. `make test` creates it (tools/colab.py).
"""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tools.colab import PYTHON

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = {"ipywidgets 8": ("8.", sys.executable), "ipywidgets 7.7": ("7.7.", str(PYTHON))}

MASKED = "from vae_course.widgets import MaskedNetwork\n\nmasked = MaskedNetwork()\nmasked"
WARP = "from vae_course.widgets import FlowWarp\n\nwarp = FlowWarp(depth=4)\nwarp"
BENT = "from vae_course.widgets import PosteriorFlows\n\nbent = PosteriorFlows('ring')\nbent"
GLOW = "from vae_course.widgets import GlowSampler\n\nglow = GlowSampler()\nglow"
CELLS = [
    "import ipywidgets, torch\n'above'",
    """
from vae_course.data import load
from vae_course.models import conv_vae
from vae_course.random import seeded
from vae_course.widgets import LatentTraversal, enable

enable()
with seeded(1):
    model = conv_vae()
widget = LatentTraversal(model, load("glyphs", count=20).images)
widget""",
    "print(ipywidgets.__version__, 'z', [round(value, 1) for value in widget.z])",
    "widget.z = [2.0] * 8",
    "from vae_course.widgets import VAEAtWork\n\nVAEAtWork()",
    "from vae_course.widgets import KLDirections, PosteriorFit\n\nfit = PosteriorFit()\nfit",
    "print('fit', round(fit.x, 2), round(fit.mu, 2))",
    "fit.mu = -1.0",
    "KLDirections()",
    "from vae_course.widgets import BoundTightness, GradientEstimators\n\n"
    "estimators = GradientEstimators()\nestimators",
    "print('estimators', estimators.integrand, estimators.samples, estimators.baseline)",
    "estimators.integrand = 'step'",
    "tightness = BoundTightness()\ntightness",
    "print('tightness', tightness.dimensions, tightness.total)",
    "from vae_course.widgets import CollapseSpectrum\n\n"
    "spectrum = CollapseSpectrum(torch.tensor([4.0, 2.0, 1.0, 0.5]), latent_dim=2)\nspectrum",
    "print('spectrum', spectrum.latent_dim, spectrum.hold)",
    "spectrum.latent_dim = 1",
    "from vae_course.widgets import TraversalPair\n\n"
    "with seeded(2):\n    two = [conv_vae((1, 32, 32), (4, 8), 3) for _ in range(2)]\n"
    "pair = TraversalPair(*two, load('sprites', count=50))\npair",
    "print('pair', pair.start, pair.second_latent)",
    "pair.start = 7",
    MASKED,
    "print('masked', masked.features, masked.ordering)",
    "masked.output = 2",
    WARP,
    "print('warp', warp.kind, warp.depth, warp.z2 > -0.69)",
    "warp.depth = 2.5",
    BENT,
    "print('bent', bent.posterior, bent.layers, bent.start, round(bent.z2, 2))",
    "bent.layers = 16",
    GLOW,
    "print('glow', glow.temperature, glow.chosen, glow.draw, glow.second)",
    "glow.way = 0.0",
    "from vae_course.widgets import BetaSlider\n\nfamily = BetaSlider()\nfamily",
    "print('family', family.beta, family.sampled)",
    "family.beta = 56",
]


@pytest.fixture(scope="module", params=ENVIRONMENTS)
def environment(request):
    version, python = ENVIRONMENTS[request.param]
    assert Path(python).is_file(), "there is no .venv-colab: run `python -m tools.colab`"
    return version, python


@pytest.fixture(scope="module")
def jupyter(environment, tmp_path_factory):
    """The address of a JupyterLab of that environment, with a folder of its own."""
    _, python = environment
    folder = tmp_path_factory.mktemp("jupyter")
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [new_code_cell(cell.strip()) for cell in CELLS]
    notebook = new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, folder / "notebook.ipynb")
    settings = folder / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(
        '{"fetchNews": "false", "checkForUpdates": false}'
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folders = ["JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"]
    variables = {name: str(folder / name.lower()) for name in folders}
    variables |= {
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }
    options = [
        "--no-browser",
        "--allow-root",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.token=",
        "--ServerApp.password=",
        f"--ServerApp.root_dir={folder}",
    ]
    address = f"http://127.0.0.1:{port}"
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [python, "-m", "jupyterlab", *options],
            cwd=folder,
            env=os.environ | variables,
            stdout=log,
            stderr=log,
        )
    try:
        wait_for(f"{address}/api", server, folder / "log")
        yield address
    finally:
        server.terminate()  # and it ends its kernels
        server.wait(30)


def wait_for(address: str, server: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()}")


class Notebook:
    def __init__(self, page, address: str):
        self.page = page
        page.goto(f"{address}/lab/tree/notebook.ipynb")
        self.cells = page.locator(".jp-Notebook .jp-CodeCell")
        self.cells.nth(len(CELLS) - 1).wait_for(timeout=60_000)
        page.locator("#jp-main-statusbar").get_by_text("| Idle").wait_for(timeout=60_000)

    def run(self, index: int):
        self.cells.nth(index).locator(".jp-InputArea-editor").click()
        self.page.keyboard.press("Control+Enter")

    def output(self, index: int, text: str) -> str:
        output = self.cells.nth(index).locator(".jp-OutputArea").filter(has_text=text)
        output.wait_for(timeout=60_000)
        return output.inner_text()

    def active(self) -> int:
        return self.cells.evaluate_all(
            "cells => cells.findIndex(cell => cell.classList.contains('jp-mod-active'))"
        )


def test_widget_lives_in_a_notebook(environment, jupyter, browser):
    version, _ = environment
    page = browser.new_page(viewport={"width": 1280, "height": 1400})
    notebook = Notebook(page, jupyter)
    notebook.run(0)
    notebook.output(0, "above")
    notebook.run(1)
    page.locator(".vc-traversal").wait_for(timeout=60_000)
    page.wait_for_function(
        "() => document.querySelector('.vc-traversal').courseWidget.frames.length > 0"
    )
    picture = "() => document.querySelector('.vc-traversal canvas').toDataURL()"

    # Arrow keys move the slider and the picture, and not from cell to cell.
    slider = page.get_by_role("slider", name="z₁")
    slider.click()
    page.get_by_role("button", name="Reset").click()
    page.wait_for_timeout(300)
    before = page.evaluate(picture)
    selected = notebook.active()
    slider.focus()
    for _ in range(8):
        page.keyboard.press("ArrowRight")
    for key in ("ArrowUp", "ArrowUp", "ArrowDown", "ArrowDown", "j", "b"):
        page.keyboard.press(key)
    page.wait_for_timeout(500)
    assert slider.input_value() == "0.8"
    assert page.evaluate(picture) != before
    assert notebook.active() == selected == 1
    assert notebook.cells.count() == len(CELLS), "no letter was taken as a command"

    # The kernel knows where the sliders are, and can move them.
    notebook.run(2)
    said = notebook.output(2, "z [")
    assert said.strip().startswith(version)
    assert "z [0.8, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]" in said
    notebook.run(3)
    page.wait_for_function("""() => [...document.querySelectorAll(".vc-traversal input")]
        .every((input) => input.value === "2")""")

    # The widget of the landing page, too: a slider moves the sample, a key the point on the map.
    notebook.run(4)
    page.locator(".at-work").wait_for(timeout=60_000)
    state = "() => Array.from(document.querySelector('.at-work').courseWidget.z)"
    page.wait_for_function(
        "() => document.querySelector('.at-work').courseWidget?.frames.length > 0"
    )
    before = page.evaluate(state)
    page.locator(".at-work input[type=range]").first.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(500)
    moved = page.evaluate(state)
    assert moved[0] > before[0] and moved[1] == before[1]
    page.locator(".at-map").focus()
    page.keyboard.press("ArrowUp")
    page.wait_for_timeout(500)
    assert page.evaluate(state)[1] > moved[1]
    assert notebook.active() == 4

    # Those that fit a Gaussian: a key, what the kernel knows of it, and the way back.
    notebook.run(5)
    page.locator(".vc-posterior-fit").wait_for(timeout=60_000)
    for name, times in (("μ", 4), ("x", 2)):
        page.locator(".vc-posterior-fit").get_by_role("slider", name=name, exact=True).focus()
        for _ in range(times):
            page.keyboard.press("ArrowRight")
    page.wait_for_timeout(500)
    assert notebook.active() == 5
    notebook.run(6)
    assert "fit 1.6 0.64" in notebook.output(6, "fit ")
    notebook.run(7)
    page.wait_for_function(
        "() => document.querySelector('.vc-posterior-fit').courseWidget.output.q[0] === -1"
    )
    notebook.run(8)
    page.locator(".vc-kl-directions").wait_for(timeout=60_000)
    slider = page.locator(".vc-kl-directions").get_by_role("slider").first
    slider.focus()
    page.keyboard.press("End")
    page.wait_for_function(
        "() => document.querySelector('.vc-kl-directions').courseWidget.output.q[0] === 3"
    )
    assert notebook.active() == 8

    # Those with charts: keys on every kind of control, and both ways between page and kernel.
    notebook.run(9)
    estimators = page.locator(".vc-estimators")
    estimators.get_by_role("radio", name="max(0, z)").focus()
    page.keyboard.press("ArrowUp")  # to the one before: sin c z
    estimators.get_by_role("slider", name="Samples K").focus()
    page.keyboard.press("ArrowRight")
    estimators.get_by_role("checkbox").focus()
    page.keyboard.press("Space")
    page.wait_for_timeout(500)
    assert notebook.active() == 9 and notebook.cells.count() == len(CELLS)
    notebook.run(10)
    assert "estimators sine 20 True" in notebook.output(10, "estimators ")
    notebook.run(11)
    page.wait_for_function("""() => {
        const root = document.querySelector(".vc-estimators");
        const exact = root.courseWidget.exact;
        return root.querySelectorAll("input[type=radio]")[4].checked && !exact.pathwise.mean;
    }""")
    notebook.run(12)
    tightness = page.locator(".vc-tightness")
    tightness.get_by_role("slider", name="Dimensions d").focus()
    page.keyboard.press("End")
    tightness.get_by_role("radio", name="same KL in total").focus()
    page.keyboard.press("Space")
    page.wait_for_timeout(500)
    assert notebook.active() == 12
    notebook.run(13)
    assert "tightness 64 True" in notebook.output(13, "tightness ")

    # Collapse on a spectrum, and two traversals: sliders, a checkbox, a row of the table.
    notebook.run(14)
    spectrum = page.locator(".vc-spectrum")
    spectrum.get_by_role("slider", name="Latents d").focus()
    page.keyboard.press("End")
    spectrum.get_by_role("checkbox").focus()
    page.keyboard.press("Space")
    page.wait_for_timeout(500)
    assert notebook.active() == 14
    notebook.run(15)
    assert "spectrum 3 True" in notebook.output(15, "spectrum ")
    notebook.run(16)
    page.wait_for_function(
        "() => document.querySelector('.vc-spectrum').courseWidget.found.rates.length === 1"
    )
    notebook.run(17)
    pair = page.locator(".vc-pair")
    pair.locator("section").nth(1).get_by_role("radio").first.focus()
    page.keyboard.press("ArrowDown")  # to the next latent, or round to the first
    pair.get_by_role("group", name="Start from").get_by_role("radio").nth(3).focus()
    page.keyboard.press("Space")
    page.wait_for_timeout(500)
    assert notebook.active() == 17
    chosen = page.evaluate("document.querySelector('.vc-pair').courseWidget.values.second_latent")
    notebook.run(18)
    assert f"pair 3 {chosen}" in notebook.output(18, "pair ")
    notebook.run(19)
    page.wait_for_function(
        "() => document.querySelector('.vc-pair').courseWidget.values.start === 7"
    )

    # Masks, and a flow layer by layer: a slider, radio buttons, a point that the arrow keys move.
    first = CELLS.index(MASKED)
    notebook.run(first)
    masked = page.locator(".vc-masked")
    masked.get_by_role("slider", name="Features d").focus()
    page.keyboard.press("ArrowRight")
    masked.get_by_role("radio", name="reversed").focus()
    page.keyboard.press("Space")
    page.wait_for_timeout(500)
    assert notebook.active() == first
    notebook.run(first + 1)
    assert "masked 6 reversed" in notebook.output(first + 1, "masked ")
    notebook.run(first + 2)
    page.wait_for_function(
        "() => document.querySelector('.vc-masked').courseWidget.found.lit?.[0].length === 6"
    )
    first = CELLS.index(WARP)
    notebook.run(first)
    warp = page.locator(".vc-flow-warp")
    warp.get_by_role("slider", name="Depth k").focus()
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    warp.locator(".fw-pad").focus()
    page.keyboard.press("ArrowUp")
    warp.get_by_role("radio", name="affine coupling").focus()
    page.keyboard.press("Space")
    page.wait_for_timeout(500)
    assert notebook.active() == first
    notebook.run(first + 1)
    assert "warp coupling 2.05 True" in notebook.output(first + 1, "warp ")
    notebook.run(first + 2)
    page.wait_for_function(
        "() => document.querySelector('.vc-flow-warp').courseWidget.values.depth === 2.5"
    )

    # Posteriors that bend, and the flow for images: sliders, radio buttons, pictures, a button.
    first = CELLS.index(BENT)
    notebook.run(first)
    bent = page.locator(".vc-posterior-flows")
    bent.get_by_role("slider", name="Layers K").focus()
    page.keyboard.press("ArrowRight")
    bent.get_by_role("slider", name="z₂").focus()
    page.keyboard.press("ArrowUp")
    bent.get_by_role("radio", name="the middle one").focus()
    page.keyboard.press("Space")
    page.wait_for_timeout(500)
    assert notebook.active() == first
    notebook.run(first + 1)
    assert "bent ring 2 typical 0.05" in notebook.output(first + 1, "bent ")
    notebook.run(first + 2)
    page.wait_for_function(
        "() => document.querySelector('.vc-posterior-flows').courseWidget.values.layers === 16"
    )
    first = CELLS.index(GLOW)
    notebook.run(first)
    glow = page.locator(".vc-glow")
    glow.get_by_role("slider", name="Temperature T").focus()
    page.keyboard.press("ArrowLeft")
    glow.get_by_role("group", name="Samples").get_by_role("radio").nth(3).focus()
    page.keyboard.press("Space")
    glow.get_by_role("group", name="to", exact=True).get_by_role("radio").nth(5).focus()
    page.keyboard.press("ArrowLeft")
    glow.get_by_role("button", name="New draws").focus()
    page.keyboard.press("Enter")
    page.wait_for_timeout(500)
    assert notebook.active() == first and notebook.cells.count() == len(CELLS)
    notebook.run(first + 1)
    assert "glow 0.98 3 2 4" in notebook.output(first + 1, "glow ")
    notebook.run(first + 2)
    page.wait_for_function("() => document.querySelector('.vc-glow').courseWidget.values.way === 0")

    # The family of models: a key, what the kernel knows of it, and the way back.
    first = len(CELLS) - 3
    notebook.run(first)
    family = page.locator(".vc-beta")
    family.get_by_role("slider").focus()
    page.keyboard.press("ArrowRight")
    family.get_by_role("checkbox").focus()
    page.keyboard.press("Space")
    page.wait_for_timeout(500)
    assert notebook.active() == first
    notebook.run(first + 1)
    assert "family 1.8 True" in notebook.output(first + 1, "family ")
    notebook.run(first + 2)
    page.wait_for_function(
        "() => document.querySelector('.vc-beta').courseWidget.member.active === 0"
    )
    page.close()
