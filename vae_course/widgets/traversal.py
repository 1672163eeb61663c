"""Latent traversal: what does each latent of a VAE do to the picture?

Every row of the widget is a traversal: the decoder's mean image as one latent goes from −3 to 3 and
the others stay where they are (the picture that Higgins et al. 2017, β-VAE, made common). Beside
the image decoded at the current z is the nearest of some inputs, by the Euclidean distance from z
to their posterior means.
"""

import traitlets
from torch import Tensor

from vae_course.checks import require, require_tensor
from vae_course.metrics import encode_all, unit_rates
from vae_course.widgets.base import (
    CourseWidget,
    encode_float16,
    encode_four_bits,
    export_network,
    mean_decoder,
)

MOST_INPUTS = 500  # with their pictures they have to travel in the page


class LatentTraversal(CourseWidget):
    """One slider for each latent of `model`, the decoded mean image, and the nearest of `images`.

    model: a VAE over grey images `(1, H, W)`; decoder with Bernoulli or Gaussian likelihood whose
        trunk `export_network` can write.
    images: `(N, 1, H, W)` in [0, 1], 1 <= N <= 500; the rates shown are means over them, in nats.
    labels: what to call each of them, N names or numbers.

    `z` is where the sliders are; setting it moves them, in a notebook.

    Raises:
        ValueError: an argument of another shape, too many images, an unknown likelihood or layer.
    """

    scripts = ("latent_strips.js", "traversal.js")
    styles = ("latent_strips.css", "traversal.css")

    height = traitlets.Int().tag(sync=True)
    width = traitlets.Int().tag(sync=True)
    layers = traitlets.List().tag(sync=True)  # of the decoder, for nn.js
    weights = traitlets.Unicode().tag(sync=True)
    rates = traitlets.List(traitlets.Float()).tag(sync=True)  # mean KL of each latent, in nats
    means = traitlets.Unicode().tag(sync=True)  # posterior means (N, d), float16
    inputs = traitlets.Unicode().tag(sync=True)  # N·H·W pixels, four bits each
    labels = traitlets.List(traitlets.Unicode()).tag(sync=True)
    z = traitlets.List(traitlets.Float()).tag(sync=True)

    def __init__(self, model, images: Tensor, labels=None, **kwargs):
        require(
            len(model.event_shape) == 3 and model.event_shape[0] == 1,
            f"model has event shape {model.event_shape}, needs (1, H, W)",
        )
        require_tensor("images", images, event_shape=model.event_shape)
        count, _, height, width = images.shape
        require(count <= MOST_INPUTS, f"images has {count} of them, needs at most {MOST_INPUTS}")
        require(
            bool((images >= 0).all() and (images <= 1).all()), "images has values outside [0, 1]"
        )
        labels = [] if labels is None else [str(name) for name in _plain(labels)]
        require(
            len(labels) in (0, count), f"labels has {len(labels)} entries, needs {count} or none"
        )
        layers, weights = export_network(mean_decoder(model), (model.latent_dim,))
        device = next(model.parameters()).device
        mean, variance = encode_all(model, images.to(device))
        super().__init__(
            description=f"latent traversal of {model.latent_dim} latents, {count} inputs",
            height=height,
            width=width,
            layers=layers,
            weights=weights,
            rates=[round(rate, 4) for rate in unit_rates(mean, variance).tolist()],
            means=encode_float16(mean),
            inputs=encode_four_bits(images),
            labels=labels,
            z=[0.0] * model.latent_dim,
            **kwargs,
        )


def _plain(labels):
    return labels.tolist() if hasattr(labels, "tolist") else labels
