"""Oracles: models whose truth is known in closed form. Implementations are held to them."""

from vae_course.lazy import lazy

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "ppca": ["ProbabilisticPCA"],
        "linear_vae": ["LinearGaussianVAE", "exact_elbo", "optimal_linear_vae"],
        "collapse": [
            "collapse_thresholds",
            "data_with_eigenvalues",
            "sorted_rates",
            "train_linear_vae",
        ],
        "discrete": ["DiscreteLatentModel", "FiniteDistribution", "binary_vectors", "one_hot"],
        "quadrature": ["QuadratureModel"],
        "rate_distortion": [
            "WaterFilling",
            "gaussian_rate",
            "reverse_water_filling",
            "water_level",
        ],
        "finite_rate_distortion": ["FiniteRateDistortion", "blahut_arimoto"],
        "bottleneck": ["Bottleneck", "canonical_correlations", "gaussian_bottleneck"],
    },
)
