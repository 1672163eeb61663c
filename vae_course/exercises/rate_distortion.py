"""Exercises of the chapter "Rate and distortion"."""

import torch

from vae_course.exercises.cases import constant, drawn, given
from vae_course.exercises.engine import Case, Exercise, Mutant, changed

CHAPTER = "information/rate-distortion"


def spectrum(count: int, dtype=torch.float32):
    """A function of a generator that draws eigenvalues from e⁻³ to e³, in no order."""
    return lambda generator: (6 * torch.rand(count, generator=generator, dtype=dtype) - 3).exp()


def table(*shape: int, dtype=torch.float32):
    """A function of a generator that draws probabilities, each row with the sum one."""
    return lambda generator: (2 * torch.randn(shape, generator=generator, dtype=dtype)).softmax(-1)


# 1. Water-filling ---------------------------------------------------------------------------

FILLING = """
def water_filling(eigenvalues, level):
    rates = 0.5 * (eigenvalues / level).clamp(min=1).log()
    distortions = eigenvalues.clamp(max=level)
    return torch.stack([rates, distortions])
"""
RATES = "0.5 * (eigenvalues / level).clamp(min=1).log()"
ERRORS = "eigenvalues.clamp(max=level)"

water_filling = Exercise(
    id="rate_distortion.water_filling",
    chapter=CHAPTER,
    title="Water in a vessel",
    function="water_filling",
    prompt=r"""
A Gaussian $x$ has independent directions with variances $\lambda_1, \dots, \lambda_n$. You may
describe it in as few nats as possible, and have to live with a squared error. Which directions do
you describe, and how well? Pour water over them, up to the level $h$. What is under water is given
up. What sticks out is described until the error that is left is $h$:

$$
\delta_i = \min(h, \lambda_i), \qquad
R_i = \begin{cases} \frac12 \log \frac{\lambda_i}{h} & \text{if } \lambda_i > h, \\
0 & \text{otherwise.} \end{cases}
$$

`eigenvalues` has shape `(n,)`: the $\lambda_i \ge 0$, in any order. `level` is the number $h > 0$.
Return `torch.stack([rates, distortions])`, shape `(2, n)`: nats, and squared errors $\delta_i$.
""",
    difficulty=1,
    minutes=6,
    points=2,
    stub='''
def water_filling(eigenvalues, level):
    """Rates (nats) and squared errors: (n,) and a number h to (2, n)."""
    raise NotImplementedError("write your answer here")
''',
    reference=FILLING,
    hints=[
        "Two directions, one above the water and one below. What are the two numbers for each?",
        "A minimum with a number is `.clamp(max=level)`.",
        "Below the water $\\lambda_i / h < 1$. If you lift that ratio to 1 before the logarithm, "
        "the rate is 0, as it should be.",
    ],
    visible=[
        Case(
            "one above the water, one at it, one below",
            given(eigenvalues=[4.0, 1.0, 0.25], level=1.0),
        ),
        Case("a low level: everything is described", given(eigenvalues=[0.5, 3.0, 2.0], level=0.1)),
        Case("a high level: nothing is", given(eigenvalues=[0.5, 3.0, 2.0], level=5.0)),
        Case("a direction that does not vary at all", given(eigenvalues=[0.0, 2.0], level=0.5)),
    ],
    hidden=[
        Case("many directions", drawn(eigenvalues=spectrum(50), level=constant(0.7))),
        Case(
            "float64",
            drawn(eigenvalues=spectrum(8, torch.float64), level=constant(1.3)),
        ),
    ],
    mutants=[
        Mutant(
            changed(FILLING, (".clamp(min=1)", "")),
            "Under water the ratio λ/h is below 1, its logarithm is negative, and no description "
            "has a negative length. Such a direction gets rate 0.",
        ),
        Mutant(
            changed(FILLING, ("0.5 * ", "")),
            "The factor ½ is missing. λ is a variance; the logarithm is of the ratio of the "
            "*standard deviations*, which is ½ log of the ratio of the variances.",
        ),
        Mutant(
            changed(FILLING, (".log()", ".log2()")),
            "These are bits. One nat is log₂ e ≈ 1.44 bits, and the course counts in nats: take "
            "the natural logarithm.",
        ),
        Mutant(
            changed(FILLING, (ERRORS, "torch.full_like(eigenvalues, level)")),
            "You gave every direction the error h. One that varies less than h is left alone, and "
            "then its error is all of its variance, λ: no more than that can be lost.",
        ),
        Mutant(
            changed(FILLING, (ERRORS, "eigenvalues.clamp(min=level)")),
            "This is the larger one of h and λ. What is left in a described direction is h, which "
            "is less than its variance.",
        ),
        Mutant(
            changed(FILLING, (ERRORS, "(eigenvalues - level).clamp(min=0)")),
            "This is how far a direction sticks out of the water, the variance that is described. "
            "Asked for is the error that is left.",
        ),
        Mutant(
            changed(FILLING, (RATES, "0.5 * (1 + eigenvalues / level).log()")),
            "½ log(1 + λ/h) is the capacity of a noisy channel, where water-filling comes from the "
            "other side. Here the described part and the error add up to λ, so the rate is "
            "½ log(λ/h), and 0 under water.",
        ),
        Mutant(
            changed(FILLING, ("[rates, distortions]", "[distortions, rates]")),
            "Rates and errors are swapped. The first row holds the rates.",
        ),
        Mutant(
            changed(
                FILLING,
                ("torch.stack([rates, distortions])", "torch.stack([rates, distortions]).sum(1)"),
            ),
            "You summed over the directions. Return the numbers of each direction; whoever wants "
            "the total adds them up.",
        ),
    ],
)

