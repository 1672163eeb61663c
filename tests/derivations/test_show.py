"""How lines are printed: in the page's formulas, in a terminal, in words."""

import re

import sympy
from sympy import Function, MatrixSymbol, Rational, Symbol, log

from tests.derivations.contract import katex
from vae_course.derivations import show
from vae_course.derivations.engine import Step, at_most
from vae_course.derivations.latex import inline, latex
from vae_course.derivations.model import joint, likelihood, posterior, prior, q, x, z
from vae_course.derivations.notation import (
    KL,
    Excess,
    Expectation,
    Gradient,
    Member,
    Quadratic,
    SumOver,
    Variance,
    add,
    density,
    prime,
    times,
)
from vae_course.derivations.text import plain, pretty, words

mu, theta = Symbol("mu", real=True), Symbol("theta")
f = Function("f")
half = Rational(1, 2)
S, n = Symbol("S"), Symbol("n")
d = Symbol("d", integer=True, positive=True)
v, m, Sigma = MatrixSymbol("v", d, 1), MatrixSymbol("m", d, 1), MatrixSymbol("Sigma", d, d)

PRINTED = {
    q(z, x): (r"q_{\phi}(z \mid x)", "q_φ(z | x)"),
    joint(x, z): (r"p_{\theta}(x, z)", "p_θ(x, z)"),
    posterior(z, x): (r"p_{\theta}(z \mid x)", "p_θ(z | x)"),
    prior(z): ("p(z)", "p(z)"),
    density("two", "q", given=2)(z, n, x): (r"q(z, n \mid x)", "q(z, n | x)"),
    sympy.IndexedBase("xhat")[n]: (r"\hat{x}_{n}", "x̂_n"),
    KL(q(z, x), prior(z)): (
        r"\mathrm{KL}(q_{\phi}(z \mid x) \,\|\, p(z))",
        "KL(q_φ(z | x) ‖ p(z))",
    ),
    KL(joint(x, z), joint(z, x), x, z): (
        r"\mathrm{KL}(p_{\theta}(x, z) \,\|\, p_{\theta}(z, x))",
        "KL(p_θ(x, z) ‖ p_θ(z, x))",
    ),
    Expectation(log(likelihood(x, z)), q(z, x)): (
        r"\mathbb{E}_{q_{\phi}(z \mid x)}\left[\log p_{\theta}(x \mid z)\right]",
        "E[log(p_θ(x | z))]",
    ),
    Variance(f(z), prior(z)): (r"\mathrm{Var}_{p(z)}\left[f(z)\right]", "Var[f(z)]"),
    Expectation(f(S), density("u", under="S")(S)): (r"\mathbb{E}_{S}\left[f(S)\right]", "E[f(S)]"),
    Gradient(f(mu), mu): (r"\frac{\partial}{\partial \mu} f(\mu)", "∂/∂μ f(μ)"),
    Gradient(add(f(z), 1), theta): (r"\nabla_{\theta} \left(f(z) + 1\right)", "∇_θ (f(z) + 1)"),
    SumOver(prior(z), z): (r"\sum_{z} p(z)", "Σ_z p(z)"),
    SumOver(f(n), n, S): (r"\sum_{n \in S} f(n)", "Σ_n∈S f(n)"),
    Member(n, S): (r"\mathbf{1}[n \in S]", "1[n ∈ S]"),
    Excess(mu): (r"\left(\mu - 1 - \log \mu\right)", "(μ - 1 - log(μ))"),
    prime(f)(mu): (r"f'(\mu)", "f'(μ)"),
    density("elbo", "ELBO", real=True)(x): (r"\mathrm{ELBO}(x)", "ELBO(x)"),
    Quadratic(sympy.MatAdd(v, -m), Sigma.I): (
        r"\left(v - m\right)^\top \Sigma^{-1} \left(v - m\right)",
        "(v - m)ᵀ Σ⁻¹ (v - m)",
    ),
    log(sympy.Determinant(Sigma)): (r"\log \det \Sigma", "log(det Σ)"),
    log(sympy.Abs(sympy.Determinant(Sigma))): (r"\log \left|{\det \Sigma}\right|", "log(|det Σ|)"),
    sympy.Determinant(sympy.MatAdd(Sigma, Sigma.T)): (
        r"\det\left(\Sigma + \Sigma^\top\right)",
        "det(Σ + Σ.T)",
    ),
    sympy.besseli(1 + x, mu): (r"I_{1 + x}\left(\mu\right)", "I_(1 + x)(μ)"),
    sympy.gamma(x): (r"\Gamma\left(x\right)", "Γ(x)"),
    add(-x, times(-half, add(x, 1)), -1): (r"- x - \frac{1}{2}\left(x + 1\right) - 1", None),
}


def test_every_part_is_printed_in_the_notation_of_the_book(tmp_path):
    for expression, (formula, in_words) in PRINTED.items():
        assert latex(expression) == formula
        assert in_words is None or words(expression) == in_words
        shown = pretty(expression)
        assert "\\" not in shown and "Function" not in shown and "|False|" not in shown
    read = katex([latex(expression) for expression in PRINTED], tmp_path)
    assert read.returncode == 0, read.stderr


def test_rules_lose_their_formulas_signs_in_a_terminal():
    assert plain(r"With $\sum_z h(z) = 0$, $\Sigma^{-1}\Sigma$.") == "With Σ_z h(z) = 0, Σ⁻¹Σ."
    assert plain(r"$p_\theta(x \mid z)\, p(z)$") == "p_θ(x | z) p(z)"
    assert plain("$\\log t \\le t - 1$") == "log t ≤ t - 1"


def test_long_sums_break_between_terms_and_short_ones_do_not():
    terms = [Expectation(log(likelihood(x, z)), q(z, x)), -KL(q(z, x), prior(z)), log(joint(x, z))]
    rows = show.rows(Step(add(*terms), ""))
    assert len(rows) >= 2
    assert all(row.startswith(r"\quad") for row in rows[1:])
    assert re.sub(r"\\quad", "", "".join(rows)) == latex(add(*terms))
    assert show.rows(Step(add(x, 1), "")) == ["x + 1"]


def test_an_equality_is_one_formula():
    assert inline(x, half) == r"$x = \frac{1}{2}$"
    step = Step(x, "", at_most((x - 1) ** 2, {x: sympy.S.One}))
    assert show.equality(step, inline) == "Equal when $x = 1$, and only then."
    assert show.remark(step, inline).startswith("The difference is $")
