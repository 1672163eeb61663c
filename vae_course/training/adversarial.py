r"""Training of two opponents: a model, and a discriminator whose verdict is part of its objective.

    model            θ, φ   maximise    the mean over a batch of what the objective is
    discriminator    ψ      minimise    its own loss, on the same draws of z and another batch's

Each has an optimiser. Both gradients are computed from the same weights, then both updates are
made: neither moves before the other has looked. Nobody minimises one function here, so neither loss
need fall, and a discriminator that is behind gives the model a wrong total correlation.

As in `vae_course.training.loop`, everything in a step stays on the device, the host looks at the
numbers only when it logs, and a run is a function of first weights, data and arguments.

Source: Kim & Mnih 2018, "Disentangling by Factorising", appendix.
"""

import time

import torch
from torch import nn

from vae_course.checks import require, require_count
from vae_course.device import resolve_device
from vae_course.products import fast_products
from vae_course.random import seeded
from vae_course.training.batches import Batches
from vae_course.training.guard import Guard, check_finite
from vae_course.training.history import History
from vae_course.training.loop import _mode, _on_device
from vae_course.training.progress import progress_bar
from vae_course.training.schedules import linear


def fit_adversarial(
    model: nn.Module,
    objective: nn.Module,
    images,
    steps: int = 1000,
    *,
    batch_size: int = 128,
    lr=1e-3,
    discriminator_lr: float = 1e-3,
    device="auto",
    seed: int = 0,
    beta: float = 1.0,
    warmup: int = 0,
    clip: float | None = None,
    log_every: int = 50,
    progress: bool = True,
) -> History:
    """Train `model` and the discriminator of `objective` in place; return what was recorded.

    - `objective(model, x, beta=...)` returns an object with `value`, `(B,)`, which the model
      maximises, `terms` to record, and its draws `z`, `(B, d)`. `objective.discriminator_loss(z,
      other)`, `(B,)`, is what its own parameters minimise: `objectives.FactorELBO` is one.
    - `images`, `steps`, `lr`, `warmup`, `clip`, `log_every`: as in `fit`; `beta` is a number. Each
      step takes two batches: one for both players, one whose draws are permuted.
    - `discriminator_lr`: its learning rate. Both optimisers are Adam; its momentum is 0.5, so that
      it follows an opponent that changes.

    Raises `ValueError` for a bad argument, and `NonFiniteLoss` at the next log step after a loss or
    gradient of either was not finite: then neither has been updated since.
    """
    for name, count in [("steps", steps), ("log_every", log_every)]:
        require_count(name, count)
    require_count("warmup", warmup, least=0)
    require_count("seed", seed, least=0)
    rate = lr if callable(lr) else lambda updates: lr
    for name, value in [("lr", rate(0)), ("discriminator_lr", discriminator_lr)]:
        require(value > 0, f"{name} is {value}, needs a number above 0")
    require(beta >= 0, f"beta is {beta}, needs a number of at least 0")
    require(clip is None or clip > 0, f"clip is {clip}, needs a number above 0, or None")
    require(
        isinstance(objective, nn.Module) and hasattr(objective, "discriminator_loss"),
        f"objective is {type(objective).__name__}, needs a module with a discriminator_loss",
    )
    device = resolve_device(device)
    images = _on_device("images", images, model, device, False)
    batches = Batches(images, batch_size, seed)

    model.to(device)
    objective.to(device)
    fused = device.type in ("cpu", "cuda")
    players = [
        Guard(model, torch.optim.Adam(model.parameters(), lr=rate(0), fused=fused), clip),
        Guard(
            objective,
            torch.optim.Adam(
                objective.parameters(), lr=discriminator_lr, betas=(0.5, 0.9), fused=fused
            ),
            clip,
        ),
    ]
    history, record = History(), None
    products = fast_products(device)

    with seeded(seed), _mode(model, objective, training=True):
        began = time.perf_counter()
        with progress_bar(progress, 0, steps) as bar:
            for step in range(1, steps + 1):
                x, other = batches[2 * step - 2], batches[2 * step - 1]
                weight = linear(step - 1, warmup, beta)
                for player in players:
                    player.before_forward()

                with products:
                    result = objective(model, x, beta=weight)
                    loss = -result.value.mean()
                for player in players:
                    player.optimizer.zero_grad()
                loss.backward()
                norm = players[0].gradient_norm()

                # The model's loss has left gradients in the discriminator too: not its own.
                players[1].optimizer.zero_grad()
                with products:
                    with torch.no_grad():
                        z = model.encode(other).sample()
                    against = objective.discriminator_loss(result.z.detach(), z).mean()
                against.backward()
                other_norm = players[1].gradient_norm()

                terms = {name: term.detach().mean() for name, term in result.terms.items()}
                terms |= {
                    "loss": loss.detach(),
                    "discriminator_loss": against.detach(),
                    "grad_norm": norm,
                    "discriminator_grad_norm": other_norm,
                }
                for group in players[0].optimizer.param_groups:
                    group["lr"] = rate(step - 1)
                numbers = torch.stack([*terms.values()])
                players[0].step(numbers, norm)
                players[1].step(numbers, other_norm)

                row = (step - 1) % log_every
                if record is None:
                    record = numbers.new_zeros(log_every, len(numbers))
                record[row] = numbers
                bar.update()
                if step % log_every == 0 or step == steps:
                    rows = record[: row + 1].tolist()  # the host waits for the device here
                    check_finite(rows, [*terms], step - row, None, history)
                    means = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
                    entry = {"step": step, "seconds": time.perf_counter() - began, "beta": weight}
                    entry |= dict(zip(terms, means, strict=True))
                    history.append(**entry)
                    bar.show(entry)
    return history
