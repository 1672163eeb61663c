"""Exercises of the chapter "Building a VAE"."""

import torch

from vae_course.exercises.cases import binary, constant, double, drawn, given, normal
from vae_course.exercises.engine import Case, Exercise, Mutant, changed

CHAPTER = "vae/building-a-vae"


# 1. Gaussian KL -----------------------------------------------------------------------------

KL = """
def gaussian_kl(mean, log_var):
    return 0.5 * (mean**2 + log_var.exp() - 1 - log_var).sum(-1)
"""

gaussian_kl = Exercise(
    id="vae.gaussian_kl",
    chapter=CHAPTER,
    title="The price of a latent",
    function="gaussian_kl",
    prompt=r"""
How many nats does it cost to send $z$? The encoder gives a mean $\mu$ and a log-variance
$r = \log \sigma^2$ for each of $d$ latent dimensions. Write the rate of each example,

$$
\mathrm{KL}\big(\mathcal N(\mu, \operatorname{diag} e^r) \,\|\, \mathcal N(0, I)\big)
= \sum_{j=1}^d \tfrac12 \big(\mu_j^2 + e^{r_j} - 1 - r_j\big).
$$

`mean` and `log_var` have shape `(B, d)`. The result has shape `(B,)`: one number for each example.
""",
    difficulty=1,
    minutes=5,
    points=2,
    stub='''
def gaussian_kl(mean, log_var):
    """KL from N(mean, exp(log_var)) to N(0, I), nats: (B, d) twice to (B,)."""
    raise NotImplementedError("write your answer here")
''',
    reference=KL,
    hints=[
        "First write the bracket: it has shape `(B, d)`. Which operation leaves `(B,)`?",
        "`log_var` is $r$. The variance is `log_var.exp()`; no σ is needed.",
        "Dimensions are independent, so their divergences add: `.sum(-1)`. The mean over the "
        "batch is for the caller.",
    ],
    visible=[
        Case(
            "the prior itself costs nothing",
            given(mean=[[0.0, 0.0, 0.0]] * 2, log_var=[[0.0, 0.0, 0.0]] * 2),
        ),
        Case("one dimension", given(mean=[[1.0], [-2.0]], log_var=[[0.5], [-1.0]])),
        Case(
            "two examples, three dimensions",
            given(
                mean=[[0.5, -1.0, 2.0], [0.0, 0.3, -0.7]],
                log_var=[[-1.0, 0.2, 0.4], [0.9, -2.0, 0.0]],
            ),
            gradients=("mean", "log_var"),
        ),
    ],
    hidden=[
        Case("a larger batch", drawn(mean=normal(64, 16), log_var=normal(64, 16))),
        Case(
            "float64",
            drawn(mean=double(5, 3), log_var=double(5, 3)),
        ),
        Case(
            "very small variances",
            drawn(mean=normal(4, 7), log_var=constant(torch.full((4, 7), -30.0))),
        ),
    ],
    mutants=[
        Mutant(
            changed(KL, ("log_var.exp() - 1 - log_var", "(2 * log_var).exp() - 1 - 2 * log_var")),
            "You read `log_var` as log σ. Here $r = \\log \\sigma^2$, so the variance is "
            "`log_var.exp()` without a 2. Papers use both conventions; mixing them trains a "
            "different model without any error.",
        ),
        Mutant(
            changed(KL, ("log_var.exp()", "(2 * log_var).exp()")),
            "Two conventions are mixed: the variance is computed as if the input were log σ, the "
            "last term as if it were log σ². With `log_var` the variance is `log_var.exp()`.",
        ),
        Mutant(
            changed(KL, ("log_var.exp()", "(0.5 * log_var).exp()")),
            "`(0.5 * log_var).exp()` is the standard deviation σ. The formula has the variance σ², "
            "which is `log_var.exp()`.",
        ),
        Mutant(
            changed(KL, ("0.5 * ", "")),
            "The factor ½ is missing: it comes from the exponent $-z^2/2$ of the Gaussian. Without "
            "it you train with β = 2.",
        ),
        Mutant(
            changed(KL, (".sum(-1)", ".mean(-1)")),
            "You took the mean over latent dimensions. Divergences of independent dimensions add "
            "up. Dividing by $d$ is the same as training with β = 1/d.",
        ),
        Mutant(
            changed(KL, (".sum(-1)", ".sum()")),
            "You summed over the batch too. Sum over dimensions only, `.sum(-1)`, so that one "
            "number is left for each example; the mean over the batch is taken by the caller.",
        ),
        Mutant(
            changed(KL, (".sum(-1)", ".sum(-1).mean()")),
            "The sum over dimensions is right; the mean over the batch comes too early. Return one "
            "number for each example.",
        ),
        Mutant(
            changed(KL, (".sum(-1)", ".sum(0)")),
            "You summed over axis 0, which is the batch. Latent dimensions are on the last axis: "
            "`.sum(-1)`.",
        ),
        Mutant(
            changed(KL, (".sum(-1)", "")),
            "This is the divergence of each dimension by itself. They are independent, so the "
            "divergence of an example is the sum over the last axis.",
        ),
        Mutant(
            changed(KL, ("- log_var)", "+ log_var)")),
            "The sign of $r$ is turned. A wide posterior (large $r$) already pays through $e^r$; "
            "the term $-r$ is what keeps σ from shrinking to zero.",
        ),
        Mutant(
            changed(KL, (" - 1", "")),
            "The −1 is missing. A divergence is zero when the two distributions are the same: try "
            "mean 0 and log-variance 0.",
        ),
        Mutant(
            changed(KL, ("0.5 * ", "-0.5 * ")),
            "The sign is turned: a KL divergence is never negative. Code that starts with −½ has "
            "$1 + r - \\mu^2 - e^r$ in the bracket.",
        ),
        Mutant(
            changed(KL, ("mean**2", "mean")),
            "The mean is not squared. A mean of −1 must cost as much as a mean of 1.",
        ),
        Mutant(
            changed(
                KL,
                (
                    "mean**2 + log_var.exp() - 1 - log_var",
                    "(mean**2 + 1) / log_var.exp() - 1 + log_var",
                ),
            ),
            "This is the other direction, KL(prior ‖ posterior). The rate is KL(posterior "
            "‖ prior): "
            "the expectation is taken under $q$.",
        ),
        Mutant(
            changed(KL, (".sum(-1)", ".sum(-1).detach()")),
            "The values are right, but the result is cut off from the graph (`detach`, `.item()`, "
            "`.data` or `no_grad`), so the encoder would learn nothing from it.",
        ),
    ],
)

