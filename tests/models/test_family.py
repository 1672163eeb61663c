"""A family is its members side by side: same numbers, own weights, own noise, padded latents."""

from functools import partial

import pytest
import torch
from torch import nn

from tests.statistics import assert_mean
from vae_course.conditional import (
    BernoulliLikelihood,
    DiagonalGaussian,
    GaussianLikelihood,
    StandardNormal,
)
from vae_course.models import VAE, conv_vae, mlp_vae, stack
from vae_course.objectives import elbo
from vae_course.oracles import LinearGaussianVAE, exact_elbo
from vae_course.random import seeded

SHAPE = (1, 4, 4)


def member(seed: int, latent_dim: int = 3, likelihood="bernoulli", **options):
    with seeded(seed):
        model = mlp_vae(SHAPE, (10, 6), latent_dim, likelihood, **options)
        for parameter in model.parameters():
            if parameter.dim() == 0:  # a learned σ: one of its own for each member
                parameter.data.fill_(-0.3 * seed)
        return model


def images(batch: int = 5, dtype=torch.float32):
    with seeded(9):
        return torch.rand(batch, *SHAPE, dtype=dtype)


fixed = partial(GaussianLikelihood, sigma=0.3)
LIKELIHOODS = ["bernoulli", "continuous_bernoulli", "gaussian", "gaussian_per_pixel", fixed]


@pytest.mark.dtypes("float64", "float32")
@pytest.mark.parametrize("sizes", [(3, 3, 3), (3, 1, 4)])
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_each_member_is_the_model_it_was_made_of(device, dtype, likelihood, sizes):
    models = [member(i, d, likelihood).to(device, dtype) for i, d in enumerate(sizes)]
    family = stack(models)
    assert (len(family), family.latent_dim, family.event_shape) == (3, max(sizes), SHAPE)
    x = images(dtype=dtype).to(device)
    q = family.encode(x)
    assert (q.batch_shape, q.event_shape) == ((3, 5), (max(sizes),))
    z = q.rsample((2,))
    p = family.decode(z)
    assert (p.batch_shape, p.event_shape) == ((2, 3, 5), SHAPE)
    log_prob = p.log_prob(x)
    assert log_prob.dtype == dtype
    assert log_prob.device.type == device.type
    for i, (model, d) in enumerate(zip(models, sizes, strict=True)):
        for ordinary in (model, family.member(i)):
            own = ordinary.encode(x)
            torch.testing.assert_close(q.mean[i, :, :d], own.mean)
            torch.testing.assert_close(q.stddev[i, :, :d], own.stddev)
            expected = ordinary.decode(z[:, i, :, :d]).log_prob(x)
            torch.testing.assert_close(log_prob[:, i], expected)


@pytest.mark.parametrize("posterior", ["diagonal", "full"])
def test_gradients_are_the_members_own(posterior):
    models = [member(i, likelihood="gaussian", posterior=posterior).double() for i in range(3)]
    family, x = stack(models), images(dtype=torch.float64)
    betas = torch.tensor([0.5, 1.0, 3.0], dtype=torch.float64)
    with seeded(1):
        bound = elbo(family, x, samples=2, beta=betas[:, None])
    assert bound.value.shape == bound.rate.shape == (3, 5)
    bound.value.sum().backward()
    with seeded(1):
        noise = torch.randn(2, 3, 5, 3, dtype=torch.float64)
    for i, model in enumerate(models):
        q = model.encode(x)
        scale = torch.diag_embed(q.stddev) if posterior == "diagonal" else q.scale_tril
        z = q.mean + (scale @ noise[:, i, :, :, None])[..., 0]
        distortion = -model.decode(z).log_prob(x).mean(0)
        rate = torch.distributions.kl_divergence(q, model.prior)
        value = -(distortion + betas[i] * rate)
        torch.testing.assert_close(bound.value[i], value)
        value.sum().backward()
        stacked = dict(family.named_parameters())
        for name, parameter in model.named_parameters():
            gradient = stacked[name].grad[i].reshape(parameter.shape)
            torch.testing.assert_close(gradient, parameter.grad, msg=f"member {i}, {name}")


def test_units_that_a_smaller_member_lacks_stay_at_the_prior():
    """Whatever the optimiser does with a zero gradient: here it also decays the weights."""
    family, x = stack([member(0, 1), member(1, 4)]), images()
    optimizer = torch.optim.AdamW(family.parameters(), lr=0.1)
    for _ in range(5):
        optimizer.zero_grad()
        (-elbo(family, x).value.mean(1).sum()).backward()
        # The decoder's weights would follow the noise of those units.
        assert (family.decoder.trunk[0].weight.grad[0, :, 1:] == 0).all()
        optimizer.step()
    q = family.encode(x)
    assert (q.mean[0, :, 1:] == 0).all()
    assert (q.stddev[0, :, 1:] == 1).all()
    by_unit = torch.distributions.kl_divergence(q.base_dist, family.prior.base_dist)
    assert (by_unit[0, :, 1:] == 0).all()
    assert (by_unit[0, :, 0] > 0).all()
    assert (by_unit[1] > 0).all()
    z = q.mean.clone()
    z[0, :, 1:] += 5
    assert torch.equal(family.decode(z).mean, family.decode(q.mean).mean)


