"""Estimators of log p(x) under a trained model."""

from vae_course.lazy import lazy

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "importance": ["effective_sample_size", "importance_sampled_log_likelihood"],
        "hamiltonian": ["hamiltonian_transition", "leapfrog"],
        "annealed": ["AnnealedEstimate", "annealed_importance_sampling"],
        "bidirectional": ["Bracket", "bidirectional_monte_carlo"],
    },
)
