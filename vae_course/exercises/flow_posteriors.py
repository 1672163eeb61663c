"""Exercises of the chapter "Posteriors and priors that bend"."""

import torch

from vae_course.exercises.cases import double, drawn, given, normal
from vae_course.exercises.engine import Case, Exercise, Mutant, changed

CHAPTER = "flows/posteriors"


def positive(*shape: int, dtype=torch.float32):
    """A function of a generator that draws positive numbers around one."""
    return lambda generator: normal(*shape, dtype=dtype)(generator).exp()


def log_probabilities(*shape: int, dtype=torch.float32):
    """A function of a generator that draws log-probabilities: the last axis adds up to one."""
    return lambda generator: normal(*shape, dtype=dtype)(generator).log_softmax(-1)


def choices(count: int, batch: int):
    """A function of a generator that draws one of `count` for each example."""
    return lambda generator: torch.randint(count, (batch,), generator=generator)


# 1. The ELBO of a flow posterior ------------------------------------------------------------

ELBO = """
def flow_elbo(log_likelihood, epsilon, mean, log_var, w, u, b):
    normal = torch.distributions.Normal(0.0, 1.0)
    z = mean + torch.exp(0.5 * log_var) * epsilon
    log_q = (normal.log_prob(epsilon) - 0.5 * log_var).sum(-1)
    for k in range(len(w)):
        h = torch.tanh(z @ w[k] + b[k])
        log_q = log_q - torch.log(1 + (1 - h**2) * (w[k] @ u[k]))
        z = z + h[:, None] * u[k]
    return log_likelihood + normal.log_prob(z).sum(-1) - log_q
"""
DET = "torch.log(1 + (1 - h**2) * (w[k] @ u[k]))"

