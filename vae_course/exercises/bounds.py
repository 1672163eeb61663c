"""Exercises of the chapter "How good is the bound?"."""

import torch

from vae_course.exercises.cases import constant, double, drawn, given, normal
from vae_course.exercises.engine import Case, Exercise, Mutant, changed

CHAPTER = "vae/bounds"


# 1. Importance estimate ---------------------------------------------------------------------

ESTIMATE = """
from math import log

def importance_estimate(log_likelihood, log_prior, log_q):
    log_weights = log_likelihood + log_prior - log_q
    return log_weights.logsumexp(0) - log(len(log_weights))
"""
WEIGHTS = "log_likelihood + log_prior - log_q"
RESULT = "log_weights.logsumexp(0) - log(len(log_weights))"

importance_estimate = Exercise(
    id="bounds.importance_estimate",
    chapter=CHAPTER,
    title="A mean under the logarithm",
    function="importance_estimate",
    prompt=r"""
How likely is $x$ under the model? Draw $z_1, \dots, z_K$ from the encoder and average the weights:

$$
\log \hat p(x) = \log \frac1K \sum_{k=1}^K w_k, \qquad
w_k = \frac{p_\theta(x \mid z_k)\, p(z_k)}{q_\phi(z_k \mid x)} .
$$

`log_likelihood`, `log_prior` and `log_q` are the logarithms of the three densities, each of shape
`(K, B)`: K draws for each of B examples. Return the estimate of $\log p(x)$ for each example, shape
`(B,)`, in nats. For a picture, $\log w_k$ is around −100 or −1000; the result must survive that.
""",
    difficulty=2,
    minutes=8,
    points=3,
    stub='''
def importance_estimate(log_likelihood, log_prior, log_q):
    """log of the mean weight, in nats: (K, B) three times to (B,)."""
    raise NotImplementedError("write your answer here")
''',
    reference=ESTIMATE,
    hints=[
        "Start with $\\log w_k$: the logarithm of a product and a quotient.",
        "`exp(-1000)` is 0 in float32, and its logarithm is minus infinity. "
        "`log_weights.logsumexp(0)` computes $\\log \\sum_k w_k$ without leaving the logarithms.",
        "The mean is the sum divided by K. Under the logarithm, what does dividing by K become?",
    ],
    visible=[
        Case(
            "two draws, by hand: log of (2 + 4) / 2",
            given(
                log_likelihood=[[0.6931472], [1.3862944]],
                log_prior=[[-1.0], [-2.0]],
                log_q=[[-1.0], [-2.0]],
            ),
        ),
        Case(
            "three draws, two examples, with gradients",
            given(
                log_likelihood=[[-3.0, -1.0], [-2.5, -4.0], [-3.5, -2.0]],
                log_prior=[[-1.0, -1.5], [-0.9, -2.0], [-1.4, -1.1]],
                log_q=[[-0.2, 0.3], [-0.5, -1.0], [0.4, -0.3]],
            ),
            gradients=("log_likelihood", "log_prior", "log_q"),
        ),
        Case(
            "a picture: likelihoods around −1000 nats",
            given(
                log_likelihood=[[-1000.0], [-1002.0]],
                log_prior=[[-20.0], [-21.0]],
                log_q=[[5.0], [4.5]],
            ),
        ),
    ],
    hidden=[
        Case(
            "many draws",
            drawn(
                log_likelihood=normal(500, 4, scale=20.0),
                log_prior=normal(500, 4, scale=3.0),
                log_q=normal(500, 4, scale=3.0),
            ),
        ),
        Case(
            "one draw: the ELBO's",
            drawn(**dict.fromkeys(("log_likelihood", "log_prior", "log_q"), normal(1, 6))),
        ),
        Case(
            "float64",
            drawn(**dict.fromkeys(("log_likelihood", "log_prior", "log_q"), double(8, 3))),
        ),
    ],
    mutants=[
        Mutant(
            changed(ESTIMATE, (RESULT, "log_weights.mean(0)")),
            "This is the mean of the logarithms: the ELBO, whatever K is. The logarithm of the "
            "mean is larger, and grows towards log p(x). First average the weights, then take the "
            "logarithm.",
        ),
        Mutant(
            changed(ESTIMATE, (" - log(len(log_weights))", "")),
            "This is the logarithm of the *sum* of the weights. It grows by log 2 whenever K "
            "doubles, past log p(x). Subtract log K.",
        ),
        Mutant(
            changed(ESTIMATE, (RESULT, "log_weights.exp().mean(0).log()")),
            "The formula is right, but not its arithmetic: `exp` of −1000 is 0, and the logarithm "
            "of 0 is −∞. `logsumexp` takes the largest weight out before it exponentiates.",
        ),
        Mutant(
            changed(ESTIMATE, (WEIGHTS, "log_likelihood - log_q")),
            "The prior is missing from the weights. What is averaged must be the joint density "
            "p(x, z) = p(x|z) p(z), divided by the density that z was drawn from.",
        ),
        Mutant(
            changed(ESTIMATE, (WEIGHTS, "log_likelihood + log_prior")),
            "The weights are not divided by $q$. The draws come from the encoder, and places where "
            "it draws often must count less.",
        ),
        Mutant(
            changed(ESTIMATE, (WEIGHTS, "log_likelihood")),
            "This averages the likelihood alone. That estimates p(x) if z is drawn from the prior; "
            "here it is drawn from the encoder, and the weight p(z)/q(z|x) puts that right.",
        ),
        Mutant(
            changed(ESTIMATE, (WEIGHTS, "log_likelihood + log_prior + log_q")),
            "The sign of `log_q` is turned: the weights are multiplied by q instead of divided.",
        ),
        Mutant(
            changed(ESTIMATE, (RESULT, "log_weights.logsumexp(1) - log(log_weights.shape[1])")),
            "You averaged over axis 1, which holds the examples. Draws of z are on axis 0.",
        ),
        Mutant(
            changed(ESTIMATE, ("log(len(log_weights))", "log(log_weights.shape[1])")),
            "You subtracted log B. The mean is over K draws, which are on axis 0.",
        ),
        Mutant(
            changed(ESTIMATE, (RESULT, f"({RESULT}).mean()")),
            "The mean over the batch comes too early: return one estimate for each example.",
        ),
        Mutant(
            changed(ESTIMATE, (RESULT, "log_weights.max(0).values")),
            "This is the largest weight alone. Often it carries most of the sum, which is why "
            "large K helps so slowly; the mean of all K is what is unbiased for p(x).",
        ),
    ],
)

