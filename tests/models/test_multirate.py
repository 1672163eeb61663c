"""One model for a range of β: what it is told, what it is weighed with, what it learns."""

from math import log

import pytest
import torch

from tests.statistics import assert_mean
from vae_course.data import load
from vae_course.models import VAE, MultiRateVAE, mlp_vae, multi_rate_elbo
from vae_course.objectives import elbo
from vae_course.random import seeded
from vae_course.training import evaluate, fit


def build(**options):
    with seeded(0):
        return MultiRateVAE((1, 4, 4), (10, 6), 3, low=0.1, high=10.0, **options)


def images(batch: int = 5, dtype=torch.float32):
    with seeded(1):
        return torch.rand(batch, 1, 4, 4, dtype=dtype)


@pytest.mark.dtypes("float64", "float32")
@pytest.mark.parametrize("likelihood", ["bernoulli", "continuous_bernoulli", "gaussian"])
def test_at_a_rate_it_is_an_ordinary_vae(device, dtype, likelihood):
    model = build(likelihood=likelihood).to(device, dtype)
    x = images(dtype=dtype).to(device)
    view = model.at(0.5)
    assert isinstance(view, VAE)
    assert (view.latent_dim, view.event_shape) == (3, (1, 4, 4))
    bound = elbo(view, x, samples=2, beta=0.5)
    assert bound.value.shape == (5,)
    assert bound.value.dtype == dtype
    assert view.sample(4).shape == (4, 1, 4, 4)
    (-bound.value.mean()).backward()
    assert all((parameter.grad != 0).any() for parameter in model.parameters())


def test_what_it_is_told_is_a_shift_of_the_first_layers():
    """u = -1, 0, 1 at β = 0.1, 1, 10: an ordinary VAE with other biases, in both networks."""
    model, plain, x = build(), mlp_vae((1, 4, 4), (10, 6), 3), images()
    for beta, u in [(0.1, -1.0), (1.0, 0.0), (10.0, 1.0)]:
        state = dict(model.state_dict())
        state["encoder.trunk.1.weight"] = state["encoder.trunk.0.0.weight"]
        state["encoder.trunk.1.bias"] = state["encoder.trunk.0.0.bias"]
        state["encoder.trunk.3.weight"] = state["encoder.trunk.0.2.weight"]
        state["encoder.trunk.3.bias"] = state["encoder.trunk.0.2.bias"]
        for layer in ("encoder.trunk.1", "decoder.trunk.0"):
            weight = state[f"{layer}.weight"]
            state[f"{layer}.weight"] = weight[:, :-1]
            state[f"{layer}.bias"] = state[f"{layer}.bias"] + u * weight[:, -1]
        plain.load_state_dict({name: state[name] for name in plain.state_dict()})
        view = model.at(beta)
        torch.testing.assert_close(view.encode(x).mean, plain.encode(x).mean)
        z = torch.randn(2, 5, 3)
        torch.testing.assert_close(view.decode(z).mean, plain.decode(z).mean)


def test_many_rates_at_once():
    model, x = build(), images()
    betas = torch.tensor([0.2, 1.0, 5.0])
    q, z = model.at(betas[:, None]).encode(x), torch.randn(2, 3, 5, 3)
    p = model.at(betas[:, None]).decode(z)
    assert (q.batch_shape, p.batch_shape) == ((3, 5), (2, 3, 5))
    own = model.at(torch.tensor([0.2, 1.0, 5.0, 1.0, 0.2])).encode(x).mean
    for i, beta in enumerate(betas.tolist()):
        view = model.at(beta)
        torch.testing.assert_close(q.mean[i], view.encode(x).mean)
        torch.testing.assert_close(p.mean[:, i], view.decode(z[:, i]).mean)
        torch.testing.assert_close(own[i], view.encode(x).mean[i])


def test_weights_are_log_uniform_and_those_that_the_networks_are_told(seed):
    model, x = build(), images(1).expand(4000, 1, 4, 4)
    with seeded(seed):
        bound = multi_rate_elbo(model, x, beta=0.5)
    drawn = bound.beta / 0.5  # `beta` multiplies the drawn ones
    assert drawn.shape == bound.value.shape == (4000,)
    assert (0.1 <= drawn.min()) & (drawn.max() <= 10)
    assert_mean(drawn.log() / log(10), 0.0, detects=0.12)  # uniform on [-1, 1]: variance 1/3
    assert_mean((drawn.log() / log(10)).square(), 1 / 3, detects=0.06)
    torch.testing.assert_close(bound.value, -(bound.distortion + bound.beta * bound.rate))
    rate = torch.distributions.kl_divergence(model.at(drawn).encode(x), model.at(1.0).prior)
    torch.testing.assert_close(bound.rate, rate)


def test_one_training_gives_less_rate_for_more_weight():
    digits = load("digits").images
    with seeded(0):
        model = MultiRateVAE((1, 8, 8), (32,), 4, low=0.1, high=20.0)
    fit(model, multi_rate_elbo, digits, 200, device="cpu", progress=False, lr=1e-2)
    found = [evaluate(model.at(beta), elbo, digits) for beta in (0.1, 0.6, 3.0, 20.0)]
    rates = [terms["rate"] for terms in found]
    distortions = [terms["distortion"] for terms in found]
    assert rates[0] > 1.2 * rates[1] > 2 * rates[2] > 5 * rates[3]
    assert distortions == sorted(distortions)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"low": 0.0}, "low and high are 0.0, 20.0"),
        ({"low": 3.0, "high": 2.0}, "low and high are 3.0, 2.0"),
        ({"likelihood": "gaussian_per_pixel"}, "likelihood is 'gaussian_per_pixel'"),
        ({"latent_dim": 0}, "latent_dim"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        MultiRateVAE((1, 4, 4), (6,), **arguments)


def test_a_rate_outside_the_range_is_refused():
    with pytest.raises(ValueError, match=r"beta is 11, the model is trained for 0.1 to 10.0"):
        build().at(11)
