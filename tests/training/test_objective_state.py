"""Objectives with a state: moved with the model, saved with the run, and put back."""

import functools

import pytest
import torch
from torch import nn
from torch._dynamo.testing import CompileCounterWithBackend

from vae_course.models import mlp_vae
from vae_course.objectives import ControlledELBO, RisingCapacity, elbo, free_bits
from vae_course.random import seeded
from vae_course.training import NonFiniteLoss, cyclical, evaluate, fit, load_checkpoint

quiet = functools.partial(
    fit, device="cpu", progress=False, batch_size=24, log_every=5, checkpoint_every=7
)
OBJECTIVES = {
    "control": lambda: ControlledELBO(1.0, integral=0.05, start=0.3),
    "capacity": lambda: RisingCapacity(2.0, 10.0, ramp=25),
}


@pytest.fixture(scope="module")
def images():
    with seeded(0):
        return torch.rand(100, 1, 4, 4)


def small_vae():
    with seeded(0):
        return mlp_vae((1, 4, 4), hidden=(8,), latent_dim=2)


def same(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().items(), other.state_dict().items(), strict=True)
    return all(a == b and torch.equal(t, u) for (a, t), (b, u) in pairs)


def without_seconds(history):
    return {name: values for name, values in history.to_dict().items() if name != "seconds"}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_resuming_is_exact(images, tmp_path, name):
    path = tmp_path / "run.safetensors"
    straight, whole = small_vae(), OBJECTIVES[name]()
    history = quiet(straight, whole, images, 30, validation=images[:9])
    for steps in (9, 16):
        quiet(
            small_vae(), OBJECTIVES[name](), images, steps, validation=images[:9], checkpoint=path
        )
        keep = load_checkpoint(path)[1]["history"]
        assert keep["step"][-1] == steps
    resumed, objective = small_vae(), OBJECTIVES[name]()
    again = quiet(resumed, objective, images, 30, validation=images[:9], checkpoint=path)
    assert same(straight, resumed) and same(whole, objective)
    # The two stops logged a row each, of the steps since the row before.
    last = {key: values[-1] for key, values in without_seconds(history).items()}
    assert {key: values[-1] for key, values in without_seconds(again).items()} == last


def test_other_settings_of_an_objective_or_a_schedule_are_refused(images, tmp_path):
    path = tmp_path / "run.safetensors"
    quiet(small_vae(), ControlledELBO(1.0), images, 5, checkpoint=path)
    with pytest.raises(ValueError, match=r"objective is 'ControlledELBO\(2.0, .*has 'Controlled"):
        quiet(small_vae(), ControlledELBO(2.0), images, 9, checkpoint=path)
    path = tmp_path / "other.safetensors"
    schedule = functools.partial(cyclical, period=4)
    quiet(small_vae(), elbo, images, 5, beta=schedule, checkpoint=path)
    with pytest.raises(ValueError, match=r"beta is .*'period': 8.* the checkpoint has .*: 4"):
        quiet(
            small_vae(), elbo, images, 9, beta=functools.partial(cyclical, period=8),
            checkpoint=path,
        )  # fmt: skip
    quiet(small_vae(), elbo, images, 9, beta=schedule, checkpoint=path)  # the same goes on


def test_validation_and_evaluate_leave_the_state_and_its_mode(images):
    looked, plain = ControlledELBO(1.0, start=0.3), ControlledELBO(1.0, start=0.3)
    quiet(small_vae(), looked, images, 10, validation=images, log_every=2)
    quiet(small_vae(), plain, images, 10)
    assert same(looked, plain)
    before = looked.weight.item()
    evaluate(small_vae(), looked, images)
    assert looked.weight.item() == before and looked.training


@pytest.mark.parametrize("fused", [True, False])
def test_a_step_that_is_not_finite_leaves_the_state_as_it_was(images, fused):
    class Broken(ControlledELBO):
        def move(self, rate):
            super().move(rate * float("nan") if self.calls == 4 else rate)
            self.calls += 1

    objective, good = Broken(1.0, start=0.3), ControlledELBO(1.0, start=0.3)
    objective.calls = 0
    adam = functools.partial(torch.optim.Adam, fused=fused)
    with pytest.raises(NonFiniteLoss, match="step 5"):
        quiet(small_vae(), objective, images, 10, optimizer=adam)
    quiet(small_vae(), good, images, 4, optimizer=adam)
    assert same(objective, good)


def test_compiled_once_although_the_state_changes(images, monkeypatch):
    counter = CompileCounterWithBackend("aot_eager")
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=counter))
    objective, compiled = OBJECTIVES["control"](), OBJECTIVES["control"]()
    plain = quiet(small_vae(), objective, images, 12)
    fast = quiet(small_vae(), compiled, images, 12, compile=True)
    assert counter.frame_count == 1
    assert fast.weight == pytest.approx(plain.weight, rel=1e-5)
    assert compiled.weight.item() == pytest.approx(objective.weight.item(), rel=1e-5)


def test_free_bits_is_trained_by_the_same_loop(images):
    vae = small_vae()
    objective = functools.partial(free_bits, kappa=0.3)
    history = quiet(vae, objective, images, 300, lr=1e-2, log_every=100)
    assert history.rate[-1] == pytest.approx(2 * 0.3, abs=0.1)  # noise has nothing to tell


def test_model_and_state_go_to_the_device_together(device, images):
    objective = ControlledELBO(1.0, start=0.3)
    vae = small_vae()
    quiet(vae, objective, images, 5, device=device)
    assert objective.weight.device.type == device.type
    assert next(vae.parameters()).device.type == device.type
