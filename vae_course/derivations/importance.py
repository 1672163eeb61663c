r"""The importance-weighted bound: where it lies, its gradient, its bias.

$$ \mathcal L_K(x) = E_{z_1, \dots, z_K \sim q_\phi}\Big[\log \frac1K \sum_k w(z_k)\Big],
   \quad w(z) = \frac{p_\theta(x, z)}{q_\phi(z \mid x)}, \qquad
   \mathcal L_1 \le \mathcal L_K \le \mathcal L_{K+1} \le \log p_\theta(x) $$

Burda, Grosse & Salakhutdinov 2016; Nowozin 2018.
"""

from sympy import IndexedBase, Lambda, Product, Rational, Sum, Symbol, log

from vae_course.derivations.engine import (
    Derivation,
    Step,
    WrongForm,
    at_least,
    proved,
    up_to,
)
from vae_course.derivations.model import EVIDENCE, POSTERIOR, evidence, joint, posterior, q, x, z
from vae_course.derivations.notation import (
    KL,
    Excess,
    Expectation,
    SumOver,
    Variance,
    add,
    density,
    times,
)

j, k, K = (Symbol(name, integer=True, positive=True) for name in "jkK")
zs = IndexedBase("z", real=True)
w = density("w")
draws = density("draws", "q_K", under=r"z_1, \dots, z_K")
more_draws = density("more_draws", "q_K+1", under=r"z_1, \dots, z_{K+1}")
weight = {w: Lambda(z, joint(x, z) / q(z, x))}
independent = {draws: Lambda(z, Product(q(zs[k], x), (k, 1, K)))}
one_more = {more_draws: Lambda(z, Product(q(zs[k], x), (k, 1, K + 1)))}
mean_weight = times(1 / K, Sum(w(zs[k]), (k, 1, K)))
UNUSED = {"definition of q_K(z): upper limit K shifted": "a draw that is not used sums to one"}
IS_POSTERIOR = {q: Lambda((z, x), posterior(z, x))}

iwae_of_one_sample = Derivation(
    name="iwae_of_one_sample",
    title="With one sample the importance-weighted bound is the ELBO",
    left=r"\mathcal{L}_1(x)",
    definitions={**independent, **weight, **EVIDENCE, **POSTERIOR},
    instance={K: 1},
    states={z: 3},
    equivalent=UNUSED
    | {"step 1: constant -1 in 1/K changed to -2": "K is one, and so are its powers"},
    source="Burda et al. 2016",
    steps=[
        Step(
            Expectation(log(mean_weight), draws(z)),
            "The log of the mean of $K$ weights, on average over $K$ samples from $q_\\phi$.",
        ),
        Step(
            Expectation(log(w(z)), q(z, x)),
            "For $K = 1$ the mean has one term.",
            proved,
        ),
        Step(
            Expectation(add(log(joint(x, z)), -log(q(z, x))), q(z, x)),
            "The log of a ratio is a difference. This is the ELBO.",
            proved,
        ),
        Step(
            add(log(evidence(x)), -KL(q(z, x), posterior(z, x))),
            "So it falls short of the evidence by a KL divergence.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(
            3,
            log(evidence(x)),
            "one sample estimates the ELBO, not the log-evidence (E107)",
        ),
        WrongForm(
            3,
            add(log(evidence(x)), -KL(posterior(z, x), q(z, x))),
            "the KL divergence the other way round",
        ),
    ],
)

iwae_below_evidence = Derivation(
    name="iwae_below_evidence",
    title="The importance-weighted bound is a bound",
    left=r"\mathcal{L}_K(x)",
    definitions={**independent, **weight, **EVIDENCE, **POSTERIOR},
    instance={K: 2},
    states={z: 2},
    equivalent=UNUSED,
    source="Burda et al. 2016",
    steps=[
        Step(
            Expectation(log(mean_weight), draws(z)),
            "The log of the mean of $K$ weights, on average.",
        ),
        Step(
            log(Expectation(mean_weight, draws(z))),
            "Jensen: the logarithm is concave.",
            at_least(Expectation(Excess(mean_weight / evidence(x)), draws(z)), IS_POSTERIOR),
        ),
        Step(
            log(Expectation(w(z), q(z, x))),
            "The expectation of a mean is the mean of expectations, and all $K$ are the same.",
            proved,
        ),
        Step(
            log(SumOver(joint(x, z), z)),
            "$q_\\phi$ cancels, if it is positive wherever $p_\\theta(x, z)$ is.",
            proved,
        ),
        Step(log(evidence(x)), "The sum over all latents is the evidence.", proved),
    ],
    wrong_forms=[
        WrongForm(
            1,
            log(Expectation(mean_weight, draws(z))),
            "the log of an unbiased estimate taken for unbiased (E107)",
            proved,
        ),
        WrongForm(
            1,
            log(Expectation(mean_weight, draws(z))),
            "the difference thought to vanish for another q than the true posterior",
            at_least(
                Expectation(Excess(mean_weight / evidence(x)), draws(z)),
                {q: Lambda((z, x), joint(x, z))},
            ),
        ),
    ],
)

