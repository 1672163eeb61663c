"""Exercises of the chapter "Coupling and autoregressive flows"."""

import torch

from vae_course.exercises.cases import constant, double, drawn, given, normal
from vae_course.exercises.engine import Case, Exercise, Mutant, changed

CHAPTER = "flows/coupling"


def integers(least: int, most: int, count: int):
    """A function of a generator that draws degrees from least to most."""
    return lambda generator: torch.randint(least, most + 1, (count,), generator=generator)


def shuffled(count: int):
    """A function of a generator that draws the degrees 1 … count of inputs in a random order."""
    return lambda generator: torch.randperm(count, generator=generator) + 1


def strictly_lower(*shape: int, dtype=torch.float32, scale: float = 0.7):
    """A function of a generator that draws matrices with zeros on and above the diagonal."""
    draw = normal(*shape, dtype=dtype, scale=scale)
    return lambda generator: draw(generator).tril(-1)


# 1. Which weights survive -------------------------------------------------------------------

MASK = """
def made_mask(below, above, last):
    if last:
        mask = above[:, None] > below
    else:
        mask = above[:, None] >= below
    return mask.float()
"""

made_mask = Exercise(
    id="coupling.made_mask",
    chapter=CHAPTER,
    title="Which weights survive?",
    function="made_mask",
    prompt=r"""
In a MADE every unit has a degree. The input that comes $k$-th has degree $k$, and so has the
output that belongs to it. A hidden unit of degree $m$ may know the first $m$ inputs, itself
included. The output of degree $k$ may know only what comes before the $k$-th input.

`below` has shape `(I,)`: the degrees of the units that a layer of weights reads. `above` has shape
`(O,)`: the degrees of the units that it computes. `last` is true if those are the outputs. Return
the mask of the weights, shape `(O, I)`: `1.0` where a weight survives and `0.0` where it does not,
as `float32`.
""",
    difficulty=2,
    minutes=8,
    points=2,
    stub='''
def made_mask(below, above, last):
    """A layer's mask, from degrees (I,) and (O,): (O, I), zeros and ones."""
    raise NotImplementedError("write your answer here")
''',
    reference=MASK,
    hints=[
        "Two rules, one for hidden layers and one for the last. They differ in one sign only: may "
        "a unit know its own degree?",
        "`above[:, None]` has shape `(O, 1)`. Compared with `below`, of shape `(I,)`, it gives a "
        "boolean tensor of shape `(O, I)`.",
        "A hidden unit of degree 2 may read units of degrees 1 and 2; the output of degree 2 may "
        "read those of degree 1 only. `.float()` makes ones and zeros of true and false.",
    ],
    visible=[
        Case(
            "three inputs, four hidden units",
            given(below=[1, 2, 3], above=[1, 1, 2, 2], last=False),
        ),
        Case(
            "four hidden units, three outputs",
            given(below=[1, 1, 2, 2], above=[1, 2, 3], last=True),
        ),
        Case(
            "the inputs come in the order third, first, second",
            given(below=[2, 3, 1], above=[1, 2], last=False),
        ),
    ],
    hidden=[
        Case(
            "a larger layer of hidden units",
            drawn(below=integers(1, 9, 24), above=integers(1, 9, 30), last=constant(False)),
        ),
        Case(
            "many outputs, in a random order",
            drawn(below=integers(1, 9, 24), above=shuffled(10), last=constant(True)),
        ),
        Case("one input: its output knows nothing", given(below=[1, 1], above=[1], last=True)),
    ],
    mutants=[
        Mutant(
            changed(MASK, ("above[:, None] > below", "above[:, None] >= below")),
            "An output reads units of its own degree. Such a unit may know the input of that "
            "degree: the density of a feature would be told by the feature itself, and the "
            "Jacobian's formula would be wrong. The last layer needs a strict inequality.",
        ),
        Mutant(
            changed(MASK, ("above[:, None] >= below", "above[:, None] > below")),
            "Both layers are strict. Nothing is wrong with the order, but much is lost: with each "
            "hidden layer a unit knows one input less, and the input next to it never arrives.",
        ),
        Mutant(
            changed(
                MASK,
                ("above[:, None] >= below", "above[:, None] @ below"),
                ("above[:, None] > below", "above[:, None] >= below"),
                ("above[:, None] @ below", "above[:, None] > below"),
            ),
            "The strict sign and the other one are exchanged. Where may a unit know its own "
            "degree? In a hidden layer, since what it has is on its way to later outputs. At the "
            "output it may not.",
        ),
        Mutant(
            changed(
                MASK,
                ("above[:, None] > below", "above[:, None] < below"),
                ("above[:, None] >= below", "above[:, None] <= below"),
            ),
            "The inequalities point the other way: each unit reads those that come *after* it. The "
            "ordering is turned round, and the output that comes first would read everything.",
        ),
        Mutant(
            changed(
                MASK,
                ("above[:, None] > below", "above > below[:, None]"),
                ("above[:, None] >= below", "above >= below[:, None]"),
            ),
            "This is the transposed mask. A weight matrix of torch has a row for each unit that is "
            "computed, and a column for each that is read: `(O, I)`.",
        ),
        Mutant(
            changed(MASK, ("mask.float()", "mask")),
            "The mask is boolean. That would do for `torch.where`; here ones and zeros in "
            "`float32` are asked for, to multiply the weights with: `.float()`.",
        ),
    ],
)

