r"""Densities that a flow makes, and the bound that makes them fit for pixels.

$$ q_2(z_2 \mid x) = \frac{q_0(z_0 \mid x)}{|f_1'(z_0)|\,|f_2'(z_1)|}, \quad
   z_0 = f_1^{-1}(f_2^{-1}(z_2)), \qquad
   \mathbb E_{q(u \mid x)}[\log p(x + u) - \log q(u \mid x)] \le \log P(x) $$

Rezende & Mohamed 2015; Theis, van den Oord & Bethge 2016; Ho et al. 2019; Papamakarios et al. 2021.
"""

from sympy import (
    Abs,
    Function,
    Integral,
    Lambda,
    Rational,
    Symbol,
    asinh,
    exp,
    log,
    sinh,
    sqrt,
    symbols,
)

from vae_course.derivations.engine import (
    Derivation,
    Step,
    WrongForm,
    at_least,
    at_most,
    integrated,
    proved,
)
from vae_course.derivations.notation import (
    KL,
    Excess,
    Expectation,
    Gradient,
    Normal,
    add,
    density,
    prime,
    times,
)

# A map that turns the line around -------------------------------------------------------------

s, t = symbols("s t", positive=True)
b, mu, x = symbols("b mu x", real=True)
sigma = Symbol("sigma", positive=True)
p_b = density("p_b")
g = Function("g", real=True)

change_of_variables_decreasing = Derivation(
    name="change_of_variables_decreasing",
    title="Change of variables: why the absolute value",
    left=r"p_a(t)",
    definitions={p_b: Lambda(b, Normal(b, mu, sigma**2)), g: Lambda(t, -log(t))},
    source="Papamakarios et al. 2021",
    steps=[
        Step(
            Gradient(Integral(p_b(b), (b, g(t), g(s))), t),
            "Let $a = e^{-b}$, which falls where $b$ rises. $a$ lies between $s$ and $t$ exactly "
            "when $b$ lies between $g(t)$ and $g(s)$: the ends change places.",
        ),
        Step(
            -times(p_b(g(t)), Gradient(g(t), t)),
            "Now the lower limit moves with $t$: a minus sign.",
            integrated,
        ),
        Step(
            times(p_b(g(t)), Abs(Gradient(g(t), t))),
            "The slope is negative, so minus the slope is its absolute value. A rising map has "
            "neither sign. The absolute value is right for both.",
            proved,
        ),
        Step(times(1 / t, Normal(-log(t), mu, sigma**2)), "For a Gaussian $b$.", proved),
    ],
    wrong_forms=[
        WrongForm(
            2,
            times(p_b(g(t)), Gradient(g(t), t)),
            "no absolute value: a negative density",
        ),
        WrongForm(
            1,
            times(p_b(g(t)), exp(mu - sigma**2 / 2)),
            "no Jacobian, but normalised: total masses agree, local ones do not (E103)",
        ),
        WrongForm(2, p_b(t), "the same letter p, read as the same function (E104)"),
    ],
)

# A posterior through two layers ---------------------------------------------------------------

z, z_0, z_1, z_2, v, low = symbols("z z_0 z_1 z_2 v l", real=True)
a = Symbol("a", positive=True)
q_0 = density("q_0", given=True)
f_1, f_2 = Function("f_1", real=True), Function("f_2", real=True)
back_1, back_2 = (density(f"back_{k}", f"f_{k}^{{-1}}", real=True) for k in (1, 2))
both = back_1(back_2(z_2))
NO_SHIFT = "of f_2 only the slope is used, and a shift has none"

flow_posterior_density = Derivation(
    name="flow_posterior_density",
    title="The density of a flow posterior: the inverses in reverse order",
    left=r"q_2(z_2 \mid x)",
    definitions={
        q_0: Lambda((z, x), Normal(z, mu, sigma**2)),
        f_1: Lambda(z, sinh(z)),
        f_2: Lambda(z, add(a * z, b)),
        back_1: Lambda(z, asinh(z)),
        back_2: Lambda(z, add(z, -b) / a),
        z_1: back_2(z_2),
        z_0: back_1(z_1),
    },
    equivalent={
        "definition of f_2(z): sign of b flipped": NO_SHIFT,
        "definition of f_2(z): term b dropped": NO_SHIFT,
    },
    source="Rezende & Mohamed 2015",
    steps=[
        Step(
            Gradient(Integral(q_0(v, x), (v, back_1(back_2(low)), both)), z_2),
            "$z_1 = f_1(z_0)$ and $z_2 = f_2(z_1)$. The last map is undone first: a sample lies "
            "between $l$ and $z_2$ exactly when its $z_0$ lies between these limits.",
        ),
        Step(
            times(q_0(both, x), Gradient(both, z_2)),
            "The upper limit moves with $z_2$.",
            integrated,
        ),
        Step(
            q_0(z_0, x) / times(prime(f_1)(z_0), prime(f_2)(z_1)),
            "The slope of an inverse is one over the slope of the map, at the point where the map "
            "was used: $f_2$ at $z_1$, $f_1$ at $z_0$. The slopes may stand in any order, the "
            "inverses may not. In more dimensions they are the determinants of Jacobians, without "
            "their signs.",
            proved,
        ),
        Step(
            Normal(asinh(add(z_2, -b) / a), mu, sigma**2)
            / times(a, sqrt(add(1, (add(z_2, -b) / a) ** 2))),
            "For these two maps and a Gaussian $q_0$.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(
            2,
            q_0(back_2(back_1(z_2)), x) / times(prime(f_1)(z_0), prime(f_2)(z_1)),
            "the first map undone first: not even normalised (E24)",
        ),
        WrongForm(
            2,
            q_0(back_2(back_1(z_2)), x)
            / times(prime(f_2)(back_2(back_1(z_2))), prime(f_1)(back_1(z_2))),
            "the first map undone first, slopes and all: the density of another variable (E24)",
        ),
        WrongForm(
            2,
            q_0(z_0, x) / times(prime(f_1)(z_1), prime(f_2)(z_2)),
            "slopes where the maps arrive, not where they start",
        ),
        WrongForm(
            2,
            times(q_0(z_0, x), prime(f_1)(z_0), prime(f_2)(z_1)),
            "multiplied by the slopes: the other direction",
        ),
    ],
)

