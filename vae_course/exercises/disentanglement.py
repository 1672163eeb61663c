"""Exercises of the chapter "Disentanglement"."""

import torch

from vae_course.exercises.cases import constant, double, drawn, given, normal
from vae_course.exercises.engine import Case, Exercise, Mutant, changed

CHAPTER = "information/disentanglement"


# 1. Log q(z) from a batch -------------------------------------------------------------------

AGGREGATE = """
from math import log

def log_aggregate(log_q, dataset_size):
    log_joint = log_q.sum(-1)
    return log_joint.logsumexp(1) - log(dataset_size * len(log_q))
"""
AGGREGATED = "log_joint.logsumexp(1) - log(dataset_size * len(log_q))"

log_aggregate = Exercise(
    id="disentanglement.log_aggregate",
    chapter=CHAPTER,
    title="All the data, from one batch",
    function="log_aggregate",
    prompt=r"""
Total correlation needs $q(z) = \frac1N \sum_{n=1}^N q(z \mid x_n)$: every example of the data
set, for every $z$. A batch has $B$ of them. Minibatch-weighted sampling takes for $z_i$, which
was drawn given $x_i$,

$$
\log q(z_i) \approx \log \frac{1}{N B} \sum_{j=1}^B q(z_i \mid x_j) .
$$

Why $N B$ and not $B$? The examples $x_j$ are no fair sample: $x_i$, which $z_i$ came from, is
always among them, and most of the sum may be its term alone. In all of the data it counts for
$1/N$.

`log_q` has shape `(B, B, d)`: entry `[i, j, k]` is $\log q(z_{ik} \mid x_j)$, the log-density of
latent $k$ of $z_i$. Given an example, the latents are independent. `dataset_size` is $N$. Return
$\log q(z_i)$ for each $i$, shape `(B,)`, in nats.
""",
    difficulty=3,
    minutes=10,
    points=4,
    stub='''
def log_aggregate(log_q, dataset_size):
    """log q(z) of each z from a batch: (B, B, d) to (B,), nats."""
    raise NotImplementedError("write your answer here")
''',
    reference=AGGREGATE,
    hints=[
        "First the log-density of the whole $z_i$ given $x_j$: a product over latents, so a sum of "
        "logarithms. Its shape is `(B, B)`.",
        "Then a sum of densities over $j$, under the logarithm: `logsumexp` over the axis of the "
        "examples.",
        "Dividing by $N B$ becomes subtracting $\\log (N B)$.",
    ],
    visible=[
        Case(
            "one latent, two examples, by hand: log of (0.8 + 0.2) / (10 · 2)",
            given(
                log_q=[[[-0.22314355], [-1.6094379]], [[-1.6094379], [-0.22314355]]],
                dataset_size=10,
            ),
        ),
        Case(
            "each z is far from the others' posteriors",
            given(
                log_q=[[[1.0, 2.0], [-90.0, -60.0]], [[-70.0, -80.0], [2.0, 1.5]]],
                dataset_size=1000,
            ),
        ),
        Case(
            "a z that no example explains well",
            given(
                log_q=[[[-400.0, -600.0], [-500.0, -501.0]], [[0.5, 0.1], [-0.3, 0.2]]],
                dataset_size=100,
            ),
        ),
        Case(
            "three examples, two latents, with gradients",
            given(
                log_q=[
                    [[0.2, -0.4], [-1.0, 0.3], [-3.0, -0.2]],
                    [[-0.7, -2.0], [0.5, 0.1], [-1.2, -0.9]],
                    [[-2.0, 0.0], [-0.6, -1.1], [0.4, 0.6]],
                ],
                dataset_size=50,
            ),
            gradients=("log_q",),
        ),
    ],
    hidden=[
        Case(
            "ten latents, densities of e^−1000",
            drawn(log_q=normal(16, 16, 10, scale=100.0), dataset_size=constant(1797)),
            gradients=("log_q",),
        ),
        Case("all of the data", drawn(log_q=normal(6, 6, 3), dataset_size=constant(6))),
        Case("float64", drawn(log_q=double(5, 5, 4), dataset_size=constant(60_000))),
    ],
    mutants=[
        Mutant(
            changed(
                AGGREGATE,
                ("log_q.sum(-1)", "log_q"),
                (AGGREGATED, "(log_q.logsumexp(1) - log(dataset_size * len(log_q))).sum(-1)"),
            ),
            "The sum over latents comes last. That is $\\sum_k \\log q(z_k)$, the logarithm of the "
            "*product* of the aggregate's marginals: total correlation is the difference between "
            "the two. Sum over latents first, for each pair (i, j).",
        ),
        Mutant(
            changed(AGGREGATE, ("log(dataset_size * len(log_q))", "log(len(log_q))")),
            "You took the mean over the batch. It would be right if the $x_j$ had nothing to do "
            "with $z_i$; but $x_i$ is always one of them, and counts 1/B here, where in the data "
            "it counts 1/N.",
        ),
        Mutant(
            changed(AGGREGATE, ("log(dataset_size * len(log_q))", "log(dataset_size)")),
            "You divided by N alone. The sum has B terms, and grows with the batch.",
        ),
        Mutant(
            changed(AGGREGATE, (f"{AGGREGATED}", "log_joint.logsumexp(1)")),
            "This is the logarithm of the sum. Divide the sum by $N B$: subtract $\\log (N B)$.",
        ),
        Mutant(
            changed(AGGREGATE, ("logsumexp(1)", "logsumexp(0)")),
            "You summed over axis 0, which holds the samples z. For one sample, the sum is over "
            "the examples $x_j$, axis 1.",
        ),
        Mutant(
            changed(AGGREGATE, ("log_joint.logsumexp(1)", "log_joint.mean(1)")),
            "This is a mean of logarithms. One example far away makes it as low as you like, "
            "although its density adds nothing. Sum the densities: `logsumexp`.",
        ),
        Mutant(
            changed(AGGREGATE, ("log_joint.logsumexp(1)", "log_joint.exp().sum(1).log()")),
            "The formula is right, but not its arithmetic: `exp` of −1000 is 0, and the logarithm "
            "of 0 is −∞. `logsumexp` takes the largest term out before it exponentiates.",
        ),
        Mutant(
            changed(AGGREGATE, ("log_joint.logsumexp(1)", "log_joint.diagonal()")),
            "This takes only the example that $z_i$ came from. Then the aggregate is no mixture "
            "at all, and nothing would be left of what the examples have in common.",
        ),
        Mutant(
            changed(AGGREGATE, ("log_q.sum(-1)", "log_q.logsumexp(-1)")),
            "You added the densities of the latents. They are independent given an example, so "
            "their densities multiply, and the logarithms add.",
        ),
    ],
)