# One more sample -----------------------------------------------------------------------------

m, mbar = IndexedBase("m", positive=True), Symbol("mbar", positive=True)
all_weights = Sum(w(zs[k]), (k, 1, K + 1))
leave_one_out = {m: Lambda(j, times(1 / K, add(all_weights, -w(zs[j]))))}
mean_of_all = {mbar: times(1 / (K + 1), all_weights)}
over_all = (j, 1, K + 1)

iwae_monotone = Derivation(
    name="iwae_monotone",
    title="One more sample never loosens the bound",
    left=r"\mathcal{L}_K(x)",
    definitions={
        **independent,
        **one_more,
        **weight,
        **leave_one_out,
        **mean_of_all,
    },
    instance={K: 2, **EVIDENCE, **POSTERIOR},
    states={z: 2},
    equivalent=UNUSED
    | {
        "definition of q_K+1(z): upper limit 1 + K shifted": "a draw that is not used sums to one",
        "definition of w(z): sign of p_θ(x, z)/q_φ(z | x) flipped": "a factor −1 adds the same "
        "constant to every logarithm",
    },
    source="Burda et al. 2016",
    steps=[
        Step(
            Expectation(log(mean_weight), draws(z)),
            "The log of the mean of $K$ weights, on average.",
        ),
        Step(
            Expectation(times(1 / (K + 1), Sum(log(m[j]), over_all)), more_draws(z)),
            "Draw $K + 1$ samples and leave out one. $K$ of the same kind are left, whichever "
            "it was: average over it.",
            proved,
        ),
        Step(
            Expectation(log(times(1 / (K + 1), Sum(m[j], over_all))), more_draws(z)),
            "Jensen, for the average over which one is left out.",
            at_least(
                times(
                    1 / (K + 1),
                    Sum(Expectation(Excess(m[j] / mbar), more_draws(z)), over_all),
                ),
                IS_POSTERIOR,
            ),
        ),
        Step(
            Expectation(log(mbar), more_draws(z)),
            "Every weight is left out once and counted $K$ times: the mean of the means is the "
            "mean of all. This is the bound of $K + 1$ samples.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(
            2,
            Expectation(log(times(1 / (K + 1), Sum(m[j], over_all))), more_draws(z)),
            "Jensen with equality: more samples would change nothing",
            proved,
        ),
        WrongForm(
            3,
            Expectation(log(all_weights), more_draws(z)),
            "the sum of the weights in place of their mean: it grows without bound",
        ),
    ],
)

# Its bias ------------------------------------------------------------------------------------

t, delta = Symbol("t", positive=True), Symbol("delta", real=True)
u = density("u", real=True)
half = Rational(1, 2)
spread = {
    w: Lambda(z, times(evidence(x), add(1, times(t, add(u(z), -Expectation(u(z), q(z, x)))))))
}
relative_error = {delta: add(times(1 / K, Sum(w(zs[k]), (k, 1, K))) / evidence(x), -1)}
ANY_SPREAD = "any weights with this mean will do, also −t in place of t, or none at all"

iwae_bias = Derivation(
    name="iwae_bias",
    title="The bias of the bound, when the weights vary little",
    left=r"\mathcal{L}_K(x)",
    definitions={**independent, **spread, **relative_error},
    instance={K: 2},
    states={z: 2},
    equivalent=UNUSED
    | {
        f"step 2: {change}": "δ has mean zero: step 3"
        for change in ["sign of δ flipped", "term δ dropped"]
    }
    | {
        f"definition of w(z): {change}": ANY_SPREAD
        for change in ["sign of t (u(z) - E[u(z)]) flipped", "term t (u(z) - E[u(z)]) dropped"]
    },
    source="Nowozin 2018",
    steps=[
        Step(
            Expectation(log(mean_weight), draws(z)),
            "Any weights with the mean $p_\\theta(x)$; $t$ says how much they vary.",
        ),
        Step(
            add(log(evidence(x)), Expectation(add(delta, -times(half, delta**2)), draws(z))),
            "$\\delta$ is the relative error of the mean weight, and "
            "$\\log(1 + \\delta)$ is $\\delta - \\delta^2/2$ and terms of order three.",
            up_to(t, 3),
        ),
        Step(
            add(log(evidence(x)), -times(half, Expectation(delta**2, draws(z)))),
            "The mean weight is unbiased: $\\delta$ has mean zero. What is left is negative.",
            proved,
        ),
        Step(
            add(log(evidence(x)), -Variance(w(z), q(z, x)) / (2 * K * evidence(x) ** 2)),
            "The samples are independent: the variance of a mean of $K$ is one $K$-th.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(1, log(evidence(x)), "the log of an unbiased estimate taken for unbiased (E107)"),
        WrongForm(
            3,
            add(log(evidence(x)), -Variance(w(z), q(z, x)) / (2 * evidence(x) ** 2)),
            "the bias of one sample: it would not shrink with K",
        ),
    ],
)
