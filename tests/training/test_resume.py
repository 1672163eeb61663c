"""A run that was stopped and resumed is bit for bit the run that was not."""

import functools
import json
import os

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from vae_course.models import mlp_vae
from vae_course.objectives import elbo
from vae_course.random import seeded
from vae_course.training import fit, load_checkpoint, save_checkpoint

quiet = functools.partial(
    fit, device="cpu", progress=False, batch_size=24, log_every=10, checkpoint_every=7
)


@pytest.fixture(scope="module")
def images():
    with seeded(0):
        return torch.rand(100, 1, 4, 4)


def small_vae(latent_dim=2):
    """With batch norm (buffers) and dropout (random numbers in the step)."""
    with seeded(0):
        vae = mlp_vae((1, 4, 4), hidden=(8,), latent_dim=latent_dim)
        trunk = vae.encoder.trunk
        vae.encoder.trunk = nn.Sequential(*trunk, nn.BatchNorm1d(8), nn.Dropout(0.1))
    return vae


class Stopped(Exception):
    pass


def stop_after(steps):
    calls = 0

    def objective(model, x, beta=1.0):
        nonlocal calls
        calls += model.training
        if calls > steps:
            raise Stopped
        return elbo(model, x, beta=beta)

    return objective


def same(model, other) -> bool:
    pairs = zip(model.state_dict().items(), other.state_dict().items(), strict=True)
    return all(a == b and torch.equal(t, u) for (a, t), (b, u) in pairs)


def without_seconds(history):
    return {name: values for name, values in history.to_dict().items() if name != "seconds"}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"binarise": True, "warmup": 40, "clip": 1.0, "beta": 2.0},
        {"optimizer": functools.partial(torch.optim.SGD, momentum=0.9), "lr": 1e-3},
        {"lr": lambda updates: 1e-3 * 0.9**updates},
        {"optimizer": torch.optim.RAdam},
        {"optimizer": functools.partial(torch.optim.AdamW, fused=True, amsgrad=True)},
    ],
)
def test_resuming_is_exact(images, tmp_path, options):
    options = options | {
        "validation": images[:9],
        "monitors": [lambda model, x: {"noise": torch.rand(()).item()}],
    }
    straight, resumed = small_vae(), small_vae()
    whole = quiet(straight, stop_after(10**9), images, 50, **options)
    path = tmp_path / "run.safetensors"
    for steps in (12, 9, 20):  # stopped at 12 (saved at 7), 16 (saved at 14), 34 (saved at 28)
        with pytest.raises(Stopped):
            quiet(small_vae(), stop_after(steps), images, 50, checkpoint=path, **options)
    history = quiet(resumed, stop_after(10**9), images, 50, checkpoint=path, **options)
    assert same(straight, resumed)
    assert without_seconds(history) == without_seconds(whole)
    assert history.seconds == sorted(history.seconds)


def test_a_finished_run_is_read_and_can_be_prolonged(images, tmp_path):
    path = tmp_path / "run.safetensors"
    straight, model, again = small_vae(), small_vae(), small_vae()
    first = quiet(model, elbo, images, 20, checkpoint=path)
    assert quiet(again, elbo, images, 20, checkpoint=path).to_dict() == first.to_dict()
    assert same(model, again)

    whole = quiet(straight, elbo, images, 40)
    longer = quiet(again, elbo, images, 40, checkpoint=path)
    assert same(straight, again)
    assert without_seconds(longer) == without_seconds(whole)


def test_a_run_that_has_gone_further_is_not_taken_for_a_shorter_one(images, tmp_path):
    path = tmp_path / "run.safetensors"
    quiet(small_vae(), elbo, images, 20, checkpoint=path)
    with pytest.raises(ValueError, match="is at step 20, after the 10 asked for"):
        quiet(small_vae(), elbo, images, 10, checkpoint=path)