# 2. Total correlation of a Gaussian ---------------------------------------------------------

CORRELATION = """
def gaussian_total_correlation(covariance):
    variances = covariance.diagonal(dim1=-2, dim2=-1)
    return 0.5 * (variances.log().sum(-1) - covariance.logdet())
"""
DIFFERENCE = "variances.log().sum(-1) - covariance.logdet()"


def covariances(*shape: int, dtype=torch.float32, scale: float = 1.0):
    """A function of a generator that draws positive definite matrices."""

    def draw(generator):
        factor = torch.randn(*shape, shape[-1], generator=generator, dtype=dtype)
        unit = torch.eye(shape[-1], dtype=dtype)
        return scale * (0.5 * unit + factor @ factor.mT / shape[-1])

    return draw


gaussian_total_correlation = Exercise(
    id="disentanglement.gaussian_total_correlation",
    chapter=CHAPTER,
    title="What the latents know of each other",
    function="gaussian_total_correlation",
    prompt=r"""
Total correlation says how far latents are from independent: $\mathrm{TC}(z) =
\mathrm{KL}\big(q(z) \,\|\, \prod_k q(z_k)\big)$. For a Gaussian $q(z)$ with covariance $\Sigma$
it is the entropies of the single latents, minus the entropy of all together:

$$
\begin{aligned}
\mathrm{TC}(z) &= \sum_{k=1}^d H(z_k) - H(z), \\
H(z_k) &= \tfrac12 \log (2 \pi e\, \Sigma_{kk}), \qquad
H(z) = \tfrac12 \log \det (2 \pi e\, \Sigma) .
\end{aligned}
$$

`covariance` has shape `(B, d, d)`. Return TC for each matrix, shape `(B,)`, in nats. Think before
you type: what becomes of $2 \pi e$?
""",
    difficulty=2,
    minutes=8,
    points=3,
    stub='''
def gaussian_total_correlation(covariance):
    """Total correlation of Gaussians: (B, d, d) to (B,), nats."""
    raise NotImplementedError("write your answer here")
''',
    reference=CORRELATION,
    hints=[
        "$\\det(c\\, \\Sigma) = c^d \\det \\Sigma$ for a number $c$. So $2 \\pi e$ appears $d$ "
        "times in both terms, and goes.",
        "`covariance.diagonal(dim1=-2, dim2=-1)` has shape `(B, d)`: the variances.",
        "`torch.logdet` has the logarithm of the determinant of each matrix, and does not compute "
        "the determinant first.",
    ],
    visible=[
        Case("independent latents share nothing", given(covariance=[[[4.0, 0.0], [0.0, 0.25]]])),
        Case(
            "two latents with correlation 0.6: −½ log(1 − 0.36)",
            given(covariance=[[[1.0, 0.6], [0.6, 1.0]], [[4.0, 0.6], [0.6, 0.25]]]),
        ),
        Case("the same in a small unit", given(covariance=[[[1e-25, 6e-26], [6e-26, 1e-25]]])),
        Case(
            "three latents, with gradients",
            given(covariance=[[[1.0, 0.5, 0.2], [0.5, 2.0, -0.3], [0.2, -0.3, 0.5]]]),
            gradients=("covariance",),
        ),
    ],
    hidden=[
        Case("a batch", drawn(covariance=covariances(7, 5))),
        Case("sixty latents of small variance", drawn(covariance=covariances(2, 60, scale=1e-3))),
        Case("float64", drawn(covariance=covariances(3, 4, dtype=torch.float64))),
    ],
    mutants=[
        Mutant(
            changed(CORRELATION, ("0.5 * ", "")),
            "The ½ is missing: the entropy of a Gaussian is half the logarithm of its variance, "
            "plus a constant.",
        ),
        Mutant(
            changed(CORRELATION, (DIFFERENCE, "covariance.logdet() - variances.log().sum(-1)")),
            "The sign is turned. What the latents have in common is counted once in the joint "
            "entropy and more often in the sum: the sum is larger, and TC is not negative.",
        ),
        Mutant(
            changed(CORRELATION, (DIFFERENCE, "variances.sum(-1).log() - covariance.logdet()")),
            "You took the logarithm of the sum of variances. Each latent has its own entropy: take "
            "the logarithms first.",
        ),
        Mutant(
            changed(CORRELATION, ("covariance.logdet()", "covariance.det().log()")),
            "The formula is right, but not its arithmetic: the determinant of a large matrix of "
            "small variances is too small for a floating-point number. `logdet` does not need it.",
        ),
        Mutant(
            changed(CORRELATION, (DIFFERENCE, "-covariance.logdet()")),
            "The entropies of the single latents are missing. This would be right if all variances "
            "were one.",
        ),
        Mutant(
            changed(CORRELATION, (DIFFERENCE, "(variances - 1).sum(-1) - covariance.logdet()")),
            "This is the divergence of q(z) from a *standard* normal density. It also counts how "
            "far each variance is from one; total correlation compares with the product of q's own "
            "marginals.",
        ),
        Mutant(
            changed(CORRELATION, (f"({DIFFERENCE})", f"({DIFFERENCE}) / variances.shape[-1]")),
            "You divided by the number of latents. Information is summed over them.",
        ),
        Mutant(
            changed(CORRELATION, (f"({DIFFERENCE})", f"({DIFFERENCE}) / torch.tensor(2.0).log()")),
            "These are bits. Logarithms are natural in this course: the answer is in nats.",
        ),
        Mutant(
            changed(CORRELATION, (DIFFERENCE, "covariance.triu(1).square().sum((-2, -1))")),
            "This is half the sum of squared covariances. For variances of one and weak "
            "correlations TC is close to it; in general it is not, and TC does not change when a "
            "latent is measured in another unit.",
        ),
    ],
)

