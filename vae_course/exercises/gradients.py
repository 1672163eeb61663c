"""Exercises of the chapter "Gradients through samples"."""

import torch

from vae_course.exercises.cases import constant, double, drawn, given, normal
from vae_course.exercises.engine import Case, Exercise, Mutant, changed

CHAPTER = "vae/gradients"


def lower_triangular(*shape: int, dtype=torch.float32):
    """A function of a generator that draws triangular factors with a positive diagonal."""

    def draw(generator):
        square = torch.randn(*shape, shape[-1], generator=generator, dtype=dtype)
        return square.tril(-1) + torch.diag_embed((0.5 * square.diagonal(0, -2, -1)).exp())

    return draw


# 1. log q by change of variables ------------------------------------------------------------

LOG_Q = """
def log_q(epsilon, scale_tril):
    log_normal = torch.distributions.Normal(0.0, 1.0).log_prob(epsilon)
    log_diagonal = scale_tril.diagonal(dim1=-2, dim2=-1).log()
    return (log_normal - log_diagonal).sum(-1)
"""

log_q = Exercise(
    id="gradients.log_q",
    chapter=CHAPTER,
    title="The density of your own sample",
    function="log_q",
    prompt=r"""
A sample was made from noise, $z = \mu + L \varepsilon$ with $\varepsilon \sim \mathcal N(0, I)$
and a lower triangular $L$ whose diagonal is positive. What is $\log q(z)$? There is no need to
compute $z$, nor to invert anything. The map stretches space by $|\det L|$, and the density shrinks
by as much:

$$
\log q(z) = \log \mathcal N(\varepsilon;\, 0, I) - \log |\det L| .
$$

`epsilon` has shape `(K, B, d)`, `scale_tril` has shape `(B, d, d)`. The result has shape `(K, B)`:
one log-density for each sample, in nats.
""",
    difficulty=2,
    minutes=10,
    points=2,
    stub='''
def log_q(epsilon, scale_tril):
    """log q of z = mu + L epsilon: (K, B, d) and (B, d, d) to (K, B), nats."""
    raise NotImplementedError("write your answer here")
''',
    reference=LOG_Q,
    hints=[
        "The determinant of a triangular matrix is the product of its diagonal. Its logarithm is "
        "a sum.",
        "`scale_tril.diagonal(dim1=-2, dim2=-1)` has shape `(B, d)`, and broadcasts against "
        "`(K, B, d)`.",
        "Both terms are sums over $i = 1, \\dots, d$, so there is one bracket: "
        "$\\sum_i [\\log \\mathcal N(\\varepsilon_i; 0, 1) - \\log L_{ii}]$. The first is "
        "`torch.distributions.Normal(0.0, 1.0).log_prob(epsilon)`.",
    ],
    visible=[
        Case("the standard normal itself", given(epsilon=[[[0.0]]], scale_tril=[[[1.0]]])),
        Case("twice as wide, half as dense", given(epsilon=[[[0.5]]], scale_tril=[[[2.0]]])),
        Case(
            "two dimensions, three samples",
            given(
                epsilon=[[[0.3, -1.0]], [[0.0, 0.2]], [[1.5, 2.0]]],
                scale_tril=[[[0.5, 0.0], [1.2, 3.0]]],
            ),
            gradients=("scale_tril",),
        ),
    ],
    hidden=[
        Case("a larger batch", drawn(epsilon=normal(5, 7, 6), scale_tril=lower_triangular(7, 6))),
        Case(
            "float64",
            drawn(epsilon=double(2, 3, 4), scale_tril=lower_triangular(3, 4, dtype=torch.float64)),
            gradients=("epsilon", "scale_tril"),
        ),
    ],
    mutants=[
        Mutant(
            changed(LOG_Q, ("log_normal - log_diagonal", "log_normal")),
            "The determinant is missing: this is the density of ε, not of z. A map that stretches "
            "space by $|\\det L|$ thins the density out by as much.",
        ),
        Mutant(
            changed(LOG_Q, ("log_normal - log_diagonal", "log_normal + log_diagonal")),
            "The sign of the log-determinant is turned. Ask the plainest case: a Gaussian twice as "
            "wide is half as high, so $\\log q$ falls by $\\log 2$.",
        ),
        Mutant(
            changed(
                LOG_Q,
                (
                    "(log_normal - log_diagonal).sum(-1)",
                    "log_normal.sum(-1) - log_diagonal[..., -1]",
                ),
            ),
            "Only the last diagonal entry is subtracted. Written "
            "$\\sum_i \\log \\mathcal N(\\varepsilon_i; 0, 1) - \\log L_{ii}$ without a bracket, "
            "the formula invites this; both terms are inside the sum.",
        ),
        Mutant(
            changed(LOG_Q, ("log_normal - ", "log_normal - 2 * ")),
            "You subtracted $\\log \\det L L^\\top$, which is twice $\\log \\det L$. The "
            "covariance $L L^\\top$ enters the Gaussian density with a factor ½ in front.",
        ),
        Mutant(
            changed(
                LOG_Q,
                (
                    "(log_normal - log_diagonal).sum(-1)",
                    "log_normal.sum(-1) - log_diagonal.exp().prod(-1)",
                ),
            ),
            "The determinant itself is subtracted. In the logarithm of a density it is the "
            "logarithm of the determinant that is needed.",
        ),
        Mutant(
            changed(
                LOG_Q,
                ("torch.distributions.Normal(0.0, 1.0).log_prob(epsilon)", "-0.5 * epsilon**2"),
            ),
            "The constant $-\\tfrac{d}{2} \\log 2\\pi$ is missing. It has no gradient, so training "
            "would not notice; a bound in nats, and every comparison with another model, would.",
        ),
        Mutant(
            changed(
                LOG_Q,
                ("torch.distributions.Normal(0.0, 1.0).log_prob(epsilon)", "-0.5 * epsilon**2"),
                (".sum(-1)", ".sum(-1) - 0.9189385332"),
            ),
            "The constant $-\\tfrac12 \\log 2\\pi$ is there once. Each of the $d$ dimensions has "
            "one.",
        ),
        Mutant(
            changed(LOG_Q, (".sum(-1)", ".mean(-1)")),
            "You took the mean over dimensions. Densities of independent coordinates multiply, so "
            "their logarithms add.",
        ),
    ],
)

