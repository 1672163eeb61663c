"""A loss that is not finite: no update from it, and a report of step, term and last checkpoint."""

import functools

import pytest
import torch
from torch import nn

from vae_course.models import mlp_vae
from vae_course.objectives import Bound, elbo
from vae_course.random import seeded
from vae_course.training import NonFiniteLoss, fit

quiet = functools.partial(fit, device="cpu", progress=False, batch_size=8)
optimizers = {
    "adam": None,
    "sgd fused": functools.partial(torch.optim.SGD, momentum=0.9, fused=True),
    "sgd": functools.partial(torch.optim.SGD, momentum=0.9),
    "rmsprop": functools.partial(torch.optim.RMSprop, momentum=0.9),
}


@pytest.fixture(scope="module")
def images():
    with seeded(0):
        return torch.rand(64, 1, 4, 4).round()


def small_vae(activation=nn.ReLU):
    with seeded(0):
        return mlp_vae((1, 4, 4), hidden=(8,), latent_dim=2, activation=activation)


class Spoiled:
    """The ELBO, whose term, or the gradient of it, is `value` at one step (from 1) only."""

    def __init__(self, step: int, term: str, value: float = torch.nan):
        self.step, self.term, self.value, self.calls = step, term, value, 0

    def __call__(self, model, x, beta=1.0):
        self.calls += 1
        bound = elbo(model, x, beta=beta)
        terms = {"distortion": bound.distortion, "rate": bound.rate}
        if self.calls == self.step and self.term == "grad_norm":
            terms["rate"].register_hook(lambda gradient: gradient * self.value)
        elif self.calls == self.step:
            terms[self.term] = terms[self.term] + self.value
        return Bound(**terms, beta=beta)


def state(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize("clip", [None, 1.0])
@pytest.mark.parametrize("optimizer", optimizers)
@pytest.mark.parametrize("term", ["distortion", "rate", "grad_norm"])
def test_step_and_term_are_named_and_the_weights_are_those_before(images, optimizer, term, clip):
    options = {"optimizer": optimizers[optimizer], "log_every": 10, "lr": 1e-3, "clip": clip}
    good = small_vae()
    quiet(good, elbo, images, 12, **options)

    model, objective = small_vae(), Spoiled(13, term)
    with pytest.raises(NonFiniteLoss, match=f"step 13: the {term} is nan") as error:
        quiet(model, objective, images, 100, **options)
    assert (error.value.step, error.value.term) == (13, term)
    assert objective.calls == 20  # the host looks when it logs
    assert len(error.value.history) == 1
    for name, tensor in state(good).items():
        assert torch.equal(model.state_dict()[name], tensor), name


def test_the_very_first_step(images):
    model = small_vae()
    before = state(model)
    with pytest.raises(NonFiniteLoss, match=r"step 1: .* after step 0; there is no checkpoint"):
        quiet(model, Spoiled(1, "rate", torch.inf), images, 5)
    assert all(torch.equal(before[name], t) for name, t in model.state_dict().items())


def test_running_means_of_batch_norm_are_kept_too(images):
    class Spoiling(nn.Module):
        """Infinite features at the 4th forward pass, so that batch norm itself sees them."""

        calls = 0

        def forward(self, x):
            self.calls += 1
            return x / 0 if self.calls == 4 else x

    def model(spoiling):
        vae = small_vae()
        vae.encoder.trunk = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), spoiling)
        vae.encoder.trunk.append(nn.BatchNorm1d(8))
        return vae

    with seeded(1):
        good = model(nn.Identity())
    with seeded(1):
        bad = model(Spoiling())
    quiet(good, elbo, images, 3, log_every=10)
    with pytest.raises(NonFiniteLoss, match="step 4"):
        quiet(bad, elbo, images, 10, log_every=10)
    for name, tensor in state(good).items():
        assert torch.equal(bad.state_dict()[name], tensor), name


def test_the_last_good_checkpoint_is_named_and_good(images, tmp_path):
    path = tmp_path / "run.safetensors"
    options = {"log_every": 50, "checkpoint": path, "checkpoint_every": 4}
    with pytest.raises(NonFiniteLoss, match=r"the last checkpoint is .*run.safetensors") as error:
        quiet(small_vae(), Spoiled(11, "distortion"), images, 100, **options)
    assert (error.value.step, error.value.checkpoint) == (11, path)

    good, again = small_vae(), small_vae()
    quiet(good, Spoiled(0, "rate"), images, 20, log_every=50)
    history = quiet(again, Spoiled(0, "rate"), images, 20, **options)  # goes on from step 8
    assert history.step == [20]
    assert all(torch.equal(again.state_dict()[name], t) for name, t in state(good).items())


def test_an_old_file_of_another_run_is_not_called_the_last_checkpoint(images, tmp_path):
    path = tmp_path / "run.safetensors"
    options = {"checkpoint": path, "checkpoint_every": 10}
    quiet(small_vae(), elbo, images, 3, **options)
    with pytest.raises(NonFiniteLoss, match="there is no checkpoint"):
        quiet(small_vae(), Spoiled(2, "rate"), images, 9, resume=False, **options)