# 3. Permuted latents ------------------------------------------------------------------------

PERMUTE = """
def permute_dims(z, orders):
    return z.gather(0, orders)
"""


def orders(batch: int, latents: int):
    """A function of a generator that draws a permutation of the batch for each latent."""

    def draw(generator):
        columns = [torch.randperm(batch, generator=generator) for _ in range(latents)]
        return torch.stack(columns, 1)

    return draw


permute_dims = Exercise(
    id="disentanglement.permute_dims",
    chapter=CHAPTER,
    title="Break the ties",
    function="permute_dims",
    prompt=r"""
FactorVAE needs samples of $\prod_k q(z_k)$: each latent as $q(z)$ has it, but independent of
the others. It takes a batch of $z$ and shuffles it, each latent for itself. A value stays in
its column, and gets into another row; what was together in one row comes apart.

`z` has shape `(B, d)`. So that the answer is definite, the permutations are given: `orders` has
shape `(B, d)` and holds integers, and column $k$ is a permutation of $0, \dots, B - 1$. Return
the tensor of shape `(B, d)` with

$$
\text{result}[i, k] = z\big[\text{orders}[i, k],\; k\big] .
$$
""",
    difficulty=2,
    minutes=6,
    points=2,
    stub='''
def permute_dims(z, orders):
    """Each column of z in its own order: (B, d) and (B, d) to (B, d)."""
    raise NotImplementedError("write your answer here")
''',
    reference=PERMUTE,
    hints=[
        "A loop over the latents is one way: `z[orders[:, k], k]` is column k of the result.",
        "`torch.gather` does it in one call: it takes entries of `z` along one axis by their "
        "index, and leaves the other axis.",
        "Along which axis are the rows? `z.gather(0, orders)`.",
    ],
    visible=[
        Case(
            "two latents; the second is turned round",
            given(
                z=[[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]],
                orders=[[0, 2], [1, 1], [2, 0]],
            ),
        ),
        Case(
            "each latent moves on by its own number of rows",
            given(
                z=[[1.0, 10.0], [2.0, 20.0], [3.0, 30.0], [4.0, 40.0]],
                orders=[[1, 2], [2, 3], [3, 0], [0, 1]],
            ),
            gradients=("z",),
        ),
    ],
    hidden=[
        Case("a batch", drawn(z=normal(64, 10), orders=orders(64, 10)), gradients=("z",)),
        Case("as many latents as examples", drawn(z=normal(6, 6), orders=orders(6, 6))),
        Case("float64", drawn(z=double(20, 3), orders=orders(20, 3))),
    ],
    mutants=[
        Mutant(
            changed(PERMUTE, ("z.gather(0, orders)", "z[orders[:, 0]]")),
            "All latents are shuffled alike, by the first column of `orders`. Whole rows change "
            "places, and latents that belong together stay together: nothing has become "
            "independent.",
        ),
        Mutant(
            changed(PERMUTE, ("z.gather(0, orders)", "torch.zeros_like(z).scatter(0, orders, z)")),
            "This is the inverse of each permutation: `orders` says where a value comes *from*, "
            "not where it goes.",
        ),
        Mutant(
            changed(PERMUTE, ("z.gather(0, orders)", "z[orders]")),
            "Indexing with `z[orders]` takes whole rows, for each entry of `orders` one: three "
            "axes. Each entry should take the value of its own column only.",
        ),
        Mutant(
            changed(PERMUTE, ("z.gather(0, orders)", "z.gather(1, orders)")),
            "You gathered along axis 1, which holds the latents. That would put a value into "
            "another latent's column. Rows are axis 0.",
        ),
        Mutant(
            changed(PERMUTE, ("z.gather(0, orders)", "z")),
            "Nothing has moved. These are samples of q(z) itself, with all their ties.",
        ),
        Mutant(
            changed(PERMUTE, ("z.gather(0, orders)", "z.sort(0).values")),
            "You sorted each column. Each latent keeps its values, but now the large ones stand "
            "together in the last rows: the latents are tied more closely than before.",
        ),
    ],
)

