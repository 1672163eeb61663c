"""FactorVAE: permuted latents, and a discriminator held to the density ratio of a Gaussian."""

import pytest
import torch
from torch import nn
from torch.distributions import MultivariateNormal, Normal

from tests.statistics import assert_mean
from vae_course.information import gaussian_total_correlation
from vae_course.models import mlp_vae
from vae_course.objectives import FactorELBO, elbo, permute_dims
from vae_course.random import seeded

COVARIANCE = torch.tensor([[1.0, 0.6, 0.2], [0.6, 1.5, 0.0], [0.2, 0.0, 0.7]]).double()


class BestDiscriminator(nn.Module):
    """logit h of z ~ N(0, C): log N(z; 0, C) - Σ log N(z_i; 0, C_ii)."""

    def forward(self, z):
        scales = COVARIANCE.diagonal().sqrt()
        joint = MultivariateNormal(torch.zeros(3).double(), COVARIANCE).log_prob(z)
        return (joint - Normal(0.0, scales).log_prob(z).sum(-1))[..., None]


def gaussian_draws(count):
    return MultivariateNormal(torch.zeros(3).double(), COVARIANCE).sample((count,))


def factor(discriminator=None, latent_dim=3):
    with seeded(1):
        objective = FactorELBO(latent_dim, gamma=7.0, hidden=(8,)).double()
    if discriminator is not None:
        objective.discriminator = discriminator
    return objective


# Permuted latents --------------------------------------------------------------------------------


@pytest.mark.dtypes("float32", "float64")
def test_every_column_keeps_its_values(device, dtype):
    with seeded(0):
        z = torch.randn(50, 4).to(device, dtype)
        permuted = permute_dims(z)
    assert (permuted.dtype, permuted.device) == (z.dtype, z.device)
    assert torch.equal(permuted.sort(0).values, z.sort(0).values)
    assert not torch.equal(permuted, z)


def test_no_two_columns_are_permuted_alike():
    z = torch.arange(200.0)[:, None].expand(200, 3)
    with seeded(0):
        a, b, c = permute_dims(z).unbind(1)
    # Where columns went together, they would agree everywhere; by chance they do once in 200.
    assert max((a == b).sum(), (b == c).sum(), (a == c).sum()) < 20


def test_permuted_columns_are_uncorrelated_and_the_permutation_is_uniform(seed):
    with seeded(seed):
        z = gaussian_draws(20_000)
        permuted = permute_dims(z)
        first = torch.stack([permute_dims(torch.eye(4).double())[0] for _ in range(4000)])
    products = permuted[:, [0, 0, 1]] * permuted[:, [1, 2, 2]]
    assert_mean(products, 0.0, detects=0.15)
    assert_mean(z[:, [0, 0, 1]] * z[:, [1, 2, 2]], [0.6, 0.2, 0.0], detects=0.15)
    assert_mean(first, 0.25, detects=0.1)  # each of four values comes first equally often


# The discriminator -------------------------------------------------------------------------------


def test_the_best_discriminator_gives_the_total_correlation(seed):
    objective = factor(BestDiscriminator())
    with seeded(seed):
        ratio = objective.log_ratio(gaussian_draws(50_000))
    assert_mean(ratio, gaussian_total_correlation(COVARIANCE), detects=0.05)


def test_its_gradient_is_that_of_the_total_correlation(seed):
    # z = L ε. The ratio belongs to the present L and is held fixed; only the draws move.
    lower = torch.linalg.cholesky(COVARIANCE).requires_grad_()
    exact = gaussian_total_correlation(lower @ lower.T)
    (wanted,) = torch.autograd.grad(exact, lower)
    with seeded(seed):
        epsilon = torch.randn(40_000, 3).double()
    copies = lower.detach().expand(len(epsilon), 3, 3).clone().requires_grad_()
    z = (copies @ epsilon[..., None]).squeeze(-1)
    factor(BestDiscriminator()).log_ratio(z).sum().backward()
    assert_mean(copies.grad, wanted, detects=0.12)


