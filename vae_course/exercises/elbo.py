"""Exercises of the chapter "The evidence lower bound"."""

import torch

from vae_course.exercises.cases import constant, double, drawn, given, normal
from vae_course.exercises.engine import Case, Exercise, Mutant, changed

CHAPTER = "vae/elbo"


def probabilities(*shape: int, dtype=torch.float32):
    """A function of a generator that draws distributions over the last axis."""
    return lambda generator: torch.randn(shape, generator=generator, dtype=dtype).softmax(-1)


# 1. KL of two discrete distributions --------------------------------------------------------

KL = """
def discrete_kl(q, p):
    return (torch.xlogy(q, q) - torch.xlogy(q, p)).sum(-1)
"""

kl_of_discrete = Exercise(
    id="elbo.kl_of_discrete",
    chapter=CHAPTER,
    title="A divergence with zeros in it",
    function="discrete_kl",
    prompt=r"""
How different are two distributions over the same $M$ states? Write

$$
\mathrm{KL}(q \,\|\, p) = \sum_{z=1}^{M} q(z) \log \frac{q(z)}{p(z)}
$$

in nats. States may have probability zero. Where $q(z) = 0$, the term is 0, which is its limit.
Where $q(z) > 0$ but $p(z) = 0$, the divergence is infinite: $p$ calls impossible what $q$ does.

`q` and `p` have shape `(B, M)`, with rows that sum to one. The result has shape `(B,)`.
""",
    difficulty=1,
    minutes=8,
    points=2,
    stub='''
def discrete_kl(q, p):
    """KL(q || p) of each pair of rows, nats: (B, M) twice to (B,)."""
    raise NotImplementedError("write your answer here")
''',
    reference=KL,
    hints=[
        "The average is taken under $q$, and $q$ is also in the numerator.",
        "In floating-point numbers, `0 * torch.log(0)` is nan. `torch.xlogy(a, b)` is "
        "$a \\log b$ with $0 \\log b = 0$.",
        "Split the logarithm: `torch.xlogy(q, q)` minus `torch.xlogy(q, p)`, then sum over the "
        "last axis. The infinity comes by itself.",
    ],
    visible=[
        Case("the same distribution twice", given(q=[[0.2, 0.8]], p=[[0.2, 0.8]])),
        Case(
            "two pairs, all states possible",
            given(q=[[0.5, 0.5], [0.1, 0.9]], p=[[0.9, 0.1], [0.3, 0.7]]),
        ),
        Case(
            "a state that q never visits",
            given(q=[[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]], p=[[0.25, 0.5, 0.25], [0.5, 0.5, 0.0]]),
        ),
        Case(
            "a state that p calls impossible",
            given(q=[[0.5, 0.5], [0.0, 1.0]], p=[[1.0, 0.0], [0.5, 0.5]]),
        ),
    ],
    hidden=[
        Case("64 pairs, 10 states", drawn(q=probabilities(64, 10), p=probabilities(64, 10))),
        Case(
            "float64",
            drawn(
                q=probabilities(5, 4, dtype=torch.float64),
                p=probabilities(5, 4, dtype=torch.float64),
            ),
        ),
    ],
    mutants=[
        Mutant(
            changed(
                KL,
                ("torch.xlogy(q, q) - torch.xlogy(q, p)", "torch.xlogy(p, p) - torch.xlogy(p, q)"),
            ),
            "This is the other direction, $\\mathrm{KL}(p \\| q)$. The distribution that comes "
            "first is the one under which the average is taken.",
        ),
        Mutant(
            changed(
                KL,
                (
                    "(torch.xlogy(q, q) - torch.xlogy(q, p))",
                    "(torch.xlogy(q, q) - torch.xlogy(q, p) + torch.xlogy(p, p)"
                    " - torch.xlogy(p, q))",
                ),
            ),
            "You added both directions. That sum is symmetric and has a name (Jeffreys "
            "divergence), but it is not KL: the bound needs the average under $q$ alone.",
        ),
        Mutant(
            changed(KL, ("torch.xlogy(q, q) - torch.xlogy(q, p)", "q * (q / p).log()")),
            "The formula is right, but `0 * log(0)` is nan in floating-point numbers. The limit "
            "is 0: use `torch.xlogy`.",
        ),
        Mutant(
            changed(KL, ("torch.xlogy(q, p))", "torch.xlogy(q, p.clamp(min=1e-8)))")),
            "A small constant under the logarithm keeps the result finite, and wrong. A state "
            "that $q$ visits and $p$ excludes makes the divergence infinite; a clamp reports "
            "whatever the constant says.",
        ),
        Mutant(
            changed(KL, (".sum(-1)", ".sum(-1) / torch.log(torch.tensor(2.0, dtype=q.dtype))")),
            "This is in bits: the logarithm has base 2. The course counts in nats, with the "
            "natural logarithm; one bit is 0.693 nats.",
        ),
        Mutant(
            changed(KL, ("torch.xlogy(q, q) - torch.xlogy(q, p)", "-torch.xlogy(q, p)")),
            "This is the cross-entropy $-\\sum q \\log p$. It is not zero for two equal "
            "distributions: the entropy of $q$ has to be taken off.",
        ),
        Mutant(
            changed(KL, (".sum(-1)", ".mean(-1)")),
            "You divided by the number of states. The weights of the average are $q(z)$ already, "
            "so the terms are summed.",
        ),
        Mutant(
            changed(
                KL,
                ("torch.xlogy(q, q) - torch.xlogy(q, p)", "torch.xlogy(q, p) - torch.xlogy(q, q)"),
            ),
            "The sign is turned: $q$ belongs in the numerator. A divergence is never negative.",
        ),
        Mutant(
            changed(KL, (".sum(-1)", ".sum()")),
            "You summed over the pairs too. Return one number for each row.",
        ),
    ],
)

