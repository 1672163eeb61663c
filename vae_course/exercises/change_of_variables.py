"""Exercises of the chapter "Change of variables"."""

import torch

from vae_course.exercises.cases import constant, double, drawn, given, normal
from vae_course.exercises.engine import Case, Exercise, Mutant, changed

CHAPTER = "flows/change-of-variables"


def positive(*shape: int, dtype=torch.float32):
    """A function of a generator that draws numbers above zero."""
    return lambda generator: normal(*shape, dtype=dtype)(generator).exp()


# 1. The density of exp(b) -------------------------------------------------------------------

LOG_NORMAL = """
def log_normal_density(x, mean, sigma):
    b = x.log()
    log_base = torch.distributions.Normal(mean, sigma).log_prob(b)
    return log_base - b
"""


log_normal_density = Exercise(
    id="change_of_variables.log_normal_density",
    chapter=CHAPTER,
    title="A stretched line",
    function="log_normal_density",
    prompt=r"""
A number $b$ is Gaussian, with mean $\mu$ and standard deviation $\sigma$. What is the density of
$x = e^b$? The same mass lies on a piece of the line of $x$ as on the piece of the line of $b$ that
it came from. Where the exponential stretches the line, the mass is spread thinner:

$$
p_x(x) = p_b\big(b(x)\big)\, \Big| \frac{db}{dx} \Big| .
$$

`x` has shape `(M,)`, all above zero. `mean` and `sigma` are numbers. Return $\log p_x(x)$ for each,
shape `(M,)`, in nats.
""",
    difficulty=1,
    minutes=6,
    points=2,
    stub='''
def log_normal_density(x, mean, sigma):
    """log-density of exp(b) at x, b ~ N(mean, sigma^2): (M,), in nats."""
    raise NotImplementedError("write your answer here")
''',
    reference=LOG_NORMAL,
    hints=[
        "Which $b$ gave this $x$? The base density is asked there, not at $x$.",
        "$b = \\log x$, so $db/dx = 1/x$. What is the logarithm of that?",
        "`torch.distributions.Normal(mean, sigma).log_prob(b)` is the log-density of the Gaussian. "
        "Subtract $\\log x$ from it.",
    ],
    visible=[
        Case(
            "at x = 1 nothing is stretched: the Gaussian's own value",
            given(x=[1.0], mean=0.0, sigma=1.0),
        ),
        Case("below one and above", given(x=[0.1, 0.5, 2.0, 9.0], mean=0.0, sigma=1.0)),
        Case("another mean and width", given(x=[0.3, 1.0, 4.0], mean=-0.5, sigma=2.0)),
    ],
    hidden=[
        Case("many points", drawn(x=positive(40), mean=constant(0.8), sigma=constant(0.6))),
        Case(
            "float64",
            drawn(x=positive(7, dtype=torch.float64), mean=constant(-1.0), sigma=constant(1.7)),
        ),
    ],
    mutants=[
        Mutant(
            changed(LOG_NORMAL, ("log_base - b", "log_base")),
            "The Jacobian is missing. This says how likely the *b* is, per unit of b. A unit of b "
            "becomes x units of x, so the density is smaller by the factor x.",
        ),
        Mutant(
            changed(LOG_NORMAL, ("log_base - b", "log_base + b")),
            "You multiplied by the slope of the exponential, dx/db = x. That is the Jacobian of "
            "the map from b to x. From x back to b it is 1/x.",
        ),
        Mutant(
            changed(LOG_NORMAL, ("log_base - b", "log_base - x")),
            "The Jacobian 1/x came in as −x. In logarithms it is −log x.",
        ),
        Mutant(
            changed(LOG_NORMAL, ("log_prob(b)", "log_prob(x)")),
            "The Gaussian is asked at x. The letter p stands for two functions here: $p_b$ takes a "
            "b, and the b of this x is log x.",
        ),
        Mutant(
            changed(
                LOG_NORMAL,
                (
                    "Normal(mean, sigma).log_prob(b)",
                    "Normal(0.0, 1.0).log_prob((b - mean) / sigma)",
                ),
            ),
            "This is the density of (b − μ)/σ, a third variable. The way from it to b is a stretch "
            "too, by σ: subtract log σ, or use a Gaussian with that mean and width.",
        ),
        Mutant(
            changed(LOG_NORMAL, ("Normal(mean, sigma)", "Normal(mean, sigma**2)")),
            "You gave `Normal` the variance. It takes the standard deviation, as `sigma` is.",
        ),
        Mutant(
            changed(LOG_NORMAL, ("return log_base - b", "return (log_base - b).exp()")),
            "This is the density. Asked for is its logarithm, which does not underflow.",
        ),
    ],
)