def test_the_loss_is_least_at_the_density_ratio(seed):
    # logit h + a zᵀAz + b: the gradient of the loss by a and b is zero at the density ratio.
    class Moved(nn.Module):
        def __init__(self, scale, offset):
            super().__init__()
            self.scale, self.offset, self.best = scale, offset, BestDiscriminator()

        def forward(self, z):
            return self.scale * self.best(z) + self.offset

    with seeded(seed):
        z, other = gaussian_draws(20_000), gaussian_draws(20_000)

    def loss(scale, offset):
        with seeded(seed):  # the same permutation
            return factor(Moved(scale, offset)).discriminator_loss(z, other)

    h = 1e-3
    for moved in ((h, 0.0), (0.0, h)):
        slope = (loss(1 + moved[0], moved[1]) - loss(1 - moved[0], -moved[1])) / (2 * h)
        assert_mean(slope, 0.0, detects=0.06)
    best = loss(1.0, 0.0).mean()
    assert best < loss(0.0, 0.0).mean() == pytest.approx(0.6931, abs=1e-4)  # log 2: cannot tell
    assert best < loss(-1.0, 0.0).mean() and best < loss(2.0, 0.0).mean()


def test_a_trained_discriminator_finds_the_total_correlation():
    # logit h quadratic in z, as the density ratio is; full-batch Newton-like steps.
    class Quadratic(nn.Module):
        def __init__(self):
            super().__init__()
            self.form = nn.Parameter(torch.zeros(3, 3).double())
            self.offset = nn.Parameter(torch.zeros(()).double())

        def forward(self, z):
            return ((z @ self.form) * z).sum(-1, keepdim=True) + self.offset

    objective = factor(Quadratic())
    with seeded(0):
        z, other = gaussian_draws(20_000), gaussian_draws(20_000)
    optimizer = torch.optim.LBFGS(
        objective.parameters(), max_iter=60, line_search_fn="strong_wolfe"
    )

    def closure():
        optimizer.zero_grad()
        with seeded(0):
            loss = objective.discriminator_loss(z, other).mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    found = objective.log_ratio(z).mean().item()
    assert found == pytest.approx(gaussian_total_correlation(COVARIANCE).item(), abs=0.02)
    precision = torch.linalg.inv(COVARIANCE) - COVARIANCE.diagonal().reciprocal().diag()
    assert (objective.discriminator.form - (-0.5 * precision)).abs().max() < 0.05


# The objective -----------------------------------------------------------------------------------


@pytest.mark.dtypes("float32", "float64")
def test_the_objective_is_the_elbo_minus_gamma_times_the_ratio(device, dtype):
    with seeded(0):
        model, x = mlp_vae((5,), (6,), 3).to(device, dtype), torch.rand(9, 5).to(device, dtype)
    objective = factor().to(device, dtype)
    with seeded(2):
        bound = objective(model, x, beta=2.0)
    with seeded(2):
        plain = elbo(model, x, beta=2.0)
    ratio = objective.discriminator(bound.z).squeeze(-1)
    near = 1e-9 if dtype == torch.float64 else 1e-4
    assert bound.rate.tolist() == pytest.approx(plain.rate.tolist(), abs=near)
    assert bound.total_correlation.tolist() == pytest.approx(ratio.tolist(), abs=near)
    assert bound.elbo.tolist() == pytest.approx(plain.elbo.tolist(), abs=near)
    assert bound.value.tolist() == pytest.approx((plain.value - 7 * ratio).tolist(), abs=10 * near)
    assert {value.dtype for value in bound.terms.values()} == {dtype}


def test_the_gradient_reaches_the_encoder_through_the_ratio():
    with seeded(0):
        model, x = mlp_vae((5,), (6,), 3).double(), torch.rand(9, 5).double()
        bound = factor()(model, x)
    bound.total_correlation.mean().backward()
    assert model.encoder.head.weight.grad.abs().max() > 0
    assert all(p.grad is None for p in model.decoder.parameters())


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="gamma is -1"):
        FactorELBO(3, gamma=-1)
    with pytest.raises(ValueError, match="latent_dim must be a whole number"):
        FactorELBO(0)
    with pytest.raises(ValueError, match="z has shape"):
        permute_dims(torch.zeros(3))
    with pytest.raises(ValueError, match="beta is -1"):
        factor()(mlp_vae((5,), (6,), 3), torch.rand(2, 5), beta=-1.0)
