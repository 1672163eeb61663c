"""Exercises of the chapter "Flows for images"."""

import torch

from vae_course.exercises.cases import constant, double, drawn, given, normal
from vae_course.exercises.engine import Case, Exercise, Mutant, changed

CHAPTER = "flows/images"

# 1. Squeeze ---------------------------------------------------------------------------------

SQUEEZE = """
def squeeze(x):
    B, C, H, W = x.shape
    blocks = x.reshape(B, C, H // 2, 2, W // 2, 2)
    return blocks.permute(0, 1, 3, 5, 2, 4).reshape(B, 4 * C, H // 2, W // 2)
"""
ORDER = "blocks.permute(0, 1, 3, 5, 2, 4)"


def numbered(*shape: int):
    """Pixels with the values 0, 1, 2, ..., so that one sees where each of them went."""
    return torch.arange(torch.Size(shape).numel(), dtype=torch.float32).reshape(shape)


squeeze = Exercise(
    id="flow_images.squeeze",
    chapter=CHAPTER,
    title="Space into channels",
    function="squeeze",
    prompt=r"""
A flow cannot pool: a maximum or a mean of four pixels forgets three numbers, and there is no way
back. To see the image at half the resolution it moves pixels into channels. Each block of 2×2
pixels becomes one pixel with four times the channels:

$$
y_{4c + 2a + b,\; i,\; j} = x_{c,\; 2i + a,\; 2j + b}, \qquad a, b \in \{0, 1\} .
$$

`x` has shape `(B, C, H, W)`, with even height and width. Return `y`, shape
`(B, 4 * C, H // 2, W // 2)`.
""",
    difficulty=2,
    minutes=8,
    points=3,
    stub='''
def squeeze(x):
    """2x2 blocks into channels: (B, C, H, W) to (B, 4 C, H / 2, W / 2)."""
    raise NotImplementedError("write your answer here")
''',
    reference=SQUEEZE,
    hints=[
        "Write the height as two axes: `H` becomes `(H // 2, 2)`, which are $i$ and $a$. The same "
        "for the width.",
        "After `x.reshape(B, C, H // 2, 2, W // 2, 2)` the axes are B, c, i, a, j, b. Which order "
        "do they need?",
        "`permute` them to B, c, a, b, i, j. Then one `reshape` joins c, a and b.",
    ],
    visible=[
        Case("a single block", lambda generator: {"x": numbered(1, 1, 2, 2)}),
        Case("one channel, 4 × 4", lambda generator: {"x": numbered(1, 1, 4, 4)}),
        Case("two channels, 2 × 4", lambda generator: {"x": numbered(1, 2, 2, 4)}),
    ],
    hidden=[
        Case("a batch of images", drawn(x=normal(5, 3, 6, 4)), gradients=("x",)),
        Case("float64", drawn(x=double(2, 4, 2, 2))),
    ],
    mutants=[
        Mutant(
            changed(SQUEEZE, (ORDER, "x")),
            "You changed the shape and moved nothing. `reshape` cuts the numbers in the order in "
            "which they lie in memory, so that a pixel's four channels come from one row.",
        ),
        Mutant(
            changed(SQUEEZE, (ORDER, "blocks.permute(0, 1, 5, 3, 2, 4)")),
            "a and b are exchanged: the second channel is the pixel *below*, not the one on the "
            "right. It is 2a + b, with a for the row.",
        ),
        Mutant(
            changed(SQUEEZE, (ORDER, "blocks.permute(0, 3, 5, 1, 2, 4)")),
            "Your channels are in the order C(2a + b) + c: first the top left pixels of all "
            "channels, and so on. Asked for is 4c + 2a + b, with the four of a channel together.",
        ),
        Mutant(
            changed(SQUEEZE, (ORDER, "blocks.permute(0, 1, 2, 4, 3, 5)")),
            "The place of the block comes before the place in the block. Then channels hold whole "
            "pieces of the image, and the pixels of a block lie side by side.",
        ),
        Mutant(
            changed(
                SQUEEZE,
                ("(B, C, H // 2, 2, W // 2, 2)", "(B, C, 2, H // 2, 2, W // 2)"),
                (ORDER, "blocks.permute(0, 1, 2, 4, 3, 5)"),
            ),
            "You cut the image into four quarters. The four pixels of a channel group should be "
            "neighbours: take every second row and every second column.",
        ),
        Mutant(
            changed(SQUEEZE, (ORDER, ORDER.replace("2, 4)", "4, 2)"))),
            "Rows and columns of the result are exchanged: i comes before j.",
        ),
        Mutant(
            changed(SQUEEZE, ("return ", "return blocks.amax((3, 5))  # ")),
            "This is max-pooling. It keeps one number of four, and cannot be inverted.",
        ),
    ],
)

