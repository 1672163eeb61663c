"""ActNorm's first batch, without a look at the device; batch statistics in training."""

import copy

import pytest
import torch

from tests.statistics import assert_z
from vae_course.flows import ActNorm, BatchNorm, Composition
from vae_course.random import seeded


def data(*shape, device="cpu"):
    with seeded(3):
        return 5 + 3 * torch.randn(*shape, dtype=torch.float64).to(device)


@pytest.mark.parametrize("direction", ["forward", "inverse"])
@pytest.mark.parametrize("event_dims", [1, 3])
def test_the_first_batch_comes_out_normalised(device, direction, event_dims):
    layer = ActNorm(4, event_dims).double().to(device)
    x = data(*((50, 4) if event_dims == 1 else (50, 4, 3, 2)), device=device)
    y, _ = getattr(layer, direction)(x)
    axes = [0] if event_dims == 1 else [0, 2, 3]
    variance, mean = torch.var_mean(y, axes, correction=0)
    torch.testing.assert_close(mean, torch.zeros_like(mean), atol=1e-12, rtol=0)
    torch.testing.assert_close(variance, torch.ones_like(mean), atol=1e-12, rtol=0)
    assert layer.initialised


def test_later_batches_do_not_change_it(device):
    layer = ActNorm(4).double().to(device)
    layer.inverse(data(50, 4, device=device))
    before = copy.deepcopy(layer.state_dict())
    layer.inverse(10 * data(50, 4, device=device))
    layer(data(50, 4, device=device))
    for name, value in layer.state_dict().items():
        assert (value == before[name]).all()


def test_evaluation_does_not_initialise(device):
    layer = ActNorm(4).double().to(device).eval()
    x = data(50, 4, device=device)
    assert (layer.inverse(x)[0] == x).all()
    assert not layer.initialised
    layer.train().inverse(x)
    assert layer.initialised


def test_a_loaded_state_is_not_initialised_again(device):
    trained = ActNorm(4).double().to(device)
    trained.inverse(data(50, 4, device=device))
    layer = ActNorm(4).double().to(device)
    layer.load_state_dict(trained.state_dict())
    layer.inverse(7 * data(50, 4, device=device))
    assert (layer.shift == trained.shift).all()
    # An untrained state in a layer that had a first batch: it has one again.
    trained.load_state_dict(ActNorm(4).double().state_dict())
    assert not trained.initialised
    y, _ = trained.inverse(7 * data(50, 4, device=device))
    assert abs(y.mean().item()) < 1e-12


def test_a_stack_is_initialised_layer_by_layer(device):
    stack = Composition([ActNorm(3), ActNorm(3)]).double().to(device)
    stack.inverse(data(50, 3, device=device))
    last, first = stack.transforms[1], stack.transforms[0]
    assert last.shift.abs().max() > 1
    # What comes to the layer next to the noise is normal already.
    torch.testing.assert_close(first.shift, torch.zeros_like(first.shift), atol=1e-12, rtol=0)


def test_a_constant_feature_does_not_make_infinities(device):
    layer = ActNorm(2).to(device)
    y, log_det = layer.inverse(torch.ones(10, 2, device=device))
    assert y.isfinite().all()
    assert log_det.isfinite().all()


def test_no_look_at_the_device_while_initialising():
    """On "meta" tensors there is no number to look at: a look would raise."""
    with torch.device("meta"):
        for direction in ("forward", "inverse"):
            layer = ActNorm(3, event_dims=3)
            y, log_det = getattr(layer, direction)(torch.empty(8, 3, 4, 4))
            assert y.shape == (8, 3, 4, 4)
            assert log_det.shape == (8,)
            with pytest.raises((RuntimeError, NotImplementedError)):
                bool(layer.initialised)


# Batch normalisation ----------------------------------------------------------------------------


def test_batch_norm_normalises_each_batch_in_training(device):
    layer = BatchNorm(3).double().to(device)
    with torch.no_grad():
        layer.gamma.copy_(torch.tensor([0.0, 0.5, -1.0]))
        layer.beta.copy_(torch.tensor([0.0, 1.0, 2.0]))
    x, log_det = layer.inverse(data(200, 3, device=device))
    variance, mean = torch.var_mean(x, 0, correction=0)
    torch.testing.assert_close(mean, layer.beta.detach(), atol=1e-9, rtol=0)
    torch.testing.assert_close(variance, (2 * layer.gamma).exp().detach(), atol=1e-5, rtol=1e-5)
    # As an affine map with the batch's own moments: scale e^γ / sqrt(v + ε) for every feature.
    v = data(200, 3, device=device).var(0, correction=0)
    wanted = (layer.gamma - 0.5 * (v + layer.epsilon).log()).sum()
    torch.testing.assert_close(log_det, wanted.expand(200), atol=1e-12, rtol=0)


def test_batch_norm_averages_follow_and_evaluation_uses_them(device, seed):
    layer = BatchNorm(2, momentum=0.05).double().to(device)
    with seeded(seed):
        for _ in range(300):
            layer.inverse(5 + 3 * torch.randn(200, 2, dtype=torch.float64).to(device))
    # Averages with weights 0.05 · 0.95^k: their variance is 0.05/1.95 of that of one batch.
    share = (0.05 / 1.95) ** 0.5
    assert_z(layer.mean, 5.0, share * 3 / 200**0.5, detects=0.4)
    assert_z(layer.variance, 9 * 199 / 200, share * 9 * (2 / 200) ** 0.5, detects=1.6)
    layer.eval()
    y = data(5, 2, device=device)
    x, log_det = layer.inverse(y)
    scale = (layer.variance + layer.epsilon).rsqrt()
    torch.testing.assert_close(x, (y - layer.mean) * scale, atol=1e-12, rtol=0)
    torch.testing.assert_close(log_det, scale.log().sum().expand(5), atol=1e-12, rtol=0)


@pytest.mark.parametrize("momentum", [0, -0.1, 1.5])
def test_momentum_is_checked(momentum):
    with pytest.raises(ValueError, match=r"momentum is .*, needs a number in \(0, 1\]"):
        BatchNorm(2, momentum=momentum)


def test_event_dims_are_checked():
    with pytest.raises(ValueError, match="event_dims is 2, needs 1 or 3"):
        ActNorm(3, event_dims=2)
