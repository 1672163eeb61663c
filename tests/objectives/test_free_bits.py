"""Free bits: the formula, its gradient, and where the linear VAE ends under it."""

import functools

import pytest
import torch
from torch.distributions import kl_divergence

from vae_course.models import mlp_vae
from vae_course.objectives import FreeBits, elbo, free_bits
from vae_course.oracles import LinearGaussianVAE, exact_elbo
from vae_course.random import seeded


def linear_vae(device, dtype):
    with seeded(0):
        vae = LinearGaussianVAE(5, 3, sigma=1.0).to(device, dtype)
        with torch.no_grad():
            vae.encoder.mean.weight[1] *= 0.01  # one unit carries next to nothing
            vae.encoder.log_var.copy_(torch.tensor([-1.0, 0.01, -0.3]))
        return vae, torch.randn(40, 5, dtype=dtype).to(device)


def unit_rates(vae, x):
    """From the closed form, written out."""
    q = vae.encode(x)
    return 0.5 * (q.mean**2 + q.variance - 1 - q.variance.log())


@pytest.mark.dtypes("float64", "float32")
@pytest.mark.parametrize("groups", [None, (2, 1), (3,)])
def test_the_mean_is_the_papers_formula(device, dtype, groups):
    vae, x = linear_vae(device, dtype)
    with seeded(1):
        bound = free_bits(vae, x, 0.25, groups, beta=2.0)
    with seeded(1):
        plain = elbo(vae, x)
    rates = unit_rates(vae, x).mean(0).split([1] * 3 if groups is None else list(groups))
    charged = sum(max(0.25, part.sum().item()) for part in rates)
    assert bound.value.shape == bound.rate.shape == (40,) and bound.value.dtype == dtype
    assert bound.value.mean().item() == pytest.approx(
        -plain.distortion.mean().item() - 2 * charged, rel=1e-5
    )
    torch.testing.assert_close(bound.rate, plain.rate)
    torch.testing.assert_close(bound.elbo, plain.elbo)


def test_without_free_bits_it_is_the_elbo_on_average(device, dtype):
    vae, x = linear_vae(device, dtype)
    with seeded(1):
        bound = free_bits(vae, x, 0.0)
    torch.testing.assert_close(bound.value.mean(), bound.elbo.mean())


def test_gradient_is_that_of_the_units_above_and_zero_below(device, dtype):
    vae, x = linear_vae(device, dtype)
    rates = unit_rates(vae, x).mean(0)
    kappa = rates.sort().values[:2].mean().item()  # one unit below, two above
    above = rates > kappa
    assert above.sum() == 2
    bound = free_bits(vae, x, kappa)
    charged = -(bound.value + bound.distortion).mean()
    parameters = [vae.encoder.mean.weight, vae.encoder.mean.bias, vae.encoder.log_var]
    found = torch.autograd.grad(charged, parameters)
    wanted = torch.autograd.grad(unit_rates(vae, x).mean(0)[above].sum(), parameters)
    for gradient, expected in zip(found, wanted, strict=True):
        torch.testing.assert_close(gradient, expected)
        assert (gradient[~above] == 0).all()


def test_the_maximum_is_taken_of_the_mean_and_not_the_mean_of_maxima():
    rate = torch.tensor([0.0, 0.0, 0.0, 2.0])
    bound = FreeBits(torch.zeros(4), rate, 1.0, rate.mean(0, keepdim=True), kappa=0.5)
    assert bound.value.tolist() == [-0.5] * 4  # 0.875 would be the mean of maxima


# Where it ends ----------------------------------------------------------------------------------


EIGENVALUES = torch.tensor([0.9, 0.8, 0.7, 0.6], dtype=torch.float64)  # all below σ² = 1


def data():
    """Eight examples whose covariance is exactly diagonal with these eigenvalues."""
    half = torch.diag((4 * EIGENVALUES).sqrt())
    return torch.cat([half, -half])


def train(model, kappa, groups, steps=400):
    """Exact free bits, by LBFGS from where the model is; the units' rates at the end."""
    x = data()

    def bound():
        exact = exact_elbo(model, x)
        q = model.encode(x)
        rates = kl_divergence(q.base_dist, model.prior.base_dist)
        in_groups = torch.stack([part.sum(-1) for part in rates.split(groups, -1)], -1)
        return FreeBits(exact.distortion, exact.rate, 1.0, in_groups.mean(0), kappa)

    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 0.02 * 0.985**step
        optimizer.zero_grad()
        (-bound().value.mean()).backward()
        optimizer.step()
    return unit_rates(model, x).mean(0).detach()


def start(collapsed=False):
    with seeded(0):
        model = LinearGaussianVAE(4, 4, sigma=1.0).double()
    if collapsed:
        for parameter in model.parameters():
            torch.nn.init.zeros_(parameter)
    return model


@pytest.mark.parametrize(("groups", "total"), [([1, 1, 1, 1], 2.0), ([4], 0.5)])
def test_each_group_of_a_linear_vae_ends_at_kappa(groups, total):
    rates = train(start(), 0.5, groups)
    for part in rates.split(groups):
        assert part.sum().item() == pytest.approx(0.5, abs=2e-3)
    assert rates.sum().item() == pytest.approx(total, abs=8e-3)


def test_from_an_exact_collapse_nothing_moves():
    assert train(start(collapsed=True), 0.5, [1, 1, 1, 1], steps=30).max() < 1e-9


# Bad input --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"kappa": -0.1}, "kappa is -0.1"),
        ({"groups": (2, 2)}, r"groups are \[2, 2\], need sizes that sum to the 3 latents"),
        ({"samples": 0}, "samples"),
        ({"beta": -1.0}, "beta is -1.0"),
    ],
)
def test_bad_arguments_are_named(options, said):
    vae = mlp_vae((1, 4, 4), (8,), 3)
    with pytest.raises(ValueError, match=said):
        free_bits(vae, torch.rand(2, 1, 4, 4), **{"kappa": 0.1, **options})


def test_a_posterior_that_does_not_fall_apart_is_refused():
    vae = mlp_vae((1, 4, 4), (8,), 3, posterior="full")
    with pytest.raises(ValueError, match="the posterior is MultivariateNormal"):
        functools.partial(free_bits, kappa=0.1)(vae, torch.rand(2, 1, 4, 4))
