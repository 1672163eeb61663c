r"""The variance of one-sample gradients in closed form.

For a quadratic f and $q = \mathcal N(\mu, \sigma^2)$, with respect to μ:

$$ \mathrm{Var}\big[f(z)\, \partial_\mu \log q(z)\big]
     = \tfrac{f(\mu)^2}{\sigma^2} + 2 f'(\mu)^2 + 3 f(\mu) f''(\mu)
       + \tfrac{15}{4} \sigma^2 f''(\mu)^2, \qquad
   \mathrm{Var}\big[f'(\mu + \sigma\varepsilon)\big] = \sigma^2 f''(\mu)^2 $$

Mohamed, Rosca, Figurnov & Mnih 2020 compare the two; the closed forms are worked out here.
"""

from sympy import Lambda, Rational, Symbol

from vae_course.derivations.engine import Derivation, Step, WrongForm, integrated, proved
from vae_course.derivations.gradients import (
    TURNED,
    a_0,
    a_1,
    a_2,
    centred,
    curvature,
    epsilon,
    f,
    gaussian,
    mu,
    noise,
    p,
    q,
    sigma,
    slope,
    z,
)
from vae_course.derivations.notation import Expectation, Variance, add, times

half = Rational(1, 2)
quadratic = {f: Lambda(z, a_0 + a_1 * z + a_2 * z**2)}
taylor = add(
    f(mu),
    times(sigma, epsilon, slope(mu)),
    times(half, sigma**2, epsilon**2, curvature(mu)),
)

score_function_variance = Derivation(
    name="score_function_variance",
    title="The variance of the score-function gradient",
    left=r"\mathrm{Var}\left[f(z)\, \partial_\mu \log q(z)\right]",
    definitions={**gaussian, **noise},
    instance=quadratic,
    equivalent={"step 3: sign of σ ε f'(μ) flipped": TURNED["sign of σ ε flipped"]},
    source="Mohamed et al. 2020",
    steps=[
        Step(
            Variance(times(f(z), centred / sigma**2), q(z)),
            "One sample, and the score of a Gaussian with respect to its mean.",
        ),
        Step(
            add(
                Expectation((f(z) * centred / sigma**2) ** 2, q(z)),
                -(slope(mu) ** 2),
            ),
            "The mean square minus the squared mean. The mean is the gradient, and for a "
            "quadratic $f$ that is $f'(\\mu)$.",
            integrated,
        ),
        Step(
            add(
                times(1 / sigma**2, Expectation(times(taylor**2, epsilon**2), p(epsilon))),
                -(slope(mu) ** 2),
            ),
            "$z = \\mu + \\sigma\\varepsilon$, and Taylor's formula around $\\mu$, which is exact "
            "for a quadratic.",
            integrated,
        ),
        Step(
            add(
                f(mu) ** 2 / sigma**2,
                times(2, slope(mu) ** 2),
                times(3, f(mu), curvature(mu)),
                times(Rational(15, 4), sigma**2, curvature(mu) ** 2),
            ),
            "$\\varepsilon^2, \\varepsilon^4, \\varepsilon^6$ have the means 1, 3, 15. The first "
            "term grows without bound as $\\sigma$ shrinks, and a constant added to $f$ moves it.",
            integrated,
        ),
    ],
    wrong_forms=[
        WrongForm(
            3,
            times(sigma**2, curvature(mu) ** 2),
            "the pathwise variance, as if all unbiased estimators varied alike (E05)",
        ),
        WrongForm(
            1,
            Expectation((f(z) * centred / sigma**2) ** 2, q(z)),
            "the squared mean is not subtracted",
        ),
    ],
)

