"""ControlVAE's controller: its formula, its bounds, and where it ends on a plant that is known."""

from math import exp

import pytest
import torch
from torch.distributions import kl_divergence

from vae_course.models import mlp_vae
from vae_course.objectives import ControlledELBO, elbo
from vae_course.oracles import LinearGaussianVAE
from vae_course.random import seeded
from vae_course.training import fit


def small_vae(device="cpu", dtype=torch.float32):
    with seeded(0):
        vae, x = mlp_vae((1, 4, 4), (8,), 3), torch.rand(20, 1, 4, 4)
    return vae.to(device, dtype), x.to(device, dtype)


def test_inside_its_bounds_beta_is_the_papers_formula():
    objective = ControlledELBO(2.0, 0.3, 0.05, bounds=(0.1, 9.0), start=1.0)
    errors = []
    for rate in [0.5, 1.0, 4.0, 3.0, 1.9, 2.5]:
        objective.move(torch.tensor(rate))
        errors.append(2.0 - rate)
        expected = 0.3 / (1 + exp(errors[-1])) - 0.05 * sum(errors) + 0.1 + (1.0 - 0.1)
        assert objective.weight.item() == pytest.approx(expected, rel=1e-6)


def test_too_small_a_rate_lowers_beta_and_a_bound_is_left_at_once():
    objective = ControlledELBO(1.0, 0.0, 0.1, bounds=(0.0, 1.0), start=0.5)
    for _ in range(1000):
        objective.move(torch.tensor(0.0))
    assert objective.weight.item() == 0.0
    objective.move(torch.tensor(2.0))  # a sum that had gone on would need 1000 steps
    assert objective.weight.item() == pytest.approx(0.1)
    for _ in range(1000):
        objective.move(torch.tensor(9.0))
    assert objective.weight.item() == 1.0
    objective.move(torch.tensor(0.0))
    assert objective.weight.item() == pytest.approx(0.9)


def test_it_ends_at_the_wanted_rate_with_the_multiplier():
    """λ = 4, σ = 1: rate ½ log(λ / β) of the optimum for each β; wanted 0.3, so β* = λ e^(−0.6)."""
    objective = ControlledELBO(0.3, 0.01, 0.2, bounds=(0.0, 10.0), start=0.1).double()
    for _ in range(3000):
        rate = 0.5 * (4.0 / objective.weight).log().clamp(min=0)
        objective.move(rate)
    assert rate.item() == pytest.approx(0.3, abs=1e-9)
    assert objective.weight.item() == pytest.approx(4 * exp(-0.6), abs=1e-8)


def test_a_linear_vae_in_training_ends_there_too():
    x = torch.tensor([[1.0], [-1.0]]).repeat(50, 1) * 2  # λ = 4
    with seeded(0):
        model = LinearGaussianVAE(1, 1, sigma=1.0)
    objective = ControlledELBO(0.3, 0.01, 0.02, bounds=(0.0, 10.0), start=1.0, samples=4)
    quick = {"batch_size": 100, "device": "cpu", "progress": False, "log_every": 300}
    fit(model, objective, x, 500, lr=1e-2, **quick)
    history = fit(model, objective, x, 600, lr=3e-3, **quick)
    assert history.rate[-1] == pytest.approx(0.3, abs=0.01)
    assert history.weight[-1] == pytest.approx(4 * exp(-0.6), rel=0.05)


@pytest.mark.dtypes("float64", "float32")
def test_value_and_gradient_are_those_of_the_beta_vae(device, dtype):
    vae, x = small_vae(device, dtype)
    objective = ControlledELBO(5.0, start=0.5).to(device)
    with seeded(1):
        ours = objective(vae, x)
    beta = objective.weight.item()
    with seeded(1):
        theirs = elbo(vae, x, beta=beta)
    assert ours.value.dtype == dtype and ours.terms["weight"].shape == (20,)
    assert ours.terms["weight"].dtype == dtype
    torch.testing.assert_close(ours.value, theirs.value)
    objective(vae, x)  # moves the buffer before the gradient is asked for
    for a, b in zip(
        torch.autograd.grad(ours.value.mean(), vae.parameters()),
        torch.autograd.grad(theirs.value.mean(), vae.parameters()),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def test_it_moves_in_training_only():
    vae, x = small_vae()
    objective = ControlledELBO(5.0, start=0.5)
    objective.eval()
    assert objective(vae, x).beta == 0.5
    assert objective.weight.item() == 0.5
    objective.train()
    first = objective(vae, x).beta.item()
    assert first != 0.5
    rate = kl_divergence(vae.encode(x), vae.prior).mean().item()
    assert first == pytest.approx(0.5 - 1e-3 * (5.0 - rate) + 0.01 / (1 + exp(5.0 - rate)))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rate": -1.0}, "rate is -1.0"),
        ({"integral": -0.1}, r"gains are 0.01 and -0.1"),
        ({"bounds": (1.0, 0.5)}, r"bounds and start are \(1.0, 0.5\)"),
        ({"start": 2.0}, r"bounds and start"),
        ({"samples": 0}, "samples"),
    ],
)
def test_bad_arguments_are_named(options, said):
    with pytest.raises(ValueError, match=said):
        ControlledELBO(**{"rate": 1.0, **options})