# 2. Effective sample size -------------------------------------------------------------------

SIZE = """
def effective_sample_size(log_weights):
    weights = log_weights.softmax(0)
    return 1 / weights.square().sum(0)
"""
NORMALISED = "log_weights.softmax(0)"

effective_sample_size = Exercise(
    id="bounds.effective_sample_size",
    chapter=CHAPTER,
    title="How many draws count?",
    function="effective_sample_size",
    prompt=r"""
A thousand draws, but one weight is larger than all others together. How many draws is that worth?
The effective sample size says

$$
\mathrm{ESS} = \frac{\big(\sum_k w_k\big)^2}{\sum_k w_k^2} = \frac{1}{\sum_k \tilde w_k^2},
\qquad \tilde w_k = \frac{w_k}{\sum_l w_l} :
$$

K if all weights are equal, 1 if one of them has everything.

`log_weights` has shape `(K, B)` and holds $\log w_k$. The result has shape `(B,)`. Only ratios of
weights matter, so adding 1000 to every logarithm must change nothing.
""",
    difficulty=2,
    minutes=8,
    points=3,
    stub='''
def effective_sample_size(log_weights):
    """How many of K draws count, from 1 to K: (K, B) to (B,)."""
    raise NotImplementedError("write your answer here")
''',
    reference=SIZE,
    hints=[
        "Normalise first: weights that sum to one cannot overflow.",
        "Which function takes logarithms and returns exponentials that sum to one?",
        "`log_weights.softmax(0)` are the $\\tilde w_k$. Square them, sum over the draws, and take "
        "one divided by that.",
    ],
    visible=[
        Case(
            "four equal weights count as four", given(log_weights=[[-2.0], [-2.0], [-2.0], [-2.0]])
        ),
        Case("one has everything", given(log_weights=[[50.0, 0.0], [0.0, 0.0], [0.0, 60.0]])),
        Case(
            "three draws, two examples",
            given(log_weights=[[0.0, -1.0], [0.6931472, 0.5], [1.0986123, 2.0]]),
        ),
        Case(
            "log-weights around −1000 and +1000",
            given(log_weights=[[-1000.0, 1000.0], [-1001.0, 1002.0]]),
        ),
    ],
    hidden=[
        Case("many draws", drawn(log_weights=normal(1000, 5, scale=2.0))),
        Case("one draw", drawn(log_weights=normal(1, 4))),
        Case("float64", drawn(log_weights=double(20, 3))),
    ],
    mutants=[
        Mutant(
            changed(SIZE, (NORMALISED, "log_weights.exp()")),
            "The weights are not normalised. Then the answer depends on their unit: twice the "
            "weights, a quarter of the size. Divide by their sum first, which is `softmax`.",
        ),
        Mutant(
            changed(
                SIZE,
                (NORMALISED, "log_weights.exp()"),
                (
                    "1 / weights.square().sum(0)",
                    "weights.sum(0).square() / weights.square().sum(0)",
                ),
            ),
            "The formula is right, but not its arithmetic: `exp` of ±1000 is 0 or infinite. Only "
            "ratios of weights matter; `softmax` takes the largest one out first.",
        ),
        Mutant(
            changed(SIZE, ("1 / weights", "weights")),
            "This is the sum of squares itself, between 1/K and 1: the more even the weights, the "
            "smaller. The effective size is its inverse.",
        ),
        Mutant(
            changed(SIZE, (".square()", "")),
            "Normalised weights sum to one, always, so this is 1 for any weights. Square them "
            "before the sum: that is what notices a large one.",
        ),
        Mutant(
            changed(SIZE, ("1 / weights.square().sum(0)", "1 / weights.square().sum(0).sqrt()")),
            "You took the root of the sum of squares. Four equal weights would count as two.",
        ),
        Mutant(
            changed(SIZE, ("1 / weights", "1 / len(weights) / weights")),
            "You divided by K: this is the fraction of the draws that count, from 1/K to 1. Asked "
            "for is their number.",
        ),
        Mutant(
            changed(SIZE, ("softmax(0)", "softmax(1)")),
            "You normalised over axis 1, which holds the examples. The weights of one example, "
            "down axis 0, sum to one.",
        ),
        Mutant(
            changed(SIZE, (".sum(0)", ".sum(1)")),
            "The sum runs over axis 1, which holds the examples. It is over draws, axis 0.",
        ),
        Mutant(
            changed(SIZE, ("1 / weights.square().sum(0)", "1 / weights.max(0).values")),
            "This is one divided by the largest weight. It, too, lies between 1 and K, and is "
            "sometimes used, but it is not the ratio that was asked for.",
        ),
        Mutant(
            changed(
                SIZE,
                (
                    "1 / weights.square().sum(0)",
                    "(-torch.xlogy(weights, weights).sum(0)).exp()",
                ),
            ),
            "This is the exponential of the weights' entropy. It, too, lies between 1 and K, and "
            "is sometimes used, but it is not the ratio that was asked for.",
        ),
        Mutant(
            changed(
                SIZE,
                (NORMALISED, "log_weights"),
                (
                    "1 / weights.square().sum(0)",
                    "weights.sum(0).square() / weights.square().sum(0)",
                ),
            ),
            "The formula was applied to the logarithms. It is about the weights themselves.",
        ),
    ],
)

