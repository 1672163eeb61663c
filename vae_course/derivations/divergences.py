r"""What a KL divergence is, and what it is not.

$$ \mathrm{KL}(q \,\|\, p) = \mathbb E_q\Big[\log \frac{q(z)}{p(z)}\Big] \ge 0 $$

Cover & Thomas 2006, chapter 2; the bound by χ² is in Gibbs & Su 2002.
"""

from sympy import Function, Integer, Lambda, Pow, Rational, Symbol, log

from vae_course.derivations.engine import (
    Derivation,
    Step,
    WrongForm,
    at_least,
    at_most,
    integrated,
    proved,
    up_to,
)
from vae_course.derivations.notation import (
    KL,
    Excess,
    Expectation,
    Normal,
    SumOver,
    add,
    density,
    times,
)

half = Rational(1, 2)
z = Symbol("z", real=True)
q, p = density("q", over=z, total=1), density("p", over=z, total=1)

gibbs_inequality = Derivation(
    name="gibbs_inequality",
    title="A KL divergence is never negative",
    left=r"\mathrm{KL}(q \,\|\, p)",
    states={z: 3},
    source="Cover & Thomas 2006",
    steps=[
        Step(Expectation(log(q(z) / p(z)), q(z)), "The definition of the KL divergence."),
        Step(
            -Expectation(log(p(z) / q(z)), q(z)),
            "Turning the ratio over turns the sign of its logarithm.",
            proved,
        ),
        Step(
            add(1, -Expectation(p(z) / q(z), q(z))),
            "The logarithm stays below its tangent at one: $\\log t \\le t - 1$, and they touch at "
            "$t = 1$ alone. With the minus sign, the bound is from below.",
            at_most(Expectation(Excess(p(z) / q(z)), q(z)), {q: Lambda(z, p(z))}),
        ),
        Step(add(1, -SumOver(p(z), z)), "In the expectation, $q$ cancels.", proved),
        Step(Integer(0), "$p$ sums to one.", proved),
    ],
    wrong_forms=[
        WrongForm(
            1,
            Expectation(log(p(z) / q(z)), q(z)),
            "the sign is lost when the ratio is turned over",
        ),
        WrongForm(
            2,
            add(1, -Expectation(p(z) / q(z), q(z))),
            "the tangent taken for a bound from below: log t ≥ t − 1",
            at_least(Expectation(Excess(p(z) / q(z)), q(z)), {q: Lambda(z, p(z))}),
        ),
        WrongForm(
            2,
            add(1, -Expectation(p(z) / q(z), q(z))),
            "said to be zero for a uniform q",
            at_most(Expectation(Excess(p(z) / q(z)), q(z)), {q: Lambda(z, Rational(1, 3) + 0 * z)}),
        ),
        WrongForm(
            2,
            add(1, -Expectation(q(z) / p(z), q(z))),
            "the ratio upside down after Jensen (E63)",
        ),
    ],
)

# Not a distance -----------------------------------------------------------------------------

j = Symbol("j", integer=True)
a = Symbol("a", positive=True)
p_j = Function("p_")

kl_triangle_fails = Derivation(
    name="kl_triangle_fails",
    title="The KL divergence is not a distance: a detour can be shorter",
    left=r"\mathrm{KL}(p_0 \,\|\, p_2)",
    definitions={p_j: Lambda((z, j), Normal(z, a * j, 1))},
    source="Cover & Thomas 2006",
    steps=[
        Step(
            KL(p_j(z, 0), p_j(z, 2)),
            "Three Gaussians with variance one stand in a row, with a distance $a > 0$ from each "
            "to the next.",
        ),
        Step(
            times(half, Pow(2 * a, 2, evaluate=False)),
            "With equal variances the KL divergence is half the squared distance of the means.",
            integrated,
        ),
        Step(
            add(a**2 / 2, a**2 / 2),
            "Squares grow faster than distances: two steps of $a$ cost less than one of $2a$.",
            at_most(a**2, None),
        ),
        Step(
            add(KL(p_j(z, 0), p_j(z, 1)), KL(p_j(z, 1), p_j(z, 2))),
            "These are the divergences of the two halves of the way. A distance would have "
            "$\\le$ here.",
            integrated,
        ),
    ],
    wrong_forms=[
        WrongForm(
            2,
            add(a**2 / 2, a**2 / 2),
            "the triangle inequality, as if KL were a distance (E62)",
            at_least(a**2, None),
        ),
        WrongForm(1, 2 * a, "a distance of the means, not half its square (E62)"),
    ],
)

