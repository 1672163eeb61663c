"""A family of four models that nobody trained, and what its widget shows of it on a page."""

from copy import deepcopy
from functools import cache

import torch

from tests.widgets.chart_page import FRAME, Charts
from tests.widgets.example import images_and_names, trained_vae
from vae_course.models import VAE
from vae_course.widgets import BetaSlider

BETAS = (0.25, 0.5, 1, 20)
STRENGTHS = (1.0, 0.8, 0.5, 0.0)

# The middle of each pixel of every picture: {inputs, reconstructions, samples}, each (12, 784 · 3).
PIXELS = """root => {
    const canvases = [...root.querySelectorAll("canvas")];
    const { place } = root.courseWidget;
    const read = (where, index) => {
        const canvas = canvases[where === "samples" ? 2 : 1];
        const context = canvas.getContext("2d");
        const [left, top, wide, high] = place(where, index);
        const { data } = context.getImageData(left, top, wide, high);
        const values = [];
        for (let row = 0; row < 28; row++) for (let column = 0; column < 28; column++) {
            const x = Math.floor((column + 0.5) * wide / 28);
            const y = Math.floor((row + 0.5) * high / 28);
            values.push(...data.slice(4 * (y * wide + x), 4 * (y * wide + x) + 3));
        }
        return values;
    };
    const all = [...Array(12).keys()];
    return Object.fromEntries(["inputs", "reconstructions", "samples"].map(
        (where) => [where, all.map((index) => read(where, index))]));
}"""
SHOWN = """root => {
    const { output, member, colours, points } = root.courseWidget;
    const plain = (lists) => lists.map((one) => [...one]);
    return {
        reconstructions: plain(output.reconstructions), samples: plain(output.samples),
        codes: plain(output.codes.reconstructions), draws: plain(output.codes.samples),
        index: member.index, colours, points: points(),
    };
}"""


@cache
def models() -> list[VAE]:
    """One model, whose posterior is pulled to the prior, and whose decoder listens less and less.

    The last one is at the prior, and does not listen to z at all: rate 0, total collapse.
    """
    family = [deepcopy(trained_vae()) for _ in STRENGTHS]
    with torch.no_grad():
        for model, strength in zip(family, STRENGTHS, strict=True):
            for parameter in (*model.encoder.head.parameters(), first_layer(model).weight):
                parameter.mul_(strength)
    return family


def first_layer(model: VAE):
    return model.decoder.trunk.layers[0]


def images() -> torch.Tensor:
    return (images_and_names()[0] > 0.5).float()


def family() -> BetaSlider:
    return BetaSlider(models(), BETAS, images())


class BetaPage(Charts):
    def __init__(self, watched):
        super().__init__(watched, "vc-beta")

    def shown(self) -> dict:
        """What the page shows once all pictures are decoded, as tensors where that makes sense."""
        self.read()
        found = self.root.evaluate(SHOWN)
        for name in ("reconstructions", "samples", "codes", "draws", "points"):
            found[name] = torch.tensor(found[name], dtype=torch.float32)
        return found

    def pixels(self) -> dict[str, torch.Tensor]:
        self.page.evaluate(FRAME)
        found = self.root.evaluate(PIXELS)
        return {where: torch.tensor(values).float().view(-1, 3) for where, values in found.items()}

    @property
    def plane(self):
        return self.box.locator("canvas").first
