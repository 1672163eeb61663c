"""Layers of flows for images, each against its formula; and what they refuse."""

import pytest
import torch

from tests.flows.contract import jacobian
from vae_course.flows import (
    Flatten,
    ImageCoupling,
    InvertibleConv1x1,
    Squeeze,
    channel_half,
    checkerboard,
)
from vae_course.flows.image_coupling import conditioner
from vae_course.random import seeded


def noise(*shape, dtype=torch.float64):
    with seeded(0):
        return torch.randn(*shape, dtype=dtype)


def test_squeeze_puts_each_block_of_four_into_channels():
    x = noise(2, 3, 4, 6)
    y, log_det = Squeeze()(x)
    assert y.shape == (2, 12, 2, 3) and (log_det == 0).all()
    for c in range(3):
        for a in range(2):
            for b in range(2):
                assert torch.equal(y[:, 4 * c + 2 * a + b], x[:, c, a::2, b::2])


def test_flatten_keeps_the_order_of_memory():
    x = noise(2, 3, 4, 6)
    y, log_det = Flatten((3, 4, 6))(x)
    assert torch.equal(y, x.reshape(2, 72)) and log_det.shape == (2,)


@pytest.mark.parametrize("shape", [(1, 3, 4), (1, 4, 3)])
def test_squeeze_refuses_an_odd_size(shape):
    with pytest.raises(ValueError, match=r"height × width \d × \d, needs both even"):
        Squeeze()(noise(*shape))


def test_unsqueeze_refuses_channels_that_are_no_multiple_of_four():
    with pytest.raises(ValueError, match="y has 6 channels, needs a multiple of 4"):
        Squeeze().inverse(noise(6, 2, 2))


# The 1×1 convolution ------------------------------------------------------------------------------


def matrix(negative: bool):
    """A 3×3 matrix whose determinant has the wanted sign."""
    weight = noise(3, 3)
    return weight if (torch.linalg.det(weight) < 0) == negative else weight[[1, 0, 2]]


@pytest.mark.parametrize("lu", [False, True])
@pytest.mark.parametrize("negative", [False, True])
def test_log_det_is_pixels_times_log_of_the_absolute_determinant(lu, negative):
    weight = matrix(negative)
    layer = InvertibleConv1x1(3, lu, weight).double()
    y = noise(3, 3, 5)
    full = torch.linalg.slogdet(jacobian(lambda v: layer.inverse(v)[0], y))
    determinant = torch.linalg.det(weight)
    assert full.sign == (-1 if negative else 1)  # fifteen pixels, so the sign is that of det W
    torch.testing.assert_close(layer.inverse(y)[1], 15 * determinant.abs().log())
    torch.testing.assert_close(layer.inverse(y)[1], full.logabsdet)
    torch.testing.assert_close(layer(y)[1], -full.logabsdet)


@pytest.mark.parametrize("lu", [False, True])
def test_each_pixel_is_multiplied_by_the_matrix(lu):
    weight, y = matrix(True), noise(2, 3, 4, 5)
    layer = InvertibleConv1x1(3, lu, weight).double()
    torch.testing.assert_close(layer.matrix()[0], weight)
    wanted = torch.einsum("dc,bchw->bdhw", weight, y)
    torch.testing.assert_close(layer.inverse(y)[0], wanted)


def test_it_starts_as_a_rotation_or_a_reflection():
    for seed in range(4):
        with seeded(seed):
            weight, log_det = InvertibleConv1x1(4, lu=True).matrix()
        torch.testing.assert_close(weight @ weight.T, torch.eye(4), atol=1e-5, rtol=0)
        assert abs(log_det) < 1e-5


def test_every_permutation_of_channels_is_a_1x1_convolution():
    y = noise(2, 3, 4, 4)
    layer = InvertibleConv1x1(3, weight=torch.eye(3)[[2, 0, 1]]).double()
    value, log_det = layer.inverse(y)
    assert torch.equal(value, y[:, [2, 0, 1]]) and (log_det == 0).all()