# Pixels have levels ---------------------------------------------------------------------------

y = Symbol("y", real=True)
P = Symbol("P_v", positive=True)
p, noise = density("p"), density("U")
r, other = (density(name, over=y, total=1) for name in "rs")
gap = Expectation(Excess(r(y) / noise(y)), noise(y))
FLAT = {r: Lambda(y, noise(y))}

dequantisation_bound = Derivation(
    name="dequantisation_bound",
    title="A density of noisy pixels bounds the probability of their levels",
    left=r"\mathbb{E}_u \log p(v + u)",
    definitions={
        noise: Lambda(y, Rational(1, 3)),
        p: Lambda(y, times(P, r(y)) / noise(y)),
    },
    states={y: 3},
    source="Theis et al. 2016",
    steps=[
        Step(
            Expectation(log(p(y)), noise(y)),
            "A level $v$ becomes $y = v + u$, anywhere in a cell of volume one. Here the cell has "
            "three parts, with equal volumes $U$. The model gives the cell the mass "
            "$P_v$, of which part $y$ has the fraction $r(y)$. A density is mass over volume.",
        ),
        Step(
            log(Expectation(p(y), noise(y))),
            "A mean of logarithms is below the logarithm of the mean. They are equal where the "
            "density is the same in the whole cell, $r = U$.",
            at_least(gap, FLAT),
        ),
        Step(
            log(P),
            "The mean density of a cell of volume one is its mass: the probability of the level.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(
            1,
            log(Expectation(p(y), noise(y))),
            "a bound from above: the noise said to flatter the model",
            at_most(gap, FLAT),
        ),
        WrongForm(
            1,
            log(Expectation(p(y), noise(y))),
            "said to be tight whatever the density in the cell",
            at_least(gap, {r: Lambda(y, other(y))}),
        ),
        WrongForm(0, log(p(1)), "no noise: the density at the level itself", None),
        WrongForm(2, add(log(P), -log(256)), "levels divided by 256, and the volume forgotten"),
    ],
)

# The same with noise of any density: what is lost is a divergence ------------------------------

q = density("q")
Q = density("Q", over=y, total=1)
noise_gap = Expectation(Excess(r(y) / Q(y)), Q(y))
IS_OWN = {Q: Lambda(y, r(y))}

variational_dequantisation_bound = Derivation(
    name="variational_dequantisation_bound",
    title="Noise of any density gives a bound, and loses a divergence",
    left=r"\mathbb{E}_{q(u \mid v)}[\log p(v + u) - \log q(u \mid v)]",
    definitions={
        noise: Lambda(y, Rational(1, 3)),
        p: Lambda(y, times(P, r(y)) / noise(y)),
        q: Lambda(y, Q(y) / noise(y)),
    },
    states={y: 3},
    equivalent={
        "definition of U(y): constant 1/3 changed to 4/3": "the volume cancels",
        "definition of U(y): sign of 1/3 flipped": "the volume cancels, sign and all",
    },
    source="Ho et al. 2019",
    steps=[
        Step(
            Expectation(add(log(p(y)), -log(q(y))), Q(y)),
            "The cell has three parts again, of volume $U$. The noise falls into part $y$ with "
            "the probability $Q(y)$, so that its density there is $q(y)$. What it gains by "
            "looking for places where $p$ is large, it pays for by its own density.",
        ),
        Step(
            Expectation(log(times(P, r(y)) / Q(y)), Q(y)),
            "Both are densities over the same volume, which cancels.",
            proved,
        ),
        Step(
            add(log(P), -KL(Q(y), r(y))),
            "$P_v$ is the same everywhere in the cell. What is left compares the noise with where "
            "the model has its mass in this cell.",
            proved,
        ),
        Step(
            log(P),
            "A divergence is never negative, and zero only if the noise is the model's own: "
            "$Q = r$. Uniform noise is $Q = U$.",
            at_least(noise_gap, IS_OWN),
        ),
    ],
    wrong_forms=[
        WrongForm(
            0,
            Expectation(log(p(y)), Q(y)),
            "the noise's own density forgotten: noise that looks for peaks is free",
            None,
        ),
        WrongForm(
            0,
            Expectation(add(log(p(y)), log(q(y))), Q(y)),
            "the noise's density with the other sign",
            None,
        ),
        WrongForm(2, add(log(P), -KL(r(y), Q(y))), "the divergence the other way round"),
        WrongForm(
            3,
            log(P),
            "said to be tight for uniform noise",
            at_least(noise_gap, {Q: Lambda(y, noise(y))}),
        ),
    ],
)