# 2. Rates of a linear VAE -------------------------------------------------------------------

LINEAR = """
def linear_rates(eigenvalues, sigma, beta):
    level = beta * sigma**2
    return 0.5 * (eigenvalues / level).clamp(min=1).log()
"""
LEVEL = "beta * sigma**2"
UNIT_RATES = "0.5 * (eigenvalues / level).clamp(min=1).log()"

linear_rates = Exercise(
    id="rate_distortion.linear_rates",
    chapter=CHAPTER,
    title="Which units survive β?",
    function="linear_rates",
    prompt=r"""
A linear VAE with decoder noise $\sigma$ is trained with the weight $\beta$. Its objective is

$$
-\frac{1}{2\sigma^2}\, \mathbb E \|x - \hat x\|^2 - \beta R + \text{const}
= \beta \Big( -\frac{1}{2 \beta \sigma^2}\, \mathbb E \|x - \hat x\|^2 - R \Big) + \text{const} .
$$

Look at the right side: up to the factor in front, it is an ordinary VAE, $\beta = 1$, with other
decoder noise. At its optimum unit $i$ describes the direction with the variance $\lambda_i$, with
water-filling's rate. What is the level $h$? And what is the rate of each unit, its mean KL?

`eigenvalues` has shape `(n,)`; `sigma` and `beta` are positive numbers. Return the rates in nats,
shape `(n,)`.
""",
    difficulty=2,
    minutes=8,
    points=3,
    stub='''
def linear_rates(eigenvalues, sigma, beta):
    """Mean KL of each unit at the optimum, nats: (n,) to (n,)."""
    raise NotImplementedError("write your answer here")
''',
    reference=LINEAR,
    hints=[
        "For $\\beta = 1$ the water stands at the variance of the noise, $h = \\sigma^2$: what "
        "varies less than the noise is not worth a description.",
        "In the bracket the squared error is divided by $2\\beta\\sigma^2$. So which variance does "
        "the noise have there?",
        "The level is $h = \\beta\\sigma^2$. The rate is $\\frac12 \\log(\\lambda_i / h)$ above "
        "it, and 0 below: such a unit has collapsed.",
    ],
    visible=[
        Case(
            "β = 1, σ = 1: two units of three are active",
            given(eigenvalues=[9.0, 2.0, 0.5], sigma=1.0, beta=1.0),
        ),
        Case("β = 4: one is left", given(eigenvalues=[9.0, 2.0, 0.5], sigma=1.0, beta=4.0)),
        Case("β = 10: total collapse", given(eigenvalues=[9.0, 2.0, 0.5], sigma=1.0, beta=10.0)),
        Case("σ = ½, β = 2", given(eigenvalues=[3.0, 0.8, 0.4, 0.1], sigma=0.5, beta=2.0)),
    ],
    hidden=[
        Case(
            "many units, β below one",
            drawn(eigenvalues=spectrum(40), sigma=constant(1.5), beta=constant(0.3)),
        ),
        Case(
            "float64",
            drawn(eigenvalues=spectrum(9, torch.float64), sigma=constant(0.7), beta=constant(1.7)),
        ),
    ],
    mutants=[
        Mutant(
            changed(LINEAR, (LEVEL, "beta * sigma")),
            "The level is βσ, but it has to be compared with variances: β times σ *squared*. "
            "Check the units: λ is in squared units of x.",
        ),
        Mutant(
            changed(LINEAR, (LEVEL, "sigma**2 / beta")),
            "β pulls the wrong way: with σ²/β more units would survive when the rate weighs more. "
            "The noise in the bracket has the variance βσ².",
        ),
        Mutant(
            changed(LINEAR, (LEVEL, "sigma**2")),
            "β is not in your answer: these are the rates of the ordinary VAE, β = 1.",
        ),
        Mutant(
            changed(
                LINEAR, (LEVEL, "sigma**2"), (UNIT_RATES, UNIT_RATES.replace("0.5", "0.5 / beta"))
            ),
            "You divided the rates of the ordinary VAE by β. The weight does more than scale them: "
            "it raises the water, and takes the same ½ log β from each unit that stays above.",
        ),
        Mutant(
            changed(LINEAR, (LEVEL, "(beta * sigma) ** 2")),
            "β is squared as well. In the objective the squared error is divided by 2βσ², so the "
            "noise has the variance βσ².",
        ),
        Mutant(
            changed(LINEAR, (".clamp(min=1)", "")),
            "A unit whose λ is below the level gets a negative KL here, which no KL is. It has "
            "collapsed to the prior: rate 0.",
        ),
        Mutant(
            changed(
                LINEAR,
                (UNIT_RATES, "(eigenvalues > level) * 0.5 * (eigenvalues / sigma**2).log()"),
            ),
            "You switched off the units below βσ², and left the others the rate that they have at "
            "β = 1. Their rates fall as well: all of them by ½ log β.",
        ),
        Mutant(
            changed(LINEAR, ("0.5 * ", "")),
            "The factor ½ is missing: the rate is the logarithm of a ratio of standard deviations, "
            "half that of the variances.",
        ),
        Mutant(
            changed(LINEAR, (".log()", ".log().sum()")),
            "You summed over the units. Return the rate of each.",
        ),
    ],
)

