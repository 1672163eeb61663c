r"""The scale of the reconstruction term: what a mean of squared errors says about β and σ.

$$ \frac1n \sum_i (x_i - \hat x_i)^2 + R = \frac2n \Big(D + \frac n2 R\Big) - \log 2\pi
   \quad\text{with } \sigma = 1, \qquad
   \min_\sigma D = \frac n2 \log \frac{2\pi e\, \delta}{n} \quad\text{at } \sigma^2 = \delta/n $$

Rybkin, Daniilidis & Levine 2021; δ is the squared error of all n dimensions.
"""

from sympy import E, IndexedBase, Lambda, Rational, Sum, Symbol, log, pi, sqrt

from vae_course.derivations.engine import (
    Derivation,
    Step,
    WrongForm,
    at_most,
    proved,
)
from vae_course.derivations.notation import Excess, Normal, add, times

half = Rational(1, 2)
i, n = Symbol("i", integer=True, positive=True), Symbol("n", integer=True, positive=True)
each = (i, 1, n)
xs = IndexedBase("x", real=True)
predicted = IndexedBase("xhat", real=True)
R = Symbol("R", real=True)
error = add(xs[i], -predicted[i])


def distortion(variance) -> Sum:
    """Minus the log-density of a Gaussian decoder, all dimensions."""
    return Sum(-log(Normal(xs[i], predicted[i], variance)), each)


mean_squared_error_scaling = Derivation(
    name="mean_squared_error_scaling",
    title="The mean of squared errors plus the rate is a β of half the number of pixels",
    left=r"\text{loss}",
    instance={n: 3},
    source="Rybkin et al. 2021",
    steps=[
        Step(
            add(Sum(error**2, each) / n, R),
            "A loss that looks harmless: the mean over $n$ pixels of the squared error, plus the "
            "rate, which is a sum over latents. For one sample of the code.",
        ),
        Step(
            times(2 / n, add(times(half, Sum(error**2, each)), times(n / 2, R))),
            "Take $2/n$ out, so that half the sum of squares is left: what a Gaussian with "
            "variance one has in its exponent.",
            proved,
        ),
        Step(
            add(times(2 / n, add(distortion(1), times(n / 2, R))), -log(2 * pi)),
            "So it is $D + \\beta R$ with $\\sigma = 1$ and $\\beta = n/2$, up to a factor and a "
            "constant. For a picture of 28 by 28 pixels, $\\beta$ is 392.",
            proved,
        ),
        Step(
            add(distortion(n / 2), R, -times(n / 2, log(n * pi))),
            "Or it is the ELBO, $\\beta = 1$, of a decoder that expects errors of variance "
            "$\\sigma^2 = n/2$: every pixel nearly anywhere. One loss, two readings: "
            "the level of the water $h = \\beta\\sigma^2$ is $n/2$ in both.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(
            3,
            add(distortion(half), R, -times(n / 2, log(pi))),
            "the mean taken for the sum of squares, which has σ² = ½ (E56)",
        ),
        WrongForm(
            3,
            add(distortion(1), R, -times(n / 2, log(2 * pi))),
            "said to be the ELBO of a decoder with variance one (E56)",
        ),
        WrongForm(
            2,
            add(times(1 / n, add(distortion(1), times(n, R))), -log(2 * pi) / 2),
            "β = n: the factor ½ of the Gaussian is forgotten",
        ),
        WrongForm(
            2,
            times(2 / n, add(distortion(1), times(n / 2, R))),
            "the squared error taken for the distortion, without the normaliser (E45)",
        ),
    ],
)

# The variance that fits -----------------------------------------------------------------------

sigma, delta = Symbol("sigma", positive=True), Symbol("delta", positive=True)
residual = IndexedBase("e", real=True, nonzero=True)
squares = Sum(residual[i] ** 2, each)

optimal_variance = Derivation(
    name="optimal_variance",
    title="The variance of the decoder that fits is the mean squared error",
    left="D",
    definitions={xs: Lambda(i, add(predicted[i], residual[i])), delta: squares},
    instance={n: 3},
    equivalent={"definition of x_i: sign of e_i flipped": "only the squares of the errors count"},
    source="Rybkin et al. 2021",
    steps=[
        Step(
            distortion(sigma**2),
            "A Gaussian decoder around its prediction, with one variance for all dimensions. Its "
            "errors are $e_i$, and $\\delta$ is the sum of their squares.",
        ),
        Step(
            add(times(n / 2, log(2 * pi * sigma**2)), delta / (2 * sigma**2)),
            "Write out the log-densities. A small $\\sigma$ makes the errors dear, and the "
            "normaliser cheap; it can be negative.",
            proved,
        ),
        Step(
            times(n / 2, log(2 * pi * E * delta / n)),
            "The best $\\sigma^2$ is $\\delta/n$, the mean squared error per dimension. Any other "
            "costs $t - 1 - \\log t$ for each half of a dimension, with $t$ the ratio of the two.",
            at_most(times(n / 2, Excess(delta / (n * sigma**2))), {sigma: sqrt(delta / n)}),
        ),
        Step(
            add(times(n / 2, log(delta)), times(n / 2, log(2 * pi * E / n))),
            "With a variance that always fits, the distortion is the logarithm of the squared "
            "error: to halve the error is worth the same number of nats wherever one starts.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(
            2,
            times(n / 2, log(2 * pi * E * delta / n)),
            "the mean squared error taken for σ in place of σ²",
            at_most(times(n / 2, Excess(delta / (n * sigma**2))), {sigma: delta / n}),
        ),
        WrongForm(
            2,
            times(n / 2, log(2 * pi * E * delta / n)),
            "the fixed variance of a plain sum of squares said to fit (E66)",
            at_most(times(n / 2, Excess(delta / (n * sigma**2))), {sigma: sqrt(half)}),
        ),
        WrongForm(
            1,
            delta / (2 * sigma**2),
            "the normaliser is dropped: then the best variance is infinite (E66)",
        ),
        WrongForm(
            2,
            times(n / 2, log(2 * pi * delta / n)),
            "the exponent at the optimum, n/2, is forgotten",
        ),
    ],
)
