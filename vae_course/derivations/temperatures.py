r"""The power posterior, and the evidence as an integral over its temperatures.

The power posterior $p_\tau(z) \propto p(z)\, p_\theta(x \mid z)^\tau$ has the normaliser
$Z(\tau)$, with $Z(0) = 1$ and $Z(1) = p_\theta(x)$.

$$ \frac{d}{d\tau} \log Z(\tau) = E_{p_\tau}[\log p_\theta(x \mid z)], \qquad
   \log p_\theta(x) = \int_0^1 E_{p_\tau}[\log p_\theta(x \mid z)]\, d\tau $$

Gelman & Meng 1998; Friel & Pettitt 2008.
"""

from sympy import (
    Function,
    Integral,
    Lambda,
    Rational,
    Symbol,
    exp,
    log,
    oo,
    pi,
)

from vae_course.derivations.engine import Derivation, Step, WrongForm, integrated, proved
from vae_course.derivations.model import JOINT, joint, likelihood, prior, x, z
from vae_course.derivations.notation import (
    Expectation,
    Gradient,
    Normal,
    SumOver,
    add,
    density,
    times,
)

tau = Symbol("tau", positive=True)
Z = Function("Z", positive=True)
power = density("power", "p_tau")
annealed = {
    Z: Lambda(tau, SumOver(times(prior(z), likelihood(x, z) ** tau), z)),
    power: Lambda(z, times(prior(z), likelihood(x, z) ** tau) / Z(tau)),
}

thermodynamic_identity = Derivation(
    name="thermodynamic_identity",
    title="The slope of the log-normaliser is a mean log-likelihood",
    left=r"\frac{\partial}{\partial\tau} \log Z(\tau)",
    definitions=annealed,
    states={z: 2},
    source="Gelman & Meng 1998",
    steps=[
        Step(
            Gradient(log(Z(tau)), tau),
            "$Z(\\tau)$ is what makes the power posterior $p_\\tau$ sum to one.",
        ),
        Step(
            Gradient(Z(tau), tau) / Z(tau),
            "The derivative of a logarithm.",
            proved,
        ),
        Step(
            SumOver(times(prior(z), likelihood(x, z) ** tau, log(likelihood(x, z))), z) / Z(tau),
            "The exponent comes down: $a^\\tau$ has the derivative $a^\\tau \\log a$.",
            proved,
        ),
        Step(
            Expectation(log(likelihood(x, z)), power(z)),
            "The rest is the density of the power posterior.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(
            3,
            Expectation(log(likelihood(x, z)), prior(z)),
            "the mean under the prior: that is the slope at β = 0 only",
        ),
        WrongForm(
            3,
            log(Expectation(likelihood(x, z), power(z))),
            "the log of the mean in place of the mean of the log",
        ),
    ],
)

thermodynamic_integration = Derivation(
    name="thermodynamic_integration",
    title="The log-evidence is an integral over temperatures",
    left=r"\log p_\theta(x)",
    definitions={**annealed, **JOINT},
    states={z: 2},
    equivalent={"step 2: constant -1 in 1/Z(0) changed to -2": "Z(0) is one"},
    source="Gelman & Meng 1998",
    steps=[
        Step(
            log(SumOver(joint(x, z), z)),
            "The evidence sums the joint.",
        ),
        Step(
            log(Z(1) / Z(0)),
            "At $\\tau = 1$ the normaliser is the evidence. At $\\tau = 0$ it is the sum of the "
            "prior, which is one.",
            proved,
        ),
        Step(
            Integral(Gradient(log(Z(tau)), tau), (tau, 0, 1)),
            "A difference is the integral of the slope.",
            integrated,
        ),
        Step(
            Integral(Expectation(log(likelihood(x, z)), power(z)), (tau, 0, 1)),
            "The slope is the mean log-likelihood under the power posterior.",
            integrated,
        ),
    ],
    wrong_forms=[
        WrongForm(
            3,
            Expectation(log(likelihood(x, z)), prior(z)),
            "samples of the prior alone, in place of all temperatures",
        ),
        WrongForm(1, log(Z(1)) / log(Z(2)), "a ratio of logarithms for the logarithm of a ratio"),
    ],
)

# A Gaussian, where every temperature is known -------------------------------------------------

half = Rational(1, 2)
x_given_z, p_x, known = (
    density("lik", "p", given=True),
    density("p_x", "p"),
    density("pow", "p_tau"),
)
gaussian = {x_given_z: Lambda((x, z), Normal(x, z, 1))}
tempered = Normal(z, times(tau, x) / add(1, tau), 1 / add(1, tau))

power_posterior = Derivation(
    name="power_posterior",
    title="The power posterior of a Gaussian model",
    left=r"\log p_\tau(z)",
    source="Friel & Pettitt 2008",
    steps=[
        Step(
            add(
                log(Normal(z, 0, 1)),
                times(tau, log(Normal(x, z, 1))),
                -log(
                    Integral(
                        exp(add(log(Normal(z, 0, 1)), times(tau, log(Normal(x, z, 1))))),
                        (z, -oo, oo),
                    )
                ),
            ),
            "The prior, $z$ around zero, times a power of the likelihood, $x$ around $z$, both "
            "with variance one; and normalised.",
        ),
        Step(
            log(tempered),
            "Complete the square in $z$. Precisions add: 1 from the prior, $\\tau$ from the "
            "likelihood. A power above one concentrates, one below disperses.",
            integrated,
        ),
    ],
    wrong_forms=[
        WrongForm(
            1,
            log(Normal(z, x / 2, 1 / (2 * tau))),
            "the posterior to the power β: the prior is tempered too",
        ),
        WrongForm(
            1,
            log(Normal(z, x / add(1, tau), 1 / add(1, tau))),
            "the pull of the data does not grow with β",
        ),
    ],
)

thermodynamic_integration_gaussian = Derivation(
    name="thermodynamic_integration_gaussian",
    title="The integral over temperatures, done for a Gaussian model",
    left=r"\log p(x)",
    definitions=gaussian,
    instance={known: Lambda(z, tempered)},
    source="Gelman & Meng 1998",
    steps=[
        Step(
            Integral(Expectation(log(x_given_z(x, z)), known(z)), (tau, 0, 1)),
            "The mean log-likelihood under each power posterior.",
        ),
        Step(
            Integral(
                add(
                    -times(half, log(2 * pi)),
                    -times(half, add(x**2 / add(1, tau) ** 2, 1 / add(1, tau))),
                ),
                (tau, 0, 1),
            ),
            "$E(x - z)^2$ is the squared distance of $x$ from the mean, plus the variance.",
            integrated,
        ),
        Step(
            add(-times(half, log(2 * pi)), -times(half, add(x**2 / 2, log(2)))),
            "Two elementary integrals.",
            integrated,
        ),
        Step(
            log(Normal(x, 0, 2)),
            "The evidence: $x$ is $z$ plus noise, and variances add.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(3, log(Normal(x, 0, 1)), "the variance of the noise alone"),
        WrongForm(
            2,
            add(-times(half, log(2 * pi)), -times(half, add(x**2, 1))),
            "the mean under the prior, for all temperatures",
        ),
    ],
)
