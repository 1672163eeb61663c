"""All derivations of the course."""

from vae_course.derivations import divergences, elbo, elbo_examples, gaussian_kl, gaussian_kl_full
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
