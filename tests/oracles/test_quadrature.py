"""The model with a bent posterior: against special functions, probabilistic PCA and polynomials."""

from math import erfc, log, pi, sqrt

import mpmath
import pytest
import torch
from torch import nn
from torch.distributions import Independent, MultivariateNormal, Normal

from tests.quadrature import nodes
from tests.statistics import assert_mean
from vae_course.conditional import GaussianLikelihood
from vae_course.objectives import elbo
from vae_course.oracles import ProbabilisticPCA, QuadratureModel
from vae_course.random import seeded

OBSERVED = [-1.0, 0.1, 1.5, 3.0, 8.0]


def model(device, dtype, d: int = 1, **arguments) -> QuadratureModel:
    return QuadratureModel(d, **arguments).to(device, dtype)


def data(device, dtype, values=OBSERVED):
    return torch.tensor(values, dtype=dtype, device=device)[:, None]


def gaussian(mean, log_sigma):
    return Independent(Normal(mean, log_sigma.exp(), validate_args=False), 1)


def log_evidence_of_one_latent(x: float, sigma: float) -> float:
    """With u = z²: a parabolic cylinder function (Gradshteyn & Ryzhik 3.462.1), to 30 digits."""
    with mpmath.workdps(30):
        x, sigma = mpmath.mpf(x), mpmath.mpf(sigma)
        quadratic, linear = 1 / (2 * sigma**2), mpmath.mpf(1) / 2 - x / sigma**2
        integral = (
            (2 * quadratic) ** mpmath.mpf(-0.25)
            * mpmath.gamma(0.5)
            * mpmath.exp(linear**2 / (8 * quadratic))
            * mpmath.pcfd(mpmath.mpf(-0.5), linear / mpmath.sqrt(2 * quadratic))
        )
        return float(
            mpmath.log(integral) - x**2 / (2 * sigma**2) - mpmath.log(2 * mpmath.pi * sigma)
        )


def log_evidence_of_two_latents(x: float, sigma: float) -> float:
    """With two latents ‖z‖² is exponential, and x an exponential plus Gaussian noise."""
    tail = 0.5 * erfc((sigma**2 / 2 - x) / sigma / sqrt(2))
    return log(0.5) - x / 2 + sigma**2 / 8 + log(tail)


@pytest.mark.parametrize("sigma", [0.2, 0.5, 1.0])
def test_evidence_of_one_latent(device, dtype, sigma):
    found = model(device, dtype, sigma=sigma).log_prob(data(device, dtype)).tolist()
    for x, value in zip(OBSERVED, found, strict=True):
        assert abs(value - log_evidence_of_one_latent(x, sigma)) < 1e-10


def test_evidence_of_two_latents(device, dtype):
    oracle, x = model(device, dtype, 2), data(device, dtype)
    for value, found in zip(OBSERVED, oracle.log_prob(x).tolist(), strict=True):
        assert abs(found - log_evidence_of_two_latents(value, 0.5)) < 1e-10
    assert oracle.error(x).max() < 1e-10


@pytest.mark.dtypes("float32")
def test_single_precision(device, dtype):
    found = model(device, dtype).log_prob(data(device, dtype)).tolist()
    for x, value in zip(OBSERVED, found, strict=True):
        assert abs(value - log_evidence_of_one_latent(x, 0.5)) < 1e-4


def test_evidence_integrates_to_one(device, dtype):
    x, weights = (t.to(device) for t in nodes(-5, 60, 300))
    density = model(device, dtype).log_prob(x[:, None]).exp()
    assert abs((density * weights).sum().item() - 1) < 1e-10


def polynomial_bound(x, mean, log_sigma, noise: float = 0.5):
    """E(x - z²)² of a Gaussian z is a polynomial; the rate has a closed form too."""
    s2 = (2 * log_sigma).exp()
    error = x**2 - 2 * x * (mean**2 + s2) + mean**4 + 6 * mean**2 * s2 + 3 * s2**2
    distortion = error / (2 * noise**2) + 0.5 * log(2 * pi * noise**2)
    rate = 0.5 * (mean**2 + s2 - 1 - 2 * log_sigma)
    return distortion, rate


