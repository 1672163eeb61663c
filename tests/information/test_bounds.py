"""Each bound lies on its side of the exact information, and is tight where it should be."""

from math import log

import pytest
import torch
from torch.distributions import Normal

from tests.statistics import assert_mean
from vae_course.information import (
    barber_agakov,
    conditional_entropy,
    entropy,
    exact_decomposition,
    info_nce,
    leave_one_out,
    mutual_information,
    upper_by_rate,
)
from vae_course.oracles import ProbabilisticPCA
from vae_course.random import seeded


def pairs(repetitions: int, count: int):
    """log q(z_k | x_j) for `repetitions` times `count` pairs, z ~ N(1.5 x, 1), x ~ N(0, 1)."""
    x = torch.randn(repetitions, count).double()
    z = 1.5 * x + torch.randn_like(x)
    return Normal(1.5 * x[:, None], 1.0).log_prob(z[:, :, None])


def test_two_pairs_written_out():
    log_q = torch.tensor([[0.3, 0.1], [0.4, 0.2]]).double().log()
    assert leave_one_out(log_q).exp().tolist() == pytest.approx([3.0, 0.5])
    assert info_nce(log_q).exp().tolist() == pytest.approx([0.3 / 0.2, 0.2 / 0.3])


@pytest.mark.parametrize("count", [2, 8, 64])
def test_information_lies_between_the_two_of_a_batch(count, seed):
    exact = 0.5 * log(1 + 1.5**2)  # 0.589 nats
    with seeded(seed):
        log_q = pairs(20_000 // count, count)
    lower = torch.stack([info_nce(matrix).mean() for matrix in log_q[:1000]])
    upper = torch.stack([leave_one_out(matrix).mean() for matrix in log_q[:1000]])
    error = (lower.std() + upper.std()).item() / len(lower) ** 0.5
    assert lower.mean() < exact + 5.5 * error
    assert upper.mean() > exact - 5.5 * error
    assert (upper - lower).mean() > 0
    assert bool((lower <= log(count) + 1e-12).all())
    if count == 64:  # both are near
        assert_mean(torch.stack([lower, upper], 1), exact, detects=0.12)


def test_info_nce_saturates_at_log_k():
    # Sixteen codes that are 100 standard deviations apart: which x it was is never in doubt.
    codes = 100 * torch.arange(16).double()
    with seeded(0):
        log_q = Normal(codes, 1.0).log_prob((codes + torch.randn(16))[:, None])
    assert info_nce(log_q).tolist() == pytest.approx([log(16)] * 16, abs=1e-6)
    assert leave_one_out(log_q).min() > 1000


def test_sandwich_of_a_finite_data_set():
    # Discrete x and z: encoder q(z|x), any decoder p(x|z), any prior p(z).
    with seeded(0):
        p_x, q = torch.rand(4).double(), torch.rand(4, 3).double().softmax(1)
        decoder, prior = torch.rand(3, 4).double().softmax(1), torch.rand(3).double().softmax(0)
    p_x = p_x / p_x.sum()
    joint = p_x[:, None] * q
    information, data = mutual_information(joint), entropy(p_x)
    # The functions take means over examples; weigh these by repeating none: use p(x) as weights.
    rate = (joint * (q / prior).log()).sum(1) / p_x
    best = joint / joint.sum(0)  # q(x|z)
    distortion = [-(q * p.log()).sum(1) for p in (decoder.T, best)]
    weigh = p_x * len(p_x)  # turns a plain mean into the mean under p(x)
    assert barber_agakov(data, weigh * distortion[0]) < information
    assert barber_agakov(data, weigh * distortion[1]).item() == pytest.approx(information.item())
    assert upper_by_rate(weigh * rate) > information
    # The gaps: the rate's is KL(q(z) || p(z)); at the best prior, q(z), there is none.
    marginal = joint.sum(0)
    gap = (marginal * (marginal / prior).log()).sum()
    assert (upper_by_rate(weigh * rate) - information).item() == pytest.approx(gap.item())
    at_best = (joint * (q / marginal).log()).sum(1) / p_x
    assert upper_by_rate(weigh * at_best).item() == pytest.approx(information.item())
    assert (data - conditional_entropy(joint.T)).item() == pytest.approx(information.item())


def test_sandwich_of_a_linear_gaussian_model():
    # Data of the model itself, posterior exact: both bounds are tight. I = ½ log(1 + w²/σ²).
    model = ProbabilisticPCA(torch.tensor([[2.0]]).double(), torch.zeros(1).double(), 1.0)
    count = 2000
    x = 5**0.5 * Normal(0.0, 1.0).icdf((torch.arange(count).double() + 0.5) / count)[:, None]
    bound = model.bound(x, model.posterior(x))
    information = 0.5 * log(1 + 4.0)
    data = model.marginal.entropy()
    assert upper_by_rate(bound.rate).item() == pytest.approx(information, abs=3e-3)
    assert barber_agakov(data, bound.distortion).item() == pytest.approx(information, abs=3e-3)


def test_rate_bounds_the_information_of_a_data_set():
    with seeded(1):
        mean, variance = torch.randn(6, 1).double(), torch.rand(6, 1).double() + 0.1
    exact = exact_decomposition(mean, variance, 60)
    rates = 0.5 * (mean.square() + variance - 1 - variance.log()).sum(1)
    assert upper_by_rate(rates) > exact.information
    assert (upper_by_rate(rates) - exact.information).item() == pytest.approx(
        exact.marginal_kl.item(), abs=1e-12
    )


@pytest.mark.dtypes("float32", "float64")
def test_dtype_and_device(device, dtype):
    with seeded(0):
        (log_q,) = pairs(1, 5)
    for bound in (info_nce, leave_one_out):
        found = bound(log_q.to(device, dtype))
        assert (found.dtype, found.device.type) == (dtype, device.type)
        assert found.tolist() == pytest.approx(bound(log_q).tolist(), abs=1e-5)


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match=r"log_q has shape \(2, 3\), needs \(K, K\)"):
        leave_one_out(torch.zeros(2, 3))
    with pytest.raises(ValueError, match="log_q has 1 pair, needs 2"):
        leave_one_out(torch.zeros(1, 1))
    with pytest.raises(ValueError, match=r"scores has shape \(2,\)"):
        info_nce(torch.zeros(2))
    with pytest.raises(ValueError, match="distortion has shape"):
        barber_agakov(1.0, torch.zeros(2, 2))