# 2. The bound of a model with discrete latents ----------------------------------------------

ELBO = """
def elbo_by_enumeration(q, log_joint):
    return (q * log_joint - torch.xlogy(q, q)).sum(-1)
"""

elbo_by_enumeration = Exercise(
    id="elbo.elbo_by_enumeration",
    chapter=CHAPTER,
    title="A bound without any sampling",
    function="elbo_by_enumeration",
    prompt=r"""
If $z$ has only $M$ states, every expectation is a sum, and the bound needs no samples. You are
given $q(z \mid x)$ and the logarithm of the joint, $\log p(x, z)$, for each state. Write

$$
\mathcal L(x) = \mathbb E_{q(z \mid x)}\big[\log p(x, z) - \log q(z \mid x)\big] .
$$

`q` and `log_joint` have shape `(B, M)`; some entries of `q` may be zero. The result has shape
`(B,)`. Compare it afterwards with the evidence, `log_joint.logsumexp(-1)`: it is never larger.
""",
    difficulty=2,
    minutes=8,
    points=3,
    stub='''
def elbo_by_enumeration(q, log_joint):
    """E_q[log p(x, z) - log q(z|x)] of each row, nats: (B, M) twice to (B,)."""
    raise NotImplementedError("write your answer here")
''',
    reference=ELBO,
    hints=[
        "An expectation under $q$ is a sum over states, each weighted with its `q`.",
        "There are two terms: the average of `log_joint`, and the entropy "
        "$-\\sum q \\log q$, which is added.",
        "`torch.xlogy(q, q)` is $q \\log q$, also where $q = 0$.",
    ],
    visible=[
        Case(
            "certain of one state: the joint of that state",
            given(q=[[0.0, 1.0, 0.0]], log_joint=[[-1.0, -2.0, -3.0]]),
        ),
        Case(
            "the posterior itself: the evidence, log 0.5",
            given(q=[[0.2, 0.8]], log_joint=[[-2.302585, -0.916291]]),
        ),
        Case(
            "two examples, with gradients",
            given(
                q=[[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]],
                log_joint=[[-1.0, -0.5, -3.0], [-7.0, -2.0, -4.0]],
            ),
            gradients=("log_joint",),
        ),
    ],
    hidden=[
        Case("32 examples, 12 states", drawn(q=probabilities(32, 12), log_joint=normal(32, 12))),
        Case(
            "log-joints of hundreds of nats",
            drawn(q=probabilities(4, 6), log_joint=normal(4, 6, scale=300.0)),
        ),
        Case(
            "float64",
            drawn(q=probabilities(3, 5, dtype=torch.float64), log_joint=double(3, 5)),
            gradients=("q", "log_joint"),
        ),
    ],
    mutants=[
        Mutant(
            changed(ELBO, (" - torch.xlogy(q, q)", "")),
            "The entropy of $q$ is missing. Without it the best $q$ puts everything on the state "
            "with the largest joint, and the bound is not tight at the posterior.",
        ),
        Mutant(
            changed(ELBO, ("- torch.xlogy", "+ torch.xlogy")),
            "The entropy has the wrong sign. $-\\log q$ is on average positive: the bound rewards "
            "a $q$ that stays spread out. With this sign it would punish it.",
        ),
        Mutant(
            changed(ELBO, ("return (", "return -(")),
            "This is the negative of the bound, the loss that one minimises. Asked for is the "
            "bound.",
        ),
        Mutant(
            changed(ELBO, ("q * log_joint", "q * log_joint.log_softmax(-1)")),
            "You normalised the joint over $z$, which makes it the posterior. The result is then "
            "$-\\mathrm{KL}(q \\| p(z \\mid x))$: the gap, with the evidence lost.",
        ),
        Mutant(
            changed(ELBO, ("    return", "    q = q.softmax(-1)\n    return")),
            "`q` is a distribution already; a softmax on top makes another one, flatter, of it.",
        ),
        Mutant(
            changed(
                ELBO, ("(q * log_joint - torch.xlogy(q, q)).sum(-1)", "log_joint.logsumexp(-1)")
            ),
            "This is the evidence itself, $\\log \\sum_z p(x, z)$. It does not depend on $q$. The "
            "bound has the logarithm inside the expectation, not outside.",
        ),
        Mutant(
            changed(
                ELBO,
                (
                    "(q * log_joint - torch.xlogy(q, q)).sum(-1)",
                    "(q * log_joint.exp()).sum(-1).log() - torch.xlogy(q, q).sum(-1)",
                ),
            ),
            "The logarithm is outside the expectation: $\\log \\mathbb E_q[p(x, z)]$ is not "
            "$\\mathbb E_q[\\log p(x, z)]$. Jensen's inequality is the difference.",
        ),
        Mutant(
            changed(ELBO, ("torch.xlogy(q, q)", "q * q.log()")),
            "The formula is right, but `0 * log(0)` is nan in floating-point numbers. "
            "`torch.xlogy(q, q)` is 0 there.",
        ),
        Mutant(
            changed(
                ELBO,
                (
                    "(q * log_joint - torch.xlogy(q, q)).sum(-1)",
                    "(log_joint - torch.xlogy(q, q)).sum(-1)",
                ),
            ),
            "The log-joint is summed over the states without the weights `q`. Both terms are "
            "averages under $q$.",
        ),
        Mutant(
            changed(ELBO, (".sum(-1)", ".mean(-1)")),
            "You divided by the number of states. The weights `q` add up to one already: sum.",
        ),
        Mutant(
            changed(ELBO, (".sum(-1)", ".sum(-1).detach()")),
            "The values are right, but nothing can be learnt from them: the result is cut off "
            "from the graph.",
        ),
    ],
)

