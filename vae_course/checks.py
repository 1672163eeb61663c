"""Input is checked once, at the public function, before any work is done."""

import torch
from torch import Tensor


def require(condition: bool, message: str) -> None:
    """Raise `ValueError(message)` unless the condition holds."""
    if not condition:
        raise ValueError(message)


def require_tensor(name: str, value, *, event_shape=None, dimensions: int | None = None) -> Tensor:
    """Return `value` if it is a floating-point tensor of the wanted shape, else say what it is.

    `event_shape` is the shape of one example: `value` must be `(B, *event_shape)` with B >= 1.
    `dimensions` asks for that many axes instead.
    """
    require(
        isinstance(value, torch.Tensor) and value.is_floating_point(),
        f"{name} must be a floating-point tensor, got "
        + (f"dtype {value.dtype}" if isinstance(value, torch.Tensor) else type(value).__name__),
    )
    shape = tuple(value.shape)
    if event_shape is not None:
        event_shape = tuple(event_shape)
        wanted = "(B, " + ", ".join(map(str, event_shape)) + ")"
        require(
            len(shape) == 1 + len(event_shape) and shape[1:] == event_shape and shape[0] >= 1,
            f"{name} has shape {shape}, needs {wanted} with B >= 1",
        )
    if dimensions is not None:
        require(
            len(shape) == dimensions,
            f"{name} has shape {shape}, needs {dimensions} dimensions",
        )
    return value


def require_count(name: str, value, least: int = 1) -> int:
    """Return `value` if it is a whole number of at least `least`."""
    require(
        isinstance(value, int) and not isinstance(value, bool) and value >= least,
        f"{name} must be a whole number of at least {least}, got {value!r}",
    )
    return value


def require_weight(name: str, value) -> None:
    """Raise unless `value` is a number of at least 0. A tensor is taken as it is.

    To look at a tensor, even to print it in a message, the host would wait for the device.
    """
    if not isinstance(value, Tensor):
        require(value >= 0, f"{name} is {value}, needs a number >= 0")


def require_shape(name: str, value) -> tuple[int, ...]:
    """Return `value` as a tuple if it is a shape: one or more whole numbers, each at least 1."""
    shape = tuple(value) if isinstance(value, list | tuple) else ()
    require(
        len(shape) >= 1 and all(type(size) is int and size >= 1 for size in shape),
        f"{name} is {value!r}, needs one or more whole numbers, each at least 1",
    )
    return shape


def require_latents(name: str, value, latent_dim: int) -> Tensor:
    """Return `value` if it is a floating-point tensor `(..., latent_dim)`."""
    shape = tuple(require_tensor(name, value).shape)
    require(
        len(shape) >= 1 and shape[-1] == latent_dim,
        f"{name} has shape {shape}, needs (..., {latent_dim})",
    )
    return value
