"""The Gaussian information bottleneck: against a search over all linear codes."""

from math import log, sqrt

import pytest
import torch

from vae_course.oracles import canonical_correlations, gaussian_bottleneck
from vae_course.random import seeded


def joint_covariance(device, dtype, n: int = 5):
    with seeded(0):
        root = torch.randn(n, n, dtype=dtype)
    return (root @ root.T + 0.3 * torch.eye(n, dtype=dtype)).to(device)


def informations(covariance, x_dim, code):
    """I(x; z) and I(z; y) of z = A x + standard noise, by determinants."""
    x, y = covariance[:x_dim, :x_dim], covariance[x_dim:, x_dim:]
    cross = covariance[x_dim:, :x_dim]
    given_y = x - cross.T @ torch.linalg.solve(y, cross)
    identity = torch.eye(len(code), dtype=code.dtype, device=code.device)
    z, z_given_y = (torch.logdet(code @ c @ code.T + identity) for c in (x, given_y))
    return 0.5 * z, 0.5 * (z - z_given_y)


@pytest.mark.parametrize("beta", [1.5, 3.0, 20.0])
def test_no_linear_code_is_better(device, dtype, beta):
    covariance = joint_covariance(device, dtype)
    best = gaussian_bottleneck(canonical_correlations(covariance, 2), beta)
    with seeded(1):
        code = torch.randn(2, 2, dtype=dtype).to(device).requires_grad_()
    options = {"max_iter": 500, "tolerance_grad": 1e-12, "tolerance_change": 1e-15}
    optimizer = torch.optim.LBFGS([code], line_search_fn="strong_wolfe", **options)

    def closure():
        optimizer.zero_grad()
        rate, relevance = informations(covariance, 2, code)
        loss = rate - beta * relevance
        loss.backward()
        return loss

    optimizer.step(closure)
    rate, relevance = informations(covariance, 2, code.detach())
    # Where a unit is just not active the search ends slowly: values meet before codes do.
    assert abs((rate - beta * relevance) - (best.rate - beta * best.relevance)) < 1e-7
    torch.testing.assert_close(rate, best.rate, rtol=0, atol=1e-3)
    torch.testing.assert_close(relevance, best.relevance, rtol=0, atol=1e-3)


def test_a_pair_of_numbers_by_hand(device, dtype):
    # ρ = 0.9: the values at the weights 2 and 10 are ½ log(0.81/0.19) and ½ log(9 · 0.81/0.19).
    covariance = torch.tensor([[4.0, 1.8], [1.8, 1.0]], dtype=dtype, device=device)
    correlations = canonical_correlations(covariance, 1)
    assert correlations.item() == pytest.approx(0.9)
    both = gaussian_bottleneck(correlations, torch.tensor([2.0, 10.0], device=device))
    assert both.rate.tolist() == pytest.approx([0.5 * log(0.81 / 0.19), 0.5 * log(9 * 0.81 / 0.19)])
    assert both.relevance[0].item() == pytest.approx(0.5 * log(0.81 / 0.19) - 0.5 * log(1.62))


def test_a_larger_weight_compresses_less_and_the_slope_is_its_inverse(device, dtype):
    correlations = torch.tensor([0.9, 0.6, 0.2], dtype=dtype, device=device)
    beta = torch.linspace(1.1, 60, 400, dtype=dtype, device=device, requires_grad=True)
    curve = gaussian_bottleneck(correlations, beta)
    assert (curve.rate.diff() >= 0).all() and (curve.relevance <= curve.rate).all()
    (rate_slope,) = torch.autograd.grad(curve.rate.sum(), beta, retain_graph=True)
    (relevance_slope,) = torch.autograd.grad(curve.relevance.sum(), beta)
    active = rate_slope > 0
    torch.testing.assert_close((relevance_slope / rate_slope)[active], 1 / beta.detach()[active])
    # No code can tell more about y than x does.
    most = -0.5 * (1 - correlations.square()).log().sum()
    assert curve.relevance[-1] < most
    assert gaussian_bottleneck(correlations, 1e9).relevance.item() == pytest.approx(most.item())


def test_units_switch_on_one_by_one(device, dtype):
    correlations = torch.tensor([0.9, 0.5], dtype=dtype, device=device)
    for threshold, held in ((1 / 0.81, 0.0), (4.0, 0.5 * log(3 * 0.81 / 0.19))):
        below = gaussian_bottleneck(correlations, threshold * 0.999).rate.item()
        above = gaussian_bottleneck(correlations, threshold * 1.001).rate.item()
        assert below == pytest.approx(held, abs=2e-3) and above > below
    assert gaussian_bottleneck(correlations, 1.0).rate == 0
    assert gaussian_bottleneck(correlations, 0.5).rate == 0


def test_units_of_x_and_y_do_not_matter(device, dtype):
    covariance = joint_covariance(device, dtype)
    scale = torch.tensor([3.0, -0.1, sqrt(2), 10.0, 0.5], dtype=dtype, device=device)
    rescaled = covariance * scale[:, None] * scale
    torch.testing.assert_close(
        canonical_correlations(rescaled, 2), canonical_correlations(covariance, 2)
    )
    torch.testing.assert_close(  # and it is symmetric in the two
        canonical_correlations(covariance.flip(0, 1), 3), canonical_correlations(covariance, 2)
    )


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"correlations is .*, needs numbers in \[0, 1\)"):
        gaussian_bottleneck(torch.tensor([1.0, 0.5]), 2.0)
    with pytest.raises(ValueError, match="beta needs positive numbers"):
        gaussian_bottleneck(torch.tensor([0.5]), -2.0)
    with pytest.raises(ValueError, match="covariance has shape"):
        canonical_correlations(torch.ones(2, 3), 1)
    with pytest.raises(ValueError, match="x_dim is 2, needs 1 to 1"):
        canonical_correlations(torch.eye(2), 2)