# 3. The gap in closed form ------------------------------------------------------------------

GAP = """
def elbo_gap(x, mean, log_var, weight, noise_var):
    posterior_var = 1 / (1 + weight**2 / noise_var)
    posterior_mean = posterior_var * weight * x / noise_var
    ratio = log_var.exp() / posterior_var
    distance = (mean - posterior_mean) ** 2 / posterior_var
    return 0.5 * (ratio - 1 - ratio.log() + distance)
"""

gap = Exercise(
    id="elbo.gap",
    chapter=CHAPTER,
    title="How far below the evidence?",
    function="elbo_gap",
    prompt=r"""
In the linear-Gaussian model

$$
z \sim \mathcal N(0, 1), \qquad x \mid z \sim \mathcal N(w z, \sigma^2)
$$

with one latent and one observed dimension, everything is known. Completing the square in
$\log p(x, z)$ gives the posterior

$$
p(z \mid x) = \mathcal N(m, v), \qquad \frac1v = 1 + \frac{w^2}{\sigma^2}, \qquad
m = v\, \frac{w x}{\sigma^2} .
$$

An encoder answers $q = \mathcal N(\mu, e^{r})$. By how many nats is its ELBO below $\log p(x)$?

`x`, `mean` ($\mu$) and `log_var` ($r$) have shape `(B,)`; `weight` ($w$) and `noise_var`
($\sigma^2$) are numbers. The result has shape `(B,)`. Gradients must reach `mean` and `log_var`.
""",
    difficulty=3,
    minutes=12,
    points=4,
    stub='''
def elbo_gap(x, mean, log_var, weight, noise_var):
    """log p(x) - ELBO of q = N(mean, exp(log_var)), nats: shape (B,)."""
    raise NotImplementedError("write your answer here")
''',
    reference=GAP,
    hints=[
        "You need neither the evidence nor the ELBO: their difference is a divergence. Between "
        "which two distributions, and in which direction?",
        "The gap is $\\mathrm{KL}(q \\,\\|\\, p(z \\mid x))$, between two Gaussians, of which "
        "neither is the prior.",
        "$\\mathrm{KL}(\\mathcal N(\\mu, s) \\| \\mathcal N(m, v)) = \\tfrac12 \\big(s/v - 1 - "
        "\\log(s/v) + (\\mu - m)^2/v\\big)$ with variances $s = e^r$ and $v$.",
    ],
    visible=[
        Case(
            "the exact posterior: no gap",
            given(x=[2.0], mean=[1.0], log_var=[-0.6931472], weight=1.0, noise_var=1.0),
        ),
        Case(
            "an encoder that always answers the prior",
            given(x=[2.0, -1.0], mean=[0.0, 0.0], log_var=[0.0, 0.0], weight=1.5, noise_var=0.5),
        ),
        Case(
            "three examples, with gradients",
            given(
                x=[0.5, -2.0, 3.0],
                mean=[1.0, 0.3, -0.2],
                log_var=[-1.0, 0.4, 0.7],
                weight=-0.8,
                noise_var=0.3,
            ),
            gradients=("mean", "log_var"),
        ),
    ],
    hidden=[
        Case(
            "128 examples",
            drawn(
                x=normal(128, scale=2.0),
                mean=normal(128),
                log_var=normal(128),
                weight=constant(1.3),
                noise_var=constant(2.0),
            ),
        ),
        Case(
            "a decoder that ignores z",
            drawn(
                x=normal(4),
                mean=normal(4),
                log_var=normal(4),
                weight=constant(0.0),
                noise_var=constant(0.7),
            ),
        ),
        Case(
            "float64",
            drawn(
                x=double(6),
                mean=double(6),
                log_var=double(6),
                weight=constant(2.1),
                noise_var=constant(0.4),
            ),
            gradients=("mean", "log_var"),
        ),
    ],
    mutants=[
        Mutant(
            changed(
                GAP,
                ("posterior_var = 1 / (1 + weight**2 / noise_var)", "posterior_var = 1.0"),
                ("posterior_mean = posterior_var * weight * x / noise_var", "posterior_mean = 0.0"),
            ),
            "This is the divergence from the prior: the rate. It is part of the ELBO. The gap is "
            "the divergence from the *posterior*.",
        ),
        Mutant(
            changed(
                GAP,
                ("log_var.exp() / posterior_var", "posterior_var / log_var.exp()"),
                ("** 2 / posterior_var", "** 2 / log_var.exp()"),
            ),
            "This is the other direction, $\\mathrm{KL}(p(z \\mid x) \\| q)$. The ELBO averages "
            "under $q$, and so does its gap.",
        ),
        Mutant(
            changed(GAP, ("log_var.exp() / posterior_var", "(2 * log_var).exp() / posterior_var")),
            "You read `log_var` as log σ. Here $r$ is the logarithm of the variance of $q$.",
        ),
        Mutant(
            changed(
                GAP, ("log_var.exp() / posterior_var", "(0.5 * log_var).exp() / posterior_var")
            ),
            "The ratio is one of variances; `(0.5 * log_var).exp()` is a standard deviation.",
        ),
        Mutant(
            changed(
                GAP, ("    posterior_var =", "    noise_var = noise_var**2\n    posterior_var =")
            ),
            "You squared the noise. `noise_var` is $\\sigma^2$ already.",
        ),
        Mutant(
            changed(GAP, ("1 / (1 + weight**2 / noise_var)", "noise_var / weight**2")),
            "The prior is missing in the posterior's precision: it contributes the 1 in "
            "$1 + w^2 / \\sigma^2$. Without it the posterior is wider than the prior when the "
            "decoder says little, and for $w = 0$ it has no finite width.",
        ),
        Mutant(
            changed(GAP, ("posterior_var * weight * x / noise_var", "x / weight")),
            "$x / w$ is the $z$ that explains $x$ without noise. The posterior mean is pulled "
            "from there towards the prior's mean, 0.",
        ),
        Mutant(
            changed(GAP, ("** 2 / posterior_var", "** 2")),
            "The squared distance of the means must be divided by the posterior's variance: in "
            "a narrow posterior the same error costs more.",
        ),
        Mutant(
            changed(GAP, ("0.5 * (ratio", "(ratio")),
            "The factor ½ is missing; it comes from the exponent of the Gaussian.",
        ),
        Mutant(
            changed(GAP, ("- ratio.log()", "+ ratio.log()")),
            "The logarithm has the wrong sign: then the gap would be smallest for a $q$ that "
            "shrinks to a point, and negative on the way.",
        ),
        Mutant(
            changed(GAP, ("0.5 * (ratio", "-0.5 * (ratio")),
            "The sign is turned. The evidence is above the ELBO, so the gap is never negative.",
        ),
    ],
)

