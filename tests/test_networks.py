"""Shapes, sizes and costs of the networks that the course publishes."""

import pytest
import torch
from torch import nn

from vae_course.models import mlp_vae
from vae_course.networks import ConvDecoder, ConvEncoder, mlp, multiply_adds, parameter_count


def test_mlp_is_linear_at_its_end():
    network = mlp((784, 512, 256, 16))
    kinds = [type(layer) for layer in network]
    assert kinds == [nn.Linear, nn.ReLU, nn.Linear, nn.ReLU, nn.Linear]
    sizes = [(layer.in_features, layer.out_features) for layer in network[::2]]
    assert sizes == [(784, 512), (512, 256), (256, 16)]
    assert network(torch.zeros(2, 3, 784)).shape == (2, 3, 16)


def test_mlp_parameter_count():
    # weights and biases
    assert parameter_count(mlp((784, 512, 256, 16))) == 785 * 512 + 513 * 256 + 257 * 16


def test_parameter_count_leaves_out_what_is_frozen():
    network = mlp((4, 3, 2))
    network[0].weight.requires_grad_(False)
    assert parameter_count(network) == 3 + 8


def test_multiply_adds_of_the_network_of_erratum_e83():
    # 784-400-400-2x20 and 20-400-400-2x784: linear layers dominate, not latents times hidden.
    vae = mlp_vae((784,), (400, 400), latent_dim=20, likelihood="gaussian_per_pixel")
    flops = multiply_adds(vae.encoder, torch.zeros(1, 784))
    flops += multiply_adds(vae.decoder, torch.zeros(1, 20))
    assert flops == 1_284_800


def test_multiply_adds_count_every_example():
    network = mlp((5, 7))
    assert multiply_adds(network, torch.zeros(3, 5)) == 3 * 35


def test_multiply_adds_of_convolutions():
    # each output number of a convolution costs kernel x in-channels ...
    encoder = ConvEncoder((1, 28, 28), (16, 32))
    wanted = 16 * 14 * 14 * (4 * 4 * 1) + 32 * 7 * 7 * (4 * 4 * 16)
    assert multiply_adds(encoder, torch.zeros(1, 1, 28, 28)) == wanted
    # ... and each input number of a transposed one kernel x out-channels: the same, mirrored.
    decoder = ConvDecoder(8, (1, 28, 28), (16, 32))
    assert multiply_adds(decoder, torch.zeros(1, 8)) == wanted + 8 * 32 * 7 * 7


def test_counting_leaves_no_hooks():
    network = mlp((5, 7))
    multiply_adds(network, torch.zeros(1, 5))
    assert not network[0]._forward_hooks


@pytest.mark.parametrize(
    "event_shape, channels", [((1, 28, 28), (16, 32)), ((3, 8, 16), (4, 5, 6)), ((2, 2, 2), (3,))]
)
def test_conv_encoder_and_decoder_mirror_each_other(event_shape, channels, device):
    encoder = ConvEncoder(event_shape, channels).to(device)
    decoder = ConvDecoder(8, event_shape, channels).to(device)
    shapes = []

    def note(layer, inputs, output):
        shapes.append((tuple(inputs[0].shape[1:]), tuple(output.shape[1:])))

    for module in (encoder, decoder):
        for layer in module.layers:
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                layer.register_forward_hook(note)
    features = encoder(torch.zeros(2, *event_shape, device=device))
    assert features.shape == (2, encoder.features)
    assert decoder(torch.zeros(2, 8, device=device)).shape == (2, *event_shape)
    forward, backward = shapes[: len(channels)], shapes[len(channels) :]
    assert backward == [(output, input) for input, output in reversed(forward)]
    assert forward[0][0] == event_shape
    halved = tuple(size // 2 ** len(channels) for size in event_shape[1:])
    assert forward[-1][1] == (channels[-1], *halved)


def test_conv_decoder_folds_leading_axes_in_order():
    decoder = ConvDecoder(3, (1, 4, 4), (2,))
    z = torch.randn(5, 2, 3, generator=torch.Generator().manual_seed(0))
    images = decoder(z)
    assert images.shape == (5, 2, 1, 4, 4)
    torch.testing.assert_close(images[4, 1], decoder(z[4, 1][None])[0])
    assert decoder(z[0, 0]).shape == (1, 4, 4)


def test_conv_decoder_is_linear_at_its_end():
    assert isinstance(ConvDecoder(3, (1, 28, 28)).layers[-1], nn.ConvTranspose2d)
