"""nn.js against torch, layer by layer and for whole networks."""

import base64

import numpy as np
import pytest
import torch
from torch import nn

from tests.widgets.node import forward_in_node, rounded_to_float16, run_module
from vae_course.models import conv_vae, mlp_vae
from vae_course.random import seeded
from vae_course.widgets.base import encode_float16, export_network

# Every option apart from its default at least once; channels, height and width all different, so
# that no transposition goes unnoticed.
LAYERS = {
    "linear": ((7,), lambda: nn.Linear(7, 5)),
    "relu": ((6,), nn.ReLU),
    "leaky relu": ((6,), lambda: nn.LeakyReLU(0.2)),
    "sigmoid": ((6,), nn.Sigmoid),
    "tanh": ((6,), nn.Tanh),
    "identity": ((3, 4, 5), nn.Identity),
    "flatten": ((3, 4, 5), nn.Flatten),
    "flatten a vector": ((6,), nn.Flatten),
    "unflatten": ((60,), lambda: nn.Unflatten(1, (3, 4, 5))),
    "upsample": ((3, 4, 5), lambda: nn.Upsample(scale_factor=2)),
    "conv 3, stride 1": ((3, 6, 5), lambda: nn.Conv2d(3, 4, 3, padding=1)),
    "conv 4, stride 2": ((3, 8, 6), lambda: nn.Conv2d(3, 4, 4, stride=2, padding=1)),
    "conv 3, stride 2, no padding": ((3, 8, 7), lambda: nn.Conv2d(3, 4, 3, stride=2)),
    "transposed 4, stride 2": (
        (3, 4, 5),
        lambda: nn.ConvTranspose2d(3, 4, 4, stride=2, padding=1),
    ),
    "transposed 3, stride 2, output padding": (
        (3, 4, 5),
        lambda: nn.ConvTranspose2d(3, 2, 3, stride=2, padding=1, output_padding=1),
    ),
    "transposed 5, stride 3": ((3, 4, 5), lambda: nn.ConvTranspose2d(3, 2, 5, stride=3, padding=2)),
    "convolutions with upsampling": (
        (2, 4, 3),
        lambda: nn.Sequential(
            nn.Conv2d(2, 6, 3, padding=1),
            nn.Tanh(),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(6, 1, 1),
        ),
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layer_equals_torch(name):
    shape, make = LAYERS[name]
    with seeded(1):
        layer = rounded_to_float16(make())
        inputs = torch.randn(4, *shape)
    wanted = layer(inputs).flatten(1).detach()
    torch.testing.assert_close(forward_in_node(layer, inputs), wanted, atol=2e-6, rtol=1e-6)


NETWORKS = {
    "conv decoder": lambda: (conv_vae().decoder.trunk, (8,)),
    "conv encoder": lambda: (encoder_of(conv_vae()), (1, 28, 28)),
    "mlp decoder": lambda: (mlp_vae().decoder.trunk, (16,)),
    "mlp encoder": lambda: (encoder_of(mlp_vae()), (1, 28, 28)),
}


def encoder_of(model) -> nn.Sequential:
    return nn.Sequential(model.encoder.trunk, model.encoder.head)


@pytest.mark.parametrize("name", NETWORKS)
def test_network_equals_torch(name):
    """Within 1e-3 with torch's weights; with weights rounded to float16, to float32 rounding."""
    with seeded(2):
        network, shape = NETWORKS[name]()
        inputs = torch.randn(20, *shape)
    in_node = forward_in_node(network, inputs)
    wanted = network(inputs).flatten(1).detach()
    assert wanted.std() > 0.01  # an output that says something
    torch.testing.assert_close(in_node, wanted, atol=1e-3, rtol=0)
    wanted = rounded_to_float16(network)(inputs).flatten(1).detach()
    torch.testing.assert_close(in_node, wanted, atol=5e-6, rtol=1e-5)


def test_float16_is_exact_for_every_number():
    """All 63,488 finite bit patterns, subnormal numbers and both zeros among them."""
    bits = np.arange(2**16, dtype="<u2")
    numbers = bits.view("<f2")
    finite = numbers[np.isfinite(numbers)]
    text = base64.b64encode(finite.tobytes()).decode()
    decoded = run_module("nn.js", "return [...js.decodeFloat16(data)]", text)
    np.testing.assert_array_equal(np.array(decoded), finite.astype(float))


def test_forward_leaves_its_input_and_earlier_results_alone():
    code = """
        const network = js.loadNetwork([{ type: "relu" }], "");
        const input = new Float32Array([-1, 2]);
        const first = network.forward(input);
        const second = network.forward(new Float32Array([5, 6]));
        return [[...input], [...first], [...second]];
    """
    assert run_module("nn.js", code, None) == [[-1, 2], [0, 2], [5, 6]]


BAD_NETWORKS = {
    "an unknown layer": nn.Sequential(nn.Linear(3, 3), nn.Softplus()),
    "no bias": nn.Linear(3, 3, bias=False),
    "dilation": nn.Conv2d(1, 1, 3, dilation=2),
    "groups": nn.Conv2d(2, 2, 3, groups=2),
    "an oblong kernel": nn.Conv2d(1, 1, (3, 5)),
    "circular padding": nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular"),
    "smooth upsampling": nn.Upsample(scale_factor=2, mode="bilinear"),
}


@pytest.mark.parametrize("name", BAD_NETWORKS)
def test_export_refuses_what_it_cannot_run(name):
    with pytest.raises(ValueError, match=r"^network has"):
        export_network(BAD_NETWORKS[name], (2, 8, 8))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 65520.0])
def test_float16_refuses_what_it_cannot_hold(value):
    with pytest.raises(ValueError, match="finite and below 65504"):
        encode_float16(torch.tensor([1.0, value]))


@pytest.mark.parametrize("missing", [-1, 1])
def test_loading_refuses_the_wrong_number_of_weights(missing):
    weights = encode_float16(torch.zeros(8 + missing))
    spec = [{"type": "linear", "in": 3, "out": 2}]
    with pytest.raises(RuntimeError, match="weights"):
        run_module("nn.js", "js.loadNetwork(data.spec, data.w)", {"spec": spec, "w": weights})