# 2. Reparameterised sample ------------------------------------------------------------------

SAMPLE = """
def reparameterised_sample(mean, log_var, eps):
    return mean + (0.5 * log_var).exp() * eps
"""

reparameterised_sample = Exercise(
    id="vae.reparameterised_sample",
    chapter=CHAPTER,
    title="A sample that gradients pass through",
    function="reparameterised_sample",
    prompt=r"""
How can a gradient pass through a random draw? Draw noise $\varepsilon \sim \mathcal N(0, I)$ first,
and make the sample a plain function of it, $z = \mu + \sigma \varepsilon$.

Write this function. `mean` and `log_var` have shape `(B, d)`. The noise `eps` is given, with shape
`(B, d)`, or `(K, B, d)` for K samples of each example. The result has the shape of `eps`. Gradients
must reach `mean` and `log_var`.
""",
    difficulty=1,
    minutes=5,
    points=2,
    stub='''
def reparameterised_sample(mean, log_var, eps):
    """A sample of N(mean, exp(log_var)), made from eps and in its shape."""
    raise NotImplementedError("write your answer here")
''',
    reference=SAMPLE,
    hints=[
        "All randomness is in `eps`. The function draws nothing by itself.",
        "σ is the square root of the variance. What does a square root do to $e^r$?",
        "$\\sigma = e^{r/2}$, so `(0.5 * log_var).exp()`. Broadcasting takes care of K samples.",
    ],
    visible=[
        Case(
            "no noise gives the mean",
            given(mean=[[1.0, -2.0, 0.5]], log_var=[[0.3, -1.0, 2.0]], eps=[[0.0, 0.0, 0.0]]),
        ),
        Case(
            "one unit of noise moves by one σ",
            given(mean=[[1.0, -2.0]], log_var=[[2.0, -1.0]], eps=[[1.0, -1.0]]),
        ),
        Case(
            "gradients reach mean and log_var",
            drawn(mean=normal(4, 3), log_var=normal(4, 3), eps=normal(4, 3)),
            gradients=("mean", "log_var"),
        ),
    ],
    hidden=[
        Case("K samples", drawn(mean=normal(4, 3), log_var=normal(4, 3), eps=normal(5, 4, 3))),
        Case(
            "float64",
            drawn(**dict.fromkeys(("mean", "log_var", "eps"), double(3, 2))),
            gradients=("mean", "log_var"),
        ),
    ],
    mutants=[
        Mutant(
            changed(SAMPLE, ("(0.5 * log_var).exp()", "log_var.exp()")),
            "`log_var.exp()` is the variance σ²; noise is scaled by the standard "
            "deviation σ, which "
            "is `(0.5 * log_var).exp()`. (It is also what you get by reading `log_var` as log σ.)",
        ),
        Mutant(
            changed(SAMPLE, ("(0.5 * log_var).exp()", "log_var")),
            "You multiplied by the log-variance itself. It can be negative, a scale cannot: "
            "exponentiate half of it.",
        ),
        Mutant(
            changed(SAMPLE, ("(0.5 * log_var).exp()", "(0.5 * log_var)")),
            "Half the log-variance is log σ. It needs an `.exp()` to become σ.",
        ),
        Mutant(
            changed(
                SAMPLE,
                (
                    "mean + (0.5 * log_var).exp() * eps",
                    "(mean + (0.5 * log_var).exp() * eps).detach()",
                ),
            ),
            "The sample is right, but it is cut off from the graph (`detach` or `no_grad`). The "
            "whole point of reparameterisation is that the gradient passes.",
        ),
        Mutant(
            changed(SAMPLE, ("(0.5 * log_var).exp()", "(0.5 * log_var).exp().detach()")),
            "Gradients reach the mean but not the log-variance: σ is detached. The encoder would "
            "never learn how certain to be.",
        ),
        Mutant(
            changed(SAMPLE, (" * eps", " * torch.randn_like(eps)")),
            "You drew new noise and ignored `eps`. All randomness must come in through the "
            "argument, so that the sample is a function of μ, σ and ε.",
        ),
        Mutant(
            changed(
                SAMPLE,
                (
                    "mean + (0.5 * log_var).exp() * eps",
                    "torch.normal(mean.expand_as(eps), (0.5 * log_var).exp().expand_as(eps))",
                ),
            ),
            "`torch.normal` (like `.sample()`) draws by itself: no gradient passes through the "
            "draw, and `eps` is ignored. That is the problem that reparameterisation solves.",
        ),
        Mutant(
            changed(SAMPLE, (" + (0.5 * log_var).exp() * eps", " + 0 * eps")),
            "This is the mean, without any noise. Trained so, the model is an ordinary "
            "autoencoder.",
        ),
        Mutant(
            changed(
                SAMPLE,
                ("mean + (0.5 * log_var).exp() * eps", "(mean + eps) * (0.5 * log_var).exp()"),
            ),
            "σ multiplies the mean as well. Scale the noise first, then move it: μ + σ ε.",
        ),
        Mutant(
            changed(SAMPLE, ("mean + (", "mean - (")),
            "The noise is subtracted. The distribution is the same, because ε is symmetric, but it "
            "is not the sample that belongs to this `eps`, and the gradient of log σ² "
            "changes sign.",
        ),
    ],
)

