r"""Annealed importance sampling: from the prior to the posterior by small steps.

$$ w = \frac{f_1(z_0)}{p(z_0)}\, \frac{f_2(z_1)}{f_1(z_1)}\,
   \frac{p_\theta(x, z_2)}{f_2(z_2)}, \qquad E[w] = p_\theta(x) $$

where $z_t$ comes from $z_{t-1}$ by a transition $T_t$ that leaves $f_t$ as it is. Any positive
functions $f_t$ will do; the usual ones are $p(z)\, p_\theta(x \mid z)^{\tau_t}$. Neal 2001.
"""

from sympy import (
    Function,
    IndexedBase,
    KroneckerDelta,
    Lambda,
    Symbol,
    symbols,
)

from vae_course.derivations.engine import Derivation, Step, WrongForm, proved
from vae_course.derivations.model import EVIDENCE, evidence, joint, prior, x, z
from vae_course.derivations.notation import (
    Expectation,
    SumOver,
    add,
    density,
    times,
)

# Annealed importance sampling ----------------------------------------------------------------

zs = IndexedBase("z", real=True)
z_0, z_1, z_2 = zs[0], zs[1], zs[2]
t = Symbol("t", integer=True, positive=True)
r = Symbol("r", positive=True)
f, T = Function("f_", positive=True), Function("T_", positive=True)
chain, w = density("chain", "p", under="z_0, z_1, z_2"), density("w")
new, old = symbols("z' z", real=True)
kernel = {
    T: Lambda(
        (new, old, t),
        add(
            times(add(1, -r), KroneckerDelta(new, old)),
            times(r, f(new, t) / SumOver(f(z, t), z)),
        ),
    )
}
weights = {
    w: Lambda(
        z,
        times(f(z_0, 1) / prior(z_0), f(z_1, 2) / f(z_1, 1), joint(x, z_2) / f(z_2, 2)),
    )
}
path = {
    chain: Lambda(z, times(prior(z_0), T(z_1, z_0, 1), T(z_2, z_1, 2))),
}

ais_unbiased = Derivation(
    name="ais_unbiased",
    title="The weights of annealed importance sampling have the evidence as their mean",
    left=r"\mathbb{E}[w]",
    definitions={**path, **weights, **kernel, **EVIDENCE},
    states={z: 2},
    source="Neal 2001",
    steps=[
        Step(
            Expectation(w(z), chain(z)),
            "Start with a sample of the prior. $T_t$ leaves $f_t$ as it is: here it stays, or "
            "draws afresh from $f_t$ with probability $r$.",
        ),
        Step(
            SumOver(
                times(
                    SumOver(
                        times(
                            SumOver(times(f(z_0, 1), T(z_1, z_0, 1)), z_0),
                            f(z_1, 2) / f(z_1, 1),
                            T(z_2, z_1, 2),
                        ),
                        z_1,
                    ),
                    joint(x, z_2) / f(z_2, 2),
                ),
                z_2,
            ),
            "The prior cancels. Sum over $z_0$ first: it occurs in two factors only.",
            proved,
        ),
        Step(
            SumOver(
                times(
                    SumOver(times(f(z_1, 2), T(z_2, z_1, 2)), z_1),
                    joint(x, z_2) / f(z_2, 2),
                ),
                z_2,
            ),
            "$T_1$ leaves $f_1$ as it is: the inner sum is $f_1(z_1)$, which cancels.",
            proved,
        ),
        Step(
            SumOver(joint(x, z_2), z_2),
            "$T_2$ leaves $f_2$ as it is: the same again.",
            proved,
        ),
        Step(
            evidence(x),
            "What is left is the sum over the last distribution. Nothing was assumed of how "
            "close the steps are, or of how well the transitions mix.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(
            2,
            SumOver(
                times(
                    SumOver(
                        times(
                            SumOver(times(f(z_0, 1), T(z_1, z_0, 2)), z_0),
                            f(z_1, 2) / f(z_1, 1),
                            T(z_2, z_1, 1),
                        ),
                        z_1,
                    ),
                    joint(x, z_2) / f(z_2, 2),
                ),
                z_2,
            ),
            "each transition leaves another distribution as it is than the one its weight is for",
        ),
        WrongForm(
            0,
            Expectation(1 / w(z), chain(z)),
            "the ratios of the weight are upside down",
        ),
        WrongForm(
            0,
            Expectation(
                times(f(z_1, 1) / prior(z_1), f(z_2, 2) / f(z_2, 1), joint(x, z_2) / f(z_2, 2)),
                chain(z),
            ),
            "the weight is taken after the transition in place of before",
        ),
    ],
)
