"""Discretised logistic, continuous Bernoulli and the KL between a full and a diagonal Gaussian."""

from math import exp, log1p

import pytest
import torch
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

from tests.quadrature import nodes
from tests.statistics import assert_frequencies, assert_mean
from vae_course.distributions import ContinuousBernoulli, DiscretisedLogistic
from vae_course.random import seeded

TOLERANCE = {torch.float64: 1e-12, torch.float32: 5e-6}


# Discretised logistic -------------------------------------------------------------------------


@pytest.mark.dtypes("float64", "float32")
@pytest.mark.parametrize("levels", [2, 16, 256])
@pytest.mark.parametrize("loc", [-100.0, -0.3, 0.0, 0.5, 0.501, 1.0, 40.0])
@pytest.mark.parametrize("log_scale", [-12.0, -7.0, -5.5, -2.0, 3.0, 12.0])
def test_logistic_masses_sum_to_one(device, dtype, levels, loc, log_scale):
    loc = torch.tensor([loc], dtype=dtype, device=device)
    masses = DiscretisedLogistic(loc, torch.full_like(loc, log_scale), levels).masses
    assert masses.shape == (levels, 1)
    assert masses.dtype == dtype
    assert (masses >= 0).all()
    assert abs(masses.double().sum().item() - 1) <= TOLERANCE[dtype]


@pytest.mark.parametrize("log_scale", [-5.0, -2.0, 1.0])
@pytest.mark.parametrize("loc", [-0.2, 0.0, 0.37])
def test_logistic_masses_are_differences_of_its_distribution_function(
    device, dtype, loc, log_scale
):
    levels = 64
    loc = torch.tensor(loc, dtype=dtype, device=device)
    log_scale = torch.full_like(loc, log_scale)
    cumulative = DiscretisedLogistic(loc, log_scale, levels).masses.cumsum(0)
    edges = (torch.arange(levels - 1, dtype=dtype, device=device) + 0.5) / (levels - 1)
    wanted = ((edges - loc) / log_scale.exp()).sigmoid()
    torch.testing.assert_close(cumulative[:-1], wanted, atol=1e-12, rtol=0)


@pytest.mark.dtypes("float64", "float32")
@pytest.mark.parametrize("log_scale", [-30.0, -7.0, 0.0, 30.0])
@pytest.mark.parametrize("loc", [-100.0, 0.0, 1.0, 100.0])
@pytest.mark.parametrize("x", [0.0, 5 / 255, 1.0])
def test_logistic_far_pixel_has_finite_mass_and_gradient(device, dtype, x, loc, log_scale):
    loc = torch.tensor(loc, dtype=dtype, device=device, requires_grad=True)
    log_scale = torch.tensor(log_scale, dtype=dtype, device=device, requires_grad=True)
    log_mass = DiscretisedLogistic(loc, log_scale).log_prob(loc.new_tensor(x))
    assert log_mass.isfinite()
    assert log_mass <= 0
    for gradient in torch.autograd.grad(log_mass, (loc, log_scale)):
        assert gradient.isfinite()


@pytest.mark.parametrize("level", [0, 5])
def test_logistic_far_pixel_in_float32_keeps_its_digits(device, level):
    # Far out S(u) is exp(u), so at s = e^-7 the mass is exp(u) (1 - exp(-width)): -546 nats for
    # level 0, which has one edge only, where in float32 a difference of two sigmoids is zero.
    loc = torch.tensor(0.5, device=device, requires_grad=True)
    p = DiscretisedLogistic(loc, torch.full_like(loc, -7.0))
    log_mass = p.log_prob(loc.new_tensor(level / 255))
    scale = exp(-7)
    wanted = ((level + 0.5) / 255 - 0.5) / scale
    if level > 0:
        wanted += log1p(-exp(-1 / 255 / scale))
    assert abs(log_mass.item() / wanted - 1) < 1e-6
    (gradient,) = torch.autograd.grad(log_mass, loc)
    assert abs(gradient.item() * scale + 1) < 1e-6


def test_logistic_value_between_levels_counts_as_the_nearest(device, dtype):
    p = DiscretisedLogistic(torch.tensor(0.4, dtype=dtype, device=device), -2.0, levels=5)
    on = p.log_prob(torch.tensor([0.25, 0.75, 1.0], dtype=dtype, device=device))
    near = p.log_prob(torch.tensor([0.3, 0.65, 1.1], dtype=dtype, device=device))
    assert torch.equal(on, near)


@pytest.mark.parametrize("loc, log_scale", [(0.3, -2.0), (0.0, -1.0), (1.2, 0.5)])
def test_logistic_samples_have_its_masses(device, dtype, seed, loc, log_scale):
    p = DiscretisedLogistic(torch.tensor(loc, dtype=dtype, device=device), log_scale, levels=6)
    with seeded(seed):
        x = p.sample((40_000,))
    assert x.dtype == dtype
    grid = torch.linspace(0, 1, 6, dtype=dtype)
    assert_frequencies(x, grid, p.masses, detects=0.03)
    assert_mean(x, p.mean, detects=0.03)


def test_logistic_expands():
    p = DiscretisedLogistic(torch.tensor([0.2, 0.6]), torch.tensor(-2.0), levels=4)
    wide = p.expand((3, 2))
    x = torch.tensor([0.0, 1.0])
    assert wide.batch_shape == (3, 2)
    assert wide.sample((5,)).shape == (5, 3, 2)
    assert torch.equal(wide.log_prob(x), p.log_prob(x).expand(3, 2))


# Continuous Bernoulli -------------------------------------------------------------------------

LOGITS = [-100.0, -30.0, -3.0, -0.021, -0.019, -1e-6, 0.0, 1e-3, 0.019, 0.021, 0.7, 16.0, 100.0]


