r"""The rate-distortion function of a Gaussian, and reverse water-filling for several of them.

$$ R(\delta) = \tfrac12 \log \frac{\lambda}{\delta}, \qquad
   \delta_i = \min(h, \lambda_i), \quad R = \sum_i \tfrac12 \log \frac{\lambda_i}{\delta_i}, \qquad
   \frac{d\delta}{dR} = -2h $$

λ is a variance of the data, δ the mean squared error, h the water level.

Cover & Thomas 2006, theorems 10.3.2 and 10.3.3.
"""

from sympy import Expr, Function, IndexedBase, Integer, Lambda, Rational, Symbol, log, pi, sqrt

from vae_course.derivations.engine import (
    Derivation,
    Step,
    WrongForm,
    at_least,
    at_most,
    integrated,
    proved,
)
from vae_course.derivations.notation import (
    KL,
    Excess,
    Expectation,
    Gradient,
    Normal,
    add,
    density,
    times,
)

half = Rational(1, 2)
x, z = (Symbol(name, real=True) for name in ("x", "z"))
delta, lam, sigma, u = (Symbol(name, positive=True) for name in ("delta", "lambda", "sigma", "u"))
data = density("data", "p_data")
channel = density("channel", "q", given=True)
codes = density("codes", "q")

test_channel = Normal(z, times(u / lam, x), times(delta, u / lam))
noise_nats = add(times(half, log(2 * pi * sigma**2)), delta / (2 * sigma**2))

gaussian_rate_distortion = Derivation(
    name="gaussian_rate_distortion",
    title="The fewest nats that describe a Gaussian number up to a squared error",
    left="H - D",
    definitions={
        data: Lambda(x, Normal(x, 0, lam)),
        channel: Lambda((z, x), test_channel),
        codes: Lambda(z, Normal(z, 0, u)),
    },
    instance={lam: add(delta, u)},
    source="Cover & Thomas 2006",
    steps=[
        Step(
            add(-Expectation(log(data(x)), data(x)), -noise_nats),
            "Entropy minus distortion is at most the information, whatever encoder and decoder. "
            "Take a decoder that is Gaussian around the reconstruction, with variance "
            "$\\sigma^2$. Of all that the encoder does, its distortion sees the mean "
            "squared error $\\delta$ alone. That is less than the data's variance $\\lambda$, by "
            "some $u$.",
        ),
        Step(
            add(times(half, log(lam / sigma**2)), half, -delta / (2 * sigma**2)),
            "The entropy of a Gaussian is half of $1 + \\log 2\\pi\\lambda$.",
            integrated,
        ),
        Step(
            times(half, log(lam / delta)),
            "The bound is best with the decoder that admits the error it makes, "
            "$\\sigma^2 = \\delta$. So no encoder reaches the squared error $\\delta$ with less "
            "information than this.",
            at_least(times(half, Excess(delta / sigma**2)), {sigma: sqrt(delta)}),
        ),
        Step(
            Expectation(KL(channel(z, x), codes(z)), data(x)),
            "And one needs no more: the code is the reconstruction, $x$ shrunk by $u/\\lambda$ "
            "and with a little noise. All codes together have the variance $u$, and the mean "
            "of $(x - z)^2$ is $\\delta$. This is called the test channel.",
            integrated,
        ),
    ],
    wrong_forms=[
        WrongForm(2, log(lam / delta), "the factor ½ is forgotten", proved),
        WrongForm(
            2,
            times(half, log(lam / delta)),
            "said to be reached with a decoder of the data's own width",
            at_least(times(half, Excess(delta / sigma**2)), {sigma: sqrt(lam)}),
        ),
        WrongForm(
            2,
            times(half, log(add(1, lam / delta))),
            "noise of variance δ is added to x, which is not shrunk first",
            at_least(times(half, Excess(delta / sigma**2)), {sigma: sqrt(delta)}),
        ),
        WrongForm(
            1,
            add(times(half, log(2 * pi * lam)), half, -delta),
            "the squared error taken for the distortion (E45)",
        ),
    ],
)

# Several components ---------------------------------------------------------------------------

eigenvalue = IndexedBase("lambda", positive=True)
delta_1, delta_2 = (Symbol(name, positive=True) for name in ("delta_1", "delta_2"))
h = Symbol("h", positive=True)
t = Symbol("t", real=True)
above = Symbol("a", positive=True)


def rate(k: int, squared_error) -> Expr:
    """Of component k alone."""
    return times(half, log(eigenvalue[k] / squared_error))


flooded = add(
    times(half, Excess(delta_1 / h)),
    times(half, Excess(delta_2 / h)),
    times(half, Excess(1 / (1 + t**2))),
    times(half, t**2 / (1 + t**2), above / h),
)
LEVEL = {delta_1: h, delta_2: h, t: Integer(0)}
allotted = add(delta_1, delta_2, eigenvalue[3] / add(1, t**2))
filled = add(rate(1, h), rate(2, h), add(h, h, eigenvalue[3]) / (2 * h))

