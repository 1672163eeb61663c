r"""The KL divergence between Gaussians with full covariance matrices.

$$ \mathrm{KL}\big(\mathcal N(\mu, \Sigma) \,\|\, \mathcal N(m, S)\big) = \tfrac12\Big(
   \operatorname{tr} S^{-1}\Sigma + (\mu - m)^\top S^{-1} (\mu - m) - d
   + \log\frac{\det S}{\det \Sigma}\Big) $$

Checked for d = 2. Positive definite matrices are written as L Lᵀ, with a positive diagonal in L.
"""

from sympy import (
    Determinant,
    Function,
    Identity,
    IndexedBase,
    Lambda,
    MatAdd,
    Matrix,
    MatrixSymbol,
    Rational,
    Symbol,
    Trace,
    ZeroMatrix,
    log,
    symbols,
)

from vae_course.derivations.engine import Derivation, Step, WrongForm, integrated
from vae_course.derivations.notation import Expectation, Normal, Quadratic, Scalar, add, times

half = Rational(1, 2)
d = Symbol("d", integer=True, positive=True)
z, mu, m = (MatrixSymbol(name, d, 1) for name in ("z", "mu", "m"))
Sigma, S = (MatrixSymbol(name, d, d) for name in ("Sigma", "S"))
q, p = Function("q"), Function("p")


def pair(name: str) -> Matrix:
    """A vector of two components."""
    component = IndexedBase(name, real=True)
    return Matrix([component[1], component[2]])


def positive_definite(name: str) -> Matrix:
    """L Lᵀ for any lower triangular 2×2 matrix L with a positive diagonal."""
    on_diagonal = symbols(f"{name}_1:3", positive=True)
    below = Symbol(f"{name}_0", real=True)
    triangle = Matrix([[on_diagonal[0], 0], [below, on_diagonal[1]]])
    return triangle * triangle.T


kl_full_from_standard_normal = Derivation(
    name="kl_full_from_standard_normal",
    title="The KL divergence of any Gaussian from the standard normal",
    left=r"\mathrm{KL}(q \,\|\, p)",
    definitions={
        q: Lambda(z, Normal(z, mu, Sigma)),
        p: Lambda(z, Normal(z, ZeroMatrix(d, 1), Identity(d))),
    },
    instance={d: 2, z: pair("z"), mu: pair("mu"), Sigma: positive_definite("l")},
    source="Kingma & Welling 2014, for a diagonal covariance",
    steps=[
        Step(
            Expectation(add(log(q(z)), -log(p(z))), q(z)),
            "The definition of the KL divergence.",
        ),
        Step(
            times(
                half,
                add(
                    -log(Determinant(Sigma)),
                    -Expectation(Quadratic(MatAdd(z, -mu), Sigma.I), q(z)),
                    Expectation(Scalar(z.T * z), q(z)),
                ),
            ),
            "Write out the log-densities. The determinant is the volume that the covariance "
            "stretches; $2\\pi$ cancels.",
            integrated,
        ),
        Step(
            times(half, add(Trace(Sigma), Scalar(mu.T * mu), -d, -log(Determinant(Sigma)))),
            "Measured by its own covariance, every direction has second moment one: $d$ in all. "
            "$E z^\\top z$ is the sum of the variances and the squared means.",
            integrated,
        ),
    ],
    wrong_forms=[
        WrongForm(
            2,
            times(half, add(Trace(Sigma), Scalar(mu.T * mu), -1, -log(Determinant(Sigma)))),
            "1 in place of d: the constant of one dimension",
        ),
        WrongForm(
            2,
            times(half, add(Trace(Sigma), Scalar(mu.T * mu), -d, -log(Trace(Sigma)))),
            "the log of the trace in place of the determinant",
        ),
        WrongForm(
            2,
            times(half, add(Trace(Sigma), -d, -log(Determinant(Sigma)))),
            "the mean is forgotten",
        ),
    ],
)

kl_full_gaussian = Derivation(
    name="kl_full_gaussian",
    title="The KL divergence between any two Gaussians",
    left=r"\mathrm{KL}(q \,\|\, p)",
    definitions={q: Lambda(z, Normal(z, mu, Sigma)), p: Lambda(z, Normal(z, m, S))},
    instance={
        d: 2,
        z: pair("z"),
        mu: pair("mu"),
        m: pair("m"),
        Sigma: positive_definite("l"),
        S: positive_definite("s"),
    },
    steps=[
        Step(
            Expectation(add(log(q(z)), -log(p(z))), q(z)),
            "The definition of the KL divergence.",
        ),
        Step(
            times(
                half,
                add(
                    log(Determinant(S) / Determinant(Sigma)),
                    -Expectation(Quadratic(MatAdd(z, -mu), Sigma.I), q(z)),
                    Expectation(Quadratic(MatAdd(z, -m), S.I), q(z)),
                ),
            ),
            "Write out the log-densities; constants leave the expectation.",
            integrated,
        ),
        Step(
            times(
                half,
                add(
                    log(Determinant(S) / Determinant(Sigma)),
                    -d,
                    Trace(S.I * Sigma),
                    Quadratic(MatAdd(mu, -m), S.I),
                ),
            ),
            "Around its own mean the second moments of $q$ are $\\Sigma$, and "
            "$\\Sigma^{-1}\\Sigma$ has trace $d$. Around $m$, the distance of the means is added.",
            integrated,
        ),
    ],
    wrong_forms=[
        WrongForm(
            2,
            times(
                half,
                add(
                    log(Determinant(S) / Determinant(Sigma)),
                    -d,
                    Trace(Sigma.I * S),
                    Quadratic(MatAdd(mu, -m), Sigma.I),
                ),
            ),
            "measured by the covariance of q in place of that of p",
        ),
        WrongForm(
            2,
            times(
                half,
                add(
                    log(Determinant(Sigma) / Determinant(S)),
                    -d,
                    Trace(S.I * Sigma),
                    Quadratic(MatAdd(mu, -m), S.I),
                ),
            ),
            "the two determinants are exchanged (E63)",
        ),
    ],
)
