r"""Densities of transformed variables.

$$ p_a(a) = p_b\big(f^{-1}(a)\big)\, \Big|\frac{d f^{-1}(a)}{da}\Big|, \qquad
   \log q(z) = \sum_i \big[\log \mathcal N(\varepsilon_i; 0, 1) - \log \sigma_i\big]
   \quad\text{for } z_i = \mu_i + \sigma_i \varepsilon_i $$

Papamakarios, Nalisnick, Rezende, Mohamed & Lakshminarayanan 2021.
"""

from sympy import (
    Determinant,
    Function,
    Identity,
    IndexedBase,
    Integral,
    Lambda,
    Matrix,
    MatrixSymbol,
    Product,
    Sum,
    Symbol,
    ZeroMatrix,
    exp,
    log,
    symbols,
)

from vae_course.derivations.engine import Derivation, Step, WrongForm, integrated, proved
from vae_course.derivations.notation import Gradient, Normal, add, density, times

s, t = symbols("s t", positive=True)
b, mu = symbols("b mu", real=True)
sigma = Symbol("sigma", positive=True)
p_b = density("p_b")
g = Function("g", real=True)

change_of_variables = Derivation(
    name="change_of_variables",
    title="Change of variables: the density of an exponential",
    left=r"p_a(t)",
    definitions={p_b: Lambda(b, Normal(b, mu, sigma**2)), g: Lambda(t, log(t))},
    source="Papamakarios et al. 2021",
    steps=[
        Step(
            Gradient(Integral(p_b(b), (b, g(s), g(t))), t),
            "Let $a = e^b$. Mass is preserved on every interval: $a$ lies between $s$ and $t$ "
            "exactly when $b$ lies between $g(s)$ and $g(t)$, where $g$ is the inverse. The "
            "density of $a$ at $t$ is the rate at which that mass grows with $t$.",
        ),
        Step(
            times(p_b(g(t)), Gradient(g(t), t)),
            "The upper limit moves with $t$: the density there, times the speed of the limit. "
            "That speed is the Jacobian of the inverse.",
            integrated,
        ),
        Step(times(p_b(log(t)), 1 / t), "The inverse of $e^b$ is the logarithm.", proved),
        Step(
            times(1 / t, Normal(log(t), mu, sigma**2)),
            "For a Gaussian $b$: the log-normal density.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(
            1,
            times(p_b(g(t)), exp(-mu - sigma**2 / 2)),
            "no Jacobian, but normalised: total masses agree, local ones do not (E103)",
        ),
        WrongForm(1, p_b(g(t)), "no Jacobian"),
        WrongForm(1, p_b(t), "the same letter p, read as the same function (E104)"),
        WrongForm(2, times(p_b(log(t)), t), "the Jacobian of $f$ in place of its inverse's"),
    ],
)

# Gaussian reparameterisation -----------------------------------------------------------------

i, d = Symbol("i", integer=True, positive=True), Symbol("d", integer=True, positive=True)
mus, epsilons = (IndexedBase(name, real=True) for name in ("mu", "epsilon"))
zs, sigmas = IndexedBase("z", real=True), IndexedBase("sigma", positive=True)
J = MatrixSymbol("J", d, d)
each = (i, 1, d)

gaussian_log_det = Derivation(
    name="gaussian_log_det",
    title="The log-density of a reparameterised Gaussian",
    left=r"\log q(z)",
    definitions={epsilons: Lambda(i, add(zs[i], -mus[i]) / sigmas[i])},
    equivalent={
        "definition of ε_i: sign of (z_i - μ_i)/σ_i flipped": "−ε has the same density as ε"
    },
    instance={d: 3, J: Matrix(3, 3, lambda j, k: sigmas[k + 1] if j == k else 0)},
    source="Kingma & Welling 2019",
    steps=[
        Step(
            add(Sum(log(Normal(epsilons[i], 0, 1)), each), -log(Determinant(J))),
            "Here $z_i = \\mu_i + \\sigma_i \\varepsilon_i$. Change of variables: the log-density "
            "of the noise, minus the log-determinant of the Jacobian $J$ of $z$ with respect to "
            "$\\varepsilon$.",
        ),
        Step(
            add(Sum(log(Normal(epsilons[i], 0, 1)), each), -log(Product(sigmas[i], each))),
            "$z_i$ depends on $\\varepsilon_i$ only, with slope $\\sigma_i$: $J$ is diagonal. Its "
            "determinant is the product of the diagonal.",
            proved,
        ),
        Step(
            Sum(add(log(Normal(epsilons[i], 0, 1)), -log(sigmas[i])), each),
            "The log of a product is a sum. Both terms are inside of it.",
            proved,
        ),
        Step(
            Sum(log(Normal(zs[i], mus[i], sigmas[i] ** 2)), each),
            "$\\varepsilon_i = (z_i - \\mu_i)/\\sigma_i$, and $\\sigma_i$ is what makes each "
            "Gaussian integrate to one.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(
            2,
            add(Sum(log(Normal(epsilons[i], 0, 1)), each), -log(sigmas[d])),
            "log σ left out of the bracket: it is subtracted once (E106)",
        ),
        WrongForm(
            2,
            Sum(add(log(Normal(epsilons[i], 0, 1)), log(sigmas[i])), each),
            "the determinant of the inverse: its sign is turned",
        ),
        WrongForm(
            2,
            Sum(add(log(Normal(epsilons[i], 0, 1)), -log(sigmas[i] ** 2)), each),
            "log σ² in place of log σ (E105)",
        ),
    ],
)

# With correlations ---------------------------------------------------------------------------

z, m, e = (MatrixSymbol(name, d, 1) for name in ("z", "mu", "epsilon"))
L = MatrixSymbol("L", d, d)
ell = IndexedBase("l", positive=True)
triangle = Matrix([[ell[1, 1], 0], [Symbol("l_21", real=True), ell[2, 2]]])
noise, mean = (Matrix([base[1], base[2]]) for base in (epsilons, mus))
standard = Normal(e, ZeroMatrix(d, 1), Identity(d))

gaussian_log_det_full = Derivation(
    name="gaussian_log_det_full",
    title="The log-density of a reparameterised Gaussian with correlations",
    left=r"\log q(z)",
    instance={d: 2, L: triangle, e: noise, m: mean, z: mean + triangle * noise},
    source="Kingma & Welling 2019",
    steps=[
        Step(
            add(log(standard), -log(Determinant(L))),
            "Change of variables. The Jacobian of $z = \\mu + L\\varepsilon$ is $L$, a lower "
            "triangular matrix.",
        ),
        Step(
            add(log(standard), -Sum(log(ell[i, i]), each)),
            "The determinant of a triangular matrix is the product of its diagonal, which is "
            "positive here. What is below the diagonal does not change volumes.",
            proved,
        ),
        Step(
            log(Normal(z, m, L * L.T)),
            "So the covariance is $L$ times its transpose. Its determinant is the square of "
            "that of $L$.",
            proved,
        ),
    ],
    wrong_forms=[
        WrongForm(2, log(Normal(z, m, L)), "the factor L taken for the covariance"),
        WrongForm(
            1,
            add(log(standard), -Sum(log(ell[i, i] ** 2), each)),
            "the determinant of the covariance in place of that of L",
        ),
    ],
)
