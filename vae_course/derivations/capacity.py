r"""How to hold a rate: free bits, a capacity, and a controller of β.

$$ \sum_j \max(\kappa, R_j), \qquad D + \gamma\, |R - C|, \qquad
   \beta = \frac{\lambda\, e^{-2C}}{\sigma^2} $$

Kingma, Salimans, Jozefowicz, Chen, Sutskever & Welling 2016, for free bits; Burgess et al. 2018,
for the capacity; Shao et al. 2020, for the controller. The last two are worked out for one unit of
a linear VAE, with $D(R) = \lambda e^{-2R}/2\sigma^2$, and a constant that we leave out.
"""

from sympy import (
    Abs,
    Function,
    Integer,
    Lambda,
    Max,
    Rational,
    Symbol,
    exp,
    log,
    sign,
    symbols,
)

from vae_course.derivations.engine import Derivation, Step, WrongForm, at_least, at_most, proved
from vae_course.derivations.notation import Excess, Gradient, add, prime, times

half = Rational(1, 2)
phi = Symbol("phi", real=True)
kappa = Symbol("kappa", positive=True)
R_1, R_2 = Function("R_1", real=True), Function("R_2", real=True)
short, excess = Function("a", positive=True), Function("b", positive=True)

ONE_ABOVE = {
    R_1: Lambda(phi, add(kappa, -short(phi))),
    R_2: Lambda(phi, add(kappa, excess(phi))),
}
CONSTANT = "a constant has no gradient"
STILL_BELOW = "the first group is below κ with that too"
AT_KAPPA = "a group that stays at κ has a rate with no gradient"
example_above = add(R_1(phi), short(phi), excess(phi))
example_below = add(R_1(phi), -short(phi), -excess(phi))

free_bits_gradient = Derivation(
    name="free_bits_gradient",
    title="Below its free bits, a group feels no pull to the prior; above, all of it",
    left=r"\nabla_\phi \sum_j \max(\kappa, R_j)",
    definitions=ONE_ABOVE,
    equivalent={
        "step 1: sign of Max(κ, R_1(φ)) flipped": CONSTANT,
        "step 1: term Max(κ, R_1(φ)) dropped": CONSTANT,
        "step 2: sign of κ flipped": CONSTANT,
        "step 2: term κ dropped": CONSTANT,
        "definition of R_1(φ): sign of κ flipped": STILL_BELOW,
        "definition of R_1(φ): term κ dropped": STILL_BELOW,
        "definition of R_1(φ): term -a(φ) dropped": AT_KAPPA,
        "definition of R_1(φ): constant -1 in -a(φ) changed to -2": STILL_BELOW,
        "definition of R_2(φ): term b(φ) dropped": AT_KAPPA,
    },
    source="Kingma et al. 2016",
    steps=[
        Step(
            Gradient(add(Max(kappa, R_1(phi)), Max(kappa, R_2(phi))), phi),
            "Two groups of latents. Their rates are means over the minibatch; the first is "
            "$a(\\phi) > 0$ below $\\kappa$, the second $b(\\phi) > 0$ above.",
        ),
        Step(
            Gradient(add(kappa, R_2(phi)), phi),
            "The larger of the two counts: for the first group that is $\\kappa$.",
            proved,
        ),
        Step(
            Gradient(R_2(phi), phi),
            "A constant has no gradient. The first group is free, in both directions: nothing "
            "pulls it to the prior, and nothing pushes it up to $\\kappa$ either. The second feels "
            "the gradient of its whole rate, as without free bits.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(
            2,
            add(Gradient(R_2(phi), phi), -Gradient(R_1(phi), phi)),
            "free bits said to push a group up to κ (E68)",
        ),
        WrongForm(
            0,
            Gradient(
                add(
                    times(half, add(Max(kappa, example_above), Max(kappa, example_below))),
                    Max(kappa, R_2(phi)),
                ),
                phi,
            ),
            "the maximum taken for each of two examples, then the mean: one is above κ (E68)",
        ),
        WrongForm(
            0,
            Gradient(Max(2 * kappa, add(R_1(phi), R_2(phi), excess(phi), short(phi))), phi),
            "one maximum for the sum of all groups (E68)",
        ),
    ],
)

# A capacity -------------------------------------------------------------------------------------

R = Symbol("R", real=True)
lam, sigma, gamma, C, extra = symbols("lambda sigma gamma C g", positive=True)
t = Symbol("t", real=True)
distortion = Function("D", real=True)
CURVE = {
    distortion: Lambda(R, times(lam, exp(-2 * R)) / (2 * sigma**2)),
}
slope_there = times(lam, exp(-2 * C)) / sigma**2  # of −D at R = C
gap = add(
    times(half, slope_there, Excess(exp(-2 * t))),
    times(extra, Abs(t)),
    times(2, slope_there, Max(0, -t)),
)

