"""Whole flows for images: which numbers go how far, and what the constructors build."""

from itertools import pairwise

import pytest
import torch
from torch.distributions import Normal

from vae_course.data.coarsening import coarse
from vae_course.flows import (
    ActNorm,
    FactorOut,
    Glow,
    ImageCoupling,
    InvertibleConv1x1,
    MultiScale,
    MultiscaleRealNVP,
)
from vae_course.networks import multiply_adds
from vae_course.random import seeded


def noise(*shape, dtype=torch.float64):
    with seeded(0):
        return torch.randn(*shape, dtype=dtype)


def perturbed(flow, std=0.1):
    """The flow after its first batch, with parameters that are no longer those it starts with."""
    with seeded(1), torch.no_grad():
        flow.double().log_prob(noise(8, *flow.event_shape))
        for parameter in flow.parameters():
            parameter += std * torch.randn_like(parameter)
    return flow.eval()


def test_what_is_factored_out_is_gaussian_given_what_goes_on():
    layer = FactorOut((4, 2, 2)).double()
    with seeded(2):
        torch.nn.init.normal_(layer.network.weight)
    h = noise(3, 4, 2, 2)
    goes_on, z, log_det = layer.take_out(h)
    mean, s = layer.gaussian(goes_on)
    wanted = Normal(mean, s.exp()).log_prob(h[:, 2:]).sum((1, 2, 3))
    torch.testing.assert_close(Normal(0.0, 1.0).log_prob(z).sum(-1) + log_det, wanted)
    assert s.abs().max() > 0.1


def sizes_of_levels(flow) -> list[int]:
    """How many numbers of each image go into each level, from data to noise."""
    sizes = []
    for level in flow.transform.transforms[0].levels:
        # The last of a level's transforms is the first one on the way to the noise.
        first = level.transforms[-1]
        inverse = first.inverse

        def watched(y, context=None, inverse=inverse):
            sizes.append(y[0].numel())
            return inverse(y, context)

        first.inverse = watched
    flow.log_prob(noise(2, *flow.event_shape, dtype=torch.float32))
    return sizes


@pytest.mark.parametrize(
    "build", [lambda s: Glow(s, 4, 1, 4), lambda s: MultiscaleRealNVP(s, 4, 4)]
)
def test_each_level_sees_half_as_many_numbers(build):
    flow = build((3, 32, 32))
    assert sizes_of_levels(flow) == [3072, 1536, 768, 384]
    assert flow.base().event_shape == (3072,)


def test_what_is_factored_out_takes_no_part_in_the_levels_that_follow():
    flow, x = perturbed(Glow((1, 8, 8), levels=2, steps=2, hidden=5)), noise(3, 1, 8, 8)
    before, _ = flow.transform.inverse(x)
    with torch.no_grad():
        for parameter in flow.transform.transforms[0].levels[1].parameters():
            parameter += 0.1
    after, _ = flow.transform.inverse(x)
    first = flow.transform.transforms[0].sizes[0]
    assert first == 32
    assert torch.equal(before[:, :first], after[:, :first])
    assert (before[:, first:] != after[:, first:]).all()


def test_factoring_out_saves_work():
    cost = {}
    for factor_out in (True, False):
        flow = Glow((3, 32, 32), levels=4, steps=2, hidden=8, factor_out=factor_out)
        cost[factor_out] = multiply_adds(flow.transform, noise(1, 3072, dtype=torch.float32))
    assert cost[True] < 0.7 * cost[False]


def test_glow_is_what_its_docstring_says():
    flow = Glow((1, 8, 8), levels=2, steps=3, hidden=5)
    (multiscale,) = flow.transform.transforms
    for level in multiscale.levels:
        kinds = [type(layer) for layer in level.transforms[:-1]]
        assert kinds == 3 * [ImageCoupling, InvertibleConv1x1, ActNorm]  # from noise to data
    assert isinstance(multiscale, MultiScale) and multiscale.sizes == [32, 32]


