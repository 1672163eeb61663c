"""Exercises of the chapter "Posterior collapse"."""

import torch

from vae_course.exercises.cases import constant, double, drawn, given, normal
from vae_course.exercises.engine import Case, Exercise, Mutant, changed

CHAPTER = "practice/collapse"


def positive(*shape: int, dtype=torch.float32, scale: float = 1.0):
    """A function of a generator that draws positive numbers, such as rates."""
    return lambda generator: normal(*shape, dtype=dtype)(generator).exp() * scale


# 1. Free bits -------------------------------------------------------------------------------

FREE = """
def free_bits(rates, kappa):
    return rates.mean(0).clamp(min=kappa).sum()
"""
FREED = "rates.mean(0).clamp(min=kappa).sum()"

free_bits = Exercise(
    id="collapse.free_bits",
    chapter=CHAPTER,
    title="Nats that cost nothing",
    function="free_bits",
    prompt=r"""
The rate pulls every latent towards the prior, and weak ones do not survive. Free bits takes the
pull away where a latent carries little: the first $\kappa$ nats of each group $g$ of latents are
charged whether they are used or not,

$$
\sum_{g=1}^G \max\Big(\kappa,\; \frac1B \sum_{b=1}^B R_{bg}\Big) .
$$

`rates` has shape `(B, G)`: the rate of each group for each example of a batch. `kappa` is a
number of nats for *one* group. Return what replaces the rate in the loss, a tensor of shape
`()`, for the whole batch.
""",
    difficulty=2,
    minutes=6,
    points=2,
    stub='''
def free_bits(rates, kappa):
    """The rate with kappa nats free in each group: (B, G) to (), nats."""
    raise NotImplementedError("write your answer here")
''',
    reference=FREE,
    hints=[
        "There are three operations: a mean over the batch, a maximum, a sum over groups. The "
        "formula says in which order.",
        "`t.clamp(min=kappa)` is the maximum of each entry of `t` and `kappa`. Where the entry is "
        "smaller, its gradient is zero.",
        "`rates.mean(0)` has shape `(G,)`. Clamp it, and then take the sum.",
    ],
    visible=[
        Case("nothing is used, and it costs all the same", given(rates=[[0.0, 0.0]], kappa=0.5)),
        Case(
            "one example in four uses the latent: a mean of 0.5",
            given(rates=[[0.0], [0.0], [0.0], [2.0]], kappa=0.4),
            gradients=("rates",),
        ),
        Case(
            "three groups: below, above, and far above",
            given(rates=[[0.1, 0.7, 3.0], [0.3, 0.9, 5.0]], kappa=0.5),
            gradients=("rates",),
        ),
    ],
    hidden=[
        Case(
            "a larger batch",
            drawn(rates=positive(32, 8), kappa=constant(1.6)),
            gradients=("rates",),
        ),
        Case("nothing is free", drawn(rates=positive(5, 3), kappa=constant(0.0))),
        Case("float64", drawn(rates=positive(4, 6, dtype=torch.float64), kappa=constant(1.0))),
    ],
    mutants=[
        Mutant(
            changed(FREE, (FREED, "rates.clamp(min=kappa).mean(0).sum()")),
            "The maximum comes before the mean. Then each example must stay under κ by itself, and "
            "one that uses the latent a lot is charged although the others leave room. Take the "
            "mean over the batch first.",
        ),
        Mutant(
            changed(FREE, (FREED, "rates.mean(0).sum().clamp(min=kappa)")),
            "The maximum is of the whole rate. Then κ nats are free for all latents together, and "
            "one group that uses them leaves nothing for the others. Each group has its own κ.",
        ),
        Mutant(
            changed(FREE, ("clamp(min=kappa)", "clamp(max=kappa)")),
            "This is the smaller of the two. It charges the first κ nats and gives away the rest, "
            "where the rate should be felt most.",
        ),
        Mutant(
            changed(FREE, (FREED, "(rates.mean(0) - kappa).clamp(min=0).sum()")),
            "This is lower by κ for each group. Its gradient is the right one, so the training "
            "would be the same; but the objective is then no bound any more. Charge κ where the "
            "rate is below it.",
        ),
        Mutant(
            changed(FREE, (FREED, "(rates.mean(0) + kappa).sum()")),
            "You added κ to each group. A constant has no gradient: this is the ordinary rate. "
            "What frees nats is the maximum.",
        ),
        Mutant(
            changed(FREE, (".sum()", ".mean()")),
            "You took the mean over groups. Rates of groups add up; the mean weakens the rate by "
            "their number, as a β of 1/G would.",
        ),
        Mutant(
            changed(FREE, ("mean(0)", "mean(1)")),
            "The mean is over axis 1, which holds the groups. The batch is axis 0.",
        ),
        Mutant(
            changed(FREE, ("mean(0)", "sum(0)")),
            "You summed over the batch. Then κ is shared by all its examples, and how much is free "
            "for each depends on the batch's size.",
        ),
        Mutant(
            changed(FREE, ("rates.mean(0)", "rates.mean(0).detach()")),
            "No gradient reaches the rates. Only where a group is below κ should it be zero.",
        ),
    ],
)