# 2. The log-determinant of a 1×1 convolution --------------------------------------------------

ONE_BY_ONE = """
def one_by_one_log_det(weight, height, width):
    return height * width * torch.linalg.slogdet(weight)[1]
"""
LOG_DET = "torch.linalg.slogdet(weight)[1]"

one_by_one_log_det = Exercise(
    id="flow_images.one_by_one_log_det",
    chapter=CHAPTER,
    title="One matrix, every pixel",
    function="one_by_one_log_det",
    prompt=r"""
A 1×1 convolution multiplies the $C$ channels of each pixel by the same matrix $W$. No pixel looks
at another. So the Jacobian of the whole image, with $C$ times height times width rows and as many
columns, is block diagonal: $W$, once for each pixel. What is the logarithm of the volume that it
makes of a unit volume?

`weight` is $W$, shape `(C, C)`; `height` and `width` are integers. Return $\log|\det J|$, a tensor
of shape `()`, in nats. It has to be right for $\det W < 0$ too, and for a large image.
""",
    difficulty=1,
    minutes=5,
    points=2,
    stub='''
def one_by_one_log_det(weight, height, width):
    """log |det J| of a 1x1 convolution: (C, C) to (), in nats."""
    raise NotImplementedError("write your answer here")
''',
    reference=ONE_BY_ONE,
    hints=[
        "The determinant of a block diagonal matrix is the product of the determinants of its "
        "blocks. How many blocks are there?",
        "The logarithm of $|\\det W|^{n}$ is $n \\log |\\det W|$. Do not compute the power: it is "
        "too large or too small for a float.",
        "`torch.linalg.slogdet(W)` returns the sign and $\\log |\\det W|$.",
    ],
    visible=[
        Case("one pixel", given(weight=[[2.0, 1.0], [0.0, 3.0]], height=1, width=1)),
        Case("three pixels", given(weight=[[0.5, 0.2], [-0.3, 1.0]], height=1, width=3)),
        Case(
            "two channels change places: a reflection",
            given(weight=[[0.0, 1.0], [1.0, 0.0]], height=3, width=3),
        ),
        Case(
            "a negative determinant, 4 × 5",
            given(weight=[[0.5, 2.0, 0.0], [1.5, 0.1, 0.3], [0.0, -0.2, 1.0]], height=4, width=5),
            gradients=("weight",),
        ),
        Case(
            "a large image",
            given(weight=[[0.2, 0.1], [0.1, 0.3]], height=64, width=64),
        ),
    ],
    hidden=[
        Case(
            "more channels",
            drawn(weight=double(12, 12), height=constant(7), width=constant(5)),
            gradients=("weight",),
        ),
        Case("single precision", drawn(weight=normal(4, 4), height=constant(6), width=constant(6))),
    ],
    mutants=[
        Mutant(
            changed(ONE_BY_ONE, (LOG_DET, "torch.logdet(weight)")),
            "`logdet` has no value for a negative determinant. But volumes have no sign: a matrix "
            "that mirrors is as good as another. Take log |det W|.",
        ),
        Mutant(
            changed(ONE_BY_ONE, ("height * width * ", "")),
            "This is one block. W acts at every pixel, and each multiplies the volume once more.",
        ),
        Mutant(
            changed(ONE_BY_ONE, ("height * width * ", "len(weight) * height * width * ")),
            "You counted each pixel once for each channel. A block W has all channels in it, and "
            "there is one for each pixel.",
        ),
        Mutant(
            changed(ONE_BY_ONE, ("height * width", "(height + width)")),
            "Height plus width is not the number of pixels: it is their product.",
        ),
        Mutant(
            changed(
                ONE_BY_ONE,
                ("height * width * " + LOG_DET, "(weight.det().abs() ** (height * width)).log()"),
            ),
            "The formula is right, and the power is too much for a float: it becomes 0 or inf "
            "before you take the logarithm. Take the logarithm first, then multiply.",
        ),
        Mutant(
            changed(ONE_BY_ONE, (LOG_DET, "weight.diagonal().abs().log().sum()")),
            "You took the product of the diagonal. That is the determinant only if the matrix is "
            "triangular.",
        ),
        Mutant(
            changed(ONE_BY_ONE, (LOG_DET, "torch.linalg.slogdet(weight)[0]")),
            "`slogdet` returns two things, and this is the first: the sign. The logarithm is the "
            "second.",
        ),
        Mutant(
            changed(ONE_BY_ONE, (LOG_DET, "torch.linalg.det(weight).abs()")),
            "The logarithm is missing: this is the number of pixels times the volume.",
        ),
    ],
)

