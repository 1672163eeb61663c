"""The exact expectations, against closed forms."""

import pytest
import torch
from torch.distributions import (
    Bernoulli,
    Categorical,
    Independent,
    Normal,
    OneHotCategorical,
)

from vae_course.estimators import enumeration, exact_gradient, quadrature


def test_quadrature_of_a_gaussian(device, dtype):
    """E cos z = cos μ e^{-σ²/2}, for a batch, with both derivatives."""
    mean = torch.tensor([0.3, -1.0], dtype=dtype, device=device, requires_grad=True)
    sigma = torch.tensor([0.5, 1.5], dtype=dtype, device=device, requires_grad=True)
    value = quadrature(Normal(mean, sigma), torch.cos, -20, 20)
    wanted = mean.cos() * (-sigma.square() / 2).exp()
    torch.testing.assert_close(value, wanted, rtol=1e-10, atol=1e-12)
    found = torch.autograd.grad(value.sum(), [mean, sigma])
    expected = torch.autograd.grad(wanted.sum(), [mean, sigma])
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


def test_enumeration_of_bits(device, dtype):
    """E[z₁ z₂ + z₃] = p₁ p₂ + p₃, for a batch."""
    logits = torch.tensor([[0.1, -1.0, 2.0], [0.0, 0.5, -0.3]], dtype=dtype, device=device)
    q = Independent(Bernoulli(logits=logits.requires_grad_()), 1)
    value = enumeration(q, lambda z: z[..., 0] * z[..., 1] + z[..., 2])
    p = logits.sigmoid()
    torch.testing.assert_close(value, p[:, 0] * p[:, 1] + p[:, 2])
    (found,) = torch.autograd.grad(value.sum(), logits, retain_graph=True)
    (expected,) = torch.autograd.grad((p[:, 0] * p[:, 1] + p[:, 2]).sum(), logits)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("one_hot", [False, True])
def test_enumeration_of_categories(device, dtype, one_hot):
    logits = torch.tensor([0.1, -1.0, 2.0], dtype=dtype, device=device)
    table = torch.tensor([3.0, -1.0, 0.5], dtype=dtype, device=device)
    wanted = (logits.softmax(0) * table).sum()
    if one_hot:
        value = enumeration(OneHotCategorical(logits=logits), lambda z: z @ table)
    else:
        value = enumeration(Categorical(logits=logits), lambda z: table[z])
    torch.testing.assert_close(value, wanted)


def test_enumeration_of_two_categoricals():
    logits = torch.randn(2, 3, generator=torch.Generator().manual_seed(0)).double()
    q = Independent(OneHotCategorical(logits=logits), 1)
    value = enumeration(q, lambda z: z[..., 0, 0] * z[..., 1, 2])
    p = logits.softmax(-1)
    torch.testing.assert_close(value, p[0, 0] * p[1, 2])


def test_exact_gradient_includes_what_f_does_with_phi():
    """f = φ²z, q = N(φ, 1): 3φ² = 6.75."""
    gradient = exact_gradient(
        lambda q, f: quadrature(q, f, -15, 15),
        lambda phi: Normal(phi[..., 0], 1.0),
        torch.tensor([1.5]).double(),
        lambda z, phi: phi[..., 0] ** 2 * z,
    )
    assert gradient.item() == pytest.approx(6.75, rel=1e-10)


def test_the_missing_gradient_of_the_rate():
    """p = N(0, 1), x | z ~ N(z, 1), x = 1, at the posterior: gradient zero, and not (½, -0.707)."""

    def family(phi):
        return Normal(phi[..., 0], phi[..., 1])

    def log_likelihood(z, phi):
        return Normal(z, 1.0).log_prob(torch.ones_like(z))

    def whole(z, phi):
        return log_likelihood(z, phi) + Normal(0.0, 1.0).log_prob(z) - family(phi).log_prob(z)

    phi = torch.tensor([0.5, 0.5**0.5], dtype=torch.float64)
    expectation = lambda q, f: quadrature(q, f, -15, 15)  # noqa: E731
    torch.testing.assert_close(
        exact_gradient(expectation, family, phi, whole),
        torch.zeros(2).double(),
        atol=1e-10,
        rtol=0,
    )
    torch.testing.assert_close(
        exact_gradient(expectation, family, phi, log_likelihood),
        torch.tensor([0.5, -(0.5**0.5)], dtype=torch.float64),
    )


def test_bad_input():
    with pytest.raises(ValueError, match="q is Normal, needs a discrete one"):
        enumeration(Normal(0.0, 1.0), torch.sin)
    with pytest.raises(ValueError, match="more than one axis of coordinates"):
        enumeration(Independent(Bernoulli(torch.full((2, 3), 0.5)), 2), torch.sum)
    with pytest.raises(ValueError, match=r"q has event shape \(2,\), needs \(\)"):
        quadrature(Independent(Normal(torch.zeros(2), 1.0), 1), torch.sin, -1, 1)
    with pytest.raises(ValueError, match="low is 1, needs a number below high"):
        quadrature(Normal(0.0, 1.0), torch.sin, 1, 1)
    with pytest.raises(ValueError, match="nodes must be a whole number"):
        quadrature(Normal(0.0, 1.0), torch.sin, -1, 1, nodes=0)
    with pytest.raises(ValueError, match=r"f\(z\) has shape \(\), needs"):
        quadrature(Normal(0.0, 1.0), torch.sum, -1, 1)
