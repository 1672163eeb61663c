"""Toy densities: their log-densities integrate to one, and samples and entropies are their own."""

from math import e, log, pi

import pytest
import torch

from tests.statistics import assert_mean
from vae_course.data import toy
from vae_course.data.toy_densities import NoisyArcs
from vae_course.random import seeded

SMOOTH = ["two_moons", "rings", "eight_gaussians"]
NAMES = [*SMOOTH, "checkerboard"]


def grid(density, count: int):
    """Midpoints of count² cells that cover everything, and the area of one."""
    width = 2 * density.extent / count
    axis = (torch.arange(count, dtype=torch.float64) + 0.5) * width - density.extent
    return torch.cartesian_prod(axis, axis), width**2


@pytest.mark.parametrize("name", NAMES)
def test_density_integrates_to_one_and_entropy_is_its_own(name):
    density = toy(name)
    points, cell = grid(density, 400)  # not the grid that `entropy` uses
    log_prob = density.log_prob(points)
    mass = log_prob.exp() * cell
    assert abs(mass.sum().item() - 1) < 1e-9
    entropy = -(mass * log_prob.clamp_min(-1e4)).sum()
    assert abs(entropy.item() - density.entropy().item()) < 1e-8


@pytest.mark.parametrize("name", NAMES)
def test_samples_have_the_moments_of_the_density(name, seed):
    density = toy(name)
    with seeded(seed):
        sample = density.sample((100_000,))
    assert sample.shape == (100_000, 2)
    assert sample.dtype == torch.float32
    assert density.log_prob(sample).isfinite().all()
    points, cell = grid(density, 400)
    mass = density.log_prob(points).exp() * cell

    def features(x):
        x, y = x.double().unbind(-1)
        return torch.stack(
            [x, y, x * x, x * y, y * y, x * x * y, (2 * x).cos() * (2 * y).cos()], -1
        )

    assert_mean(features(sample), mass @ features(points), detects=0.3)
    if name in SMOOTH:
        assert_mean(-density.log_prob(sample), density.entropy(), detects=0.05)


def test_the_checkerboard_is_sampled_within_its_squares(seed):
    density = toy("checkerboard")
    with seeded(seed):
        sample = density.sample((500, 400))
    squares = sample.floor().long()
    assert (squares.sum(-1) % 2 == 0).all()
    assert squares.flatten(0, 1).unique(dim=0).shape == (8, 2)
    assert (density.log_prob(sample) == torch.tensor(-log(8))).all()
    outside = torch.tensor([[0.5, -0.5], [2.5, 0.5], [0.5, 2.5]])
    assert (density.log_prob(outside) == -torch.inf).all()


def test_an_arc_of_radius_zero_is_a_gaussian():
    density = NoisyArcs([(1.0, -2.0)], [0.0], [(1.0, 0.0)], 0.0, 0.5)
    x = torch.tensor([[1.0, -2.0], [1.5, -1.0]], dtype=torch.float64)
    wanted = -log(2 * pi * 0.25) - torch.tensor([0.0, 1.25]).double() / (2 * 0.25)
    torch.testing.assert_close(density.log_prob(x), wanted, atol=1e-12, rtol=0)
    assert abs(density.entropy().item() - log(2 * pi * e * 0.25)) < 1e-9


def test_an_arc_is_its_integral_over_the_angle():
    """Against the density written as an average of Gaussians over the angles, by a sum."""
    density = NoisyArcs([(0.5, 0.0)], [2.0], [(0.0, 1.0)], 3.0, 0.25)
    angles = torch.arange(4000, dtype=torch.float64) * 2 * pi / 4000
    weights = (3 * (angles - pi / 2).cos()).softmax(0)
    means = 2 * torch.stack([angles.cos(), angles.sin()], -1) + torch.tensor([0.5, 0.0]).double()
    x = torch.tensor([[0.5, 2.0], [2.5, 0.3], [0.4, -1.0], [0.5, 0.0]], dtype=torch.float64)
    squares = (x[:, None] - means).square().sum(-1) / 0.25**2
    log_prob = (weights.log() - 0.5 * squares - log(2 * pi * 0.25**2)).logsumexp(-1)
    torch.testing.assert_close(density.log_prob(x), log_prob, atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize("name", SMOOTH)
def test_float32_is_close_to_float64_and_has_finite_gradients(name):
    density = toy(name)
    x = torch.tensor([[0.0, 0.0], [1.0, 2.0], [-4.0, 4.0]], requires_grad=True)
    log_prob = density.log_prob(x)
    assert log_prob.dtype == torch.float32
    torch.testing.assert_close(log_prob, density.log_prob(x.double()).float(), atol=1e-3, rtol=1e-4)
    log_prob.sum().backward()
    assert x.grad.isfinite().all()


def test_a_name_that_is_none():
    with pytest.raises(ValueError, match="name is 'moons', needs one of checkerboard, eight"):
        toy("moons")