# 3. Bits per dimension ------------------------------------------------------------------------

BITS = """
def bits_per_dimension(log_density, dimensions, levels):
    log_levels, log_two = torch.tensor([levels, 2.0]).log()
    log_probability = log_density - dimensions * log_levels
    return -log_probability / (dimensions * log_two)
"""
CELLS = "log_density - dimensions * log_levels"

bits_per_dimension = Exercise(
    id="flow_images.bits_per_dimension",
    chapter=CHAPTER,
    title="What an image costs",
    function="bits_per_dimension",
    prompt=r"""
A picture has $n$ numbers, each one of $L$ grey levels $0, \dots, L - 1$. To make them continuous,
noise $u \in [0, 1)$ is added to each, and the sum is divided by $L$: $y = (v + u) / L$, in
$[0, 1)$. The flow gives $\log p(y)$, a log-*density*. What is reported is how many bits the
picture costs, for each of its numbers:

$$
-\frac1n \log_2 P(v), \qquad P(v) = \int_{\text{cell of } v} p(y)\, dy .
$$

The cell of $v$ has sides $1/L$. Take the density as equal in the whole cell. (If it is not, the
mean over the noise is an upper bound of the cost.)

`log_density` has shape `(B,)`: $\log p(y)$ of each picture, in nats. `dimensions` is $n$ and
`levels` is $L$. Return the bits per dimension, shape `(B,)`.
""",
    difficulty=2,
    minutes=8,
    points=3,
    stub='''
def bits_per_dimension(log_density, dimensions, levels):
    """-log2 P / n, from log p(y) of y = (v + u) / levels in nats: (B,)."""
    raise NotImplementedError("write your answer here")
''',
    reference=BITS,
    hints=[
        "The cell is a cube in $n$ dimensions, with sides $1/L$. What is its volume, and the "
        "logarithm of it?",
        "$\\log P = \\log p - n \\log L$, still in nats. From nats to bits: divide by $\\log 2$. "
        "`torch.tensor(2.0).log()` is one way to write that.",
        "A check: the uniform density on $[0, 1]^n$ has $\\log p = 0$. With 256 levels it costs 8 "
        "bits for each number.",
    ],
    visible=[
        Case(
            "the uniform density, 256 levels: 8 bits",
            given(log_density=[0.0], dimensions=784, levels=256),
        ),
        Case("two levels: a coin for each pixel", given(log_density=[0.0], dimensions=9, levels=2)),
        Case(
            "a good model, a bad one and one that is worse than none",
            given(log_density=[3500.0, 1000.0, -200.0], dimensions=784, levels=256),
        ),
        Case("5-bit colours", given(log_density=[6000.0], dimensions=3072, levels=32)),
    ],
    hidden=[
        Case(
            "many pictures",
            drawn(
                log_density=normal(30, scale=500.0), dimensions=constant(192), levels=constant(256)
            ),
            gradients=("log_density",),
        ),
        Case(
            "float64",
            drawn(log_density=double(4), dimensions=constant(5), levels=constant(16)),
        ),
    ],
    mutants=[
        Mutant(
            changed(BITS, (CELLS, "log_density")),
            "The volume of the cells is missing. A density is per unit of volume, and a cell is "
            "much smaller than that. With 256 levels this is 8 bits too few, and can be negative.",
        ),
        Mutant(
            changed(BITS, (CELLS, "log_density - log_levels")),
            "log L is counted once for the whole picture. The cell has a side 1/L in each of n "
            "dimensions.",
        ),
        Mutant(
            changed(BITS, (CELLS, "log_density + dimensions * log_levels")),
            "You multiplied by Lⁿ. The volume of a cell is L⁻ⁿ: a probability is smaller than the "
            "density here, and its logarithm is lower.",
        ),
        Mutant(
            changed(BITS, ("(dimensions * log_two)", "dimensions")),
            "These are nats per dimension. One nat is log₂ e ≈ 1.44 bits: divide by log 2.",
        ),
        Mutant(
            changed(BITS, ("(dimensions * log_two)", "dimensions * log_two")),
            "Multiplied by log 2 where it should be divided. In Python `a / b * c` is (a / b) · c: "
            "the divisor needs brackets.",
        ),
        Mutant(
            changed(BITS, ("(dimensions * log_two)", "log_two")),
            "These are the bits of the whole picture. Divide by the number of its dimensions.",
        ),
        Mutant(
            changed(BITS, ("return -log", "return log")),
            "The sign is turned. A probability below one costs a positive number of bits.",
        ),
        Mutant(
            changed(BITS, ("[levels, 2.0]", "[levels - 1, 2.0]")),
            "You divided by the highest level, 255. There are 256 levels, and with the noise the "
            "values fill 256 cells.",
        ),
    ],
)

