"""Where to compute: `"auto"` takes CUDA, then Apple's MPS, then the CPU."""

import torch


def resolve_device(device: str | torch.device = "auto") -> torch.device:
    """Return the device that a name stands for; `"auto"` is the fastest one at hand."""
    if device != "auto":
        return torch.device(device)
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")