pathwise_variance = Derivation(
    name="pathwise_variance",
    title="The variance of the pathwise gradient",
    left=r"\mathrm{Var}\left[f'(\mu + \sigma\varepsilon)\right]",
    definitions={**gaussian, **noise},
    instance=quadratic,
    source="Mohamed et al. 2020",
    steps=[
        Step(Variance(slope(z), q(z)), "One sample of the pathwise gradient for $\\mu$."),
        Step(
            Expectation(times(sigma, epsilon, curvature(mu)) ** 2, p(epsilon)),
            "The slope of a quadratic is a straight line: $f'(\\mu)$, its mean, plus "
            "$\\sigma\\varepsilon f''(\\mu)$, of which the square is averaged.",
            integrated,
        ),
        Step(
            times(sigma**2, curvature(mu) ** 2),
            "$\\varepsilon$ has variance one. Neither the value of "
            "$f$ nor its slope matters: only how fast the slope changes.",
            integrated,
        ),
    ],
    wrong_forms=[
        WrongForm(
            2,
            add(slope(mu) ** 2, times(sigma**2, curvature(mu) ** 2)),
            "the mean square, not the variance",
        ),
        WrongForm(
            2,
            add(
                f(mu) ** 2 / sigma**2,
                times(2, slope(mu) ** 2),
                times(3, f(mu), curvature(mu)),
                times(Rational(15, 4), sigma**2, curvature(mu) ** 2),
            ),
            "the score function's variance, as if all unbiased estimators varied alike (E05)",
        ),
    ],
)

# A baseline -----------------------------------------------------------------------------------

b = Symbol("b", real=True)

optimal_baseline = Derivation(
    name="optimal_baseline",
    title="The best baseline",
    left=r"\mathrm{Var}\left[(f(z) - b)\, \partial_\mu \log q(z)\right]",
    definitions=gaussian,
    instance=quadratic,
    source="Mohamed et al. 2020",
    steps=[
        Step(
            Variance(times(add(f(z), -b), centred / sigma**2), q(z)),
            "One sample, with a baseline.",
        ),
        Step(
            add(
                Expectation(times(add(f(z), -b), centred / sigma**2) ** 2, q(z)),
                -(Expectation(times(f(z), centred / sigma**2), q(z)) ** 2),
            ),
            "The mean square minus the squared mean. The mean has no $b$ in it: "
            "the score has mean zero, because $q_\\phi$ integrates to one wherever $\\mu$ is.",
            integrated,
        ),
        Step(
            add(
                add(f(mu), -b) ** 2 / sigma**2,
                times(2, slope(mu) ** 2),
                times(3, add(f(mu), -b), curvature(mu)),
                times(Rational(15, 4), sigma**2, curvature(mu) ** 2),
            ),
            "The variance without a baseline, with $f(\\mu) - b$ in place of $f(\\mu)$. The slopes "
            "of $f$ and of $f - b$ are the same.",
            integrated,
        ),
        Step(
            add(
                add(b, -f(mu), -times(Rational(3, 2), sigma**2, curvature(mu))) ** 2 / sigma**2,
                times(2, slope(mu) ** 2),
                times(Rational(3, 2), sigma**2, curvature(mu) ** 2),
            ),
            "Complete the square in $b$. Only the first term contains it, and the best $b$ makes "
            "that zero.",
            proved,
        ),
        Step(
            add(
                add(b, -Expectation(times(f(z), centred**2 / sigma**2), q(z))) ** 2 / sigma**2,
                times(2, slope(mu) ** 2),
                times(Rational(3, 2), sigma**2, curvature(mu) ** 2),
            ),
            "So the best $b$ is a mean of $f$ with the squared score as weight. It is not the "
            "plain mean of $f$.",
            integrated,
        ),
    ],
    wrong_forms=[
        WrongForm(
            1,
            add(
                Expectation(times(add(f(z), -b), centred / sigma**2) ** 2, q(z)),
                -(Expectation(times(add(f(z), -b), centred**2 / sigma**2), q(z)) ** 2),
            ),
            "the mean is thought to change with the baseline",
        ),
        WrongForm(
            4,
            add(
                add(b, -Expectation(f(z), q(z))) ** 2 / sigma**2,
                times(2, slope(mu) ** 2),
                times(Rational(3, 2), sigma**2, curvature(mu) ** 2),
            ),
            "the plain mean of f is taken for the best baseline",
        ),
    ],
)