# 2. A chain of maps -------------------------------------------------------------------------

CHAIN = """
def chain_log_prob(x, scales, shifts):
    z, total = x, 0
    for scale, shift in zip(scales.flip(0), shifts.flip(0)):
        total = total + scale.abs().log() + 0.5 * (1 + z**2).log()
        z = (z.asinh() - shift) / scale
    return torch.distributions.Normal(0.0, 1.0).log_prob(z) - total
"""
LOOP = "zip(scales.flip(0), shifts.flip(0))"
SLOPE = "total = total + scale.abs().log() + 0.5 * (1 + z**2).log()"
UNDO = "z = (z.asinh() - shift) / scale"

chain_log_prob = Exercise(
    id="change_of_variables.chain_log_prob",
    chapter=CHAPTER,
    title="Back through a chain",
    function="chain_log_prob",
    prompt=r"""
Noise $z_0$ is standard normal. $K$ layers bend it, one after the other, and the last gives
$x = z_K$:

$$
z_k = f_k(z_{k-1}) = \sinh(a_k z_{k-1} + c_k), \qquad k = 1, \dots, K .
$$

Which noise gave this $x$, and how much was the line stretched on the way?

$$
\log p(x) = \log \mathcal N(z_0; 0, 1) - \sum_{k=1}^K \log \big| f_k'(z_{k-1}) \big|
$$

`x` has shape `(M,)`. `scales` holds the $a_k$, which may be negative but not zero, and `shifts` the
$c_k$; both have shape `(K,)`, with $f_1$ first. Return $\log p(x)$, shape `(M,)`, in nats.
`torch.asinh` undoes $\sinh$, and $\cosh(\operatorname{asinh} y) = \sqrt{1 + y^2}$.
""",
    difficulty=3,
    minutes=12,
    points=4,
    stub='''
def chain_log_prob(x, scales, shifts):
    """log-density of z_K = x, z_k = sinh(a_k z_{k-1} + c_k): (M,), in nats."""
    raise NotImplementedError("write your answer here")
''',
    reference=CHAIN,
    hints=[
        "One layer first. From $y = \\sinh(a z + c)$: $z = (\\operatorname{asinh} y - c) / a$.",
        "The slope of the layer is $a \\cosh(a z + c)$, and $a z + c = \\operatorname{asinh} y$. "
        "So its logarithm is $\\log |a| + \\frac12 \\log(1 + y^2)$, known before $z$ is.",
        "With several layers the last one is undone first: loop over `scales.flip(0)` and "
        "`shifts.flip(0)`, add up the logarithms, and replace $y$ by $z$.",
    ],
    visible=[
        Case("one layer", given(x=[0.0, 1.5, -2.0], scales=[0.8], shifts=[0.3])),
        Case(
            "two layers that cannot be exchanged",
            given(x=[-3.0, 0.2, 5.0], scales=[1.5, 0.5], shifts=[0.0, 1.0]),
        ),
        Case(
            "a layer that turns the line around",
            given(x=[-1.0, 0.4, 2.0], scales=[0.7, -1.2, 0.9], shifts=[0.5, -0.4, 0.1]),
            gradients=("x", "scales", "shifts"),
        ),
    ],
    hidden=[
        Case(
            "five layers",
            drawn(x=normal(30, scale=3.0), scales=normal(5), shifts=normal(5)),
            gradients=("scales",),
        ),
        Case(
            "float64", drawn(x=double(9), scales=positive(3, dtype=torch.float64), shifts=double(3))
        ),
    ],
    mutants=[
        Mutant(
            changed(CHAIN, (LOOP, "zip(scales, shifts)")),
            "You undid the first layer first. x came out of the *last* one, so that one has to be "
            "undone first: $f_1^{-1}(f_2^{-1}(\\dots f_K^{-1}(x)))$.",
        ),
        Mutant(
            changed(CHAIN, ("(z) - total", "(z) + total")),
            "The slopes are added. They belong to the direction from noise to data, in which "
            "stretching makes the density smaller: subtract them.",
        ),
        Mutant(
            changed(CHAIN, (SLOPE, "pass"), (UNDO, UNDO + "\n        " + SLOPE)),
            "Each slope is taken at the layer's input as if it were its output: you moved z before "
            "you asked for the slope. $\\sqrt{1 + y^2}$ needs the value that the layer gave.",
        ),
        Mutant(
            changed(CHAIN, (SLOPE, "total = total + scale.abs().log() + 0.5 * (1 + x**2).log()")),
            "Every slope is taken at x. Only the last layer gave x; each of the others is "
            "stretched at its own point on the way.",
        ),
        Mutant(
            changed(CHAIN, (".abs()", "")),
            "The logarithm of a negative scale is not a number. A layer that turns the line around "
            "stretches it by |a|: take the absolute value.",
        ),
        Mutant(
            changed(CHAIN, ("scale.abs().log() + ", "")),
            "The scales are missing from the slopes. The derivative of sinh(az + c) is "
            "a cosh(az + c), by the chain rule.",
        ),
        Mutant(
            changed(CHAIN, (" + 0.5 * (1 + z**2).log()", "")),
            "Only the scales were counted. sinh stretches the line too, by cosh, and not "
            "everywhere alike.",
        ),
        Mutant(
            changed(CHAIN, ("total = total + scale", "total = scale")),
            "`total` is overwritten in each round, so that only one layer is left in it. The "
            "logarithms of all slopes add up.",
        ),
        Mutant(
            changed(CHAIN, (UNDO, "z = z.asinh() / scale - shift")),
            "Inside of the sinh the scale comes first and then the shift. So the shift has to be "
            "taken away before you divide by the scale.",
        ),
    ],
)

