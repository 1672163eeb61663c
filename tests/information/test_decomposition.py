"""The parts of the rate: exact ones against closed forms and plain sums over a grid."""

from math import log, pi

import pytest
import torch
from torch.distributions import Normal

from vae_course.information import (
    exact_decomposition,
    gaussian_entropy,
    gaussian_kl,
    gaussian_total_correlation,
    linear_gaussian_decomposition,
)
from vae_course.metrics import aggregate_posterior_moments, unit_rates
from vae_course.random import seeded


def posteriors(count: int, d: int, device="cpu", dtype=torch.float64):
    with seeded(count + d):
        mean = 1.2 * torch.randn(count, d, dtype=torch.float64)
        variance = (0.5 * torch.randn(count, d, dtype=torch.float64) - 1.0).exp()
    return mean.to(device, dtype), variance.to(device, dtype)


def on_a_grid(mean, variance, h=0.05, half_width=9.0):
    """Information, total correlation and dimension-wise KL by the trapezoidal rule, d = 2."""
    axis = torch.arange(-half_width, half_width + h / 2, h, dtype=mean.dtype)
    log_q = Normal(mean[:, None], variance.sqrt()[:, None]).log_prob(axis[:, None])  # (N, S, d)
    a, b = log_q.exp().unbind(-1)  # (N, S)
    joint = a.T @ b / len(mean)  # (S, S): q(z)
    singles = a.mean(0), b.mean(0)
    entropy = [-torch.xlogy(q, q).sum() * h for q in singles]
    joint_entropy = -torch.xlogy(joint, joint).sum() * h**2
    conditional = (0.5 * (2 * pi * variance).log() + 0.5).sum(1).mean()
    prior = Normal(torch.zeros_like(axis), 1.0).log_prob(axis)
    dimension_wise = [-H - (q * prior).sum() * h for H, q in zip(entropy, singles, strict=True)]
    return joint_entropy - conditional, sum(entropy) - joint_entropy, torch.stack(dimension_wise)


@pytest.mark.parametrize(("count", "d", "nodes"), [(7, 1, 40), (12, 2, 10), (5, 3, 8), (1, 2, 5)])
def test_the_parts_add_up_to_the_closed_form_of_the_rate(count, d, nodes, device):
    mean, variance = posteriors(count, d, device)
    found = exact_decomposition(mean, variance, nodes)
    assert found.rate.item() == pytest.approx(unit_rates(mean, variance).sum().item(), abs=1e-12)
    assert found.sum.item() == pytest.approx(found.rate.item(), abs=1e-9)
    assert found.marginal_kl.item() == pytest.approx(
        (found.total_correlation + found.dimension_wise.sum()).item(), abs=1e-12
    )


def test_each_part_is_that_of_a_fine_grid():
    mean, variance = posteriors(6, 2)
    variance = variance.clamp_min(0.3)
    information, total_correlation, dimension_wise = on_a_grid(mean, variance)
    found = exact_decomposition(mean, variance, 64)
    assert found.information.item() == pytest.approx(information.item(), abs=1e-6)
    assert found.total_correlation.item() == pytest.approx(total_correlation.item(), abs=1e-6)
    assert found.dimension_wise.tolist() == pytest.approx(dimension_wise.tolist(), abs=1e-6)


def test_what_is_known_without_integration():
    # Equal posteriors know nothing; what is left is the KL of one Gaussian.
    mean, variance = posteriors(1, 2)
    found = exact_decomposition(mean.expand(5, 2), variance.expand(5, 2), 6)
    assert found.information.item() == pytest.approx(0, abs=1e-12)
    assert found.total_correlation.item() == pytest.approx(0, abs=1e-12)
    kl = gaussian_kl(mean[0], variance[0].diag())
    assert found.marginal_kl.item() == pytest.approx(kl.item(), abs=1e-12)
    # Posteriors that do not overlap know everything: log N, and at the corners of a square the two
    # latents are independent; at two corners each tells the other, log 2.
    square = 6.0 * torch.cartesian_prod(*[torch.tensor([-1.0, 1.0]).double()] * 2)
    narrow = torch.full_like(square, 0.25)
    found = exact_decomposition(square, narrow, 20)
    assert found.information.item() == pytest.approx(log(4), abs=1e-9)
    assert found.total_correlation.item() == pytest.approx(0, abs=1e-9)
    found = exact_decomposition(square[[0, 3]], narrow[[0, 3]], 20)
    assert found.information.item() == pytest.approx(log(2), abs=1e-9)
    assert found.total_correlation.item() == pytest.approx(log(2), abs=1e-9)


def test_a_product_data_set_has_no_total_correlation():
    left, right = posteriors(4, 1), posteriors(3, 1)
    mean = torch.cartesian_prod(left[0][:, 0], right[0][:, 0])
    variance = torch.cartesian_prod(left[1][:, 0], right[1][:, 0])
    found = exact_decomposition(mean, variance, 24)
    assert found.total_correlation.item() == pytest.approx(0, abs=1e-9)
    # The bigger picture: rotated by 45 degrees the same means are not a product.
    turn = torch.tensor([[1.0, -1.0], [1.0, 1.0]]).double() / 2**0.5
    assert exact_decomposition(mean @ turn, variance, 24).total_correlation > 0.05