# 2. Mean squared error is a choice of β -----------------------------------------------------

EFFECTIVE = """
def effective_beta(weight, pixels, sigma):
    return weight * pixels / (2 * sigma**2)
"""
FORMULA = "weight * pixels / (2 * sigma**2)"

effective_beta = Exercise(
    id="collapse.effective_beta",
    chapter=CHAPTER,
    title="The β that nobody wrote down",
    function="effective_beta",
    prompt=r"""
Much code trains with the loss

$$
\frac1n \|x - \hat x\|^2 + w\, R, \qquad \text{as in }
\texttt{mse\_loss(x, x\_hat) + w * kl} .
$$

The squared error is a mean over the $n$ pixels; the rate is a sum over the latents. With a
Gaussian decoder whose standard deviation is $\sigma$, the loss for $\beta$ is

$$
D + \beta R = \frac{1}{2 \sigma^2} \|x - \hat x\|^2 + \beta R + \text{const} .
$$

The two have the same minima if one is a positive multiple of the other. For which $\beta$ is
that? `weight` is $w$ and `sigma` is $\sigma$, tensors of shape `(M,)`; `pixels` is the integer
$n$. Return $\beta$, shape `(M,)`.
""",
    difficulty=2,
    minutes=8,
    points=3,
    stub='''
def effective_beta(weight, pixels, sigma):
    """The beta of the loss (mean squared error) + weight * rate: (M,)."""
    raise NotImplementedError("write your answer here")
''',
    reference=EFFECTIVE,
    hints=[
        "Multiply the first loss by a number that makes its first term "
        "$\\frac{1}{2 \\sigma^2} \\|x - \\hat x\\|^2$. Which number?",
        "The number is $n / (2 \\sigma^2)$. What has become of $w R$?",
        "With $w = 1$, $\\sigma = 1$ and the $784$ pixels of MNIST it is 392.",
    ],
    visible=[
        Case(
            "MNIST, unit variance: nobody would choose it",
            given(weight=[1.0], pixels=784, sigma=[1.0]),
        ),
        Case("three values of σ", given(weight=[1.0, 1.0, 1.0], pixels=64, sigma=[1.0, 0.5, 0.1])),
        Case(
            "the weight that makes it an ELBO",
            given(weight=[0.0025510204, 0.01], pixels=784, sigma=[1.0, 0.3]),
            gradients=("weight", "sigma"),
        ),
    ],
    hidden=[
        Case(
            "many models",
            drawn(weight=positive(20), pixels=constant(3072), sigma=positive(20)),
            gradients=("weight", "sigma"),
        ),
        Case(
            "one pixel: the mean is the sum",
            drawn(weight=positive(5), pixels=constant(1), sigma=positive(5)),
        ),
        Case(
            "float64",
            drawn(
                weight=positive(6, dtype=torch.float64),
                pixels=constant(64),
                sigma=positive(6, dtype=torch.float64),
            ),
        ),
    ],
    mutants=[
        Mutant(
            changed(EFFECTIVE, (FORMULA, "weight / (2 * sigma**2)")),
            "The number of pixels is missing. This would be right if the squared error were a sum "
            "over pixels; their mean is n times smaller, so the rate weighs n times more.",
        ),
        Mutant(
            changed(EFFECTIVE, (FORMULA, "weight / pixels / (2 * sigma**2)")),
            "You divided by the number of pixels. A mean over pixels makes the first term smaller, "
            "and so the rate *more* important: β is larger by n, not smaller.",
        ),
        Mutant(
            changed(EFFECTIVE, ("(2 * sigma**2)", "sigma**2")),
            "A factor ½ is missing. The exponent of a Gaussian has $\\frac{1}{2 \\sigma^2}$; the "
            "squared error of the code has no ½.",
        ),
        Mutant(
            changed(EFFECTIVE, ("(2 * sigma**2)", "(2 * sigma)")),
            "σ is a standard deviation. What divides the squared error is the variance, σ².",
        ),
        Mutant(
            changed(EFFECTIVE, (FORMULA, "2 * weight * sigma**2 / pixels")),
            "This is upside down, apart from w: the factor by which the other loss has to be "
            "multiplied to become this one. Bring the squared errors to the same factor, then read "
            "off the one before the rate.",
        ),
        Mutant(
            changed(EFFECTIVE, (FORMULA, "weight * pixels * (2 * sigma**2)")),
            "Multiplied where it should be divided: if the decoder is *less* sure (a larger σ), "
            "its own loss counts the error less, and the β that copies a given loss is smaller.",
        ),
        Mutant(
            changed(EFFECTIVE, (FORMULA, "weight * pixels / 2")),
            "This is $\\beta \\sigma^2$. It says which latents are active whatever σ is, but the "
            "question is for β itself, which depends on the σ that you write down.",
        ),
        Mutant(
            changed(EFFECTIVE, (FORMULA, "pixels / (2 * sigma**2)")),
            "The weight w has been left out. It multiplies the rate from the start.",
        ),
    ],
)