# 4. The bound of a data set from a batch ----------------------------------------------------

BATCH = """
def minibatch_elbo(log_likelihood, rate, total):
    per_example = log_likelihood.sum(-1) - rate.sum(-1)
    return total / len(per_example) * per_example.sum()
"""

minibatch_elbo = Exercise(
    id="elbo.minibatch_elbo",
    chapter=CHAPTER,
    title="A data set seen through a batch",
    function="minibatch_elbo",
    prompt=r"""
The bound of a data set is the sum of the bounds of its $N$ examples. You can look at only $B$ of
them, drawn at random. Write the unbiased estimate of the sum from the batch.

`log_likelihood` has shape `(B, n)`: $\log p(x_i \mid z)$ for each of $n$ pixels. `rate` has shape
`(B, d)`: the divergence of each of $d$ latent dimensions. `total` is $N$. The result is one
number, a tensor of shape `()`.
""",
    difficulty=2,
    minutes=8,
    points=3,
    stub='''
def minibatch_elbo(log_likelihood, rate, total):
    """The ELBO of `total` examples, from a batch: (B, n), (B, d) to ()."""
    raise NotImplementedError("write your answer here")
''',
    reference=BATCH,
    hints=[
        "First make one number of each example. What happens to pixels, and what to latent "
        "dimensions?",
        "Both are summed. Then: if the whole data set were the batch, what would be left to do?",
        "A batch of $B$ examples stands for $N$: multiply the sum over the batch by $N / B$.",
    ],
    visible=[
        Case(
            "the batch is the whole data set: a plain sum",
            given(
                log_likelihood=[[-1.0, -2.0], [-0.5, -0.25]],
                rate=[[0.5, 0.25, 0.0], [1.0, 0.0, 0.125]],
                total=2,
            ),
        ),
        Case(
            "two of ten examples",
            given(
                log_likelihood=[[-1.0, -2.0], [-0.5, -0.25]],
                rate=[[0.5, 0.25, 0.0], [1.0, 0.0, 0.125]],
                total=10,
            ),
            gradients=("log_likelihood", "rate"),
        ),
    ],
    hidden=[
        Case(
            "32 of 60,000 images",
            drawn(
                log_likelihood=lambda g: -torch.rand(32, 784, generator=g),
                rate=lambda g: torch.rand(32, 16, generator=g),
                total=constant(60_000),
            ),
        ),
        Case(
            "a batch of one, float64",
            drawn(log_likelihood=double(1, 5), rate=double(1, 2), total=constant(7)),
            gradients=("log_likelihood", "rate"),
        ),
    ],
    mutants=[
        Mutant(
            changed(BATCH, ("total / len(per_example) * per_example.sum()", "per_example.sum()")),
            "This is the bound of the batch, not of the data set: the factor $N/B$ is missing. "
            "Whoever adds a prior over the weights, or compares two batch sizes, then weighs "
            "the data wrongly.",
        ),
        Mutant(
            changed(BATCH, ("total / len(per_example) * per_example.sum()", "per_example.mean()")),
            "This is the mean bound of an example. It is the better number to print, and it "
            "estimates the data set's bound divided by $N$. Asked for is the sum.",
        ),
        Mutant(
            changed(BATCH, ("total / len(per_example)", "total")),
            "You multiplied the *sum* over the batch by $N$. That counts every example $B$ times "
            "too often: divide by $B$.",
        ),
        Mutant(
            changed(BATCH, ("total / len(per_example)", "len(per_example) / total")),
            "The factor is turned over. A small batch stands for many examples, so it is "
            "scaled up: $N / B$.",
        ),
        Mutant(
            changed(
                BATCH,
                ("log_likelihood.sum(-1) - rate.sum(-1)", "log_likelihood.sum(-1)"),
                ("per_example.sum()", "per_example.sum() - rate.sum()"),
            ),
            "Only the likelihood is scaled up. That is right for a latent variable which all "
            "examples share, such as the weights of a Bayesian network. Here every example has "
            "its own $z$ and pays its own rate, so both terms are scaled.",
        ),
        Mutant(
            changed(BATCH, ("log_likelihood.sum(-1)", "log_likelihood.mean(-1)")),
            "The log-likelihood is averaged over pixels, the rate is summed over latents. That "
            "multiplies the weight of the rate by the number of pixels.",
        ),
        Mutant(
            changed(BATCH, ("rate.sum(-1)", "rate.mean(-1)")),
            "The rate is averaged over latent dimensions. They are independent given $x$: their "
            "divergences add up.",
        ),
        Mutant(
            changed(BATCH, (".sum(-1) - rate", ".sum(-1) + rate")),
            "The rate is added. It is a price: subtract it from the log-likelihood.",
        ),
        Mutant(
            changed(BATCH, ("return total", "return -total")),
            "This is the loss, the negative of what is asked for.",
        ),
    ],
)

