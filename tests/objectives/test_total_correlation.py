"""β-TCVAE: weights against all batches written out, parts against the exact decomposition."""

from functools import partial
from itertools import combinations
from math import log

import pytest
import torch
from torch.distributions import Normal

from tests.statistics import assert_mean
from vae_course.information import exact_decomposition
from vae_course.metrics import encode_all
from vae_course.models import mlp_vae
from vae_course.objectives import log_aggregate, total_correlation_elbo
from vae_course.objectives.total_correlation import log_aggregate_weights
from vae_course.random import seeded
from vae_course.training import fit

N = 7


def densities():
    """q(z|x_n) of one z for N examples, far from equal, as logarithms."""
    with seeded(0):
        return 2.0 * torch.randn(N).double()


def mean_over_batches(own: int, size: int, weighting: str):
    """The mean of the estimate of q(z), z from example `own`, over all batches that hold it.

    Over each order of the examples too, as `own` may stand in any row.
    """
    log_q, found = densities(), []
    others = [n for n in range(N) if n != own]
    for chosen in combinations(others, size - 1):
        for row in range(size):
            for turn in range(size - 1):  # who comes last among the others
                rest = list(chosen[turn:] + chosen[:turn])
                batch = [*rest[:row], own, *rest[row:]]
                matrix = log_q[batch].expand(size, size)
                found.append(log_aggregate(matrix, N, weighting)[row].exp())
    return torch.stack(found).mean()


@pytest.mark.parametrize("own", [0, 3])
@pytest.mark.parametrize("size", [2, 3, 5, N])
def test_stratified_weights_give_the_aggregate_on_average(size, own):
    exact = densities().exp().mean()
    assert mean_over_batches(own, size, "stratified").item() == pytest.approx(exact.item())


@pytest.mark.parametrize("size", [1, 2, 5, N])
def test_weighted_estimate_is_too_small_by_a_known_amount(size):
    # 1/(NB) for its own and, by the share (B-1)/(N-1) of batches, for each of the others.
    q, own = densities().exp(), 3
    if size == 1:
        found = log_aggregate(densities()[[own]][:, None], N, "weighted").exp()[0]
    else:
        found = mean_over_batches(own, size, "weighted")
    wanted = (q[own] + (size - 1) / (N - 1) * (q.sum() - q[own])) / (N * size)
    assert found.item() == pytest.approx(wanted.item())
    if size == N:
        assert found.item() == pytest.approx(q.mean().item() / N)


def test_the_matrix_of_weights():
    # N = 10, B = 4, M = 3: own 1/10, the one after it 7/30, the others 1/3; each row sums to 1.
    like = torch.zeros(()).double()
    found = log_aggregate_weights(4, 10, "stratified", like).exp()
    a, b, c = 1 / 10, 7 / 30, 1 / 3
    rows = [[a, b, c, c], [c, a, b, c], [c, c, a, b], [b, c, c, a]]
    assert found.tolist() == [pytest.approx(row) for row in rows]
    assert found.sum(1).tolist() == pytest.approx([1.0] * 4)
    found = log_aggregate_weights(4, 10, "weighted", like).exp()
    assert found.flatten().tolist() == pytest.approx([1 / 40] * 16)


def test_further_axes_are_estimated_each_for_itself():
    with seeded(1):
        log_q = torch.randn(5, 5, 3).double()
    for weighting, size in [("weighted", 9), ("stratified", 9), ("exhaustive", 5)]:
        together = log_aggregate(log_q, size, weighting)
        alone = [log_aggregate(log_q[..., i], size, weighting) for i in range(3)]
        assert together.flatten().tolist() == pytest.approx(
            torch.stack(alone, 1).flatten().tolist()
        )
    wide = log_q.reshape(5, 15)  # the whole data set has 15
    assert log_aggregate(wide, 15, "exhaustive").exp().tolist() == pytest.approx(
        wide.exp().mean(1).tolist()
    )


# The objective -----------------------------------------------------------------------------------


def small(device="cpu", dtype=torch.float64):
    with seeded(2):
        model = mlp_vae((3,), (8,), 2, likelihood="gaussian")
        with torch.no_grad():
            model.encoder.head.weight.mul_(4)  # posteriors that differ from each other
        x = torch.randn(12, 3)
    return model.to(device, dtype), x.to(device, dtype)


@pytest.mark.dtypes("float32", "float64")
@pytest.mark.parametrize("weighting", ["weighted", "stratified", "exhaustive"])
def test_with_weights_of_one_it_is_the_elbo_of_the_draw(weighting, device, dtype):
    model, x = small(device, dtype)
    with seeded(0):
        bound = total_correlation_elbo(model, x, len(x), weighting=weighting)
    with seeded(0):
        q = model.encode(x)
        z = q.rsample()
    rate = q.log_prob(z) - model.prior.log_prob(z)
    near = 1e-9 if dtype == torch.float64 else 2e-4
    assert bound.rate.tolist() == pytest.approx(rate.tolist(), abs=near)
    parts = bound.information + bound.total_correlation + bound.dimension_wise
    assert parts.tolist() == pytest.approx(rate.tolist(), abs=near)
    assert bound.value.tolist() == pytest.approx(bound.elbo.tolist(), abs=near)
    assert bound.distortion.tolist() == pytest.approx((-model.decode(z).log_prob(x)).tolist())
    assert {value.dtype for value in bound.terms.values()} == {dtype}
    assert {value.shape for value in bound.terms.values()} == {(12,)}