def test_bound_and_its_gradient_are_those_of_the_polynomial(device, dtype):
    oracle, x = model(device, dtype), data(device, dtype)
    mean = data(device, dtype, [0.0, 1.2, -1.1, 3.0, 0.3]).requires_grad_()
    log_sigma = data(device, dtype, [-4.0, -1.5, 0.7, 0.0, -0.5]).requires_grad_()
    bound = oracle.bound(x, gaussian(mean, log_sigma))
    distortion, rate = polynomial_bound(x, mean, log_sigma)
    torch.testing.assert_close(bound.distortion, distortion[:, 0], rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(bound.rate, rate[:, 0], rtol=1e-11, atol=1e-11)
    found = torch.autograd.grad(bound.elbo.sum(), (mean, log_sigma))
    wanted = torch.autograd.grad(-(distortion + rate).sum(), (mean, log_sigma))
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)
    assert oracle.error(x, gaussian(mean, log_sigma)).max() < 1e-9


def test_gap_is_the_kl_by_another_rule(device, dtype):
    # Gauss-Legendre over z instead of equal steps over ε.
    oracle, x = model(device, dtype), data(device, dtype, [1.5])
    q = gaussian(data(device, dtype, [0.9]), data(device, dtype, [-1.0]))
    z, weights = (t.to(device) for t in nodes(-3, 5, 300))
    log_q = q.log_prob(z[:, None, None])
    log_ratio = log_q - oracle.posterior_log_prob(z[:, None, None], x)
    kl = (weights[:, None] * log_q.exp() * log_ratio).sum(0)
    assert kl.item() > 0.5
    torch.testing.assert_close(oracle.gap(x, q), kl, rtol=1e-10, atol=1e-10)


def test_without_a_q_the_encoder_is_taken(device, dtype):
    x = data(device, dtype, [1.5])
    oracle = model(device, dtype)
    torch.testing.assert_close(oracle.bound(x).rate, torch.zeros(1, dtype=dtype, device=device))
    assert oracle.bound(x).elbo < oracle.log_prob(x)


def test_the_posterior_has_two_modes(device, dtype):
    oracle, x = model(device, dtype), data(device, dtype, [1.5])
    mode = sqrt(1.5 - 0.5**2 / 2)
    z = data(device, dtype, [-mode, 0.0, mode]).requires_grad_()
    log_density = oracle.posterior_log_prob(z[:, None], x)[:, 0]
    (slope,) = torch.autograd.grad(log_density.sum(), z)
    assert slope.abs().max() < 1e-10
    assert log_density[0] == log_density[2] > log_density[1] + 3  # twenty times as dense
    # The best Gaussian takes one of the two: it misses half of the mass, which costs log 2.
    mean, log_sigma = data(device, dtype, [1.0]), data(device, dtype, [-1.0])
    parameters = [mean.requires_grad_(), log_sigma.requires_grad_()]
    optimizer = torch.optim.LBFGS(parameters, lr=0.5, max_iter=100, tolerance_grad=1e-12)

    def closure():
        optimizer.zero_grad()
        loss = oracle.gap(x, gaussian(*parameters)).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    gap = oracle.gap(x, gaussian(*parameters)).item()
    assert abs(mean.item() - mode) < 0.1
    assert log(2) < gap < log(2) + 0.05


@pytest.mark.parametrize("d", [1, 2])
def test_linear_decoder_is_probabilistic_pca(device, dtype, d):
    with seeded(0):
        linear = nn.Linear(d, 3)
        decoder = GaussianLikelihood(linear, (3,), sigma=0.7)
        oracle = QuadratureModel(d, decoder=decoder, nodes=301).to(device, dtype)
        x = torch.randn(4, 3, dtype=dtype).to(device)
        mean, lower = torch.randn(4, d, dtype=dtype), torch.randn(4, d, d, dtype=dtype)
    ppca = ProbabilisticPCA(linear.weight, linear.bias, 0.7)
    torch.testing.assert_close(oracle.log_prob(x), ppca.log_prob(x), rtol=0, atol=1e-10)
    for found, wanted in zip(
        oracle.posterior_moments(x),
        (ppca.posterior(x).mean, ppca.posterior(x).covariance_matrix),
        strict=True,
    ):
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-10)
    z = mean.to(device)
    torch.testing.assert_close(
        oracle.posterior_log_prob(z, x), ppca.posterior(x).log_prob(z), rtol=0, atol=1e-9
    )
    full = lower.tril(-1) + lower.diagonal(dim1=-2, dim2=-1).exp().diag_embed()
    for q in (
        gaussian(mean.to(device), lower[:, 0].to(device)),
        MultivariateNormal(mean.to(device), scale_tril=full.to(device)),
    ):
        found, wanted = oracle.bound(x, q, beta=2.0), ppca.bound(x, q, beta=2.0)
        torch.testing.assert_close(found.value, wanted.value, rtol=1e-10, atol=1e-9)
        torch.testing.assert_close(oracle.gap(x, q), ppca.gap(x, q), rtol=1e-9, atol=1e-9)


