"""Models that were trained for longer than a page may take, by name.

The weights are in `vae_course/weights/`, as safetensors in float16. The JSON file beside them is
the record of how they were made: recipe, seed, hardware, commit, held-out bound.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file

from vae_course.checks import require
from vae_course.flows import Flow, Glow
from vae_course.models import VAE, conv_vae

WEIGHTS = Path(__file__).parent / "weights"
# One model for each: the same layers, data and seed, trained with this weight β of the rate.
BETAS = (0.1, 0.18, 0.32, 0.56, 1, 1.8, 3.2, 5.6, 10, 18, 32, 56)


def beta_member() -> VAE:
    """What the models `glyphs-beta-…` are made of."""
    return conv_vae((1, 28, 28), channels=(12, 20), latent_dim=10)


def glyphs_glow() -> Flow:
    """What the flow `glyphs-glow` is made of: 16×16 pictures of 16 grey levels, see `coarse`."""
    return Glow((1, 16, 16), levels=2, steps=8, hidden=32, alpha=0.01)


MODELS = {
    "glyphs-conv-vae": lambda: conv_vae((1, 28, 28), channels=(16, 32), latent_dim=8),
    "sprites-vae": lambda: conv_vae((1, 32, 32), channels=(16, 16, 32), latent_dim=6),
    "sprites-tcvae": lambda: conv_vae((1, 32, 32), channels=(16, 16, 32), latent_dim=6),
    **{f"glyphs-beta-{beta:g}": beta_member for beta in BETAS},
}
FLOWS = {
    "glyphs-glow": glyphs_glow,
}


def pretrained(name: str) -> VAE | Flow:
    """The trained model in evaluation mode, on the CPU, in float32."""
    model = builder(name)()
    weights = load_file(WEIGHTS / f"{name}.safetensors")
    model.load_state_dict({key: value.to(torch.float32) for key, value in weights.items()})
    return model.eval()


def builder(name: str):
    """The function that builds a model, untrained."""
    known = MODELS | FLOWS
    require(name in known, f"unknown model {name!r}; known are: {', '.join(known)}")
    return known[name]


def training_record(name: str) -> dict:
    """How a model was made, as its recipe wrote it down."""
    builder(name)
    return json.loads((WEIGHTS / f"{name}.json").read_text(encoding="utf-8"))


def recorded_runs(name: str) -> list[dict]:
    """What a recipe measured of each of its runs: `recorded_runs("sprites-disentanglement")`."""
    known = sorted(path.stem for path in (WEIGHTS / "runs").glob("*.json"))
    require(name in known, f"unknown runs {name!r}; known are: {', '.join(known)}")
    return json.loads((WEIGHTS / "runs" / f"{name}.json").read_text(encoding="utf-8"))