def test_real_nvp_moves_every_number_in_turn():
    flow = MultiscaleRealNVP((1, 8, 8), levels=2, hidden=5)
    (multiscale,) = flow.transform.transforms
    first, last = (
        [layer for layer in level.transforms if isinstance(layer, ImageCoupling)]
        for level in multiscale.levels
    )
    assert [layer.by_channel for layer in first] == 3 * [True] + 3 * [False]
    assert [layer.by_channel for layer in last] == 4 * [False]
    assert [layer.stays_first for layer in first[:3]] == [False, True, False]
    for group in (first[3:], last):
        for one, other in pairwise(group):
            assert torch.equal(one.stays, 1 - other.stays)


def test_the_first_batch_gives_every_actnorm_mean_zero_and_variance_one():
    flow = Glow((1, 8, 8), levels=2, steps=3, hidden=5).double()
    x = 3 + 0.2 * noise(200, 1, 8, 8)
    flow.log_prob(x)
    seen = []
    for layer in flow.modules():
        if isinstance(layer, ActNorm):
            inverse = layer.inverse

            def watched(y, context=None, inverse=inverse):
                value, log_det = inverse(y, context)
                seen.append(value)
                return value, log_det

            layer.inverse = watched
    flow.eval().log_prob(x)
    assert len(seen) == 6
    for value in seen:
        variance, mean = torch.var_mean(value, (0, 2, 3), correction=0)
        torch.testing.assert_close(mean, torch.zeros_like(mean), atol=1e-9, rtol=0)
        torch.testing.assert_close(variance, torch.ones_like(mean), atol=1e-9, rtol=0)


@pytest.mark.parametrize("build", [Glow, MultiscaleRealNVP])
def test_sizes_that_cannot_be_halved_are_refused(build):
    with pytest.raises(ValueError, match=r"height and width must be even"):
        build((1, 10, 10), 3)
    with pytest.raises(ValueError, match=r"event_shape is \(8, 8\), needs \(C, H, W\)"):
        build((8, 8))
    with pytest.raises(ValueError, match="levels must be a whole number of at least 1"):
        build((1, 8, 8), 0)


def test_real_nvp_refuses_a_checkerboard_of_one_pixel():
    with pytest.raises(ValueError, match="one pixel is left, a checkerboard needs two"):
        MultiscaleRealNVP((1, 4, 4), 3)


def test_levels_and_shapes_belong_together():
    with pytest.raises(ValueError, match="levels has 1 entries and shapes 2"):
        MultiScale([[InvertibleConv1x1(4)]], [(4, 2, 2), (8, 1, 1)])
    with pytest.raises(ValueError, match="shape has 3 channels, needs an even number"):
        FactorOut((3, 2, 2))


def test_a_sample_has_the_density_that_it_comes_with():
    flow = perturbed(Glow((1, 8, 8), levels=3, steps=2, hidden=5))
    with seeded(3):
        x, log_prob = flow.rsample_and_log_prob((4,))
    assert x.shape == (4, 1, 8, 8)
    torch.testing.assert_close(flow.log_prob(x), log_prob)
    assert flow.sample((2, 3)).shape == (2, 3, 1, 8, 8)


def test_coarse_pictures_are_means_of_four_pixels():
    with seeded(0):
        images = torch.rand(3, 1, 28, 28)
    small = coarse(images, levels=16)
    assert small.shape == (3, 1, 16, 16)
    levels = small * 15
    torch.testing.assert_close(levels, levels.round(), atol=1e-5, rtol=0)
    assert (small[:, :, 0] == 0).all() and (small[:, :, :, -1] == 0).all()
    wanted = images[:, :, 2:4, 4:6].mean((-1, -2))
    assert (small[:, :, 2, 3] - wanted).abs().max() <= 0.5 / 15 + 1e-6
    with pytest.raises(ValueError, match=r"images has shape \(3, 1, 8, 8\), needs"):
        coarse(torch.rand(3, 1, 8, 8))
