"""Reads a latent traversal off its page and moves it: shared by the tests of widget and site."""

import re

import torch

from vae_course.random import seeded

# The big canvases back as numbers: each pixel of an image is read in the middle of its square.
READ = """root => {
    const readImage = (canvas) => {
        const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
        const values = [];
        for (let row = 0; row < 28; row++) for (let column = 0; column < 28; column++) {
            const x = Math.floor((column + 0.5) * canvas.width / 28);
            const y = Math.floor((row + 0.5) * canvas.height / 28);
            const first = 4 * (y * canvas.width + x);
            values.push([...pixels.slice(first, first + 3)]);
        }
        return values;
    };
    const [values, closest] = [...root.querySelectorAll("canvas")].slice(0, 2).map(readImage);
    const { output, nearest, colours, z } = root.courseWidget;
    return { values, closest, output: [...output], nearest, colours, z: [...z] };
}"""
FRAME = "() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))"


def ready(watched):
    """Waits for the widget's first frame; its root element is then `watched.root`."""
    watched.root = watched.page.wait_for_selector(".vc-traversal")
    watched.page.wait_for_function(
        "() => document.querySelector('.vc-traversal').courseWidget.frames.length > 0"
    )
    return watched


def read(watched) -> dict:
    watched.page.evaluate(FRAME)
    return watched.root.evaluate(READ)


def slider(watched, unit: int):
    return watched.page.get_by_label(re.compile("^z" + "₀₁₂₃₄₅₆₇₈₉"[unit] + " "))


def drawn(state) -> torch.Tensor:
    return torch.tensor(state["values"], dtype=torch.float32)


def mixed(state, values) -> torch.Tensor:
    """The colours of values in [0, 1], from paper to ink: `(784, 3)`."""
    ink, paper = (torch.tensor(state["colours"][name]).float() for name in ("ink", "paper"))
    return paper + values.reshape(-1, 1) * (ink - paper)


def changes(watched, act) -> bool:
    """Does this change the numbers and the picture?"""
    before = read(watched)
    act()
    after = read(watched)
    return bool(
        (drawn(before) - drawn(after)).abs().max() > 20
        and max(abs(a - b) for a, b in zip(before["output"], after["output"], strict=True)) > 0.05
    )


def check_drawing(watched, model, means, seed: int) -> None:
    """At 20 latent points: output within 1e-3 of the decoder's mean, pixels within 1/255 of it,
    and the nearest of the inputs with posterior means `means`.
    """
    with seeded(seed):
        points = model.prior.sample((20,))
    for z in points:
        watched.root.evaluate("(root, z) => root.courseWidget.moveTo((i) => z[i])", z.tolist())
        state = read(watched)
        output = torch.tensor(state["output"])
        wanted = model.decode(z).mean.reshape(-1)
        assert wanted.max() - wanted.min() > 0.2  # a picture
        torch.testing.assert_close(output, wanted, atol=1e-3, rtol=0)

        assert (drawn(state) - mixed(state, output)).abs().max() <= 1

        distances = (means - z).norm(dim=1)
        assert abs(distances[state["nearest"]["index"]] - distances.min()) < 2e-3
        assert abs(state["nearest"]["distance"] - distances.min()) < 2e-3


def frame_times(watched) -> list[float]:
    """Milliseconds of 200 frames while a slider moves."""
    return watched.root.evaluate("""async root => {
        const input = root.querySelector("input");
        root.courseWidget.frames.length = 0;
        for (let i = 0; i < 200; i++) {
            input.value = 3 * Math.sin(i / 15);
            input.dispatchEvent(new Event("input"));
            await new Promise(requestAnimationFrame);
        }
        return root.courseWidget.frames;
    }""")