def test_resume_can_be_declined(images, tmp_path):
    path = tmp_path / "run.safetensors"
    quiet(small_vae(), elbo, images, 20, checkpoint=path, seed=5)
    fresh, model = small_vae(), small_vae()
    quiet(fresh, elbo, images, 10)
    quiet(model, elbo, images, 10, checkpoint=path, resume=False)
    assert same(fresh, model)
    assert load_checkpoint(path)[1]["step"] == 10


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 25}, "batch_size is 25, the checkpoint has 24"),
        ({"seed": 1}, "seed is 1, the checkpoint has 0"),
        ({"beta": 2.0}, "beta is 2.0, the checkpoint has 1.0"),
        ({"warmup": 3}, "warmup is 3"),
        ({"clip": 1.0}, "clip is 1.0, the checkpoint has None"),
        ({"binarise": True}, "binarise is True"),
        ({"log_every": 5}, "log_every is 5"),
        ({"lr": 0.1}, "optimizer is .*'lr': 0.1.* the checkpoint has"),
        ({"optimizer": torch.optim.SGD}, "optimizer is .'SGD'"),
        ({"images": torch.zeros(100, 1, 4, 4)}, "images is "),
        ({"images": torch.zeros(99, 1, 4, 4)}, r"images is '\(99, 1, 4, 4\), "),
        ({"validation": torch.zeros(5, 1, 4, 4)}, "validation is .* the checkpoint has None"),
        ({"model": small_vae(latent_dim=3)}, r"decoder.*is \[8, 3\], the checkpoint has \[8, 2\]"),
        ({"objective": functools.partial(elbo, samples=2)}, "objective is .*'samples': 2"),
    ],
)
def test_other_settings_are_refused_with_what_differs(images, tmp_path, change, message):
    path = tmp_path / "run.safetensors"
    arguments = {"objective": elbo, "images": images, "steps": 10, "checkpoint": path}
    quiet(small_vae(), **arguments)
    saved = path.read_bytes()
    changed = {"model": small_vae(), **arguments, "steps": 30, **change}
    before = {name: tensor.clone() for name, tensor in changed["model"].state_dict().items()}
    with pytest.raises(ValueError, match=message):
        quiet(**changed)
    assert path.read_bytes() == saved
    after = changed["model"].state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_model_stays_tied(images, tmp_path):
    """safetensors refuses two names for one tensor; a checkpoint must not."""

    def tied():
        vae = small_vae()
        vae.decoder.extra = vae.decoder.trunk[0]
        return vae

    path = tmp_path / "run.safetensors"
    straight, resumed = tied(), tied()
    quiet(straight, elbo, images, 20)
    quiet(tied(), elbo, images, 10, checkpoint=path)
    quiet(resumed, elbo, images, 20, checkpoint=path)
    assert same(straight, resumed)


# The file ---------------------------------------------------------------------------------------


def test_file_is_safetensors_with_json_and_nothing_else_is_left(images, tmp_path):
    path = tmp_path / "runs" / "deep" / "run.safetensors"
    quiet(small_vae(), elbo, images, 20, checkpoint=path)
    assert [p.name for p in path.parent.iterdir()] == ["run.safetensors"]
    with safe_open(path, framework="pt") as file:
        info = json.loads(file.metadata()["info"])
        names = set(file.keys())
    assert info["step"] == 20
    assert len(info["history"]["loss"]) == 2
    assert {"model/encoder.head.weight", "optimizer/0.exp_avg", "random/cpu"} <= names


def test_a_failing_write_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "a.safetensors"
    save_checkpoint(path, {"x": torch.zeros(2)}, {"step": 1})

    def full(descriptor):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        save_checkpoint(path, {"x": torch.ones(2)}, {"step": 2})
    tensors, info = load_checkpoint(path)
    assert info == {"step": 1} and torch.equal(tensors["x"], torch.zeros(2))


def test_new_data_are_on_the_disk_before_the_name_is_moved(tmp_path, monkeypatch):
    happened = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (happened.append("fsync"), fsync(fd)))
    monkeypatch.setattr(os, "replace", lambda a, b: (happened.append("replace"), replace(a, b)))
    save_checkpoint(tmp_path / "a.safetensors", {"x": torch.zeros(2)}, {})
    assert happened[:2] == ["fsync", "replace"]


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x80\x04K\x01."])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, content):
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a.safetensors is not a checkpoint"):
        load_checkpoint(path)


def test_weights_of_something_else_are_refused(tmp_path):
    path = tmp_path / "a.safetensors"
    save_file({"x": torch.zeros(2)}, path)
    with pytest.raises(ValueError, match="its format is None, needs 'vae_course checkpoint 1'"):
        load_checkpoint(path)
