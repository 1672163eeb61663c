"""The reference solutions of the exercises on coupling and autoregressive flows."""

from itertools import pairwise

import torch
from torch.distributions import Normal

from vae_course import exercises
from vae_course.flows import autoregressive_masks, check_autoregressive, degrees


def reference(id):
    return exercises.get(id).solution


def doubles(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def log_dets(function, x):
    jacobians = [torch.autograd.functional.jacobian(function, point) for point in x]
    return torch.linalg.slogdet(torch.stack(jacobians)).logabsdet


def test_masks_are_those_of_the_package():
    for ordering in (None, [2, 0, 4, 1, 3]):
        units = degrees(5, [7, 9], ordering)
        layers = [*pairwise(units), (units[-1], units[0])]
        masks = [
            reference("coupling.made_mask")(below, above, last=k == len(layers) - 1)
            for k, (below, above) in enumerate(layers)
        ]
        wanted = autoregressive_masks(5, [7, 9], ordering=ordering)
        assert all(torch.equal(a, b.float()) for a, b in zip(masks, wanted, strict=True))
        check_autoregressive(masks, ordering)


def test_the_coupling_is_inverted_by_hand_and_its_determinant_is_autograds():
    x, s_weight, t_weight = doubles(6, 5), doubles(5, 5, seed=1), doubles(5, 5, seed=2)
    bent = torch.tensor([True, False, True, True, False])
    layer = reference("coupling.affine_coupling")
    found = layer(x, bent, s_weight, t_weight)
    y, log_det = found[:, :-1], found[:, -1]
    assert torch.equal(y[:, ~bent], x[:, ~bent])
    s, t = torch.tanh(y * ~bent @ s_weight.T), y * ~bent @ t_weight.T
    torch.testing.assert_close(((y - t) * torch.exp(-s))[:, bent], x[:, bent])
    one = lambda point: layer(point[None], bent, s_weight, t_weight)[0, :-1]  # noqa: E731
    torch.testing.assert_close(log_det, log_dets(one, x))


def iaf(z, s_weights, t_weights):
    for s_weight, t_weight in zip(s_weights, t_weights, strict=True):
        z = (z * torch.exp(torch.tanh(s_weight @ z)) + t_weight @ z).flip(-1)
    return z


def test_the_samples_density_is_that_of_the_noise_over_autograds_determinant():
    noise = doubles(7, 4)
    s_weights, t_weights = doubles(3, 4, 4, seed=1).tril(-1), doubles(3, 4, 4, seed=2).tril(-1)
    found = reference("coupling.iaf_log_prob")(noise, s_weights, t_weights)
    stretch = log_dets(lambda z: iaf(z, s_weights, t_weights), noise)
    torch.testing.assert_close(found, Normal(0.0, 1.0).log_prob(noise).sum(-1) - stretch)


def test_the_sample_solves_its_equation():
    noise, s_weight, t_weight = doubles(9, 6), doubles(6, 6, seed=1), doubles(6, 6, seed=2)
    s_weight, t_weight = 0.5 * s_weight.tril(-1), t_weight.tril(-1)
    x = reference("coupling.maf_sample")(noise, s_weight, t_weight)
    s, t = torch.tanh(x @ s_weight.T), x @ t_weight.T
    torch.testing.assert_close((x - t) * torch.exp(-s), noise)
