r"""When derivative and expectation may change places, and when they may not.

It suffices that $f(\mu + \sigma\varepsilon)$ has no jump as μ moves, and that one function of ε
with a finite mean bounds its derivative. A kink does no harm, a jump does.

L'Ecuyer 1995; Mohamed, Rosca, Figurnov & Mnih 2020.
"""

from sympy import Integral, S, oo

from vae_course.derivations.engine import Derivation, Step, WrongForm, integrated
from vae_course.derivations.gradients import (
    epsilon,
    gaussian,
    mu,
    noise,
    p,
    q,
    reparameterised,
    sigma,
    z,
)
from vae_course.derivations.notation import Gradient, times

above_zero, above_threshold = (z, 0, oo), (epsilon, -mu / sigma, oo)

exchange_that_fails = Derivation(
    name="exchange_that_fails",
    title="A jump in the integrand, and the pathwise gradient is wrong",
    left=r"\partial_\mu\, \mathbb{E}_{q(z)}[\mathbf 1_{z > 0}]",
    definitions={**gaussian, **noise},
    source="L'Ecuyer 1995; Mohamed et al. 2020",
    steps=[
        Step(
            Gradient(Integral(q(z), above_zero), mu),
            "$f$ is one above zero and zero below: its mean is the mass of $q$ above zero.",
        ),
        Step(
            Gradient(Integral(p(epsilon), above_threshold), mu),
            "With $z = \\mu + \\sigma\\varepsilon$: $z > 0$ where $\\varepsilon > -\\mu/\\sigma$. "
            "The parameter has moved into the limit.",
            integrated,
        ),
        Step(
            times(1 / sigma, p(-mu / sigma)),
            "The limit moves down at the speed $1/\\sigma$. What it gains is the density there.",
            integrated,
        ),
        Step(q(0), "That is the density of $z$ at the jump. It is never zero.", integrated),
    ],
    wrong_forms=[
        WrongForm(
            2,
            S.Zero,
            "derivative and expectation change places although f jumps: the derivative inside is "
            "zero almost everywhere (E101)",
        ),
        WrongForm(3, p(0), "the density of the noise at zero: the jump is at z = 0, not at ε = 0"),
    ],
)

exchange_that_holds = Derivation(
    name="exchange_that_holds",
    title="A kink in the integrand, and the pathwise gradient is right",
    left=r"\partial_\mu\, \mathbb{E}_{q(z)}[\max(z, 0)]",
    definitions={**gaussian, **noise},
    source="Mohamed et al. 2020",
    steps=[
        Step(
            Gradient(Integral(times(z, q(z)), above_zero), mu),
            "$f$ is zero below zero, and $z$ above: a ReLU.",
        ),
        Step(
            Gradient(Integral(times(reparameterised, p(epsilon)), above_threshold), mu),
            "With $z = \\mu + \\sigma\\varepsilon$. The parameter is in the limit and in $f$.",
            integrated,
        ),
        Step(
            Integral(p(epsilon), above_threshold),
            "What the limit gains is the density there times $f$ there, and $f$ is zero at the "
            "kink. What remains is the derivative inside, which is one: the pathwise gradient.",
            integrated,
        ),
        Step(
            Integral(q(z), above_zero),
            "The probability of $z > 0$, where the slope is one.",
            integrated,
        ),
    ],
    wrong_forms=[
        WrongForm(
            3,
            times(mu, q(0)),
            "the slope at the kink alone, where there is none",
        ),
        WrongForm(
            2,
            Integral(p(epsilon), (epsilon, -oo, oo)),
            "the slope taken for one everywhere: the threshold is forgotten",
        ),
    ],
)