flow_elbo = Exercise(
    id="flow_posteriors.flow_elbo",
    chapter=CHAPTER,
    title="The bound of a posterior that bends",
    function="flow_elbo",
    prompt=r"""
The encoder gives a Gaussian $q_0(z_0 \mid x) = \mathcal N(\mu, \mathrm{diag}\, \sigma^2)$, and $K$
planar layers bend its sample,

$$
z_0 = \mu + \sigma \odot \varepsilon, \qquad
z_k = z_{k-1} + u_k \tanh(w_k^\top z_{k-1} + b_k) .
$$

The last one is the latent: the decoder was given $z_K$, and the prior is $\mathcal N(0, I)$ at
$z_K$. The one-sample estimate of the ELBO is

$$
\begin{aligned}
&\log p(x \mid z_K) + \log p(z_K) - \log q_K(z_K \mid x), \\
&\log q_K(z_K \mid x) = \log q_0(z_0 \mid x)
- \sum_k \log \big| 1 + (1 - \tanh^2)\, w_k^\top u_k \big| .
\end{aligned}
$$

`log_likelihood` is $\log p(x \mid z_K)$, shape `(B,)`. `epsilon`, `mean` and `log_var` have shape
`(B, d)`; `w` and `u` have shape `(K, d)` and `b` `(K,)`, with $w_k^\top u_k > -1$. Return the
estimate for each example, `(B,)`, in nats.
""",
    difficulty=4,
    minutes=20,
    points=4,
    stub='''
def flow_elbo(log_likelihood, epsilon, mean, log_var, w, u, b):
    """One-sample ELBO with a planar flow posterior: (B,), nats."""
    raise NotImplementedError("write your answer here")
''',
    reference=ELBO,
    hints=[
        "Walk through the layers once. Keep z, and a number $\\log q$ for each example that starts "
        "as $\\log q_0(z_0)$ and loses each layer's log-determinant.",
        "$\\log q_0(z_0)$ is that of the noise, "
        "$\\sum_i \\log \\mathcal N(\\varepsilon_i; 0, 1)$, minus "
        "$\\sum_i \\log \\sigma_i$; and $\\log \\sigma_i$ is half of `log_var`.",
        "In layer k: `h = torch.tanh(z @ w[k] + b[k])`, shape `(B,)`. The determinant needs this "
        "h, of the point *before* the layer; then `z = z + h[:, None] * u[k]`.",
    ],
    visible=[
        Case(
            "no bend: the Gaussian's own bound",
            given(
                log_likelihood=[-3.0],
                epsilon=[[0.5, -1.0]],
                mean=[[1.0, 0.0]],
                log_var=[[-1.0, 0.5]],
                w=[[1.0, 2.0]],
                u=[[0.0, 0.0]],
                b=[0.0],
            ),
        ),
        Case(
            "one layer that stretches",
            given(
                log_likelihood=[-3.0, -1.0],
                epsilon=[[0.5, -1.0], [0.0, 2.0]],
                mean=[[1.0, 0.0], [-0.5, 0.3]],
                log_var=[[-1.0, 0.5], [0.2, -2.0]],
                w=[[1.0, 0.5]],
                u=[[0.8, 0.6]],
                b=[-0.4],
            ),
            gradients=("mean", "log_var", "u"),
        ),
        Case(
            "two layers, in their order",
            given(
                log_likelihood=[0.0],
                epsilon=[[0.3, 0.7]],
                mean=[[0.2, -0.6]],
                log_var=[[0.4, -0.8]],
                w=[[1.0, 0.5], [-0.7, 1.5]],
                u=[[0.8, 0.6], [0.9, 0.4]],
                b=[-0.4, 0.3],
            ),
            gradients=("mean", "log_var", "w", "u", "b"),
        ),
    ],
    hidden=[
        Case(
            "a larger batch, ten layers",
            drawn(
                log_likelihood=normal(16, scale=10.0),
                epsilon=normal(16, 3),
                mean=normal(16, 3),
                log_var=normal(16, 3),
                w=positive(10, 3),
                u=positive(10, 3),
                b=normal(10),
            ),
            gradients=("log_likelihood", "log_var"),
        ),
        Case(
            "float64",
            drawn(
                log_likelihood=double(4),
                epsilon=double(4, 2),
                mean=double(4, 2),
                log_var=double(4, 2),
                w=positive(3, 2, dtype=torch.float64),
                u=positive(3, 2, dtype=torch.float64),
                b=double(3),
            ),
        ),
    ],
    mutants=[
        Mutant(
            changed(ELBO, (f"log_q - {DET}", f"log_q + {DET}")),
            "The log-determinants are added to $\\log q$. A layer that stretches space thins the "
            "density out: its log-determinant is subtracted from $\\log q$, and so it is *added* "
            "to the bound.",
        ),
        Mutant(
            changed(
                ELBO,
                ("    log_q = (", "    z_0 = z\n    log_q = ("),
                ("normal.log_prob(z)", "normal.log_prob(z_0)"),
            ),
            "The prior is taken at $z_0$. The latent is $z_K$: this is what the decoder was given, "
            "and what the prior is about. $z_0$ is only a step on the way.",
        ),
        Mutant(
            changed(ELBO, (f"        log_q = log_q - {DET}\n", "")),
            "The log-determinants are missing: $\\log q_0(z_0)$ is used as if it were the density "
            "of $z_K$. The result is no bound, and the flow would learn to squeeze space for free.",
        ),
        Mutant(
            changed(
                ELBO,
                (
                    f"        log_q = log_q - {DET}\n        z = z + h[:, None] * u[k]\n",
                    "        z = z + h[:, None] * u[k]\n        h = torch.tanh(z @ w[k] + b[k])\n"
                    f"        log_q = log_q - {DET}\n",
                ),
            ),
            "The determinant of a layer is taken at the point after it. The Jacobian belongs to "
            "the point where the layer is applied, $z_{k-1}$.",
        ),
        Mutant(
            changed(ELBO, ("for k in range(len(w)):", "for k in reversed(range(len(w))):")),
            "The layers are applied in the wrong order: the first of the list is next to the "
            "Gaussian. It is the inverse that runs backwards.",
        ),
        Mutant(
            changed(
                ELBO,
                ("(normal.log_prob(epsilon) - 0.5 * log_var)", "normal.log_prob(epsilon)"),
            ),
            "$\\log q_0(z_0)$ lacks $-\\sum_i \\log \\sigma_i$. The map from ε to $z_0$ stretches "
            "space, too.",
        ),
        Mutant(
            changed(
                ELBO,
                ("torch.exp(0.5 * log_var)", "torch.exp(log_var)"),
                ("- 0.5 * log_var", "- log_var"),
            ),
            "`log_var` was used as if it were $\\log \\sigma$. It is $\\log \\sigma^2$, twice as "
            "much.",
        ),
        Mutant(
            changed(
                ELBO,
                (
                    "(normal.log_prob(epsilon) - 0.5 * log_var).sum(-1)",
                    "normal.log_prob(z).sum(-1)",
                ),
            ),
            "$q_0$ was taken to be standard normal, like the prior. It is the encoder's Gaussian, "
            "with mean μ and standard deviation σ.",
        ),
    ],
)