# 3. Doubly reparameterised gradient ---------------------------------------------------------

DREG = """
def dreg_surrogate(log_weights):
    weights = log_weights.softmax(0).detach()
    return (weights.square() * log_weights).sum(0)
"""

dreg = Exercise(
    id="bounds.dreg",
    chapter=CHAPTER,
    title="Weights, squared",
    function="dreg_surrogate",
    prompt=r"""
More samples make the bound tighter, and the encoder's gradient noisier in proportion to its size.
The doubly reparameterised gradient (DReG) does not have that fault:

$$
\nabla_\phi \mathcal L_K = \mathbb E\Big[\sum_{k=1}^K \tilde w_k^2\,
\frac{\partial \log w_k}{\partial z_k} \frac{\partial z_k}{\partial \phi}\Big],
\qquad \tilde w_k = \frac{w_k}{\sum_l w_l} .
$$

Write a function whose gradient this is. `log_weights` has shape `(K, B)` and has been prepared: it
depends on $\phi$ through the samples $z_k$ only, with the parameters inside $\log q_\phi$ detached.
Return $\sum_k \tilde w_k^2 \log w_k$, shape `(B,)`, so that autograd takes the $\tilde w_k^2$ for
constants.
""",
    difficulty=3,
    minutes=10,
    points=4,
    stub='''
def dreg_surrogate(log_weights):
    """A function with the gradient of DReG: (K, B) to (B,)."""
    raise NotImplementedError("write your answer here")
''',
    reference=DREG,
    hints=[
        "The normalised weights are `log_weights.softmax(0)`.",
        "The gradient is to pass through $\\log w_k$ and not through $\\tilde w_k$. What takes a "
        "tensor for a constant?",
        "`.detach()` the normalised weights, square them, multiply by `log_weights`, and sum over "
        "the K samples.",
    ],
    visible=[
        Case(
            "one sample: the weight is 1",
            given(log_weights=[[-90.0, -80.0]]),
            gradients=("log_weights",),
        ),
        Case(
            "two equal weights: a quarter each",
            given(log_weights=[[-2.0], [-2.0]]),
            gradients=("log_weights",),
        ),
        Case(
            "three samples, two examples",
            given(log_weights=[[-3.0, -1.0], [-2.0, -1.5], [-2.5, 0.5]]),
            gradients=("log_weights",),
        ),
    ],
    hidden=[
        Case(
            "many samples",
            drawn(log_weights=normal(64, 5, scale=2.0)),
            gradients=("log_weights",),
        ),
        Case(
            "log-weights around −700",
            given(log_weights=[[-700.0, -710.0], [-702.0, -700.0]]),
            gradients=("log_weights",),
        ),
        Case("float64", drawn(log_weights=double(6, 3)), gradients=("log_weights",)),
    ],
    mutants=[
        Mutant(
            changed(DREG, ("weights.square()", "weights")),
            "The weights are not squared. With $\\tilde w_k$ itself this is the ordinary gradient "
            "of the IWAE bound, which needs the total derivative of $\\log w_k$. Here the "
            "parameters inside log q are detached, and what that leaves out turns one factor into "
            "its square.",
        ),
        Mutant(
            changed(DREG, (".detach()", "")),
            "The gradient passes through the weights as well. They are constants here: `.detach()` "
            "them.",
        ),
        Mutant(
            changed(DREG, (" * log_weights)", " * log_weights.detach())")),
            "You detached $\\log w_k$, and no gradient is left. Detach the weights only.",
        ),
        Mutant(
            changed(
                DREG,
                (
                    "(weights.square() * log_weights).sum(0)",
                    "(weights.square() / weights.square().sum(0) * log_weights).sum(0)",
                ),
            ),
            "You normalised the squares so that they sum to one. They do not: their sum is one "
            "divided by the effective sample size, and the gradient shrinks with it.",
        ),
        Mutant(
            changed(DREG, ("log_weights.softmax(0).detach()", "log_weights.exp().detach()")),
            "The weights are not normalised. Their size is that of p(x), which is $e^{-90}$ for "
            "a small picture: the gradient would be zero.",
        ),
        Mutant(
            changed(DREG, ("softmax(0)", "softmax(1)")),
            "You normalised over axis 1, which holds the examples. The weights of one example, "
            "down axis 0, sum to one.",
        ),
        Mutant(
            changed(DREG, (" * log_weights).sum(0)", " * log_weights).mean(0)")),
            "You took the mean over samples. The weights sum to one already; it is a sum.",
        ),
        Mutant(
            changed(DREG, (".sum(0)", ".sum()")),
            "You summed over the batch too. Return one number for each example; the caller takes "
            "the mean.",
        ),
        Mutant(
            changed(DREG, ("return (weights", "return -(weights")),
            "The sign is turned. This is a bound, and it is maximised; the caller takes the minus "
            "where it needs a loss.",
        ),
    ],
)

