r"""Where the pathwise gradient is the worse one: $f(z) = \sin cz$, at $\mu = 0$ and $\sigma = 1$.

$$ \mathrm{Var}\big[c \cos cz\big] = \tfrac12 c^2 \big(1 - e^{-c^2}\big)^2, \qquad
   \mathrm{Var}\big[z \sin cz\big] = \tfrac12\big(1 - (1 - 4c^2)\, e^{-2c^2}\big) - c^2 e^{-c^2} $$

Mohamed, Rosca, Figurnov & Mnih 2020 compare the two; the closed forms are worked out here.
"""

from sympy import Lambda, Rational, Symbol, cos, exp, sin

from vae_course.derivations.engine import Derivation, Step, WrongForm, integrated, proved
from vae_course.derivations.gradients import q, z
from vae_course.derivations.notation import Expectation, Normal, Variance, add, times

half = Rational(1, 2)
c = Symbol("c", positive=True)
wave = {q: Lambda(z, Normal(z, 0, 1))}

pathwise_variance_of_a_wave = Derivation(
    name="pathwise_variance_of_a_wave",
    title="The variance of the pathwise gradient of a wave",
    left=r"\mathrm{Var}\left[\partial_z \sin cz\right]",
    instance=wave,
    source="Mohamed et al. 2020",
    steps=[
        Step(
            Variance(times(c, cos(c * z)), q(z)),
            "The slope of $f(z) = \\sin cz$, at $\\mu = 0$ and $\\sigma = 1$.",
        ),
        Step(
            times(
                c**2,
                add(
                    Expectation(times(half, add(1, cos(2 * c * z))), q(z)),
                    -(Expectation(cos(c * z), q(z)) ** 2),
                ),
            ),
            "The mean square minus the squared mean; the square of a cosine by the double angle.",
            integrated,
        ),
        Step(
            times(c**2, add(times(half, add(1, exp(-2 * c**2))), -exp(-(c**2)))),
            "The mean of $\\cos cz$ is $e^{-c^2/2}$.",
            integrated,
        ),
        Step(
            times(half, c**2, add(1, -exp(-(c**2))) ** 2),
            "A binomial. For $c = 10$ it is 50.0: the slope is steep, and has either sign.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(
            3,
            times(half, add(1, -exp(-(c**2))) ** 2),
            "the factor c of the slope is forgotten (E05)",
        ),
        WrongForm(
            2,
            times(half, c**2, add(1, exp(-2 * c**2))),
            "the squared mean is not subtracted",
        ),
    ],
)

score_function_variance_of_a_wave = Derivation(
    name="score_function_variance_of_a_wave",
    title="The variance of the score-function gradient of a wave",
    left=r"\mathrm{Var}\left[\sin(cz)\, \partial_\mu \log q(z)\right]",
    instance=wave,
    source="Mohamed et al. 2020",
    steps=[
        Step(
            Variance(times(sin(c * z), z), q(z)), "The score at $\\mu = 0$, $\\sigma = 1$ is $z$."
        ),
        Step(
            add(
                Expectation(times(half, add(1, -cos(2 * c * z)), z**2), q(z)),
                -(Expectation(times(sin(c * z), z), q(z)) ** 2),
            ),
            "The mean square minus the squared mean; the square of a sine by the double angle.",
            integrated,
        ),
        Step(
            add(
                times(half, add(1, -times(add(1, -4 * c**2), exp(-2 * c**2)))),
                -times(c**2, exp(-(c**2))),
            ),
            "The mean of $z \\sin cz$ is $c\\, e^{-c^2/2}$. For $c = 10$ the result is 0.50: "
            "$\\sin$ stays below one, however steep it is.",
            integrated,
        ),
    ],
    wrong_forms=[
        WrongForm(
            2,
            times(half, c**2, add(1, -exp(-(c**2))) ** 2),
            "the pathwise variance, as if the two estimators varied alike (E05)",
        ),
        WrongForm(
            2,
            times(half, add(1, -times(add(1, -4 * c**2), exp(-2 * c**2)))),
            "the squared mean is not subtracted",
        ),
    ],
)
