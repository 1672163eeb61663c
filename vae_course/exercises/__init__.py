"""Exercises: `check("vae.gaussian_kl", gaussian_kl)`, `hint`, `solution`."""

from vae_course.lazy import lazy

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "catalogue": ["all", "check", "get", "hint", "solution"],
        "notebooks": ["stub_problems"],
        "engine": ["Case", "Exercise", "Mutant"],
        "result": ["Result"],
    },
)
