r"""How much a layer of a flow stretches space: the log-determinants of its Jacobian.

$$ \log|\det J| = \sum_i \log|J_{ii}| \;\text{(triangular)}, \qquad
   \log\big|\det(I + h' u w^\top)\big| = \log|1 + h' w^\top u| \;\text{(planar)} $$

The Jacobians are computed by differentiation of the maps, and stand under the name $J$.

Dinh, Krueger & Bengio 2015; Rezende & Mohamed 2015; Dinh, Sohl-Dickstein & Bengio 2017;
Papamakarios et al. 2021.
"""

from sympy import (
    Abs,
    Determinant,
    Expr,
    Function,
    Identity,
    IndexedBase,
    Lambda,
    MatAdd,
    Matrix,
    MatrixSymbol,
    Pow,
    Product,
    Sum,
    Symbol,
    Trace,
    exp,
    eye,
    log,
)

from vae_course.derivations.engine import Derivation, Step, WrongForm, proved
from vae_course.derivations.notation import Scalar, add, prime, times


def jacobian(outputs: list[Expr], inputs: list[Expr]) -> Matrix:
    """∂outputs/∂inputs, a row for each output."""
    return Matrix(len(outputs), len(inputs), lambda i, j: outputs[i].diff(inputs[j]))


def log_abs_det(matrix) -> Expr:
    return log(Abs(Determinant(matrix)))


d, n = (Symbol(name, integer=True, positive=True) for name in ("d", "n"))
i = Symbol("i", integer=True, positive=True)
J = MatrixSymbol("J", d, d)
each = (i, 1, d)

# Two layers ----------------------------------------------------------------------------------

J_1, J_2, J_2_before = (MatrixSymbol(name, d, d) for name in ("J_1", "J_2", "J_2^{(0)}"))
z_1, z_2, y_1, y_2 = (Symbol(name, real=True) for name in ("z_1", "z_2", "y_1", "y_2"))
a, c = (Symbol(name, real=True, nonzero=True) for name in ("a", "c"))
s, t = (Symbol(name, real=True) for name in ("s", "t"))
first = [z_1, c * z_2 + t * z_1**2]
second = [a * y_1 * exp(s * y_2), y_2]
there = {y_1: first[0], y_2: first[1]}
slopes = jacobian(second, [y_1, y_2])

