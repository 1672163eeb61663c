r"""Gradients of the ELBO from one sample, for the encoder and for the decoder.

The model is $p(z) = \mathcal N(0, 1)$, $p(x \mid z) = \mathcal N(z, 1)$, and the encoder's answer
is $q_\phi(z \mid x) = \mathcal N(\mu, \sigma^2)$, where μ and σ depend on any parameter φ: the
ELBO is known exactly, and its gradient with it.

$$ \nabla_\phi\, \mathcal L(x) = (x - 2\mu)\, \nabla_\phi \mu
   + \big(\tfrac1\sigma - 2\sigma\big)\, \nabla_\phi \sigma $$

Kingma & Welling 2014; Roeder, Wu & Duvenaud 2017.
"""

from sympy import Function, Lambda, Symbol, log

from vae_course.derivations.engine import Derivation, Step, WrongForm, integrated, proved
from vae_course.derivations.gradients import (
    TURNED,
    encoder,
    epsilon,
    mu,
    noise,
    p,
    phi,
    reparameterised,
    sigma,
    z,
)
from vae_course.derivations.notation import (
    Expectation,
    Gradient,
    Normal,
    add,
    density,
    prime,
    times,
)

x, theta, R = (Symbol(name, real=True) for name in ("x", "theta", "R"))
q = density("q", "q_phi", given=True)
joint = density("joint", "p")
f = Function("f", real=True)
model = {
    q: Lambda((z, x), Normal(z, mu, sigma**2)),
    joint: Lambda((x, z), times(Normal(x, z, 1), Normal(z, 0, 1))),
    f: Lambda(z, add(log(joint(x, z)), -log(q(z, x)))),
}
moves = add(Gradient(mu, phi), times(epsilon, Gradient(sigma, phi)))  # of z, for this ε
slope = add(x, -times(2, reparameterised), times(1 / sigma, epsilon))  # of f, along z
SAME_SLOPE = "a factor −1 under a logarithm adds a constant, and its slope is the same"
same_slope = {"definition of p(x, z): sign of N(x, z, 1) N(z, 0, 1) flipped": SAME_SLOPE}


def elbo_gradient(for_mu, for_sigma):
    return add(times(for_mu, Gradient(mu, phi)), times(for_sigma, Gradient(sigma, phi)))


elbo_gradient_one_sample = Derivation(
    name="elbo_gradient_one_sample",
    title="The ELBO's gradient from one sample is unbiased",
    left=r"\nabla_\phi\, \mathcal{L}(x)",
    definitions={**model, **noise},
    instance=encoder,
    equivalent=same_slope
    | {f"step {k}: {change}": why for k in (2, 3) for change, why in TURNED.items()},
    source="Kingma & Welling 2014",
    steps=[
        Step(
            Gradient(Expectation(f(z), q(z, x)), phi),
            "The gradient of the ELBO. $\\phi$ is in the density, and in $f$ too.",
        ),
        Step(
            Gradient(Expectation(f(reparameterised), p(epsilon)), phi),
            "Put $\\mu + \\sigma\\varepsilon$ in for $z$.",
            integrated,
        ),
        Step(
            Expectation(Gradient(f(reparameterised), phi), p(epsilon)),
            "Derivative and expectation change places: $f$ is smooth, and a polynomial in "
            "$\\varepsilon$ bounds the derivative. Averaged here is the gradient from one sample. "
            "So one sample is unbiased; more of them only lower the variance.",
            integrated,
        ),
        Step(
            add(
                Expectation(times(add(x, -times(2, reparameterised)), moves), p(epsilon)),
                times(1 / sigma, Gradient(sigma, phi)),
            ),
            "The derivative in this model: of $\\log p(x, z)$ along $z$, and of $\\log \\sigma$. "
            "That is all of $-\\log q_\\phi$ that moves while $\\varepsilon$ stays.",
            integrated,
        ),
        Step(
            elbo_gradient(add(x, -times(2, mu)), add(1 / sigma, -times(2, sigma))),
            "$\\varepsilon$ has mean zero and variance one. Both brackets vanish at the true "
            "posterior, $\\mu = x/2$ and $\\sigma^2 = 1/2$.",
            integrated,
        ),
    ],
    wrong_forms=[
        WrongForm(
            2,
            Expectation(Gradient(f(z), phi), q(z, x)),
            "the derivative is moved inside while q depends on φ: that is always zero (E99)",
        ),
        WrongForm(
            4,
            elbo_gradient(add(x, -mu), -sigma),
            "the gradient of the KL divergence is missing (E03)",
        ),
    ],
)

# Sticking the landing ------------------------------------------------------------------------

NO_MEAN = "the mean of the score is zero: step 4 says so"
along = times(prime(f)(reparameterised), moves)

