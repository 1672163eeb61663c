r"""One unit of a linear VAE: what the β-ELBO makes of it, and when it collapses.

The data have variance λ in the unit's direction, and the prior is standard normal. The encoder is
$q(z \mid x) = \mathcal N(vx, s^2)$, the decoder $p(x \mid z) = \mathcal N(wz, \sigma^2)$. At best

$$ w^2 = \lambda - \beta\sigma^2, \qquad v = \frac{w}{\lambda}, \qquad
   s^2 = \frac{\beta\sigma^2}{\lambda}, \qquad R = \tfrac12 \log \frac{\lambda}{\beta\sigma^2} $$

if $\lambda > \beta\sigma^2$, and the unit is silent if not. Lucas, Tucker, Grosse & Norouzi 2019,
for β = 1; the bounds with their gaps are worked out here.
"""

from sympy import Function, Integer, Lambda, Rational, Symbol, log, pi, sqrt

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
    Normal,
    add,
    density,
    prime,
    times,
)

half = Rational(1, 2)
x, z, v = (Symbol(name, real=True) for name in ("x", "z", "v"))
beta, sigma, lam, s, w = (
    Symbol(name, positive=True) for name in ("beta", "sigma", "lambda", "s", "w")
)
w_0 = Symbol("w_0", positive=True)  # the best w
water = times(beta, sigma**2)  # the water level h

data, prior = density("data", "p_data"), density("prior", "p")
encoder = density("encoder", "q", given=True)
decoder = density("decoder", "p", given=True)
best_encoder = density("best_encoder", "q", given=True)
UNIT = {
    data: Lambda(x, Normal(x, 0, lam)),
    prior: Lambda(z, Normal(z, 0, 1)),
    encoder: Lambda((z, x), Normal(z, times(v, x), s**2)),
    decoder: Lambda((x, z), Normal(x, times(w, z), sigma**2)),
}
cost = add(
    -Expectation(Expectation(log(decoder(x, z)), encoder(z, x)), data(x)),
    times(beta, Expectation(KL(encoder(z, x), prior(z)), data(x))),
)
noise = times(half, log(2 * pi * sigma**2))
both = add(w**2, water)  # what the best encoder divides by
of_w = add(
    noise,
    times(half, beta, lam / both),
    times(half, beta, log(both / water)),
)

linear_vae_optimum = Derivation(
    name="linear_vae_optimum",
    title="What one unit of a linear VAE does at its best",
    left=r"D + \beta R",
    definitions=UNIT,
    instance={
        lam: add(beta * sigma**2, w_0**2),
        best_encoder: Lambda((z, x), Normal(z, times(w_0 / lam, x), times(beta, sigma**2) / lam)),
    },
    source="Lucas et al. 2019, for β = 1",
    steps=[
        Step(
            cost,
            "One direction of the data, with variance $\\lambda$, and one latent unit. The "
            "encoder scales $x$ by $v$ and adds noise of variance $s^2$; the decoder scales $z$ "
            "by $w$. We choose $w > 0$, because $-z$ would do as well.",
        ),
        Step(
            add(
                noise,
                add(times(lam, add(1, -times(w, v)) ** 2), times(w**2, s**2)) / (2 * sigma**2),
                times(half, beta, add(times(lam, v**2), s**2, -1, -log(s**2))),
            ),
            "What is lost of $x$ by scaling it twice, and the noise that the decoder passes on. "
            "The KL divergence is known.",
            integrated,
        ),
        Step(
            add(
                noise,
                times(half, lam, beta / both),
                add(times(w**2, s**2) / (2 * sigma**2)),
                times(half, beta, add(s**2, -1, -log(s**2))),
            ),
            "Complete the square in $v$. The best one is $w/(w^2 + \\beta\\sigma^2)$.",
            at_most(
                times(lam, both, add(v, -w / both) ** 2) / (2 * sigma**2),
                {v: w / both},
            ),
        ),
        Step(
            of_w,
            "The best $s^2$ is $\\beta\\sigma^2/(w^2 + \\beta\\sigma^2)$: any other is off by "
            "$t - 1 - \\log t$ for their ratio $t$. The encoder is now the best for its decoder.",
            at_most(
                times(half, beta, Excess(times(s**2, both) / water)),
                {s: sqrt(water / both)},
            ),
        ),
        Step(
            add(noise, beta / 2, times(half, beta, log(lam / water))),
            "The same for the decoder: the best $w^2 + \\beta\\sigma^2$ is $\\lambda$. For that "
            "$\\lambda$ has to be above $\\beta\\sigma^2$; their difference is $w_0^2$.",
            at_most(times(half, beta, Excess(lam / both)), {w: w_0}),
        ),
        Step(
            add(
                noise,
                water / (2 * sigma**2),
                times(beta, Expectation(KL(best_encoder(z, x), prior(z)), data(x))),
            ),
            "This encoder has the mean $w_0 x/\\lambda$ and the variance "
            "$\\beta\\sigma^2/\\lambda$. Its rate is $\\frac12 \\log(\\lambda/\\beta\\sigma^2)$. "
            "The squared error that remains is $\\beta\\sigma^2$: the water level.",
            integrated,
        ),
    ],
    wrong_forms=[
        WrongForm(
            4,
            add(noise, beta / 2, times(beta, log(lam / water))),
            "the rate without its factor ½",
        ),
        WrongForm(
            4,
            add(noise, beta / 2, times(half, beta, log(lam / sigma**2))),
            "the optimum of the ELBO taken for that of the β-ELBO: the weight changes nothing",
        ),
        WrongForm(
            4,
            add(noise, beta / 2, times(half, beta, log(lam / water))),
            "said to be best when the decoder passes all of the variance on, w² = λ",
            at_most(times(half, beta, Excess(lam / both)), {w: sqrt(lam)}),
        ),
        WrongForm(
            2,
            add(
                noise,
                times(half, lam, beta / both),
                add(times(w**2, s**2) / (2 * sigma**2)),
                times(half, beta, add(s**2, -1, -log(s**2))),
            ),
            "the encoder taken for the inverse of the decoder",
            at_most(times(lam, both, add(v, -w / both) ** 2) / (2 * sigma**2), {v: 1 / w}),
        ),
        WrongForm(
            4,
            add(noise, beta / 2, times(half, beta, log(lam / water))),
            "a minimum taken for a maximum",
            at_least(times(half, beta, Excess(lam / both)), {w: w_0}),
        ),
    ],
)