# 3. A planar layer --------------------------------------------------------------------------

PLANAR = """
def planar_log_det(z, u, w, b):
    h = (z @ w + b).tanh()
    return (1 + (1 - h**2) * (w @ u)).abs().log()
"""
SLOPES = "(1 - h**2) * (w @ u)"

planar_log_det = Exercise(
    id="change_of_variables.planar_log_det",
    chapter=CHAPTER,
    title="One direction is bent",
    function="planar_log_det",
    prompt=r"""
A planar layer moves every point along one direction $u$. How far depends on where the point is
along another direction $w$:

$$
f(z) = z + u \tanh(w^\top z + b), \qquad
J = I + h'\, u w^\top .
$$

Here $h' = 1 - \tanh^2(w^\top z + b)$ is the slope of tanh. A determinant of a $d \times d$ matrix
costs about $d^3$ operations. This one costs $d$: by the determinant lemma it is
$1 + h'\, w^\top u$.

`z` has shape `(B, d)`; `u` and `w` have shape `(d,)`; `b` is a number. Return $\log |\det J|$ for
each point, shape `(B,)`, in nats. Build no matrix.
""",
    difficulty=2,
    minutes=8,
    points=3,
    stub='''
def planar_log_det(z, u, w, b):
    """log |det J| of z + u tanh(w.z + b): (B, d), (d,), (d,) to (B,), nats."""
    raise NotImplementedError("write your answer here")
''',
    reference=PLANAR,
    hints=[
        "`z @ w` has shape `(B,)`: one number for each point. So has everything that follows.",
        "$w^\\top u$ is the same number for all points. What differs is the slope.",
        "Where $w^\\top u < -1$ the determinant can be negative: the layer folds the plane. Its "
        "volume still has a logarithm, that of the absolute value.",
    ],
    visible=[
        Case(
            "where tanh is steepest, and far out, where it is flat",
            given(z=[[0.0, 0.0], [50.0, 0.0]], u=[2.0, 1.0], w=[1.0, 0.5], b=0.0),
        ),
        Case(
            "u along the plane: nothing is stretched",
            given(z=[[0.3, -1.0], [1.0, 2.0]], u=[1.0, -1.0], w=[1.0, 1.0], b=0.4),
        ),
        Case(
            "a layer that folds",
            given(z=[[0.1, 0.0], [0.9, -0.4]], u=[-3.0, 0.0], w=[1.0, 0.2], b=-0.2),
            gradients=("z", "u", "w"),
        ),
        Case(
            "three dimensions",
            given(z=[[0.5, -1.0, 2.0]], u=[0.4, 0.3, -0.2], w=[1.0, 2.0, 0.5], b=1.0),
        ),
    ],
    hidden=[
        Case(
            "many points",
            drawn(z=normal(40, 6), u=normal(6), w=normal(6), b=constant(-0.7)),
            gradients=("u", "w"),
        ),
        Case("float64", drawn(z=double(5, 3), u=double(3), w=double(3), b=constant(0.2))),
    ],
    mutants=[
        Mutant(
            changed(PLANAR, (SLOPES, "(w @ u)")),
            "The slope of tanh is missing, so that all points get the same number. Far from the "
            "bend, where tanh is flat, nothing is stretched.",
        ),
        Mutant(
            changed(PLANAR, (SLOPES, "h * (w @ u)")),
            "This is tanh in place of its slope. A Jacobian is made of derivatives: 1 − tanh².",
        ),
        Mutant(
            changed(PLANAR, ("1 - h**2", "1 - h")),
            "The slope of tanh is 1 − tanh², with a square: 1 at the bend, and 0 on both sides.",
        ),
        Mutant(
            changed(PLANAR, (".abs()", "")),
            "Where the layer folds the plane the determinant is negative, and has no logarithm. "
            "A density needs the volume, which is |det J|.",
        ),
        Mutant(
            changed(PLANAR, ("(1 + (1 - h**2)", "(len(u) + (1 - h**2)")),
            "d + h' wᵀu is the *trace* of I + h' u wᵀ. Its determinant has 1 in place of d.",
        ),
        Mutant(
            changed(PLANAR, (".log()", ".log().sum()")),
            "You summed over the points. Each has its own determinant.",
        ),
        Mutant(
            changed(PLANAR, (".abs().log()", ".abs()")),
            "This is the determinant itself. Asked for is its logarithm, so that layers add up.",
        ),
        Mutant(
            changed(PLANAR, ("(w @ u)).abs().log()", "(w @ u)).abs().log() * len(u)")),
            "You multiplied by d. Only one direction is stretched; the other d − 1 stay.",
        ),
        Mutant(
            changed(PLANAR, ("return ", "return -")),
            "This is the sign of the way back. Asked for is the stretch of f itself.",
        ),
    ],
)

