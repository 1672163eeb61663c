"""The reference solutions of the exercises on bounds, against the package and exact answers."""

from itertools import product

import torch

from vae_course import exercises
from vae_course.likelihood import effective_sample_size
from vae_course.likelihood.hamiltonian import leapfrog


def reference(id):
    return exercises.get(id).solution


def doubles(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_importance_estimate_is_exact_where_q_is_the_posterior():
    """z ~ N(0, 1), x | z ~ N(z, 1): p(x) = N(x; 0, 2) and the posterior is N(x/2, 1/2)."""
    from torch.distributions import Normal

    x, zero = doubles(5), torch.zeros((), dtype=torch.float64)
    z = x / 2 + doubles(3, 5, seed=1)
    found = reference("bounds.importance_estimate")(
        Normal(z, 1).log_prob(x), Normal(zero, 1).log_prob(z), Normal(x / 2, 0.5**0.5).log_prob(z)
    )
    torch.testing.assert_close(found, Normal(zero, 2**0.5).log_prob(x))


def test_effective_sample_size_is_the_packages():
    log_weights = 5 * doubles(30, 4) - 800
    found = reference("bounds.effective_sample_size")(log_weights)
    torch.testing.assert_close(found, effective_sample_size(log_weights))


def test_dreg_is_the_gradient_of_the_bound_by_the_samples_twice_weighted():
    """Autograd of the IWAE bound by log w gives the normalised weights; here it is their square."""
    log_weights = doubles(6, 3).requires_grad_()
    (weights,) = torch.autograd.grad(log_weights.logsumexp(0).sum(), log_weights)
    surrogate = reference("bounds.dreg")(log_weights)
    (found,) = torch.autograd.grad(surrogate.sum(), log_weights)
    torch.testing.assert_close(found, weights**2)


def test_annealed_weight_is_unbiased_on_a_finite_chain():
    """Every path of a latent with three states, its probability times its weight: p(x) exactly.

    The transitions are Gibbs': a fresh draw of the density that the chain has just reached.
    """
    prior = doubles(3).softmax(0)
    log_likelihood = 3 * doubles(3, seed=1)
    powers = torch.tensor([0.0, 0.2, 0.5, 1.0], dtype=torch.float64)
    densities = (prior.log() + powers[:, None] * log_likelihood).softmax(-1)
    paths = torch.tensor(list(product(range(3), repeat=4)))
    chances = torch.stack([densities[j][paths[:, j]] for j in range(4)]).prod(0)
    log_weights = reference("bounds.ais_weight")(log_likelihood[paths.T], powers)
    torch.testing.assert_close(
        (chances * log_weights.exp()).sum(), (prior * log_likelihood.exp()).sum()
    )


def test_leapfrog_is_the_packages_and_runs_backwards():
    def gradient(z):
        return z - z**3

    z, momentum = doubles(2, 5, 3)
    end = reference("bounds.leapfrog")(gradient, z, momentum, 0.1, 20)
    torch.testing.assert_close(end, torch.stack(leapfrog(gradient, z, momentum, 0.1, 20)))
    back = reference("bounds.leapfrog")(gradient, end[0], -end[1], 0.1, 20)
    torch.testing.assert_close(back, torch.stack([z, -momentum]))
