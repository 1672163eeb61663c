r"""Where the units of a linear VAE switch off, found by training.

Theory says that a unit is off as soon as $\beta\sigma^2 \ge \lambda_i$. To hold a *training* to
that, it must be run until nothing moves, and close to the threshold little moves: the gain from
using a unit vanishes there, and so does the gradient ("critical slowing down"). Gradient descent
would need ever more steps. A quasi-Newton method in float64 on the exact objective does not.
"""

import torch
from torch import Tensor
from torch.distributions import kl_divergence

from vae_course.checks import require, require_tensor
from vae_course.oracles.linear_vae import LinearGaussianVAE, exact_elbo
from vae_course.random import seeded


def data_with_eigenvalues(eigenvalues: Tensor) -> Tensor:
    """`2n` points `(2n, n)` with mean 0 and, exactly, the covariance diag(eigenvalues)."""
    require_tensor("eigenvalues", eigenvalues, dimensions=1)
    half = (len(eigenvalues) * eigenvalues).sqrt().diag()
    return torch.cat([half, -half])


def train_linear_vae(
    x: Tensor, latent_dim: int, sigma: float | str, beta: float = 1.0, seed: int = 0
) -> LinearGaussianVAE:
    """A linear VAE trained on the exact β-ELBO from a random start, by LBFGS, to convergence.

    `sigma` is a number, or "shared": learned with the rest.
    """
    require_tensor("x", x, dimensions=2)
    with seeded(seed):
        model = LinearGaussianVAE(x.shape[1], latent_dim, sigma).to(x)
    optimizer = torch.optim.LBFGS(
        model.parameters(),
        max_iter=1000,
        history_size=20,
        tolerance_grad=1e-6,  # rates are then right to far better than 1e-3
        tolerance_change=0.0,
        line_search_fn="strong_wolfe",
    )

    def loss():
        optimizer.zero_grad()
        loss = -exact_elbo(model, x, beta).value.mean()
        loss.backward()
        return loss

    optimizer.step(loss)
    return model


@torch.no_grad()
def sorted_rates(model: LinearGaussianVAE, x: Tensor) -> Tensor:
    """Mean KL of each unit, `(d,)` in nats, the largest first."""
    rates = kl_divergence(model.encode(x).base_dist, model.prior.base_dist).mean(0)
    return rates.sort(descending=True).values


def collapse_thresholds(
    x: Tensor,
    latent_dim: int,
    sigma: float,
    low: float,
    high: float,
    off: float = 1e-3,
    precision: float = 0.01,
    seed: int = 0,
) -> Tensor:
    """The β, `(d,)`, at which the largest, second largest, ... rate falls below `off` nats.

    Each is bisected between `low` and `high`, to the relative `precision`; a linear VAE is trained
    anew for every β that is tried.
    """
    require(0 < low < high, f"low and high are {low} and {high}, need 0 < low < high")
    found = {}

    def rates(beta: float) -> Tensor:
        if beta not in found:
            found[beta] = sorted_rates(train_linear_vae(x, latent_dim, sigma, beta, seed), x)
        return found[beta]

    thresholds = []
    for unit in range(latent_dim):
        on, out = low, high
        require(
            bool(rates(on)[unit] > off) and bool(rates(out)[unit] <= off),
            f"unit {unit} does not switch off between low = {low} and high = {high}",
        )
        while out / on > 1 + 2 * precision:
            middle = (on * out) ** 0.5
            on, out = (middle, out) if rates(middle)[unit] > off else (on, middle)
        thresholds.append((on * out) ** 0.5)
    return torch.tensor(thresholds, dtype=x.dtype)