# 4. An affine flow --------------------------------------------------------------------------

AFFINE = """
def affine_flow(x, matrix, shift):
    z = torch.linalg.solve(matrix, (x - shift).T).T
    log_base = torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(1)
    return log_base - torch.linalg.slogdet(matrix)[1]
"""
NOISE = "torch.linalg.solve(matrix, (x - shift).T).T"
VOLUME = "torch.linalg.slogdet(matrix)[1]"

affine_flow = Exercise(
    id="change_of_variables.affine_flow",
    chapter=CHAPTER,
    title="The simplest flow",
    function="affine_flow",
    prompt=r"""
The simplest flow in $d$ dimensions turns, stretches and moves a ball of noise:

$$
x = A z + c, \qquad z \sim \mathcal N(0, I) .
$$

Its Jacobian is the matrix $A$ itself, everywhere. Find the noise of each $x$, and the volume that
a unit of noise has become:

$$
\log p(x) = \log \mathcal N\big(A^{-1}(x - c);\, 0, I\big) - \log |\det A| .
$$

`x` has shape `(B, d)`: a point in each row. `matrix` is $A$, shape `(d, d)`, and `shift` is $c$,
shape `(d,)`. Return $\log p(x)$, shape `(B,)`, in nats. $\det A$ may be negative.
""",
    difficulty=2,
    minutes=10,
    points=3,
    stub='''
def affine_flow(x, matrix, shift):
    """log-density of A z + c: (B, d), (d, d), (d,) to (B,), in nats."""
    raise NotImplementedError("write your answer here")
''',
    reference=AFFINE,
    hints=[
        "Points are rows of `x`, but the formula has columns. `torch.linalg.solve(A, y.T).T` gives "
        "$A^{-1} y$ for each row $y$.",
        "`torch.distributions.Normal(0.0, 1.0).log_prob(z)` gives a number for each entry of `z`. "
        "The components are independent: add them up.",
        "`torch.linalg.slogdet(A)` returns the sign and $\\log |\\det A|$. You need the second.",
    ],
    visible=[
        Case(
            "no stretching: a ball that was moved",
            given(x=[[1.0, 2.0], [0.0, 2.0]], matrix=[[1.0, 0.0], [0.0, 1.0]], shift=[1.0, 2.0]),
        ),
        Case(
            "stretched along an axis, mirrored along the other",
            given(x=[[3.0, 0.5]], matrix=[[3.0, 0.0], [0.0, -0.5]], shift=[0.0, 0.0]),
        ),
        Case(
            "a shear, in three dimensions",
            given(
                x=[[1.0, 0.0, -1.0], [0.5, 2.0, 0.3]],
                matrix=[[2.0, 0.0, 1.0], [0.7, 1.0, 0.0], [0.0, -0.4, 0.5]],
                shift=[0.2, 0.0, -0.3],
            ),
            gradients=("x", "matrix", "shift"),
        ),
    ],
    hidden=[
        Case(
            "six dimensions",
            drawn(
                x=double(20, 6),
                matrix=lambda g: double(6, 6)(g) + 4 * torch.eye(6, dtype=torch.float64),
                shift=double(6),
            ),
            gradients=("matrix",),
        ),
        Case(
            "one dimension",
            drawn(x=normal(5, 1), matrix=constant(torch.tensor([[-2.5]])), shift=normal(1)),
        ),
    ],
    mutants=[
        Mutant(
            changed(AFFINE, ("log_base - ", "log_base + ")),
            "The log-determinant is added. A stretches noise into x; what is spread over a larger "
            "volume is thinner, so it is subtracted. It would be added for the inverse matrix.",
        ),
        Mutant(
            changed(AFFINE, (" - " + VOLUME, "")),
            "The determinant is missing. Then the density does not integrate to one unless the "
            "matrix preserves volumes.",
        ),
        Mutant(
            changed(AFFINE, (VOLUME, "torch.logdet(matrix)")),
            "`logdet` has no value for a negative determinant. A mirror image has the same volume: "
            "take log |det A|, the second result of `slogdet`.",
        ),
        Mutant(
            changed(AFFINE, (NOISE, "(x - shift) @ matrix.T")),
            "You applied A once more. x has been through it already; the noise is found with its "
            "inverse.",
        ),
        Mutant(
            changed(AFFINE, (NOISE, "(x - shift) @ torch.linalg.inv(matrix)")),
            "This multiplies each point by the *transposed* inverse, since your points are rows. "
            "For a row y it is `y @ inv(A).T`.",
        ),
        Mutant(
            changed(AFFINE, (NOISE, "torch.linalg.solve(matrix, x.T).T - shift")),
            "The shift is taken away after the inverse. It came last on the way to x, so it is the "
            "first to be undone.",
        ),
        Mutant(
            changed(AFFINE, (NOISE, "torch.linalg.solve(matrix, x.T).T")),
            "The shift is missing: the noise is $A^{-1}(x - c)$.",
        ),
        Mutant(
            changed(AFFINE, (".sum(1)", ".mean(1)")),
            "You took the mean over the dimensions. Independent components multiply their "
            "densities, so the logarithms add up.",
        ),
        Mutant(
            changed(AFFINE, (VOLUME, "matrix.diagonal().abs().log().sum()")),
            "You took the product of the diagonal. That is the determinant of a triangular matrix; "
            "this one has entries on both sides.",
        ),
        Mutant(
            changed(AFFINE, (VOLUME, "2 * " + VOLUME)),
            "This is the log-determinant of the covariance $A A^\\top$. In the density of a "
            "Gaussian it has the factor ½; here A itself is meant.",
        ),
    ],
)
