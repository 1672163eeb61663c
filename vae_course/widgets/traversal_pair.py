r"""Two trained models side by side: what does each latent do, and which factors does it know?

Each model has a table of its latents by the true factors of the pictures,

$$ \frac{I(\hat z_i; v_j)}{H(v_j)} , $$

the mutual information of the posterior mean, cut into bins, and the factor, as a share of the
factor's entropy (Chen et al. 2018). Beside it is the picture decoded from the code of a starting
picture with one latent moved, and the row of pictures that this latent makes.
"""

from dataclasses import replace

import torch
import traitlets

from vae_course.checks import require
from vae_course.data.dataset import Dataset
from vae_course.metrics import encode_all, factor_information, mutual_information_gap
from vae_course.widgets.base import (
    CourseWidget,
    encode_float16,
    encode_four_bits,
    export_network,
    mean_decoder,
)

STARTS = 8  # pictures to start from, the first of the data set: nobody chose them


class TraversalPair(CourseWidget):
    """Traversals of two models of the same pictures, with the factors that their latents know.

    first, second: VAEs over grey images `(1, H, W)`; decoders as `LatentTraversal` takes them.
    dataset: its images as the models were given them, at least 8, and its factors, whole numbers.
    names: what to call the models.

    Without arguments: `pretrained("sprites-vae")` and `pretrained("sprites-tcvae")`, and 5,000 test
    sprites, pixels above one half ink and the others paper.

    `start` (of 0 to 7), `first_latent`, `first_value` and the same of the second follow the page,
    and can be set, in a notebook.

    Raises:
        ValueError: some arguments without the others, images of another shape, no factors.
    """

    scripts = ("choices.js", "latent_strips.js", "factor_table.js", "traversal_pair.js")
    styles = ("charts.css", "latent_strips.css", "traversal_pair.css")

    height = traitlets.Int().tag(sync=True)
    width = traitlets.Int().tag(sync=True)
    starts = traitlets.Unicode().tag(sync=True)  # pictures to start from, four bits a pixel
    factors = traitlets.List(traitlets.Unicode()).tag(sync=True)  # their names
    # One for each model: name, mig, information (d, k) as a share of each factor's entropy; its
    # decoder as layers and weights for nn.js; the means of the starts (8, d) in float16.
    models = traitlets.List(traitlets.Dict()).tag(sync=True)
    start = traitlets.Int().tag(sync=True)
    first_latent = traitlets.Int().tag(sync=True)
    first_value = traitlets.Float().tag(sync=True)
    second_latent = traitlets.Int().tag(sync=True)
    second_value = traitlets.Float().tag(sync=True)

    def __init__(
        self,
        first=None,
        second=None,
        dataset: Dataset | None = None,
        names: tuple[str, str] = ("VAE", "β-TCVAE"),
        **kwargs,
    ):
        missing = [argument is None for argument in (first, second, dataset)]
        require(
            all(missing) or not any(missing),
            "first, second and dataset need to be given together, or none of them",
        )
        if first is None:
            first, second, dataset = recorded_pair()
        require(len(names) == 2, f"names has {len(names)} entries, needs 2")
        require(bool(dataset.factors), f"dataset {dataset.name} has no factors, needs some")
        count, shape = len(dataset.images), tuple(dataset.images.shape[1:])
        require(count >= STARTS, f"dataset has {count} images, needs at least {STARTS}")
        for which, model in (("first", first), ("second", second)):
            require(
                tuple(model.event_shape) == shape,
                f"{which} has event shape {tuple(model.event_shape)}, needs {shape}, the images'",
            )
        images = dataset.images
        require(
            bool((images >= 0).all() and (images <= 1).all()), "dataset has values outside [0, 1]"
        )
        models = [
            {"name": str(name)} | _describe(model, dataset)
            for name, model in zip(names, (first, second), strict=True)
        ]
        latents = _best_latents([torch.tensor(model["information"]) for model in models])
        values = [model.pop("first_code")[i] for model, i in zip(models, latents, strict=True)]
        super().__init__(
            description=f"traversals of two models, {names[0]} and {names[1]}, side by side",
            height=shape[1],
            width=shape[2],
            starts=encode_four_bits(images[:STARTS]),
            factors=list(dataset.factors),
            models=models,
            start=0,
            first_latent=latents[0],
            first_value=values[0],
            second_latent=latents[1],
            second_value=values[1],
            **kwargs,
        )


def recorded_pair():
    """The two trained models and the pictures that their tables are made from."""
    from vae_course.data import fixed_binarise, load
    from vae_course.pretrained import pretrained

    sprites = load("sprites", "test", count=5000)
    sprites = replace(sprites, images=fixed_binarise(sprites.images, threshold=0.5))
    return pretrained("sprites-vae"), pretrained("sprites-tcvae"), sprites


@torch.no_grad()
def _describe(model, dataset: Dataset) -> dict:
    device = next(model.parameters()).device
    codes = encode_all(model, dataset.images.to(device))[0].cpu()
    factors = torch.stack(list(dataset.factors.values()), 1)
    shares = factor_information(codes, factors) / _entropies(factors)
    layers, weights = export_network(mean_decoder(model), (model.latent_dim,))
    # float16 is what the page computes with, so the numbers start from there.
    means = codes[:STARTS].half()
    return {
        "mig": round(mutual_information_gap(codes, factors), 4),
        "information": [[round(share, 4) for share in row] for row in shares.tolist()],
        "layers": layers,
        "weights": weights,
        "means": encode_float16(means),
        "first_code": means[0].tolist(),
    }


def _entropies(factors: torch.Tensor) -> torch.Tensor:
    """Entropy of each factor `(N, k)` in the data, `(k,)` nats."""
    shares = [column.bincount().double() / len(column) for column in factors.T]
    return torch.stack([-torch.xlogy(share, share).sum() for share in shares])


def _best_latents(information: list[torch.Tensor]) -> list[int]:
    """For the factor that the two models' best latents know best: which latents these are."""
    factor = sum(shares.amax(0) for shares in information).argmax()
    return [int(shares[:, factor].argmax()) for shares in information]
