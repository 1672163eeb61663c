"""What a run puts in its checkpoint: everything that its next step depends on.

Weights, the optimiser's state, the random streams, the number of steps done (data order and KL
warm-up follow from it), the numbers since the last log row, and the history. The settings are
stored as well: a run goes on from a checkpoint of the same run only.
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


def save_run(path, settings, model, optimizer, step, seconds, record: Tensor, history) -> None:
    """Write all that `load_run` needs to go on after `step`."""
    optimizer_tensors, optimizer_info = optimizer_state(optimizer)
    parts = {
        "model": model.state_dict(),
        "optimizer": optimizer_tensors,
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


def load_run(path, settings, model, optimizer) -> tuple[int, float, Tensor, History]:
    """Put model, optimiser and random streams back; return step, seconds, record and history."""
    tensors, info = load_checkpoint(path)
    differences = compare(settings, info["settings"])
    require(
        not differences,
        f"checkpoint {path} is of another run:\n  " + "\n  ".join(differences) + "\n"
        "Give another path, or resume=False to start anew and replace it.",
    )
    parts = {"model": {}, "optimizer": {}, "random": {}, "loop": {}}
    for key, tensor in tensors.items():
        part, name = key.split("/", 1)
        parts[part][name] = tensor
    model.load_state_dict(parts["model"])
    restore_optimizer(optimizer, parts["optimizer"], info["optimizer"])
    restore_random_state(parts["random"])
    history = History.from_dict(info["history"])
    return info["step"], info["seconds"], parts["loop"]["record"], history


def describe(model: nn.Module, optimizer, objective, images: Tensor, validation) -> dict:
    """The settings of a run that are not plain arguments of `fit`, as something to compare."""
    shapes = {f"model {name}": list(t.shape) for name, t in model.state_dict().items()}
    return shapes | {
        "objective": _name(objective),
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


def _name(function) -> str:
    if isinstance(function, partial):
        return f"{_name(function.func)}, {function.args}, {function.keywords}"
    return getattr(function, "__qualname__", type(function).__qualname__)
