"""The solutions of the chapter on the evidence lower bound agree with torch and with quadrature."""

import math

import pytest
import torch
from torch.distributions import Categorical, Normal, kl_divergence

from vae_course import exercises
from vae_course.exercises.engine import changed, define


def solution(id):
    return exercises.get(id).solution


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(5)


def test_the_discrete_divergence_is_that_of_torch(generator):
    q, p = torch.randn(2, 20, 6, generator=generator, dtype=torch.float64).softmax(-1)
    wanted = kl_divergence(Categorical(probs=q), Categorical(probs=p))
    torch.testing.assert_close(solution("elbo.kl_of_discrete")(q, p), wanted)


def test_the_discrete_divergence_is_infinite_only_where_p_excludes_what_q_does():
    q = torch.tensor([[0.5, 0.5], [0.0, 1.0]])
    p = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    assert solution("elbo.kl_of_discrete")(q, p).tolist() == [math.inf, 0.0]


def test_a_finite_answer_where_infinity_is_right_is_told():
    exercise = exercises.get("elbo.kl_of_discrete")
    clamped = changed(
        exercise.reference, ("torch.xlogy(q, p))", "torch.xlogy(q, p.clamp(min=0.5)))")
    )
    case, _ = next((c, h) for c, h in exercise.cases if "impossible" in c.name)
    result = exercise.check(define(clamped, exercise.function))
    told = dict(result.failures)[case.name]
    assert "at [0]" in told and "it needs to be inf" in told


def test_where_both_are_infinite_nothing_is_told():
    exercise = exercises.get("elbo.kl_of_discrete")
    result = exercise.check(lambda q, p: exercise.solution(q, p) + torch.arange(len(q)))
    told = dict(result.failures)["a state that p calls impossible"]
    assert "at [1] is 1.69315; it needs to be 0.693147" in told


def test_an_infinity_that_should_be_finite_is_told():
    exercise = exercises.get("elbo.kl_of_discrete")
    result = exercise.check(lambda q, p: exercise.solution(q, p) + math.inf)
    assert "not finite" in result.problem


def test_the_enumerated_bound_is_below_the_evidence_by_the_divergence(generator):
    log_joint = torch.randn(20, 6, generator=generator, dtype=torch.float64)
    q = torch.randn(20, 6, generator=generator, dtype=torch.float64).softmax(-1)
    posterior = Categorical(logits=log_joint)
    gap = kl_divergence(Categorical(probs=q), posterior)
    elbo = solution("elbo.elbo_by_enumeration")
    torch.testing.assert_close(elbo(q, log_joint), log_joint.logsumexp(-1) - gap)
    torch.testing.assert_close(elbo(posterior.probs, log_joint), log_joint.logsumexp(-1))


def test_the_gap_is_evidence_minus_bound_by_quadrature():
    weight, noise_var = 1.3, 0.6
    one = torch.tensor(1.0, dtype=torch.float64)  # python numbers would become float32
    x = torch.tensor([-1.0, 0.4, 2.0], dtype=torch.float64)
    mean = torch.tensor([0.5, 0.2, 0.9], dtype=torch.float64)
    log_var = torch.tensor([-1.0, 0.3, -0.2], dtype=torch.float64)
    z = torch.linspace(-12, 12, 20_001, dtype=torch.float64)[:, None]
    q = Normal(mean, (0.5 * log_var).exp())
    log_joint = Normal(0 * one, one).log_prob(z)
    log_joint = log_joint + Normal(weight * z, noise_var**0.5 * one).log_prob(x)
    integrand = q.log_prob(z).exp() * (log_joint - q.log_prob(z))
    bound = torch.trapezoid(integrand, dx=24 / 20_000, dim=0)
    evidence = Normal(0 * one, (weight**2 + noise_var) ** 0.5 * one).log_prob(x)
    found = solution("elbo.gap")(x, mean, log_var, weight, noise_var)
    torch.testing.assert_close(found, evidence - bound, rtol=1e-9, atol=1e-9)


def test_the_batches_of_a_data_set_average_to_its_bound(generator):
    log_likelihood = torch.randn(6, 5, generator=generator, dtype=torch.float64)
    rate = torch.rand(6, 3, generator=generator, dtype=torch.float64)
    elbo = solution("elbo.minibatch_elbo")
    whole = log_likelihood.sum() - rate.sum()
    pairs = torch.combinations(torch.arange(6), 2)  # all batches of two, equally likely
    mean = torch.stack([elbo(log_likelihood[pair], rate[pair], 6) for pair in pairs]).mean()
    torch.testing.assert_close(mean, whole)


def test_em_climbs_the_likelihood_and_stops_where_its_gradient_is_zero(generator):
    x = torch.cat([torch.randn(40, generator=generator) - 2, torch.randn(60, generator=generator)])
    x = x.double()
    log_weights = torch.tensor([0.4, 0.6], dtype=torch.float64).log()

    def log_likelihood(means):
        return (log_weights + Normal(means, 1.0).log_prob(x[:, None])).logsumexp(-1).sum()

    means, step = torch.tensor([-0.5, 0.5], dtype=torch.float64), solution("elbo.em_step")
    reached = [log_likelihood(means)]
    for _ in range(200):
        means = step(x, means, log_weights)
        reached.append(log_likelihood(means))
    assert (torch.stack(reached).diff() > -1e-10).all() and reached[1] > reached[0] + 1
    assert reached[-1] > log_likelihood(x.mean().expand(2)) + 1  # no saddle
    gradient = torch.func.grad(log_likelihood)(means)
    torch.testing.assert_close(gradient, torch.zeros_like(gradient), rtol=0, atol=1e-6)