wide = Function("p")
narrow = Function("q")

kl_is_not_symmetric = Derivation(
    name="kl_is_not_symmetric",
    title="The two directions of a KL divergence differ",
    left=r"\mathrm{KL}(p \,\|\, q)",
    definitions={
        narrow: Lambda(z, Normal(z, 0, 1)),
        wide: Lambda(z, Normal(z, 0, 4)),
    },
    source="Cover & Thomas 2006",
    steps=[
        Step(KL(wide(z), narrow(z)), "$p$ is twice as wide as $q$."),
        Step(
            times(half, add(4, -1, -log(4))),
            "This is the formula for a Gaussian with variance 4 against the standard normal: "
            "0.81 nats.",
            integrated,
        ),
        Step(
            times(half, add(log(4), Rational(1, 4), -1)),
            "It is larger than this number, which is 0.32 nats.",
            at_most(add(Rational(15, 8), -log(4)), None),
        ),
        Step(
            KL(narrow(z), wide(z)),
            "And that is the divergence in the other direction. Where $p$ is likely and $q$ is "
            "not, $\\log p/q$ is large; only $p$ puts weight there.",
            integrated,
        ),
    ],
    wrong_forms=[
        WrongForm(3, KL(wide(z), narrow(z)), "the two directions taken for the same (E63)"),
        WrongForm(1, times(half, add(2, -1, -log(2))), "2 is σ, not σ² (E105)"),
    ],
)

mu_1, mu_2 = (Symbol(name, real=True) for name in ("mu_1", "mu_2"))
sigma = Symbol("sigma", positive=True)
one, other = Function("q"), Function("p")

kl_of_equal_variances = Derivation(
    name="kl_of_equal_variances",
    title="Between Gaussians of equal variance, the two directions agree",
    left=r"\mathrm{KL}(q \,\|\, p)",
    definitions={
        one: Lambda(z, Normal(z, mu_1, sigma**2)),
        other: Lambda(z, Normal(z, mu_2, sigma**2)),
    },
    steps=[
        Step(KL(one(z), other(z)), "Two Gaussians that differ in their means alone."),
        Step(
            add(mu_1, -mu_2) ** 2 / (2 * sigma**2),
            "The logarithms of the variances cancel, and so do the second moments around the "
            "means. What remains is the squared distance, in units of $\\sigma$.",
            integrated,
        ),
        Step(
            KL(other(z), one(z)),
            "A square does not see which mean came first. So there are pairs for which KL is "
            "symmetric; in general it is not.",
            integrated,
        ),
    ],
    wrong_forms=[
        WrongForm(1, add(mu_1, -mu_2) ** 2 / sigma**2, "the factor ½ is missing"),
        WrongForm(
            1, add(mu_1, -mu_2) / (2 * sigma**2), "the distance of the means is not squared (E62)"
        ),
    ],
)

# Close to each other ------------------------------------------------------------------------

epsilon = Symbol("varepsilon", positive=True)
h = density("h", over=z, total=0, real=True)
moved = density("moved", "p_varepsilon")
chi_squared = SumOver(add(moved(z), -p(z)) ** 2 / p(z), z)

