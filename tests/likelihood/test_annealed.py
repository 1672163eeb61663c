"""Annealed importance sampling against exact evidence: unbiased, from below, and closer."""

from math import sqrt

import pytest
import torch
from torch import nn
from torch.distributions import Independent, Normal

from tests.likelihood.annealing import NoReading, data, linear_vae
from tests.statistics import assert_mean, assert_z
from vae_course.conditional import GaussianLikelihood
from vae_course.likelihood import (
    annealed_importance_sampling,
    importance_sampled_log_likelihood,
)
from vae_course.likelihood.annealed import Path, anneal, schedule
from vae_course.models import VAE
from vae_course.oracles import QuadratureModel
from vae_course.random import seeded


def two_starts(device, dtype):
    """Two modes, σ = 1; the encoder is wider than the prior, and beside it."""
    encoder = Independent(Normal(torch.tensor([0.3]), torch.tensor([1.4])), 1)
    model = QuadratureModel(sigma=1.0, encoder=encoder, nodes=801).to(device, dtype)
    return model, torch.tensor([[1.5], [-0.3]], dtype=dtype, device=device)


@pytest.mark.parametrize("steps", [1, 2, 5, 20])
@pytest.mark.parametrize("start", ["prior", "encoder"])
def test_the_mean_weight_is_the_evidence_after_any_number_of_steps(
    device, dtype, seed, start, steps
):
    model, x = two_starts(device, dtype)
    exact = model.log_prob(x)
    with seeded(seed):
        estimate = annealed_importance_sampling(
            model, x, steps, chains=6_000, leapfrog_steps=3, start=start
        )
    assert_mean((estimate.log_weights - exact).exp(), 1.0, detects=0.35)
    below = (estimate.log_weights - exact).mean(0)
    assert (below < 0).all()


def test_more_steps_come_closer_from_below(device, dtype, seed):
    model, x = two_starts(device, dtype)
    exact = model.log_prob(x)
    errors = []
    with seeded(seed):
        for steps in (1, 5, 50):
            estimate = annealed_importance_sampling(model, x, steps, 2_000, leapfrog_steps=3)
            errors.append((estimate.log_weights - exact).mean().item())
    assert errors[0] < errors[1] < 2 * errors[2] < 0


def test_with_the_posterior_for_a_start_every_weight_is_the_evidence(device, dtype):
    vae = linear_vae(device, dtype, d=3, n=5, mixing=0.0, wider=0.0)
    x = data(vae, 4)
    with seeded(0):
        estimate = annealed_importance_sampling(vae, x, 5, 3, 2, start="encoder")
    exact = vae.exact().log_prob(x)
    torch.testing.assert_close(estimate.log_weights, exact.expand(3, -1), rtol=0, atol=1e-9)


def test_twenty_latents_where_samples_of_the_prior_are_off_by_tens(device, dtype, seed):
    # The best of 100,000 draws from the prior explains x worse than the posterior by tens of nats.
    # From the encoder, weighed or annealed, the error is below a twentieth of a nat.
    vae = linear_vae(device, dtype)
    x = data(vae)
    exact = vae.exact().log_prob(x).item()
    with seeded(seed):
        naive = VAE(vae.prior, vae.decoder, vae.prior_module)
        from_prior = importance_sampled_log_likelihood(naive, x, 100_000, chunk=20_000).item()
        weighed = importance_sampled_log_likelihood(vae, x, 50_000, chunk=10_000).item()
        annealed = annealed_importance_sampling(vae, x, 50, 3_000, 4, start="encoder")
    assert from_prior - exact < -20
    assert abs(weighed - exact) < 0.05
    assert abs(annealed.value.item() - exact) < 0.05
    weights = (annealed.log_weights[:, 0] - exact).exp()
    assert_mean(weights, 1.0, detects=0.13)


