r"""Training a family of models at once: `fit` with one number for each member.

$$ J(\theta_1, \dots, \theta_F) = \sum_{f=1}^F \Big[ -\frac1B \sum_{b=1}^B
   \mathcal L_{\beta_f}(x_b;\, \theta_f) \Big] $$

Member f's gradient is that of its own loss. All members see the same batches and draw noise of
their own. One member is `fit` of that model, with the same noise.

As in `fit`, the device itself makes no update from a number that is not finite, for any member, and
the host finds out when it logs.
"""

import time
from math import isfinite

import torch
from torch import Tensor

from vae_course.checks import require, require_count
from vae_course.data import binarise as draw_binary
from vae_course.device import resolve_device
from vae_course.models.family import Family
from vae_course.products import fast_products
from vae_course.random import seeded
from vae_course.training.batches import Batches
from vae_course.training.guard import Guard, NonFiniteLoss
from vae_course.training.history import History
from vae_course.training.loop import _mode, _on_device
from vae_course.training.progress import progress_bar
from vae_course.training.schedules import linear


def fit_family(
    family: Family,
    objective,
    images,
    steps: int = 1000,
    *,
    beta=1.0,
    batch_size: int = 128,
    lr=1e-3,
    warmup: int = 0,
    seed: int = 0,
    binarise: bool = False,
    clip: float | None = None,
    validation=None,
    log_every: int = 50,
    device="auto",
    compile: bool = False,
    progress: bool = True,
) -> History:
    """Train all members in place until `steps` updates are done; return what was recorded.

    Arguments are those of `fit`, but `beta`: a number for all members, or F numbers. `clip` is the
    norm above which a member's gradient is scaled down, by its own norm. In the history each entry
    of `loss`, `grad_norm`, `beta` and the objective's terms is a list of F numbers, in nats.

    Raises `ValueError` for a bad argument, and `NonFiniteLoss`, which names the member and has it
    as `member`, at the next log step after one of its numbers was not finite: all members are then
    as they were before that step.
    """
    require(isinstance(family, Family), f"family is {type(family).__name__}, needs stack(models)")
    for name, count in [("steps", steps), ("log_every", log_every)]:
        require_count(name, count)
    require_count("warmup", warmup, least=0)
    require_count("seed", seed, least=0)
    rate = lr if callable(lr) else lambda updates: lr
    require(rate(0) > 0, f"lr is {rate(0)}, needs a number above 0")
    require(clip is None or clip > 0, f"clip is {clip}, needs a number above 0, or None")
    device = resolve_device(device)
    images = _on_device("images", images, family, device, binarise)
    if validation is not None:
        validation = _on_device("validation", validation, family, device, binarise)
    betas = torch.as_tensor(beta, dtype=images.dtype, device=device)
    require(
        betas.shape in ((), (len(family),)) and bool((betas >= 0).all()),
        f"beta is {beta}, needs a number of at least 0, or {len(family)} of them",
    )
    betas = betas.expand(len(family))[:, None]  # (F, 1), beside terms (F, B)
    batches = Batches(images, batch_size, seed)

    family.to(device)
    fused = device.type in ("cpu", "cuda")
    optimizer = torch.optim.Adam(family.parameters(), lr=rate(0), fused=fused)
    guard = Guard(family, optimizer, clip=None)  # it would clip all members by one norm
    history, record = History(), None

    def forward(x: Tensor, weight: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        with fast_products(device):
            result = objective(family, x, beta=weight)
            terms = {name: term.detach().mean(-1) for name, term in result.terms.items()}
            return -result.value.mean(-1), terms

    if compile:
        forward = torch.compile(forward)

    with seeded(seed), _mode(family, training=True):
        if binarise and validation is not None:
            with seeded(seed):
                validation = draw_binary(validation)
        began = time.perf_counter()
        with progress_bar(progress, 0, steps) as bar:
            for step in range(1, steps + 1):
                x = batches[step - 1]
                if binarise:
                    x = draw_binary(x)
                weight = betas if warmup == 0 else betas * linear(step - 1, warmup)

                guard.before_forward()
                losses, terms = forward(x, weight)
                optimizer.zero_grad()
                losses.sum().backward()
                norms = gradient_norms(guard.parameters)
                if clip is not None:
                    shrink_gradients(guard.parameters, (norms / clip).clamp(min=1))
                if callable(lr):
                    for group in optimizer.param_groups:
                        group["lr"] = lr(step - 1)
                numbers = torch.stack([*terms.values(), losses.detach(), norms])
                guard.step(numbers, norms)

                row = (step - 1) % log_every
                if record is None:
                    record = numbers.new_zeros(log_every, *numbers.shape)
                record[row] = numbers
                bar.update()

                if step % log_every == 0 or step == steps:
                    names = [*terms, "loss", "grad_norm"]
                    rows = record[: row + 1]
                    check_members(rows.tolist(), names, step - row, history)  # the host waits here
                    means = dict(zip(names, rows.mean(0).tolist(), strict=True))
                    seconds = time.perf_counter() - began
                    entry = {"step": step, "seconds": seconds, "beta": weight[:, 0].tolist()}
                    if validation is not None:
                        found = evaluate_family(family, objective, validation, seed=seed)
                        means |= {f"validation_{name}": value for name, value in found.items()}
                    history.append(**entry, **means)
                    names = [name for name in ("loss", "distortion", "rate") if name in means]
                    bar.show({name: sum(means[name]) / len(family) for name in names})
    return history


@torch.no_grad()
def evaluate_family(
    family: Family, objective, images, *, batch_size: int = 1000, seed: int = 0
) -> dict[str, list[float]]:
    """`evaluate` of each member: means of the objective's terms over `images`, F numbers each."""
    images = getattr(images, "images", images)
    with seeded(seed), _mode(family, training=False):
        results = [objective(family, x, beta=1.0).terms for x in images.split(batch_size)]
    values = {name: torch.cat([terms[name] for terms in results], -1) for name in results[0]}
    return {name: value.mean(-1).tolist() for name, value in values.items()}


def gradient_norms(parameters) -> Tensor:
    """Norm of each member's gradient: `(F,)`. Each parameter has the family's axis first."""
    gradients = [p.grad.flatten(1) for p in parameters if p.grad is not None]
    parts = torch.stack([torch.linalg.vector_norm(gradient, dim=1) for gradient in gradients])
    return torch.linalg.vector_norm(parts, dim=0)


def shrink_gradients(parameters, divisors: Tensor) -> None:
    """Divide the gradient of member f by `divisors[f]`."""
    for p in parameters:
        if p.grad is not None:
            p.grad.div_(divisors.reshape(-1, *[1] * (p.dim() - 1)))


def check_members(rows: list, names: list[str], first_step: int, history: History) -> None:
    """Raise `NonFiniteLoss` for the first number that is not finite; rows are `[name][member]`."""
    for step, row in enumerate(rows, start=first_step):
        for name, values in zip(names, row, strict=True):
            for member, value in enumerate(values):
                if not isfinite(value):
                    error = NonFiniteLoss(step, f"{name} of member {member}", value, None, history)
                    error.member = member
                    raise error
