"""All derivations of the course."""

from vae_course.derivations import (
    annealing,
    densities,
    divergences,
    elbo,
    elbo_examples,
    elbo_gradients,
    exchange,
    gaussian_kl,
    gaussian_kl_full,
    gradient_variances,
    gradients,
    importance,
    importance_gradients,
    linear_collapse,
    rate_distortion,
    temperatures,
    variance_scaling,
    water_levels,
    waves,
)
from vae_course.derivations.engine import Derivation

ALL = [
    divergences.gibbs_inequality,
    divergences.kl_is_not_symmetric,
    divergences.kl_of_equal_variances,
    divergences.kl_triangle_fails,
    divergences.kl_and_chi_squared,
    divergences.kl_below_log_chi_squared,
    gaussian_kl.kl_from_standard_normal,
    gaussian_kl.kl_diagonal,
    gaussian_kl.kl_between_gaussians,
    gaussian_kl_full.kl_full_from_standard_normal,
    gaussian_kl_full.kl_full_gaussian,
    elbo.elbo_by_jensen,
    elbo.elbo_without_jensen,
    elbo.elbo_three_forms,
    elbo.elbo_gap,
    elbo_examples.elbo_of_a_gaussian_model,
    elbo_examples.elbo_of_a_minibatch,
    gradients.score_function_identity,
    gradients.pathwise_identity,
    gradients.score_function_moving_integrand,
    exchange.exchange_that_fails,
    exchange.exchange_that_holds,
    densities.change_of_variables,
    densities.gaussian_log_det,
    densities.gaussian_log_det_full,
    gradient_variances.score_function_variance,
    gradient_variances.pathwise_variance,
    gradient_variances.optimal_baseline,
    waves.pathwise_variance_of_a_wave,
    waves.score_function_variance_of_a_wave,
    elbo_gradients.elbo_gradient_one_sample,
    elbo_gradients.sticking_the_landing,
    elbo_gradients.sticking_the_landing_noise,
    elbo_gradients.decoder_gradient,
    importance.iwae_of_one_sample,
    importance.iwae_below_evidence,
    importance.iwae_monotone,
    importance.iwae_bias,
    importance_gradients.iwae_gradient,
    importance_gradients.doubly_reparameterised,
    importance_gradients.doubly_reparameterised_weight,
    annealing.ais_unbiased,
    temperatures.thermodynamic_identity,
    temperatures.thermodynamic_integration,
    temperatures.power_posterior,
    temperatures.thermodynamic_integration_gaussian,
    rate_distortion.elbo_rate_distortion,
    rate_distortion.rate_above_information,
    rate_distortion.barber_agakov,
    rate_distortion.rate_plus_distortion,
    rate_distortion.entropy_form_of_the_rate,
    rate_distortion.lagrangian_slope,
    water_levels.gaussian_rate_distortion,
    water_levels.water_filling,
    water_levels.water_filling_slope,
    linear_collapse.linear_vae_optimum,
    linear_collapse.collapse_threshold,
    linear_collapse.collapse_below_threshold,
    variance_scaling.mean_squared_error_scaling,
    variance_scaling.optimal_variance,
]


def all() -> list[Derivation]:
    """Every derivation, in the order of the book."""
    return list(ALL)


def get(name: str) -> Derivation:
    """The derivation of that name; `ValueError` lists the names."""
    found = {derivation.name: derivation for derivation in ALL}
    if name not in found:
        raise ValueError(f"name is {name!r}, needs to be one of {', '.join(found)}")
    return found[name]
