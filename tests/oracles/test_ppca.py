"""Probabilistic PCA: its closed forms agree with each other and with autograd."""

import pytest
import torch
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

from tests.statistics import assert_mean
from vae_course.oracles import ProbabilisticPCA
from vae_course.random import seeded


def model(seed: int, device, dtype, n: int = 6, d: int = 3) -> ProbabilisticPCA:
    with seeded(seed):
        weight, mean = torch.randn(n, d, dtype=dtype), torch.randn(n, dtype=dtype)
    return ProbabilisticPCA(weight.to(device), mean.to(device), 0.7)


def encoders(seed: int, device, dtype, batch: int = 8, d: int = 3):
    """Random Gaussian posteriors, diagonal and full: nothing to do with any model."""
    with seeded(seed):
        mean = torch.randn(batch, d, dtype=dtype).to(device)
        scale = torch.randn(batch, d, dtype=dtype).exp().to(device)
        lower = torch.randn(batch, d, d, dtype=dtype).to(device).tril(-1)
    yield Independent(Normal(mean, scale), 1)
    yield MultivariateNormal(mean, scale_tril=lower + scale.diag_embed())


def data(seed: int, device, dtype, batch: int = 8, n: int = 6):
    with seeded(seed):
        return 2 * torch.randn(batch, n, dtype=dtype).to(device)


@pytest.mark.parametrize("which", range(5))
def test_gap_is_the_kl_to_the_posterior(device, dtype, which):
    oracle, x = model(which, device, dtype), data(which, device, dtype)
    posterior = oracle.posterior(x)
    for q in encoders(which, device, dtype):
        as_full = MultivariateNormal(q.mean, _covariance(q))
        wanted = kl_divergence(as_full, posterior)
        assert wanted.min() > 0.1
        torch.testing.assert_close(oracle.gap(x, q), wanted, rtol=1e-10, atol=1e-10)


def _covariance(q):
    return q.covariance_matrix if hasattr(q, "covariance_matrix") else q.variance.diag_embed()


def test_gap_vanishes_at_the_posterior(device, dtype):
    oracle, x = model(0, device, dtype), data(0, device, dtype)
    gap = oracle.gap(x, oracle.posterior(x))
    torch.testing.assert_close(gap, torch.zeros_like(gap), rtol=0, atol=1e-10)


def test_marginal_and_posterior_satisfy_bayes(device, dtype):
    # log p(x) = log p(x|z) + log p(z) - log p(z|x), whatever z.
    oracle, x = model(1, device, dtype), data(1, device, dtype)
    with seeded(0):
        z = torch.randn(8, 3, dtype=dtype).to(device)
    p_x = Independent(Normal(z @ oracle.weight.T + oracle.mean, oracle.sigma), 1)
    joint = p_x.log_prob(x) + oracle.prior.log_prob(z)
    torch.testing.assert_close(
        oracle.log_prob(x), joint - oracle.posterior(x).log_prob(z), rtol=1e-11, atol=1e-11
    )


def test_distortion_by_monte_carlo(device, dtype, seed):
    oracle, x = model(2, device, dtype), data(2, device, dtype, batch=2)
    for q in encoders(2, device, dtype, batch=2):
        with seeded(seed):
            z = q.sample((40_000,))
        draws = -Independent(Normal(z @ oracle.weight.T + oracle.mean, oracle.sigma), 1).log_prob(x)
        exact = oracle.bound(x, q).distortion
        assert_mean(draws, exact, detects=0.15 * exact.max().item())


def sample_of(device, dtype, count: int = 300, n: int = 6):
    with seeded(4):
        scales = torch.linspace(2.0, 0.3, n, dtype=dtype)
        mixing = torch.randn(n, n, dtype=dtype)
        return (torch.randn(count, n, dtype=dtype) * scales @ mixing + 1).to(device)


@pytest.mark.parametrize("d", [1, 3, 5])
def test_fit_is_stationary(device, dtype, d):
    x = sample_of(device, dtype)
    fitted = ProbabilisticPCA.fit(x, d)
    parameters = [t.clone().requires_grad_() for t in (fitted.weight, fitted.mean, fitted.sigma)]
    mean_log_likelihood = ProbabilisticPCA(*parameters).log_prob(x).mean()
    for gradient in torch.autograd.grad(mean_log_likelihood, parameters):
        assert gradient.abs().max() < 1e-10


@pytest.mark.parametrize("d", [1, 3, 5])
def test_fit_is_a_maximum(device, dtype, d):
    x = sample_of(device, dtype)
    fitted = ProbabilisticPCA.fit(x, d)
    best = fitted.log_prob(x).mean()
    with seeded(0):
        for _ in range(20):
            weight = fitted.weight + 0.05 * torch.randn(6, d, dtype=dtype).to(device)
            assert ProbabilisticPCA(weight, fitted.mean, fitted.sigma).log_prob(x).mean() < best
    for factor in (0.9, 1.1):
        other = ProbabilisticPCA(fitted.weight, fitted.mean, fitted.sigma * factor)
        assert other.log_prob(x).mean() < best


def test_variance_of_the_noise_is_the_mean_of_the_discarded_eigenvalues(device, dtype):
    x = sample_of(device, dtype)
    fitted = ProbabilisticPCA.fit(x, 2)
    eigenvalues = torch.linalg.svdvals(x - x.mean(0)).square() / len(x)  # largest first
    assert abs(fitted.sigma.item() ** 2 / eigenvalues[2:].mean().item() - 1) < 1e-12
    # columns: orthogonal, strongest first, eigenvalue less noise
    gram = fitted.weight.T @ fitted.weight
    wanted = (eigenvalues[:2] - eigenvalues[2:].mean()).diag()
    torch.testing.assert_close(gram, wanted, rtol=1e-11, atol=1e-11)


def test_data_without_noise_are_refused(device, dtype):
    x = sample_of(device, dtype)
    flat = torch.cat([x, x @ torch.ones(6, 2, dtype=dtype, device=device)], 1)
    for degenerate in (x[:3], flat):
        with pytest.raises(ValueError, match="no variance outside"):
            ProbabilisticPCA.fit(degenerate, 2 if len(degenerate) == 3 else 6)


@pytest.mark.parametrize("d", [0, 6, 7])
def test_bad_latent_dimension(d):
    with pytest.raises(ValueError, match=f"latent_dim is {d}, needs 1 to 5"):
        ProbabilisticPCA.fit(torch.randn(20, 6), d)


def test_bad_parameters_and_data():
    weight, mean = torch.ones(4, 2), torch.zeros(4)
    with pytest.raises(ValueError, match=r"mean has shape \(3,\), needs \(4,\)"):
        ProbabilisticPCA(weight, torch.zeros(3), 1.0)
    with pytest.raises(ValueError, match="sigma is 0"):
        ProbabilisticPCA(weight, mean, 0.0)
    oracle = ProbabilisticPCA(weight, mean, 1.0)
    for call in (oracle.log_prob, oracle.posterior, lambda x: oracle.bound(x, None)):
        with pytest.raises(ValueError, match=r"x has shape \(3, 1\), needs \(B, 4\)"):
            call(torch.zeros(3, 1))