# 4. Mutual information gap ------------------------------------------------------------------

GAP = """
def mutual_information_gap(information, entropies):
    best = information.sort(0, descending=True).values
    return ((best[0] - best[1]) / entropies).mean()
"""
GAPS = "(best[0] - best[1]) / entropies"

mutual_information_gap = Exercise(
    id="disentanglement.mutual_information_gap",
    chapter=CHAPTER,
    title="One latent for each factor?",
    function="mutual_information_gap",
    prompt=r"""
A factor of the pictures, say the position $x$, is well separated if one latent knows it and no
other does. The mutual information gap looks, for each of $F$ factors $v_f$, at the latent that
knows most of it and at the one that comes second:

$$
\mathrm{MIG} = \frac1F \sum_{f=1}^F \frac{I(z_{(1)}; v_f) - I(z_{(2)}; v_f)}{H(v_f)} .
$$

Dividing by the entropy of the factor makes it a number from 0 to 1 for factors with few values
and with many.

`information` has shape `(d, F)`: entry `[k, f]` is $I(z_k; v_f)$ in nats. `entropies` has shape
`(F,)`. There are at least two latents. Return a tensor of shape `()`.
""",
    difficulty=2,
    minutes=8,
    points=3,
    stub='''
def mutual_information_gap(information, entropies):
    """Lead of the best latent, mean over factors: (d, F) and (F,) to ()."""
    raise NotImplementedError("write your answer here")
''',
    reference=GAP,
    hints=[
        "For each factor, that is for each column, you need the two largest entries.",
        "`information.sort(0, descending=True).values`: row 0 has the largest of each column, "
        "row 1 the second. `topk(2, dim=0)` does it as well.",
        "Divide each factor's gap by its own entropy, and take the mean last.",
    ],
    visible=[
        Case(
            "each factor has its latent: 1",
            given(
                information=[[1.3862944, 0.0], [0.0, 0.6931472], [0.0, 0.0]],
                entropies=[1.3862944, 0.6931472],
            ),
        ),
        Case(
            "every latent is there twice: 0",
            given(
                information=[[1.0, 0.0], [1.0, 0.0], [0.0, 0.5], [0.0, 0.5]],
                entropies=[1.3862944, 0.6931472],
            ),
        ),
        Case(
            "three latents, two factors",
            given(
                information=[[0.9, 0.1], [0.2, 0.3], [0.4, 0.05]],
                entropies=[1.0986123, 0.6931472],
            ),
        ),
        Case(
            "one latent knows both factors: no penalty",
            given(
                information=[[1.0, 0.6], [0.1, 0.1], [0.0, 0.0]], entropies=[1.3862944, 0.6931472]
            ),
        ),
    ],
    hidden=[
        Case(
            "ten latents, five factors",
            drawn(
                information=lambda generator: torch.rand(10, 5, generator=generator),
                entropies=constant(torch.tensor([3, 6, 40, 32, 32]).log()),
            ),
        ),
        Case(
            "float64",
            drawn(
                information=lambda generator: torch.rand(4, 3, generator=generator).double(),
                entropies=constant(torch.tensor([3, 6, 40], dtype=torch.float64).log()),
            ),
        ),
    ],
    mutants=[
        Mutant(
            changed(
                GAP,
                ("information.sort(0", "information.sort(1"),
                (GAPS, "(best[:, 0] - best[:, 1]) / entropies.max()"),
            ),
            "The gap is taken over factors, for each latent: does a latent know only one factor? "
            "That is another question, nearer to modularity. MIG asks, for each factor, whether "
            "only one latent knows it.",
        ),
        Mutant(
            changed(GAP, (GAPS, "(best[0] - best[1])")),
            "The gaps are in nats. A factor with 40 values could then count ten times as much as "
            "one with two; divide each by the entropy of its factor.",
        ),
        Mutant(
            changed(GAP, (f"({GAPS}).mean()", "(best[0] - best[1]).mean() / entropies.mean()")),
            "You divided the mean gap by the mean entropy. Each gap is divided by the entropy of "
            "its own factor, before the mean.",
        ),
        Mutant(
            changed(GAP, (GAPS, "(best[0] - best[1]) / best[0]")),
            "You divided by the largest information instead of the entropy. A factor that no "
            "latent knows well would then still get a good score, if the second knows even less.",
        ),
        Mutant(
            changed(GAP, (GAPS, "best[0] / entropies")),
            "This is how much the best latent knows. It is 1 as well if all latents know the "
            "same; MIG subtracts the second.",
        ),
        Mutant(
            changed(GAP, (GAPS, "(best[0] - best[-1]) / entropies")),
            "You subtracted the latent that knows least. Among ten latents one almost always knows "
            "nothing; the second best is what shows a factor that is spread over two.",
        ),
        Mutant(
            changed(GAP, (GAPS, "(best[0] - best[1:].mean(0)) / entropies")),
            "You subtracted the mean of all other latents. With many latents that know nothing it "
            "is small even if the second knows as much as the first.",
        ),
        Mutant(
            changed(GAP, (".mean()", ".sum()")),
            "This is the sum over factors, up to F. MIG is their mean.",
        ),
        Mutant(
            changed(GAP, (", descending=True", "")),
            "`sort` begins with the smallest. These are the two latents that know least.",
        ),
    ],
)

