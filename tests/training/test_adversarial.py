"""Two players: each trained on its own loss, nothing spoiled by a loss that is not finite."""

from functools import partial

import pytest
import torch
from torch import nn

from vae_course.conditional import DiagonalGaussian, GaussianLikelihood, StandardNormal
from vae_course.models import VAE, mlp_vae
from vae_course.objectives import FactorELBO, elbo
from vae_course.random import seeded
from vae_course.training import NonFiniteLoss, adversarial, fit_adversarial
from vae_course.training.batches import Batches

quiet = partial(fit_adversarial, device="cpu", progress=False, batch_size=8)


def players(gamma=5.0):
    with seeded(0):
        return mlp_vae((6,), (8,), 2), FactorELBO(2, gamma, hidden=(8,)), torch.rand(40, 6).round()


def weights(*modules):
    return torch.cat([p.detach().flatten() for module in modules for p in module.parameters()])


def test_one_step_is_two_steps_of_adam_on_two_losses():
    model, objective, x = players()
    history = quiet(model, objective, x, steps=1, batch_size=40, lr=0.01, discriminator_lr=0.02)
    other_model, other_objective, _ = players()
    # The same by hand. A batch of everything comes in some order; losses do not depend on it, but
    # the noise does: so repeat the run's own order and noise.
    batches = Batches(x, 40, 0)
    first, second = batches[0], batches[1]
    with seeded(0):
        bound = other_objective(other_model, first, beta=1.0)
        with torch.no_grad():
            z = other_model.encode(second).sample()
        against = other_objective.discriminator_loss(bound.z.detach(), z).mean()
    assert history.loss == pytest.approx([-bound.value.mean().item()])
    assert history.discriminator_loss == pytest.approx([against.item()])
    parameters = [*other_model.parameters()]
    gradients = torch.autograd.grad(-bound.value.mean(), parameters)
    own = torch.autograd.grad(against, [*other_objective.parameters()])
    # Adam's first step has the size of the learning rate, against the sign of the gradient.
    for p, g in zip(parameters, gradients, strict=True):
        p.data -= 0.01 * g / (g.abs() + 1e-8)
    for p, g in zip(other_objective.parameters(), own, strict=True):
        p.data -= 0.02 * g / (g.abs() + 1e-8)
    assert torch.allclose(weights(model), weights(other_model), atol=2e-5)
    assert torch.allclose(weights(objective), weights(other_objective), atol=2e-5)


def test_a_run_is_a_function_of_its_arguments():
    runs = []
    for _ in range(2):
        model, objective, x = players()
        torch.rand(3)  # the global stream has no part in it
        before = torch.get_rng_state()
        history = quiet(model, objective, x, steps=7, log_every=3, seed=4, warmup=3)
        assert torch.equal(before, torch.get_rng_state())
        runs.append((weights(model, objective), history))
    assert torch.equal(runs[0][0], runs[1][0])
    assert runs[0][1].loss == runs[1][1].loss
    assert runs[0][1].step == [3, 6, 7]
    assert runs[0][1].beta == pytest.approx([2 / 3, 1, 1])
    wanted = {"distortion", "rate", "elbo", "total_correlation", "discriminator_loss", "seconds"}
    assert wanted <= set(runs[0][1].columns)