# 3. Controlled capacity ---------------------------------------------------------------------

CAPACITY = """
def capacity_objective(distortion, rate, step, ramp, final, gamma):
    capacity = final * min(1.0, step / ramp)
    return -distortion.mean() - gamma * (rate.mean() - capacity).abs()
"""
PENALTY = "(rate.mean() - capacity).abs()"


def capacity_case(name, distortion, rate, step, ramp, final, gamma) -> Case:
    """distortion and rate: lists, or makers."""
    if isinstance(rate, list):
        values = {"distortion": distortion, "rate": rate}
        inputs = given(**values, step=step, ramp=ramp, final=final, gamma=gamma)
    else:
        numbers = {"step": step, "ramp": ramp, "final": final, "gamma": gamma}
        constants = {name: constant(number) for name, number in numbers.items()}
        inputs = drawn(distortion=distortion, rate=rate, **constants)
    return Case(name, inputs, gradients=("distortion", "rate"))


capacity = Exercise(
    id="collapse.capacity",
    chapter=CHAPTER,
    title="A rate to order",
    function="capacity_objective",
    prompt=r"""
Why not say how many nats the latents should carry? Controlled capacity *maximises*

$$
-D - \gamma\, \big| R - C \big|
$$

with a large $\gamma$, and lets $C$ grow in a straight line from 0 to its final value during the
first updates, so that the latents are taken into use one after the other.

`distortion` and `rate` have shape `(B,)`; $D$ and $R$ in the formula are their means over the
batch. `step` is the number of updates done, from 0. $C$ grows from 0 to `final` until update
`ramp`, and then stays. `gamma` is a number. Return the objective, a tensor of shape `()`, in
nats.
""",
    difficulty=3,
    minutes=10,
    points=3,
    stub='''
def capacity_objective(distortion, rate, step, ramp, final, gamma):
    """-D - gamma |R - C|, C rising to final in ramp updates: (), in nats."""
    raise NotImplementedError("write your answer here")
''',
    reference=CAPACITY,
    hints=[
        "First the capacity of this update, a plain number: `step / ramp` of the way, but never "
        "more than the whole of it.",
        "`min(1.0, step / ramp)` is that part.",
        "Then the means over the batch, and `.abs()` of their difference from the capacity.",
    ],
    visible=[
        capacity_case(
            "at the start the capacity is 0", [90.0, 110.0], [1.0, 3.0], 0, 100, 10.0, 2.0
        ),
        capacity_case(
            "half way; the rate is too small", [80.0, 100.0], [2.0, 5.0], 500, 1000, 20.0, 30.0
        ),
        capacity_case(
            "after the ramp; one rate below, one above",
            [60.0, 70.0],
            [12.0, 3.0],
            700,
            200,
            5.0,
            9.0,
        ),
    ],
    hidden=[
        capacity_case(
            "a larger batch", normal(64, scale=20.0), positive(64, scale=8), 3, 7, 3.0, 1e3
        ),
        capacity_case("gamma of 1, no capacity: the ELBO", normal(8), positive(8), 0, 1, 0.0, 1.0),
        capacity_case("float64", double(6), positive(6, dtype=torch.float64), 9, 4, 25.0, 100.0),
    ],
    mutants=[
        Mutant(
            changed(CAPACITY, (PENALTY, "(rate.mean() - capacity)")),
            "The absolute value is missing. C is then a constant without a gradient, and what is "
            "left is the objective of β = γ: with a large γ everything collapses.",
        ),
        Mutant(
            changed(CAPACITY, (PENALTY, "(rate.mean() - capacity).clamp(min=0)")),
            "A rate below C costs nothing here. Then C is a ceiling; the absolute value pulls the "
            "rate up to C as well as down to it.",
        ),
        Mutant(
            changed(CAPACITY, (PENALTY, "(rate.mean() - capacity).square()")),
            "You squared the difference. That also pulls towards C, but weakly when it is near, so "
            "that R stops where the pull of the distortion is as strong. The absolute value pulls "
            "with γ wherever R is.",
        ),
        Mutant(
            changed(CAPACITY, (PENALTY, "(rate - capacity).abs().mean()")),
            "The absolute value is of each example. Then each picture is to have the rate C, the "
            "plain one and the intricate one. Here the mean over the batch is held to C; so take "
            "the mean first.",
        ),
        Mutant(
            changed(CAPACITY, ("gamma * ", "")),
            "γ is missing. With a weight of one the rate is not held at C: where C is below the "
            "rate that the ELBO would choose, this has the ELBO's own optimum.",
        ),
        Mutant(
            changed(CAPACITY, ("final * min(1.0, step / ramp)", "final")),
            "The capacity is at its final value from the start. Let it grow with `step`.",
        ),
        Mutant(
            changed(CAPACITY, ("min(1.0, step / ramp)", "step / ramp")),
            "The capacity goes on growing after the ramp. Cut `step / ramp` off at 1.",
        ),
        Mutant(
            changed(CAPACITY, ("min(1.0, step / ramp)", "(1 - min(1.0, step / ramp))")),
            "The capacity falls to 0 instead of rising from it: nothing would be left at the end.",
        ),
        Mutant(
            changed(CAPACITY, ("- gamma", "+ gamma")),
            "The sign of the penalty is turned. The objective is maximised, so being away from C "
            "must make it smaller.",
        ),
        Mutant(
            changed(CAPACITY, ("-distortion", "distortion")),
            "The sign of the distortion is turned. The objective is maximised, and a large "
            "distortion is bad.",
        ),
        Mutant(
            changed(
                CAPACITY, ("return -distortion.mean() - gamma", "return distortion.mean() + gamma")
            ),
            "This is the loss, to be minimised. Asked for is the objective, its negative.",
        ),
    ],
)

