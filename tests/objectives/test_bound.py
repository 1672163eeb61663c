"""The ELBO and its parts, held to closed forms and quadrature."""

from math import log, pi

import pytest
import torch
from torch import nn
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal, kl_divergence

from tests.quadrature import Outputs, nodes
from tests.statistics import assert_mean
from vae_course.conditional import BernoulliLikelihood, Constant, DiagonalGaussian, StandardNormal
from vae_course.models import VAE, mlp_autoencoder, mlp_vae
from vae_course.objectives import Bound, MonteCarloBound, elbo, squared_error
from vae_course.oracles import LinearGaussianVAE, exact_elbo
from vae_course.random import seeded


def linear_vae(device, dtype, n: int = 5, d: int = 2) -> LinearGaussianVAE:
    with seeded(0):
        vae = LinearGaussianVAE(n, d)
        with torch.no_grad():
            vae.encoder.log_var.copy_(torch.linspace(-1.0, 0.5, d))
            vae.decoder.log_sigma.fill_(-0.4)
    return vae.to(device, dtype)


def data(batch: int, n: int, device, dtype):
    with seeded(1):
        return torch.randn(batch, n, dtype=dtype).to(device)


@pytest.mark.dtypes("float64", "float32")
@pytest.mark.parametrize("samples", [1, 3])
def test_shapes(device, dtype, samples):
    vae = mlp_vae((1, 4, 4), (8,), 3).to(device, dtype)
    bound = elbo(vae, data(7, 16, device, dtype).sigmoid().reshape(7, 1, 4, 4), samples)
    for term in (bound.distortion, bound.rate, bound.value, bound.elbo):
        assert term.shape == (7,)
        assert term.dtype == dtype
        assert term.device.type == device.type


def test_value_weighs_the_rate_and_elbo_does_not():
    bound = Bound(torch.tensor([3.0, 5.0]), torch.tensor([1.0, 2.0]), beta=4.0)
    assert bound.value.tolist() == [-7.0, -13.0]
    assert bound.elbo.tolist() == [-4.0, -7.0]
    assert set(bound.terms) == {"distortion", "rate", "elbo"}
    assert bound.terms["elbo"].tolist() == [-4.0, -7.0]


def test_beta_changes_the_value_and_nothing_else(device, dtype):
    vae, x = linear_vae(device, dtype), data(6, 5, device, dtype)
    bounds = []
    for beta in (1.0, 0.0, torch.tensor(2.5, device=device, dtype=dtype)):
        with seeded(0):
            bounds.append(elbo(vae, x, beta=beta))
    for bound in bounds:
        assert torch.equal(bound.distortion, bounds[0].distortion)
        assert torch.equal(bound.rate, bounds[0].rate)
        assert torch.equal(bound.elbo, bounds[0].value)
    assert torch.equal(bounds[1].value, -bounds[0].distortion)
    torch.testing.assert_close(bounds[2].value, bounds[0].elbo - 1.5 * bounds[0].rate)