# 5. EM is coordinate ascent on the bound ----------------------------------------------------

EM = """
def em_step(x, means, log_weights):
    log_joint = log_weights - 0.5 * (x[:, None] - means) ** 2
    q = log_joint.softmax(-1)
    return (q * x[:, None]).sum(0) / q.sum(0)
"""

em_step = Exercise(
    id="elbo.em_step",
    chapter=CHAPTER,
    title="EM is ascent on the bound",
    function="em_step",
    prompt=r"""
A mixture of $M$ Gaussians with unit variance is a latent-variable model: $z$ says which component,
$p(z = k) = \pi_k$ and $p(x \mid z = k) = \mathcal N(c_k, 1)$. Its bound over all data is

$$
\mathcal L(q, c) = \sum_{i=1}^{N} \sum_{k=1}^{M} q_{ik}
\big[\log \pi_k + \log \mathcal N(x_i; c_k, 1) - \log q_{ik}\big] .
$$

Climb it one coordinate at a time. First choose the best $q$ while $c$ stands still; then the best
$c$ while that $q$ stands still. Return the new means.

`x` has shape `(N,)`, `means` ($c$) and `log_weights` ($\log \pi$) have shape `(M,)`. The result has
shape `(M,)`. Points may be 100 standard deviations away from every mean.
""",
    difficulty=4,
    minutes=20,
    points=5,
    stub='''
def em_step(x, means, log_weights):
    """The means after one step in q, one in them: (N,), (M,), (M,) to (M,)."""
    raise NotImplementedError("write your answer here")
''',
    reference=EM,
    hints=[
        "For fixed means the bound is largest where its gap is zero. Which $q$ is that?",
        "The posterior is the joint, normalised over the components. In logarithms that is a "
        "softmax, over the axis of the components; it also keeps far points finite.",
        "For fixed $q$ only $-\\tfrac12 \\sum_i q_{ik} (x_i - c_k)^2$ depends on $c_k$. Set its "
        "derivative to zero: a weighted mean of the data.",
    ],
    visible=[
        Case(
            "two clear clusters",
            given(
                x=[-5.0, -4.0, 4.0, 6.0], means=[-1.0, 1.0], log_weights=[-0.6931472, -0.6931472]
            ),
        ),
        Case(
            "overlapping components of different weight",
            given(
                x=[-1.0, -0.3, 0.2, 0.9, 2.0],
                means=[-0.5, 0.6, 1.5],
                log_weights=[-0.3566749, -1.6094379, -2.3025851],
            ),
        ),
        Case(
            "a point far away",
            given(x=[0.0, 1.0, 150.0], means=[0.0, 2.0], log_weights=[-0.6931472, -0.6931472]),
        ),
    ],
    hidden=[
        Case(
            "200 points, 5 components",
            drawn(
                x=normal(200, scale=3.0),
                means=normal(5, scale=2.0),
                log_weights=lambda g: torch.randn(5, generator=g).log_softmax(-1),
            ),
        ),
        Case(
            "float64",
            drawn(
                x=double(30),
                means=double(3),
                log_weights=lambda g: torch.randn(3, generator=g, dtype=torch.float64).log_softmax(
                    -1
                ),
            ),
        ),
    ],
    mutants=[
        Mutant(
            changed(EM, ("log_weights - 0.5", "-0.5")),
            "The weights of the components are forgotten: this is the likelihood, normalised. "
            "The posterior has the prior in it, here $\\pi_k$.",
        ),
        Mutant(
            changed(
                EM, ("    return", "    q = (q == q.amax(-1, keepdim=True)).to(q)\n    return")
            ),
            "Each point is given wholly to its best component. That is k-means: the best $q$ "
            "among those without doubt. The bound also has the entropy of $q$, and its maximum "
            "is the posterior.",
        ),
        Mutant(
            changed(EM, ("log_joint.softmax(-1)", "log_joint.exp()")),
            "The rows of $q$ do not add up to one: this is the joint as it is, or normalised over "
            "the data. Points far from all components then hardly count. Each point has a "
            "distribution over components, so normalise over the last axis.",
        ),
        Mutant(
            changed(
                EM,
                (
                    "log_joint.softmax(-1)",
                    "log_joint.exp() / log_joint.exp().sum(-1, keepdim=True)",
                ),
            ),
            "The formula is right, but far from every mean `exp` gives 0, and 0 / 0 is nan. Stay "
            "in logarithms: `softmax` subtracts the largest first.",
        ),
        Mutant(
            changed(EM, ("/ q.sum(0)", "/ len(x)")),
            "You divided by the number of points. The weights of component $k$ add up to "
            "$\\sum_i q_{ik}$, which is what makes it a weighted mean.",
        ),
        Mutant(
            changed(EM, ("- 0.5 *", "-")),
            "The ½ of the Gaussian's exponent is missing. Then components have variance ½, and "
            "$q$ is too sure of itself.",
        ),
        Mutant(
            changed(EM, ("- 0.5 *", "+ 0.5 *")),
            "The sign of the squared distance is turned: points would belong to the component "
            "that is farthest away.",
        ),
        Mutant(
            changed(EM, ("** 2\n", "** 2\n    log_joint = log_weights.expand_as(log_joint)\n")),
            "$q$ is the prior: every point is divided in the same way, and all means become the "
            "mean of the data. The posterior depends on $x$.",
        ),
    ],
)