# 2. An affine coupling layer ----------------------------------------------------------------

COUPLING = """
def affine_coupling(x, bent, s_weight, t_weight):
    stay = x * ~bent
    s = torch.tanh(stay @ s_weight.T) * bent
    t = (stay @ t_weight.T) * bent
    y = x * torch.exp(s) + t
    return torch.cat([y, s.sum(-1, keepdim=True)], -1)
"""

affine_coupling = Exercise(
    id="coupling.affine_coupling",
    chapter=CHAPTER,
    title="Some stay, the others are bent",
    function="affine_coupling",
    prompt=r"""
An affine coupling layer leaves the features $A$ as they are and bends the features $B$:

$$
y_A = x_A, \qquad y_B = x_B\, e^{s} + t, \qquad
s = \tanh(S\, x_A), \quad t = T x_A .
$$

`x` has shape `(B, n)`. `bent` is boolean, shape `(n,)`: true for the features of $B$. The network
here is only one linear map each for $s$ and $t$; to save indices, `s_weight` and `t_weight` have
shape `(n, n)`, row = output and column = input. They must be given `x` with zeros in place of the
features that are bent, and only the rows of bent features count.

Return a tensor of shape `(B, n + 1)`: $y$, and as its last column $\log |\det J|$ in nats.
""",
    difficulty=3,
    minutes=12,
    points=3,
    stub='''
def affine_coupling(x, bent, s_weight, t_weight):
    """y and, as a last column, log |det J|: (B, n) to (B, n + 1)."""
    raise NotImplementedError("write your answer here")
''',
    reference=COUPLING,
    hints=[
        "`~bent` is true for the features that stay; `x * ~bent` is `x` with zeros elsewhere.",
        "Multiply s and t by `bent`. Where both are zero, $x e^0 + 0$ leaves a feature as it is, "
        "so one formula serves all features.",
        "The Jacobian is triangular when $A$ comes first. Its diagonal is 1 for $A$ and $e^{s_i}$ "
        "for $B$, so $\\log |\\det J| = \\sum_i s_i$. Join with "
        "`torch.cat([y, log_det[:, None]], -1)`.",
    ],
    visible=[
        Case(
            "s and t are zero: the identity",
            given(
                x=[[1.0, -2.0]],
                bent=[False, True],
                s_weight=[[0.0, 0.0], [0.0, 0.0]],
                t_weight=[[0.0, 0.0], [0.0, 0.0]],
            ),
        ),
        Case(
            "two features, the second is bent",
            given(
                x=[[1.0, -2.0], [0.5, 3.0]],
                bent=[False, True],
                s_weight=[[0.3, 0.2], [0.7, 0.4]],
                t_weight=[[-0.6, 0.8], [1.5, -0.9]],
            ),
            gradients=("x",),
        ),
        Case(
            "three features, two are bent",
            given(
                x=[[0.4, 1.2, -0.7]],
                bent=[True, False, True],
                s_weight=[[0.3, 0.9, 0.2], [0.1, 0.5, 0.4], [0.6, -0.8, 0.7]],
                t_weight=[[0.2, 0.5, 0.1], [0.9, 0.3, 0.4], [0.8, 1.1, -0.5]],
            ),
            gradients=("x", "s_weight", "t_weight"),
        ),
    ],
    hidden=[
        Case(
            "a larger batch",
            drawn(
                x=normal(32, 6),
                bent=lambda generator: torch.arange(6) % 2 == 0,
                s_weight=normal(6, 6, scale=0.5),
                t_weight=normal(6, 6),
            ),
            gradients=("x", "s_weight", "t_weight"),
        ),
        Case(
            "float64",
            drawn(
                x=double(4, 5),
                bent=lambda generator: torch.arange(5) >= 2,
                s_weight=double(5, 5),
                t_weight=double(5, 5),
            ),
        ),
    ],
    mutants=[
        Mutant(
            changed(COUPLING, ("x * ~bent", "x")),
            "The network sees all features, also those that it bends. Then the map need not have "
            "an inverse, and its Jacobian is not triangular: its log-determinant is not the "
            "sum of s.",
        ),
        Mutant(
            changed(
                COUPLING,
                ("torch.tanh(stay @ s_weight.T) * bent", "torch.tanh(stay @ s_weight.T)"),
                ("(stay @ t_weight.T) * bent", "stay @ t_weight.T"),
            ),
            "The features that should stay are bent as well, by numbers that depend on themselves. "
            "Only the rows of bent features count: multiply s and t by `bent`.",
        ),
        Mutant(
            changed(
                COUPLING, ("torch.tanh(stay @ s_weight.T) * bent", "torch.tanh(stay @ s_weight.T)")
            ),
            "t is masked, but s is not: the features that should stay are still multiplied by "
            "$e^{s_i}$.",
        ),
        Mutant(
            changed(
                COUPLING,
                ("x * ~bent", "x * bent"),
                ("torch.tanh(stay @ s_weight.T) * bent", "torch.tanh(stay @ s_weight.T) * ~bent"),
                ("(stay @ t_weight.T) * bent", "(stay @ t_weight.T) * ~bent"),
            ),
            "The two groups are exchanged. `bent` is true for the features that change; the others "
            "stay, and say how.",
        ),
        Mutant(
            changed(COUPLING, ("s.sum(-1, keepdim=True)", "-s.sum(-1, keepdim=True)")),
            "The sign of the log-determinant is turned. The diagonal of the Jacobian of *this* "
            "direction is $e^{s_i}$; the minus sign belongs to the inverse.",
        ),
        Mutant(
            changed(COUPLING, ("s.sum(-1, keepdim=True)", "s.mean(-1, keepdim=True)")),
            "The mean of s was taken. A determinant is a product over all features, and its "
            "logarithm a sum.",
        ),
        Mutant(
            changed(COUPLING, ("s.sum(-1, keepdim=True)", "torch.exp(s).prod(-1, keepdim=True)")),
            "The last column is the determinant itself. Its logarithm is asked for, and a product "
            "of exponentials never needs to be formed for it: add up the s.",
        ),
        Mutant(
            changed(COUPLING, ("x * torch.exp(s) + t", "(x + t) * torch.exp(s)")),
            "You shift first and scale then. That is a coupling layer, too, but another one: the "
            "formula scales x and adds t as it is.",
        ),
        Mutant(
            changed(COUPLING, ("x * torch.exp(s) + t", "x * s + t")),
            "The scale is s instead of $e^s$. Then it may be negative or zero, where nothing can "
            "be inverted, and it is zero for the features that should stay.",
        ),
    ],
)

