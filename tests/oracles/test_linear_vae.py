"""A linear VAE: its bound is exact, and training reaches the best likelihood there is."""

import torch
from torch.distributions import MultivariateNormal, kl_divergence

from vae_course.oracles import LinearGaussianVAE, ProbabilisticPCA, exact_elbo
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
