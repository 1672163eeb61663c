r"""The rate, taken apart: information, dependence between latents, and each latent by itself.

$$ R = I_q(x; z) + \mathrm{TC}(z) + \sum_j \mathrm{KL}\big(q(z_j) \,\|\, p(z_j)\big), \qquad
   \mathrm{TC}(z) = \mathrm{KL}\Big(q(z) \,\Big\|\, \prod_j q(z_j)\Big) $$

in the mean over the data, for a prior with independent latents. Hoffman & Johnson 2016; Chen, Li,
Grosse & Duvenaud 2018; that a rotation changes nothing is in Locatello et al. 2019 in general.
"""

from sympy import (
    Determinant,
    Identity,
    IndexedBase,
    Lambda,
    Matrix,
    MatrixSymbol,
    Rational,
    Sum,
    Symbol,
    Trace,
    ZeroMatrix,
    cos,
    log,
    sin,
    sqrt,
)

from vae_course.derivations.engine import Derivation, Step, WrongForm, integrated, proved
from vae_course.derivations.notation import (
    KL,
    Expectation,
    Normal,
    Scalar,
    SumOver,
    add,
    density,
    times,
)

half = Rational(1, 2)

# A data set of N examples -----------------------------------------------------------------------

z, n = Symbol("z", real=True), Symbol("n", integer=True, positive=True)
N = Symbol("N", integer=True, positive=True)
q = density("q", "q_phi", given=True, over=z, total=1)  # q(z, n) prints as q_φ(z | n)
prior = density("prior", "p", over=z, total=1)
uniform = density("uniform", "u")
aggregate = density("aggregate", "q_phi")
which = density("which", "q_phi", given=True)  # q_φ(n | z): which example had this code
pairs = density("pairs", "q_phi")
AGGREGATE = {
    uniform: Lambda(n, 1 / N),
    pairs: Lambda((n, z), q(z, n) * uniform(n)),
    aggregate: Lambda(z, SumOver(pairs(n, z), n)),
    which: Lambda((n, z), pairs(n, z) / aggregate(z)),
}


def over_pairs(integrand) -> Expectation:
    """The mean over examples and their codes."""
    return Expectation(integrand, pairs(n, z), n, z)


information_decomposition = Derivation(
    name="information_decomposition",
    title="The rate of a data set: what the code tells, and what the prior misses",
    left="R",
    definitions=AGGREGATE,
    instance={N: 3},
    states={n: 3, z: 2},
    source="Hoffman & Johnson 2016",
    steps=[
        Step(
            times(1 / N, SumOver(KL(q(z, n), prior(z)), n)),
            "The rate of each of the $N$ examples, and the mean. We call an example by its number "
            "$n$.",
        ),
        Step(
            over_pairs(add(log(q(z, n)), -log(prior(z)))),
            "The same as drawing an example, each with chance $1/N$, and then its code.",
            proved,
        ),
        Step(
            add(
                over_pairs(add(log(q(z, n)), -log(aggregate(z)))),
                Expectation(add(log(aggregate(z)), -log(prior(z))), aggregate(z)),
            ),
            "Subtract and add the logarithm of the aggregate posterior, the codes of all examples "
            "together.",
            proved,
        ),
        Step(
            add(over_pairs(log(which(n, z) / uniform(n))), KL(aggregate(z), prior(z))),
            "By Bayes' rule: by how much the code makes its example likelier than $1/N$. That is "
            "the mutual information.",
            proved,
        ),
        Step(
            add(log(N), over_pairs(log(which(n, z))), KL(aggregate(z), prior(z))),
            "To name one of $N$ examples takes $\\log N$ nats. The second term is minus what is "
            "still unknown when the code is known. So no code tells more than $\\log N$.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(
            0,
            KL(q(z, n), prior(z)),
            "the rate of one example: the identity holds in the mean alone (E07)",
        ),
        WrongForm(
            4,
            add(log(N), over_pairs(log(which(n, z)))),
            "the rate taken for the mutual information (E07)",
        ),
        WrongForm(
            4,
            add(log(N), -over_pairs(log(which(n, z))), KL(aggregate(z), prior(z))),
            "the entropy of the example with the wrong sign (E11)",
        ),
        WrongForm(
            3,
            add(over_pairs(log(which(n, z) / uniform(n))), KL(prior(z), aggregate(z))),
            "the two densities exchanged (E63)",
        ),
    ],
)

# Total correlation --------------------------------------------------------------------------------