def test_annealing_from_the_prior_comes_within_three_nats(device, dtype):
    vae = linear_vae(device, dtype)
    x = data(vae)
    with seeded(0):
        estimate = annealed_importance_sampling(vae, x, 100, 20, 4)
    assert (estimate.value - vae.exact().log_prob(x)).abs().item() < 3


def test_the_path_is_that_of_power_posteriors(device, dtype, seed):
    # Linear with W²/σ² = 2: the variance of p(z) p(x|z)^τ is 1 / (1 + 2τ).
    decoder = GaussianLikelihood(nn.Linear(1, 1), (1,), sigma=1.0)
    with torch.no_grad():
        decoder.trunk.weight.fill_(sqrt(2))
        decoder.trunk.bias.zero_()
    model = QuadratureModel(decoder=decoder).to(device, dtype)
    x = torch.tensor([[0.8]], dtype=dtype, device=device)
    path = Path(model, x, "prior")
    step_size = torch.full((1,), 0.4, dtype=dtype, device=device)
    with seeded(seed):
        for power, variance in [(0.25, 2 / 3), (1.0, 1 / 3), (4.0, 1 / 9)]:
            z = path.sample(10_000)
            for _ in range(15):
                z, _ = path.move(z, power, step_size, 3)
            mean = power * sqrt(2) * 0.8 * variance
            assert_mean(z[:, 0, 0], mean, detects=0.1)
            assert_mean((z[:, 0, 0] - mean) ** 2, variance, detects=0.12)


def test_the_ends_of_the_chains_are_weighted_draws_from_the_posterior(device, dtype, seed):
    model, x = two_starts(device, dtype)
    _, covariance = model.posterior_moments(x)
    with seeded(seed):
        estimate = annealed_importance_sampling(model, x, 20, 6_000, leapfrog_steps=3)
    weights = estimate.log_weights.softmax(0)
    # A ratio of two means, with the standard error of a ratio.
    deviation = estimate.z[..., 0] ** 2 - covariance[:, 0, 0]
    error = (weights * deviation).square().sum(0).sqrt()
    assert_z((weights * deviation).sum(0), 0.0, error, detects=0.35)


def test_acceptance_is_near_its_target_for_every_example(device, dtype):
    vae = linear_vae(device, dtype, d=5, n=10)
    x = data(vae, 6)
    with seeded(0):
        estimate = annealed_importance_sampling(vae, x, 50, 8, 5)
    assert estimate.acceptance.shape == (6,)
    assert ((estimate.acceptance > 0.5) & (estimate.acceptance < 0.8)).all()
    # The posterior is narrower than the prior: the steps become smaller.
    assert (estimate.step_sizes[-1] < 0.6 * estimate.step_sizes[:10].mean(0)).all()


def passes(vae, run) -> list[torch.Size]:
    seen = []
    hook = vae.decoder.register_forward_hook(
        lambda module, inputs, out: seen.append(inputs[0].shape)
    )
    run()
    hook.remove()
    return seen


@pytest.mark.dtypes("float64", "float32")
def test_shapes_chunks_and_the_pilot_run(device, dtype):
    vae = linear_vae(device, dtype, d=3, n=5)
    x = data(vae, 5)
    with seeded(0):
        first = annealed_importance_sampling(vae, x, 4, 3, 2)
    assert first.log_weights.shape == (3, 5)
    assert first.value.shape == first.acceptance.shape == (5,)
    assert first.step_sizes.shape == (4, 5)
    assert first.z.shape == (3, 5, 3)
    assert first.value.dtype == first.z.dtype == dtype
    torch.testing.assert_close(first.value, first.log_weights.exp().mean(0).log())

    def again(**more):
        with seeded(0):
            annealed_importance_sampling(vae, x, 4, 3, 2, **more)

    # With the step sizes of an earlier run there is no pilot run of four chains.
    assert {shape[0] for shape in passes(vae, again)} == {4, 3}
    seen = passes(vae, lambda: again(step_sizes=first.step_sizes, chunk=2))
    assert {shape[:2] for shape in seen} == {(3, 2), (3, 1)}
    # A step: 1 pass for the weight, 2 for energies, 3 for gradients.
    assert len(seen) == 3 * 4 * 6


