"""A linear VAE: its bound is exact, and training reaches the best likelihood there is."""

from math import log, pi

import pytest
import torch
from torch.distributions import MultivariateNormal, kl_divergence

from vae_course.oracles import (
    LinearGaussianVAE,
    ProbabilisticPCA,
    exact_elbo,
    gaussian_rate,
    optimal_linear_vae,
    reverse_water_filling,
    train_linear_vae,
)
from vae_course.random import seeded


def correlated_data(device, dtype, count: int = 500, n: int = 6):
    with seeded(0):
        latents = torch.randn(count, 2, dtype=dtype) * torch.tensor([2.0, 1.0], dtype=dtype)
        x = latents @ torch.randn(2, n, dtype=dtype) + 0.5 * torch.randn(count, n, dtype=dtype)
    return (x + 1).to(device)


def test_gap_of_the_model_is_the_kl_to_its_posterior(device, dtype):
    with seeded(0):
        vae = LinearGaussianVAE(6, 2).to(device, dtype)
    x = correlated_data(device, dtype, 20)
    q = vae.encode(x)
    wanted = kl_divergence(
        MultivariateNormal(q.mean, q.variance.diag_embed()), vae.exact().posterior(x)
    )
    gap = vae.exact().log_prob(x) - exact_elbo(vae, x).elbo
    torch.testing.assert_close(gap, wanted, rtol=1e-10, atol=1e-10)


def test_exact_model_has_the_decoder_s_parameters(device, dtype):
    with seeded(0):
        vae = LinearGaussianVAE(6, 2).to(device, dtype)
    torch.nn.init.constant_(vae.decoder.log_sigma, -0.7)  # at 0 every power of σ is the same
    z = torch.tensor([[0.3, -1.0]], dtype=dtype, device=device)
    oracle, p_x = vae.exact(), vae.decode(z)
    torch.testing.assert_close(p_x.mean, z @ oracle.weight.T + oracle.mean)
    assert (p_x.stddev == oracle.sigma).all()


def test_beta_weighs_the_rate_of_the_exact_bound(device, dtype):
    vae, x = LinearGaussianVAE(6, 2).to(device, dtype), correlated_data(device, dtype, 5)
    bound = exact_elbo(vae, x, beta=3.0)
    torch.testing.assert_close(bound.value, -(bound.distortion + 3 * bound.rate))


def test_training_reaches_the_likelihood_of_probabilistic_pca(device, dtype):
    x = correlated_data(device, dtype)
    best = ProbabilisticPCA.fit(x, 2).log_prob(x).mean().item()
    with seeded(1):
        vae = LinearGaussianVAE(6, 2).to(device, dtype)
    optimizer = torch.optim.Adam(vae.parameters(), lr=0.03)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, total_iters=1200)
    start = exact_elbo(vae, x).elbo.mean().item()
    for _ in range(1200):
        optimizer.zero_grad()
        (-exact_elbo(vae, x).value.mean()).backward()
        optimizer.step()
        schedule.step()
    likelihood = vae.exact().log_prob(x).mean().item()
    bound = exact_elbo(vae, x).elbo.mean().item()
    assert start < best - 1
    assert best - 0.01 <= bound <= likelihood <= best + 1e-9
    # At the optimum the gap closes and the columns of W are orthogonal: the posterior is diagonal.
    weight = vae.decoder.trunk.weight.detach()
    cosine = torch.nn.functional.cosine_similarity(weight[:, 0], weight[:, 1], dim=0)
    assert abs(cosine.item()) < 0.05


def test_fixed_sigma_is_no_parameter(device, dtype):
    vae = LinearGaussianVAE(6, 2, sigma=0.3).to(device, dtype)
    assert not any("log_sigma" in name for name, _ in vae.named_parameters())
    assert vae.exact().sigma.item() == pytest.approx(0.3)
    assert vae.decode(torch.zeros(1, 2, dtype=dtype, device=device)).stddev.unique().item() == 0.3
    with pytest.raises(ValueError, match="needs 'shared' or a number"):
        LinearGaussianVAE(6, 2, sigma="per_component")
    with pytest.raises(ValueError, match=r"sigma is -1.0"):
        LinearGaussianVAE(6, 2, sigma=-1.0)


@pytest.mark.dtypes("float64", "float32")
@pytest.mark.parametrize("sigma", ["shared", 0.7])
def test_bound_read_off_the_decoder_is_that_of_its_matrices(device, dtype, sigma):
    with seeded(0):
        vae = LinearGaussianVAE(6, 2, sigma).to(device, dtype)
    x = correlated_data(device, dtype, 20)
    by_matrices, read_off = vae.exact().bound(x, vae.encode(x)), exact_elbo(vae, x)
    torch.testing.assert_close(read_off.distortion, by_matrices.distortion)
    torch.testing.assert_close(read_off.rate, by_matrices.rate)


OPERATING_POINTS = [(0.5, 1.0), (0.5, 4.0), (1.2, 0.3), (2.0, 1.0), (0.5, 100.0)]