x, z_1, z_2 = (Symbol(name, real=True) for name in ("x", "z_1", "z_2"))
data = density("data", "p_data", over=x, total=1)
encoder = density("encoder", "q_phi", given=2)  # q_φ(z_1, z_2 | x)
all_codes = density("all_codes", "q_phi")  # q_φ(z_1, z_2)
first, second = density("first", "q_1"), density("second", "q_2")  # of one latent by itself
prior_1, prior_2 = density("prior_1", "p_1"), density("prior_2", "p_2")
correlated = density("correlated", "p")
of_x, of_all = encoder(z_1, z_2, x), all_codes(z_1, z_2)
apart = times(first(z_1), second(z_2))
independent = times(prior_1(z_1), prior_2(z_2))
I_q, TC = Symbol("I_q", real=True), Symbol("TC", real=True)


def over_codes(integrand) -> Expectation:
    """The mean over the data, and the codes of each example."""
    return Expectation(Expectation(integrand, of_x, z_1, z_2), data(x))


total_correlation_decomposition = Derivation(
    name="total_correlation_decomposition",
    title="Three parts of the rate: information, total correlation, and each latent's own",
    left="R",
    definitions={
        all_codes: Lambda((z_1, z_2), SumOver(data(x) * of_x, x)),
        first: Lambda(z_1, SumOver(of_all, z_2)),
        second: Lambda(z_2, SumOver(of_all, z_1)),
        I_q: over_codes(log(of_x / of_all)),
        TC: KL(of_all, apart, z_1, z_2),
    },
    states={x: 2, z_1: 2, z_2: 2},
    source="Chen et al. 2018",
    steps=[
        Step(
            Expectation(KL(of_x, independent, z_1, z_2), data(x)),
            "Two latents, independent under the prior. The encoder may be any.",
        ),
        Step(
            add(
                over_codes(log(of_x / of_all)),
                over_codes(log(of_all / apart)),
                over_codes(log(apart / independent)),
            ),
            "Two densities are put in between: that of all codes, and the product of what it is "
            "for each latent by itself.",
            proved,
        ),
        Step(
            add(I_q, TC, over_codes(log(apart / independent))),
            "The first is the mutual information. The second does not ask for the example: it "
            "says how much the latents depend on each other, and is called the total correlation.",
            proved,
        ),
        Step(
            add(I_q, TC, KL(first(z_1), prior_1(z_1)), KL(second(z_2), prior_2(z_2))),
            "The logarithm of the two products falls apart into one for each latent. That needs a "
            "prior that is a product too.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(
            0,
            KL(of_x, independent, z_1, z_2),
            "said of one example: it holds in the mean over the data alone (E43)",
        ),
        WrongForm(
            0,
            Expectation(KL(of_x, correlated(z_1, z_2), z_1, z_2), data(x)),
            "said for a prior with dependent latents (E43)",
        ),
        WrongForm(
            3,
            add(TC, KL(first(z_1), prior_1(z_1)), KL(second(z_2), prior_2(z_2))),
            "the mutual information left out: that is the divergence of all codes",
        ),
    ],
)

# Of a Gaussian ------------------------------------------------------------------------------------

d, i = Symbol("d", integer=True, positive=True), Symbol("i", integer=True, positive=True)
code, mu = (MatrixSymbol(name, d, 1) for name in ("z", "mu"))
Sigma, S = MatrixSymbol("Sigma", d, d), MatrixSymbol("S", d, d)
sigma = IndexedBase("sigma", positive=True)
tilt = Symbol("r", real=True)
rho = Symbol("rho", real=True)
correlation = tilt / sqrt(1 + tilt**2)  # any number between −1 and 1
covariance = correlation * sigma[1] * sigma[2]
gauss, product = density("gauss", "q"), density("product", "p")