# 2. One-sample ELBO, pathwise ---------------------------------------------------------------

PATHWISE = """
def pathwise_elbo(x, weight, mean, log_sigma, epsilon):
    sigma = log_sigma.exp()
    z = mean + sigma * epsilon
    log_likelihood = torch.distributions.Normal(z @ weight.T, 1.0).log_prob(x).sum(-1)
    rate = 0.5 * (mean**2 + sigma**2 - 1 - 2 * log_sigma).sum(-1)
    return log_likelihood - rate
"""

pathwise_elbo = Exercise(
    id="gradients.pathwise_elbo",
    chapter=CHAPTER,
    title="One sample, and a gradient for everything",
    function="pathwise_elbo",
    prompt=r"""
The smallest VAE has a linear decoder: $p(z) = \mathcal N(0, I)$ and
$p_\theta(x \mid z) = \mathcal N(x;\, W z, I)$. For
$q_\phi(z \mid x) = \mathcal N(\mu, \operatorname{diag} \sigma^2)$ and noise $\varepsilon$, write
the estimate of the bound from one sample,

$$
\log p_\theta(x \mid z) - \mathrm{KL}\big(q_\phi(z \mid x) \,\|\, p(z)\big),
\qquad z = \mu + \sigma \varepsilon ,
$$

with the divergence in closed form. Its derivative must be an unbiased estimate of the gradient of
the ELBO, by $\theta$ and by $\phi$.

`x` has shape `(B, n)`, `weight` ($W$) has shape `(n, d)`; `mean`, `log_sigma` and `epsilon` have
shape `(B, d)`. Mind the name: it is $\log \sigma$, not $\log \sigma^2$. The result has shape
`(B,)`, in nats.
""",
    difficulty=2,
    minutes=12,
    points=3,
    stub='''
def pathwise_elbo(x, weight, mean, log_sigma, epsilon):
    """log p(x|z) - KL(q || N(0, I)) at z = mu + sigma epsilon, nats: (B,)."""
    raise NotImplementedError("write your answer here")
''',
    reference=PATHWISE,
    hints=[
        "For a batch of rows, $W z$ is `z @ weight.T`, of shape `(B, n)`.",
        "`torch.distributions.Normal(m, 1.0).log_prob(x)` is the log-density of each dimension "
        "of $x$. Sum over the $n$ of them.",
        "With `sigma = log_sigma.exp()`, the rate is `0.5 * (mean**2 + sigma**2 - 1 - "
        "2 * log_sigma).sum(-1)`. It depends on φ, so it has a gradient of its own.",
    ],
    visible=[
        Case(
            "one dimension, no noise",
            given(x=[[1.0]], weight=[[2.0]], mean=[[0.5]], log_sigma=[[-0.5]], epsilon=[[0.0]]),
        ),
        Case(
            "two examples, with gradients",
            given(
                x=[[1.0, -0.5, 2.0], [0.3, 0.8, -1.0]],
                weight=[[1.0, 0.5], [-0.4, 0.2], [0.0, 1.5]],
                mean=[[0.5, -1.0], [0.2, 0.7]],
                log_sigma=[[-0.5, 0.3], [0.4, -1.0]],
                epsilon=[[0.6, -1.1], [1.4, 0.3]],
            ),
            gradients=("weight", "mean", "log_sigma"),
        ),
    ],
    hidden=[
        Case(
            "a larger batch",
            drawn(
                x=normal(16, 8),
                weight=normal(8, 3),
                mean=normal(16, 3),
                log_sigma=normal(16, 3, scale=0.5),
                epsilon=normal(16, 3),
            ),
            gradients=("weight", "mean", "log_sigma"),
        ),
        Case(
            "float64",
            drawn(
                x=double(4, 5),
                weight=double(5, 2),
                mean=double(4, 2),
                log_sigma=double(4, 2),
                epsilon=double(4, 2),
            ),
            gradients=("weight", "mean", "log_sigma"),
        ),
    ],
    mutants=[
        Mutant(
            changed(PATHWISE, ("log_likelihood - rate", "log_likelihood")),
            "The KL term is missing. It does not contain $z$, but it contains φ: without its "
            "gradient, training leaves the true posterior even when it starts there.",
        ),
        Mutant(
            changed(PATHWISE, ("log_likelihood - rate", "log_likelihood - rate.detach()")),
            "The value is right, but the KL term is detached, so its gradient is missing. The rate "
            "depends on φ through μ and σ, and must pull them towards the prior.",
        ),
        Mutant(
            changed(
                PATHWISE,
                ("log_sigma.exp()", "(0.5 * log_sigma).exp()"),
                ("2 * log_sigma", "log_sigma"),
            ),
            "You read `log_sigma` as $\\log \\sigma^2$. Both conventions are common, and mixing "
            "them trains another model without any error. Here `log_sigma.exp()` is σ.",
        ),
        Mutant(
            changed(PATHWISE, ("2 * log_sigma", "log_sigma")),
            "The sample is right, but the rate subtracts $\\log \\sigma$ where it needs "
            "$\\log \\sigma^2 = 2 \\log \\sigma$. At μ = 0, σ = 1 its gradient by "
            "$\\log \\sigma$ must be 0.",
        ),
        Mutant(
            changed(PATHWISE, ("mean + sigma * epsilon", "(mean + sigma * epsilon).detach()")),
            "The sample is cut off from μ and σ (`detach`, or `.sample()` instead of "
            "`.rsample()`). The distortion then teaches the encoder nothing.",
        ),
        Mutant(
            changed(PATHWISE, ("mean + sigma * epsilon", "mean + sigma.detach() * epsilon")),
            "μ learns from the distortion, σ does not: it is detached in the sample. Only the "
            "prior would say how wide $q$ should be.",
        ),
        Mutant(
            changed(PATHWISE, ("log_likelihood - rate", "log_likelihood + rate")),
            "The rate is added. It is a price, so it is subtracted; with this sign $q$ is rewarded "
            "for leaving the prior.",
        ),
        Mutant(
            changed(
                PATHWISE,
                (
                    "torch.distributions.Normal(z @ weight.T, 1.0).log_prob(x).sum(-1)",
                    "-0.5 * ((x - z @ weight.T) ** 2).sum(-1)",
                ),
            ),
            "The constant $-\\tfrac n2 \\log 2\\pi$ of the likelihood is missing. Gradients do not "
            "notice; the value in nats is wrong.",
        ),
        Mutant(
            changed(PATHWISE, ("mean + sigma * epsilon", "mean + 0 * sigma * epsilon")),
            "The decoder sees the mean instead of a sample. The price of uncertainty disappears "
            "from the distortion, and σ grows to 1.",
        ),
    ],
)