@pytest.mark.parametrize("sigma, beta", OPERATING_POINTS)
def test_nothing_is_better_than_the_optimum(device, dtype, sigma, beta):
    x = correlated_data(device, dtype)
    best = optimal_linear_vae(x, 3, sigma, beta)
    value = exact_elbo(best, x, beta).value.mean()
    value.backward()
    for name, parameter in best.named_parameters():
        assert parameter.grad.abs().max() < 1e-10, name
    # Neither nearby, where a saddle would show itself, nor far away.
    for seed in range(60):
        other = optimal_linear_vae(x, 3, sigma, beta)
        step = 10.0 ** -(seed % 4)
        with seeded(seed), torch.no_grad():
            for parameter in other.parameters():
                parameter += step * torch.randn(parameter.shape).to(parameter)
            assert exact_elbo(other, x, beta).value.mean() < value


@pytest.mark.parametrize("sigma, beta", OPERATING_POINTS)
def test_optimum_lies_on_the_water_filling_curve(device, dtype, sigma, beta):
    x = correlated_data(device, dtype)
    vae = optimal_linear_vae(x, 6, sigma, beta)
    eigenvalues = torch.linalg.eigvalsh(torch.cov(x.T, correction=0)).flip(0)
    point = reverse_water_filling(eigenvalues, beta * sigma**2)
    q = vae.encode(x)
    kl_of_units = kl_divergence(q.base_dist, vae.prior.base_dist).mean(0)
    torch.testing.assert_close(kl_of_units, point.rates)
    bound = exact_elbo(vae, x)
    squared_error = 2 * sigma**2 * bound.distortion - 6 * sigma**2 * log(2 * pi * sigma**2)
    torch.testing.assert_close(squared_error.mean(), point.distortion)


def test_optimum_without_a_weight_is_probabilistic_pca(device, dtype):
    x = correlated_data(device, dtype)
    fitted = ProbabilisticPCA.fit(x, 2)
    vae = optimal_linear_vae(x, 2, fitted.sigma.item())
    torch.testing.assert_close(vae.exact().log_prob(x), fitted.log_prob(x))
    assert vae.exact().gap(x, vae.encode(x)).abs().max() < 1e-9
    # With a weight, it is the probabilistic PCA of the noise βσ².
    weighted = optimal_linear_vae(x, 2, fitted.sigma.item() / 2, beta=4.0)
    torch.testing.assert_close(weighted.exact().weight, vae.exact().weight)


def test_optimum_from_eigenvalues_alone(device, dtype):
    eigenvalues = torch.tensor([0.4, 3.0, 1.1], dtype=dtype, device=device)
    vae = optimal_linear_vae(eigenvalues, 3, sigma=1.0, beta=0.5)
    covariance = vae.exact().marginal.covariance_matrix.diagonal()
    wanted = (eigenvalues - 0.5).clamp_min(0) + 1.0  # w² + σ², each in its place
    torch.testing.assert_close(covariance, wanted)
    kl = 0.5 * (eigenvalues[[1, 2]] / 0.5).log()  # the strongest first; the last is unused
    x = eigenvalues.sqrt() * torch.tensor([1, 1, 1.0]).to(eigenvalues)  # x² = λ: as on average
    units = kl_divergence(vae.encode(x[None]).base_dist, vae.prior.base_dist)[0]
    torch.testing.assert_close(units, torch.cat([kl, kl.new_zeros(1)]))


def test_bad_operating_points_are_named():
    x = torch.ones(4, 3)
    for arguments, message in [
        ((torch.ones(2, 2, 2), 1, 1.0), "data has shape"),
        ((x, 0, 1.0), "latent_dim must be a whole number"),
        ((x, 2, 0.0), "sigma is 0.0"),
        ((x, 2, 1.0, 0.0), "beta is 0.0"),
    ]:
        with pytest.raises(ValueError, match=message):
            optimal_linear_vae(*arguments)


def data_of(eigenvalues, count: int = 64):
    """Examples whose covariance has exactly these eigenvalues, in directions turned at random."""
    n = len(eigenvalues)
    with seeded(0):
        x = torch.linalg.qr(torch.randn(count, n + 1, dtype=eigenvalues.dtype))[0]
        turn = torch.linalg.qr(torch.randn(n, n, dtype=eigenvalues.dtype))[0]
    x = x - x.mean(0)
    x = torch.linalg.svd(x[:, :n], full_matrices=False)[0] * count**0.5  # white, mean 0
    return x * eigenvalues.sqrt() @ turn.T


@pytest.mark.parametrize("seed_of_the_start", [0, 1])
def test_trained_models_lie_on_the_exact_curve_over_two_decades_of_beta(seed_of_the_start):
    eigenvalues, variance = torch.tensor([2, 0.8, 0.6, 0.3, 0.1]).double(), 0.5
    x = data_of(eigenvalues)
    for beta in torch.logspace(-1, 1, 9).tolist():
        vae = train_linear_vae(x, 5, variance**0.5, beta, seed_of_the_start)
        with torch.no_grad():
            bound = exact_elbo(vae, x)
        rate, distortion = bound.rate.mean(), bound.distortion.mean()
        squared_error = 2 * variance * (distortion - 2.5 * log(2 * pi * variance))
        curve = gaussian_rate(eigenvalues, squared_error)
        assert rate > curve - 1e-9  # nothing may be below the curve
        # Its point lies on the curve, and it is the point that belongs to its β.
        for wanted in (curve, reverse_water_filling(eigenvalues, beta * variance).rate):
            assert abs(rate - wanted) < max(0.01, 0.01 * wanted.item()), beta