# 4. One step of the controller --------------------------------------------------------------

CONTROLLER = """
def controller_step(rate, target, integral, k_p, k_i, beta_min, beta_max):
    error = target - rate
    integral = integral - k_i * error
    beta = beta_min + k_p / (1 + error.exp()) + integral
    return torch.stack([beta.clamp(beta_min, beta_max), integral])
"""
PROPORTIONAL = "k_p / (1 + error.exp())"
BETA = f"beta_min + {PROPORTIONAL} + integral"
RETURNED = "torch.stack([beta.clamp(beta_min, beta_max), integral])"
GAINS = {"k_p": 0.5, "k_i": 0.01, "beta_min": 0.0, "beta_max": 10.0}


def controller_case(name, rate, target, integral, dtype=torch.float32, **gains) -> Case:
    def inputs(generator):
        tensors = {"rate": rate, "integral": integral}
        tensors = {k: torch.tensor(value, dtype=dtype) for k, value in tensors.items()}
        return {**tensors, "target": target, **GAINS, **gains}

    return Case(name, inputs)


controller = Exercise(
    id="collapse.controller",
    chapter=CHAPTER,
    title="A thermostat for the rate",
    function="controller_step",
    prompt=r"""
A thermostat holds a temperature by turning the heating up and down. ControlVAE holds a rate by
turning $\beta$. After each update it looks at the error $e_t = C - R_t$, where $C$ is the
rate that is wanted, and sets

$$
\beta_t = \beta_{\min} + \frac{K_P}{1 + \exp(e_t)} + I_t, \qquad I_t = I_{t-1} - K_I\, e_t .
$$

The middle term answers to the error of now. The sum $I_t$ remembers: it moves as long as there
is an error, and stands still when there is none. At last $\beta_t$ is cut off to lie between
$\beta_{\min}$ and $\beta_{\max}$; $I_t$ is left as it is.

`rate` ($R_t$) and `integral` ($I_{t-1}$) are tensors of shape `()`. `target` ($C$) and the
rest are numbers. Return both as one tensor of shape `(2,)`: `torch.stack([beta, integral])`,
with the new integral.
""",
    difficulty=3,
    minutes=12,
    points=4,
    stub='''
def controller_step(rate, target, integral, k_p, k_i, beta_min, beta_max):
    """The next beta and integral, as a tensor of shape (2,)."""
    raise NotImplementedError("write your answer here")
''',
    reference=CONTROLLER,
    hints=[
        "Compute the error first, then the new integral, then β with the *new* integral.",
        "If the rate is too large, the error is negative. Both terms must then push β up: check "
        "your signs with that.",
        "`beta.clamp(beta_min, beta_max)` cuts off. It is applied to β only.",
    ],
    visible=[
        controller_case("the rate is right: the integral rests", 10.0, 10.0, 1.0),
        controller_case("the rate is too large: β goes up", 14.0, 10.0, 1.0),
        controller_case("the rate is too small: β goes down", 9.0, 10.0, 1.0),
        controller_case(
            "a β that never falls below 1", 13.0, 12.5, 0.2, k_p=0.1, k_i=0.3, beta_min=1.0
        ),
        controller_case("cut off at the top", 90.0, 10.0, 3.0, beta_max=2.0),
        controller_case("cut off at the bottom", 2.0, 10.0, -0.6, beta_min=0.5),
    ],
    hidden=[
        controller_case("a rate far above", 400.0, 10.0, 0.0, k_i=0.001),
        controller_case("a rate far below", 1.0, 400.0, 5.0, k_i=0.001),
        controller_case("float64", 3.21, 4.5, 0.7, dtype=torch.float64, beta_min=0.1),
    ],
    mutants=[
        Mutant(
            changed(CONTROLLER, ("target - rate", "rate - target")),
            "The error has the wrong sign: it is $C - R_t$. With it turned, a rate that is too "
            "large makes β smaller, and the rate runs away.",
        ),
        Mutant(
            changed(CONTROLLER, ("integral - k_i", "integral + k_i")),
            "The integral has the wrong sign. A rate that is too large gives a negative error, and "
            "must push β up.",
        ),
        Mutant(
            changed(CONTROLLER, (PROPORTIONAL, "k_p / (1 + (-error).exp())")),
            "The sign in the exponential is turned: this term grows when the rate is too *small*, "
            "and works against the integral.",
        ),
        Mutant(
            changed(CONTROLLER, (PROPORTIONAL, "-k_p * error")),
            "This is the proportional term of a plain controller. It is fine near the target, but "
            "one rate of 400 nats would throw β about; the logistic function keeps this term "
            "between 0 and $K_P$.",
        ),
        Mutant(
            changed(
                CONTROLLER,
                ("    integral = integral - k_i * error\n", ""),
                (RETURNED, "torch.stack([beta.clamp(beta_min, beta_max), integral - k_i * error])"),
            ),
            "β uses the integral from before this update. Take the error of now into it first.",
        ),
        Mutant(
            changed(CONTROLLER, ("integral = integral - k_i * error", "integral = -k_i * error")),
            "The integral forgets what was before. Without memory the error cannot go to zero: "
            "some is always needed to hold β up.",
        ),
        Mutant(
            changed(CONTROLLER, ("beta_min + k_p", "k_p")),
            "$\\beta_{\\min}$ is missing in the sum. It is where β starts from, besides being the "
            "least value it may take.",
        ),
        Mutant(
            changed(CONTROLLER, ("beta.clamp(beta_min, beta_max)", "beta")),
            "β is not cut off. It can become negative, which rewards the rate, or grow without "
            "end.",
        ),
        Mutant(
            changed(CONTROLLER, (", integral])", ", integral.clamp(beta_min, beta_max)])")),
            "The integral was cut off as well. Only β is; the integral may be negative, to take "
            "back what the other two terms give.",
        ),
        Mutant(
            changed(CONTROLLER, (BETA, f"beta_min + {PROPORTIONAL}")),
            "The integral is computed but not added to β, so that β answers to the error "
            "of now alone.",
        ),
        Mutant(
            changed(
                CONTROLLER,
                (
                    "[beta.clamp(beta_min, beta_max), integral]",
                    "[integral, beta.clamp(beta_min, beta_max)]",
                ),
            ),
            "The two results are exchanged: β comes first, then the integral.",
        ),
    ],
)

