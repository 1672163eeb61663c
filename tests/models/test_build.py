"""Every likelihood with every posterior, network, format and device; and the published sizes."""

from functools import partial

import pytest
import torch
from torch import nn

from vae_course.conditional import GaussianLikelihood
from vae_course.likelihood import importance_sampled_log_likelihood
from vae_course.models import conv_vae, likelihoods, mlp_autoencoder, mlp_vae, posteriors
from vae_course.networks import parameter_count
from vae_course.objectives import Bound, elbo
from vae_course.random import seeded

SHAPE = (2, 8, 4)


def build(network: str, likelihood, posterior: str = "diagonal"):
    if network == "mlp":
        return mlp_vae(SHAPE, (10, 6), 3, likelihood, posterior)
    return conv_vae(SHAPE, (4, 5), 3, likelihood, posterior)


def images(likelihood, device, dtype, batch: int = 5):
    with seeded(0):
        x = torch.rand(batch, *SHAPE, dtype=dtype)
    if likelihood == "bernoulli":
        x = x.round()
    elif likelihood == "discretised_logistic":
        x = (255 * x).round() / 255
    return x.to(device)


@pytest.mark.dtypes("float64", "float32")
@pytest.mark.parametrize("network", ["mlp", "conv"])
@pytest.mark.parametrize("posterior", posteriors)
@pytest.mark.parametrize("likelihood", likelihoods)
def test_every_combination(device, dtype, likelihood, posterior, network):
    with seeded(0):
        vae = build(network, likelihood, posterior).to(device, dtype)
    x = images(likelihood, device, dtype)
    assert vae.event_shape == SHAPE
    assert vae.latent_dim == 3

    q = vae.encode(x)
    assert (q.batch_shape, q.event_shape) == ((5,), (3,))
    z = q.rsample((2,))
    p_x = vae.decode(z)
    assert (p_x.batch_shape, p_x.event_shape) == ((2, 5), SHAPE)
    assert p_x.mean.shape == (2, 5, *SHAPE)
    assert vae.decode(z[0, 0]).batch_shape == ()
    samples = vae.sample(4)
    assert samples.shape == (4, *SHAPE)
    log_likelihood = importance_sampled_log_likelihood(vae, x, samples=3)

    bound = elbo(vae, x, samples=2)
    assert type(bound) is Bound
    for result in (z, p_x.log_prob(x), samples, log_likelihood, bound.value):
        assert result.dtype == dtype
        assert result.device.type == device.type
        assert result.isfinite().all()
    assert bound.value.shape == log_likelihood.shape == (5,)

    (-bound.value.mean()).backward()
    for name, parameter in vae.named_parameters():
        assert parameter.grad.isfinite().all(), name
        assert (parameter.grad != 0).any(), name


@pytest.mark.parametrize("network", ["mlp", "conv"])
@pytest.mark.parametrize("posterior", posteriors)
@pytest.mark.parametrize("likelihood", likelihoods)
def test_autocast_keeps_the_bound_in_float32_and_near_it(device, likelihood, posterior, network):
    with seeded(0):
        vae = build(network, likelihood, posterior).to(device)
    x = images(likelihood, device, torch.float32)
    with seeded(1):
        wanted = elbo(vae, x)
    with seeded(1), torch.autocast(device.type, torch.bfloat16):
        bound = elbo(vae, x)
    (-bound.value.mean()).backward()
    assert bound.distortion.dtype == bound.rate.dtype == torch.float32
    torch.testing.assert_close(bound.elbo, wanted.elbo, rtol=0.02, atol=0.05)
    assert all(p.grad.isfinite().all() for p in vae.parameters())


def test_samples_are_draws_from_the_likelihood_not_means():
    vae = mlp_vae((1, 4, 4), (8,), 2)
    with seeded(0):
        x = vae.sample(20)
    assert set(x.unique().tolist()) == {0.0, 1.0}
    assert not x.requires_grad


def test_mlp_of_the_published_size():
    vae = mlp_vae((1, 28, 28), hidden=(512, 256), latent_dim=16)
    encoder = 785 * 512 + 513 * 256 + 257 * 32
    decoder = 17 * 256 + 257 * 512 + 513 * 784
    assert parameter_count(vae.encoder) == encoder
    assert parameter_count(vae.decoder) == decoder
    assert parameter_count(vae) == encoder + decoder == 1_079_600
    assert [type(layer) for layer in vae.decoder.trunk][-1] is nn.Linear
    assert vae.encoder.trunk(torch.zeros(2, 1, 28, 28)).shape == (2, 256)
    assert isinstance(vae.encoder.trunk[-1], nn.ReLU)  # what the heads read is not linear in x


def test_convolutions_of_the_published_size():
    vae = conv_vae((1, 28, 28), channels=(16, 32), latent_dim=8)
    stages = (16 * 16 + 16) + (16 * 16 * 32 + 32)
    assert parameter_count(vae.encoder) == stages + 16 * (32 * 49 + 1)
    stages = (16 * 32 * 16 + 16) + (16 * 16 + 1)
    assert parameter_count(vae.decoder) == 9 * 32 * 49 + stages
    assert vae.decoder.trunk(torch.zeros(3, 8)).shape == (3, 1, 28, 28)


def test_autoencoder_has_the_layers_of_the_mlp():
    autoencoder = mlp_autoencoder((1, 28, 28), (512, 256), 16)
    vae = mlp_vae((1, 28, 28), (512, 256), 16)
    # one number for each latent instead of two
    assert parameter_count(vae) - parameter_count(autoencoder) == 257 * 16
    x = torch.rand(3, 1, 28, 28)
    z = autoencoder.encode(x)
    assert z.shape == (3, 16)
    assert (z < 0).any()  # the code is linear at its end
    assert autoencoder.decode(z).shape == x.shape
    assert autoencoder.decode(z.reshape(3, 1, 16)).shape == (3, 1, 1, 28, 28)


def test_likelihood_may_be_a_callable():
    fixed = partial(GaussianLikelihood, sigma=0.1)
    p_x = build("conv", fixed).decode(torch.zeros(2, 3))
    assert p_x.stddev.unique().item() == pytest.approx(0.1)
    per_pixel = partial(GaussianLikelihood, sigma="per_component", min_sigma=0.3)
    p_x = build("mlp", per_pixel).decode(torch.zeros(2, 3))
    assert p_x.stddev.min() >= 0.3


@pytest.mark.parametrize("make", [mlp_vae, conv_vae])
def test_unknown_names_list_the_known_ones(make):
    with pytest.raises(ValueError, match=r"likelihood is 'poisson', needs one of .*'gaussian'"):
        make(likelihood="poisson")
    with pytest.raises(ValueError, match=r"posterior is 'flow', needs one of .*'full'"):
        make(posterior="flow")
