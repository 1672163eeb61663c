"""Estimators of the gradient of an expectation, and one function that compares them.

An estimator is a function `estimator(q, f, samples) -> surrogate`, `(samples, *q.batch_shape)`:
the surrogate's value estimates E_q[f], its gradient estimates the gradient of E_q[f].
"""

from vae_course.lazy import lazy

__getattr__, __dir__, __all__ = lazy(
    __name__,
    {
        "integrand": ["evaluate"],
        "score": ["score_function", "rloo", "leave_one_out", "MovingAverage"],
        "paths": ["pathwise"],
        "implicit": ["implicit_sample"],
        "gamma": ["ImplicitGamma", "gamma_sample_gradient"],
        "gamma_families": ["ImplicitInverseGamma", "ImplicitBeta", "ImplicitStudentT"],
        "von_mises": ["ImplicitVonMises", "von_mises_sample_gradient"],
        "mixtures": ["ImplicitMixture", "stratified"],
        "relaxations": ["RelaxedOneHot", "relaxed", "gumbel_softmax", "straight_through"],
        "bernoulli": ["InputBaseline", "nvil"],
        "exact": ["enumeration", "quadrature", "exact_gradient"],
        "comparison": ["GradientStatistics", "compare"],
        "objective": ["EstimatedBound", "elbo_integrand", "estimated_elbo", "nvil_elbo"],
    },
)