# 3. Score function with a leave-one-out baseline --------------------------------------------

LEAVE_ONE_OUT = """
def leave_one_out(log_prob, values):
    samples = len(values)
    baseline = (values.sum(0) - values) / (samples - 1)
    advantage = (values - baseline).detach()
    return (advantage * log_prob + values).mean(0)
"""

leave_one_out = Exercise(
    id="gradients.leave_one_out",
    chapter=CHAPTER,
    title="A baseline that does not look at its own sample",
    function="leave_one_out",
    prompt=r"""
What if $f$ cannot be differentiated by $z$? The score function needs only
$\nabla_\phi \log q_\phi(z)$, and a baseline $b$ makes it less noisy. Of K samples, the others give
a good baseline for each one:

$$
b_k = \frac{1}{K - 1} \sum_{j \ne k} f(z_j), \qquad
S = \frac1K \sum_{k=1}^{K} \Big( \lfloor f(z_k) - b_k \rfloor \, \log q_\phi(z_k) + f(z_k) \Big) .
$$

What stands in $\lfloor\;\rfloor$ is a number: no gradient passes. The derivative of the surrogate
$S$ is the estimate of $\nabla_\phi \mathbb E_{q_\phi}[f]$. Its last term is there because $f$ may
contain φ, as in the ELBO.

`log_prob` and `values` have shape `(K, B)`, $K \ge 2$, and both carry gradients. The result is $S$,
shape `(B,)`.
""",
    difficulty=3,
    minutes=12,
    points=4,
    stub='''
def leave_one_out(log_prob, values):
    """Surrogate whose gradient estimates that of E f: (K, B) twice to (B,)."""
    raise NotImplementedError("write your answer here")
''',
    reference=LEAVE_ONE_OUT,
    hints=[
        "All K baselines at once: the sum over the others is the sum over all, minus one's own.",
        "`(values.sum(0) - values) / (K - 1)` has shape `(K, B)`.",
        "Detach the difference $f - b$, not $\\log q$. The second term, $f(z_k)$, keeps its "
        "gradient. The mean is over axis 0.",
    ],
    visible=[
        Case(
            "two samples: each is the other's baseline",
            given(log_prob=[[-1.0], [-2.0]], values=[[3.0], [5.0]]),
            gradients=("log_prob", "values"),
        ),
        Case(
            "three samples, two examples",
            given(
                log_prob=[[-1.0, -0.3], [-2.0, -1.2], [-0.5, -3.0]],
                values=[[3.0, -1.0], [5.0, 2.0], [4.5, 0.4]],
            ),
            gradients=("log_prob", "values"),
        ),
    ],
    hidden=[
        Case(
            "many samples",
            drawn(log_prob=normal(50, 4), values=normal(50, 4, scale=10.0)),
            gradients=("log_prob", "values"),
        ),
        Case(
            "float64",
            drawn(log_prob=double(4, 3), values=double(4, 3)),
            gradients=("log_prob", "values"),
        ),
        Case(
            "a constant f has no score term",
            drawn(log_prob=normal(6, 3), values=constant(torch.full((6, 3), 7.0))),
            gradients=("log_prob", "values"),
        ),
    ],
    mutants=[
        Mutant(
            changed(
                LEAVE_ONE_OUT,
                ("(values.sum(0) - values) / (samples - 1)", "values.mean(0)"),
            ),
            "The baseline is the mean of all K values, its own among them. Then it depends on "
            "$z_k$, and the estimate is biased: every gradient is too short by the factor "
            "$(K - 1)/K$, a half at $K = 2$.",
        ),
        Mutant(
            changed(LEAVE_ONE_OUT, ("/ (samples - 1)", "/ samples")),
            "The sum over the others has $K - 1$ terms, but is divided by K. The estimate stays "
            "unbiased, yet a constant $f$ no longer gives zero: the baseline is too small.",
        ),
        Mutant(
            changed(LEAVE_ONE_OUT, ("(values - baseline).detach()", "values.detach()")),
            "There is no baseline: this is plain REINFORCE. It is unbiased, and its variance grows "
            "with the square of any constant that is added to $f$.",
        ),
        Mutant(
            changed(LEAVE_ONE_OUT, ("(values - baseline).detach()", "(values - baseline)")),
            "The difference $f - b$ is not detached, so $f$ gets a second gradient, weighted by "
            "$\\log q$. Where $f$ contains φ, as in the ELBO, the estimate is wrong.",
        ),
        Mutant(
            changed(LEAVE_ONE_OUT, ("(values - baseline)", "(baseline - values)")),
            "The sign is turned: the better a sample is, the less probable it becomes.",
        ),
        Mutant(
            changed(LEAVE_ONE_OUT, ("(values - baseline)", "(values + baseline)")),
            "The baseline is added. It is still unbiased, because the score has mean zero, but the "
            "variance grows instead of shrinking.",
        ),
        Mutant(
            changed(LEAVE_ONE_OUT, (".mean(0)", ".sum(0)")),
            "You summed over the samples. The average is estimated, so divide by K; otherwise the "
            "step grows with the number of samples.",
        ),
        Mutant(
            changed(LEAVE_ONE_OUT, ("advantage * log_prob + values", "advantage * log_prob")),
            "The last term, $f(z_k)$ with its gradient, is missing. It is zero only where $f$ does "
            "not contain φ; the integrand of the ELBO, and the decoder's parameters, need it.",
        ),
        Mutant(
            changed(
                LEAVE_ONE_OUT,
                (
                    "advantage * log_prob + values).mean(0)",
                    "advantage * log_prob.exp() + values).mean(0)",
                ),
            ),
            "The score is the gradient of $\\log q$, not of $q$: the samples are already drawn "
            "from $q$, which provides the factor $q$.",
        ),
    ],
)

