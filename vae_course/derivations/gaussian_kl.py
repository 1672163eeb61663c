r"""The KL divergence between Gaussians in closed form.

$$ \mathrm{KL}\big(\mathcal N(\mu, \sigma^2) \,\|\, \mathcal N(0, 1)\big)
   = \tfrac12\big(\mu^2 + e^r - 1 - r\big), \qquad r = \log \sigma^2 $$

Kingma & Welling 2014 (there with log σ² written out).
"""

from sympy import (
    Function,
    IndexedBase,
    Integral,
    Lambda,
    Product,
    Rational,
    Sum,
    Symbol,
    exp,
    log,
    oo,
    pi,
)

from vae_course.derivations.engine import Derivation, Step, WrongForm, integrated, proved
from vae_course.derivations.notation import Expectation, Normal, add, times

half = Rational(1, 2)
z, mu, r = (Symbol(name, real=True) for name in ("z", "mu", "r"))
sigma = Symbol("sigma", positive=True)
q, p = Function("q"), Function("p")

kl_from_standard_normal = Derivation(
    name="kl_from_standard_normal",
    title="The KL divergence of a Gaussian from the standard normal",
    left=r"\mathrm{KL}(q \,\|\, p)",
    definitions={
        q: Lambda(z, Normal(z, mu, sigma**2)),
        p: Lambda(z, Normal(z, 0, 1)),
        r: log(sigma**2),
    },
    source="Kingma & Welling 2014",
    steps=[
        Step(
            Integral(times(q(z), log(q(z) / p(z))), (z, -oo, oo)),
            "The definition of the KL divergence.",
        ),
        Step(
            Expectation(add(log(q(z)), -log(p(z))), q(z)),
            "An integral against $q$ is an expectation; the log of a ratio is a difference.",
            integrated,
        ),
        Step(
            Expectation(
                add(
                    -log(2 * pi * sigma**2) / 2,
                    -(add(z, -mu) ** 2) / (2 * sigma**2),
                    log(2 * pi) / 2,
                    z**2 / 2,
                ),
                q(z),
            ),
            "Write out the two log-densities. Minus the log of $p$ turns both its signs.",
            integrated,
        ),
        Step(
            times(
                half,
                add(
                    -log(sigma**2),
                    -Expectation(add(z, -mu) ** 2, q(z)) / sigma**2,
                    Expectation(z**2, q(z)),
                ),
            ),
            "Constants leave the expectation, and $\\log 2\\pi$ cancels.",
            integrated,
        ),
        Step(
            times(half, add(mu**2, sigma**2, -1, -log(sigma**2))),
            "The two expectations are moments of $q$: $E(z-\\mu)^2 = \\sigma^2$ leaves $-1$, and "
            "$E z^2 = \\mu^2 + \\sigma^2$.",
            integrated,
        ),
        Step(
            times(half, add(mu**2, exp(r), -1, -r)),
            "The encoder's output is $r = \\log \\sigma^2$, so $\\sigma^2 = e^r$.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(
            0,
            Integral(times(p(z), log(p(z) / q(z))), (z, -oo, oo)),
            "the other direction, KL(p‖q) (E63)",
        ),
        WrongForm(
            4,
            times(half, add(sigma**2, -1, -log(sigma**2))),
            "E z² taken for the variance: the mean is forgotten",
        ),
        WrongForm(
            4,
            times(half, add(mu**2, sigma**2, -log(sigma**2))),
            "the −1 is missing, so that q = p has KL ½",
        ),
        WrongForm(
            4,
            times(half, add(mu**2, sigma**2, -1, log(sigma**2))),
            "the sign of log σ² is turned",
        ),
        WrongForm(
            5,
            times(half, add(mu**2, exp(2 * r), -1, -2 * r)),
            "r read as log σ: σ = e^r instead of e^(r/2) (E105)",
        ),
        WrongForm(
            5,
            times(half, add(mu**2, exp(r) ** 2, -1, -r)),
            "variance and log-variance from two conventions (E105)",
        ),
        WrongForm(
            5,
            add(mu**2, exp(r), -1, -r),
            "the factor ½ is missing",
        ),
    ],
)

# d independent dimensions -------------------------------------------------------------------

j, d = Symbol("j", integer=True, positive=True), Symbol("d", integer=True, positive=True)
zs, mus, rs = (IndexedBase(name, real=True) for name in ("z", "mu", "r"))
sigmas = IndexedBase("sigma", positive=True)
q_j, p_j = Function("q_"), Function("p_")
every_dimension = (j, 1, d)