@pytest.mark.dtypes("float32", "float64")
def test_result_has_the_dtype_and_device_of_its_arguments(device, dtype):
    found = exact_decomposition(*posteriors(4, 2, device, dtype), 12)
    wanted = exact_decomposition(*posteriors(4, 2), 12)
    for name in ("rate", "information", "total_correlation", "dimension_wise"):
        value = getattr(found, name)
        assert (value.dtype, value.device.type) == (dtype, device.type)
        assert value.tolist() == pytest.approx(getattr(wanted, name).tolist(), abs=2e-5)


def test_bad_arguments_are_refused():
    mean, variance = posteriors(4, 2)
    for arguments, words in [
        ((mean, variance[:3]), r"\(4, 2\) and \(3, 2\)"),
        ((mean[0], variance[0]), r"need the same \(N, d\)"),
        ((mean, -variance), "variance has values that are not positive"),
        ((mean, variance, 1), "nodes must be a whole number of at least 2"),
        ((mean.repeat(1, 4), variance.repeat(1, 4)), "needs at most 1,000,000"),
    ]:
        with pytest.raises(ValueError, match=words):
            exact_decomposition(*arguments)


# Closed forms for Gaussians ----------------------------------------------------------------------


def linear_case():
    with seeded(3):
        weight, bias = torch.randn(2, 3).double(), torch.randn(2).double()
        root, x_mean = torch.randn(3, 3).double(), torch.randn(3).double()
    variance = torch.tensor([0.3, 1.4]).double()
    return weight, bias, variance, x_mean, root @ root.T


def test_linear_gaussian_parts_against_densities():
    weight, bias, variance, x_mean, x_covariance = case = linear_case()
    found = linear_gaussian_decomposition(*case)
    mean = weight @ x_mean + bias
    covariance = weight @ x_covariance @ weight.T + variance.diag()
    assert found.sum.item() == pytest.approx(found.rate.item(), abs=1e-12)
    assert found.marginal_kl.item() == pytest.approx(gaussian_kl(mean, covariance).item())
    # Its information is also that of x: ½ log det(C) - ½ log det(Cov[x | z]).
    gain = x_covariance @ weight.T @ torch.linalg.inv(covariance)
    left = x_covariance - gain @ weight @ x_covariance
    information = gaussian_entropy(x_covariance) - gaussian_entropy(left)
    assert found.information.item() == pytest.approx(information.item(), abs=1e-10)
    whole = torch.distributions.MultivariateNormal(mean, covariance)
    product = torch.distributions.MultivariateNormal(mean, covariance.diagonal().diag())
    expected = torch.distributions.kl_divergence(whole, product)
    assert found.total_correlation.item() == pytest.approx(expected.item(), abs=1e-12)
    assert gaussian_entropy(covariance).item() == pytest.approx(whole.entropy().item(), abs=1e-12)


def test_the_numbers_of_the_one_dimensional_example():
    # x ~ N(0, 1), z = 1.2 x + noise of variance 0.5: I = ½ log(1 + 1.44 / 0.5).
    one = torch.ones(1).double()
    found = linear_gaussian_decomposition(1.2 * one[None], 0 * one, 0.5 * one, 0 * one, one[None])
    assert found.information.item() == pytest.approx(0.5 * log(1 + 1.44 / 0.5), abs=1e-12)
    assert found.total_correlation.item() == pytest.approx(0, abs=1e-12)
    # Codes shifted by 5 know no more, and cost 12.5 nats.
    moved = linear_gaussian_decomposition(1.2 * one[None], 5 * one, 0.5 * one, 0 * one, one[None])
    assert moved.information.item() == pytest.approx(found.information.item(), abs=1e-12)
    assert (moved.rate - found.rate).item() == pytest.approx(12.5, abs=1e-12)


def test_a_dense_sample_of_x_approaches_the_closed_form():
    # x at the midpoints of equal masses of N(0, 1): the finite data set is nearly the Gaussian.
    count = 200
    x = Normal(0.0, 1.0).icdf((torch.arange(count).double() + 0.5) / count)
    weight = torch.tensor([[0.9], [-0.6]]).double()
    variance = torch.tensor([0.4, 0.7]).double()
    mean = x[:, None] * weight.T
    found = exact_decomposition(mean, variance.expand(count, 2), 12)
    wanted = linear_gaussian_decomposition(
        weight, weight[:, 0] * 0, variance, weight[0] * 0, torch.eye(1).double()
    )
    for name in ("information", "total_correlation", "marginal_kl"):
        assert getattr(found, name).item() == pytest.approx(getattr(wanted, name).item(), abs=5e-3)
    _, covariance = aggregate_posterior_moments(mean, variance.expand(count, 2))
    assert found.total_correlation.item() == pytest.approx(
        gaussian_total_correlation(covariance).item(), abs=5e-3
    )
