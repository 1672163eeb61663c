"""Information in nats: what latents know of the data, exactly, by estimators, within bounds."""

from vae_course.lazy import lazy

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "decomposition": ["Decomposition", "exact_decomposition"],
        "estimation": ["estimate_decomposition"],
        "gaussian": [
            "gaussian_entropy",
            "gaussian_kl",
            "gaussian_total_correlation",
            "linear_gaussian_decomposition",
        ],
        "discrete": [
            "conditional_entropy",
            "entropy",
            "mutual_information",
            "relative_entropy",
            "total_correlation",
        ],
        "bounds": ["barber_agakov", "info_nce", "leave_one_out", "upper_by_rate"],
    },
)