@pytest.mark.dtypes("float64", "float32")
@pytest.mark.parametrize("logit", LOGITS)
def test_continuous_bernoulli_integrates_to_one(device, dtype, logit):
    x, weights = nodes(0, 1)
    p = ContinuousBernoulli(torch.tensor(logit, dtype=dtype, device=device))
    density = p.log_prob(x.to(device, dtype)).double().exp().cpu()
    assert abs((weights * density).sum().item() - 1) <= 10 * TOLERANCE[dtype]
    assert abs((weights * density * x).sum().item() - p.mean.item()) <= 10 * TOLERANCE[dtype]


@pytest.mark.parametrize("logit", [-100.0, -3.0, 0.5, 30.0, 100.0])
def test_continuous_bernoulli_mean_in_closed_form(device, dtype, logit):
    p = ContinuousBernoulli(torch.tensor(logit, dtype=dtype, device=device))
    wanted = 1 / (1 - torch.tensor(-logit, dtype=torch.float64).exp()) - 1 / logit
    assert abs(p.mean.item() - wanted.item()) < 1e-14
    # not the mean, although it is often shown as one
    assert abs(p.probs.item() - p.mean.item()) > 0.005


@pytest.mark.parametrize("logit", [-10.0, -1.0, 0.0, 1e-2, 2.0, 10.0])
def test_continuous_bernoulli_equals_that_of_torch_where_torch_is_exact(device, dtype, logit):
    logit = torch.tensor(logit, dtype=dtype, device=device)
    x = torch.linspace(0, 1, 7, dtype=dtype, device=device)
    theirs = torch.distributions.ContinuousBernoulli(logits=logit)
    torch.testing.assert_close(
        ContinuousBernoulli(logit).log_prob(x), theirs.log_prob(x), atol=1e-10, rtol=0
    )
    torch.testing.assert_close(ContinuousBernoulli(logit).mean, theirs.mean, atol=1e-8, rtol=0)


@pytest.mark.dtypes("float64", "float32")
@pytest.mark.parametrize("logit", LOGITS)
@pytest.mark.parametrize("x", [0.0, 0.3, 1.0])
def test_continuous_bernoulli_gradient_is_x_minus_mean(device, dtype, logit, x):
    # True in every exponential family with natural parameter l and statistic x.
    logit = torch.tensor(logit, dtype=dtype, device=device, requires_grad=True)
    p = ContinuousBernoulli(logit)
    (gradient,) = torch.autograd.grad(p.log_prob(logit.new_tensor(x)), logit)
    assert abs(gradient.item() - (x - p.mean.item())) <= 10 * TOLERANCE[dtype]


@pytest.mark.parametrize("logit", [-30.0, -2.0, 0.0, 2.0, 30.0])
def test_continuous_bernoulli_samples(device, dtype, seed, logit):
    logit = torch.tensor(logit, dtype=dtype, device=device)
    p = ContinuousBernoulli(logit)
    with seeded(seed):
        x = p.sample((40_000,))
    assert ((x >= 0) & (x <= 1)).all()
    assert_mean(x, p.mean, detects=0.02)
    # The distribution function at q is (e^{lq} - 1) / (e^l - 1).
    steep = logit.abs() + 1e-9
    below = torch.special.expm1(-steep * 0.1) / torch.special.expm1(-steep)
    nearer_end = x if logit <= 0 else 1 - x
    if steep < 20:  # beyond, almost every draw is below
        assert_mean((nearer_end < 0.1).double(), below, detects=0.03)


def test_continuous_bernoulli_expands():
    p = ContinuousBernoulli(torch.tensor([0.2, -40.0]))
    wide = p.expand((3, 2))
    x = torch.tensor([0.0, 1.0])
    assert wide.sample((5,)).shape == (5, 3, 2)
    assert torch.equal(wide.log_prob(x), p.log_prob(x).expand(3, 2))


# KL between Gaussians -------------------------------------------------------------------------


def gaussian_pair(seed: int, device, dtype, d: int = 3):
    with seeded(seed):
        tril = (
            torch.randn(4, d, d, dtype=dtype).tril(-1)
            + torch.randn(4, d, dtype=dtype).exp().diag_embed()
        )
        q = MultivariateNormal(
            torch.randn(4, d, dtype=dtype).to(device), scale_tril=tril.to(device)
        )
        m, s = torch.randn(d, dtype=dtype).to(device), torch.randn(d, dtype=dtype).exp().to(device)
    return q, Independent(Normal(m, s), 1)


@pytest.mark.parametrize("which", range(5))
def test_kl_of_full_and_diagonal_gaussian_equals_that_of_two_full_ones(device, dtype, which):
    q, p = gaussian_pair(which, device, dtype)
    as_full = MultivariateNormal(p.mean, p.variance.diag_embed())
    wanted = kl_divergence(q, as_full)
    assert wanted.shape == (4,)
    torch.testing.assert_close(kl_divergence(q, p), wanted, rtol=1e-12, atol=1e-12)


def test_kl_of_full_and_diagonal_gaussian_by_monte_carlo(device, dtype, seed):
    q, p = gaussian_pair(1, device, dtype)
    with seeded(seed):
        z = q.sample((100_000,))
    kl = kl_divergence(q, p)
    assert_mean(q.log_prob(z) - p.log_prob(z), kl, detects=0.1 * kl.max().item())


def test_kl_to_something_else_is_not_claimed():
    q, _ = gaussian_pair(0, "cpu", torch.float64)
    laplace = Independent(torch.distributions.Laplace(torch.zeros(3), torch.ones(3)), 1)
    with pytest.raises(NotImplementedError):
        kl_divergence(q, laplace)
