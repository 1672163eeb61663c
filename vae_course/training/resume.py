"""What a run puts in its checkpoint: everything that its next step depends on.

Weights, the states of the optimiser and of the objective, the random streams, the number of steps
done (data order and the weight β follow from it), the numbers since the last log row, and the
history. The settings are stored as well: a run goes on from a checkpoint of the same run only.
"""

import hashlib
import json
from functools import partial

import torch
from torch import Tensor, nn

from vae_course.checks import require
from vae_course.training.checkpoint import (
    load_checkpoint,
    optimizer_state,
    random_state,
    restore_optimizer,
    restore_random_state,
    save_checkpoint,
)
from vae_course.training.history import History


def save_run(
    path, settings, model, optimizer, objective, step, seconds, record: Tensor, history
) -> None:
    """Write all that `load_run` needs to go on after `step`."""
    optimizer_tensors, optimizer_info = optimizer_state(optimizer)
    parts = {
        "model": model.state_dict(),
        "optimizer": optimizer_tensors,
        "objective": objective.state_dict() if isinstance(objective, nn.Module) else {},
        "random": random_state(record.device),
        "loop": {"record": record},
    }
    tensors = {f"{part}/{name}": t for part, named in parts.items() for name, t in named.items()}
    info = {
        "settings": settings,
        "optimizer": optimizer_info,
        "step": step,
        "seconds": seconds,
        "history": history.to_dict(),
    }
    save_checkpoint(path, tensors, info)


def load_run(path, settings, model, optimizer, objective) -> tuple[int, float, Tensor, History]:
    """Put all that has a state back; return step, seconds, record and history."""
    tensors, info = load_checkpoint(path)
    differences = compare(settings, info["settings"])
    require(
        not differences,
        f"checkpoint {path} is of another run:\n  " + "\n  ".join(differences) + "\n"
        "Give another path, or resume=False to start anew and replace it.",
    )
    parts = {"model": {}, "optimizer": {}, "objective": {}, "random": {}, "loop": {}}
    for key, tensor in tensors.items():
        part, name = key.split("/", 1)
        parts[part][name] = tensor
    model.load_state_dict(parts["model"])
    restore_optimizer(optimizer, parts["optimizer"], info["optimizer"])
    if isinstance(objective, nn.Module):
        objective.load_state_dict(parts["objective"])
    restore_random_state(parts["random"])
    history = History.from_dict(info["history"])
    return info["step"], info["seconds"], parts["loop"]["record"], history


def describe(model: nn.Module, optimizer, objective, images: Tensor, validation) -> dict:
    """The settings of a run that are not plain arguments of `fit`, as something to compare."""
    shapes = {f"model {name}": list(t.shape) for name, t in model.state_dict().items()}
    return shapes | {
        "objective": name_of(objective),
        "optimizer": [type(optimizer).__name__, repr(optimizer.defaults)],
        "images": _fingerprint(images),
        "validation": None if validation is None else _fingerprint(validation),
        "device": images.device.type,
        "dtype": str(images.dtype),
    }


def compare(asked: dict, stored: dict) -> list[str]:
    """One line for each setting that differs."""
    asked = json.loads(json.dumps(asked))  # tuples become lists, as they did in the file
    return [
        f"{name} is {asked.get(name)!r}, the checkpoint has {stored.get(name)!r}"
        for name in dict.fromkeys([*asked, *stored])
        if asked.get(name) != stored.get(name)
    ]


def _fingerprint(images: Tensor) -> str:
    digest = hashlib.sha256(images.cpu().contiguous().view(torch.uint8).numpy()).hexdigest()
    return f"{tuple(images.shape)}, sha256 {digest[:16]}"


def name_of(thing):
    """What stands for an objective or a schedule in the settings: a number, a name or a text."""
    if isinstance(thing, partial):
        return f"{name_of(thing.func)}, {thing.args}, {thing.keywords}"
    if isinstance(thing, nn.Module):
        return repr(thing)
    if callable(thing):
        return getattr(thing, "__qualname__", type(thing).__qualname__)
    return thing