@pytest.mark.parametrize("lu", [False, True])
def test_a_singular_matrix_is_refused(lu):
    weight = matrix(False)
    weight[2] = weight[0] - 2 * weight[1]
    with pytest.raises(ValueError, match="weight is singular: its singular values go from"):
        InvertibleConv1x1(3, lu, weight)


def test_a_matrix_that_became_singular_is_refused_when_it_has_to_be_inverted():
    layer = InvertibleConv1x1(3)
    with torch.no_grad():
        layer.weight.fill_(1.0)
    with pytest.raises(ValueError, match="weight is singular"):
        layer(noise(3, 2, 2, dtype=torch.float32))


def test_the_matrix_has_the_size_of_the_channels():
    with pytest.raises(ValueError, match=r"weight has shape \(2, 2\), needs \(3, 3\)"):
        InvertibleConv1x1(3, weight=torch.eye(2))


# Couplings ----------------------------------------------------------------------------------------


def test_checkerboard_and_its_complement():
    board = checkerboard((5, 2, 3))
    assert board.tolist() == [[[True, False, True], [False, True, False]]]
    assert (checkerboard((1, 4, 4)).sum(), (~checkerboard((1, 4, 4))).sum()) == (8, 8)


MASKS = {
    "first channels": channel_half(4),
    "last channels": ~channel_half(4),
    "even pixels": checkerboard((4, 4, 4)),
    "odd pixels": ~checkerboard((4, 4, 4)),
}


def coupling(mask):
    """A coupling of (4, 4, 4) whose network is not zero any more."""
    by_channel = tuple(mask.shape) == (4, 1, 1)
    with seeded(1):
        network = conditioner(2 if by_channel else 4, 4 if by_channel else 8, hidden=6)
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    return ImageCoupling(mask, network).double()


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_what_the_mask_selects_stays_and_alone_says_how_the_rest_moves(mask):
    layer, x = coupling(mask), noise(4, 4, 4)
    stays = mask.expand(4, 4, 4).flatten()
    y, _ = layer(x)
    assert torch.equal(y.flatten()[stays], x.flatten()[stays])
    assert (y != x).flatten()[~stays].all()
    full = jacobian(lambda v: layer(v)[0], x)
    moved = full[~stays][:, ~stays]
    # What moves depends on itself by its own scale only, and on what stays in some other way.
    assert torch.equal(moved, moved.diagonal().diag()) and (moved.diagonal() > 0).all()
    assert (full[~stays][:, stays] != 0).any()
    torch.testing.assert_close(layer(x)[1], moved.diagonal().log().sum())


def test_a_new_coupling_is_the_identity():
    layer = ImageCoupling(channel_half(4), conditioner(2, 4, 8)).double()
    y, log_det = layer(noise(4, 4, 4))
    assert torch.equal(y, noise(4, 4, 4)) and log_det == 0


def test_no_scale_is_beyond_e_squared():
    layer = coupling(checkerboard((4, 4, 4)))
    s, _ = layer.scale_and_shift(1e4 * noise(2, 4, 4, 4))
    assert s.abs().max() <= 2


def test_an_odd_number_of_channels_is_refused():
    with pytest.raises(ValueError, match="channels is 3, needs an even number"):
        channel_half(3)


@pytest.mark.parametrize("mask", [torch.ones(4, 1, 1), torch.ones(4, 4) > 0, "first"])
def test_a_mask_that_is_none_is_refused(mask):
    with pytest.raises(ValueError, match="mask needs to be a tensor of bool with 3 axes"):
        ImageCoupling(mask, conditioner(2, 4, 8))


def test_channels_that_are_not_a_half_are_refused():
    mask = torch.tensor([True, False, True, False])[:, None, None]
    with pytest.raises(ValueError, match="not the first or the last half"):
        ImageCoupling(mask, conditioner(2, 4, 8))