# 3. Bounds of the mutual information --------------------------------------------------------

BOUNDS = """
def information_bounds(source, encoder, decoder, prior):
    joint = source[:, None] * encoder
    marginal = joint.sum(0)
    entropy = -torch.xlogy(source, source).sum()
    distortion = -torch.xlogy(joint, decoder.T).sum()
    information = (torch.xlogy(joint, encoder) - torch.xlogy(joint, marginal)).sum()
    rate = (torch.xlogy(joint, encoder) - torch.xlogy(joint, prior)).sum()
    return torch.stack([entropy - distortion, information, rate])
"""
INFORMATION = "(torch.xlogy(joint, encoder) - torch.xlogy(joint, marginal)).sum()"
RATE = "(torch.xlogy(joint, encoder) - torch.xlogy(joint, prior)).sum()"
DISTORTION = "-torch.xlogy(joint, decoder.T).sum()"


def drawn_vae(letters: int, codes: int, dtype=torch.float32):
    return drawn(
        source=table(letters, dtype=dtype),
        encoder=table(letters, codes, dtype=dtype),
        decoder=table(codes, letters, dtype=dtype),
        prior=table(codes, dtype=dtype),
    )


information_bounds = Exercise(
    id="rate_distortion.information_bounds",
    chapter=CHAPTER,
    title="Between two bounds",
    function="information_bounds",
    prompt=r"""
How much does $z$ know about $x$? Where $x$ has $S$ letters and $z$ has $K$, everything is a finite
sum. With $q(x, z) = p(x)\, q(z \mid x)$ and its marginal $q(z)$:

$$
\begin{aligned}
I &= \mathbb E_q \log \frac{q(z \mid x)}{q(z)}, &
R &= \mathbb E_q \log \frac{q(z \mid x)}{p(z)}, \\
D &= -\mathbb E_q \log p(x \mid z), &
H &= -\mathbb E_q \log p(x) .
\end{aligned}
$$

Whatever the encoder, the decoder and the prior are, $H - D \le I \le R$. All three are computed
here, so that you can see it.

`source` is $p(x)$, shape `(S,)`. `encoder` is $q(z \mid x)$, shape `(S, K)`: a row for each letter.
`decoder` is $p(x \mid z)$, shape `(K, S)`: a row for each code. `prior` is $p(z)$, shape `(K,)`.
Return `torch.stack([H - D, I, R])`, shape `(3,)`, in nats. A letter may be encoded without any
randomness; take $0 \log 0$ to be 0.
""",
    difficulty=3,
    minutes=12,
    points=4,
    stub='''
def information_bounds(source, encoder, decoder, prior):
    """H - D, I and R in nats: (S,), (S, K), (K, S), (K,) to (3,)."""
    raise NotImplementedError("write your answer here")
''',
    reference=BOUNDS,
    hints=[
        "Start with the joint table `source[:, None] * encoder`, shape `(S, K)`. Every expectation "
        "is a sum over it, of weight times logarithm.",
        "The marginal $q(z)$ is the joint table summed over x. It is not the prior.",
        "`torch.xlogy(a, b)` is $a \\log b$, and 0 where a is 0, whatever b is.",
        "The decoder's table stands the other way round: `torch.xlogy(joint, decoder.T)` is "
        "$q(x, z) \\log p(x \\mid z)$.",
    ],
    visible=[
        Case(
            "nothing is said: the encoder does not look at x",
            given(
                source=[0.5, 0.25, 0.25],
                encoder=[[0.5, 0.5], [0.5, 0.5], [0.5, 0.5]],
                decoder=[[0.5, 0.25, 0.25], [0.5, 0.25, 0.25]],
                prior=[0.5, 0.5],
            ),
        ),
        Case(
            "everything is said: one code for each letter",
            given(
                source=[0.5, 0.3, 0.2],
                encoder=[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
                decoder=[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
                prior=[0.2, 0.3, 0.5],
            ),
        ),
        Case(
            "in between, with a prior that is not the marginal",
            given(
                source=[0.6, 0.1, 0.3],
                encoder=[[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]],
                decoder=[[0.7, 0.1, 0.2], [0.3, 0.3, 0.4]],
                prior=[0.5, 0.5],
            ),
        ),
    ],
    hidden=[
        Case("more letters than codes", drawn_vae(12, 5)),
        Case("more codes than letters", drawn_vae(3, 8)),
        Case("float64", drawn_vae(6, 6, torch.float64)),
    ],
    mutants=[
        Mutant(
            changed(BOUNDS, (INFORMATION, RATE)),
            "You took the prior for the marginal, and I came out as R. The mutual information "
            "compares q(z|x) with q(z) = Σ p(x) q(z|x), what the codes really look like; R exceeds "
            "it by KL(q(z) ‖ p(z)).",
        ),
        Mutant(
            changed(BOUNDS, (RATE, INFORMATION)),
            "Your rate is the mutual information. The rate compares q(z|x) with the prior p(z). "
            "Only a prior that equals the marginal q(z) makes the two the same.",
        ),
        Mutant(
            changed(BOUNDS, ("entropy - distortion", "-distortion")),
            "H is missing. −D alone says nothing about information: it changes with the units of x "
            "where x is continuous. H − D is the bound.",
        ),
        Mutant(
            changed(BOUNDS, ("entropy - distortion", "distortion - entropy")),
            "The sign is turned: D − H is how far the bound is from saying that all is known. The "
            "lower bound is H − D.",
        ),
        Mutant(
            changed(
                BOUNDS, (DISTORTION, "-torch.xlogy(joint.sum(1), joint.sum(0) @ decoder).sum()")
            ),
            "You took the logarithm of the mean, log Σ q(z) p(x|z). The distortion is the mean of "
            "the logarithm: first log p(x|z), then the average over z from the encoder.",
        ),
        Mutant(
            changed(
                BOUNDS,
                ("joint = source[:, None] * encoder", "joint = encoder / len(source)"),
            ),
            "You weighed all letters alike. The expectation over x is with p(x): the joint table "
            "is `source[:, None] * encoder`.",
        ),
        Mutant(
            changed(BOUNDS, ("-torch.xlogy(source, source)", "-torch.xlogy(marginal, marginal)")),
            "This is the entropy of the codes z. H is the entropy of the data x, which no model "
            "can change.",
        ),
        Mutant(
            """
def information_bounds(source, encoder, decoder, prior):
    joint = source[:, None] * encoder
    marginal = joint.sum(0)
    entropy = -(source * source.log()).sum()
    distortion = -(joint * decoder.T.log()).sum()
    information = (joint * (encoder / marginal).log()).sum()
    rate = (joint * (encoder / prior).log()).sum()
    return torch.stack([entropy - distortion, information, rate])
""",
            "0 · log 0 is nan in floating-point numbers. Here it means: a code that is never used "
            "for this letter adds nothing. `torch.xlogy(a, b)` says 0 where a is 0.",
        ),
        Mutant(
            changed(
                BOUNDS,
                (
                    "torch.stack([entropy - distortion, information, rate])",
                    "torch.stack([entropy - distortion, information, rate]) / 0.6931471805599453",
                ),
            ),
            "These are bits. The course counts in nats: natural logarithms.",
        ),
    ],
)

# 4. One step of Blahut and Arimoto ----------------------------------------------------------

STEP = """
def blahut_arimoto_step(source, distortion, marginal, beta):
    channel = (marginal.log() - distortion / beta).softmax(1)
    return source @ channel
"""
CHANNEL = "(marginal.log() - distortion / beta).softmax(1)"


def to_reproduce(letters: int, dtype=torch.float32):
    return drawn(
        source=table(letters, dtype=dtype),
        distortion=lambda generator: (
            3 * torch.rand(letters, letters + 1, generator=generator, dtype=dtype)
        ),
        marginal=table(letters + 1, dtype=dtype),
        beta=constant(0.8),
    )


blahut_arimoto_step = Exercise(
    id="rate_distortion.blahut_arimoto_step",
    chapter=CHAPTER,
    title="The best encoder, then the best prior",
    function="blahut_arimoto_step",
    prompt=r"""
What is the least that $\mathbb E\, d(x, \hat x) + \beta\, I(x; \hat x)$ can be, if the encoder may
be anything? For a source with finitely many letters two steps, repeated, find it (Blahut 1972;
Arimoto 1972). Given a guess $r(\hat x)$ of the marginal, the best encoder is

$$
q(\hat x \mid x) \propto r(\hat x)\, e^{-d(x, \hat x) / \beta},
$$

normalised over $\hat x$ for each $x$. Given that encoder, the best $r$ is its own marginal,
$r(\hat x) = \sum_x p(x)\, q(\hat x \mid x)$. It plays the role of a prior that is learned.

`source` is $p(x)$, shape `(S,)`. `distortion` is $d(x, \hat x)$, shape `(S, C)`. `marginal` is
$r(\hat x)$, shape `(C,)`; some of it may be 0. `beta` is a positive number. Do both steps once, and
return the new marginal, shape `(C,)`. A distortion of 1000 must not break it.
""",
    difficulty=3,
    minutes=10,
    points=4,
    stub='''
def blahut_arimoto_step(source, distortion, marginal, beta):
    """The new marginal: (S,), (S, C), (C,) and a number to (C,)."""
    raise NotImplementedError("write your answer here")
''',
    reference=STEP,
    hints=[
        "Write the encoder's table first, shape `(S, C)`: a row for each $x$, with the sum one.",
        "$e^{-1000}$ is 0, and a row of zeros cannot be normalised. `softmax` takes logarithms: "
        "what is the logarithm of $r e^{-d/\\beta}$?",
        "`(marginal.log() - distortion / beta).softmax(1)` is the encoder. Its marginal is the "
        "mean of its rows, weighed by `source`.",
    ],
    visible=[
        Case(
            "two letters, right or wrong",
            given(
                source=[0.5, 0.5],
                distortion=[[0.0, 1.0], [1.0, 0.0]],
                marginal=[0.9, 0.1],
                beta=0.5,
            ),
        ),
        Case(
            "letters that differ in how often they come",
            given(
                source=[0.7, 0.2, 0.1],
                distortion=[[0.0, 1.0], [1.0, 0.0], [2.0, 0.5]],
                marginal=[0.5, 0.5],
                beta=2.0,
            ),
        ),
        Case(
            "distortions around 1000",
            given(
                source=[0.25, 0.75],
                distortion=[[1000.0, 1001.0], [1002.0, 1000.5]],
                marginal=[0.4, 0.6],
                beta=1.0,
            ),
        ),
        Case(
            "a letter that is never used stays so",
            given(
                source=[0.3, 0.7],
                distortion=[[0.0, 1.0, 4.0], [4.0, 1.0, 0.0]],
                marginal=[0.5, 0.0, 0.5],
                beta=1.5,
            ),
        ),
    ],
    hidden=[
        Case("nine letters", to_reproduce(9)),
        Case("float64", to_reproduce(5, torch.float64)),
    ],
    mutants=[
        Mutant(
            changed(STEP, (CHANNEL, "(-distortion / beta).softmax(1)")),
            "The guess r is not in your encoder. Letters that are used often are cheap to name: "
            "the encoder is proportional to r(x̂) exp(−d/β).",
        ),
        Mutant(
            changed(STEP, ("distortion / beta", "distortion * beta")),
            "You multiplied by β. It weighs the rate, as in the β-VAE: a large β makes distortion "
            "matter *less*, so d is divided by it.",
        ),
        Mutant(
            changed(STEP, (CHANNEL, "(marginal.log() + distortion / beta).softmax(1)")),
            "The sign is turned: this encoder prefers the reproductions that are most wrong.",
        ),
        Mutant(
            changed(STEP, ("softmax(1)", "softmax(0)")),
            "You normalised over x. The encoder is a distribution over x̂ for each x: each row sums "
            "to one.",
        ),
        Mutant(
            changed(STEP, ("source @ channel", "channel.mean(0)")),
            "You took the plain mean over x. Letters do not come equally often: weigh the rows "
            "with p(x).",
        ),
        Mutant(
            changed(
                STEP,
                (CHANNEL, "marginal * (-distortion / beta).exp()"),
                (
                    "return source @ channel",
                    "channel = channel / channel.sum(1, keepdim=True)\n    return source @ channel",
                ),
            ),
            "The formula is right, but not its arithmetic: exp(−1000) is 0, and a row of zeros "
            "cannot be normalised. `softmax` takes the largest logarithm out first.",
        ),
        Mutant(
            changed(
                STEP,
                (CHANNEL, "marginal * (-distortion / beta).exp()"),
                ("return source @ channel", "new = source @ channel\n    return new / new.sum()"),
            ),
            "You normalised the sum over all x, instead of the encoder for each x. A letter x far "
            "from every x̂ would then hardly count, but it comes as often as before.",
        ),
        Mutant(
            changed(STEP, (CHANNEL, "(marginal - distortion / beta).softmax(1)")),
            "You put r itself into `softmax`, which exponentiates what it gets. Inside stand "
            "logarithms: log r − d/β.",
        ),
        Mutant(
            changed(STEP, ("source @ channel", "marginal * (source @ channel)")),
            "You multiplied by the old marginal once more. It is in the encoder already.",
        ),
    ],
)

# 5. Operating point -------------------------------------------------------------------------

POINT = """
def operating_point(eigenvalues, sigma, rate):
    logs = eigenvalues.sort(descending=True).values.log()
    active = torch.arange(1, len(logs) + 1, dtype=logs.dtype)
    log_levels = (logs.cumsum(0) - 2 * rate) / active
    return log_levels.max().exp() / sigma**2
"""
PICK = "log_levels.max()"

operating_point = Exercise(
    id="rate_distortion.operating_point",
    chapter=CHAPTER,
    title="Which β gives this rate?",
    function="operating_point",
    prompt=r"""
You can afford a rate of $R$ nats for each example. Which $\beta$ do you train with? For most models
you would have to try. For the linear VAE the rate is a known function of $\beta$,

$$
R(\beta) = \sum_{i:\, \lambda_i > h} \tfrac12 \log \frac{\lambda_i}{h}, \qquad h = \beta \sigma^2,
$$

and it can be turned round. If you knew that the $k$ largest directions are the active ones, then
$2R = \sum_{i \le k} \log \lambda_i - k \log h$ would give $h$. You do not know $k$. Try all of
them: which of the levels is the right one?

`eigenvalues` has shape `(n,)`, all positive, in any order. `sigma` and `rate` are positive numbers.
Return $\beta$, a tensor without axes.
""",
    difficulty=4,
    minutes=12,
    points=5,
    stub='''
def operating_point(eigenvalues, sigma, rate):
    """The β whose linear VAE has this rate: (n,) and two numbers to ()."""
    raise NotImplementedError("write your answer here")
''',
    reference=POINT,
    hints=[
        "Sort the eigenvalues, the largest first. `logs.cumsum(0)` then holds "
        "$\\sum_{i \\le k} \\log \\lambda_i$ for every k.",
        "For each k there is one level: $\\log h_k = (\\sum_{i \\le k} \\log \\lambda_i - 2R)/k$.",
        "A sum over the wrong k is never more than the true rate: it lacks positive terms, or has "
        "negative ones. So each wrong $h_k$ is too low.",
        "The right level is the largest. $\\beta = h / \\sigma^2$. Halving an interval until "
        "$R(\\beta)$ fits gives the same number, and is a good answer too.",
    ],
    visible=[
        Case("one direction: β = λ e^(−2R) / σ²", given(eigenvalues=[5.0], sigma=1.0, rate=0.5)),
        Case(
            "little rate: only the largest is active",
            given(eigenvalues=[1.0, 9.0, 0.3], sigma=1.0, rate=0.4),
        ),
        Case(
            "more rate: two of three",
            given(eigenvalues=[2.0, 9.0, 0.3], sigma=0.5, rate=1.5),
        ),
        Case("much rate: all", given(eigenvalues=[2.0, 9.0, 0.3], sigma=2.0, rate=6.0)),
    ],
    hidden=[
        Case(
            "many directions",
            drawn(eigenvalues=spectrum(30), sigma=constant(0.8), rate=constant(7.0)),
        ),
        Case(
            "float64",
            drawn(eigenvalues=spectrum(12, torch.float64), sigma=constant(1.3), rate=constant(2.5)),
        ),
    ],
    mutants=[
        Mutant(
            changed(POINT, (PICK, "log_levels[-1]")),
            "You counted all directions as active. Those under water would then have negative "
            "rates, and the others had to make up for them: the level comes out too low.",
        ),
        Mutant(
            changed(POINT, (PICK, "log_levels[0]")),
            "You counted only the largest direction. Once the water falls below the second one, "
            "both share the rate.",
        ),
        Mutant(
            changed(POINT, (PICK, "log_levels.min()")),
            "Of the levels you took the lowest. Every wrong k gives a level that is too low, so "
            "the right one is the highest.",
        ),
        Mutant(
            changed(POINT, ("2 * rate", "rate")),
            "The ½ of the rates is lost. Twice the rate is the sum of the logarithms: "
            "2R = Σ log λ − k log h.",
        ),
        Mutant(
            changed(POINT, (" / sigma**2", "")),
            "This is the level h. β is the level in units of the noise: h = βσ².",
        ),
        Mutant(
            changed(POINT, ("/ sigma**2", "/ sigma")),
            "You divided by σ. The level is a variance: β = h/σ².",
        ),
        Mutant(
            changed(POINT, ("/ sigma**2", "* sigma**2")),
            "You multiplied by σ². From h = βσ² follows β = h/σ².",
        ),
        Mutant(
            changed(POINT, (".sort(descending=True).values", "")),
            "The eigenvalues come in any order. The active directions are the *largest* ones, so "
            "sort before you sum.",
        ),
        Mutant(
            changed(POINT, (f"{PICK}.exp()", PICK)),
            "You divided the logarithm of the level by σ². First `exp`, then divide.",
        ),
    ],
)
