"""The same work by vae_course, by pythae and in plain torch: a VAE 784-512-256-16 on bits.

And the mutual information gap by vae_course and by disent.

Each function returns a callable that does the work once. Nobody's data loader is timed: all take
their batches by index from one tensor. For families the model is a smaller one, 64-128-8 on digits.
"""

from functools import partial
from math import log

import torch
from torch import nn
from torch.nn import functional as F

from vae_course.data import load
from vae_course.likelihood import importance_sampled_log_likelihood
from vae_course.metrics import active_units, mutual_information_gap
from vae_course.models import mlp_vae, stack
from vae_course.objectives import elbo, iwae
from vae_course.random import seeded
from vae_course.training import fit, fit_family

PIXELS, HIDDEN, LATENT = 784, (512, 256), 16


def bits(count: int) -> torch.Tensor:
    with seeded(0):
        return torch.bernoulli(torch.full((count, 1, 28, 28), 0.2))


def course_model(device="cpu"):
    with seeded(0):
        return mlp_vae((1, 28, 28), hidden=HIDDEN, latent_dim=LATENT).to(device)


def monitor(model, x) -> dict:
    return {"active_units": active_units(model.encode(x).mean).sum()}


# Training steps: `steps` of them at a time ----------------------------------------------------


def course_steps(images, batch_size: int, steps: int, device="cpu", samples: int | None = None):
    """`fit` as a chapter calls it: clipping, history, a monitor. Its set-up is timed too.

    `samples` draws in the importance weighted bound, or the ELBO.
    """
    model = course_model(device)
    objective = elbo if samples is None else partial(iwae, samples=samples)
    return lambda: fit(
        model, objective, images, steps, batch_size=batch_size, clip=100.0, log_every=50,
        monitors=[monitor], progress=False, device=device,
    )  # fmt: skip


def pythae_steps(images, batch_size: int, steps: int, samples: int | None = None):
    """pythae's model, and the step of its `BaseTrainer`: Adam, and the loss read at every step."""
    model = pythae_model(samples)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def run():
        model.train()
        total = 0.0
        for index in batches(len(images), batch_size, steps):
            output = model(
                {"data": images[index]}, epoch=1, dataset_size=len(images), uses_ddp=False
            )
            optimizer.zero_grad()
            output.loss.backward()
            optimizer.step()
            total += output.loss.item()

    return run


def torch_steps(images, batch_size: int, steps: int, samples: int | None = None):
    """The floor: no distributions, no history, no clipping, one fused optimiser."""
    encoder, mean, log_var, decoder = torch_layers()
    parts = nn.ModuleList([encoder, mean, log_var, decoder])
    optimizer = torch.optim.Adam(parts.parameters(), lr=1e-3, fused=True)

    def run():
        for index in batches(len(images), batch_size, steps):
            x = images[index].flatten(1)
            features = encoder(x)
            mu, lv = mean(features), log_var(features)
            if samples is None:
                logits = decoder(mu + torch.randn_like(mu) * (0.5 * lv).exp())
                distortion = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
                rate = 0.5 * (mu.square() + lv.exp() - 1 - lv).sum()
                loss = (distortion + rate) / len(x)
            else:
                noise = torch.randn(samples, *mu.shape)
                z = mu + noise * (0.5 * lv).exp()
                logits = decoder(z)
                target = x.expand_as(logits)
                distortion = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
                # The constants of log p(z) and log q(z|x) cancel.
                log_ratio = 0.5 * (noise.square() + lv - z.square()).sum(-1)
                log_weights = log_ratio - distortion.sum(-1)
                loss = log(samples) - log_weights.logsumexp(0).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return run


def batches(count: int, batch_size: int, steps: int):
    order = torch.randperm(count)
    for step in range(steps):
        start = step * batch_size % (count - batch_size + 1)
        yield order[start : start + batch_size]


# Families: models 64-128-8 on digits ------------------------------------------------------------


def digits() -> torch.Tensor:
    return load("digits").images


def course_family_steps(images, batch_size: int, steps: int, members: int, device="cpu"):
    """`fit_family` over a grid of β, as a chapter calls it. Its set-up is timed too."""
    with seeded(0):
        models = [mlp_vae((1, 8, 8), hidden=(128,), latent_dim=8) for _ in range(members)]
    family = stack(models)
    betas = torch.logspace(-1, 1, members).tolist()
    return lambda: fit_family(
        family, elbo, images, steps, beta=betas, batch_size=batch_size, progress=False,
        device=device,
    )  # fmt: skip


