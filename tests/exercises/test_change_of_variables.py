"""The reference solutions of the exercises on change of variables, against torch and the flows."""

import pytest
import torch
from torch.distributions import LogNormal, MultivariateNormal, Normal

from vae_course import exercises
from vae_course.flows import Planar


def reference(name):
    return exercises.get(f"change_of_variables.{name}").solution


def doubles(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_log_normal_density_is_torchs():
    x = doubles(30).exp()
    mean, sigma = torch.tensor([-0.4, 1.3], dtype=torch.float64)
    found = reference("log_normal_density")(x, mean, sigma)
    torch.testing.assert_close(found, LogNormal(mean, sigma).log_prob(x))


@pytest.mark.parametrize("layers", [1, 2, 6])
def test_the_chain_is_the_density_of_its_own_samples(layers):
    """Forward from known noise, with autograd's slope of the whole chain."""
    scales, shifts = doubles(layers, seed=1), 0.3 * doubles(layers, seed=2)
    noise = doubles(25, seed=3).requires_grad_()
    x = noise
    for scale, shift in zip(scales, shifts, strict=True):
        x = (scale * x + shift).sinh()
    (slope,) = torch.autograd.grad(x.sum(), noise)
    wanted = Normal(0.0, 1.0).log_prob(noise) - slope.abs().log()
    found = reference("chain_log_prob")(x.detach(), scales, shifts)
    torch.testing.assert_close(found, wanted.detach())


def test_the_planar_determinant_is_the_packages():
    layer = Planar(5).double()
    with torch.no_grad():
        layer.w.copy_(doubles(5, seed=1))
        layer.u.copy_(doubles(5, seed=2))
        layer.b.fill_(0.3)
    z = doubles(12, 5)
    w, u, b, _ = layer.parameters_at()
    found = reference("planar_log_det")(z, u, w, b)
    torch.testing.assert_close(found, layer(z)[1])


def test_the_planar_determinant_is_autograds_where_the_layer_folds():
    z, u, w = doubles(3, 4, seed=4)
    u = u - (3 + w @ u) * w / (w @ w)  # now wᵀu = −3
    z = z - (w @ z) * w / (w @ w)  # at the bend
    jacobian = torch.autograd.functional.jacobian(lambda z: z + u * torch.tanh(w @ z + 0.1), z)
    sign, log_det = jacobian.slogdet()
    assert sign < 0
    torch.testing.assert_close(reference("planar_log_det")(z[None], u, w, 0.1), log_det[None])


@pytest.mark.parametrize("mirror", [1, -1])
def test_the_affine_flow_is_a_gaussian(mirror):
    matrix, shift, x = doubles(4, 4, seed=5), doubles(4, seed=6), doubles(9, 4, seed=7)
    matrix[0] *= mirror
    found = reference("affine_flow")(x, matrix, shift)
    wanted = MultivariateNormal(shift, matrix @ matrix.T).log_prob(x)
    torch.testing.assert_close(found, wanted)
