"""Objectives: functions of a model and a batch. A β-VAE is an argument, not a class."""

from vae_course.lazy import lazy

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "bound": ["Bound", "MonteCarloBound", "elbo"],
        "target_rate": ["CapacityBound", "RisingCapacity", "capacity"],
        "control": ["ControlledBound", "ControlledELBO"],
        "free_groups": ["FreeBits", "free_bits"],
        "dip": ["dip_elbo"],
        "factor": ["FactorELBO", "permute_dims"],
        "importance_weighted": ["ImportanceBound", "iwae"],
        "landing": ["sticking_the_landing"],
        "maximum_likelihood": ["LogLikelihood", "log_likelihood"],
        "reconstruction": ["squared_error"],
        "total_correlation": ["log_aggregate", "total_correlation_elbo"],
    },
)