def test_a_power_above_one_concentrates_and_below_one_disperses(device, dtype):
    # Linear with W²/σ² = 2: the precision of the power posterior is 1 + 2 power.
    decoder = GaussianLikelihood(nn.Linear(1, 1), (1,), sigma=1.0)
    with torch.no_grad():
        decoder.trunk.weight.fill_(sqrt(2))
        decoder.trunk.bias.zero_()
    oracle, x = model(device, dtype, decoder=decoder), data(device, dtype, [0.8])
    with torch.no_grad():  # the weight's square root of two to all digits
        decoder.trunk.weight.fill_(sqrt(2))
    for power, variance in [(4.0, 1 / 9), (1.0, 1 / 3), (0.25, 2 / 3), (0.0, 1.0)]:
        mean, covariance = oracle.posterior_moments(x, power)
        assert abs(covariance.item() - variance) < 1e-10
        assert abs(mean.item() - power * sqrt(2) * 0.8 * variance) < 1e-10
    assert abs(oracle.log_prob(x, power=0.0).item()) < 1e-10


def test_expectations_under_the_posterior(device, dtype):
    # p(x|z) has the mean z²: so the derivative of log p by x is (E[z²|x] - x) / σ².
    oracle = model(device, dtype)
    x = data(device, dtype).requires_grad_()
    (slope,) = torch.autograd.grad(oracle.log_prob(x).sum(), x)
    second = oracle.posterior_expectation(lambda z: z**2, x.detach())
    torch.testing.assert_close((second - x) / 0.25, slope, rtol=1e-9, atol=1e-9)


def test_the_error_of_a_coarse_grid_is_seen(device, dtype):
    x = data(device, dtype, [1.5])
    exact = log_evidence_of_one_latent(1.5, 0.5)
    for arguments in ({"nodes": 31}, {"half_width": 1.3}):
        coarse = model(device, dtype, **arguments)
        error = abs(coarse.log_prob(x).item() - exact)
        assert error > 1e-3
        assert coarse.error(x).item() > 0.5 * error
    assert model(device, dtype).error(x).item() < 1e-12
    narrow = gaussian(data(device, dtype, [1.2]), data(device, dtype, [-1.0]))
    assert model(device, dtype, half_width=2.0).error(x, narrow).item() > 1e-2


def test_it_is_a_vae(device, dtype, seed):
    oracle, x = model(device, dtype), data(device, dtype, [1.5])
    with seeded(seed):
        draws = elbo(oracle, x.expand(20_000, -1)).distortion
        simulated = oracle.sample(20_000)
    # The distortion under the prior, exactly: polynomial_bound at μ = 0, σ = 1.
    zero = torch.zeros(1, 1, dtype=dtype, device=device)
    assert_mean(draws, polynomial_bound(x, zero, zero)[0].item(), detects=1.5)
    assert_mean(simulated[:, 0], 1.0, detects=0.15)


def test_bad_arguments():
    with pytest.raises(ValueError, match="latent_dim is 3, needs 1 or 2"):
        QuadratureModel(3)
    with pytest.raises(ValueError, match="nodes must be a whole number of at least 3, got 2"):
        QuadratureModel(nodes=2)
    with pytest.raises(ValueError, match="half_width is 0, needs a positive number"):
        QuadratureModel(half_width=0)
    with pytest.raises(ValueError, match=r"x has shape \(3,\), needs \(B, 1\)"):
        QuadratureModel().log_prob(torch.zeros(3))