kl_and_chi_squared = Derivation(
    name="kl_and_chi_squared",
    title="Close by, the KL divergence is half of χ²",
    left=r"\mathrm{KL}(p_\varepsilon \,\|\, p)",
    definitions={moved: Lambda(z, add(p(z), epsilon * h(z)))},
    states={z: 2},
    source="Csiszár & Shields 2004",
    steps=[
        Step(
            SumOver(times(moved(z), log(moved(z) / p(z))), z),
            "$p$ is moved a little, in a direction $h$ with $\\sum_z h(z) = 0$, so that it still "
            "sums to one.",
        ),
        Step(
            SumOver(
                times(
                    add(p(z), epsilon * h(z)),
                    add(epsilon * h(z) / p(z), -(epsilon**2) * h(z) ** 2 / (2 * p(z) ** 2)),
                ),
                z,
            ),
            "The ratio is $1 + \\varepsilon h/p$, and $\\log(1 + t) = t - t^2/2$ up to third "
            "order.",
            up_to(epsilon, 3),
        ),
        Step(
            add(
                epsilon * SumOver(h(z), z),
                times(epsilon**2 / 2, SumOver(h(z) ** 2 / p(z), z)),
            ),
            "Multiply out: of the second order there is one from the product, and minus one half.",
            up_to(epsilon, 3),
        ),
        Step(
            times(half, SumOver((epsilon * h(z)) ** 2 / p(z), z)),
            "$h$ sums to zero: there is no first order. That is why KL is flat at its minimum.",
            up_to(epsilon, 3),
        ),
        Step(
            times(half, chi_squared),
            "$\\varepsilon h$ is the difference of the two; the sum is "
            "$\\chi^2(p_\\varepsilon \\,\\|\\, p)$.",
            up_to(epsilon, 3),
        ),
    ],
    wrong_forms=[
        WrongForm(4, chi_squared, "KL said to equal χ²: the factor ½ is missing (E64)"),
        WrongForm(
            1,
            SumOver(times(add(p(z), epsilon * h(z)), epsilon * h(z) / p(z)), z),
            "the logarithm expanded to first order only",
        ),
    ],
    equivalent={
        "definition of p_ε(z): sign of ε h(z) flipped": "h may point in either direction",
        "step 3: sign of ε Σ_z h(z) flipped": "h sums to zero",
        "step 3: term ε Σ_z h(z) dropped": "h sums to zero",
    },
)

m = Symbol("m", positive=True)

kl_below_log_chi_squared = Derivation(
    name="kl_below_log_chi_squared",
    title="Anywhere, the KL divergence is at most log(1 + χ²)",
    left=r"\mathrm{KL}(q \,\|\, p)",
    definitions={m: Expectation(q(z) / p(z), q(z))},
    states={z: 2},
    source="Gibbs & Su 2002",
    steps=[
        Step(Expectation(log(q(z) / p(z)), q(z)), "The definition of the KL divergence."),
        Step(
            log(m),
            "Jensen: the mean of a logarithm is at most the logarithm of the mean, here of $m$.",
            at_least(Expectation(Excess(q(z) / (p(z) * m)), q(z)), {q: Lambda(z, p(z))}),
        ),
        Step(log(SumOver(q(z) ** 2 / p(z), z)), "Written as a sum.", proved),
        Step(
            log(add(1, SumOver(add(q(z), -p(z)) ** 2 / p(z), z))),
            "Multiply out the square: $q$ and $p$ sum to one, so that $\\sum q^2/p - 2 + 1$ is "
            "$\\chi^2(q \\,\\|\\, p)$.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(
            3,
            SumOver(add(q(z), -p(z)) ** 2 / p(z), z),
            "χ² in place of log(1 + χ²): far apart they differ exponentially (E64)",
        ),
        WrongForm(
            1,
            log(m),
            "Jensen the wrong way round",
            at_most(Expectation(Excess(q(z) / (p(z) * m)), q(z)), {q: Lambda(z, p(z))}),
        ),
    ],
)
