"""Estimators of log p(x) under a trained model."""

from vae_course.lazy import lazy

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {"importance": ["importance_sampled_log_likelihood"]},
)