# 4. Straight-through Gumbel-softmax ---------------------------------------------------------

STRAIGHT = """
def straight_through(logits, gumbel, temperature):
    soft = ((logits + gumbel) / temperature).softmax(-1)
    hard = torch.nn.functional.one_hot(soft.argmax(-1), logits.shape[-1]).to(soft)
    return hard + soft - soft.detach()
"""

straight_through = Exercise(
    id="gradients.straight_through",
    chapter=CHAPTER,
    title="Choose one, and pretend otherwise",
    function="straight_through",
    prompt=r"""
A category cannot be moved by a little, so no path leads through it. Gumbel noise makes the draw a
function of the logits, the index of the largest $\ell_m + g_m$. A softmax with temperature $T$
makes it smooth,

$$
y = \operatorname{softmax}\big((\ell + g) / T\big) .
$$

The straight-through estimator uses both. Forward, it gives the one-hot vector of the largest entry.
Backward, it gives the gradient of $y$. The estimate is biased, but the network that follows sees
a real category.

`logits` and `gumbel` have shape `(B, M)`, `temperature` is a positive number. The result has shape
`(B, M)`: zeros and one 1 in each row, with the gradient of $y$.
""",
    difficulty=3,
    minutes=10,
    points=3,
    stub='''
def straight_through(logits, gumbel, temperature):
    """One-hot draws with the gradient of the softmax: (B, M) twice to (B, M)."""
    raise NotImplementedError("write your answer here")
''',
    reference=STRAIGHT,
    hints=[
        "Make both: `soft` by a softmax, `hard` by `torch.nn.functional.one_hot(...)` of its "
        "`argmax`. Give `hard` the dtype of `soft`.",
        "Which expression has the value of `hard` and the gradient of `soft`? Add something whose "
        "value is zero and whose gradient is not.",
        "`soft - soft.detach()` is zero, and has the gradient of `soft`.",
    ],
    visible=[
        Case(
            "one draw among three",
            given(logits=[[0.0, 1.0, -1.0]], gumbel=[[0.3, 0.1, 2.5]], temperature=0.7),
            gradients=("logits",),
        ),
        Case(
            "two rows, a low temperature",
            given(
                logits=[[0.5, 0.2, 0.0], [-1.0, 0.4, 0.6]],
                gumbel=[[-0.4, 0.9, 0.8], [1.1, -0.2, 0.3]],
                temperature=0.5,
            ),
            gradients=("logits",),
        ),
    ],
    hidden=[
        Case(
            "a larger batch",
            drawn(logits=normal(9, 6), gumbel=normal(9, 6), temperature=constant(1.5)),
            gradients=("logits",),
        ),
        Case(
            "float64",
            drawn(logits=double(4, 5), gumbel=double(4, 5), temperature=constant(0.8)),
            gradients=("logits",),
        ),
    ],
    mutants=[
        Mutant(
            changed(STRAIGHT, ("hard + soft - soft.detach()", "soft")),
            "This is the relaxation $y$ itself, a mixture of categories. Forward, a one-hot vector "
            "is asked for; only the gradient comes from $y$.",
        ),
        Mutant(
            changed(STRAIGHT, ("hard + soft - soft.detach()", "hard")),
            "Forward it is right, but `argmax` has no gradient: nothing reaches the logits.",
        ),
        Mutant(
            changed(STRAIGHT, ("hard + soft - soft.detach()", "hard - soft + soft.detach()")),
            "The value is right, and the gradient has the wrong sign: the training would go "
            "uphill where it should go downhill.",
        ),
        Mutant(
            changed(STRAIGHT, ("hard + soft - soft.detach()", "hard + logits - logits.detach()")),
            "The gradient passes straight to the logits, as if the softmax were not there. Other "
            "estimators of this name do that; here the gradient of $y$ is asked for.",
        ),
        Mutant(
            changed(STRAIGHT, ("(logits + gumbel) / temperature", "logits / temperature")),
            "The noise is missing: the largest logit is chosen every time, and nothing is drawn.",
        ),
        Mutant(
            changed(
                STRAIGHT, ("(logits + gumbel) / temperature", "(logits + gumbel) * temperature")
            ),
            "You multiplied by the temperature. A low temperature must sharpen the softmax, so "
            "divide by it.",
        ),
        Mutant(
            changed(STRAIGHT, ("(logits + gumbel) / temperature", "logits / temperature + gumbel")),
            "Only the logits are divided by the temperature. Then the draw is from another "
            "distribution than softmax(logits); noise and logits are scaled together.",
        ),
        Mutant(
            changed(STRAIGHT, ("soft.argmax(-1)", "logits.argmax(-1)")),
            "The category is the one with the largest logit, the gradient that of the noisy "
            "softmax. Both must come from the same noise.",
        ),
    ],
)

