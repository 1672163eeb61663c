"""Metrics: functions of arrays of codes or samples."""

from vae_course.lazy import lazy

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "information": ["factor_information", "modularity", "mutual_information_gap"],
        "interventions": ["beta_vae_score", "factor_vae_score"],
        "latents": ["active_units", "aggregate_posterior_moments", "encode_all", "unit_rates"],
        "samples": ["gaussian_wasserstein2", "mmd2"],
        "predictors": ["DCI", "dci", "sap"],
        "paths": ["great_circle", "straight_line"],
    },
)
