"""What the inputs of cases are made of: functions of a generator, drawn anew for each seed."""

import torch


def normal(*shape: int, dtype=torch.float32, scale: float = 1.0):
    """A function of a generator that draws a tensor of standard normal numbers."""
    return lambda generator: scale * torch.randn(shape, generator=generator, dtype=dtype)


def double(*shape: int):
    """`normal` in float64."""
    return normal(*shape, dtype=torch.float64)


def constant(value):
    """A function of a generator that gives always the same."""
    return lambda generator: value


def binary(*shape: int, dtype=torch.float32):
    """A function of a generator that draws zeros and ones."""
    return lambda generator: torch.randint(2, shape, generator=generator).to(dtype)


def drawn(**makers):
    """Inputs drawn one after the other from the case's generator."""
    return lambda generator: {name: maker(generator) for name, maker in makers.items()}


def given(**values):
    """Inputs written out: lists become tensors."""
    return lambda generator: {
        name: torch.tensor(value) if isinstance(value, list) else value
        for name, value in values.items()
    }