# 3. Bernoulli ELBO --------------------------------------------------------------------------

ELBO = """
def bernoulli_elbo(logits, x, mean, log_var):
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    distortion = bce(logits, x, reduction="none").flatten(1).sum(-1)
    rate = 0.5 * (mean**2 + log_var.exp() - 1 - log_var).sum(-1)
    return -(distortion + rate)
"""

bernoulli_elbo = Exercise(
    id="vae.bernoulli_elbo",
    chapter=CHAPTER,
    title="The ELBO of a binary image",
    function="bernoulli_elbo",
    prompt=r"""
What does a VAE maximise? For binary pixels $x_i$ and a decoder that gives one logit $\ell_i$ for
each, the single-sample estimate of the bound is

$$
\begin{aligned}
\mathcal L(x) &= \log p(x \mid z) - \mathrm{KL}\big(q(z \mid x) \,\|\, p(z)\big), \\
\log p(x \mid z) &= \sum_{i=1}^n \big[x_i \log \lambda_i + (1 - x_i) \log(1 - \lambda_i)\big], \\
\lambda_i &= \operatorname{sigmoid}(\ell_i).
\end{aligned}
$$

`logits` and `x` have shape `(B, 1, H, W)`, `mean` and `log_var` have shape `(B, d)`. Return one
bound for each example, shape `(B,)`, in nats. It must stay finite for logits of ±100.
""",
    difficulty=2,
    minutes=10,
    points=4,
    stub='''
def bernoulli_elbo(logits, x, mean, log_var):
    """log p(x|z) - KL(q || N(0, I)) of each example, in nats: shape (B,)."""
    raise NotImplementedError("write your answer here")
''',
    reference=ELBO,
    hints=[
        "`torch.nn.functional.binary_cross_entropy_with_logits` is $-\\log p(x_i \\mid z)$. Which "
        "`reduction` keeps the examples apart?",
        'With `reduction="none"` the result has the shape of `x`. Flatten all but the '
        "batch and sum.",
        "The rate is your `gaussian_kl`. The bound is minus the distortion minus the rate; it is "
        "negative for binary data.",
    ],
    visible=[
        Case(
            "a decoder that does not know: n log 2, and no rate",
            given(
                logits=[[[[0.0, 0.0], [0.0, 0.0]]]] * 2,
                x=[[[[1.0, 0.0], [1.0, 1.0]]]] * 2,
                mean=[[0.0, 0.0, 0.0]] * 2,
                log_var=[[0.0, 0.0, 0.0]] * 2,
            ),
        ),
        Case(
            "three small images, with gradients",
            drawn(
                logits=normal(3, 1, 4, 5),
                x=binary(3, 1, 4, 5),
                mean=normal(3, 2),
                log_var=normal(3, 2),
            ),
            gradients=("logits", "mean", "log_var"),
        ),
    ],
    hidden=[
        Case(
            "logits of ±100",
            drawn(
                logits=normal(3, 1, 4, 4, scale=100.0),
                x=binary(3, 1, 4, 4),
                mean=normal(3, 2),
                log_var=normal(3, 2),
            ),
        ),
        Case(
            "28×28, 16 latents",
            drawn(
                logits=normal(8, 1, 28, 28),
                x=binary(8, 1, 28, 28),
                mean=normal(8, 16),
                log_var=normal(8, 16),
            ),
        ),
        Case(
            "float64",
            drawn(
                logits=double(2, 1, 3, 3),
                x=binary(2, 1, 3, 3, dtype=torch.float64),
                mean=double(2, 4),
                log_var=double(2, 4),
            ),
        ),
    ],
    mutants=[
        Mutant(
            changed(ELBO, ("-(distortion + rate)", "-distortion + rate")),
            "The rate is added to the log-likelihood. It is a price: subtract it. With "
            "this sign the "
            "encoder is rewarded for moving away from the prior, without limit.",
        ),
        Mutant(
            changed(ELBO, ("-(distortion + rate)", "distortion + rate")),
            "This is the negative bound, the loss that one minimises. Asked for is the "
            "bound itself.",
        ),
        Mutant(
            changed(ELBO, ("-(distortion + rate)", "-distortion")),
            "The rate is missing: this is the log-likelihood alone. Without it the model is an "
            "autoencoder with noise.",
        ),
        Mutant(
            changed(ELBO, (".flatten(1).sum(-1)", ".flatten(1).mean(-1)")),
            "The cross-entropy is averaged over pixels, the rate is summed over dimensions. That "
            "multiplies the weight of the rate by the number of pixels: β = 784 for MNIST.",
        ),
        Mutant(
            changed(
                ELBO, ('bce(logits, x, reduction="none").flatten(1).sum(-1)', "bce(logits, x)")
            ),
            "The default reduction takes the mean over the batch and all pixels: every "
            "example gets "
            "the same distortion, and it is too small by a factor of the number of pixels. Use "
            '`reduction="none"` and sum over the pixels of each example.',
        ),
        Mutant(
            changed(
                ELBO,
                (
                    'bce(logits, x, reduction="none").flatten(1).sum(-1)',
                    'bce(logits, x, reduction="sum")',
                ),
            ),
            '`reduction="sum"` also sums over the batch: every example is charged for all '
            "of them. Use "
            '`reduction="none"` and sum over the pixels of each example.',
        ),
        Mutant(
            changed(ELBO, ("-(distortion + rate)", "-(distortion + rate).mean()")),
            "The mean over the batch comes too early: return one bound for each example.",
        ),
        Mutant(
            changed(ELBO, ("-(distortion + rate)", "-(distortion + rate).sum()")),
            "You summed over the batch. Return one bound for each example; the caller "
            "takes the mean.",
        ),
        Mutant(
            changed(ELBO, ("bce(logits, x,", "bce(logits.sigmoid(), x,")),
            "The sigmoid is applied twice: `binary_cross_entropy_with_logits` takes logits and has "
            "the sigmoid inside. Twice, no pixel can get a probability below ½ or above 0.73.",
        ),
        Mutant(
            changed(
                ELBO,
                ("binary_cross_entropy_with_logits", "binary_cross_entropy"),
                ("bce(logits, x,", "bce(logits.sigmoid(), x,"),
            ),
            "The formula is right, but not its arithmetic: `sigmoid` rounds to exactly 0 or 1 for "
            "large logits and its logarithm is lost. `binary_cross_entropy_with_logits` "
            "computes it "
            "from the logit.",
        ),
        Mutant(
            changed(ELBO, ("binary_cross_entropy_with_logits", "binary_cross_entropy")),
            "`binary_cross_entropy` takes probabilities, and the decoder gives logits, "
            "which may be "
            "any number. Use the version `_with_logits`.",
        ),
        Mutant(
            changed(ELBO, ("bce(logits, x,", "bce(x, logits,")),
            "Data and prediction are exchanged: the logits come first, the pixels second.",
        ),
        Mutant(
            changed(ELBO, ('bce(logits, x, reduction="none")', "(logits.sigmoid() - x).square()")),
            "This is the squared error. It belongs to a Gaussian likelihood; for binary pixels "
            "$-\\log p(x \\mid z)$ is the cross-entropy.",
        ),
        Mutant(
            changed(ELBO, ("log_var.exp() - 1 - log_var", "(2 * log_var).exp() - 1 - 2 * log_var")),
            "The distortion is right. In the rate you read `log_var` as log σ; here it is log σ².",
        ),
        Mutant(
            changed(ELBO, ("0.5 * (mean", "(mean")),
            "The distortion is right. In the rate the factor ½ is missing.",
        ),
        Mutant(
            changed(ELBO, ("- log_var).sum(-1)", "- log_var).mean(-1)")),
            "The distortion is right. The rate is averaged over latent dimensions; it "
            "must be summed.",
        ),
    ],
)