# 2. The density of a mixture ----------------------------------------------------------------

MIXTURE = """
def mixture_log_prob(z, logits, means, log_var):
    epsilon = (z[:, None] - means) * torch.exp(-0.5 * log_var)
    normal = torch.distributions.Normal(0.0, 1.0)
    log_parts = (normal.log_prob(epsilon) - 0.5 * log_var).sum(-1)
    return torch.logsumexp(logits.log_softmax(-1) + log_parts, -1)
"""
SUM = "torch.logsumexp(logits.log_softmax(-1) + log_parts, -1)"

mixture_log_prob = Exercise(
    id="flow_posteriors.mixture_log_prob",
    chapter=CHAPTER,
    title="A prior with many hills",
    function="mixture_log_prob",
    prompt=r"""
A mixture of $C$ diagonal Gaussians is a prior that can follow the codes of the data:

$$
\log p(z) = \log \sum_{c=1}^C \pi_c\, \mathcal N\big(z;\, m_c, \mathrm{diag}\, s_c^2\big), \qquad
\pi = \mathrm{softmax}(\text{logits}) .
$$

There is no closed form of the KL divergence to it, so the ELBO needs $\log p(z)$ at samples. Far
from all the $m_c$ every density underflows; their logarithms do not.

`z` has shape `(B, d)`, `logits` `(C,)`, and `means` and `log_var` have shape `(C, d)`, with
`log_var` $= \log s_c^2$. Return $\log p(z)$, shape `(B,)`, in nats.
""",
    difficulty=3,
    minutes=10,
    points=3,
    stub='''
def mixture_log_prob(z, logits, means, log_var):
    """log p(z) of a mixture: (B, d), (C,), (C, d), (C, d) to (B,), nats."""
    raise NotImplementedError("write your answer here")
''',
    reference=MIXTURE,
    hints=[
        "First the log-density of every z under every part, shape `(B, C)`: `z[:, None] - means` "
        "has shape `(B, C, d)`, and the sum is over the last axis.",
        "`torch.distributions.Normal(means, (0.5 * log_var).exp()).log_prob(z[:, None]).sum(-1)` "
        "gives these numbers. `logits.log_softmax(-1)` is $\\log \\pi$.",
        "$\\log \\sum_c e^{a_c}$ without underflow is `torch.logsumexp(a, -1)`, here with "
        "$a_c = \\log \\pi_c + \\log \\mathcal N_c$.",
    ],
    visible=[
        Case(
            "one part: a Gaussian",
            given(z=[[0.5, -1.0]], logits=[0.7], means=[[0.0, 1.0]], log_var=[[0.0, 1.0]]),
        ),
        Case(
            "two hills of different weight",
            given(
                z=[[0.0], [2.0], [-1.5]],
                logits=[1.0, -1.0],
                means=[[-2.0], [2.0]],
                log_var=[[0.0], [-1.0]],
            ),
            gradients=("z", "logits", "means", "log_var"),
        ),
        Case(
            "far from both",
            given(
                z=[[60.0, -60.0]],
                logits=[0.0, 0.0],
                means=[[0.0, 0.0], [1.0, -1.0]],
                log_var=[[0.0, 0.0], [0.0, 0.0]],
            ),
            gradients=("z",),
        ),
    ],
    hidden=[
        Case(
            "a larger mixture",
            drawn(z=normal(16, 4), logits=normal(10), means=normal(10, 4), log_var=normal(10, 4)),
            gradients=("z", "means"),
        ),
        Case(
            "as many parts as dimensions",
            drawn(z=normal(3, 5), logits=normal(5), means=normal(5, 5), log_var=normal(5, 5)),
        ),
        Case(
            "float64",
            drawn(z=double(4, 2), logits=double(3), means=double(3, 2), log_var=double(3, 2)),
        ),
    ],
    mutants=[
        Mutant(
            changed(MIXTURE, ("logits.log_softmax(-1)", "logits")),
            "The logits were taken as $\\log \\pi$. They need not add up to one as weights: "
            "`log_softmax` makes them do so. Without it p is not normalised, and a prior could "
            "raise its density everywhere by larger logits.",
        ),
        Mutant(
            changed(MIXTURE, (SUM, "(logits.softmax(-1) * log_parts).sum(-1)")),
            "This is the mean of the log-densities, $\\sum_c \\pi_c \\log \\mathcal N_c$. The "
            "logarithm is outside the sum; by Jensen's inequality yours is smaller, and much "
            "smaller where the hills are apart.",
        ),
        Mutant(
            changed(
                MIXTURE,
                (
                    "(normal.log_prob(epsilon) - 0.5 * log_var).sum(-1)",
                    "normal.log_prob(epsilon) - 0.5 * log_var",
                ),
                (
                    SUM,
                    "torch.logsumexp(logits.log_softmax(-1)[:, None] + log_parts, -2).sum(-1)",
                ),
            ),
            "You mix in each dimension by itself and multiply the results. All dimensions of a z "
            "come from the same part: sum over the dimensions first, and mix then.",
        ),
        Mutant(
            changed(
                MIXTURE, (SUM, "torch.log((logits.softmax(-1) * torch.exp(log_parts)).sum(-1))")
            ),
            "The densities themselves are added. Far from the hills all of them are zero in "
            "floating point, and their logarithm is minus infinity. `torch.logsumexp` takes the "
            "largest one out first.",
        ),
        Mutant(
            changed(
                MIXTURE,
                (
                    "logits.log_softmax(-1) + log_parts, -1)",
                    "log_parts, -1) - torch.tensor(float(len(logits))).log()",
                ),
            ),
            "All parts have the same weight here. Equal weights are those of a VampPrior; this "
            "mixture learns its own, by the logits.",
        ),
        Mutant(
            changed(
                MIXTURE,
                ("torch.exp(-0.5 * log_var)", "torch.exp(-log_var)"),
                ("- 0.5 * log_var)", "- log_var)"),
            ),
            "`log_var` was used as if it were $\\log s$. It is $\\log s^2$, twice as much.",
        ),
        Mutant(
            changed(
                MIXTURE, ("(normal.log_prob(epsilon) - 0.5 * log_var)", "normal.log_prob(epsilon)")
            ),
            "The log-scales are missing: each part needs $-\\sum_i \\log s_{ci}$. Without it broad "
            "hills would be as high as narrow ones.",
        ),
        Mutant(
            changed(MIXTURE, (SUM, "(logits.log_softmax(-1) + log_parts).max(-1).values")),
            "Only the likeliest part is counted. That is close where the hills are far apart; "
            "where they overlap, all of them add to the density.",
        ),
    ],
)

