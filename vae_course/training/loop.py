r"""Training: gradient descent on the loss, minus the mean over a batch of what is maximised.

$$ J(\theta, \phi) = -\frac1B \sum_{b=1}^B \mathcal L_\beta(x_b;\, \theta, \phi) $$

Everything in a step stays on the device. The host looks at numbers only when it logs or saves: on
a GPU, each look waits for all the work in the queue.

A run is a function of the initial weights, the data and the arguments. It has random streams of
its own, leaves the global ones as they were, and is not disturbed by validation or monitors.
Killed and resumed, on a CPU in float32 with the same versions and threads, it is bit for bit the
run that was not killed.
"""

import time
from contextlib import contextmanager, nullcontext
from pathlib import Path

import torch
from torch import Tensor, nn

from vae_course.checks import require, require_count
from vae_course.data import binarise as draw_binary
from vae_course.device import resolve_device
from vae_course.products import fast_products
from vae_course.random import seeded
from vae_course.training.batches import Batches
from vae_course.training.guard import Guard, check_finite
from vae_course.training.history import History
from vae_course.training.progress import progress_bar
from vae_course.training.resume import describe, load_run, name_of, save_run
from vae_course.training.schedules import linear


def fit(
    model: nn.Module,
    objective,
    images,
    steps: int = 1000,
    *,
    batch_size: int = 128,
    lr=1e-3,
    optimizer=None,
    device="auto",
    seed: int = 0,
    binarise: bool = False,
    beta=1.0,
    warmup: int = 0,
    clip: float | None = None,
    validation=None,
    log_every: int = 50,
    monitors=(),
    compile: bool = False,
    autocast: bool = False,
    checkpoint=None,
    checkpoint_every: int = 500,
    resume: bool = True,
    progress: bool = True,
) -> History:
    """Train `model` in place until `steps` updates are done; return what was recorded.

    - `objective(model, x, beta=...)` returns an object with `value`, `(B,)`, which is maximised,
      and `terms`, named `(B,)` tensors, which are recorded: `vae_course.objectives.elbo` is one.
      An objective with a state, such as a controller, is an nn.Module with buffers: they are moved
      to the device, restored by checkpoints, and change in training mode only.
    - `images`: a Dataset, or a tensor `(N, *event_shape)`.
    - `binarise`: draw every pixel from Bernoulli(grey level), anew each time it is used.
    - `lr`: the learning rate, or a callable that gives it from the number of updates done.
    - `optimizer`: a callable `(parameters, lr=...)`, for example `torch.optim.SGD`. Default: Adam.
    - `beta`: weight of the rate, or a callable that gives it from the number of updates done. In
      the first `warmup` steps it is multiplied by a factor that rises linearly from 0.
    - `clip`: the norm above which a gradient is scaled down to it.
    - `validation`: images whose terms are recorded in evaluation mode, always with the same noise
      (and, with `binarise`, the same binary images).
    - `monitors`: callables `(model, x) -> dict` of numbers or lists to record, called in
      evaluation mode on the validation images, or on the last batch if there are none.
    - `compile`: use `torch.compile`. `autocast`: compute in bfloat16 where that is safe.
    - `checkpoint`: a path, written every `checkpoint_every` steps and at the end. If it exists the
      run goes on from there, or with `resume=False` starts anew and replaces it.

    Raises `ValueError` for a bad argument or the checkpoint of another run, and `NonFiniteLoss`
    at the next log step after a loss or gradient was not finite.
    """
    for name, count in [("steps", steps), ("log_every", log_every)]:
        require_count(name, count)
    require_count("checkpoint_every", checkpoint_every)
    require_count("warmup", warmup, least=0)
    require_count("seed", seed, least=0)
    rate = lr if callable(lr) else lambda updates: lr
    require(rate(0) > 0, f"lr is {rate(0)}, needs a number above 0")
    schedule = beta if callable(beta) else lambda updates: beta
    require(schedule(0) >= 0, f"beta is {schedule(0)}, needs a number of at least 0")
    require(clip is None or clip > 0, f"clip is {clip}, needs a number above 0, or None")
    require(any(True for _ in model.parameters()), "model has no parameters to train")
    device = resolve_device(device)
    images = _on_device("images", images, model, device, binarise)
    if validation is not None:
        validation = _on_device("validation", validation, model, device, binarise)
    batches = Batches(images, batch_size, seed)

    model.to(device)
    if isinstance(objective, nn.Module):
        objective.to(device)
    if optimizer is None:
        fused = device.type in ("cpu", "cuda")
        optimizer = torch.optim.Adam(model.parameters(), lr=rate(0), fused=fused)
    else:
        optimizer = optimizer(model.parameters(), lr=rate(0))
    guard = Guard(model, optimizer, clip, objective)
    history, record, start, seconds, saved = History(), None, 0, 0.0, None

    products = nullcontext() if compile or autocast else fast_products(device)

    def forward(x: Tensor, beta) -> tuple[Tensor, dict[str, Tensor]]:
        with products, torch.autocast(device.type, torch.bfloat16, enabled=autocast):
            result = objective(model, x, beta=beta)
            terms = {name: term.detach().mean() for name, term in result.terms.items()}
            return -result.value.mean(), terms

    if compile:
        forward = torch.compile(forward)

    with seeded(seed), _mode(model, objective, training=True):
        if binarise and validation is not None:
            with seeded(seed):
                validation = draw_binary(validation)
        if checkpoint is not None:
            settings = describe(model, optimizer, objective, images, validation) | {
                "batch_size": batch_size, "seed": seed, "binarise": binarise, "beta": name_of(beta),
                "warmup": warmup, "clip": clip, "log_every": log_every, "compile": compile,
                "autocast": autocast,
            }  # fmt: skip
            if resume and Path(checkpoint).exists():
                start, seconds, record, history = load_run(
                    checkpoint, settings, model, optimizer, objective
                )
                record, saved = record.to(device), checkpoint
                require(
                    start <= steps,
                    f"checkpoint {checkpoint} is at step {start}, after the {steps} asked for",
                )
        began = time.perf_counter() - seconds

        with progress_bar(progress, start, steps) as bar:
            for step in range(start + 1, steps + 1):
                x = batches[step - 1]
                if binarise:
                    x = draw_binary(x)
                weight = weight_now = linear(step - 1, warmup, schedule(step - 1))
                if compile:  # a number would be compiled in, and each new one compiled again
                    weight = torch.full((), weight_now, device=device)

                guard.before_forward()
                loss, terms = forward(x, weight)
                optimizer.zero_grad()
                loss.backward()
                norm = guard.gradient_norm()
                if callable(lr):
                    for group in optimizer.param_groups:
                        group["lr"] = lr(step - 1)
                numbers = torch.stack([*terms.values(), loss.detach(), norm])
                guard.step(numbers, norm)

                row = (step - 1) % log_every
                if record is None:
                    record = numbers.new_zeros(log_every, len(numbers))
                record[row] = numbers
                bar.update()

                log = step % log_every == 0 or step == steps
                save = checkpoint is not None and (step % checkpoint_every == 0 or step == steps)
                if log or save:
                    names = [*terms, "loss", "grad_norm"]
                    rows = record[: row + 1].tolist()  # the host waits for the device here
                    check_finite(rows, names, step - row, saved, history)
                if log:
                    seconds = time.perf_counter() - began
                    means = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
                    entry = {"step": step, "seconds": seconds, "beta": weight_now}
                    entry |= dict(zip(names, means, strict=True))
                    entry |= _look(model, objective, x, validation, monitors, seed)
                    history.append(**entry)
                    bar.show(entry)
                if save:
                    seconds = time.perf_counter() - began
                    run = (model, optimizer, objective, step, seconds, record, history)
                    save_run(checkpoint, settings, *run)
                    saved = checkpoint
    return history


