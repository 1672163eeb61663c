"""Controlled capacity, held to the linear VAE's closed form."""

from math import log

import pytest
import torch

from vae_course.models import mlp_vae
from vae_course.objectives import CapacityBound, RisingCapacity, capacity, elbo
from vae_course.oracles import LinearGaussianVAE, exact_elbo
from vae_course.random import seeded
from vae_course.training import fit


def small_vae(device="cpu", dtype=torch.float32):
    with seeded(0):
        vae, x = mlp_vae((1, 4, 4), (8,), 3), torch.rand(20, 1, 4, 4)
    return vae.to(device, dtype), x.to(device, dtype)


@pytest.mark.dtypes("float64", "float32")
@pytest.mark.parametrize("target", [0.0, 0.7, 25.0])
def test_value_is_minus_distortion_minus_the_weighted_distance(device, dtype, target):
    vae, x = small_vae(device, dtype)
    with seeded(1):
        bound = capacity(vae, x, target, 30.0, beta=0.5)
    with seeded(1):
        plain = elbo(vae, x)
    distance = abs(plain.rate.mean().item() - target)
    assert bound.value.shape == (20,) and bound.value.dtype == dtype
    assert bound.value.mean().item() == pytest.approx(
        -plain.distortion.mean().item() - 15.0 * distance, rel=1e-5
    )
    torch.testing.assert_close(bound.elbo, plain.elbo)


def test_at_zero_it_is_the_beta_vae(device, dtype):
    vae, x = small_vae(device, dtype)
    with seeded(1):
        ours = capacity(vae, x, 0.0, 4.0).value.mean()
    with seeded(1):
        theirs = elbo(vae, x, beta=4.0).value.mean()
    torch.testing.assert_close(ours, theirs)
    for a, b in zip(
        torch.autograd.grad(ours, vae.parameters()),
        torch.autograd.grad(theirs, vae.parameters()),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def test_above_the_rate_the_gradient_raises_it(device, dtype):
    """Far above, |R − C| pushes with weight γ towards a larger rate: the opposite of no weight."""
    vae, x = small_vae(device, dtype)
    weights = [*vae.encoder.parameters()]
    with seeded(1):
        bound = capacity(vae, x, 1e6, 1.0)
    found = torch.autograd.grad(bound.value.mean() + bound.distortion.mean(), weights)
    rate = torch.autograd.grad(elbo(vae, x).rate.mean(), weights)
    for a, b in zip(found, rate, strict=True):
        torch.testing.assert_close(a, b)


# The optimum ------------------------------------------------------------------------------------


def optimum(eigenvalue, target, gamma):
    """The rate of a linear VAE of one unit, σ = 1, trained on the exact objective."""
    x = torch.tensor([[1.0], [-1.0]], dtype=torch.float64) * eigenvalue**0.5
    with seeded(0):
        model = LinearGaussianVAE(1, 1, sigma=1.0).double()

    def loss():
        exact = exact_elbo(model, x)
        return -CapacityBound(exact.distortion, exact.rate, 1.0, target, gamma).value.mean()

    optimizer = torch.optim.Adam(model.parameters())
    for step in range(700):
        for group in optimizer.param_groups:
            group["lr"] = 0.1 * 0.99**step
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
    return exact_elbo(model, x).rate.mean().item()


@pytest.mark.parametrize(
    ("target", "gamma", "rate"),
    [
        (0.3, 1000.0, 0.3),
        (0.3, 1.0, 0.5 * log(4)),  # the ELBO's optimum: C is below it, and does nothing
        (1.5, 1.0, 1.5),  # above it, even γ = 1 holds
        (0.0, 1000.0, 0.0),
        (0.0, 1.0, 0.5 * log(4)),
    ],
)
def test_the_linear_vae_ends_where_the_closed_form_says(target, gamma, rate):
    assert optimum(4.0, target, gamma) == pytest.approx(rate, abs=2e-3)


# A capacity that rises --------------------------------------------------------------------------


def test_it_rises_with_the_updates_of_training_only():
    vae, x = small_vae()
    objective = RisingCapacity(6.0, 10.0, ramp=3)
    seen = [float(objective(vae, x).capacity) for _ in range(5)]
    assert seen == pytest.approx([0.0, 2.0, 4.0, 6.0, 6.0])
    objective.eval()
    assert [float(objective(vae, x).capacity) for _ in range(2)] == [6.0, 6.0]
    assert objective.updates.item() == 5


def test_the_rate_follows_in_training():
    vae, x = small_vae()
    objective = RisingCapacity(3.0, 100.0, ramp=300)
    fit(
        vae, objective, x, 500, batch_size=20, lr=3e-3, device="cpu", progress=False, log_every=500,
        validation=x,
    )  # fmt: skip
    assert objective.updates.item() == 500  # validation did not count
    assert elbo(vae, x).rate.mean().item() == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"capacity": -1.0}, "capacity is -1.0"),
        ({"gamma": -1.0}, "gamma is -1.0"),
        ({"samples": 0}, "samples"),
    ],
)
def test_bad_arguments_are_named(options, said):
    vae, x = small_vae()
    arguments = {"capacity": 1.0, "gamma": 1.0, **options}
    with pytest.raises(ValueError, match=said):
        capacity(vae, x, **arguments)
    with pytest.raises(ValueError, match=said):
        RisingCapacity(**arguments, ramp=10)
    with pytest.raises(ValueError, match="ramp"):
        RisingCapacity(1.0, 1.0, ramp=0)
