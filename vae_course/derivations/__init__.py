"""Derivations that check each of their own steps before they draw themselves."""

from vae_course.lazy import lazy

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "catalogue": ["all", "get"],
        "engine": ["Derivation", "Step", "StepFailed", "WrongForm"],
        "gaussian_kl": ["kl_between_gaussians", "kl_diagonal", "kl_from_standard_normal"],
    },
)
