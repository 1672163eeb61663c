"""A decoder whose σ is always the best one for its batch (Rybkin et al. 2021)."""

import functools
from math import e, log, pi

import pytest
import torch
from torch import nn

from vae_course.conditional import GaussianLikelihood
from vae_course.models import mlp_vae
from vae_course.objectives import elbo
from vae_course.random import seeded
from vae_course.training import fit


def decoder(device, dtype, **options):
    with seeded(0):
        module = GaussianLikelihood(nn.Linear(2, 6), (6,), sigma="optimal", **options)
        z, x = torch.randn(4, 9, 2, dtype=dtype), torch.randn(9, 6, dtype=dtype)
    return module.to(device, dtype), z.to(device), x.to(device)


@pytest.mark.dtypes("float64", "float32")
def test_distortion_is_that_of_the_best_sigma(device, dtype):
    module, z, x = decoder(device, dtype)
    found = -module(z).log_prob(x)
    variance = (x - module.trunk(z)).square().mean()
    assert found.shape == (4, 9) and found.dtype == dtype
    assert found.mean().item() == pytest.approx(3 * log(2 * pi * e * variance.item()), rel=1e-5)
    assert module.log_sigma.item() == pytest.approx(0.5 * log(variance.item()), abs=1e-6)
    for factor in (0.9, 1.1):  # any other is worse
        other = torch.distributions.Normal(module.trunk(z), factor * variance.sqrt())
        assert -other.log_prob(x).sum(-1).mean() > found.mean() + 1e-3


def test_no_gradient_is_missing_although_none_passes_sigma(device, dtype):
    module, z, x = decoder(device, dtype)
    found = torch.autograd.grad(-module(z).log_prob(x).mean(), module.trunk.parameters())
    whole = 3 * (2 * pi * e * (x - module.trunk(z)).square().mean()).log()
    wanted = torch.autograd.grad(whole, module.trunk.parameters())
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b)


def test_in_evaluation_sigma_is_the_last_of_training(device, dtype):
    module, z, x = decoder(device, dtype)
    module(z).log_prob(x)
    last = module.log_sigma.exp().item()
    module.eval()
    p = module(z)
    assert torch.allclose(p.stddev, torch.full_like(p.stddev, last))
    one = module(z[:, :1]).log_prob(x[:1])
    torch.testing.assert_close(p.log_prob(x)[:, :1], one)  # an example depends on no other
    assert module.log_sigma.exp().item() == last
    assert "log_sigma" in module.state_dict()
    assert all(name.startswith("trunk") for name, _ in module.named_parameters())


def test_sigma_stays_above_its_floor(device, dtype):
    module, z, _ = decoder(device, dtype, min_sigma=0.05)
    with torch.no_grad():
        x = module.trunk(z)[0]
        log_prob = module(z[:1]).log_prob(x)
    assert module.log_sigma.item() == pytest.approx(log(0.05), abs=1e-6)
    assert log_prob.isfinite().all()


def test_a_model_trained_with_it_samples_with_it():
    with seeded(0):
        x = 0.3 * torch.randn(200, 1, 2, 2)  # noise: nothing to reconstruct
        likelihood = functools.partial(GaussianLikelihood, sigma="optimal")
        vae = mlp_vae((1, 2, 2), (8,), 2, likelihood=likelihood)
    fit(vae, elbo, x, 150, batch_size=100, lr=1e-2, device="cpu", progress=False, log_every=150)
    assert vae.decoder.log_sigma.exp().item() == pytest.approx(0.3, rel=0.15)
    vae.eval()
    with seeded(0):
        assert vae.sample(1000).std().item() == pytest.approx(0.3, rel=0.15)