def test_terms_are_sums_over_components_with_every_constant(device, dtype):
    # The same draw as elbo makes, and the formulas of the two terms written out.
    vae, x = linear_vae(device, dtype), data(6, 5, device, dtype)
    with seeded(2):
        bound = elbo(vae, x)
    q = vae.encode(x)
    with seeded(2):
        z = q.rsample((1,))[0]
    sigma = vae.decoder.log_sigma.exp()
    error = (x - vae.decoder.trunk(z)).square().sum(1)
    distortion = error / (2 * sigma**2) + 5 / 2 * torch.log(2 * pi * sigma**2)
    rate = 0.5 * (q.mean**2 + q.variance - 1 - q.variance.log()).sum(1)
    torch.testing.assert_close(bound.distortion, distortion, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(bound.rate, rate, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(-bound.value.mean(), (distortion + rate).mean())


@pytest.mark.parametrize("samples", [1, 4])
def test_estimate_is_unbiased(device, dtype, seed, samples):
    vae = linear_vae(device, dtype)
    x = data(1, 5, device, dtype)
    exact = exact_elbo(vae, x)
    with seeded(seed):
        bound = elbo(vae, x.expand(20_000, -1), samples)
    torch.testing.assert_close(bound.rate[:1], exact.rate, rtol=1e-12, atol=1e-12)
    assert_mean(bound.distortion, exact.distortion[0], detects=0.4)
    assert_mean(bound.value, exact.value[0], detects=0.4)


def test_more_samples_have_less_variance(device, dtype, seed):
    vae = linear_vae(device, dtype)
    x = data(1, 5, device, dtype).expand(5_000, -1)
    with seeded(seed):
        one, sixteen = (elbo(vae, x, samples).distortion.var() for samples in (1, 16))
    assert 12 < one / sixteen < 20


class FreePosterior(nn.Module):
    """A diagonal posterior with parameters of its own for each example of one batch."""

    def __init__(self, mean, log_var):
        super().__init__()
        self.mean, self.log_var = nn.Parameter(mean), nn.Parameter(log_var)

    def forward(self, x):
        return Independent(Normal(self.mean, (0.5 * self.log_var).exp()), 1)


def test_gradient_is_unbiased(device, dtype, seed):
    # Twenty thousand copies of one example, each with its own encoder parameters: independent
    # draws of the gradient, compared with that of the exact ELBO.
    count = 20_000
    linear, x = linear_vae(device, dtype), data(1, 5, device, dtype)
    mean = torch.tensor([[0.3, -1.0]], dtype=dtype, device=device)
    log_var = torch.tensor([[-1.0, 0.5]], dtype=dtype, device=device)

    one = VAE(FreePosterior(mean, log_var), linear.decoder, linear.prior_module)
    exact = linear.exact().bound(x, one.encode(x)).value.sum()
    many = VAE(
        FreePosterior(mean.repeat(count, 1), log_var.repeat(count, 1)),
        linear.decoder,
        linear.prior_module,
    )
    with seeded(seed):
        estimate = elbo(many, x.expand(count, -1)).value.sum()
    for name in ("mean", "log_var"):
        (wanted,) = torch.autograd.grad(exact, getattr(one.encoder, name), retain_graph=True)
        (draws,) = torch.autograd.grad(estimate, getattr(many.encoder, name), retain_graph=True)
        assert_mean(draws, wanted[0], detects=0.3)


# A prior without a closed form (erratum E53) ----------------------------------------------------


def mixture_prior() -> MixtureSameFamily:
    components = Independent(Normal(torch.tensor([[-2.0], [2.0]]), torch.ones(2, 1)), 1)
    return MixtureSameFamily(Categorical(torch.tensor([0.5, 0.5])), components)


def vae_with_mixture_prior(device, dtype) -> VAE:
    posterior = DiagonalGaussian(nn.Identity(), 1, 1)
    with torch.no_grad():
        posterior.head.weight.zero_()
        posterior.head.bias.copy_(torch.tensor([1.5, 2 * log(0.6)]))
    decoder = BernoulliLikelihood(Outputs([0.3]), (1,))
    return VAE(posterior, decoder, mixture_prior()).to(device, dtype)


def test_rate_to_a_mixture_is_monte_carlo_and_unbiased(device, dtype, seed):
    z, weights = nodes(-4, 7, 400)
    q = Normal(torch.tensor(1.5, dtype=z.dtype), 0.6)
    log_p = torch.stack([Normal(m, 1.0).log_prob(z) for m in (-2.0, 2.0)]).logsumexp(0) - log(2)
    exact = (weights * q.log_prob(z).exp() * (q.log_prob(z) - log_p)).sum().item()
    assert abs(exact - 0.9802) < 5e-5

    vae = vae_with_mixture_prior(device, dtype)
    x = torch.ones(40_000, 1, device=device, dtype=dtype)
    with seeded(seed):
        bound = elbo(vae, x)
    assert isinstance(bound, MonteCarloBound)
    assert bound.rate.dtype == dtype
    assert_mean(bound.rate, exact, detects=0.1)
    with seeded(seed):
        assert_mean(elbo(vae, x[:10_000], samples=4).rate, exact, detects=0.1)


def test_rate_to_a_mixture_passes_gradient_to_the_encoder(device, dtype):
    vae = vae_with_mixture_prior(device, dtype)
    elbo(vae, torch.ones(3, 1, device=device, dtype=dtype)).rate.sum().backward()
    assert (vae.encoder.head.bias.grad != 0).all()


def test_closed_form_is_not_called_monte_carlo(device, dtype):
    bound = elbo(linear_vae(device, dtype), data(2, 5, device, dtype))
    assert type(bound) is Bound


@pytest.mark.parametrize("posterior", ["diagonal", "full"])
def test_rate_is_the_registered_closed_form(device, dtype, posterior):
    vae = mlp_vae((6,), (8,), 3, posterior=posterior).to(device, dtype)
    x = data(4, 6, device, dtype).sigmoid()
    bound = elbo(vae, x)
    assert type(bound) is Bound
    assert torch.equal(bound.rate, kl_divergence(vae.encode(x), vae.prior))


# Bad input, and the autoencoder's objective -----------------------------------------------------


@pytest.mark.parametrize("samples", [0, -1, 1.5, True, "2"])
def test_bad_number_of_samples(samples):
    with pytest.raises(ValueError, match="samples must be a whole number"):
        elbo(mlp_vae((4,), (3,), 2), torch.zeros(2, 4), samples)


def test_negative_beta():
    with pytest.raises(ValueError, match="beta is -1"):
        elbo(mlp_vae((4,), (3,), 2), torch.zeros(2, 4), beta=-1.0)


def test_parts_may_be_distributions(device):
    # Encoder, decoder and prior that are given, not learned: everything is known.
    q = Independent(Normal(torch.tensor([1.0]), torch.tensor([0.5])), 1)
    p_x = Independent(Normal(torch.zeros(1, 2, 2), torch.ones(1, 2, 2)), 3)
    vae = VAE(q, p_x, Independent(Normal(torch.zeros(1), torch.ones(1)), 1)).to(device)
    bound = elbo(vae, torch.ones(3, 1, 2, 2, device=device))
    assert bound.distortion.tolist() == pytest.approx([2 + 2 * log(2 * pi)] * 3)
    assert bound.rate.tolist() == pytest.approx([0.5 * (1 + 0.25 - 1 - log(0.25))] * 3)
    assert isinstance(vae.encoder, Constant)
    assert isinstance(VAE(q, p_x, StandardNormal(1)).decoder, Constant)


def test_squared_error_is_a_sum_over_components(device, dtype):
    model = mlp_autoencoder((1, 2, 3), (4,), 2).to(device, dtype)
    x = data(5, 6, device, dtype).reshape(5, 1, 2, 3)
    reconstruction = squared_error(model, x)
    wanted = ((x - model.decode(model.encode(x))) ** 2).sum((1, 2, 3))
    torch.testing.assert_close(reconstruction.squared_error, wanted)
    torch.testing.assert_close(reconstruction.value, -wanted)
