"""Any shape: either it works and the results have the right shapes, or a ValueError says why."""

import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vae_course.models import conv_vae, mlp_autoencoder, mlp_vae
from vae_course.objectives import elbo, squared_error

# The same examples in every run; nothing random without a seed.
always = settings(max_examples=60, deadline=None, derandomize=True, database=None)

EVENT = (1, 4, 4)
MODELS = {
    "mlp": mlp_vae(EVENT, (5,), 3),
    "conv": conv_vae(EVENT, (2,), 3, likelihood="gaussian_per_pixel", posterior="full"),
}
AUTOENCODER = mlp_autoencoder(EVENT, (5,), 3)

sizes = st.integers(0, 5)
shapes = st.lists(sizes, max_size=5).map(tuple)
near_events = st.one_of(shapes, st.tuples(sizes, st.just(1), st.just(4), st.just(4)))
near_latents = st.one_of(shapes, st.lists(sizes, max_size=3).map(lambda lead: (*lead, 3)))


def must_say(call, *words) -> None:
    with pytest.raises(ValueError) as caught:
        call()
    for word in words:
        assert word in str(caught.value), str(caught.value)


@pytest.mark.parametrize("name", MODELS)
@always
@given(shape=near_events)
def test_any_shape_of_x(name, shape):
    model, x = MODELS[name], torch.zeros(shape)
    calls = [lambda: model.encode(x), lambda: elbo(model, x)]
    calls += [lambda: AUTOENCODER.encode(x), lambda: squared_error(AUTOENCODER, x)]
    if len(shape) == 4 and shape[1:] == EVENT and shape[0] >= 1:
        batch = shape[0]
        assert model.encode(x).batch_shape == (batch,)
        assert elbo(model, x).value.shape == (batch,)
        assert AUTOENCODER.encode(x).shape == (batch, 3)
        assert squared_error(AUTOENCODER, x).value.shape == (batch,)
    else:
        for call in calls:
            must_say(call, f"x has shape {shape}", "needs (B, 1, 4, 4)")


@pytest.mark.parametrize("name", MODELS)
@always
@given(shape=near_latents)
def test_any_shape_of_z(name, shape):
    model, z = MODELS[name], torch.zeros(shape)
    if shape[-1:] == (3,):
        p_x = model.decode(z)
        assert p_x.batch_shape == shape[:-1]
        assert p_x.event_shape == EVENT
        assert p_x.sample().shape == AUTOENCODER.decode(z).shape == (*shape[:-1], *EVENT)
    else:
        for part in (model, AUTOENCODER):
            must_say(lambda part=part: part.decode(z), f"z has shape {shape}", "needs (..., 3)")


@pytest.mark.parametrize(
    "value, said",
    [
        (torch.zeros(2, *EVENT, dtype=torch.uint8), "dtype torch.uint8"),
        (torch.zeros(2, *EVENT, dtype=torch.int64), "dtype torch.int64"),
        ([[0.0] * 16], "list"),
        (None, "NoneType"),
    ],
)
def test_what_is_not_a_floating_point_tensor(value, said):
    for model in (*MODELS.values(), AUTOENCODER):
        must_say(lambda model=model: model.encode(value), "x must be a floating-point", said)
        must_say(lambda model=model: model.decode(value), "z must be a floating-point", said)


@always
@given(event_shape=st.lists(st.integers(-1, 4), max_size=4).map(tuple))
def test_any_event_shape_of_an_mlp(event_shape):
    def make():
        return mlp_vae(event_shape, (4,), 2), mlp_autoencoder(event_shape, (4,), 2)

    if len(event_shape) >= 1 and min(event_shape) >= 1:
        vae, autoencoder = make()
        x = torch.zeros(3, *event_shape)
        assert vae.decode(vae.encode(x).mean).sample().shape == x.shape
        assert autoencoder.decode(autoencoder.encode(x)).shape == x.shape
    else:
        must_say(make, f"event_shape is {event_shape}", "each at least 1")
        must_say(lambda: mlp_autoencoder(event_shape), f"event_shape is {event_shape}")


@always
@given(
    event_shape=st.lists(st.integers(0, 12), min_size=2, max_size=4).map(tuple),
    channels=st.lists(st.integers(0, 3), max_size=3).map(tuple),
)
def test_any_event_shape_and_channels_of_convolutions(event_shape, channels):
    def make():
        return conv_vae(event_shape, channels, 2)

    shrink = 2 ** len(channels)
    if not min(event_shape) >= 1:
        must_say(make, f"event_shape is {event_shape}", "each at least 1")
    elif not (channels and min(channels) >= 1):
        must_say(make, f"channels is {channels}", "each at least 1")
    elif len(event_shape) != 3:
        must_say(make, f"event_shape is {event_shape}", "needs (C, H, W)")
    elif event_shape[1] % shrink or event_shape[2] % shrink:
        must_say(make, f"event_shape is {event_shape}", f"multiples of {shrink}")
    else:
        vae, x = make(), torch.zeros(2, *event_shape)
        assert vae.decode(vae.encode(x).mean).sample().shape == x.shape


@pytest.mark.parametrize("make", [mlp_vae, mlp_autoencoder])
@pytest.mark.parametrize("hidden", [(), (0,), (8, -1), (2.5,), 8])
def test_bad_hidden_layers(make, hidden):
    must_say(lambda: make(hidden=hidden), f"hidden is {hidden!r}", "each at least 1")


@pytest.mark.parametrize("make", [mlp_vae, conv_vae, mlp_autoencoder])
@pytest.mark.parametrize("latent_dim", [0, -2, 1.5, True, None])
def test_bad_latent_dimension(make, latent_dim):
    said = f"latent_dim must be a whole number of at least 1, got {latent_dim!r}"
    with pytest.raises(ValueError, match=re.escape(said)):
        make(latent_dim=latent_dim)


@pytest.mark.parametrize("count", [0, -1, 2.0])
def test_bad_number_of_samples(count):
    must_say(
        lambda: MODELS["mlp"].sample(count),
        f"count must be a whole number of at least 1, got {count}",
    )