def test_learning_rate_may_be_a_function_of_the_updates():
    found = []
    for lr in (1e-3, lambda updates: 1e-3, lambda updates: 1e-3 / (1 + updates)):
        model, objective, x = players()
        quiet(model, objective, x, steps=3, lr=lr)
        found.append(weights(model))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_the_discriminator_learns_what_the_model_is():
    # Two latents that are both a copy of the same number: far from a product.
    encoder = DiagonalGaussian(nn.Identity(), 1, 2)
    with torch.no_grad():
        encoder.head.weight.copy_(torch.tensor([[1.0], [1.0], [0.0], [0.0]]))
        encoder.head.bias.copy_(torch.tensor([0.0, 0.0, -2.0, -2.0]))
    with seeded(0):
        model = VAE(
            encoder, GaussianLikelihood(nn.Linear(2, 1), (1,), sigma=1.0), StandardNormal(2)
        )
        objective, x = FactorELBO(2, 0.0), torch.randn(2000, 1)
    history = quiet(
        model, objective, x, steps=300, lr=1e-12, discriminator_lr=5e-3, batch_size=200,
        log_every=50,
    )  # fmt: skip
    variance, noise = x.var().item(), torch.tensor(-2.0).exp().item()
    correlation = variance / (variance + noise)
    exact = -0.5 * torch.tensor(1 - correlation**2).log().item()  # 0.75 nats
    assert history.discriminator_loss[0] > history.discriminator_loss[-1]
    assert history.total_correlation[-1] == pytest.approx(exact, abs=0.12)


class Spoiled(FactorELBO):
    """Not finite at one step, for the model or for the discriminator."""

    def __init__(self, whom, step):
        super().__init__(2, 5.0, hidden=(8,))
        self.whom, self.step, self.calls = whom, step, 0

    def forward(self, model, x, beta=1.0):
        self.calls += 1
        bound = super().forward(model, x, beta)
        if self.whom == "model" and self.calls == self.step:
            bound.distortion.data.fill_(torch.nan)
        return bound

    def discriminator_loss(self, z, other):
        loss = super().discriminator_loss(z, other)
        bad = self.whom == "discriminator" and self.calls == self.step
        return loss * torch.inf if bad else loss


@pytest.mark.parametrize(("whom", "term"), [("model", "distortion"), ("discriminator", "loss")])
def test_neither_moves_after_a_number_that_is_not_finite(whom, term):
    model, _, x = players()
    with seeded(3):
        objective = Spoiled(whom, 3)
        start = {name: value.clone() for name, value in objective.state_dict().items()}
    with pytest.raises(NonFiniteLoss, match=term) as error:
        quiet(model, objective, x, steps=9, log_every=5)
    assert error.value.step == 3
    wanted, same = players()[0], Spoiled("nobody", 0)
    same.load_state_dict(start)
    quiet(wanted, same, x, steps=2, log_every=5)
    assert torch.equal(weights(model, objective), weights(wanted, same))


def test_clipping_takes_each_gradient_by_its_own_norm(monkeypatch):
    # Adam hides the size of a gradient, so look at what the two guards are given.
    given = []

    class Watched(adversarial.Guard):
        def step(self, record, norm):
            given.append((self.clip, norm.item(), self.gradient_norm().item()))
            super().step(record, norm)

    monkeypatch.setattr(adversarial, "Guard", Watched)
    model, objective, x = players()
    history = quiet(model, objective, x, steps=1, clip=0.5)
    assert given == [
        (0.5, history.grad_norm[0], history.grad_norm[0]),
        (0.5, history.discriminator_grad_norm[0], history.discriminator_grad_norm[0]),
    ]
    assert given[0][1] > 0.5 > given[1][1]


def test_bad_arguments_are_refused_before_any_work():
    model, objective, x = players()
    before = weights(model, objective)
    for change, words in [
        ({"objective": elbo}, "objective is function, needs a module with a discriminator_loss"),
        ({"steps": 0}, "steps must be a whole number"),
        ({"lr": 0.0}, "lr is 0.0"),
        ({"discriminator_lr": -1.0}, "discriminator_lr is -1.0"),
        ({"beta": -1.0}, "beta is -1.0"),
        ({"clip": 0.0}, "clip is 0.0"),
        ({"images": x[:, :5]}, r"images has shape \(40, 5\)"),
        ({"batch_size": 41}, "needs at most the 40 images"),
    ]:
        arguments = {"model": model, "objective": objective, "images": x, "steps": 2} | change
        with pytest.raises(ValueError, match=words):
            quiet(**arguments)
    assert torch.equal(before, weights(model, objective))