# 3. Two gaps --------------------------------------------------------------------------------

GAPS = """
def gaps(log_joint, family, chosen):
    q = torch.exp(family)
    elbo = (q * (log_joint[:, None] - family)).sum(-1)
    log_p = torch.logsumexp(log_joint, -1)
    best = elbo.max(-1).values
    taken = elbo.gather(-1, chosen[:, None]).squeeze(-1)
    return torch.stack([log_p - best, best - taken], -1)
"""
BOUND = "(q * (log_joint[:, None] - family)).sum(-1)"

gaps = Exercise(
    id="flow_posteriors.gaps",
    chapter=CHAPTER,
    title="Whose fault is the gap?",
    function="gaps",
    prompt=r"""
The gap between $\log p(x)$ and the ELBO has two parts. The *approximation gap* is what even the
best member of the family leaves, chosen for this $x$ alone. The *amortisation gap* is what the
encoder's choice loses on top of it:

$$
\begin{aligned}
\log p(x) - \mathrm{ELBO}(q_{\text{chosen}})
=\; &\underbrace{\log p(x) - \max_m \mathrm{ELBO}(q_m)}_{\text{approximation}} \\
&+ \underbrace{\max_m \mathrm{ELBO}(q_m) - \mathrm{ELBO}(q_{\text{chosen}})}_{\text{amortisation}} .
\end{aligned}
$$

To see both exactly, let $z$ have $S$ values, and let the family have $M$ members $q_m$.
`log_joint` has shape `(B, S)`: $\log p(x, z)$ for each of $B$ examples and each $z$. `family` has
shape `(M, S)`: $\log q_m(z)$. `chosen` has shape `(B,)`: the number of the member that the encoder
picks for each $x$. Return shape `(B, 2)`: the approximation gap, then the amortisation gap, in
nats.
""",
    difficulty=3,
    minutes=15,
    points=3,
    stub='''
def gaps(log_joint, family, chosen):
    """Both gaps, as columns: (B, S), (M, S), (B,) to (B, 2), nats."""
    raise NotImplementedError("write your answer here")
''',
    reference=GAPS,
    hints=[
        "First the ELBO of every member for every example, shape `(B, M)`: "
        "$\\sum_z q_m(z)\\, [\\log p(x, z) - \\log q_m(z)]$.",
        "`log_joint[:, None] - family` has shape `(B, M, S)`. And $\\log p(x)$ is "
        "`torch.logsumexp(log_joint, -1)`.",
        "The best member is the one with the largest ELBO for *this* example: "
        "`elbo.max(-1).values`. The chosen one: `elbo.gather(-1, chosen[:, None]).squeeze(-1)`.",
    ],
    visible=[
        Case(
            "the family has the posterior, and the encoder finds it",
            given(
                log_joint=[[-1.2039728, -2.3025851]],
                family=[[-0.2876821, -1.3862944], [-0.6931472, -0.6931472]],
                chosen=[0],
            ),
        ),
        Case(
            "the family has the posterior; the encoder misses it for the second example",
            given(
                log_joint=[[-1.2039728, -2.3025851], [-2.3025851, -1.2039728]],
                family=[[-0.2876821, -1.3862944], [-1.3862944, -0.2876821]],
                chosen=[0, 0],
            ),
        ),
        Case(
            "no member fits, and the encoder picks the worse one",
            given(
                log_joint=[[-1.0, -3.0, -1.5], [-4.0, -2.0, -2.5]],
                family=[[-0.3566749, -1.6094379, -2.3025851], [-1.0986123, -1.0986123, -1.0986123]],
                chosen=[1, 0],
            ),
            gradients=("log_joint",),
        ),
    ],
    hidden=[
        Case(
            "a larger family",
            drawn(
                log_joint=normal(12, 9, scale=2.0),
                family=log_probabilities(7, 9),
                chosen=choices(7, 12),
            ),
        ),
        Case(
            "float64",
            drawn(
                log_joint=double(5, 4),
                family=log_probabilities(6, 4, dtype=torch.float64),
                chosen=choices(6, 5),
            ),
            gradients=("log_joint", "family"),
        ),
    ],
    mutants=[
        Mutant(
            changed(GAPS, ("[log_p - best, best - taken]", "[best - taken, log_p - best]")),
            "The two columns are exchanged. The approximation gap is the family's fault: it is "
            "there even if the member is chosen for each x with all care.",
        ),
        Mutant(
            changed(GAPS, ("[log_p - best, best - taken]", "[log_p - taken, best - taken]")),
            "The first column is the whole gap. It contains the amortisation gap: measure the "
            "approximation gap from the best member, not from the chosen one.",
        ),
        Mutant(
            changed(GAPS, ("elbo.max(-1).values", "elbo[:, elbo.mean(0).argmax()]")),
            "You take the one member that is best on average, the same for all examples. Then the "
            "second column can be negative. The approximation gap asks for the best member for "
            "each x by itself.",
        ),
        Mutant(
            changed(GAPS, (BOUND, "(q * log_joint[:, None]).sum(-1)")),
            "The entropy of q is missing from the ELBO: without $-\\log q_m$ the best member would "
            "be the one that puts everything on the likeliest z.",
        ),
        Mutant(
            changed(GAPS, ("torch.logsumexp(log_joint, -1)", "log_joint.sum(-1)")),
            "$\\log p(x)$ is the logarithm of a sum over z, not the sum of the logarithms.",
        ),
        Mutant(
            changed(GAPS, (BOUND, f"{BOUND[:-8]}.mean(-1)")),
            "The mean over z was taken. The ELBO is an average under q, and the q in front already "
            "weighs the values of z: add them up.",
        ),
        Mutant(
            changed(GAPS, ("best - taken]", "taken - best]")),
            "The amortisation gap has the wrong sign. No choice is better than the best, so the "
            "gap is never negative.",
        ),
        Mutant(
            changed(GAPS, ("elbo.max(-1).values", "elbo.max()")),
            "The largest ELBO of all examples was taken. Examples differ in $\\log p(x)$; the best "
            "member is looked for within each row.",
        ),
    ],
)