# 5. Rotated latents -------------------------------------------------------------------------

ROTATE = """
def rotate(weight, mean, covariance, rotation):
    weight = weight @ rotation.mT
    mean = rotation @ mean
    covariance = rotation @ covariance @ rotation.mT
    return torch.cat([weight, mean[None], covariance])
"""


def rotations(d: int, dtype=torch.float32):
    """A function of a generator that draws an orthogonal matrix of determinant 1."""

    def draw(generator):
        q, r = torch.linalg.qr(torch.randn(d, d, generator=generator, dtype=torch.float64))
        q = q * r.diagonal().sign()
        q[:, 0] *= torch.linalg.det(q).sign()
        return q.to(dtype)

    return draw


rotate = Exercise(
    id="disentanglement.rotate",
    chapter=CHAPTER,
    title="The same model, turned",
    function="rotate",
    prompt=r"""
Nothing in $p_\theta(x)$ says along which axes the factors should lie. Take a model with $p(z) =
\mathcal N(0, I)$, a decoder with mean $W z$, and for some $x$ the posterior $q(z \mid x) =
\mathcal N(\mu, \Sigma)$. Turn its latents by a rotation $U$ ($U^\top U = I$): the twin has $z'
= U z$. Which $W'$, $\mu'$, $\Sigma'$ does it need, so that it draws the same pictures and has
the same rate, distortion and evidence for every $x$?

`weight` is $W$, shape `(n, d)`, `mean` is $\mu$, shape `(d,)`, `covariance` is $\Sigma$, shape
`(d, d)`, and `rotation` is $U$, shape `(d, d)`. Return the three below each other,
`torch.cat([weight, mean[None], covariance])`, shape `(n + 1 + d, d)`.

Then look at $\Sigma'$ in the second case. An encoder that can only give a *diagonal* covariance
cannot follow every rotation. That, and no wish for factors, is what makes a VAE prefer some axes.
""",
    difficulty=3,
    minutes=12,
    points=4,
    stub='''
def rotate(weight, mean, covariance, rotation):
    """The model whose latents are turned: W', mu' and Sigma' below each other."""
    raise NotImplementedError("write your answer here")
''',
    reference=ROTATE,
    hints=[
        "The decoder of the twin gets $z'$ and must draw what the old one drew for "
        "$z = U^{-1} z' = U^\\top z'$.",
        "If $z$ has mean $\\mu$ and covariance $\\Sigma$, what have $U z$? The second is a product "
        "of three matrices.",
        "$W' = W U^\\top$, $\\mu' = U \\mu$, $\\Sigma' = U \\Sigma U^\\top$.",
    ],
    visible=[
        Case(
            "no rotation, no change",
            given(
                weight=[[1.0, 2.0], [0.0, 1.0], [3.0, -1.0]],
                mean=[0.5, -1.0],
                covariance=[[0.25, 0.0], [0.0, 1.0]],
                rotation=[[1.0, 0.0], [0.0, 1.0]],
            ),
        ),
        Case(
            "by a certain angle: the covariance is diagonal no longer",
            given(
                weight=[[1.0, 2.0], [0.0, 1.0], [3.0, -1.0]],
                mean=[0.5, -1.0],
                covariance=[[0.25, 0.0], [0.0, 1.0]],
                rotation=[[0.8, -0.6], [0.6, 0.8]],
            ),
        ),
    ],
    hidden=[
        Case(
            "five latents",
            drawn(
                weight=normal(7, 5),
                mean=normal(5),
                covariance=lambda generator: covariances(1, 5)(generator)[0],
                rotation=rotations(5),
            ),
        ),
        Case(
            "float64",
            drawn(
                weight=double(4, 3),
                mean=double(3),
                covariance=lambda generator: covariances(1, 3, dtype=torch.float64)(generator)[0],
                rotation=rotations(3, torch.float64),
            ),
        ),
    ],
    mutants=[
        Mutant(
            changed(ROTATE, ("weight @ rotation.mT", "weight @ rotation")),
            "The decoder turns $z'$ further instead of back. It gets $z' = U z$ and has to undo "
            "the rotation first: $W U^\\top z' = W z$.",
        ),
        Mutant(
            changed(ROTATE, ("    weight = weight @ rotation.mT\n", "")),
            "The decoder is the old one. It would draw a different picture for the turned latents; "
            "the twin's has to undo the rotation.",
        ),
        Mutant(
            changed(ROTATE, ("rotation @ mean", "rotation.mT @ mean")),
            "The mean is turned the other way: $z' = U z$ has the mean $U \\mu$.",
        ),
        Mutant(
            changed(ROTATE, ("    mean = rotation @ mean\n", "")),
            "The mean stayed where it was. The twin's latents are turned, and so is their mean.",
        ),
        Mutant(
            changed(ROTATE, ("rotation @ covariance @ rotation.mT", "rotation @ covariance")),
            "Only one side of the covariance is turned. It holds products of two latents, and both "
            "turn: $U \\Sigma U^\\top$. With one side it is not even symmetric.",
        ),
        Mutant(
            changed(
                ROTATE,
                ("rotation @ covariance @ rotation.mT", "rotation.mT @ covariance @ rotation"),
            ),
            "The covariance is turned the other way: that of $U z$ is $U \\Sigma U^\\top$.",
        ),
        Mutant(
            changed(ROTATE, ("    covariance = rotation @ covariance @ rotation.mT\n", "")),
            "The covariance stayed as it was. Unless it is a multiple of the identity, it turns "
            "too.",
        ),
        Mutant(
            changed(
                ROTATE,
                (
                    "rotation @ covariance @ rotation.mT",
                    "torch.diag(torch.diag(rotation @ covariance @ rotation.mT))",
                ),
            ),
            "You kept the diagonal only. Then the twin's posterior is not the turned one: its rate "
            "is different. That a diagonal cannot follow is the point of the last paragraph; the "
            "twin asked for has the whole matrix.",
        ),
        Mutant(
            changed(
                ROTATE,
                ("weight @ rotation.mT", "weight @ rotation"),
                ("rotation @ mean", "rotation.mT @ mean"),
                ("rotation @ covariance @ rotation.mT", "rotation.mT @ covariance @ rotation"),
            ),
            "All three are turned consistently, by $U^\\top$: this is a twin with the same "
            "evidence, but one with $z' = U^\\top z$. Asked for was $z' = U z$.",
        ),
    ],
)
