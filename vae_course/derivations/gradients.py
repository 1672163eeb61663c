r"""The gradient of an expectation, as an expectation that can be estimated by sampling.

For $q_\phi = \mathcal N(\mu, \sigma^2)$, where μ and σ depend on any parameter φ of the encoder:

$$ \nabla_\phi E_{q_\phi}[f(z)] = E_{q_\phi}\big[f(z)\, \nabla_\phi \log q_\phi(z)\big]
   = E_\varepsilon\big[f'(\mu + \sigma\varepsilon)\, \nabla_\phi(\mu + \sigma\varepsilon)\big] $$

Mohamed, Rosca, Figurnov & Mnih 2020. Checked for f of degree three with any coefficients.
"""

from sympy import Function, Integral, Lambda, Symbol, log, oo, symbols

from vae_course.derivations.engine import Derivation, Step, WrongForm, integrated
from vae_course.derivations.notation import (
    Expectation,
    Gradient,
    Normal,
    add,
    density,
    prime,
    times,
)

z, mu, epsilon, phi = symbols("z mu epsilon phi", real=True)
sigma = Symbol("sigma", positive=True)
a_0, a_1, a_2, a_3 = symbols("a_0:4", real=True)
q, p, f = density("q", "q_phi"), density("p"), Function("f", real=True)

gaussian = {q: Lambda(z, Normal(z, mu, sigma**2))}
noise = {p: Lambda(epsilon, Normal(epsilon, 0, 1))}
# Any functions of φ will do, and any polynomial: these are not claims that could be mistaken.
encoder = {mu: Function("mu", real=True)(phi), sigma: Function("sigma", positive=True)(phi)}
cubic = {f: Lambda(z, a_0 + a_1 * z + a_2 * z**2 + a_3 * z**3)}
slope, curvature = prime(f), prime(prime(f))

reparameterised, centred = add(mu, times(sigma, epsilon)), add(z, -mu)
everywhere = (z, -oo, oo)
score = add(
    times(centred / sigma**2, Gradient(mu, phi)),
    times(add(centred**2 / sigma**2, -1), 1 / sigma, Gradient(sigma, phi)),
)
# turning the sign of the noise gives the same samples in another order
TURNED = {"sign of σ ε flipped": "−ε has the same density as ε"}

LINEAR = "the identity is linear in q: it holds for −q as well"

score_function_identity = Derivation(
    name="score_function_identity",
    title="The score-function identity",
    left=r"\nabla_\phi\, \mathbb{E}_{q_\phi(z)}[f(z)]",
    definitions=gaussian,
    instance={**encoder, **cubic},
    equivalent={"definition of q_φ(z): sign of N(z, μ, σ²) flipped": LINEAR},
    source="Williams 1992; Mohamed et al. 2020",
    steps=[
        Step(
            Gradient(Integral(times(f(z), q(z)), everywhere), phi),
            "The expectation is an integral. $\\phi$ is inside it, in $q_\\phi$.",
        ),
        Step(
            Integral(times(f(z), Gradient(q(z), phi)), everywhere),
            "Derivative and integral change places: $q_\\phi$ is smooth, and near any $\\phi$ one "
            "integrable function bounds the derivative. $f$ does not contain $\\phi$.",
            integrated,
        ),
        Step(
            Integral(times(f(z), q(z), Gradient(log(q(z)), phi)), everywhere),
            "The derivative of a logarithm, backwards: that of $q_\\phi$ is $q_\\phi$ times that "
            "of $\\log q_\\phi$.",
            integrated,
        ),
        Step(
            Expectation(times(f(z), Gradient(log(q(z)), phi)), q(z)),
            "With $q_\\phi$ as a factor again, the integral is an expectation, and samples "
            "estimate it. $f$ need not have a derivative.",
            integrated,
        ),
        Step(
            Expectation(times(f(z), score), q(z)),
            "The derivative of $\\log q_\\phi$ is called the score. This is a Gaussian's.",
            integrated,
        ),
    ],
    wrong_forms=[
        WrongForm(
            3,
            Expectation(times(f(z), Gradient(q(z), phi)), q(z)),
            "the gradient of q in place of that of log q: q is counted twice",
        ),
        WrongForm(
            3,
            Expectation(Gradient(log(q(z)), phi), q(z)),
            "f is forgotten: the mean of the score is zero",
        ),
    ],
)

