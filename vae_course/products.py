r"""Linear layers on a CPU by oneDNN instead of MKL: on other makers' processors twice as fast.

A training step of a multilayer perceptron is matrix products. In float32, PyTorch gives them to
Intel's MKL, which uses only half of the vector unit of another maker's processor. oneDNN, which
comes with PyTorch too and does its convolutions, uses all of it. Both work in float32: the results
differ by rounding only. On Intel's own processors MKL is the faster one, and nothing is changed.

    y = x Wᵀ + b,    dL/dx = g W,    dL/dW = gᵀ x,    dL/db = Σ g

All three products have the form A Bᵀ, so each is the same operation, which makes the backward pass
differentiable as well.
"""

import platform
from contextlib import nullcontext
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode


class Linear(torch.autograd.Function):
    """`x Wᵀ + b` for float32 matrices on the CPU."""

    @staticmethod
    def forward(context, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        context.save_for_backward(x, weight)
        return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")

    @staticmethod
    def backward(context, gradient: Tensor):
        x, weight = context.saved_tensors
        wanted = context.needs_input_grad
        return (
            Linear.apply(gradient, weight.t(), None) if wanted[0] else None,
            Linear.apply(gradient.t(), x.t(), None) if wanted[1] else None,
            gradient.sum(0) if wanted[2] else None,
        )


class OneDNN(TorchFunctionMode):
    """Within this block `nn.functional.linear`, so also `nn.Linear`, is done by oneDNN."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is nn.functional.linear:
            return linear(*args, **(kwargs or {}))
        return function(*args, **(kwargs or {}))


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`x Wᵀ + b` for x `(..., inputs)`."""
    special = (  # autocast, vmap, jacrev and forward mode know only PyTorch's own operations
        torch.is_autocast_enabled(x.device.type)
        or torch._C._are_functorch_transforms_active()
        or torch.autograd.forward_ad._current_level >= 0
    )
    if special or x.dim() < 2 or x.numel() == 0 or {x.dtype, weight.dtype} != {torch.float32}:
        return nn.functional.linear(x, weight, bias)
    y = Linear.apply(x.reshape(-1, x.shape[-1]), weight, bias)
    return y.view(*x.shape[:-1], len(weight))


def fast_products(device: torch.device):
    """The block for the forward pass on `device`: oneDNN where it is at hand, else nothing."""
    at_hand = (
        device.type == "cpu"
        and not made_by_intel()
        and platform.machine().lower() in ("x86_64", "amd64")
        and torch.backends.mkldnn.is_available()
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )
    return OneDNN() if at_hand else nullcontext()


@cache
def made_by_intel() -> bool:
    """Whether this machine's processor names Intel as its maker."""
    info = Path("/proc/cpuinfo")
    return "GenuineIntel" in (info.read_text() if info.exists() else platform.processor())
