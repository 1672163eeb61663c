"""The ELBO with an estimator of one's choice, on a linear-Gaussian VAE whose ELBO is exact."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.distributions import Bernoulli, Independent

from tests.statistics import assert_mean
from vae_course import seeded
from vae_course.conditional import BernoulliLikelihood
from vae_course.estimators import (
    InputBaseline,
    enumeration,
    estimated_elbo,
    nvil_elbo,
    pathwise,
    rloo,
    score_function,
)
from vae_course.models import VAE, mlp_vae
from vae_course.networks import mlp
from vae_course.objectives import elbo
from vae_course.training import fit


def bit_model(d=3, n=4):
    """A VAE with d bits as latents: everything can be enumerated."""
    with seeded(1):
        return VAE(
            BernoulliLikelihood(mlp((n, 8, d), nn.Tanh), (d,)),
            BernoulliLikelihood(mlp((d, 8, n), nn.Tanh), (n,)),
            Independent(Bernoulli(logits=torch.zeros(d), validate_args=False), 1),
        ).double()


def exact_bound(model, x, beta=1.0):
    q = model.encode(x)

    def f(z):
        rest = model.prior.log_prob(z) - q.log_prob(z)
        return model.decode(z).log_prob(x) + beta * rest

    return enumeration(q, f)


@pytest.mark.parametrize(
    "estimator, samples",
    [(score_function, 1), (rloo, 2), (partial(score_function, baseline=-3.0), 1)],
)
def test_both_gradients_of_a_model_with_bits(seed, estimator, samples):
    """θ and φ at once, against autograd through the sum over all z; many copies of one x."""
    model, beta = bit_model(), 0.7
    x = torch.tensor([[1.0, 0.0, 1.0, 1.0]]).double()
    # The last layers' biases tell: the logits of q and of p(x|z).
    parameters = [model.encoder.trunk[-1].bias, model.decoder.trunk[-1].bias]
    exact = torch.autograd.grad(exact_bound(model, x, beta).sum(), parameters)
    objective = estimated_elbo(estimator, samples)
    estimates = []
    with seeded(seed):
        for _ in range(100):
            value = objective(model, x.expand(1000, -1), beta=beta).value
            assert value.shape == (1000,)
            estimates.append(torch.autograd.grad(value.mean(), parameters))
    for mean, found in zip(exact, zip(*estimates, strict=True), strict=True):
        assert_mean(torch.stack(found), mean, detects=0.1)


def test_value_is_the_bound(seed):
    model = bit_model()
    x = torch.tensor([[1.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.0]]).double()
    with seeded(seed), torch.no_grad():
        values = torch.stack(
            [estimated_elbo(score_function, 200)(model, x).value for _ in range(100)]
        )
    assert_mean(values, exact_bound(model, x), detects=0.05)


def test_pathwise_agrees_with_the_objective_that_knows_the_rate(seed):
    with seeded(1):
        model = mlp_vae((4,), (6,), 2).double()
        x = torch.rand(3, 4).double().round()
    with seeded(seed), torch.no_grad():
        ours = torch.stack([estimated_elbo(pathwise)(model, x).value for _ in range(1000)])
        theirs = torch.stack([elbo(model, x).value for _ in range(1000)])
    assert_mean(ours - theirs, 0.0, detects=0.5)


def test_it_trains(seed):
    model = bit_model()
    data = (torch.arange(64)[:, None] // torch.tensor([1, 2, 4, 8]) % 2).double()
    data[:, 1], data[:, 3] = data[:, 0], data[:, 2]  # two bits, each twice: 2 log 2 nats
    with torch.no_grad():
        before = exact_bound(model, data).mean()
    history = fit(
        model, estimated_elbo(rloo, 4), data, steps=300, batch_size=64, lr=0.05, seed=seed,
        log_every=100, progress=False,
    )  # fmt: skip
    with torch.no_grad():
        after = exact_bound(model, data).mean()
    assert before < -2.4 and after > before + 0.5
    assert len(history.elbo) >= 3


def test_a_learned_baseline_is_trained_with_the_model_and_leaves_its_gradient_alone(seed):
    model = bit_model()
    with seeded(2):
        model.baseline = InputBaseline(nn.Linear(4, 1)).double()
    objective = nvil_elbo(model.baseline, samples=2)
    x = torch.tensor([[1.0, 0.0, 1.0, 1.0]]).double()
    parameter = model.encoder.trunk[-1].bias
    (exact,) = torch.autograd.grad(exact_bound(model, x).sum(), parameter)
    estimates = []
    with seeded(seed):
        for _ in range(100):
            bound = objective(model, x.expand(500, -1))
            estimates.append(torch.autograd.grad(bound.value.mean(), parameter)[0])
    assert_mean(torch.stack(estimates), exact, detects=0.1)
    # What is maximised is the bound less the baseline's squared error; what is recorded, the bound.
    bound = objective(model, x.expand(3, -1))
    error = model.baseline.error.mean(0)
    torch.testing.assert_close(bound.value, bound.elbo - error)
    torch.testing.assert_close(bound.terms["elbo"], bound.elbo)
    (by_network,) = torch.autograd.grad(bound.value.mean(), model.baseline.network.bias)
    assert by_network.abs() > 0


def test_bad_samples():
    with pytest.raises(ValueError, match="samples must be a whole number"):
        estimated_elbo(pathwise, 0)
    with pytest.raises(ValueError, match="samples must be a whole number"):
        nvil_elbo(InputBaseline(nn.Linear(4, 1)), 0)
