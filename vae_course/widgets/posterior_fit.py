r"""A Gaussian q against a posterior with two modes: evidence, ELBO and KL as bars that add up.

$$ z \sim \mathcal N(0, 1), \quad x \mid z \sim \mathcal N(z^2, s^2), \qquad
   \underbrace{\log p(x)}_{\text{fixed}}
   = \mathrm{ELBO}(\mu, \sigma) + \mathrm{KL}\big(\mathcal N(\mu, \sigma^2) \,\|\, p(z|x)\big) $$

It is the model of `vae_course.oracles.QuadratureModel`. The browser integrates by the rule of
trapezoids, and *optimise* follows the exact gradient of the ELBO by μ and log σ.
"""

from math import log

import traitlets

from vae_course.checks import require
from vae_course.widgets.base import CourseWidget


class PosteriorFit(CourseWidget):
    """Sliders for q = N(mu, sigma²) and for x; bars for evidence, ELBO, KL, rate and distortion.

    x: observation, in [0, 3]. noise: s, the standard deviation of x given z, in [0.4, 1].
    mu, sigma: where q starts, in [-3, 3] and [0.1, 2].

    `x`, `mu` and `log_sigma` follow the reader; setting them moves the widget, in a notebook.

    Raises:
        ValueError: an argument outside its interval.
    """

    scripts = ("densities.js", "choices.js", "fit_parts.js", "evidence_bars.js", "posterior_fit.js")
    styles = ("fit_parts.css", "posterior_fit.css")

    x = traitlets.Float().tag(sync=True)
    noise = traitlets.Float().tag(sync=True)
    mu = traitlets.Float().tag(sync=True)
    log_sigma = traitlets.Float().tag(sync=True)

    def __init__(self, x: float = 1.5, noise: float = 0.5, mu=0.6, sigma=0.6, **kwargs):
        for name, value, low, high in (
            ("x", x, 0, 3),
            ("noise", noise, 0.4, 1),  # below 0.4 a density above 1 would make D negative
            ("mu", mu, -3, 3),
            ("sigma", sigma, 0.1, 2),
        ):
            require(low <= value <= high, f"{name} is {value}, needs {low} to {high}")
        super().__init__(
            description="a Gaussian fitted to a posterior with two modes",
            x=x,
            noise=noise,
            mu=mu,
            log_sigma=log(sigma),
            **kwargs,
        )