# 5. A schedule that starts again ------------------------------------------------------------

CYCLICAL = """
def cyclical(step, total, cycles, ratio):
    period = total / cycles
    place = (step % period) / period
    return (place / ratio).clamp(max=1)
"""
PLACE = "(step % period) / period"
RAMP = "(place / ratio).clamp(max=1)"

cyclical = Exercise(
    id="collapse.cyclical",
    chapter=CHAPTER,
    title="Let go, and pull again",
    function="cyclical",
    prompt=r"""
A warm-up lets the latents be found before the rate is charged in full. A cyclical schedule does
it again and again: the training of $T$ updates is divided into $M$ cycles of equal length. In
the first part of each cycle, a fraction $\rho$ of its length, $\beta$ rises in a straight line
from 0 to 1; in the rest of the cycle it is 1; then the next cycle starts at 0.

`step` is a tensor of update numbers, counted from 0, any shape, of a floating-point type.
`total` is $T$, `cycles` is $M$, `ratio` is $\rho$, numbers. The length of a cycle, $T / M$,
need not be whole. Return $\beta$ for each entry of `step`, in the same shape.
""",
    difficulty=2,
    minutes=8,
    points=3,
    stub='''
def cyclical(step, total, cycles, ratio):
    """beta at each of these updates, from 0 to 1, in the shape of step."""
    raise NotImplementedError("write your answer here")
''',
    reference=CYCLICAL,
    hints=[
        "How far into its own cycle is an update? The remainder of a division says so: `%` works "
        "on tensors.",
        "As a fraction of a cycle that is `(step % period) / period`, from 0 up to 1.",
        "The ramp reaches 1 when this fraction is `ratio`. After that, cut it off.",
    ],
    visible=[
        Case(
            "one cycle, half of it a ramp: an ordinary warm-up",
            given(step=[0.0, 25.0, 50.0, 75.0, 99.0], total=100, cycles=1, ratio=0.5),
        ),
        Case(
            "four cycles of 25 updates",
            given(
                step=[0.0, 5.0, 10.0, 20.0, 24.0, 25.0, 30.0, 74.0, 75.0, 99.0],
                total=100,
                cycles=4,
                ratio=0.5,
            ),
        ),
        Case(
            "a short ramp in each of three cycles",
            given(step=[[0.0, 3.0, 12.0], [30.0, 36.0, 59.0]], total=90, cycles=3, ratio=0.2),
        ),
    ],
    hidden=[
        Case(
            "a whole training",
            drawn(
                step=lambda generator: torch.arange(3000.0),
                total=constant(3000),
                cycles=constant(5),
                ratio=constant(0.4),
            ),
        ),
        Case(
            "cycles whose length is not whole",
            given(step=[0.0, 2.0, 4.0, 5.0, 7.0], total=9, cycles=2, ratio=0.75),
        ),
        Case(
            "float64",
            drawn(
                step=lambda generator: torch.arange(64, dtype=torch.float64).reshape(8, 8),
                total=constant(64),
                cycles=constant(2),
                ratio=constant(1.0),
            ),
        ),
    ],
    mutants=[
        Mutant(
            changed(CYCLICAL, (PLACE, "step / period")),
            "β rises once and stays. Each cycle has to start again at 0: take the remainder of the "
            "division by the period.",
        ),
        Mutant(
            changed(CYCLICAL, (RAMP, "place")),
            "The ramp takes the whole cycle. It should reach 1 after a fraction ρ of it, and stay "
            "there for the rest.",
        ),
        Mutant(
            changed(CYCLICAL, (RAMP, "place / ratio")),
            "β goes on rising to 1/ρ. After the ramp it stays where the ELBO has it: "
            "cut it off at 1.",
        ),
        Mutant(
            changed(CYCLICAL, (RAMP, "(place * ratio).clamp(max=1)")),
            "Multiplied where it should be divided: β ends each cycle at ρ, and never reaches 1.",
        ),
        Mutant(
            changed(CYCLICAL, ("total / cycles", "cycles")),
            "`cycles` is how many there are, not how long they are. A cycle has $T / M$ updates.",
        ),
        Mutant(
            changed(CYCLICAL, ("total / cycles", "total * cycles")),
            "The period is $T / M$: the more cycles there are, the shorter is each.",
        ),
        Mutant(
            changed(CYCLICAL, (RAMP, "((1 - (2 * place - 1).abs()) / ratio).clamp(max=1)")),
            "β comes down again in a straight line before the cycle ends. Only the way up is a "
            "ramp; down it goes at once, where the next cycle starts.",
        ),
        Mutant(
            changed(CYCLICAL, (RAMP, "1 - (place / ratio).clamp(max=1)")),
            "β falls from 1 to 0 in each cycle. The rate is charged in full at the end, not at the "
            "start.",
        ),
        Mutant(
            changed(CYCLICAL, ("step % period", "(step + 1) % period")),
            "This counts updates from 1. They are counted from 0, so that β is 0 at the "
            "very first.",
        ),
    ],
)