kl_diagonal = Derivation(
    name="kl_diagonal",
    title="The KL divergence of a diagonal Gaussian is a sum over dimensions",
    left=r"\mathrm{KL}(q \,\|\, p)",
    definitions={
        q: Lambda(z, Product(q_j(zs[j], j), every_dimension)),
        p: Lambda(z, Product(p_j(zs[j], j), every_dimension)),
        q_j: Lambda((z, j), Normal(z, mus[j], sigmas[j] ** 2)),
        p_j: Lambda((z, j), Normal(z, 0, 1)),
        rs: Lambda(j, log(sigmas[j] ** 2)),
    },
    instance={d: 2},
    equivalent={
        f"{place}: index of p_j(z_j) shifted": "every p_j is the same standard normal density"
        for place in ("step 2", "step 3")
    }
    | {"definition of p(z): index of p_j(z_j) shifted": "every p_j is the same density"},
    source="Kingma & Welling 2014",
    steps=[
        Step(
            Expectation(add(log(q(z)), -log(p(z))), q(z)),
            "The definition of the KL divergence; $z$ has $d$ dimensions.",
        ),
        Step(
            Expectation(Sum(add(log(q_j(zs[j], j)), -log(p_j(zs[j], j))), every_dimension), q(z)),
            "Both densities are products over dimensions; the log of a product is a sum.",
            integrated,
        ),
        Step(
            Sum(
                Expectation(add(log(q_j(zs[j], j)), -log(p_j(zs[j], j))), q_j(zs[j], j)),
                every_dimension,
            ),
            "The expectation of a sum is the sum of expectations. Term $j$ does not depend on the "
            "other dimensions, and their densities integrate to one.",
            integrated,
        ),
        Step(
            Sum(times(half, add(mus[j] ** 2, sigmas[j] ** 2, -1, -log(sigmas[j] ** 2))), (j, 1, d)),
            "Each term is the KL divergence of one Gaussian from the standard normal.",
            integrated,
        ),
        Step(
            Sum(times(half, add(mus[j] ** 2, exp(rs[j]), -1, -rs[j])), every_dimension),
            "The encoder's outputs are $r_j = \\log \\sigma_j^2$.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(
            4,
            Sum(times(half, add(mus[j] ** 2, exp(rs[j]), -1, -rs[j])), every_dimension) / d,
            "the mean over dimensions in place of the sum: it changes β to 1/d (E56)",
        ),
        WrongForm(
            4,
            Sum(times(half, add(mus[j] ** 2, exp(2 * rs[j]), -1, -2 * rs[j])), every_dimension),
            "r read as log σ (E105)",
        ),
        WrongForm(
            2,
            Product(
                Expectation(add(log(q_j(zs[j], j)), -log(p_j(zs[j], j))), q_j(zs[j], j)),
                every_dimension,
            ),
            "densities multiply, their divergences do not",
        ),
    ],
)

# Two Gaussians ------------------------------------------------------------------------------

mu_1, mu_2 = (Symbol(name, real=True) for name in ("mu_1", "mu_2"))
sigma_1, sigma_2 = (Symbol(name, positive=True) for name in ("sigma_1", "sigma_2"))

kl_between_gaussians = Derivation(
    name="kl_between_gaussians",
    title="The KL divergence between two Gaussians",
    left=r"\mathrm{KL}(q \,\|\, p)",
    definitions={
        q: Lambda(z, Normal(z, mu_1, sigma_1**2)),
        p: Lambda(z, Normal(z, mu_2, sigma_2**2)),
    },
    steps=[
        Step(
            Expectation(add(log(q(z)), -log(p(z))), q(z)),
            "The definition of the KL divergence.",
        ),
        Step(
            times(
                half,
                add(
                    log(sigma_2**2 / sigma_1**2),
                    -Expectation(add(z, -mu_1) ** 2, q(z)) / sigma_1**2,
                    Expectation(add(z, -mu_2) ** 2, q(z)) / sigma_2**2,
                ),
            ),
            "Write out the log-densities; constants leave the expectation.",
            integrated,
        ),
        Step(
            times(
                half,
                add(
                    log(sigma_2**2 / sigma_1**2),
                    -1,
                    add(sigma_1**2, add(mu_1, -mu_2) ** 2) / sigma_2**2,
                ),
            ),
            "Around its own mean $q$ has second moment $\\sigma_1^2$; around another point, the "
            "squared distance to it is added.",
            integrated,
        ),
    ],
    wrong_forms=[
        WrongForm(
            2,
            times(
                half,
                add(
                    log(sigma_1**2 / sigma_2**2),
                    -1,
                    add(sigma_2**2, add(mu_1, -mu_2) ** 2) / sigma_1**2,
                ),
            ),
            "the two Gaussians are exchanged: KL(p‖q) (E63)",
        ),
        WrongForm(
            2,
            times(
                half,
                add(
                    log(sigma_2 / sigma_1),
                    -1,
                    add(sigma_1**2, add(mu_1, -mu_2) ** 2) / sigma_2**2,
                ),
            ),
            "log σ in place of log σ² inside the bracket (E105)",
        ),
    ],
)