composition_log_det = Derivation(
    name="composition_log_det",
    title="The log-determinants of two layers add up",
    left=r"\log|\det J|",
    instance={
        d: 2,
        J: jacobian([e.subs(there) for e in second], [z_1, z_2]),
        J_1: jacobian(first, [z_1, z_2]),
        J_2: slopes.subs(there),
        J_2_before: slopes.subs({y_1: z_1, y_2: z_2}),
    },
    source="Papamakarios et al. 2021",
    steps=[
        Step(
            log_abs_det(J),
            "$z_2 = f_2(f_1(z_0))$, and $J$ is its Jacobian. It is checked for "
            "$f_1(z) = (z_1, c z_2 + t z_1^2)$ and $f_2(y) = (a y_1 \\exp(s y_2), y_2)$, where $a$ "
            "and $c$ have any sign.",
        ),
        Step(
            log_abs_det(J_2 * J_1),
            "The chain rule. $J_1$ is taken at $z_0$, and $J_2$ at $z_1 = f_1(z_0)$: each where "
            "its own layer is used.",
            proved,
        ),
        Step(
            log(Abs(times(Determinant(J_1), Determinant(J_2)))),
            "The determinant of a product is the product of the determinants, in any order.",
            proved,
        ),
        Step(
            add(log_abs_det(J_1), log_abs_det(J_2)),
            "So $K$ layers cost the sum of $K$ terms.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(1, log_abs_det(J_2_before * J_1), "the second layer's Jacobian taken at z_0"),
        WrongForm(1, log_abs_det(J_2 + J_1), "Jacobians added in place of multiplied"),
        WrongForm(3, add(log(Determinant(J_1)), log(Determinant(J_2))), "no absolute values (E31)"),
    ],
)

# Triangular ----------------------------------------------------------------------------------

entry = IndexedBase("J", real=True, nonzero=True)
triangle = Matrix(3, 3, lambda i, j: entry[i + 1, j + 1] if j <= i else 0)
minor = MatrixSymbol("M", d - 1, d - 1)

triangular_log_det = Derivation(
    name="triangular_log_det",
    title="A triangular Jacobian needs only its diagonal",
    left=r"\log|\det J|",
    instance={d: 3, J: triangle, minor: triangle[1:, 1:]},
    source="Papamakarios et al. 2021",
    steps=[
        Step(
            log_abs_det(J),
            "$x_i$ is a function of $z_1, \\dots, z_i$ only. So $J_{ij} = 0$ for $j > i$.",
        ),
        Step(
            add(log(Abs(entry[1, 1])), log_abs_det(minor)),
            "Expand along the first row: only its first entry is not zero. $M$ is $J$ without its "
            "first row and column.",
            proved,
        ),
        Step(
            log(Abs(Product(entry[i, i], each))),
            "$M$ is triangular too. And so on, down to one entry. What is below the diagonal "
            "does not matter.",
            proved,
        ),
        Step(
            Sum(log(Abs(entry[i, i])), each),
            "$d$ numbers in place of a determinant, which takes about $d^3$ operations.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(3, Sum(log(entry[i, i]), each), "no absolute values (E31)"),
        WrongForm(3, log(Abs(Sum(entry[i, i], each))), "the trace in place of the determinant"),
        WrongForm(3, log(Abs(entry[d, d])), "only the last entry of the diagonal"),
    ],
)

# Coupling ------------------------------------------------------------------------------------

x, j = IndexedBase("x", real=True), Symbol("j", integer=True, positive=True)
log_scale, shift = (Function(name, real=True) for name in ("s_", "t_"))
S, J_own = MatrixSymbol("S", n, n), MatrixSymbol("J^{(b)}", d, d)


def coupled(*looks_at: Expr) -> list[Expr]:
    """x_a as it is, and x_b scaled and shifted by functions of `looks_at`."""
    scaled = (x[j + 2] * exp(log_scale(*looks_at, j)) + shift(*looks_at, j) for j in (1, 2))
    return [x[1], x[2], *scaled]


inputs = [x[k] for k in (1, 2, 3, 4)]
s_j = log_scale(x[1], x[2], j)

coupling_log_det = Derivation(
    name="coupling_log_det",
    title="A coupling layer needs no derivative of its networks",
    left=r"\log|\det J|",
    instance={
        d: 4,
        n: 2,
        J: jacobian(coupled(x[1], x[2]), inputs),
        J_own: jacobian(coupled(x[1], x[3]), inputs),
        S: Matrix(2, 2, lambda k, m: exp(log_scale(x[1], x[2], k + 1)) if k == m else 0),
    },
    source="Dinh et al. 2017",
    steps=[
        Step(
            log_abs_det(J),
            "Of four numbers, $x_1$ and $x_2$ pass. The other $n = 2$ are multiplied by "
            "$e^{s_j}$ and shifted by $t_j$, where $s_j$ and $t_j$ are any functions of $x_1$ "
            "and $x_2$.",
        ),
        Step(
            log(Abs(times(Determinant(Identity(n)), Determinant(S)))),
            "Four blocks, with zeros above the diagonal: what passes does not depend on the rest. "
            "$S$ is diagonal, with $e^{s_j}$. The derivatives of the networks are in the block "
            "below, and drop out.",
            proved,
        ),
        Step(log(Product(exp(s_j), (j, 1, n))), "Scales $e^{s_j}$ are positive.", proved),
        Step(Sum(s_j, (j, 1, n)), "The networks have been run already: a sum is left.", proved),
    ],
    wrong_forms=[
        WrongForm(0, log_abs_det(J_own), "the networks look at a number that they change"),
        WrongForm(3, -Sum(s_j, (j, 1, n)), "the sign of the inverse"),
        WrongForm(3, Sum(s_j, (j, 1, n)) / n, "a mean over the numbers in place of a sum"),
        WrongForm(3, Sum(exp(s_j), (j, 1, n)), "the scales added, not their logarithms"),
    ],
)

# Planar --------------------------------------------------------------------------------------

vectors = {name: IndexedBase(name, real=True) for name in "zuw"}
z, u, w = (MatrixSymbol(name, d, 1) for name in "zuw")
B, one = MatrixSymbol("B", d + 1, d + 1), MatrixSymbol("I", d, d)
b, r = (Symbol(name, real=True) for name in ("b", "r"))
inside = Symbol("a", real=True)
bend = Function("h", real=True)
curve = c * r + c * r**2  # its slope can have any value, as that of any function
slope = prime(bend)(inside)
column = {name: Matrix([base[k] for k in (1, 2)]) for name, base in vectors.items()}
bent = curve.subs(r, (column["w"].T * column["z"])[0] + b)
moved = list(column["z"] + column["u"] * bent)

planar_log_det = Derivation(
    name="planar_log_det",
    title="A planar layer: the determinant lemma",
    left=r"\log|\det J|",
    definitions={inside: add(Scalar(w.T * z), b)},
    instance={
        d: 2,
        bend: Lambda(r, curve),
        J: jacobian(moved, list(column["z"])),
        one: eye(2),
        z: column["z"],
        u: column["u"],
        w: column["w"],
        B: Matrix.vstack(
            Matrix.hstack(eye(2), -slope * column["u"]),
            Matrix.hstack(column["w"].T, eye(1)),
        ),
    },
    source="Rezende & Mohamed 2015",
    steps=[
        Step(
            log_abs_det(J),
            "$J$ is the Jacobian of $f(z) = z + u\\, h(w^\\top z + b)$, where $h$ is "
            "tanh or any smooth function. It is checked for $h(a) = c(a + a^2)$, which can have "
            "any slope.",
        ),
        Step(
            log_abs_det(MatAdd(one, slope * u * w.T)),
            "Output $i$ changes with $z_j$ by $h'(a)\\, u_i w_j$, apart from itself. So $J$ is "
            "the identity and one column times one row.",
            proved,
        ),
        Step(
            log_abs_det(B),
            "$B$ has one row and one column more: $I$ and $-h'(a) u$ above, $w^\\top$ and $1$ "
            "below. Add $h'(a)\\, u$ times the last row to those above: the last column is zero "
            "there, and the block at the top left is the line before.",
            proved,
        ),
        Step(
            log(Abs(add(1, times(slope, Scalar(w.T * u))))),
            "Clear the last row of the same $B$ instead: subtract the rows above, each times its "
            "$w_i$. What is left is triangular, with ones and $1 + h'(a)\\, w^\\top u$. That takes "
            "$d$ operations.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(3, log(add(1, times(slope, Scalar(w.T * u)))), "no absolute value (E31)"),
        WrongForm(3, log(Abs(add(1, Scalar(w.T * u)))), "the slope of h is forgotten"),
        WrongForm(
            3, log(Abs(add(1, times(bend(inside), Scalar(w.T * u))))), "h in place of its slope"
        ),
        WrongForm(3, log(Abs(add(d, times(slope, Scalar(w.T * u))))), "the trace: d in place of 1"),
    ],
)

# Images --------------------------------------------------------------------------------------

HW = Symbol("HW", integer=True, positive=True)
W = MatrixSymbol("W", n, n)
kernel = IndexedBase("W", real=True)
matrix = Matrix(2, 2, lambda k, m: kernel[k + 1, m + 1])
pixels = [[IndexedBase("x", real=True)[k, p] for p in (1, 2, 3)] for k in (1, 2)]
mixed = [sum(matrix[k, m] * pixels[m][p] for m in (0, 1)) for k in (0, 1) for p in range(3)]
by_pixel = MatrixSymbol("P", d, d)

one_by_one_log_det = Derivation(
    name="one_by_one_log_det",
    title="A 1×1 convolution: the same matrix at each pixel",
    left=r"\log|\det J|",
    instance={
        HW: 3,
        d: 6,
        n: 2,
        W: matrix,
        J: jacobian(mixed, [x for row in pixels for x in row]),
        by_pixel: Matrix.diag(matrix, matrix, matrix),
    },
    source="Kingma & Dhariwal 2018",
    steps=[
        Step(
            log_abs_det(J),
            "An image of height × width $HW$ pixels: at each, $W$ mixes the channels. $J$ is the "
            "Jacobian of the whole image, channel after channel.",
        ),
        Step(
            log_abs_det(by_pixel),
            "Sort inputs and outputs by pixel. Rows and columns move alike, so the determinant "
            "stays. No pixel looks at another: $P$ has $W$ along its diagonal, and zeros "
            "elsewhere.",
            proved,
        ),
        Step(
            log(Pow(Abs(Determinant(W)), HW)),
            "The determinant of a block diagonal matrix is the product over its blocks. With "
            "an odd number of pixels it is negative if $\\det W$ is.",
            proved,
        ),
        Step(
            times(HW, log_abs_det(W)),
            "A volume has no sign: the absolute value stays.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(3, times(HW, log(Determinant(W))), "no absolute value (E31)"),
        WrongForm(2, log(Pow(Determinant(W), HW)), "(det W)^HW taken for a volume (E31)"),
        WrongForm(3, log_abs_det(W), "counted once, not at each pixel"),
        WrongForm(3, times(HW, n, log_abs_det(W)), "counted for each channel too"),
        WrongForm(3, times(HW, log(Abs(Trace(W)))), "the trace in place of the determinant"),
    ],
)

scale = IndexedBase("s", real=True, nonzero=True)
stretched = [scale[k + 1] * pixels[k][p] + Symbol("b") for k in (0, 1) for p in range(3)]

actnorm_log_det = Derivation(
    name="actnorm_log_det",
    title="ActNorm: a scale for each channel",
    left=r"\log|\det J|",
    instance={
        HW: 3,
        d: 6,
        n: 2,
        J: jacobian(stretched, [x for row in pixels for x in row]),
    },
    source="Kingma & Dhariwal 2018",
    steps=[
        Step(
            log_abs_det(J),
            "Each of $n$ channels is multiplied by $s_i$ and shifted, alike at all $HW$ pixels.",
        ),
        Step(
            log(Abs(Product(Pow(scale[i], HW), (i, 1, n)))),
            "$J$ is diagonal, and each scale is there once for each pixel.",
            proved,
        ),
        Step(times(HW, Sum(log(Abs(scale[i])), (i, 1, n))), "The log of a product.", proved),
    ],
    wrong_forms=[
        WrongForm(2, Sum(log(Abs(scale[i])), (i, 1, n)), "counted once, not at each pixel"),
        WrongForm(2, times(HW, Sum(log(scale[i]), (i, 1, n))), "no absolute values (E31)"),
        WrongForm(2, -times(HW, Sum(log(Abs(scale[i])), (i, 1, n))), "the sign of the inverse map"),
    ],
)
