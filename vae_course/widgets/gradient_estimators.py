r"""Gradient estimators: which one is better depends on f.

$$ \frac{\partial}{\partial \mu} \mathbb E\,f(z), \quad z = \mu + \sigma \varepsilon: \qquad
   \underbrace{\frac1K \sum_k \big(f(z_k) - b\big) \frac{\varepsilon_k}{\sigma}}_{\text{score
   function}} \quad \text{or} \quad
   \underbrace{\frac1K \sum_k f'(z_k)}_{\text{pathwise}} $$

The page shows f over the density of z, 2,000 estimates of each kind around the exact gradient, and
the variances, measured and exact. For z² pathwise wins, for sin 10z the score function does, and
for a step pathwise is biased: it says 0 (Mohamed, Rosca, Figurnov & Mnih 2020).
"""

import traitlets

from vae_course.checks import require, require_count
from vae_course.widgets.base import CourseWidget

INTEGRANDS = ("square", "cubic", "sine", "relu", "step")
SAMPLES = (1, 2, 5, 10, 20, 50, 100)


class GradientEstimators(CourseWidget):
    """Histograms of the score-function and the pathwise estimate of a gradient of E f(z).

    integrand: "square" z², "cubic" z³ − 3z, "sine" sin cz, "relu" max(0, z), "step" 1[z > 0].
    frequency: c of the sine, 1 to 10.
    mean, sigma: of z ~ N(μ, σ²); −2 to 2, and 0.2 to 1.5.
    samples: K of one estimate: 1, 2, 5, 10, 20, 50 or 100.
    parameter: "mean" or "sigma", what the derivative is taken by.
    baseline: whether the score function subtracts b = E f(z).

    All of them follow the page, and can be set, in a notebook.

    Raises:
        ValueError: an argument that the page has no place for.
    """

    scripts = (
        "charts.js",
        "choices.js",
        "estimator_moments.js",
        "estimator_charts.js",
        "gradient_estimators.js",
    )
    styles = ("charts.css", "gradient_estimators.css")

    integrand = traitlets.Unicode().tag(sync=True)
    frequency = traitlets.Float().tag(sync=True)
    mean = traitlets.Float().tag(sync=True)
    sigma = traitlets.Float().tag(sync=True)
    samples = traitlets.Int().tag(sync=True)
    parameter = traitlets.Unicode().tag(sync=True)
    baseline = traitlets.Bool().tag(sync=True)
    seed = traitlets.Int().tag(sync=True)

    def __init__(
        self,
        integrand: str = "square",
        frequency: float = 10.0,
        mean: float = 1.0,
        sigma: float = 1.0,
        samples: int = 10,
        parameter: str = "mean",
        baseline: bool = False,
        seed: int = 1,
        **kwargs,
    ):
        _require_one_of("integrand", integrand, INTEGRANDS)
        _require_one_of("parameter", parameter, ("mean", "sigma"))
        _require_one_of("samples", samples, SAMPLES)
        require_count("seed", seed, least=0)
        for name, value, low, high in (
            ("frequency", frequency, 1, 10),
            ("mean", mean, -2, 2),
            ("sigma", sigma, 0.2, 1.5),
        ):
            require(low <= value <= high, f"{name} is {value}, needs to be {low} to {high}")
        super().__init__(
            description="score function and pathwise gradient estimates of E f(z), z Gaussian",
            integrand=integrand,
            frequency=frequency,
            mean=mean,
            sigma=sigma,
            samples=samples,
            parameter=parameter,
            baseline=baseline,
            seed=seed,
            **kwargs,
        )


def _require_one_of(name: str, value, choices: tuple) -> None:
    require(
        value in choices, f"{name} is {value!r}, needs to be one of {', '.join(map(str, choices))}"
    )
