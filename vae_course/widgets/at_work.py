r"""A VAE at work: the reader draws a digit, and sees posterior, sample, decoding and bound move.

$$ q_\phi(z|x) = \mathcal N\big(\mu(x), \mathrm{diag}\,\sigma^2(x)\big), \quad
   z = \mu + \sigma \odot \epsilon, \quad
   \log p_\theta(x) \ge -\mathbb E_\epsilon\big[\underbrace{-\log p_\theta(x|z)}_{D}\big]
   - \underbrace{\mathrm{KL}(q\,\|\,p)}_{R} $$

Two latents, so that the latent space is a map, and pixels that are 0 or 1, so that the Bernoulli
likelihood is one and the bound a bound. Everything is computed in the browser.
"""

import json

import numpy as np
import torch
import traitlets
from safetensors.torch import load_file
from torch import Tensor, nn

from vae_course.conditional import BernoulliLikelihood, DiagonalGaussian, StandardNormal
from vae_course.models import VAE
from vae_course.networks import ConvDecoder, mlp
from vae_course.widgets.base import (
    FOLDER,
    CourseWidget,
    encode_bytes,
    encode_float16,
    export_network,
)

WEIGHTS = FOLDER.parent / "weights" / "at-work-vae.safetensors"
EVENT_SHAPE = (1, 28, 28)


class VAEAtWork(CourseWidget):
    """The VAE of two latents in `vae_course/weights/at-work-vae.safetensors`, to draw digits for.

    The map shows posterior means of training digits; the digits to pick are test digits. Both
    come with the weights, so nothing has to be downloaded. `recipes/widget_models.py` makes them.
    """

    scripts = (
        "at_work_pad.js",
        "at_work_map.js",
        "at_work_posterior.js",
        "at_work_parts.js",
        "at_work.js",
    )
    styles = ("at_work.css",)

    encoder_layers = traitlets.List().tag(
        sync=True
    )  # for nn.js: 784 pixels to μ₁ μ₂ log σ₁² log σ₂²
    encoder_weights = traitlets.Unicode().tag(sync=True)
    decoder_layers = traitlets.List().tag(sync=True)  # 2 latents to 784 logits
    decoder_weights = traitlets.Unicode().tag(sync=True)
    points = traitlets.Unicode().tag(sync=True)  # posterior means (N, 2), float16
    point_labels = traitlets.Unicode().tag(sync=True)  # N digits
    given = traitlets.List().tag(sync=True)  # [{"label": "0", "bits": 784 bits in base64}, …]
    given_source = traitlets.Unicode().tag(sync=True)

    def __init__(self, **kwargs):
        model, extras = load_at_work()
        record = json.loads(WEIGHTS.with_suffix(".json").read_text(encoding="utf-8"))
        encoder = nn.Sequential(model.encoder.trunk, model.encoder.head)
        encoder_layers, encoder_weights = export_network(encoder, EVENT_SHAPE)
        decoder_layers, decoder_weights = export_network(model.decoder.trunk.layers, (2,))
        super().__init__(
            description="a VAE at work: draw a digit; encoder, sample, decoder and bound follow",
            encoder_layers=encoder_layers,
            encoder_weights=encoder_weights,
            decoder_layers=decoder_layers,
            decoder_weights=decoder_weights,
            points=encode_float16(extras["points"]),
            point_labels="".join(map(str, extras["point_labels"].tolist())),
            given=[
                {"label": str(label), "bits": encode_bytes(np.packbits(image).tobytes())}
                for label, image in zip(
                    extras["given_labels"].tolist(),
                    extras["given"].flatten(1).numpy(),
                    strict=True,
                )
            ],
            given_source=record["caption"],
            **kwargs,
        )


class DecoderTrunk(nn.Module):
    """Latents `(..., 2)` to logits `(..., 1, 28, 28)`, by way of pictures 3, 7 and 14 wide."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            *mlp((2, 64, 64, 32 * 3 * 3)),
            nn.ReLU(),
            nn.Unflatten(-1, (32, 3, 3)),
            nn.ConvTranspose2d(32, 24, 3, stride=2),
            nn.ReLU(),
            nn.ConvTranspose2d(24, 16, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(16, 1, 4, stride=2, padding=1),
        )

    forward = ConvDecoder.forward  # folds the leading axes into one batch, and back


def at_work_vae() -> VAE:
    """The widget's model, untrained: 57,081 parameters, 114 KB as float16."""
    trunk = nn.Sequential(
        nn.Conv2d(1, 12, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(12, 24, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(24, 24, 3, stride=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(24 * 3 * 3, 48),
        nn.ReLU(),
    )
    return VAE(
        DiagonalGaussian(trunk, 48, 2),
        BernoulliLikelihood(DecoderTrunk(), EVENT_SHAPE),
        StandardNormal(2),
    )


def load_at_work() -> tuple[VAE, dict[str, Tensor]]:
    """The trained model, and the tensors that lie beside its weights: map and given digits."""
    tensors = load_file(WEIGHTS)
    model = at_work_vae()
    names = set(model.state_dict())
    model.load_state_dict({name: tensors[name].float() for name in names})
    extras = {name: tensor for name, tensor in tensors.items() if name not in names}
    extras["points"] = extras["points"].float()
    with torch.no_grad():
        return model.eval().requires_grad_(False), extras