# 3. IAF: the density of one's own sample ----------------------------------------------------

IAF = """
def iaf_log_prob(noise, s_weights, t_weights):
    z = noise
    log_q = torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(-1)
    for s_weight, t_weight in zip(s_weights, t_weights):
        s = torch.tanh(z @ s_weight.T)
        t = z @ t_weight.T
        z = z * torch.exp(s) + t
        log_q = log_q - s.sum(-1)
        z = z.flip(-1)
    return log_q
"""
BASE = "torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(-1)"

iaf_log_prob = Exercise(
    id="coupling.iaf_log_prob",
    chapter=CHAPTER,
    title="The density of your own sample, in one pass",
    function="iaf_log_prob",
    prompt=r"""
An inverse autoregressive flow bends noise $z_0 \sim \mathcal N(0, I)$ by $K$ layers

$$
z_{k,i} = z_{k-1,i}\; e^{s_i} + t_i, \qquad
s = \tanh(S_k z_{k-1}), \quad t = T_k z_{k-1},
$$

where $S_k$ and $T_k$ have zeros on and above the diagonal: $s_i$ and $t_i$ depend on the *inputs*
before the $i$-th. After each layer the order of the features is turned round (`z.flip(-1)`), so
that the first one does not stay the first.

To ask for the density of a point from elsewhere one would have to invert this, feature by feature.
For a sample of the flow itself there is no need: its noise is known. `noise` is $z_0$, shape
`(B, d)`; `s_weights` and `t_weights` have shape `(K, d, d)`. Return $\log q(z_K)$ of the samples
made from this noise, shape `(B,)`, in nats, in one pass through each layer.
""",
    difficulty=3,
    minutes=12,
    points=3,
    stub='''
def iaf_log_prob(noise, s_weights, t_weights):
    """log q of the samples of this noise: (B, d), twice (K, d, d) to (B,)."""
    raise NotImplementedError("write your answer here")
''',
    reference=IAF,
    hints=[
        "Begin with the log-density of the noise: "
        "`torch.distributions.Normal(0.0, 1.0).log_prob(noise).sum(-1)`. Each layer changes it by "
        "its log-determinant.",
        "A layer's Jacobian is triangular with the diagonal $e^{s_i}$. What stretches space thins "
        "the density out: subtract $\\sum_i s_i$.",
        "s and t are both computed from the layer's input, `z @ s_weight.T`, before z is replaced. "
        "A flip changes no volume.",
    ],
    visible=[
        Case(
            "no layer does anything: the density of the noise",
            given(
                noise=[[0.0, 0.0], [1.0, -1.0]],
                s_weights=[[[0.0, 0.0], [0.0, 0.0]]],
                t_weights=[[[0.0, 0.0], [0.0, 0.0]]],
            ),
        ),
        Case(
            "one layer of two features",
            given(
                noise=[[0.5, -1.0], [2.0, 0.3]],
                s_weights=[[[0.0, 0.0], [0.8, 0.0]]],
                t_weights=[[[0.0, 0.0], [-1.5, 0.0]]],
            ),
            gradients=("noise", "s_weights"),
        ),
        Case(
            "two layers",
            given(
                noise=[[0.5, -1.0], [2.0, 0.3]],
                s_weights=[[[0.0, 0.0], [0.8, 0.0]], [[0.0, 0.0], [-0.4, 0.0]]],
                t_weights=[[[0.0, 0.0], [-1.5, 0.0]], [[0.0, 0.0], [0.7, 0.0]]],
            ),
            gradients=("noise", "s_weights", "t_weights"),
        ),
    ],
    hidden=[
        Case(
            "four layers, a larger batch",
            drawn(
                noise=normal(16, 5),
                s_weights=strictly_lower(4, 5, 5, scale=0.4),
                t_weights=strictly_lower(4, 5, 5),
            ),
            gradients=("s_weights",),
        ),
        Case(
            "float64",
            drawn(
                noise=double(3, 4),
                s_weights=strictly_lower(3, 4, 4, dtype=torch.float64),
                t_weights=strictly_lower(3, 4, 4, dtype=torch.float64),
            ),
        ),
    ],
    mutants=[
        Mutant(
            changed(IAF, ("log_q - s.sum(-1)", "log_q + s.sum(-1)")),
            "The sign of the log-determinant is turned. A layer that stretches space, $s > 0$, "
            "makes the density of its output smaller than that of its input.",
        ),
        Mutant(
            changed(
                IAF,
                (f"    log_q = {BASE}\n", "    log_q = 0.0\n"),
                ("return log_q", f"return log_q + {BASE}"),
            ),
            "The base density is taken at the sample $z_K$. The sample is not standard normal; the "
            "noise $z_0$ is.",
        ),
        Mutant(
            changed(
                IAF,
                ("        t = z @ t_weight.T\n", ""),
                (
                    "        z = z * torch.exp(s) + t\n",
                    "        z = z * torch.exp(s)\n        z = z + z @ t_weight.T\n",
                ),
            ),
            "t is computed from features that s has already scaled. Both are functions of the "
            "layer's input: compute s and t first, then replace z.",
        ),
        Mutant(
            changed(IAF, ("        z = z.flip(-1)\n", "")),
            "The order is not turned round between the layers. The first feature would then pass "
            "through all of them untouched, and stay Gaussian.",
        ),
        Mutant(
            changed(IAF, ("log_q - s.sum(-1)", f"{BASE.replace('(z)', '(noise)')} - s.sum(-1)")),
            "Only the last layer's log-determinant is left. Each layer adds its own.",
        ),
        Mutant(
            changed(IAF, (BASE, "-0.5 * (z**2).sum(-1)")),
            "The constant $-\\tfrac d2 \\log 2\\pi$ of the base density is missing. It has no "
            "gradient, but the value is no log-density without it.",
        ),
        Mutant(
            changed(IAF, ("log_q - s.sum(-1)", "log_q - s.exp().sum(-1)")),
            "The diagonal entries $e^{s_i}$ are added up. Their product is the determinant, and "
            "the logarithm of that is the sum of the $s_i$.",
        ),
    ],
)