water_filling = Derivation(
    name="water_filling",
    title="A budget of squared error is poured like water over the eigenvalues",
    left=r"R + \frac{\delta}{2h}",
    definitions={h: add(eigenvalue[3], above)},
    source="Cover & Thomas 2006",
    steps=[
        Step(
            add(
                rate(1, delta_1),
                rate(2, delta_2),
                rate(3, eigenvalue[3] / add(1, t**2)),
                allotted / (2 * h),
            ),
            "Three independent components, each with a squared error of its own. None needs more "
            "than its eigenvalue, at which its rate is zero; the third is "
            "$\\lambda_3 / (1 + t^2)$, so that it stays below. Errors are charged "
            "with a multiplier, which we call $1/2h$, where $h$ is above the "
            "third eigenvalue.",
        ),
        Step(
            filled,
            "Where the derivative in $\\delta_1$ is zero, $-1/2\\delta_1 + 1/2h$, there "
            "$\\delta_1 = h$, and it is the same for the second. The third would have to rise to "
            "$h$ too, but it stops at its eigenvalue: it gets no nats. Every other choice costs "
            "more.",
            at_most(flooded, LEVEL),
        ),
        Step(
            add(times(half, log(eigenvalue[1] * eigenvalue[2] / h**2)), 1, eigenvalue[3] / (2 * h)),
            "Of all choices with the same total $2h + \\lambda_3$, this one has the lowest rate, "
            "because the charge is the same for them. Two components are described, each up to "
            "the water level; the third is under water.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(
            1,
            add(rate(1, h), rate(2, h), rate(3, h), times(3, h) / (2 * h)),
            "the third component filled up to h as well: a squared error above its variance, and "
            "a negative rate",
            at_most(flooded, LEVEL),
        ),
        WrongForm(
            1,
            filled,
            "said to be best with errors in proportion to the eigenvalues",
            at_most(
                flooded, {delta_1: eigenvalue[1] / 2, delta_2: eigenvalue[2] / 2, t: Integer(1)}
            ),
        ),
        WrongForm(1, filled, "said to be the worst choice", at_least(flooded, LEVEL)),
        WrongForm(
            2,
            add(log(eigenvalue[1] * eigenvalue[2] / h**2), 1, eigenvalue[3] / (2 * h)),
            "the factor ½ of the rate is forgotten",
        ),
    ],
)

error_of, rate_of = (Function(name, real=True) for name in ("delta", "R"))
beta = Symbol("beta", positive=True)
NOT_SEEN = "the slope does not depend on the eigenvalues"

water_filling_slope = Derivation(
    name="water_filling_slope",
    title="The squared error falls by twice the water level for each nat",
    left=r"\frac{d\delta}{dR}",
    definitions={
        error_of: Lambda(h, add(h, h, eigenvalue[3])),
        rate_of: Lambda(h, add(rate(1, h), rate(2, h))),
        beta: h / sigma**2,
    },
    equivalent={
        "definition of δ(h): sign of λ_3 flipped": NOT_SEEN,
        "definition of δ(h): term λ_3 dropped": NOT_SEEN,
        "definition of δ(h): index of λ_3 shifted": NOT_SEEN,
        "definition of R(h): index of λ_1 shifted": NOT_SEEN,
        "definition of R(h): index of λ_2 shifted": NOT_SEEN,
    },
    source="Cover & Thomas 2006",
    steps=[
        Step(
            Gradient(error_of(h), h) / Gradient(rate_of(h), h),
            "Raise the water a little. Two components are above it, the third is below.",
        ),
        Step(
            2 / add(-1 / (2 * h), -1 / (2 * h)),
            "Each of the two takes up as much error as the level rises, and saves $1/2h$ nats for "
            "it. The one under water does neither.",
            proved,
        ),
        Step(
            -2 * h,
            "The number of components cancels: it is the same slope with one, or with a hundred.",
            proved,
        ),
        Step(
            -times(2, sigma**2, beta),
            "A Gaussian decoder with variance $\\sigma^2$ counts the squared error in nats as "
            "$\\delta / 2\\sigma^2$. So the slope of its distortion is $-h/\\sigma^2$: training "
            "with the weight $\\beta$ sets the water level $h = \\beta\\sigma^2$.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(2, -h, "the factor 2 is forgotten: half a nat for each logarithm"),
        WrongForm(
            3, -beta, "squared error taken for distortion: the scale 1/2σ² is left out (E45)"
        ),
        WrongForm(
            1,
            3 / add(-1 / (2 * h), -1 / (2 * h)),
            "the component under water said to take up error too",
        ),
    ],
)