def torch_digits_steps(images, batch_size: int, steps: int, members: int = 1, device="cpu"):
    """The floor for one such model; with `members`, so many of them, one after the other."""
    pixels = images.flatten(1).to(device)

    def loop():
        with seeded(0):
            encoder = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 16))
            decoder = nn.Sequential(nn.Linear(8, 128), nn.ReLU(), nn.Linear(128, 64))
        parts = nn.ModuleList([encoder, decoder]).to(device)
        optimizer = torch.optim.Adam(parts.parameters(), lr=1e-3, fused=True)

        def run():
            for index in batches(len(pixels), batch_size, steps):
                x = pixels[index.to(device)]
                mu, lv = encoder(x).chunk(2, -1)
                logits = decoder(mu + torch.randn_like(mu) * (0.5 * lv).exp())
                distortion = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
                rate = 0.5 * (mu.square() + lv.exp() - 1 - lv).sum()
                optimizer.zero_grad()
                ((distortion + rate) / len(x)).backward()
                optimizer.step()

        return run

    loops = [loop() for _ in range(members)]

    def run():
        for one in loops:
            one()

    return run


# Importance-sampled likelihood -------------------------------------------------------------------


def course_likelihood(images, samples: int):
    model = course_model()
    return lambda: importance_sampled_log_likelihood(model, images, samples)


def pythae_likelihood(images, samples: int):
    model = pythae_model()
    return lambda: model.get_nll(images, n_samples=samples)


def without_gradients(run):
    return torch.no_grad()(run)


# Mutual information gap: 10 latents, 5 factors ---------------------------------------------------


def codes_and_factors(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Five latents that know a factor each, under noise, and five of noise alone."""
    with seeded(0):
        factors = torch.stack([torch.randint(n, (count,)) for n in (3, 6, 40, 32, 32)], dim=1)
        codes = torch.randn(count, 10, dtype=torch.float64)
    codes[:, :5] += factors
    return codes, factors


def course_mig(codes, factors):
    return lambda: mutual_information_gap(codes, factors)


def disent_mig(codes, factors):
    """disent's computation on arrays that are already there, in its layout.

    Its package imports torchvision, h5py and lightning for its data sets and trainers, of which
    this needs nothing: empty modules stand in for them.
    """
    import sys
    from types import ModuleType

    import disent

    for name, contents in {
        "disent.dataset": {"DisentDataset": object},
        "disent.metrics": {"__path__": [f"{disent.__path__[0]}/metrics"]},
    }.items():
        sys.modules[name] = ModuleType(name)
        vars(sys.modules[name]).update(contents)
    from disent.metrics._mig import _compute_mig

    z, v = codes.T.contiguous().numpy(), factors.T.contiguous().numpy()
    return lambda: _compute_mig(z, v)["mig.discrete_score"]


# The networks ----------------------------------------------------------------------------------


def torch_layers():
    """Encoder trunk, two heads and decoder, as plain layers."""
    wide, narrow = HIDDEN
    with seeded(0):
        encoder = nn.Sequential(
            nn.Linear(PIXELS, wide), nn.ReLU(), nn.Linear(wide, narrow), nn.ReLU()
        )
        decoder = nn.Sequential(
            nn.Linear(LATENT, narrow), nn.ReLU(),
            nn.Linear(narrow, wide), nn.ReLU(),
            nn.Linear(wide, PIXELS),
        )  # fmt: skip
        return encoder, nn.Linear(narrow, LATENT), nn.Linear(narrow, LATENT), decoder


def pythae_model(samples: int | None = None):
    """pythae's VAE with the same layers, its Bernoulli loss, and the sigmoid that loss asks for.

    With `samples`, its IWAE.
    """
    from pythae.models import IWAE, VAE, IWAEConfig, VAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder

    encoder, mean, log_var, decoder = torch_layers()

    class Encoder(BaseEncoder):
        def __init__(self):
            super().__init__()
            self.trunk, self.mean, self.log_var = encoder, mean, log_var

        def forward(self, x):
            features = self.trunk(x.flatten(1))
            return ModelOutput(embedding=self.mean(features), log_covariance=self.log_var(features))

    class Decoder(BaseDecoder):
        def __init__(self):
            super().__init__()
            self.trunk = nn.Sequential(decoder, nn.Sigmoid())

        def forward(self, z):
            return ModelOutput(reconstruction=self.trunk(z).reshape(-1, 1, 28, 28))

    settings = {"input_dim": (1, 28, 28), "latent_dim": LATENT, "reconstruction_loss": "bce"}
    if samples is None:
        return VAE(VAEConfig(**settings), Encoder(), Decoder())
    return IWAE(IWAEConfig(**settings, number_samples=samples), Encoder(), Decoder())
