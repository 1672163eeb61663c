r"""Latents that are bits: the score function with a learned baseline, NVIL.

$$ \big(f(z) - c - C_\psi(x)\big)\, \nabla_\phi \log q_\phi(z \mid x) $$

The ELBO of one picture may be -60 and of another -140, and most of what f(z) says is only which
picture it was. The network C_ψ(x) learns that, by least squares; c is a moving average. Neither
sees z, so the gradient stays unbiased.

The paper also divides the signal by a running estimate of its standard deviation. That rescales the
whole gradient, which is a matter of step size; it is left out. With two or more draws for each x,
`rloo` needs no network.

Source: Mnih & Gregor 2014, "Neural Variational Inference and Learning in Belief Networks".
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vae_course.checks import require
from vae_course.estimators.integrand import require_problem
from vae_course.estimators.score import score_function


class InputBaseline(nn.Module):
    """b(x) = c + C_ψ(x): `network` maps `(B, ...)` to `(B, 1)`, c follows the mean of the rest.

    After each use `error` holds the squared errors `(K, B)`; add their mean to the loss.
    """

    def __init__(self, network: nn.Module, decay: float = 0.9):
        super().__init__()
        require(0 <= decay < 1, f"decay is {decay}, needs a number from 0 to below 1")
        self.network = network
        self.decay = decay
        self.register_buffer("centre", torch.zeros(()))
        self.error: Tensor | None = None

    def forward(self, values: Tensor, x: Tensor) -> Tensor:
        """b(x), `(B,)`, from before it sees the values f(z), `(K, B)`."""
        guess = self.network(x).squeeze(-1)
        require(
            guess.shape == values.shape[1:],
            f"network(x) has shape {tuple(guess.shape)}, needs {tuple(values.shape[1:])} "
            "after its last axis is dropped",
        )
        rest = values - guess
        self.error = (rest - self.centre).square()
        baseline = guess.detach() + self.centre  # a new tensor: the update below leaves it alone
        with torch.no_grad():
            self.centre.lerp_(rest.mean().to(self.centre.dtype), 1 - self.decay)
        return baseline


def nvil(
    q: Distribution,
    f: Callable[[Tensor], Tensor],
    samples: int = 1,
    *,
    baseline: InputBaseline,
    x: Tensor,
) -> Tensor:
    """`score_function` with a baseline that is learned from x, `(B, ...)`: `(samples, B)`."""
    require_problem(q, samples)
    require(
        isinstance(baseline, InputBaseline),
        f"baseline is {type(baseline).__name__}, needs an InputBaseline",
    )
    return score_function(q, f, samples, baseline=lambda values: baseline(values, x))