@torch.no_grad()
def evaluate(model, objective, images, *, batch_size: int = 1000, seed: int = 0) -> dict:
    """Mean of each term of the objective over `images`, in evaluation mode, noise fixed by `seed`.

    The images are used as they are, on the device where they lie: binarise them first.
    """
    images = getattr(images, "images", images)
    with seeded(seed), _mode(model, objective, training=False):
        results = [objective(model, x, beta=1.0).terms for x in images.split(batch_size)]
    values = {name: torch.cat([terms[name] for terms in results]) for name in results[0]}
    return {name: value.mean().item() for name, value in values.items()}


@torch.no_grad()
def _look(model, objective, x: Tensor, validation: Tensor | None, monitors, seed: int) -> dict:
    """What validation and monitors have to say, without a trace in the run."""
    entry = {}
    if validation is not None:
        terms = evaluate(model, objective, validation, seed=seed)
        entry |= {f"validation_{name}": value for name, value in terms.items()}
    for monitor in monitors:
        with seeded(seed), _mode(model, training=False):
            found = monitor(model, x if validation is None else validation)
        for name, value in found.items():
            entry[name] = value.tolist() if isinstance(value, Tensor) else value
    return entry


def _on_device(name: str, images, model, device: torch.device, binarise: bool) -> Tensor:
    """The images as one tensor on the device, in the model's dtype, once they are checked."""
    images = getattr(images, "images", images)
    dtype = next(model.parameters()).dtype
    require(
        isinstance(images, Tensor) and images.is_floating_point(),
        f"{name} is {getattr(images, 'dtype', type(images).__name__)}, needs a Dataset or a tensor "
        "of floating-point numbers",
    )
    event_shape = tuple(getattr(model, "event_shape", images.shape[1:]))
    require(
        len(images) > 0 and tuple(images.shape[1:]) == event_shape,
        f"{name} has shape {tuple(images.shape)}, needs (N, {', '.join(map(str, event_shape))}) "
        "with N >= 1",
    )
    require(bool(images.isfinite().all()), f"{name} has numbers that are not finite")
    if binarise:
        require(
            bool(((images >= 0) & (images <= 1)).all()),
            f"{name} has values from {images.min()} to {images.max()}, needs [0, 1] to binarise",
        )
    return images.to(device, dtype)


@contextmanager
def _mode(*parts, training: bool):
    """Training or evaluation mode for every module, and afterwards each as it was."""
    parts = [part for part in parts if isinstance(part, nn.Module)]  # an objective may be one
    before = [(module, module.training) for part in parts for module in part.modules()]
    for part in parts:
        part.train(training)
    try:
        yield
    finally:
        for module, mode in before:
            module.training = mode
