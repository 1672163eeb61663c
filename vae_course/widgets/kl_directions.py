r"""Two divergences, one Gaussian: KL(q ‖ p) and KL(p ‖ q) where p is a mixture of two Gaussians.

$$ p = (1 - w)\, \mathcal N(-\tfrac\Delta2, s^2) + w\, \mathcal N(\tfrac\Delta2, s^2), \qquad
   q = \mathcal N(\mu, \sigma^2) $$

KL(q ‖ p) averages under q: where the modes are far apart, the best q sits on one of them. Each mode
is an optimum of its own, and a broad q in the middle often is a third one. KL(p ‖ q) averages under
p: the best q has the mean and the variance of p. The browser integrates by the rule of trapezoids;
both *fit* buttons follow the exact gradient by μ and log σ.
"""

from math import log

import traitlets

from vae_course.checks import require
from vae_course.widgets.base import CourseWidget


class KLDirections(CourseWidget):
    """Sliders for the mixture p and for q = N(mu, sigma²), and both divergences in nats, with maps.

    separation: Δ, in [0, 4]. weight: w of the mode on the right, in [0.05, 0.95]. width: s, in
    [0.3, 0.8]. mu, sigma: where q starts, in [-3, 3] and [0.2, 2.5].

    The five are the widget's state (`log_sigma` for sigma); setting them moves it, in a notebook.

    Raises:
        ValueError: an argument outside its interval.
    """

    scripts = (
        "densities.js", "choices.js", "fit_parts.js", "contours.js", "kl_map.js",
        "kl_directions.js",
    )  # fmt: skip
    styles = ("fit_parts.css", "kl_directions.css")

    separation = traitlets.Float().tag(sync=True)
    weight = traitlets.Float().tag(sync=True)
    width = traitlets.Float().tag(sync=True)
    mu = traitlets.Float().tag(sync=True)
    log_sigma = traitlets.Float().tag(sync=True)

    def __init__(self, separation=3.0, weight=0.6, width=0.4, mu=0.6, sigma=1.0, **kwargs):
        for name, value, low, high in (
            ("separation", separation, 0, 4),
            ("weight", weight, 0.05, 0.95),
            ("width", width, 0.3, 0.8),
            ("mu", mu, -3, 3),
            ("sigma", sigma, 0.2, 2.5),
        ):
            require(low <= value <= high, f"{name} is {value}, needs {low} to {high}")
        super().__init__(
            description="a Gaussian fitted to a mixture, by KL(q ‖ p) and by KL(p ‖ q)",
            separation=separation,
            weight=weight,
            width=width,
            mu=mu,
            log_sigma=log(sigma),
            **kwargs,
        )
