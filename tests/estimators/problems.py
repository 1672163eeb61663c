"""What the tests of estimators share: one comparison against the exact gradient, one of draws."""

from itertools import pairwise

import torch
from torch import Tensor

from tests.quadrature import nodes
from tests.statistics import assert_mean, assert_z
from vae_course import seeded
from vae_course.estimators import compare


def gradients(estimator, family, phi, f, *, seed, repeats=20_000, samples=1) -> Tensor:
    """Independent gradients `(repeats, P)` of one estimator."""
    with seeded(seed):
        result = compare({"it": estimator}, family, phi, f, samples, repeats)
    return result["it"].gradients


def assert_unbiased(estimator, family, phi, f, exact, *, seed, detects, **options) -> Tensor:
    """Check the mean gradient against the exact one; return the gradients."""
    found = gradients(estimator, family, phi, f, seed=seed, **options)
    assert_mean(found, exact, detects)
    return found


def assert_draws(draws: Tensor, q, edges, detects: float = 0.02) -> None:
    """Check how often draws fall between `edges` against the integral of the density there.

    The edges span what can be drawn, so the masses also have to sum to one.
    """
    masses = []
    for low, high in pairwise(edges):
        points, weights = nodes(low, high, 400)
        masses.append((weights * q.log_prob(points).exp()).sum())
    masses = torch.stack(masses)
    assert abs(masses.sum().item() - 1) < 1e-4
    counts = torch.histogram(draws.double().flatten(), torch.tensor(edges).double()).hist
    standard_error = (masses * (1 - masses) / draws.numel()).sqrt()
    assert_z(counts / draws.numel(), masses, standard_error, detects)
