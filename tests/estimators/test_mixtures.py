"""Mixtures, with gradients in their weights."""

import pytest
import torch
from torch.distributions import (
    Categorical,
    Independent,
    MixtureSameFamily,
    Normal,
)

from tests.estimators.problems import assert_draws, assert_unbiased, gradients
from tests.statistics import assert_mean
from vae_course import seeded
from vae_course.estimators import (
    ImplicitMixture,
    compare,
    exact_gradient,
    pathwise,
    quadrature,
    score_function,
    stratified,
)


def mixture(phi):
    """φ: the weights' log odds; two locations; two log scales."""
    logits = torch.stack([torch.zeros_like(phi[..., 0]), phi[..., 0]], -1)
    components = Normal(phi[..., 1:3], phi[..., 3:5].exp())
    return ImplicitMixture(Categorical(logits=logits), components, validate_args=False)


PHI = torch.tensor([-0.8, -1.0, 1.5, -0.3, 0.2]).double()


def sine(z, phi):
    return (1.5 * z).sin() + 0.3 * z


def test_all_parameters_against_quadrature(seed):
    exact = exact_gradient(lambda q, f: quadrature(q, f, -12, 12), mixture, PHI, sine)
    for estimator in (pathwise, stratified):
        assert_unbiased(
            estimator, mixture, PHI, sine, exact, seed=seed, repeats=60_000, detects=0.06
        )


def test_the_weight_has_a_gradient(seed):
    """The ledger's case, f = z²: π₁ (1 - π₁)(E₁ z² - E₀ z²) in the log odds of component 1."""
    pi = 0.7

    def family(phi):
        logits = torch.stack([torch.zeros_like(phi[..., 0]), phi[..., 0]], -1)
        components = Normal(torch.tensor([-2.0, 1.0]).double().expand(*phi.shape[:-1], 2), 1.0)
        return ImplicitMixture(Categorical(logits=logits), components, validate_args=False)

    log_odds = torch.tensor([pi / (1 - pi)]).double().log()
    exact = pi * (1 - pi) * ((1 + 1) - (1 + 4))
    assert exact == pytest.approx(-0.63)
    for estimator, detects in ((pathwise, 0.05), (stratified, 0.03), (score_function, 0.1)):
        assert_unbiased(
            estimator,
            family,
            log_odds,
            lambda z, phi: z**2,
            exact,
            seed=seed,
            repeats=200_000,
            detects=detects,
        )


def test_the_draw_of_a_component_by_its_index_has_none(seed):
    """What a first attempt does: choose by an index, then reparameterise the chosen component."""

    def naive(q, f, samples):
        index = q.mixture_distribution.sample((samples,))
        z = q.component_distribution.rsample((samples,))
        return f(z.gather(-1, index[..., None]).squeeze(-1))

    found = gradients(naive, mixture, PHI, sine, seed=seed, repeats=20_000)
    assert (found[:, 0] == 0).all()
    exact = exact_gradient(lambda q, f: quadrature(q, f, -12, 12), mixture, PHI, sine)
    assert abs(exact[0]) > 0.3
    assert_mean(found[:, 1:], exact[1:], detects=0.1)  # the components are right


def test_stratified_in_two_dimensions(seed):
    """f = z₁ z₂: Σ π_i μ_i1 μ_i2. Derivative in the log odds and in the first mean."""

    def family(phi):
        logits = torch.stack([torch.zeros_like(phi[..., 0]), phi[..., 0]], -1)
        means = phi[..., 1:].unflatten(-1, (2, 2))
        return MixtureSameFamily(
            Categorical(logits=logits),
            Independent(Normal(means, torch.full_like(means, 0.5)), 1),
            validate_args=False,
        )

    phi = torch.tensor([0.4, 1.0, -0.5, 0.6, 2.0]).double()
    pi = phi[0].sigmoid().item()
    exact = torch.tensor(
        [
            pi * (1 - pi) * (0.6 * 2.0 + 0.5),
            (1 - pi) * -0.5,
            (1 - pi) * 1.0,
            pi * 2.0,
            pi * 0.6,
        ]
    )
    assert_unbiased(
        stratified,
        family,
        phi,
        lambda z, phi: z.prod(-1),
        exact,
        seed=seed,
        repeats=30_000,
        detects=0.06,
    )


def test_stratified_evaluates_every_component_and_varies_less(seed):
    with seeded(seed):
        both = compare({"a": pathwise, "b": stratified}, mixture, PHI, sine, 1, 5000)
    assert (both["a"].evaluations, both["b"].evaluations) == (1, 2)
    assert (both["b"].variance < both["a"].variance).all()


def test_draws_of_the_mixture(seed):
    with seeded(seed):
        draws = mixture(PHI).rsample((100_000,))
    assert_draws(draws, mixture(PHI), [-12, -2, -1, 0, 1, 2, 3, 12])


@pytest.mark.dtypes("float32", "float64")
def test_dtype_device_and_shape(seed, device, dtype):
    phi = PHI.to(device, dtype).expand(3, 5).clone().requires_grad_()
    with seeded(seed):
        z = mixture(phi).rsample((4,))
    assert z.shape == (4, 3) and z.dtype == dtype and z.device.type == device.type
    z.sum().backward()
    assert phi.grad.isfinite().all() and (phi.grad != 0).all()


def test_bad_input():
    two = Categorical(torch.ones(2))
    with pytest.raises(ValueError, match=r"has event shape \(3,\), needs \(\)"):
        ImplicitMixture(two, Independent(Normal(torch.zeros(2, 3), 1.0), 1))
    with pytest.raises(ValueError, match="q is Normal, needs a MixtureSameFamily"):
        stratified(Normal(0.0, 1.0), torch.sin)
    with pytest.raises(ValueError, match="samples must be a whole number"):
        stratified(MixtureSameFamily(two, Normal(torch.zeros(2), 1.0)), torch.sin, 0)


def test_a_narrow_mixture_and_a_far_draw_stay_finite():
    phi = torch.tensor([0.0, -30.0, 30.0, -4.0, -4.0]).double().requires_grad_()
    with seeded(0):
        z = mixture(phi).rsample((2000,))
    z.square().mean().backward()
    assert phi.grad.isfinite().all()