def test_step_sizes_of_one_example_are_its_own(device, dtype):
    vae = linear_vae(device, dtype, d=3, n=5)
    x = data(vae, 2)
    sizes = torch.tensor([0.1, 1e9], dtype=dtype, device=device).expand(6, 2)
    with seeded(0):
        estimate = annealed_importance_sampling(vae, x, 6, 50, 3, step_sizes=sizes)
    assert estimate.acceptance[0] > 0.9
    assert estimate.acceptance[1] == 0


def test_weights_take_the_steps_of_the_schedule():
    assert schedule(2) == [0, 1 / 16, 1]
    assert schedule([0, 0.3, 1]) == [0.0, 0.3, 1.0]
    # If no chain ever moves, log w is r(z) of the start, whatever the schedule.
    model, x = two_starts("cpu", torch.float64)
    path = Path(model, x, "encoder")
    z = path.sample(4)
    stuck = torch.full((7, 2), 1e12, dtype=torch.float64)
    end, log_weights, acceptance = anneal(path, z, schedule(7), stuck, 2)
    assert (end == z).all() and (acceptance == 0).all()
    wanted = model.log_joint(z, x) - model.encode(x).log_prob(z)
    torch.testing.assert_close(log_weights, wanted, rtol=1e-12, atol=1e-12)


def test_no_graph_is_kept_and_no_gradient_is_left():
    vae = linear_vae("cpu", torch.float32, d=3, n=5).requires_grad_()
    with torch.enable_grad():
        estimate = annealed_importance_sampling(vae, data(vae, 2), 3, 2, 2, start="encoder")
    for tensor in (estimate.log_weights, estimate.z, estimate.step_sizes, estimate.acceptance):
        assert not tensor.requires_grad
    assert all(parameter.grad is None for parameter in vae.parameters())


@pytest.mark.parametrize("start", ["prior", "encoder"])
def test_nothing_is_read_back_from_the_device(start):
    vae = linear_vae("cpu", torch.float32, d=3, n=5)
    x = data(vae, 2)
    with NoReading():
        annealed_importance_sampling(vae, x, 3, 2, 2, start=start)


def test_single_precision_agrees(device, seed):
    vae = linear_vae(device, torch.float32, d=3, n=5)
    x = data(vae)
    exact = vae.exact().log_prob(x)
    with seeded(seed):
        estimate = annealed_importance_sampling(vae, x, 20, 2_000, 3, start="encoder")
    assert_mean((estimate.log_weights - exact).exp(), 1.0, detects=0.2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": 0}, "steps must be a whole number of at least 1, got 0"),
        ({"steps": [0, 0.5]}, "powers that increase from 0 to 1"),
        ({"steps": [0, 0.5, 0.5, 1]}, "powers that increase from 0 to 1"),
        ({"chains": 0}, "chains must be a whole number of at least 1, got 0"),
        ({"leapfrog_steps": 0}, "leapfrog_steps must be a whole number"),
        ({"chunk": 0}, "chunk must be a whole number"),
        ({"start": "posterior"}, "start is 'posterior', needs 'prior' or 'encoder'"),
        ({"step_sizes": torch.ones(2)}, r"step_sizes has shape \(2,\), needs \(100, 2\)"),
        ({"x": torch.zeros(3)}, r"x has shape \(3,\), needs \(B, 5\)"),
    ],
)
def test_bad_arguments(arguments, message):
    vae = linear_vae("cpu", torch.float32, d=3, n=5)
    with pytest.raises(ValueError, match=message):
        annealed_importance_sampling(vae, **{"x": torch.zeros(2, 5), **arguments})