sticking_the_landing = Derivation(
    name="sticking_the_landing",
    title="A term of the ELBO's gradient that may be left out",
    left=r"\nabla_\phi\, \mathcal{L}(x)",
    definitions={**model, **noise},
    instance=encoder,
    equivalent=same_slope
    | {
        "step 2: sign of E[∇_φ f(z)] flipped": NO_MEAN,
        "step 2: term E[∇_φ f(z)] dropped": NO_MEAN,
        "step 3: sign of -E[∇_φ log(q_φ(z | x))] flipped": NO_MEAN,
        "step 3: term -E[∇_φ log(q_φ(z | x))] dropped": NO_MEAN,
        "step 3: constant -1 in -E[∇_φ log(q_φ(z | x))] changed to -2": NO_MEAN,
    },
    source="Roeder, Wu & Duvenaud 2017",
    steps=[
        Step(Gradient(Expectation(f(z), q(z, x)), phi), "The gradient of the ELBO."),
        Step(
            add(Expectation(along, p(epsilon)), Expectation(Gradient(f(z), phi), q(z, x))),
            "$\\phi$ acts in two ways: it moves the sample, and it changes $f$ where the "
            "sample is.",
            integrated,
        ),
        Step(
            add(Expectation(along, p(epsilon)), -Expectation(Gradient(log(q(z, x)), phi), q(z, x))),
            "In $f$ only $-\\log q_\\phi$ contains $\\phi$.",
            integrated,
        ),
        Step(
            Expectation(along, p(epsilon)),
            "The mean of the score is zero. One sample of it is not: to leave it out changes the "
            "variance, and nothing else.",
            integrated,
        ),
        Step(
            elbo_gradient(add(x, -times(2, mu)), add(1 / sigma, -times(2, sigma))),
            "The same as with the score, in this model.",
            integrated,
        ),
    ],
    wrong_forms=[
        WrongForm(
            3,
            Expectation(times(prime(f)(reparameterised), Gradient(mu, phi)), p(epsilon)),
            "the sample is moved by μ only",
        ),
        WrongForm(
            3,
            Expectation(Gradient(f(reparameterised), phi), p(epsilon))
            - Expectation(along, p(epsilon)),
            "the score is kept and the path dropped",
        ),
    ],
)

sticking_the_landing_noise = Derivation(
    name="sticking_the_landing_noise",
    title="Without the score, the gradient has no noise at the true posterior",
    left=r"f'(\mu + \sigma\varepsilon)",
    definitions=model,
    equivalent=same_slope | {"definition of q_φ(z | x): sign of N(z, μ, σ²) flipped": SAME_SLOPE},
    source="Roeder, Wu & Duvenaud 2017",
    steps=[
        Step(prime(f)(reparameterised), "What multiplies the derivative of $z$ in one sample."),
        Step(
            slope, "In this model: the slope of $\\log p(x, z)$, and of $-\\log q_\\phi$.", proved
        ),
        Step(
            add(add(x, -times(2, mu)), times(add(1 / sigma, -times(2, sigma)), epsilon)),
            "A mean and a noise. At the true posterior, $\\mu = x/2$ and $\\sigma^2 = 1/2$, both "
            "are zero for every $\\varepsilon$.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(
            1,
            add(x, -times(2, reparameterised)),
            "the score is left in: the noise −2σε never vanishes",
        ),
        WrongForm(
            1,
            add(x, -times(2, reparameterised), times(1 / sigma**2, epsilon)),
            "ε divided by σ² in place of σ: z − μ is σε",
        ),
    ],
)

# The decoder ---------------------------------------------------------------------------------

decoder = density("decoder", "p_theta", given=True)
NO_THETA = "there is no θ in the KL divergence"

decoder_gradient = Derivation(
    name="decoder_gradient",
    title="The ELBO's gradient for the decoder",
    left=r"\nabla_\theta\, \mathcal{L}(x)",
    definitions={q: model[q], decoder: Lambda((x, z), Normal(x, times(theta, z), 1))},
    equivalent={
        "step 1: sign of -R flipped": NO_THETA,
        "step 1: term -R dropped": NO_THETA,
        "step 1: constant -1 in -R changed to -2": NO_THETA,
        "definition of p_θ(x | z): sign of N(x, θ z, 1) flipped": SAME_SLOPE,
    },
    source="Kingma & Welling 2014",
    steps=[
        Step(
            Gradient(add(Expectation(log(decoder(x, z)), q(z, x)), -R), theta),
            "The ELBO: reconstruction minus the rate $R$, a KL divergence.",
        ),
        Step(
            Gradient(Expectation(log(decoder(x, z)), q(z, x)), theta),
            "The rate compares encoder and prior. Neither has $\\theta$ in it.",
            integrated,
        ),
        Step(
            Expectation(Gradient(log(decoder(x, z)), theta), q(z, x)),
            "The samples come from $q_\\phi$, which does not depend on $\\theta$: the derivative "
            "moves inside as it is. One sample is unbiased.",
            integrated,
        ),
        Step(
            Expectation(times(add(x, -times(theta, z)), z), q(z, x)),
            "For a decoder with mean $\\theta z$ and variance one.",
            integrated,
        ),
        Step(
            add(times(x, mu), -times(theta, add(mu**2, sigma**2))),
            "Moments of $q_\\phi$.",
            integrated,
        ),
    ],
    wrong_forms=[
        WrongForm(
            4,
            times(add(x, -times(theta, mu)), mu),
            "the mean is decoded, in place of a sample: the spread σ² is missing",
        ),
        WrongForm(
            4,
            add(times(theta, x**2) / add(1, theta**2) ** 2, -theta / add(1, theta**2)),
            "the gradient of the evidence: the estimate is unbiased for the ELBO's (E102)",
        ),
    ],
)
