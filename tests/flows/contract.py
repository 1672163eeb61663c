"""What every transform owes: the form of a case, and what the tests of all cases share.

A file `cases_….py` has a list CASES. `test_transforms.py` runs everything on all of them.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Independent, Normal

from vae_course.flows import Composition, FlowDistribution, Transform
from vae_course.random import seeded


@dataclass(frozen=True)
class Case:
    """A transform to be tested.

    name:              what pytest prints
    build:             makes the transform at its default initialisation, in float32
    data_shape:        the shape of one event that `forward` gives
    noise_shape:       of one event that it takes, where that is another
    context_features:  c of the context `(..., c)`, 0 if there is none
    spread:            deviation of the noise that is added to every parameter, so that nothing is
                       an identity any more
    stacks:            whether 100 of them make a sensible flow (not if shapes or supports differ)
    nodes:             points an axis of the quadrature, for events (1,) and (2,)
    integral:          error allowed there; only what is not smooth needs more than the default
    """

    name: str
    build: Callable[[], Transform]
    data_shape: tuple[int, ...]
    noise_shape: tuple[int, ...] | None = None
    context_features: int = 0
    spread: float = 0.3
    stacks: bool = True
    nodes: int = 400
    integral: float = 1e-6

    @property
    def noise(self) -> tuple[int, ...]:
        return self.noise_shape or self.data_shape

    def default(self, dtype=torch.float64, device="cpu", layers: int = 1) -> Transform:
        """`layers` of them as they are built, ready to be evaluated."""
        with seeded(1):
            transforms = [self.build() for _ in range(layers)]
            transform = transforms[0] if layers == 1 else Composition(transforms)
            return ready(transform, self, dtype, device)

    def perturbed(self, dtype=torch.float64, device="cpu", seed: int = 2) -> Transform:
        """One at random parameters, ready to be evaluated."""
        with seeded(seed):
            transform = ready(self.build(), self, dtype, device)
            with torch.no_grad():
                for parameter in transform.parameters():
                    parameter += self.spread * torch.randn_like(parameter)
            return transform

    def draw(self, *batch: int, dtype=torch.float64, device="cpu", seed: int = 3) -> Tensor:
        """Noise to put in: `(*batch, *noise)`."""
        with seeded(seed):
            return torch.randn(*batch, *self.noise, dtype=dtype).to(device)

    def context(self, *batch: int, dtype=torch.float64, device="cpu", seed: int = 4):
        """A context `(*batch, c)`, or None where the transform takes none."""
        if self.context_features == 0:
            return None
        with seeded(seed):
            return torch.randn(*batch, self.context_features, dtype=dtype).to(device)

    def distribution(self, transform, context=None) -> FlowDistribution:
        """The density of data, from standard normal noise."""
        parameter = next(iter(transform.parameters()), torch.zeros((), dtype=torch.float64))
        zeros = parameter.new_zeros(self.noise)
        base = Independent(Normal(zeros, zeros + 1, validate_args=False), len(self.noise))
        return FlowDistribution(base, transform, context)


def ready(transform, case: Case, dtype, device):
    """In dtype and on the device, after one pass in training (what ActNorm begins with)."""
    transform = transform.to(dtype=dtype).to(device).train()
    noise = case.draw(64, dtype=dtype, device=device, seed=5)
    context = case.context(64, dtype=dtype, device=device, seed=6)
    with torch.no_grad():
        data, _ = transform(noise, context)
        transform.inverse(data, context)
    return transform.eval()


def sizes(name: str, build, *features: int, **settings) -> list[Case]:
    """One case for each number of features: `build(features)` makes the transform."""
    return [
        Case(f"{name}-{count}", lambda count=count: build(count), (count,), **settings)
        for count in features
    ]


def jacobian(function, point: Tensor) -> Tensor:
    """The Jacobian of `function` at one event, as a square matrix."""
    matrix = torch.autograd.functional.jacobian(function, point)
    return matrix.reshape(-1, point.numel())
