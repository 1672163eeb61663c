"""Runs `fit` in children that are killed; `test_kills.py` starts it and reads what it prints.

One process imports torch and forks, so that a child takes milliseconds to start. Saving is slowed
down, in pieces, so that most kills land while a checkpoint is written.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import torch
import torch._dynamo  # optimisers import it when first used: not again in every child

from vae_course.models import mlp_vae
from vae_course.objectives import elbo
from vae_course.random import seeded
from vae_course.training import checkpoint, fit, load_checkpoint

STEPS, KILLS = 120, 20


def train(path: Path) -> None:
    """The run: dropout, stochastic binarisation, warm-up, validation; saved at every other step."""
    with seeded(0):
        images = torch.rand(50, 1, 4, 4)
        model = mlp_vae((1, 4, 4), hidden=(8,), latent_dim=2)
        model.encoder.trunk.append(torch.nn.Dropout(0.1))
    fit(
        model, elbo, images, STEPS, batch_size=16, device="cpu", binarise=True, warmup=100,
        clip=5.0, validation=images[:10], log_every=15, progress=False, checkpoint=path,
        checkpoint_every=2,
    )  # fmt: skip


class SlowFile:
    """A file that takes its time, and has a part of the bytes on the disk for a while."""

    def __init__(self, path, mode):
        self.file = open(path, mode, buffering=0)

    def write(self, blob):
        quarter = len(blob) // 4
        for start in range(0, 4 * quarter, quarter):
            self.file.write(blob[start : start + quarter])
            time.sleep(0.006)
        self.file.write(blob[4 * quarter :])

    def __getattr__(self, name):
        return getattr(self.file, name)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.file.close()


def start(path: Path, slow: bool) -> int:
    """Fork a child that trains; its process number."""
    child = os.fork()
    if child:
        return child
    try:
        if slow:
            checkpoint.open = SlowFile
        train(path)
        os._exit(0)
    finally:
        os._exit(1)


def wait(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def step_of(path: Path) -> int:
    """The step of the checkpoint, 0 if there is none yet. Raises if it is not a whole one."""
    return load_checkpoint(path)[1]["step"] if path.exists() else 0


def result(path: Path) -> dict:
    """All that must be equal: the bytes of the tensors, and the history without its seconds."""
    tensors, info = load_checkpoint(path)
    history = {name: values for name, values in info["history"].items() if name != "seconds"}
    return {
        "step": info["step"],
        "history": history,
        "tensors": {name: t.numpy().tobytes().hex() for name, t in sorted(tensors.items())},
    }


def main(folder: Path, seed: int) -> None:
    torch.set_num_threads(1)
    straight, path = folder / "straight.safetensors", folder / "killed.safetensors"
    partial = path.with_name(path.name + ".partial")
    draw = random.Random(seed)
    assert wait(start(straight, slow=False)) == 0

    steps, while_saving = [], 0
    while len(steps) < KILLS:
        before = step_of(path)
        partial.unlink(missing_ok=True)
        child = start(path, slow=True)
        deadline = time.monotonic() + 20
        while not partial.exists() and time.monotonic() < deadline:  # until it saves
            time.sleep(0.001)
        time.sleep(draw.uniform(0, 0.06))
        os.kill(child, signal.SIGKILL)
        assert wait(child) == -signal.SIGKILL
        while_saving += partial.exists()
        assert step_of(path) >= before, "went back"
        steps.append(step_of(path))

    left = sorted(p.name for p in folder.iterdir())
    assert wait(start(path, slow=False)) == 0
    equal = result(path) == result(straight)
    print(json.dumps({"steps": steps, "while_saving": while_saving, "left": left, "equal": equal}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