capacity_slope = Derivation(
    name="capacity_slope",
    title="A capacity pushes the rate up from below, and holds it only if γ is large",
    left=r"\frac{\partial}{\partial R} \left(D + \gamma |R - C|\right)",
    definitions=CURVE,
    source="Burgess et al. 2018",
    steps=[
        Step(
            Gradient(add(distortion(R), times(gamma, Abs(add(R, -C)))), R),
            "One unit of a linear VAE. With the best decoder for a rate of $R$ nats, the squared "
            "error is $\\lambda e^{-2R}$. The penalty has a kink at $C$.",
        ),
        Step(
            add(-times(lam, exp(-2 * R)) / sigma**2, times(gamma, sign(add(R, -C)))),
            "Below $C$ both terms are negative: the penalty does not stop to act there, it "
            "pushes the rate up. Above $C$ the rate falls only where "
            "$\\gamma > \\lambda e^{-2R}/\\sigma^2$. With $\\gamma = 1$ that is the slope of the "
            "ELBO, and the rate goes to the ELBO's optimum if that is above $C$.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(
            1,
            add(-times(lam, exp(-2 * R)) / sigma**2, gamma),
            "a capacity that is large said to remove the regularisation: below C it turns it "
            "round (E18)",
        ),
        WrongForm(
            0,
            Gradient(add(distortion(R), Abs(add(R, -C))), R),
            "the weight γ is dropped (E16)",
        ),
        WrongForm(
            1,
            add(-times(lam, exp(-R)) / sigma**2, times(gamma, sign(add(R, -C)))),
            "e to the −R: the factor 2 is lost",
        ),
    ],
)

capacity_optimum = Derivation(
    name="capacity_optimum",
    title="With a weight that is large enough, the best rate is the capacity",
    left=r"D + \gamma |R - C|",
    definitions=CURVE,
    instance={R: add(C, t), gamma: add(slope_there, extra)},
    source="Burgess et al. 2018",
    steps=[
        Step(
            add(distortion(R), times(gamma, Abs(add(R, -C)))),
            "The same unit, at the rate $R = C + t$. Let $\\gamma$ be larger than the slope "
            "$\\lambda e^{-2C}/\\sigma^2$ that the distortion has at $C$, by some $g$.",
        ),
        Step(
            distortion(C),
            "No rate is better than $C$, neither above it nor below. With a smaller $\\gamma$ this "
            "is not so: then a little more than $C$ would pay.",
            at_most(gap, {t: Integer(0)}),
        ),
    ],
    wrong_forms=[
        WrongForm(
            0,
            add(distortion(R), Abs(add(R, -C))),
            "weight one for the penalty: C is not the optimum (E16)",
        ),
        WrongForm(
            1,
            distortion(C),
            "said to be the worst rate",
            at_least(gap, {t: Integer(0)}),
        ),
        WrongForm(
            1,
            distortion(0),
            "C = 0, or any capacity, said to collapse the unit (E17)",
        ),
    ],
)

# A controller -----------------------------------------------------------------------------------

beta = Symbol("beta", positive=True)

control_equilibrium = Derivation(
    name="control_equilibrium",
    title="Where a controller of β comes to rest",
    left=r"\beta",
    definitions=CURVE | {C: times(half, log(lam / (beta * sigma**2)))},
    source="Shao et al. 2020",
    steps=[
        Step(
            -prime(distortion)(C),
            "The controller adds up its errors $C - R$, so that it rests only where the rate is "
            "$C$. The model has done its best with the $\\beta$ that it is given, and the slope "
            "of the distortion is then $-\\beta$.",
        ),
        Step(
            times(lam, exp(-2 * C)) / sigma**2,
            "For one unit of a linear VAE. A nat more divides the squared error by $e^2$, and the "
            "$\\beta$ that asks for it is as much smaller.",
            proved,
        ),
        Step(
            beta,
            "The same from the other side: the rate of the unit's optimum is "
            "$\\frac12 \\log(\\lambda/\\beta\\sigma^2)$, and that is to be $C$.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(
            1,
            times(lam, exp(-C)) / sigma**2,
            "a nat taken to divide the squared error by e, not by e²",
        ),
        WrongForm(1, times(lam, exp(-2 * C)), "the decoder's variance is forgotten"),
        WrongForm(
            1,
            times(lam, exp(-2 * C)) / (2 * sigma**2),
            "the distortion itself in place of its slope",
        ),
    ],
)
