"""Derivations that check each of their own steps before they draw themselves."""

from vae_course.lazy import lazy

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "catalogue": ["all", "get"],
        "divergences": [
            "gibbs_inequality",
            "kl_and_chi_squared",
            "kl_below_log_chi_squared",
            "kl_is_not_symmetric",
            "kl_of_equal_variances",
            "kl_triangle_fails",
        ],
        "elbo": ["elbo_by_jensen", "elbo_gap", "elbo_three_forms", "elbo_without_jensen"],
        "elbo_examples": ["elbo_of_a_gaussian_model", "elbo_of_a_minibatch"],
        "engine": ["Derivation", "Step", "StepFailed", "WrongForm"],
        "gaussian_kl": ["kl_between_gaussians", "kl_diagonal", "kl_from_standard_normal"],
        "gaussian_kl_full": ["kl_full_from_standard_normal", "kl_full_gaussian"],
    },
)
