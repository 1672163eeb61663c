"""The reference solutions of the exercises on flows for images, against the package."""

import math

import pytest
import torch

from vae_course import exercises
from vae_course.flows import ActNorm, InvertibleConv1x1, Squeeze
from vae_course.flows import bits_per_dimension as bits_of_the_package


def reference(name):
    return exercises.get(f"flow_images.{name}").solution


def doubles(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_squeeze_is_the_packages():
    x = doubles(3, 5, 6, 8)
    found = reference("squeeze")(x)
    assert torch.equal(found, Squeeze()(x)[0])
    assert torch.equal(Squeeze().inverse(found)[0], x)


@pytest.mark.parametrize("mirror", [1, -1])
def test_one_by_one_log_det_is_the_packages_and_that_of_the_whole_jacobian(mirror):
    weight = doubles(3, 3, seed=1)
    weight[0] *= mirror
    found = reference("one_by_one_log_det")(weight, 2, 5)
    x = doubles(1, 3, 2, 5)
    torch.testing.assert_close(found[None], InvertibleConv1x1(3, weight=weight).inverse(x)[1])
    whole = torch.kron(weight, torch.eye(10, dtype=torch.float64))
    torch.testing.assert_close(found, whole.slogdet()[1])


@pytest.mark.parametrize("levels", [2, 32, 256])
def test_bits_per_dimension_are_the_packages(levels):
    log_density = 100 * doubles(6)
    found = reference("bits_per_dimension")(log_density, 48, levels)
    torch.testing.assert_close(
        found, bits_of_the_package(log_density, 48, levels), rtol=1e-6, atol=1e-6
    )


def test_a_flat_density_costs_the_logarithm_of_the_levels():
    found = reference("bits_per_dimension")(torch.zeros(1), 10, 8)
    assert found.item() == pytest.approx(math.log2(8), rel=1e-6)


def test_the_actnorm_parameters_are_the_packages_and_do_what_they_should():
    x = 3 * doubles(7, 4, 5, 6) + doubles(4, 1, 1, seed=1)
    log_scale, shift = reference("actnorm_parameters")(x)
    layer = ActNorm(4, event_dims=3).double().train()
    z, _ = layer.inverse(x)
    torch.testing.assert_close(log_scale, layer.log_scale.detach().flatten())
    torch.testing.assert_close(shift, layer.shift.detach().flatten())
    own = (x - shift[:, None, None]) * (-log_scale[:, None, None]).exp()
    torch.testing.assert_close(own, z.detach())
    torch.testing.assert_close(own.mean((0, 2, 3)), torch.zeros(4, dtype=torch.float64))
    torch.testing.assert_close(own.var((0, 2, 3), correction=0), torch.ones(4, dtype=torch.float64))