# 4. The first batch of ActNorm ----------------------------------------------------------------

ACTNORM = """
def actnorm_parameters(x):
    shift = x.mean((0, 2, 3))
    log_scale = 0.5 * x.var((0, 2, 3), correction=0).log()
    return torch.stack([log_scale, shift])
"""
SPREAD = "0.5 * x.var((0, 2, 3), correction=0).log()"


def images(*shape: int, dtype=torch.float32):
    """A function of a generator that draws images whose channels differ in mean and spread."""

    def draw(generator):
        channel = torch.arange(shape[1], dtype=dtype)[:, None, None]
        return normal(*shape, dtype=dtype)(generator) * (0.2 + channel) + 3 * channel - 1

    return draw


actnorm_parameters = Exercise(
    id="flow_images.actnorm_parameters",
    chapter=CHAPTER,
    title="A good start",
    function="actnorm_parameters",
    prompt=r"""
ActNorm gives each channel a scale and a shift. From data to noise it does

$$
z = (x - t_c)\, e^{-s_c} .
$$

$s$ and $t$ are ordinary parameters, but where do they start? At the first batch: they are chosen
such that $z$ has mean 0 and variance 1 there, in each channel, over all pictures and all pixels.
Then deep stacks of layers start with numbers of a sensible size.

`x` has shape `(B, C, H, W)`. Return `torch.stack([s, t])`, shape `(2, C)`. Take the variance as a
mean of squares (`correction=0`), so that it is exactly 1 afterwards.
""",
    difficulty=2,
    minutes=8,
    points=3,
    stub='''
def actnorm_parameters(x):
    """Log-scales and shifts of a first batch: (B, C, H, W) to (2, C)."""
    raise NotImplementedError("write your answer here")
''',
    reference=ACTNORM,
    hints=[
        "First the shift alone. For which $t_c$ does $x - t_c$ have mean 0?",
        "`x.mean((0, 2, 3))` is the mean over all axes but the channels.",
        "$e^{s_c}$ has to be the standard deviation of the channel. So $s_c$ is half the logarithm "
        "of its variance.",
    ],
    visible=[
        Case(
            "one channel with the values 1 and 3: mean 2, standard deviation 1",
            given(x=[[[[1.0, 3.0], [3.0, 1.0]]]]),
        ),
        Case(
            "two pictures, two channels",
            given(
                x=[
                    [[[0.0, 1.0], [2.0, 1.0]], [[10.0, 30.0], [0.0, 20.0]]],
                    [[[4.0, 3.0], [5.0, 4.0]], [[-40.0, 20.0], [10.0, 50.0]]],
                ]
            ),
            gradients=("x",),
        ),
        Case("three channels", lambda generator: {"x": images(4, 3, 2, 3)(generator)}),
    ],
    hidden=[
        Case("a batch", drawn(x=images(16, 5, 4, 4)), gradients=("x",)),
        Case("float64", drawn(x=images(6, 2, 3, 5, dtype=torch.float64))),
    ],
    mutants=[
        Mutant(
            changed(ACTNORM, (SPREAD, "-" + SPREAD)),
            "The sign of s is turned. In the formula z is *multiplied* by $e^{-s}$, so that s is "
            "the logarithm of the data's spread, not of one over it.",
        ),
        Mutant(
            changed(ACTNORM, ("0.5 * x.var", "x.var")),
            "This is the logarithm of the variance. Dividing by the variance does not make it one; "
            "dividing by the standard deviation does: half of this.",
        ),
        Mutant(
            changed(ACTNORM, (SPREAD, "x.std((0, 2, 3), correction=0)")),
            "This is the standard deviation. s is its logarithm, so that the scale is positive "
            "whatever s becomes in training.",
        ),
        Mutant(
            changed(ACTNORM, (", correction=0", "")),
            "torch divides by one less than the number of values if you do not tell it otherwise. "
            "Then the variance afterwards is not quite 1. Use `correction=0`.",
        ),
        Mutant(
            changed(ACTNORM, ("stack([log_scale, shift])", "stack([shift, log_scale])")),
            "Scales and shifts are exchanged. The first row holds s.",
        ),
        Mutant(
            changed(
                ACTNORM,
                ("return ", "shift = -shift * (-log_scale).exp()\n    return "),
            ),
            "This shift belongs to $z = x e^{-s} + t$. Here the shift comes first, and in the "
            "units of x: it is the mean itself.",
        ),
        Mutant(
            changed(
                ACTNORM,
                ("x.mean((0, 2, 3))", "x.mean()"),
                ("[log_scale, shift]", "[log_scale, shift.expand(x.shape[1])]"),
            ),
            "All channels got the mean of all of them. Each has its own: take the mean over the "
            "axes 0, 2 and 3.",
        ),
        Mutant(
            changed(ACTNORM, ("x.mean((0, 2, 3))", "x[0].mean((1, 2))")),
            "The mean is of the first picture alone. Take it over the whole batch.",
        ),
        Mutant(
            changed(ACTNORM, (SPREAD, "0.5 * x.square().mean((0, 2, 3)).log()")),
            "This is the mean square, which has the mean in it. The variance is the mean square of "
            "x − t.",
        ),
    ],
)
