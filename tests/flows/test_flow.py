"""A flow as a distribution: densities against closed forms, order, shapes, errors."""

from math import log, pi

import pytest
import torch
from torch.distributions import Independent, LogNormal, Normal

from tests.statistics import assert_mean
from vae_course.conditional import StandardNormal
from vae_course.flows import Composition, ElementwiseAffine, Flow, Inverse, Planar, Transform
from vae_course.random import seeded


class Exp(Transform):
    """y = e^x, elementwise."""

    def forward(self, x, context=None):
        return x.exp(), x.sum(-1)

    def inverse(self, y, context=None):
        return y.log(), -y.log().sum(-1)


class Sinh(Transform):
    """y = sinh x, elementwise."""

    def forward(self, x, context=None):
        return x.sinh(), x.cosh().log().sum(-1)

    def inverse(self, y, context=None):
        x = y.asinh()
        return x, -x.cosh().log().sum(-1)


def affine(log_scale: float, shift: float) -> ElementwiseAffine:
    layer = ElementwiseAffine(1).double()
    with torch.no_grad():
        layer.log_scale.fill_(log_scale)
        layer.shift.fill_(shift)
    return layer


def test_the_exponential_of_a_normal_is_log_normal(device):
    flow = Flow(StandardNormal(2), [Exp()]).double().to(device)
    x = torch.tensor([[0.1, 1.0], [2.0, 7.0]], dtype=torch.float64, device=device)
    wanted = LogNormal(torch.zeros(2).to(x), torch.ones(2).to(x)).log_prob(x).sum(-1)
    torch.testing.assert_close(flow.log_prob(x), wanted, atol=1e-12, rtol=0)


def test_the_first_of_the_list_is_next_to_the_noise(device):
    """x = 2 sinh z + 1: log p(x) = log N(z; 0, 1) - log 2 - log cosh z at z = arsinh((x - 1)/2)."""
    flow = Flow(StandardNormal(1), [Sinh(), affine(log(2), 1.0)]).double().to(device)
    x = torch.linspace(-6, 6, 7, dtype=torch.float64, device=device).unsqueeze(-1)
    z = ((x - 1) / 2).asinh()
    wanted = -0.5 * z.square() - 0.5 * log(2 * pi) - log(2) - z.cosh().log()
    torch.testing.assert_close(flow.log_prob(x), wanted.squeeze(-1), atol=1e-7, rtol=0)


def test_the_other_way_round():
    layer = Planar(2)
    x = torch.randn(4, 2)
    swapped = Inverse(layer)
    for wanted, got in zip(layer(x), swapped.inverse(x), strict=True):
        assert (wanted == got).all()
    for wanted, got in zip(layer.inverse(x), swapped(x), strict=True):
        assert (wanted == got).all()


def test_samples_follow_the_density(seed):
    flow = Flow(StandardNormal(1), [Sinh(), affine(log(2), 1.0)]).double()
    with seeded(seed):
        sample = flow.sample((20_000,))
    below = (sample[:, 0] < 0).double()
    wanted = Normal(0.0, 1.0).cdf(torch.tensor(-0.5, dtype=torch.float64).asinh())
    assert_mean(below, wanted, detects=0.05)


def test_gradients_pass_through_samples():
    flow = Flow(StandardNormal(2), [Planar(2), Planar(2)])
    value, log_prob = flow.rsample_and_log_prob((6,))
    (value.sum() + log_prob.sum()).backward()
    assert all(parameter.grad is not None for parameter in flow.parameters())
    assert not flow.sample((6,)).requires_grad
    assert flow().rsample((6,)).requires_grad


def test_a_distribution_of_a_batch_of_contexts():
    flow = Flow(StandardNormal(2), [Planar(2, context_features=3)])
    context = torch.randn(5, 3)
    distribution = flow(context)
    assert distribution.batch_shape == (5,)
    assert distribution.event_shape == (2,)
    x, log_prob = distribution.rsample_and_log_prob((7,))
    assert x.shape == (7, 5, 2)
    assert log_prob.shape == (7, 5)
    torch.testing.assert_close(distribution.log_prob(x), log_prob, atol=1e-4, rtol=1e-4)
    wider = distribution.expand((4, 5))
    assert wider.batch_shape == (4, 5)
    torch.testing.assert_close(wider.log_prob(x[:4]), distribution.log_prob(x[:4]))
    assert wider.rsample((7,)).shape == (7, 4, 5, 2)


def test_expand_without_a_context():
    flow = Flow(StandardNormal(2), [Planar(2)])
    wider = flow().expand((3,))
    assert wider.batch_shape == (3,)
    assert wider.sample((4,)).shape == (4, 3, 2)
    assert wider.log_prob(torch.zeros(3, 2)).shape == (3,)


def test_a_distribution_as_base():
    base = Independent(Normal(torch.zeros(2), torch.ones(2)), 1)
    flow = Flow(base, [ElementwiseAffine(2)]).double()
    assert flow.sample((3,)).dtype == torch.float64


def test_errors():
    with pytest.raises(ValueError, match="base is int, needs a Distribution"):
        Flow(3, [Exp()])
    with pytest.raises(ValueError, match="transforms is empty"):
        Composition([])
    flow = Flow(StandardNormal(2), [Exp()])
    with pytest.raises(ValueError, match=r"x has shape \(4, 3\), needs \(\.\.\., 2\)"):
        flow.log_prob(torch.zeros(4, 3))
    with pytest.raises(ValueError, match="x must be a floating-point tensor"):
        flow.log_prob(torch.zeros(4, 2, dtype=torch.long))