total_correlation_gaussian = Derivation(
    name="total_correlation_gaussian",
    title="The total correlation of a Gaussian",
    left=r"\mathrm{TC}(z)",
    definitions={
        gauss: Lambda(code, Normal(code, ZeroMatrix(d, 1), Sigma)),
        product: Lambda(code, Normal(code, ZeroMatrix(d, 1), S)),
    },
    instance={
        d: 2,
        code: Matrix([IndexedBase("z", real=True)[k] for k in (1, 2)]),
        Sigma: Matrix([[sigma[1] ** 2, covariance], [covariance, sigma[2] ** 2]]),
        S: Matrix([[sigma[1] ** 2, 0], [0, sigma[2] ** 2]]),
        rho: correlation,
    },
    source="Cover & Thomas 2006",
    steps=[
        Step(
            Expectation(add(log(gauss(code)), -log(product(code))), gauss(code)),
            "The latents together have the covariance $\\Sigma$; each by itself is Gaussian with "
            "the variance $\\sigma_i^2$ on its diagonal. So the product has the diagonal matrix "
            "$S$ of these. Means do not matter, and are zero here.",
        ),
        Step(
            times(
                half,
                add(log(Determinant(S)), -log(Determinant(Sigma)), -d, Trace(S.I * Sigma)),
            ),
            "The KL divergence between two Gaussians with one mean.",
            integrated,
        ),
        Step(
            times(half, add(Sum(log(sigma[i] ** 2), (i, 1, d)), -log(Determinant(Sigma)))),
            "$S^{-1}\\Sigma$ has ones on its diagonal, so that its trace is $d$. The determinant "
            "of $S$ is the product of the variances.",
            proved,
        ),
        Step(
            times(-half, log(add(1, -(rho**2)))),
            "For two latents with correlation $\\rho$. It is zero without correlation, has no "
            "bound, and does not see the scale of either.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(
            2,
            times(half, add(log(Determinant(Sigma)), -Sum(log(sigma[i] ** 2), (i, 1, d)))),
            "the sign is turned: a total correlation is never negative",
        ),
        WrongForm(
            2,
            times(half, add(Sum(log(sigma[i]), (i, 1, d)), -log(Determinant(Sigma)))),
            "log σ in place of log σ² (E105)",
        ),
        WrongForm(3, -log(add(1, -(rho**2))), "the factor ½ is forgotten"),
    ],
)

# A rotation ---------------------------------------------------------------------------------------

alpha, s = Symbol("alpha", real=True), Symbol("s", positive=True)
rotation = MatrixSymbol("O", d, d)
rotated, before, standard = (
    density(name, symbol)
    for name, symbol in (("rotated", "q_O"), ("before", "q"), ("standard", "p"))
)
turn = Matrix([[cos(alpha), -sin(alpha)], [sin(alpha), cos(alpha)]])

rotation_invariance = Derivation(
    name="rotation_invariance",
    title="A rotation of the codes does not change their rate",
    left=r"\mathrm{KL}(q_O \,\|\, p)",
    definitions={
        rotated: Lambda(code, Normal(code, rotation * mu, s**2 * Identity(d))),
        before: Lambda(code, Normal(code, mu, s**2 * Identity(d))),
        standard: Lambda(code, Normal(code, ZeroMatrix(d, 1), Identity(d))),
    },
    instance={
        d: 2,
        code: Matrix([IndexedBase("z", real=True)[k] for k in (1, 2)]),
        mu: Matrix([IndexedBase("mu", real=True)[k] for k in (1, 2)]),
        rotation: turn,
    },
    source="Locatello et al. 2019",
    steps=[
        Step(
            Expectation(add(log(rotated(code)), -log(standard(code))), rotated(code)),
            "An encoder with the same spread $s$ in all directions. Its codes are rotated by the "
            "angle $\\alpha$: that moves the mean to $O\\mu$, and leaves $s^2 I$ as it is, since "
            "$O I O^\\top = I$.",
        ),
        Step(
            times(
                half,
                add(
                    times(d, s**2), Scalar((rotation * mu).T * (rotation * mu)), -d, -d * log(s**2)
                ),
            ),
            "The KL divergence from the standard normal.",
            integrated,
        ),
        Step(
            times(half, add(times(d, s**2), Scalar(mu.T * mu), -d, -d * log(s**2))),
            "A rotation keeps lengths: $O^\\top O = I$.",
            proved,
        ),
        Step(
            Expectation(add(log(before(code)), -log(standard(code))), before(code)),
            "That is the divergence before. If the decoder rotates back first, the distortion "
            "does not change either: no $\\beta$ tells the two models apart.",
            integrated,
        ),
    ],
    wrong_forms=[
        WrongForm(
            2,
            times(half, add(times(d, s**2), Scalar(mu.T * (rotation * mu)), -d, -d * log(s**2))),
            "the codes compared with where they were, in place of with zero",
        ),
        WrongForm(
            1,
            times(half, add(s**2, Scalar((rotation * mu).T * (rotation * mu)), -d, -d * log(s**2))),
            "the variance counted once, for d directions",
        ),
        WrongForm(
            2,
            times(
                half,
                add(times(d, s**2), Scalar(mu.T * mu), times(4, sin(alpha)), -d, -d * log(s**2)),
            ),
            "an objective that prefers one angle: the rate said to ask for axes (E14)",
        ),
    ],
)