# When the data vary too little ----------------------------------------------------------------

lowest = Function("F", real=True)
w_real = Symbol("w", real=True)
steep = add(w_real**2, water)

collapse_threshold = Derivation(
    name="collapse_threshold",
    title="A silent unit is stable while λ is below βσ², and not above",
    left="F''(0)",
    equivalent={
        "definition of F(w): sign of β σ² flipped": "1/(w² − h) and 1/(w² + h) have one curvature "
        "at zero"
    },
    definitions={
        lowest: Lambda(
            w_real,
            add(times(half, beta, lam / steep), times(half, beta, log(add(1, w_real**2 / water)))),
        ),
    },
    source="Lucas et al. 2019, for β = 1",
    steps=[
        Step(
            prime(prime(lowest))(0),
            "$F(w)$ is what of $D + \\beta R$ depends on $w$, with the best encoder for each $w$. "
            "At $w = 0$ the unit is silent: it carries nothing, and the decoder does not listen. "
            "The slope there is zero, so that we ask for the curvature.",
        ),
        Step(
            add(beta / water, -times(lam, beta) / water**2),
            "The square $w^2$ has the curvature 2. The logarithm is what a nat more costs; the "
            "fraction is what the decoder gains by listening.",
            proved,
        ),
        Step(
            add(water, -lam) / (beta * sigma**4),
            "Above the threshold, $\\lambda > \\beta\\sigma^2$, the curvature is negative: "
            "silence is a maximum, and any step away from it pays. Below, it is a "
            "minimum, and the unit goes back to it. A larger $\\beta$ raises the threshold.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(
            2,
            add(lam, -water) / (beta * sigma**4),
            "the KL term said to prevent collapse: the sign is turned (E61)",
        ),
        WrongForm(
            2,
            add(sigma**2 / beta, -lam) / (beta * sigma**4),
            "β above one said to cure collapse: it would lower the threshold (E70)",
        ),
        WrongForm(2, add(sigma**2, -lam) / sigma**4, "the threshold of β = 1 for every β"),
    ],
)

below = Symbol("a", positive=True)
gains = add(
    times(half, beta, Excess(water / steep)),
    times(half, beta, w_real**2 / steep, below / (1 + below)),
)

collapse_below_threshold = Derivation(
    name="collapse_below_threshold",
    title="Below the threshold, nothing is better than silence",
    left="F(w)",
    definitions={
        **collapse_threshold.definitions,
        lam: water / add(1, below),
    },
    source="Lucas et al. 2019, for β = 1",
    steps=[
        Step(
            lowest(w_real),
            "The same $F(w)$, for data that vary too little: $a > 0$ says by how much $\\lambda$ "
            "is below $\\beta\\sigma^2$.",
        ),
        Step(
            lowest(0),
            "However far from silence, the unit costs more than it saves. That is so for every "
            "$w$, not only for small ones.",
            at_most(gains, {w_real: Integer(0)}),
        ),
        Step(
            lam / (2 * sigma**2),
            "What the decoder pays for the whole variance, as if there were no code.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(
            1,
            lowest(0),
            "the KL term said to keep the unit from silence (E61)",
            at_least(gains, {w_real: Integer(0)}),
        ),
        WrongForm(
            1,
            lowest(0),
            "said to be best where the unit passes the data's spread on",
            at_most(gains, {w_real: Integer(1)}),
        ),
        WrongForm(2, lam / sigma**2, "the factor ½ of the squared error is forgotten"),
    ],
)
