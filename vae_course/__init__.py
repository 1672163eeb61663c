"""Reference implementations for the VAE course, on PyTorch.

Everything random is a `torch.distributions.Distribution`; everything conditional is a module
that maps a tensor to one; objectives are functions of a model and a batch.
"""

from vae_course.lazy import lazy

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "random": ["seeded"],
        "device": ["resolve_device"],
    },
)