# 5. Implicit reparameterisation of a mixture ------------------------------------------------

MIXTURE = """
def implicit_mixture(z, logits, mean, log_sigma):
    weights = logits.softmax(-1)
    components = torch.distributions.Normal(mean, log_sigma.exp())
    cdf = (weights * components.cdf(z[:, None])).sum(-1)
    density = (weights * components.log_prob(z[:, None]).exp()).sum(-1)
    return z - (cdf - cdf.detach()) / density.detach()
"""

implicit_mixture = Exercise(
    id="gradients.implicit_mixture",
    chapter=CHAPTER,
    title="A gradient for the weights of a mixture",
    function="implicit_mixture",
    prompt=r"""
Which component a sample of a mixture came from is a discrete choice. How can the weights get a
pathwise gradient? In one dimension, hold the quantile fixed: if φ moves, $z$ moves so that
$F_\phi(z)$ stays what it is. Differentiating $F_\phi(z_\phi) = u$ gives

$$
\frac{\partial z}{\partial \phi} = - \frac{\partial F_\phi(z) / \partial \phi}{q_\phi(z)} ,
\qquad q_\phi(z) = \sum_m \pi_m \, \mathcal N(z;\, \mu_m, \sigma_m^2) ,
$$

where $F_\phi$ is the distribution function of the mixture and $\pi = \operatorname{softmax}(\ell)$.
The samples `z`, shape `(B,)`, are given and carry no gradient. `logits` ($\ell$), `mean` and
`log_sigma` have shape `(M,)`. Return the same numbers, shape `(B,)`, with this gradient.
""",
    difficulty=4,
    minutes=20,
    points=5,
    stub='''
def implicit_mixture(z, logits, mean, log_sigma):
    """The samples z with implicit gradients: (B,), (M,), (M,), (M,) to (B,)."""
    raise NotImplementedError("write your answer here")
''',
    reference=MIXTURE,
    hints=[
        "The distribution function of a mixture is the mixture of the distribution functions. "
        "`torch.distributions.Normal(mean, sigma)` has `.cdf`, and autograd knows its derivative.",
        "Something whose value is zero and whose gradient is $\\partial F / \\partial \\phi$: "
        "`cdf - cdf.detach()`.",
        "Return `z - (cdf - cdf.detach()) / density.detach()`. Here `density` is that of the whole "
        "mixture at $z$.",
    ],
    visible=[
        Case(
            "one component: z = μ + σε again",
            given(z=[0.3, -1.2], logits=[0.0], mean=[0.5], log_sigma=[-0.4]),
            gradients=("mean", "log_sigma"),
        ),
        Case(
            "two components",
            given(z=[-1.0, 0.2, 1.7], logits=[0.4, -0.3], mean=[-1.0, 1.5], log_sigma=[-0.5, 0.1]),
            gradients=("logits", "mean", "log_sigma"),
        ),
    ],
    hidden=[
        Case(
            "four components",
            drawn(z=normal(12), logits=normal(4), mean=normal(4), log_sigma=normal(4, scale=0.3)),
            gradients=("logits", "mean", "log_sigma"),
        ),
        Case(
            "float64",
            drawn(z=double(6), logits=double(3), mean=double(3), log_sigma=double(3)),
            gradients=("logits", "mean", "log_sigma"),
        ),
    ],
    mutants=[
        Mutant(
            changed(MIXTURE, ("z - (cdf", "z + (cdf")),
            "The minus sign is missing. If φ raises $F$ at $z$, the sample must move to the left "
            "to stay at its quantile. With one component, $\\partial z / \\partial \\mu$ must be "
            "+1.",
        ),
        Mutant(
            changed(MIXTURE, (" / density.detach()", "")),
            "The division by $q(z)$ is missing. $\\partial F / \\partial \\phi$ is a change of "
            "probability; dividing by the density turns it into a distance.",
        ),
        Mutant(
            changed(MIXTURE, ("(cdf - cdf.detach())", "cdf")),
            "The samples have moved: $F$ itself is subtracted. What is added must have the value "
            "zero and only the gradient of $F$: `cdf - cdf.detach()`.",
        ),
        Mutant(
            changed(
                MIXTURE,
                (
                    "z - (cdf - cdf.detach()) / density.detach()",
                    "(weights * (mean + log_sigma.exp() * ((z[:, None] - mean) "
                    "/ log_sigma.exp()).detach())).sum(-1)",
                ),
            ),
            "You averaged the paths of the components with the weights π. A sample is moved by the "
            "component that it probably came from: its share is "
            "$\\pi_m \\mathcal N(z; \\mu_m, \\sigma_m^2) / q(z)$. And the weights "
            "get the gradient 0.",
        ),
        Mutant(
            changed(MIXTURE, ("logits.softmax(-1)", "logits.softmax(-1).detach()")),
            "Means and widths learn, the weights do not: they are detached. The gradient of the "
            "weights is what this formula is for.",
        ),
        Mutant(
            changed(
                MIXTURE,
                (
                    "components.log_prob(z[:, None]).exp()",
                    "(components.log_prob(z[:, None]) + log_sigma).exp()",
                ),
            ),
            "The density lacks the factor $1/\\sigma_m$ of each component. With one component of "
            "width σ, every gradient comes out too small by the factor σ.",
        ),
        Mutant(
            changed(
                MIXTURE,
                (
                    "(weights * components.log_prob(z[:, None]).exp()).sum(-1)",
                    "components.log_prob(z[:, None]).exp().mean(-1)",
                ),
            ),
            "The density weighs all components alike. It must be that of the same mixture as $F$, "
            "with the weights π.",
        ),
        Mutant(
            changed(
                MIXTURE,
                (
                    "(cdf - cdf.detach()) / density.detach()",
                    "(density - density.detach()) / density.detach()",
                ),
            ),
            "You differentiated the density where the distribution function is needed. It is the "
            "quantile, $F(z)$, that is held fixed.",
        ),
    ],
)