pathwise_identity = Derivation(
    name="pathwise_identity",
    title="The pathwise identity",
    left=r"\nabla_\phi\, \mathbb{E}_{q_\phi(z)}[f(z)]",
    definitions={**gaussian, **noise},
    instance={**encoder, **cubic},
    equivalent={f"step {k}: {change}": why for k in (2, 3) for change, why in TURNED.items()},
    source="Kingma & Welling 2014; Mohamed et al. 2020",
    steps=[
        Step(
            Gradient(Expectation(f(z), q(z)), phi),
            "What is wanted. $\\phi$ is in the density that the samples come from.",
        ),
        Step(
            Gradient(Expectation(f(reparameterised), p(epsilon)), phi),
            "$z = \\mu + \\sigma\\varepsilon$ has the density $q_\\phi$. Now the samples come from "
            "a density without parameters.",
            integrated,
        ),
        Step(
            Expectation(Gradient(f(reparameterised), phi), p(epsilon)),
            "Derivative and expectation change places: $f$ is differentiable, and near any "
            "$\\phi$ one function with a finite mean bounds the derivative.",
            integrated,
        ),
        Step(
            Expectation(
                times(
                    slope(reparameterised),
                    add(Gradient(mu, phi), times(epsilon, Gradient(sigma, phi))),
                ),
                p(epsilon),
            ),
            "The chain rule: how $f$ changes with $z$, times how this $z$ changes with $\\phi$.",
            integrated,
        ),
        Step(
            add(
                times(Expectation(slope(z), q(z)), Gradient(mu, phi)),
                times(sigma, Expectation(curvature(z), q(z)), Gradient(sigma, phi)),
            ),
            "For $\\mu$ it is the mean slope. For $\\sigma$, integrate by parts: "
            "$E[\\varepsilon f'] = \\sigma E[f'']$. A spread is felt through the curvature.",
            integrated,
        ),
    ],
    wrong_forms=[
        WrongForm(
            3,
            Expectation(times(slope(reparameterised), Gradient(mu, phi)), p(epsilon)),
            "∂z/∂σ = ε is forgotten: only μ gets a gradient",
        ),
        WrongForm(
            4,
            add(
                times(slope(mu), Gradient(mu, phi)),
                times(sigma, curvature(mu), Gradient(sigma, phi)),
            ),
            "the slope at the mean in place of the mean of the slope",
        ),
    ],
)

# f contains the parameter, too ---------------------------------------------------------------

f_phi = density("f", "f_phi", real=True)
any_f_phi = {f_phi: Lambda(z, add(times(a_1, phi**2, z), times(a_3, phi, z**3)))}

score_function_moving_integrand = Derivation(
    name="score_function_moving_integrand",
    title="The score-function identity when f contains the parameter",
    left=r"\nabla_\phi\, \mathbb{E}_{q_\phi(z)}[f_\phi(z)]",
    definitions=gaussian,
    instance={**encoder, **any_f_phi},
    equivalent={
        "definition of q_φ(z): sign of N(z, μ, σ²) flipped": LINEAR,
        "definition of q_φ(z): constant 2 in σ² changed to 3": "it holds for any variance",
    },
    source="Mohamed et al. 2020",
    steps=[
        Step(
            Gradient(Integral(times(f_phi(z), q(z)), everywhere), phi),
            "$\\phi$ is in both factors. In the ELBO it is, too: $f_\\phi$ contains "
            "$\\log q_\\phi$.",
        ),
        Step(
            Integral(
                add(times(f_phi(z), Gradient(q(z), phi)), times(Gradient(f_phi(z), phi), q(z))),
                everywhere,
            ),
            "Derivative and integral change places; then the product rule.",
            integrated,
        ),
        Step(
            add(
                Expectation(times(f_phi(z), Gradient(log(q(z)), phi)), q(z)),
                Expectation(Gradient(f_phi(z), phi), q(z)),
            ),
            "The derivative of a logarithm, backwards, in the first term. The second is the direct "
            "effect on $f_\\phi$.",
            integrated,
        ),
    ],
    wrong_forms=[
        WrongForm(
            2,
            Expectation(times(f_phi(z), Gradient(log(q(z)), phi)), q(z)),
            "the direct effect of φ on f is missing (E04)",
        ),
        WrongForm(
            2,
            Expectation(Gradient(f_phi(z), phi), q(z)),
            "the derivative is moved inside as if q did not change (E99)",
        ),
    ],
)
