"""The reference solutions of the exercises on collapse, against optima that are known exactly."""

import torch
from torch.distributions import Normal
from torch.nn.functional import mse_loss

from vae_course import exercises
from vae_course.objectives import ControlledELBO
from vae_course.objectives.target_rate import CapacityBound


def reference(id):
    return exercises.get(id).solution


def doubles(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_free_bits_charge_a_group_only_above_its_kappa():
    """One nat more in a group costs nothing below κ and one nat above it."""
    rates = doubles(20, 6).exp()
    kappa = 1.5
    for group in range(6):
        more = rates.clone()
        more[:, group] += 1.0
        before, after = (reference("collapse.free_bits")(r, kappa) for r in (rates, more))
        mean = float(rates[:, group].mean())
        assert abs(float(after - before) - (max(mean + 1, kappa) - max(mean, kappa))) < 1e-12


def test_free_bits_pull_only_on_groups_above_their_kappa():
    rates = doubles(20, 6).exp().requires_grad_()
    (gradient,) = torch.autograd.grad(reference("collapse.free_bits")(rates, 1.5), rates)
    above = rates.mean(0) > 1.5
    assert 0 < above.sum() < 6
    torch.testing.assert_close(gradient, above.double().expand(20, 6) / 20)


def test_free_bits_of_a_total_protect_one_unit_only_for_the_total():
    """The linear VAE with eigenvalues λ: the best KL of each unit under Σ max(κ, ½ log λ/s)."""
    rates = torch.tensor([[0.2, 0.2, 0.2, 0.2]], dtype=torch.float64)
    assert float(reference("collapse.free_bits")(rates, 0.5)) == 2.0  # all four are free
    assert (
        abs(float(reference("collapse.free_bits")(rates.sum(1, keepdim=True), 0.5)) - 0.8) < 1e-12
    )


def test_effective_beta_makes_the_two_losses_proportional():
    """mse + w R, and D + β R with D by torch's Normal: between models, one is a multiple."""
    x, rate = doubles(12, 30), doubles(3, seed=1).exp()
    guesses = doubles(3, 12, 30, seed=2)
    weight, sigma = (
        torch.tensor([0.3], dtype=torch.float64),
        torch.tensor([0.7], dtype=torch.float64),
    )
    beta = reference("collapse.effective_beta")(weight, 30, sigma)
    loss, bound = [], []
    for guess, r in zip(guesses, rate, strict=True):
        loss.append(mse_loss(guess, x) + weight * r)
        bound.append(-Normal(guess, sigma).log_prob(x).sum(-1).mean() + beta * r)
    loss, bound = torch.stack(loss), torch.stack(bound)
    torch.testing.assert_close(
        (bound[1] - bound[0]) / (bound[2] - bound[0]), (loss[1] - loss[0]) / (loss[2] - loss[0])
    )


def test_capacity_is_the_packages_with_a_capacity_that_rises():
    distortion, rate = 50 + 10 * doubles(9), 5 * doubles(9, seed=1).exp()
    for step, wanted in ((0, 0.0), (30, 4.0), (75, 10.0), (200, 10.0)):
        bound = CapacityBound(distortion, rate, capacity=wanted, gamma=30.0)
        found = reference("collapse.capacity")(distortion, rate, step, 75, 10.0, 30.0)
        torch.testing.assert_close(found, bound.value.mean())


def test_capacity_with_a_large_weight_holds_the_rate_of_a_linear_vae_at_the_capacity():
    """One latent, eigenvalue λ, decoder variance 1: rate R costs D = ½ λ e^(−2R), up to a constant.

    The rate that the ELBO would choose is ½ log λ. With γ = 1 and C below it, the capacity is
    ignored; with γ = 1000 it is kept.
    """
    eigenvalue, capacity = 4.0, 0.3
    rate = torch.linspace(0, 2, 20001, dtype=torch.float64)
    distortion = 0.5 * eigenvalue * (-2 * rate).exp()
    best = {}
    for gamma in (1.0, 1000.0):
        values = [
            reference("collapse.capacity")(d[None], r[None], 5, 5, capacity, gamma)
            for d, r in zip(distortion, rate, strict=True)
        ]
        best[gamma] = float(rate[torch.stack(values).argmax()])
    assert abs(best[1.0] - 0.6931) < 2e-4
    assert abs(best[1000.0] - capacity) < 1e-9


def test_the_controller_settles_at_the_beta_that_gives_the_target():
    """The plant: one latent of a linear VAE at its optimum, R = ½ log(λ/β). β* = λ e^(−2C)."""
    eigenvalue, target = 4.0, 0.3
    beta, integral = torch.tensor(1.0), torch.tensor(0.0)
    for _ in range(3000):
        rate = (0.5 * torch.log(eigenvalue / beta)).clamp(min=0)
        beta, integral = reference("collapse.controller")(
            rate, target, integral, k_p=0.01, k_i=0.05, beta_min=0.0, beta_max=10.0
        )
    assert abs(float(beta) - eigenvalue * torch.tensor(-2 * target).exp()) < 1e-4


def test_the_controller_is_the_packages():
    """Inside the bounds; behind one of them the package stops the sum, the exercise does not."""
    for rate, integral in ((3.0, 0.4), (5.5, 0.4), (5.5, 0.0), (60.0, 0.4), (0.0, 0.02)):
        package = ControlledELBO(5.0, proportional=0.3, integral=0.1, bounds=(0.1, 2.0))
        package.sum.fill_(integral)
        package.move(torch.tensor(rate))
        found = reference("collapse.controller")(
            torch.tensor(rate), 5.0, torch.tensor(integral), 0.3, 0.1, 0.1, 2.0
        )
        torch.testing.assert_close(found[0], package.weight)
        if 0.1 < found[0] < 2.0:
            torch.testing.assert_close(found[1], package.sum)


def test_cyclical_is_a_linear_warm_up_repeated():
    step = torch.arange(1000, dtype=torch.float64)
    found = reference("collapse.cyclical")(step, 1000, 4, 0.5)
    once = (torch.arange(250, dtype=torch.float64) / 125).clamp(max=1)
    torch.testing.assert_close(found, once.repeat(4))
    assert found[0] == found[250] == 0 and found[249] == found[-1] == 1