def test_each_weight_weighs_its_own_part():
    model, x = small()
    with seeded(0):
        bound = total_correlation_elbo(model, x, 100, alpha=0.5, beta=6.0, gamma=2.0)
    wanted = -(
        bound.distortion
        + 0.5 * bound.information
        + 6.0 * bound.total_correlation
        + 2.0 * bound.dimension_wise
    )
    assert bound.value.tolist() == pytest.approx(wanted.tolist())
    assert bound.elbo.tolist() == pytest.approx((-bound.distortion - bound.rate).tolist())


def test_the_parts_are_those_of_the_exact_decomposition(seed):
    model, x = small()
    exact = exact_decomposition(*encode_all(model, x), nodes=48)
    with seeded(seed), torch.no_grad():
        draws = [
            torch.stack(
                [
                    part.mean()
                    for part in (b.information, b.total_correlation, b.dimension_wise, b.rate)
                ]
            )
            for b in (
                total_correlation_elbo(model, x, len(x), weighting="exhaustive")
                for _ in range(2000)
            )
        ]
    wanted = torch.stack(
        [exact.information, exact.total_correlation, exact.dimension_wise.sum(), exact.rate]
    )
    assert_mean(torch.stack(draws), wanted, detects=0.15)


def test_gradient_of_an_exhaustive_batch_is_that_of_the_exact_total_correlation(seed):
    # One latent pair, three examples: the gradient of TC by the means, by differences of the exact.
    with seeded(0):
        mean = torch.randn(3, 2).double()
    variance = torch.tensor([0.3, 0.5]).double().expand(3, 2)
    step = 1e-4
    wanted = torch.zeros(3, 2).double()
    for n in range(3):
        for i in range(2):
            ends = []
            for sign in (1, -1):
                moved = mean.clone()
                moved[n, i] += sign * step
                ends.append(exact_decomposition(moved, variance, 60).total_correlation)
            wanted[n, i] = (ends[0] - ends[1]) / (2 * step)
    count, draws = 40_000, []
    with seeded(seed):
        epsilon = torch.randn(count, 3, 2).double()
    moving = mean.expand(count, 3, 2).clone().requires_grad_()
    z = moving + variance.sqrt() * epsilon
    log_q = Normal(moving[:, None], variance.sqrt()).log_prob(z[:, :, None])  # (S, z, x, d)
    joint = log_q.sum(-1).logsumexp(2) - log(3)
    single = (log_q.logsumexp(2) - log(3)).sum(-1)
    # `log_aggregate` on one draw is what this does for all of them.
    one = log_aggregate(log_q[0].sum(-1), 3, "exhaustive")
    assert one.tolist() == pytest.approx(joint[0].tolist())
    ((joint - single).mean(1).sum()).backward()
    draws = moving.grad
    assert_mean(draws, wanted, detects=0.05)


def test_it_is_an_objective_of_fit():
    model, x = small(dtype=torch.float32)
    objective = partial(total_correlation_elbo, dataset_size=len(x))
    history = fit(
        model, objective, x, steps=6, batch_size=4, beta=5.0, warmup=3, log_every=2,
        validation=x, progress=False,
    )  # fmt: skip
    assert history.beta == pytest.approx([5 / 3, 5.0, 5.0])
    assert {"total_correlation", "validation_information", "dimension_wise"} <= set(history.columns)


def test_bad_arguments_are_refused():
    model, x = small()
    full = mlp_vae((3,), (8,), 2, posterior="full").double()
    for change, words in [
        ({"model": full}, "encoder gives MultivariateNormal, needs a diagonal Gaussian"),
        ({"dataset_size": 5}, "batch has 12 examples, needs 1 to 5"),
        ({"weighting": "uniform"}, "weighting is 'uniform', needs one of"),
        ({"weighting": "exhaustive"}, "log_q has 12 columns, needs one for each of the 100"),
        ({"x": x[:1]}, "batch has 1 example, needs 2 or more for stratified"),
        ({"beta": -1.0}, "beta is -1.0, needs >= 0"),
        ({"dataset_size": 2.5}, "dataset_size must be a whole number"),
    ]:
        with pytest.raises(ValueError, match=words):
            total_correlation_elbo(**({"model": model, "x": x, "dataset_size": 100} | change))
    with pytest.raises(ValueError, match=r"log_q has shape \(2, 3\), needs \(B, B, ...\)"):
        log_aggregate(torch.zeros(2, 3), 10)