# 4. A prior on the sphere -------------------------------------------------------------------

VMF = """
def vmf_kl(concentration):
    k = concentration
    rest = torch.exp(-2 * k)
    log_sinh = k + torch.log1p(-rest) - torch.log(torch.tensor(2.0, dtype=k.dtype))
    coth = (1 + rest) / (1 - rest)
    return k * coth - 1 + torch.log(k) - log_sinh
"""

vmf_kl = Exercise(
    id="flow_posteriors.vmf_kl",
    chapter=CHAPTER,
    title="The rate of a direction",
    function="vmf_kl",
    prompt=r"""
Let the latent be a direction: a point of the unit sphere in three dimensions. The posterior is a
von Mises–Fisher distribution with direction $\mu$ and concentration $\kappa > 0$ (here $\kappa$ has
nothing to do with free bits), the prior is uniform on the sphere, whose area is $4\pi$:

$$
q(z) = \frac{\kappa}{4 \pi \sinh \kappa}\, e^{\kappa\, \mu^\top z}, \qquad
p(z) = \frac{1}{4 \pi}, \qquad
\mathbb E_q[\mu^\top z] = \coth \kappa - \frac1\kappa .
$$

The KL divergence from q to p depends on $\kappa$ alone. Work it out, and write it so that large
$\kappa$ do no harm: $\sinh 100$ is beyond `float32`. (Small ones are another story: the cases have
$\kappa \ge 0.3$.)

`concentration` has shape `(B,)`. Return $\mathrm{KL}(q \| p)$, shape `(B,)`, in nats.
""",
    difficulty=3,
    minutes=15,
    points=3,
    stub='''
def vmf_kl(concentration):
    """KL(vMF || uniform) on the sphere in 3-D: (B,), in nats."""
    raise NotImplementedError("write your answer here")
''',
    reference=VMF,
    hints=[
        "$\\mathrm{KL} = \\mathbb E_q[\\log q(z) - \\log p(z)]$. The $4 \\pi$ cancel, and what is "
        "left is $\\log \\kappa - \\log \\sinh \\kappa + \\kappa\\, \\mathbb E_q[\\mu^\\top z]$.",
        "So it is $\\kappa \\coth \\kappa - 1 + \\log (\\kappa / \\sinh \\kappa)$.",
        "$\\sinh \\kappa = \\tfrac12 e^\\kappa (1 - e^{-2\\kappa})$, so $\\log \\sinh \\kappa = "
        "\\kappa + \\log(1 - e^{-2\\kappa}) - \\log 2$; and $\\coth \\kappa = "
        "(1 + e^{-2\\kappa}) / (1 - e^{-2\\kappa})$, which is `1 / torch.tanh(k)`.",
    ],
    visible=[
        Case("broad: half a nat is not reached", given(concentration=[0.5, 1.0])),
        Case("sharper", given(concentration=[2.0, 5.0, 10.0]), gradients=("concentration",)),
        Case("so sharp that sinh overflows", given(concentration=[100.0, 200.0])),
    ],
    hidden=[
        Case(
            "a batch",
            drawn(concentration=lambda g: 0.3 + 30 * torch.rand(24, generator=g)),
            gradients=("concentration",),
        ),
        Case(
            "float64",
            drawn(
                concentration=lambda g: 0.3 + 50 * torch.rand(9, generator=g, dtype=torch.float64)
            ),
            gradients=("concentration",),
        ),
        Case("very sharp", given(concentration=[1000.0, 1500.0])),
    ],
    tolerance=5e-5,  # κ - log sinh κ in float32 has lost that much at κ = 1500
    mutants=[
        Mutant(
            changed(
                VMF,
                (
                    "k + torch.log1p(-rest) - torch.log(torch.tensor(2.0, dtype=k.dtype))",
                    "torch.log(torch.sinh(k))",
                ),
            ),
            "The formula is right, but $\\sinh \\kappa$ overflows: beyond $\\kappa \\approx 89$ it "
            "is infinite in `float32`. Its logarithm is harmless; take the $e^\\kappa$ out first.",
        ),
        Mutant(
            changed(VMF, ("k * coth - 1 +", "k * coth +")),
            "The mean cosine is $\\coth \\kappa - 1/\\kappa$. Times $\\kappa$ the second part is a "
            "1, which is missing: your KL does not go to 0 for a broad q.",
        ),
        Mutant(
            changed(VMF, ("k * coth - 1 +", "k * coth - 1 - 2.5310242 +")),
            "This is $\\mathbb E_q[\\log q]$, the negative entropy. The density of the prior, "
            "$-\\log \\tfrac1{4 \\pi}$, has to be added: the $4 \\pi$ cancel.",
        ),
        Mutant(
            changed(VMF, ("k * coth - 1", "k - 1")),
            "You took the mean cosine for $1 - 1/\\kappa$, as it is for a sharp q. For a broad one "
            "$\\coth \\kappa$ is more than 1.",
        ),
        Mutant(
            changed(
                VMF,
                (
                    "return k * coth - 1 + torch.log(k) - log_sinh",
                    "return k + torch.log(k) - log_sinh",
                ),
            ),
            "This is the largest value of $\\log q - \\log p$, at $z = \\mu$. The KL is its mean "
            "under q, with the mean cosine in place of 1.",
        ),
        Mutant(
            changed(VMF, ("return ", "return -("), ("- log_sinh", "- log_sinh)")),
            "The sign is turned: a divergence is never negative.",
        ),
        Mutant(
            changed(VMF, ("(1 + rest) / (1 - rest)", "(1 - rest) / (1 + rest)")),
            "This uses $\\tanh$ where $\\coth$ belongs; they are each other's inverses. For a "
            "broad q your KL is negative.",
        ),
    ],
)
