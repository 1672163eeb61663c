r"""Masks that keep an order: which weights of a MADE survive, and the pattern of its Jacobian.

$$ M^{\text{hidden}}_{ab} = [m_a \ge m_b], \qquad M^{\text{output}}_{ka} = [k > m_a] $$

An input has as its degree its place in the ordering, a hidden unit one of 1 … d − 1. The output of
the k-th feature is reached by the inputs before it, and by nothing else. The log-scale s and the
shift t that the network gives make one affine layer of a flow. Its Jacobian has e^s on the
diagonal, or its inverse; sorted by the ordering, the rest is on one side. Where hidden units are
few, an input may be allowed and yet have no path.

Source: Germain et al. 2015, "MADE: Masked Autoencoder for Distribution Estimation", equations 12
and 13. The masks are those of `vae_course.flows.masks`.
"""

import traitlets

from vae_course.checks import require, require_count
from vae_course.widgets.base import CourseWidget

RANGES = {"features": (2, 8), "layers": (1, 3), "units": (1, 12)}
ORDERINGS = ("natural", "reversed", "random")
SPREADS = ("even", "random")


class MaskedNetwork(CourseWidget):
    """A network with the weights that its masks leave, and which inputs each output sees.

    features: d, 2 to 8. layers: hidden layers, 1 to 3. units: in each of them, 1 to 12.
    ordering: "natural", "reversed" or "random". spread: the degrees of hidden units, "even" as in
    `MADE`, or drawn at "random". seed: of what is random.
    output: the feature whose ancestors are lit, from 1; 0 for all.

    All of them follow the page, and can be set, in a notebook.

    Raises:
        ValueError: an argument outside its range.
    """

    scripts = ("charts.js", "choices.js", "masks.js", "masked_drawing.js", "masked_network.js")
    styles = ("charts.css", "masked_network.css")

    features = traitlets.Int().tag(sync=True)
    layers = traitlets.Int().tag(sync=True)
    units = traitlets.Int().tag(sync=True)
    ordering = traitlets.Unicode().tag(sync=True)
    spread = traitlets.Unicode().tag(sync=True)
    seed = traitlets.Int().tag(sync=True)
    output = traitlets.Int().tag(sync=True)

    def __init__(
        self,
        features: int = 5,
        layers: int = 2,
        units: int = 8,
        ordering: str = "natural",
        spread: str = "even",
        seed: int = 1,
        output: int = 0,
        **kwargs,
    ):
        for name, value in (("features", features), ("layers", layers), ("units", units)):
            low, high = RANGES[name]
            require_count(name, value, least=low)
            require(value <= high, f"{name} is {value}, needs to be at most {high}")
        for name, value, known in (("ordering", ordering, ORDERINGS), ("spread", spread, SPREADS)):
            require(value in known, f"{name} is {value!r}, needs to be one of {', '.join(known)}")
        require_count("seed", seed, least=0)
        require_count("output", output, least=0)
        require(output <= features, f"output is {output}, needs to be at most {features}")
        super().__init__(
            description="which weights of an autoregressive network its masks leave",
            features=features,
            layers=layers,
            units=units,
            ordering=ordering,
            spread=spread,
            seed=seed,
            output=output,
            **kwargs,
        )