# 4. Weight of an annealed chain -------------------------------------------------------------

ANNEALED = """
def annealed_log_weight(log_likelihood, powers):
    steps = powers[1:] - powers[:-1]
    return (steps[:, None] * log_likelihood[:-1]).sum(0)
"""
STEPS = "powers[1:] - powers[:-1]"
PRODUCT = "steps[:, None] * log_likelihood[:-1]"


def uneven_powers(steps: int, dtype=torch.float32):
    """A function of a generator that draws 0 = τ_0 < τ_1 < … < τ_J = 1."""

    def draw(generator):
        lengths = 0.1 + torch.rand(steps, generator=generator, dtype=dtype)
        return torch.cat([lengths.new_zeros(1), lengths.cumsum(0) / lengths.sum()])

    return draw


annealed = Exercise(
    id="bounds.ais_weight",
    chapter=CHAPTER,
    title="Weigh first, then move",
    function="annealed_log_weight",
    prompt=r"""
From the prior to the posterior is too far for one step. Annealed importance sampling takes $J$
small ones, through the densities $p(z)\, p_\theta(x \mid z)^{\tau}$ with powers
$0 = \tau_0 < \tau_1 < \dots < \tau_J = 1$. A chain starts at $z_0 \sim p(z)$. For
$j = 1, \dots, J$ its weight first takes the factor
$p_\theta(x \mid z_{j-1})^{\tau_j - \tau_{j-1}}$, and only then a transition moves $z_{j-1}$ to
$z_j$. So

$$
\log w = \sum_{j=1}^J (\tau_j - \tau_{j-1}) \log p_\theta(x \mid z_{j-1}),
\qquad \mathbb E[w] = p_\theta(x) .
$$

`log_likelihood` has shape `(J + 1, B)`: row $j$ is $\log p_\theta(x \mid z_j)$, from $z_0$ to the
last $z_J$. `powers` has shape `(J + 1,)`. Return $\log w$ of each of the B chains, shape `(B,)`.
""",
    difficulty=3,
    minutes=12,
    points=4,
    stub='''
def annealed_log_weight(log_likelihood, powers):
    """log w of B chains, nats: (J + 1, B) and (J + 1,) to (B,)."""
    raise NotImplementedError("write your answer here")
''',
    reference=ANNEALED,
    hints=[
        "There are J differences of powers and J + 1 places. Which place is not weighed?",
        "The differences are `powers[1:] - powers[:-1]`. For each, the place is the one *before* "
        "the transition.",
        "`steps[:, None]` has shape `(J, 1)` and multiplies `log_likelihood[:-1]`, shape `(J, B)`. "
        "Logarithms of factors add up.",
    ],
    visible=[
        Case(
            "one step: the likelihood at a draw of the prior",
            given(log_likelihood=[[-7.0, -9.0], [-3.0, -4.0]], powers=[0.0, 1.0]),
        ),
        Case(
            "two steps, by hand: 0.1 · (−10) + 0.9 · (−6)",
            given(log_likelihood=[[-10.0], [-6.0], [-5.0]], powers=[0.0, 0.1, 1.0]),
        ),
        Case(
            "four uneven steps, three chains",
            given(
                log_likelihood=[
                    [-90.0, -120.0, -60.0],
                    [-70.0, -100.0, -58.0],
                    [-41.0, -60.0, -50.0],
                    [-30.0, -44.0, -47.0],
                    [-28.0, -39.0, -46.0],
                ],
                powers=[0.0, 0.05, 0.2, 0.6, 1.0],
            ),
        ),
    ],
    hidden=[
        Case(
            "a thousand steps",
            drawn(
                log_likelihood=normal(1001, 4, scale=30.0),
                powers=uneven_powers(1000),
            ),
        ),
        Case(
            "float64",
            drawn(
                log_likelihood=double(6, 3),
                powers=uneven_powers(5, torch.float64),
            ),
        ),
    ],
    mutants=[
        Mutant(
            changed(ANNEALED, ("log_likelihood[:-1]", "log_likelihood[1:]")),
            "The weight is taken after the transition. At $z_j$ the chain has already been moved "
            "towards the next density, so the estimate comes out too high, and E[w] is not p(x). "
            "Weigh first, then move.",
        ),
        Mutant(
            changed(
                ANNEALED,
                ("log_likelihood[:-1]", "0.5 * (log_likelihood[:-1] + log_likelihood[1:])"),
            ),
            "You took the mean of both ends of each step. That is the trapezoidal rule for the "
            "thermodynamic integral: close to log p(x), but w is not unbiased for p(x) any more.",
        ),
        Mutant(
            changed(ANNEALED, (STEPS, "powers[:-1] - powers[1:]")),
            "The differences have the wrong sign. Powers grow from 0 to 1, so each step is "
            "positive.",
        ),
        Mutant(
            changed(ANNEALED, (STEPS, "powers[1:]")),
            "You weighed by the powers themselves. Each step multiplies by the *ratio* of two "
            "neighbouring densities, whose power is the difference.",
        ),
        Mutant(
            changed(ANNEALED, (STEPS, "torch.ones_like(powers[1:]) / (len(powers) - 1)")),
            "You took equal steps of 1/J. The powers are given, and need not be even: most "
            "schedules take smaller steps near 0, where the likelihood changes most.",
        ),
        Mutant(
            changed(ANNEALED, (PRODUCT, "steps[1:, None] * log_likelihood[1:-1]")),
            "The first step is missing: $\\tau_1 - \\tau_0$, weighed at $z_0$, the draw of the "
            "prior.",
        ),
        Mutant(
            changed(ANNEALED, (PRODUCT, "steps[:-1, None] * log_likelihood[:-2]")),
            "The last step, to power 1, is missing. There are J + 1 powers and J steps.",
        ),
        Mutant(
            changed(ANNEALED, (f"({PRODUCT}).sum(0)", f"({PRODUCT}).mean(0)")),
            "You took the mean over the steps. Factors multiply, so their logarithms add up.",
        ),
        Mutant(
            changed(ANNEALED, (f"({PRODUCT}).sum(0)", f"({PRODUCT}).sum(0).exp()")),
            "You returned w itself. For a picture it is too small for a floating-point number: "
            "stay with the logarithm.",
        ),
        Mutant(
            changed(ANNEALED, (f"({PRODUCT}).sum(0)", f"({PRODUCT}).sum()")),
            "You summed over the chains too. Each chain has its own weight.",
        ),
    ],
)

