"""Putting a VAE together from parts, and what does not fit."""

import pytest
import torch
from torch import nn
from torch.distributions import Independent, Normal

from vae_course.conditional import BernoulliLikelihood, DiagonalGaussian, StandardNormal
from vae_course.models import VAE


def normal(d: int):
    return Independent(Normal(torch.zeros(d), torch.ones(d)), 1)


def parts(d: int = 2, n: int = 4):
    return (
        DiagonalGaussian(nn.Identity(), n, d),
        BernoulliLikelihood(nn.Linear(d, n), (n,)),
        StandardNormal(d),
    )


def test_prior_moves_with_the_model(device, dtype):
    for prior in (StandardNormal(2), normal(2)):
        vae = VAE(*parts()[:2], prior).to(device, dtype)
        z = vae.prior.sample((3,))
        assert z.shape == (3, 2)
        assert z.dtype == dtype
        assert z.device.type == device.type


def test_state_survives_saving():
    vae, other = VAE(*parts()), VAE(*parts())
    other.load_state_dict(vae.state_dict())
    x = torch.rand(3, 4)
    assert torch.equal(vae.encode(x).mean, other.encode(x).mean)


@pytest.mark.parametrize("place, name", [(0, "encoder"), (1, "decoder"), (2, "prior")])
def test_part_that_is_neither_module_nor_distribution(place, name):
    wrong = list(parts())
    wrong[place] = lambda value: value
    with pytest.raises(ValueError, match=f"{name} is function, needs a module"):
        VAE(*wrong)


def test_dimensions_of_the_latent_must_agree():
    encoder, decoder, _ = parts()
    with pytest.raises(ValueError, match="encoder has 2 latent dimensions, prior has 3"):
        VAE(encoder, decoder, StandardNormal(3))
    with pytest.raises(ValueError, match=r"encoder has event shape \(3,\), prior has \(2,\)"):
        VAE(normal(3), decoder, StandardNormal(2))


def test_prior_must_have_one_axis():
    encoder, decoder, _ = parts()
    with pytest.raises(ValueError, match=r"prior has event shape \(\), needs \(d,\)"):
        VAE(encoder, decoder, Normal(torch.zeros(2), torch.ones(2)))


def test_decoder_must_know_the_shape_of_an_example():
    encoder, _, prior = parts()
    with pytest.raises(ValueError, match="decoder has no attribute event_shape"):
        VAE(encoder, nn.Linear(2, 4), prior)


def test_prior_must_return_a_distribution():
    class Zeros(nn.Module):
        def forward(self):
            return torch.zeros(2)

    with pytest.raises(ValueError, match=r"prior\(\) is Tensor, needs to be a Distribution"):
        VAE(*parts()[:2], Zeros())
