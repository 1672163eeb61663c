"""A linear-Gaussian model whose posterior is hard to find from the prior."""

from math import log

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from vae_course.oracles import LinearGaussianVAE
from vae_course.random import seeded


def linear_vae(device, dtype, d: int = 20, n: int = 40, mixing: float = 0.1, wider: float = 0.2):
    """Ten nats for each latent: W has nearly orthogonal columns of length √5, and σ² = 1/2.

    The encoder has the posterior's mean. Its variances are those of one latent given the others,
    times exp(`wider`): so its tails are heavier than the posterior's, and no weight stands out.
    `mixing` is what makes the posterior's latents correlated, which the encoder's are not.
    """
    with seeded(0):
        orthogonal = torch.linalg.qr(torch.randn(n, d, dtype=dtype))[0]
        weight = 5**0.5 * orthogonal + mixing * torch.randn(n, d, dtype=dtype)
    precision = 2 * weight.T @ weight + torch.eye(d, dtype=dtype)
    vae = LinearGaussianVAE(n, d).to(dtype).requires_grad_(False)
    vae.decoder.trunk.weight.copy_(weight)
    vae.decoder.trunk.bias.zero_()
    vae.decoder.log_sigma.fill_(0.5 * log(0.5))
    vae.encoder.mean.weight.copy_(2 * torch.linalg.solve(precision, weight.T))
    vae.encoder.mean.bias.zero_()
    vae.encoder.log_var.copy_(wider - precision.diagonal().log())
    return vae.to(device)


def data(vae, count: int = 1) -> Tensor:
    """`(count, n)` drawn from the model itself."""
    with seeded(1):
        return vae.sample(count)


class NoReading(TorchDispatchMode):
    """Within this block no number is read by the host, which on a GPU would wait for it."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        assert "_local_scalar_dense" not in str(function), "a tensor was read by the host"
        return function(*args, **(kwargs or {}))
