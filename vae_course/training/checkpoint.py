"""Checkpoints: one safetensors file, with everything that is not a tensor as JSON in its header.

Nothing is pickled, so that reading a file can run no code. A file is written under another name
in the same folder, flushed to the disk, and then renamed, which is atomic: whenever the process is
killed, the path holds the old checkpoint or the new one, never half of one.
"""

import json
import os
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

FORMAT = "vae_course checkpoint 1"


def save_checkpoint(path, tensors: dict[str, Tensor], info: dict) -> None:
    """Write tensors, and `info` as JSON, to `path`, atomically."""
    # Copies, because safetensors refuses two names for one tensor (tied weights).
    tensors = {name: t.detach().clone().cpu().contiguous() for name, t in tensors.items()}
    blob = save(tensors, metadata={"format": FORMAT, "info": json.dumps(info)})
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with open(partial, "wb") as file:
        file.write(blob)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)
    if hasattr(os, "O_DIRECTORY"):  # the renaming itself, where folders can be flushed
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def load_checkpoint(path) -> tuple[dict[str, Tensor], dict]:
    """Read back `(tensors, info)`; a `ValueError` says why a file is not a checkpoint."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}
    except SafetensorError as error:
        raise ValueError(f"{path} is not a checkpoint: {error}") from error
    if metadata.get("format") != FORMAT:
        raise ValueError(
            f"{path} is not a checkpoint: its format is {metadata.get('format')!r}, "
            f"needs {FORMAT!r}"
        )
    return tensors, json.loads(metadata["info"])


# The state of an optimiser ---------------------------------------------------------------------


def optimizer_state(optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], dict]:
    """Split an optimiser's state into tensors, `"<parameter>.<name>"`, and what JSON can hold."""
    state = optimizer.state_dict()
    tensors, others = {}, {}
    for parameter, entries in state["state"].items():
        for name, value in entries.items():
            (tensors if isinstance(value, Tensor) else others)[f"{parameter}.{name}"] = value
    return tensors, {"groups": state["param_groups"], "others": others}


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict, info: dict) -> None:
    """Put back what `optimizer_state` took."""
    state = {}
    for key, value in {**tensors, **info["others"]}.items():
        parameter, name = key.split(".", 1)
        state.setdefault(int(parameter), {})[name] = value
    groups = [
        {k: tuple(v) if k != "params" and isinstance(v, list) else v for k, v in group.items()}
        for group in info["groups"]
    ]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


# Random streams --------------------------------------------------------------------------------


def random_state(device: torch.device) -> dict[str, Tensor]:
    """The states of the random streams that a run on `device` draws from."""
    states = {"cpu": torch.get_rng_state()}
    if device.type in ("cuda", "mps"):
        states[device.type] = getattr(torch, device.type).get_rng_state()
    return states


def restore_random_state(states: dict[str, Tensor]) -> None:
    """Put back what `random_state` took."""
    torch.set_rng_state(states["cpu"])
    for name in set(states) - {"cpu"}:
        getattr(torch, name).set_rng_state(states[name])
