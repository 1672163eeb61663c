"""The reference solutions of the exercises on posteriors and priors that bend."""

import math

import torch
from torch.distributions import Categorical, Independent, Normal, kl_divergence

from tests.quadrature import nodes
from vae_course import exercises
from vae_course.directional import HypersphericalUniform, VonMisesFisher
from vae_course.priors import mixture


def reference(id):
    return exercises.get(id).solution


def doubles(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def planar(z, w, u, b):
    for k in range(len(w)):
        z = z + torch.tanh(z @ w[k] + b[k])[..., None] * u[k]
    return z


def test_the_bound_is_that_of_autograds_determinant():
    epsilon, mean, log_var = doubles(3, 5, 4)
    w, u, b = doubles(6, 4, seed=1).exp(), doubles(6, 4, seed=2).exp(), doubles(6, seed=3)
    log_likelihood = doubles(5, seed=4)
    q_0 = Independent(Normal(mean, (0.5 * log_var).exp()), 1)
    z_0 = mean + (0.5 * log_var).exp() * epsilon
    jacobians = [torch.autograd.functional.jacobian(lambda z: planar(z, w, u, b), z) for z in z_0]
    log_q = q_0.log_prob(z_0) - torch.linalg.slogdet(torch.stack(jacobians)).logabsdet
    log_prior = Normal(0.0, 1.0).log_prob(planar(z_0, w, u, b)).sum(-1)
    found = reference("flow_posteriors.flow_elbo")(log_likelihood, epsilon, mean, log_var, w, u, b)
    torch.testing.assert_close(found, log_likelihood + log_prior - log_q)


def test_the_bound_of_the_posterior_is_log_p_for_every_noise():
    """p(z) = N(0, 1) in one dimension, and q(z|x) = p(z|x) by a flow: no noise changes the bound.

    q_0 = N(0, 1) is bent by one layer; the likelihood is the one of which q is the posterior.
    """
    epsilon = doubles(50, 1)
    zero = torch.zeros(50, 1, dtype=torch.float64)
    w, u, b = doubles(1, 1, seed=1), doubles(1, 1, seed=2).abs(), doubles(1, seed=3)
    w = w.abs()
    z = epsilon + torch.tanh(epsilon @ w[0] + b[0])[:, None] * u[0]
    slope = 1 + (1 - torch.tanh(epsilon @ w[0] + b[0]) ** 2) * (w[0] @ u[0])
    log_q = Normal(0.0, 1.0).log_prob(epsilon).sum(-1) - slope.log()
    log_likelihood = -2.5 + log_q - Normal(0.0, 1.0).log_prob(z).sum(-1)  # Bayes, log p(x) = -2.5
    found = reference("flow_posteriors.flow_elbo")(log_likelihood, epsilon, zero, zero, w, u, b)
    torch.testing.assert_close(found, torch.full_like(found, -2.5))


def test_the_mixture_is_the_packages():
    z, logits = doubles(20, 3), doubles(7, seed=1)
    means, log_var = doubles(2, 7, 3, seed=2)
    parts = Independent(Normal(means, (0.5 * log_var).exp()), 1)
    found = reference("flow_posteriors.mixture_log_prob")(z, logits, means, log_var)
    torch.testing.assert_close(found, mixture(logits, parts).log_prob(z))


def test_the_gaps_are_divergences_to_the_posterior():
    """log p(x) - ELBO(q) = KL(q ‖ p(z|x)), by torch's Categorical; both gaps are never negative."""
    log_joint, family = 2 * doubles(8, 5), doubles(4, 5, seed=1).log_softmax(-1)
    chosen = torch.arange(8) % 4
    found = reference("flow_posteriors.gaps")(log_joint, family, chosen)
    posterior = Categorical(logits=log_joint[:, None])
    divergences = kl_divergence(Categorical(logits=family), posterior)
    torch.testing.assert_close(found[:, 0], divergences.min(-1).values)
    torch.testing.assert_close(found.sum(-1), divergences[torch.arange(8), chosen])
    assert (found >= -1e-12).all()


def test_the_rate_of_a_direction_is_the_integral_over_the_sphere():
    """In three dimensions the cosine t is uniform under p: KL is an integral over t alone."""
    concentration = torch.tensor([0.3, 1.0, 4.0, 20.0], dtype=torch.float64)
    t, weights = nodes(-1, 1, 200)
    log_ratio = (concentration / concentration.sinh()).log()[:, None] + concentration[:, None] * t
    q = log_ratio.exp() / 2  # the density of t
    torch.testing.assert_close((weights * q).sum(-1), torch.ones_like(concentration))
    found = reference("flow_posteriors.vmf_kl")(concentration)
    torch.testing.assert_close(found, (weights * q * log_ratio).sum(-1))


def test_the_rate_of_a_direction_is_the_packages():
    concentration = torch.tensor([0.3, 1.0, 10.0, 100.0, 1000.0], dtype=torch.float64)
    loc = torch.tensor([0.0, 0.6, 0.8], dtype=torch.float64).expand(5, 3)
    wanted = kl_divergence(VonMisesFisher(loc, concentration), HypersphericalUniform(3))
    found = reference("flow_posteriors.vmf_kl")(concentration)
    torch.testing.assert_close(found, wanted)
    assert abs(found[-1].item() - (math.log(2000) - 1)) < 1e-6, "log 2κ - 1 for a sharp q"
