"""Gumbel-softmax and straight-through: draws, density, and the bias, held to enumeration."""

from functools import partial

import pytest
import torch
from torch.distributions import (
    Independent,
    Normal,
    OneHotCategorical,
    RelaxedOneHotCategorical,
)

from tests.estimators.problems import gradients
from tests.quadrature import nodes
from tests.statistics import assert_mean, assert_z
from vae_course import seeded
from vae_course.estimators import (
    RelaxedOneHot,
    enumeration,
    exact_gradient,
    gumbel_softmax,
    relaxed,
    rloo,
    straight_through,
)

PHI = torch.tensor([0.2, -0.5, 0.7]).double()
TABLE = torch.tensor([1.0, -1.0, 2.0]).double()


def family(phi):
    return OneHotCategorical(logits=phi, validate_args=False)


def f(z, phi):
    """Not linear: of a linear f only the temperature's own bias would be left."""
    return (z * TABLE.to(z)).sum(-1).square()


EXACT = exact_gradient(enumeration, family, PHI, f)


def test_the_largest_entry_has_the_right_frequency(seed):
    with seeded(seed):
        y = RelaxedOneHot(0.7, PHI).rsample((100_000,))
    largest = torch.nn.functional.one_hot(y.argmax(-1), 3).double()
    assert_mean(largest, PHI.softmax(0), detects=0.03)
    torch.testing.assert_close(y.sum(-1), torch.ones(len(y)).double())


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_density_of_two_corners_integrates_to_one(temperature):
    """y₁ = sigmoid(v): smooth in v, without the spikes at the corners."""
    v, weights = nodes(-60, 60, 600)
    y = torch.stack([v.sigmoid(), (-v).sigmoid()], -1)
    density = RelaxedOneHot(temperature, PHI[:2]).log_prob(y).exp()
    assert (weights * density * y.prod(-1)).sum().item() == pytest.approx(1, abs=1e-9)


def test_density_is_that_of_torch(seed, device, dtype):
    logits = PHI.to(device, dtype)
    ours = RelaxedOneHot(0.6, logits)
    with seeded(seed):
        y = ours.sample((50,))
    theirs = RelaxedOneHotCategorical(torch.tensor(0.6, dtype=dtype, device=device), logits=logits)
    torch.testing.assert_close(ours.log_prob(y), theirs.log_prob(y))


def two(z, phi):
    """The simplest integrand: one at the first corner, nothing at the second, linear between."""
    return z[..., 0]


def relaxed_gradient(temperature):
    """The gradient of E f(y) for two corners, by quadrature in v, y = sigmoid(±v)."""
    v, weights = nodes(-30 / temperature, 30 / temperature, 800)
    y = torch.stack([v.sigmoid(), (-v).sigmoid()], -1)
    phi = PHI[:2].clone().requires_grad_()
    density = RelaxedOneHot(temperature, phi).log_prob(y).exp() * y.prod(-1)
    (gradient,) = torch.autograd.grad((weights * density * two(y, None)).sum(), phi)
    return gradient


def test_bias_is_that_of_the_relaxed_expectation(seed):
    """The estimator is right for E f(y). How far that is from E f(z) is its bias.

    It vanishes with the temperature. For this f it does so steadily; for others it changes sign.
    """
    exact = exact_gradient(enumeration, family, PHI[:2], two)
    biases, variances = [], []
    for temperature in (2.0, 1.0, 0.5, 0.25):
        found = gradients(
            partial(gumbel_softmax, temperature=temperature),
            family,
            PHI[:2],
            two,
            seed=seed,
            repeats=50_000,
        )
        assert_mean(found, relaxed_gradient(temperature), detects=0.1)
        biases.append((relaxed_gradient(temperature) - exact)[0].abs().item())
        variances.append(found.var(0)[0].item())
        if temperature == 2.0:  # here the bias is no matter of noise
            assert ((found.mean(0) - exact).abs() > 20 * found.std(0) / len(found) ** 0.5).all()
    assert biases == sorted(biases, reverse=True) and biases[-1] < biases[0] / 4
    assert variances == sorted(variances) and variances[-1] > 3 * variances[0]


def test_straight_through_has_the_right_value_and_a_biased_gradient(seed):
    q = family(PHI)
    with seeded(seed):
        values = straight_through(q, lambda z: f(z, None), 60_000, temperature=1.0)
    assert_mean(values, enumeration(q, lambda z: f(z, None)), detects=0.1)
    found = gradients(
        partial(straight_through, temperature=1.0), family, PHI, f, seed=seed, repeats=60_000
    )
    bias = found.mean(0) - EXACT
    noise = found.std(0) / len(found) ** 0.5
    assert (bias.abs() > 20 * noise).any()
    with pytest.raises(AssertionError, match=r"\|z\| = "):
        assert_z(found.mean(0), EXACT, noise, detects=1.0)


def test_straight_through_evaluates_f_at_corners(seed):
    seen = []

    def record(z):
        seen.append(z.detach())
        return z[..., 0]

    with seeded(seed):
        straight_through(family(PHI), record, 100)
    assert ((seen[0] == 0) | (seen[0] == 1)).all() and (seen[0].sum(-1) == 1).all()


def test_several_categoricals_side_by_side(seed):
    """Independent ones, `(d, C)`; leave-one-out is right for them too."""

    def several(phi):
        return Independent(family(phi.unflatten(-1, (2, 3))), 1, validate_args=False)

    def product(z, phi):
        return (z @ TABLE.to(z)).prod(-1)

    phi = torch.cat([PHI, -PHI])
    exact = exact_gradient(enumeration, several, phi, product)
    found = gradients(rloo, several, phi, product, seed=seed, repeats=40_000, samples=2)
    assert_mean(found, exact, detects=0.12)
    soft = gradients(gumbel_softmax, several, phi, product, seed=seed, repeats=10)
    assert soft.shape == (10, 6) and soft.isfinite().all()
    assert relaxed(several(phi), 0.5).event_shape == (2, 3)


@pytest.mark.dtypes("float32", "float64")
def test_dtype_and_device(seed, device, dtype):
    phi = PHI.to(device, dtype).expand(4, 3).clone().requires_grad_()
    for estimator in (gumbel_softmax, straight_through):
        with seeded(seed):
            surrogate = estimator(family(phi), lambda z: z[..., 0] ** 2, 5)
        assert surrogate.shape == (5, 4) and surrogate.dtype == dtype
        (gradient,) = torch.autograd.grad(surrogate.sum(), phi)
        assert gradient.isfinite().all() and gradient.device.type == device.type


def test_low_temperature_stays_finite(seed):
    phi = PHI.float().requires_grad_()
    with seeded(seed):
        surrogate = gumbel_softmax(family(phi), lambda z: z[..., 0], 100_000, temperature=0.01)
    (gradient,) = torch.autograd.grad(surrogate.sum(), phi)
    assert surrogate.isfinite().all() and gradient.isfinite().all()


def test_bad_input():
    with pytest.raises(ValueError, match="temperature is 0, needs a number above 0"):
        gumbel_softmax(family(PHI), torch.sum, temperature=0)
    with pytest.raises(ValueError, match="q is Normal, needs a OneHotCategorical"):
        gumbel_softmax(Normal(0.0, 1.0), torch.sin)
    with pytest.raises(ValueError, match="q is Normal, needs a OneHotCategorical"):
        straight_through(Normal(0.0, 1.0), torch.sin)
    with pytest.raises(ValueError, match="samples must be a whole number"):
        straight_through(family(PHI), torch.sum, 0)
