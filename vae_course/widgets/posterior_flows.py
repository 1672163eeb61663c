r"""A posterior that no Gaussian fits, and flows of more and more layers that try.

$$ z \sim \mathcal N(0, I_2), \qquad x \mid z \sim \mathcal N(g(z), \sigma^2), \qquad
   g(z) = c_1 z_1^2 + c_2 z_2^2 + c_3 z_1 z_2 + c_4 z_1 + c_5 z_2 $$

With two latents log p(x) and the true posterior are sums over a grid. The approximate posterior q is
noise that goes through one affine map and K planar layers,

$$ z_0 = m + A\varepsilon, \qquad z_k = z_{k-1} + u_k \tanh(w_k^\top z_{k-1} + b_k) , $$

so with K = 0 it is any Gaussian. Its ELBO is a sum over a grid of ε. All members were trained by
`recipes/posterior_flows.py` to make that ELBO as large as they could.

Source: Rezende & Mohamed 2015, "Variational inference with normalizing flows".
"""  # noqa: E501

import torch
import traitlets
from torch import Tensor, nn

from vae_course.checks import require
from vae_course.conditional import GaussianLikelihood
from vae_course.oracles import QuadratureModel
from vae_course.pretrained import recorded_runs
from vae_course.widgets.base import CourseWidget

# What each posterior is called, c₁ … c₅, the x that was seen, and σ.
POSTERIORS = {
    "banana": ((1.0, 0.0, 0.0, 0.0, 1.0), 1.0, 0.35),
    "ring": ((1.0, 1.0, 0.0, 0.0, 0.0), 3.0, 0.7),
    "two modes": ((1.0, 0.0, 0.0, 0.0, 0.0), 2.5, 0.6),
    "star": ((0.0, 0.0, 1.0, 0.0, 0.0), 0.0, 0.35),
}
LAYERS = (0, 1, 2, 4, 8, 16)
STARTS = ("best", "typical")


class Quadratic(nn.Module):
    """g(z) of latents `(..., 2)`: `(..., 1)`."""

    def __init__(self, coefficients: tuple[float, ...]):
        super().__init__()
        self.coefficients = coefficients

    def forward(self, z: Tensor) -> Tensor:
        z1, z2 = z.unbind(-1)
        terms = (z1 * z1, z2 * z2, z1 * z2, z1, z2)
        return sum(c * term for c, term in zip(self.coefficients, terms, strict=True)).unsqueeze(-1)


def posterior_model(name: str) -> tuple[QuadratureModel, Tensor]:
    """The model of a posterior and the x that was seen, `(1, 1)`, both in float64."""
    require(name in POSTERIORS, f"unknown posterior {name!r}; known are: {', '.join(POSTERIORS)}")
    coefficients, x, sigma = POSTERIORS[name]
    decoder = GaussianLikelihood(Quadratic(coefficients), (1,), sigma=sigma)
    model = QuadratureModel(2, decoder=decoder, nodes=801, half_width=8.0).double()
    return model, torch.full((1, 1), x, dtype=torch.float64)


class PosteriorFlows(CourseWidget):
    """A true posterior, the best Gaussian and a flow of K layers beside it, and their ELBOs.

    posterior: "banana", "ring", "two modes" or "star".
    layers: K, 0, 1, 2, 4, 8 or 16.
    start: of the random starts of the training, the "best" one or a "typical" one, the middle one.

    `posterior`, `layers`, `start` and the point (`z1`, `z2`) follow the page, and can be set, in a
    notebook.

    Raises:
        ValueError: a posterior, number of layers or start that is not one of these.
    """

    scripts = (
        "charts.js", "choices.js", "contours.js", "planar_flow.js", "bent_posteriors.js",
        "density_pictures.js", "gap_bars.js", "posterior_flows.js",
    )  # fmt: skip
    styles = ("charts.css", "posterior_flows.css")

    # name -> coefficients, x, sigma; the members: posterior, layers, start, and their numbers
    models = traitlets.Dict().tag(sync=True)
    members = traitlets.List(traitlets.Dict()).tag(sync=True)
    posterior = traitlets.Unicode().tag(sync=True)
    layers = traitlets.Int().tag(sync=True)
    start = traitlets.Unicode().tag(sync=True)
    z1 = traitlets.Float().tag(sync=True)
    z2 = traitlets.Float().tag(sync=True)

    def __init__(self, posterior: str = "banana", layers: int = 1, start: str = "best", **kwargs):
        for name, value, known in (
            ("posterior", posterior, tuple(POSTERIORS)),
            ("layers", layers, LAYERS),
            ("start", start, STARTS),
        ):
            require(value in known, f"{name} is {value!r}, needs one of {known}")
        record = recorded_runs("posterior-flows")
        super().__init__(
            description="a true posterior, the best Gaussian and a flow of K layers beside it",
            models={
                name: {"coefficients": list(coefficients), "x": x, "sigma": sigma}
                for name, (coefficients, x, sigma) in POSTERIORS.items()
            },
            members=record["members"],
            posterior=posterior,
            layers=layers,
            start=start,
            z1=0.0,
            z2=0.0,
            **kwargs,
        )