# 4. MAF: one feature at a time --------------------------------------------------------------

MAF = """
def maf_sample(noise, s_weight, t_weight):
    x = torch.zeros_like(noise)
    for i in range(noise.shape[-1]):
        s = torch.tanh(x @ s_weight[i])
        t = x @ t_weight[i]
        x[:, i] = noise[:, i] * torch.exp(s) + t
    return x
"""

maf_sample = Exercise(
    id="coupling.maf_sample",
    chapter=CHAPTER,
    title="One feature after the other",
    function="maf_sample",
    prompt=r"""
A masked autoregressive flow has

$$
x_i = z_i\; e^{s_i} + t_i, \qquad s = \tanh(S x), \quad t = T x ,
$$

with zeros on and above the diagonals of $S$ and $T$: $s_i$ and $t_i$ depend on the *outputs* before
the $i$-th. From x to z that is one pass. From z to x, as a sample needs it, there is $x$ on both
sides; but the first feature depends on nothing, the second one only on the first, and so on.

`noise` is $z$, shape `(B, d)`; `s_weight` and `t_weight` have shape `(d, d)`. Return $x$, shape
`(B, d)`. No gradients are asked for.
""",
    difficulty=3,
    minutes=10,
    points=3,
    stub='''
def maf_sample(noise, s_weight, t_weight):
    """x = z exp(s(x)) + t(x), feature by feature: (B, d), twice (d, d)."""
    raise NotImplementedError("write your answer here")
''',
    reference=MAF,
    hints=[
        "Begin with `x = torch.zeros_like(noise)` and fill one column after the other. A column "
        "that is not known yet does no harm: its weight is zero.",
        "For feature i one row of each matrix is enough: `x @ s_weight[i]` has shape `(B,)`.",
        "In the loop: s and t of feature i from the columns known so far, then "
        "`x[:, i] = noise[:, i] * torch.exp(s) + t`.",
    ],
    visible=[
        Case(
            "nothing depends on anything: the noise",
            given(
                noise=[[0.5, -1.0]],
                s_weight=[[0.0, 0.0], [0.0, 0.0]],
                t_weight=[[0.0, 0.0], [0.0, 0.0]],
            ),
        ),
        Case(
            "the second feature follows the first",
            given(
                noise=[[0.5, -1.0], [2.0, 0.3]],
                s_weight=[[0.0, 0.0], [0.8, 0.0]],
                t_weight=[[0.0, 0.0], [-1.5, 0.0]],
            ),
        ),
        Case(
            "three features",
            given(
                noise=[[0.5, -1.0, 2.0], [1.0, 0.7, -0.4]],
                s_weight=[[0.0, 0.0, 0.0], [0.9, 0.0, 0.0], [-0.5, 0.7, 0.0]],
                t_weight=[[0.0, 0.0, 0.0], [1.2, 0.0, 0.0], [0.4, -1.1, 0.0]],
            ),
        ),
    ],
    hidden=[
        Case(
            "a larger batch",
            drawn(
                noise=normal(20, 6),
                s_weight=strictly_lower(6, 6, scale=0.4),
                t_weight=strictly_lower(6, 6),
            ),
        ),
        Case(
            "one feature",
            drawn(noise=normal(4, 1), s_weight=strictly_lower(1, 1), t_weight=strictly_lower(1, 1)),
        ),
        Case(
            "float64",
            drawn(
                noise=double(3, 5),
                s_weight=strictly_lower(5, 5, dtype=torch.float64),
                t_weight=strictly_lower(5, 5, dtype=torch.float64),
            ),
        ),
    ],
    mutants=[
        Mutant(
            """
def maf_sample(noise, s_weight, t_weight):
    s = torch.tanh(noise @ s_weight.T)
    t = noise @ t_weight.T
    return noise * torch.exp(s) + t
""",
            "s and t are computed from the noise, in one pass. That is an inverse autoregressive "
            "flow: quick to sample from, but another density. Here they depend on the x before.",
        ),
        Mutant(
            """
def maf_sample(noise, s_weight, t_weight):
    s = torch.tanh(noise @ s_weight.T)
    t = noise @ t_weight.T
    return (noise - t) * torch.exp(-s)
""",
            "This is the other direction, from data to noise. It takes one pass because there the "
            "x are known; to sample, the equation has to be solved for x.",
        ),
        Mutant(
            changed(MAF, ("range(noise.shape[-1])", "range(noise.shape[-1] - 1)")),
            "The loop ends one feature too early: the last column is still zero. The first feature "
            "takes a turn as well, so there are d of them.",
        ),
        Mutant(
            changed(MAF, ("range(noise.shape[-1])", "reversed(range(noise.shape[-1]))")),
            "What each feature depends on is not known when its turn comes, so s and t are zero "
            "and the noise passes unchanged. The loop has to begin with the first feature, which "
            "depends on nothing, and row i of the matrices belongs to feature i.",
        ),
        Mutant(
            changed(MAF, ("* torch.exp(s) + t", "* s + t")),
            "The scale is s instead of $e^s$. s is the logarithm of the scale: for $s = 0$ the "
            "noise passes unchanged.",
        ),
        Mutant(
            changed(MAF, ("noise[:, i] * torch.exp(s) + t", "(noise[:, i] + t) * torch.exp(s)")),
            "You shift first and scale then. The formula scales the noise and adds t as it is.",
        ),
        Mutant(
            changed(MAF, ("x @ t_weight[i]", "noise @ t_weight[i]")),
            "t is computed from the noise, s from x. Both depend on the x before.",
        ),
    ],
)