# 5. Leapfrog --------------------------------------------------------------------------------

LEAPFROG = """
def leapfrog(gradient, z, momentum, step_size, steps):
    for _ in range(steps):
        momentum = momentum + 0.5 * step_size * gradient(z)
        z = z + step_size * momentum
        momentum = momentum + 0.5 * step_size * gradient(z)
    return torch.stack([z, momentum])
"""


def of_normal(z):
    """∇ log N(z; 0, I)."""
    return -z


def of_two_wells(z):
    """∇ log f of f(z) ∝ exp(−z⁴/4 + z²/2) in each dimension."""
    return z - z**3


def leapfrog_case(name, gradient, z, momentum, step_size, steps) -> Case:
    """z and momentum: lists, or makers."""
    if isinstance(z, list):
        values = {"z": z, "momentum": momentum}
        return Case(name, given(gradient=gradient, **values, step_size=step_size, steps=steps))
    return Case(
        name,
        drawn(
            gradient=constant(gradient),
            z=z,
            momentum=momentum,
            step_size=constant(step_size),
            steps=constant(steps),
        ),
    )


leapfrog = Exercise(
    id="bounds.leapfrog",
    chapter=CHAPTER,
    title="Half a kick, a drift, half a kick",
    function="leapfrog",
    prompt=r"""
Hamiltonian Monte Carlo lets $z$ roll like a ball in the landscape $-\log f(z)$, with a momentum
$v$. The energy $-\log f(z) + \frac12 \|v\|^2$ should stay what it is. The leapfrog integrator
almost keeps it. One step of size $\eta$ is

$$
v \leftarrow v + \tfrac{\eta}{2} \nabla \log f(z), \qquad
z \leftarrow z + \eta\, v, \qquad
v \leftarrow v + \tfrac{\eta}{2} \nabla \log f(z),
$$

where each line uses the newest values. Take `steps` such steps of size `step_size`.

`z` and `momentum` have shape `(B, d)`. `gradient` is a function: `gradient(z)` is
$\nabla \log f(z)$, in the shape of `z`. Return both ends as one tensor,
`torch.stack([z, momentum])`, shape `(2, B, d)`.
""",
    difficulty=4,
    minutes=12,
    points=4,
    stub='''
def leapfrog(gradient, z, momentum, step_size, steps):
    """z and momentum after some steps of size step_size: (2, B, d)."""
    raise NotImplementedError("write your answer here")
''',
    reference=LEAPFROG,
    hints=[
        "Write one step first, as three lines. Then put it into a loop.",
        "The second kick uses the gradient at the *new* z.",
        "Do not change `z` and `momentum` in place: `z = z + step_size * momentum` makes a new "
        "tensor.",
    ],
    visible=[
        leapfrog_case("one step for a normal density", of_normal, [[1.0]], [[0.0]], 0.5, 1),
        leapfrog_case(
            "two wells, three steps",
            of_two_wells,
            [[0.5, -1.0], [1.5, 0.2]],
            [[1.0, 0.3], [-0.4, 0.8]],
            0.2,
            3,
        ),
        leapfrog_case(
            "many steps: the energy is almost kept",
            of_normal,
            [[1.0, 0.0]],
            [[0.0, 1.0]],
            0.1,
            60,
        ),
    ],
    hidden=[
        leapfrog_case("a batch", of_two_wells, normal(6, 4), normal(6, 4), 0.05, 10),
        leapfrog_case("float64", of_two_wells, double(3, 2), double(3, 2), 0.1, 7),
        leapfrog_case("no time passes", of_normal, normal(2, 3), normal(2, 3), 0.0, 4),
    ],
    mutants=[
        Mutant(
            changed(
                LEAPFROG,
                (
                    "        momentum = momentum + 0.5 * step_size * gradient(z)\n        z = z",
                    "        momentum = momentum + step_size * gradient(z)\n        z = z",
                ),
            ),
            "The first kick is a whole one, so that a step has one and a half kicks. Each step "
            "begins and ends with half of one.",
        ),
        Mutant(
            LEAPFROG.replace("0.5 * ", ""),
            "Both kicks are whole ones: in each step the momentum changes twice as much as it "
            "should.",
        ),
        Mutant(
            changed(
                LEAPFROG,
                (
                    "        momentum = momentum + 0.5 * step_size * gradient(z)\n    return",
                    "    return",
                ),
            ),
            "The second half of the kick is missing. The momentum falls behind, and the step "
            "cannot be run backwards.",
        ),
        Mutant(
            LEAPFROG.replace(
                "momentum + 0.5 * step_size * gradient", "momentum - 0.5 * step_size * gradient"
            ),
            "The sign of the gradient is turned: the ball rolls up. `gradient` is that of log f, "
            "and the force is *along* it, towards where the density is higher.",
        ),
        Mutant(
            changed(
                LEAPFROG,
                (
                    "        momentum = momentum + 0.5 * step_size * gradient(z)\n        z = z",
                    "        kick = step_size * gradient(z)\n        z = z",
                ),
                (
                    "momentum = momentum + 0.5 * step_size * gradient(z)\n    return",
                    "momentum = momentum + kick\n    return",
                ),
            ),
            "This is Euler's method: both lines use the values from before the step. Its energy "
            "grows from step to step, so that HMC would refuse long moves. Half a kick first, "
            "then the drift with the new momentum.",
        ),
        Mutant(
            changed(
                LEAPFROG,
                (
                    "        momentum = momentum + 0.5 * step_size * gradient(z)\n        z = z",
                    "        slope = gradient(z)\n"
                    "        momentum = momentum + 0.5 * step_size * slope\n        z = z",
                ),
                (
                    "momentum = momentum + 0.5 * step_size * gradient(z)\n    return",
                    "momentum = momentum + 0.5 * step_size * slope\n    return",
                ),
            ),
            "The second half of the kick uses the gradient from before the drift. Take it at the "
            "new z.",
        ),
        Mutant(
            changed(
                LEAPFROG,
                (
                    "        momentum = momentum + 0.5 * step_size * gradient(z)\n        z = z",
                    "        z = z",
                ),
                (
                    "0.5 * step_size * gradient(z)\n    return",
                    "step_size * gradient(z)\n    return",
                ),
            ),
            "Drift, then a whole kick: the energy stays near, but the step is not the same "
            "forwards and backwards, which HMC needs. Split the kick into halves around the drift.",
        ),
        Mutant(
            changed(
                LEAPFROG, ("z = z + step_size * momentum", "z = z + 0.5 * step_size * momentum")
            ),
            "The drift is half as long as it should be. Only the kicks are halved.",
        ),
        Mutant(
            changed(LEAPFROG, ("range(steps)", "range(steps - 1)")),
            "One step too few: `range(steps)` runs `steps` times.",
        ),
        Mutant(
            changed(LEAPFROG, ("range(steps)", "range(1)")),
            "Only one step is taken. The three lines are repeated `steps` times.",
        ),
        Mutant(
            changed(LEAPFROG, ("[z, momentum]", "[z, -momentum]")),
            "The momentum is turned round at the end. That belongs to the transition, where it "
            "makes the move its own inverse; here the motion goes on.",
        ),
        Mutant(
            changed(LEAPFROG, ("[z, momentum]", "[momentum, z]")),
            "z and momentum are exchanged in the result: z comes first.",
        ),
    ],
)