def test_members_draw_noise_of_their_own(seed):
    family, x = stack([member(0), member(0)]), images(2000)
    with seeded(seed):
        q = family.encode(x)
        noise = (q.rsample() - q.mean) / q.stddev
    assert_mean((noise[0] * noise[1]).flatten(), 0.0, detects=0.2)


def test_data_may_differ_between_members():
    models = [member(i) for i in range(2)]
    family, x = stack(models), torch.stack([images(), 1 - images()])
    q = family.encode(x)
    for i, model in enumerate(models):
        torch.testing.assert_close(q.mean[i], model.encode(x[i]).mean)


def test_a_member_is_a_copy():
    model = member(0)
    family, x = stack([model, model]), images()
    before = family.encode(x).mean.clone()
    for changed in (model, family.member(0)):
        nn.init.zeros_(changed.encoder.head.weight)
    assert torch.equal(family.encode(x).mean, before)
    assert type(family.member(1)) is VAE


@pytest.mark.dtypes("float64", "float32")
@pytest.mark.parametrize("sigma", ["shared", 0.4])
def test_linear_family_has_the_exact_bound_of_its_members(dtype, sigma):
    with seeded(0):
        models = [LinearGaussianVAE(6, d, sigma=sigma).to(dtype) for d in (2, 4, 3)]
        x = torch.randn(7, 6, dtype=dtype)
    for i, model in enumerate(models):
        model.encoder.log_var.data.fill_(-0.1 * i)
        if sigma == "shared":
            model.decoder.log_sigma.data.fill_(0.2 * i)
    family = stack(models)
    bound = exact_elbo(family, x, beta=torch.tensor([[0.5], [1.0], [2.0]], dtype=dtype))
    bound.value.sum().backward()
    for i, (model, beta) in enumerate(zip(models, (0.5, 1.0, 2.0), strict=True)):
        own = exact_elbo(model, x, beta=beta)
        torch.testing.assert_close(bound.value[i], own.value)
        own.value.sum().backward()
        gradient = family.encoder.log_var.grad[i, 0]
        torch.testing.assert_close(gradient[: model.latent_dim], model.encoder.log_var.grad)
        assert (gradient[model.latent_dim :] == 0).all()
        assert isinstance(family.member(i), LinearGaussianVAE)


def scaled(slope):
    return mlp_vae(SHAPE, (6,), 2, activation=partial(nn.LeakyReLU, slope))


def odd(trunk):
    return VAE(
        DiagonalGaussian(trunk, 16, 2), BernoulliLikelihood(nn.Linear(2, 16), SHAPE),
        StandardNormal(2),
    )  # fmt: skip


@pytest.mark.parametrize(
    "models, message",
    [
        ([], "models is empty"),
        ([member(0), nn.Linear(2, 2)], "model 1 is Linear, needs a VAE"),
        ([conv_vae((1, 4, 4), (2,), 2)], "layers.0 is Conv2d, needs nn.Linear or a layer without"),
        ([odd(nn.Sequential(nn.Flatten(), nn.BatchNorm1d(16)))], "trunk.1 is BatchNorm1d, needs"),
        ([odd(nn.Flatten()), odd(nn.Identity())], "encoder.trunk of model 1 is .'Identity'"),
        ([member(0), mlp_vae((1, 4, 5), (10, 6), 3)], r"event shape \(1, 4, 5\), model 0 has"),
        ([member(0), mlp_vae(SHAPE, (10, 7), 3)], "only the numbers of latents, 3 and 3, may"),
        ([member(0), mlp_vae(SHAPE, (10,), 3)], "encoder.trunk of model 1"),
        ([scaled(0.1), scaled(0.2)], "negative_slope"),
        ([member(0, 3, fixed), member(0, 3, partial(fixed, sigma=0.2))], "log_sigma"),
        ([member(0, 3, posterior="full"), member(0, 2, posterior="full")], "numbers of latents"),
    ],
)
def test_what_cannot_be_stacked(models, message):
    with pytest.raises(ValueError, match=message):
        stack(models)


def test_bad_input_is_refused():
    family = stack([member(0), member(1)])
    with pytest.raises(ValueError, match=r"x has shape \(3, 5, 1, 4, 4\), needs"):
        family.encode(torch.zeros(3, 5, *SHAPE))
    with pytest.raises(ValueError, match=r"x has shape \(5, 16\), needs"):
        family.encode(torch.zeros(5, 16))
    with pytest.raises(ValueError, match=r"z has shape \(5, 3\), needs \(..., 2, B, 3\)"):
        family.decode(torch.zeros(5, 3))
    with pytest.raises(ValueError, match="index is 2, needs 0 to 1"):
        family.member(2)
