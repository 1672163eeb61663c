"""Derivations that check each of their own steps before they draw themselves."""

from vae_course.lazy import lazy

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "annealing": [
            "ais_unbiased",
        ],
        "capacity": [
            "capacity_optimum",
            "capacity_slope",
            "control_equilibrium",
            "free_bits_gradient",
        ],
        "catalogue": ["all", "get"],
        "densities": [
            "change_of_variables",
            "gaussian_log_det",
            "gaussian_log_det_full",
        ],
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
        "elbo_gradients": [
            "decoder_gradient",
            "elbo_gradient_one_sample",
            "sticking_the_landing",
            "sticking_the_landing_noise",
        ],
        "engine": ["Derivation", "Step", "StepFailed", "WrongForm"],
        "exchange": [
            "exchange_that_fails",
            "exchange_that_holds",
        ],
        "flow_densities": [
            "change_of_variables_decreasing",
            "dequantisation_bound",
            "flow_posterior_density",
            "variational_dequantisation_bound",
        ],
        "flow_jacobians": [
            "actnorm_log_det",
            "composition_log_det",
            "coupling_log_det",
            "one_by_one_log_det",
            "planar_log_det",
            "triangular_log_det",
        ],
        "gaussian_kl": ["kl_between_gaussians", "kl_diagonal", "kl_from_standard_normal"],
        "gaussian_kl_full": ["kl_full_from_standard_normal", "kl_full_gaussian"],
        "gradient_variances": [
            "optimal_baseline",
            "pathwise_variance",
            "score_function_variance",
        ],
        "gradients": [
            "pathwise_identity",
            "score_function_identity",
            "score_function_moving_integrand",
        ],
        "importance": [
            "iwae_below_evidence",
            "iwae_bias",
            "iwae_monotone",
            "iwae_of_one_sample",
        ],
        "importance_gradients": [
            "doubly_reparameterised",
            "doubly_reparameterised_weight",
            "iwae_gradient",
        ],
        "information": [
            "information_decomposition",
            "rotation_invariance",
            "total_correlation_decomposition",
            "total_correlation_gaussian",
        ],
        "linear_collapse": [
            "collapse_below_threshold",
            "collapse_threshold",
            "linear_vae_optimum",
        ],
        "rate_distortion": [
            "barber_agakov",
            "elbo_rate_distortion",
            "entropy_form_of_the_rate",
            "lagrangian_slope",
            "rate_above_information",
            "rate_plus_distortion",
        ],
        "temperatures": [
            "power_posterior",
            "thermodynamic_identity",
            "thermodynamic_integration",
            "thermodynamic_integration_gaussian",
        ],
        "variance_scaling": [
            "mean_squared_error_scaling",
            "optimal_variance",
        ],
        "von_mises_fisher": ["von_mises_fisher_kl", "von_mises_fisher_kl_sphere"],
        "water_levels": [
            "gaussian_rate_distortion",
            "water_filling",
            "water_filling_slope",
        ],
        "waves": ["pathwise_variance_of_a_wave", "score_function_variance_of_a_wave"],
    },
)