# 4. Interpolation on the sphere -------------------------------------------------------------

SLERP = """
def slerp(a, b, t):
    length_a, length_b = a.norm(dim=-1, keepdim=True), b.norm(dim=-1, keepdim=True)
    cosine = (a * b).sum(-1, keepdim=True) / (length_a * length_b)
    angle = torch.arccos(cosine.clamp(-1, 1))
    parallel = angle < 1e-3  # sin(angle) is too close to zero to divide by
    sine = torch.where(parallel, 1.0, torch.sin(angle))
    on_arc = (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / sine
    return torch.where(parallel, (1 - t) * a + t * b, on_arc)
"""
SLERP_HEAD = "def slerp(a, b, t):\n"

interpolation = Exercise(
    id="vae.interpolation",
    chapter=CHAPTER,
    title="Along the line or around the sphere",
    function="slerp",
    prompt=r"""
What lies half way between two samples of the prior? On the straight line, a point much closer to
the origin than any sample: in $d = 100$ dimensions samples have norm about 10, and midpoints
about 7. The decoder has hardly seen such a point. Interpolation on the sphere keeps the norm. With
$\omega$ the angle between $a$ and $b$, the point at fraction $t$ is

$$
\frac{\sin((1 - t)\,\omega)}{\sin \omega}\, a + \frac{\sin(t\,\omega)}{\sin \omega}\, b .
$$

`a` and `b` have shape `(B, d)`, `t` is a number from 0 to 1, and the result has shape `(B, d)`.
Each pair has its own angle. $a$ and $b$ need not have length one. Where they are nearly parallel,
the formula divides zero by zero: return the straight line there, which is its limit.
""",
    difficulty=3,
    minutes=15,
    points=4,
    stub='''
def slerp(a, b, t):
    """The point at fraction t of the arc from a to b: (B, d) in and out."""
    raise NotImplementedError("write your answer here")
''',
    reference=SLERP,
    hints=[
        "The cosine of the angle is $a \\cdot b / (\\|a\\| \\|b\\|)$, row by row. `keepdim=True` "
        "keeps the shapes apart.",
        "Rounding can make a cosine 1.0000001: clamp it before `torch.arccos`, which "
        "gives radians.",
        "`torch.where` computes both of its branches: replace a sine near zero by 1 before "
        "dividing, then choose the straight line where the angle is small.",
    ],
    visible=[
        Case("a right angle, half way", given(a=[[1.0, 0.0]], b=[[0.0, 1.0]], t=0.5)),
        Case("a right angle, a quarter", given(a=[[1.0, 0.0]], b=[[0.0, 1.0]], t=0.25)),
        Case("the same point twice", given(a=[[0.6, 0.8]], b=[[0.6, 0.8]], t=0.3)),
        Case("two pairs", given(a=[[1.0, 0.0], [0.0, 2.0]], b=[[3.0, 4.0], [2.0, 0.0]], t=0.3)),
    ],
    hidden=[
        Case("100 dimensions", drawn(a=normal(6, 100), b=normal(6, 100), t=constant(0.7))),
        Case("the start", drawn(a=normal(3, 4), b=normal(3, 4), t=constant(0.0))),
        Case("the end", drawn(a=normal(3, 4), b=normal(3, 4), t=constant(1.0))),
        Case("float64", drawn(a=double(3, 5), b=double(3, 5), t=constant(0.4))),
        Case("nearly parallel", given(a=[[1.0, 0.0]], b=[[1.0, 1e-5]], t=0.5)),
    ],
    mutants=[
        Mutant(
            SLERP_HEAD + "    return (1 - t) * a + t * b\n",
            "This is the straight line. Between two vectors of the same length it passes through "
            "the inside of the sphere; at a right angle the midpoint has only 0.71 of "
            "their length.",
        ),
        Mutant(
            SLERP_HEAD
            + "    line = (1 - t) * a + t * b\n"
            + "    return line / line.norm(dim=-1, keepdim=True) * a.norm(dim=-1, keepdim=True)\n",
            "You scaled the straight line back to the sphere. Half way that is right for "
            "vectors of "
            "the same length, elsewhere the point moves at the wrong speed: at a quarter "
            "of a right "
            "angle it is at 18.4°, not at 22.5°.",
        ),
        Mutant(
            changed(SLERP, (" / (length_a * length_b)", "")),
            "The dot product is the cosine only for vectors of length one. Divide it by both norms "
            "(keep `a` and `b` themselves as they are).",
        ),
        Mutant(
            changed(
                SLERP,
                ("    angle =", "    a, b = a / length_a, b / length_b\n    angle ="),
            ),
            "You normalised `a` and `b` and left them so: the result has length one. "
            "Normalise only "
            "to find the angle.",
        ),
        Mutant(
            changed(
                SLERP,
                ("    parallel =", "    angle = torch.rad2deg(angle)\n    parallel ="),
            ),
            "The angle is in degrees. `torch.sin` takes radians, which is what `torch.arccos` "
            "gives.",
        ),
        Mutant(
            changed(SLERP, (SLERP_HEAD, SLERP_HEAD + "    t = 1 - t\n")),
            "t runs backwards: t = 0 must give `a`, t = 1 must give `b`.",
        ),
        Mutant(
            changed(SLERP, (" * b) / sine", " * b)")),
            "The division by sin ω is missing; at t = 0 the result is then sin ω times `a`.",
        ),
        Mutant(
            changed(SLERP, ("angle < 1e-3", "angle < 0")),
            "For the same point twice, sin ω is zero and the result nan. Where the angle is nearly "
            "zero, return the straight line. (With `torch.where`, also keep the zero out of the "
            "division.)",
        ),
        Mutant(
            changed(
                SLERP,
                (
                    "a.norm(dim=-1, keepdim=True), b.norm(dim=-1, keepdim=True)",
                    "a.norm(), b.norm()",
                ),
                ("(a * b).sum(-1, keepdim=True)", "(a * b).sum()"),
            ),
            "There is one angle for the whole batch. Each pair has its own: sum and take "
            "norms over "
            "the last axis, with `keepdim=True`.",
        ),
    ],
    tolerance=1e-4,  # float32: an angle near zero is known to about 3e-4
)
