"""Metrics: functions of arrays of codes or samples."""

from vae_course.lazy import lazy

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "latents": ["active_units", "aggregate_posterior_moments", "encode_all", "unit_rates"],
        "samples": ["gaussian_wasserstein2", "mmd2"],
        "paths": ["great_circle", "straight_line"],
    },
)
