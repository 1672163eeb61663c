r"""Bound tightness: K and the latent dimension against the bound, where log p(x) is known.

$$ \mathcal L_K = \mathbb E \log \frac1K \sum_{k=1}^K w_k \le \log p(x), \qquad
   w_k = \frac{p(x \mid z_k)\, p(z_k)}{q(z_k \mid x)}, \quad z_k \sim q $$

A linear-Gaussian model, in coordinates in which the true posterior is N(0, I); q is N(m, s²) in
each dimension. The page shows L_K over 200 runs (Burda, Grosse & Salakhutdinov 2016), the exact
ELBO, the effective sample size with its limit, and the largest weight. What matters is how far q is
from the posterior, about e^{KL(p ‖ q)} samples being needed (Chatterjee & Diaconis 2018), and not
the dimension: with the same KL in total, more dimensions change nothing.
"""

import traitlets

from vae_course.checks import require, require_count
from vae_course.widgets.base import CourseWidget

MOST_SAMPLES = 1000
MOST_DIMENSIONS = 64


class BoundTightness(CourseWidget):
    """The bound of K samples against log p(x), its spread, and the weights that make it.

    samples: K, 1 to 1000; dimensions: d, 1 to 64. The page rounds them to its sliders' places.
    shift, scale: m and s of q = N(m, s²) in each dimension; 0 to 1.5, and 0.5 to 2.
    total: m and s are those of one dimension; with more of them KL(q ‖ p(z|x)) stays the same.

    All of them follow the page, and can be set, in a notebook.

    Raises:
        ValueError: an argument that the page has no place for.
    """

    scripts = ("charts.js", "choices.js", "bound_weights.js", "bound_tightness.js")
    styles = ("charts.css", "bound_tightness.css")

    samples = traitlets.Int().tag(sync=True)
    dimensions = traitlets.Int().tag(sync=True)
    shift = traitlets.Float().tag(sync=True)
    scale = traitlets.Float().tag(sync=True)
    total = traitlets.Bool().tag(sync=True)
    seed = traitlets.Int().tag(sync=True)

    def __init__(
        self,
        samples: int = 50,
        dimensions: int = 4,
        shift: float = 0.5,
        scale: float = 1.0,
        total: bool = False,
        seed: int = 1,
        **kwargs,
    ):
        for name, count, most in (
            ("samples", samples, MOST_SAMPLES),
            ("dimensions", dimensions, MOST_DIMENSIONS),
        ):
            require_count(name, count)
            require(count <= most, f"{name} is {count}, needs to be at most {most}")
        require_count("seed", seed, least=0)
        require(0 <= shift <= 1.5, f"shift is {shift}, needs to be 0 to 1.5")
        require(0.5 <= scale <= 2, f"scale is {scale}, needs to be 0.5 to 2")
        super().__init__(
            description="the importance-weighted bound against log p(x), and its weights",
            samples=samples,
            dimensions=dimensions,
            shift=shift,
            scale=scale,
            total=total,
            seed=seed,
            **kwargs,
        )
