"""What a line means: definitions, sums, expectations, derivatives, matrices."""

import pytest
import sympy
from sympy import (
    Function,
    IndexedBase,
    Lambda,
    Matrix,
    MatrixSymbol,
    Product,
    Sum,
    Symbol,
    exp,
    log,
)

from vae_course.derivations.evaluation import Setting, closed_form
from vae_course.derivations.notation import (
    KL,
    Expectation,
    Gradient,
    Member,
    Normal,
    Quadratic,
    Scalar,
    SumOver,
    Variance,
    density,
    prime,
)

x, z, mu = (Symbol(name, real=True) for name in ("x", "z", "mu"))
sigma = Symbol("sigma", positive=True)
q, f, g = Function("q"), Function("f"), Function("g")
GAUSSIAN = {q: Lambda(z, Normal(z, mu, sigma**2))}


def meaning(expression, definitions=None, instance=None, states=None):
    return closed_form(expression, Setting(definitions or {}, instance or {}, states or {}))


def same(left, right) -> bool:
    return sympy.simplify(left - right) == 0


def test_an_expectation_over_finitely_many_values_is_a_sum():
    p = density("p", over=z, total=1)
    total = p(1) + p(2)
    value = meaning(Expectation(f(z), p(z)), states={z: 2})
    assert same(value, (f(1) * p(1) + f(2) * p(2)) / total)
    assert same(meaning(SumOver(f(z), z), states={z: (5, 7)}), f(5) + f(7))


def test_an_inner_sum_over_the_same_variable_is_its_own():
    p = density("p", over=z, total=1)
    twice = SumOver(f(z) * SumOver(g(z), z), z)
    assert same(meaning(twice, states={z: 2}), (f(1) + f(2)) * (g(1) + g(2)))
    definitions = {g: Lambda(x, SumOver(f(z) * x, z))}
    assert same(meaning(SumOver(g(z), z), definitions, states={z: 2}), 3 * (f(1) + f(2)))
    assert same(
        meaning(Expectation(Expectation(f(z), p(z)), p(z)), states={z: 2}),
        meaning(Expectation(f(z), p(z)), states={z: 2}),
    )


def test_conditional_densities_sum_to_one_for_each_condition():
    p = density("p", given=True, over=z, total=1)
    assert same(meaning(SumOver(p(z, x), z), states={z: 3}), 1)
    h = density("h", over=z, total=0, real=True)
    assert same(meaning(SumOver(h(z), z), states={z: 3}), 0)
    assert not same(meaning(h(sympy.S.One), states={z: 3}), 0)


def test_densities_of_the_same_name_are_told_apart_by_what_is_known_of_them():
    """SymPy takes two functions of one name for the same, with all that one of them knows."""
    loose, normalised = density("p"), density("p", over=z, total=1)
    assert loose(x) != normalised(x) and density("p", over=z, total=1)(x) == normalised(x)
    assert same(meaning(SumOver(normalised(z), z), states={z: 2}), 1)
    assert not same(meaning(SumOver(loose(z), z), states={z: 2}), 1)


def test_a_vector_of_finite_variables_takes_all_combinations():
    zs, k, K = IndexedBase("z", real=True), Symbol("k", integer=True), Symbol("K", integer=True)
    p, joint = density("p", over=z, total=1), Function("joint")
    definitions = {joint: Lambda(z, Product(p(zs[k]), (k, 1, K)))}
    mean = Expectation(Sum(f(zs[k]), (k, 1, K)) / K, joint(z))
    value = meaning(mean, definitions, {K: 3}, {z: 2})
    assert same(value, meaning(Expectation(f(z), p(z)), states={z: 2}))


@pytest.mark.parametrize("power", range(6))
def test_derivatives_of_expectations_are_taken_after_integrating(power):
    value = meaning(Gradient(Expectation(z**power, q(z)), mu), GAUSSIAN)
    score = meaning(Expectation(z**power * Gradient(log(q(z)), mu), q(z)), GAUSSIAN)
    noise = Expectation(prime(f)(mu + sigma * x), q(x))
    pathwise = meaning(noise, {q: Lambda(z, Normal(z, 0, 1)), f: Lambda(z, z**power)})
    assert same(value, score) and same(value, pathwise)
    moment = sympy.integrate(
        z**power * Normal(z, mu, sigma**2).written_out(), (z, -sympy.oo, sympy.oo)
    )
    assert same(value, sympy.simplify(moment).diff(mu))


def test_a_derivative_sees_through_definitions_and_keeps_names_without_one():
    r = Symbol("r", real=True)
    definitions = {sigma: exp(r / 2), q: Lambda(z, Normal(z, 0, sigma**2))}
    assert same(meaning(Gradient(Expectation(z**2, q(z)), r), definitions), exp(r))
    with pytest.raises(ValueError, match="which has a definition"):
        meaning(Gradient(sigma**2, sigma), definitions)
    p = density("p", over=z, total=1)
    score = Expectation(Gradient(log(p(z, mu)), mu), p(z, mu))
    assert same(meaning(score, states={z: 2}), 0)
    assert not same(meaning(Gradient(p(sympy.S.One, mu), mu), states={z: 2}), 0)


def test_the_integral_of_a_derivative_is_the_difference_at_the_ends():
    whole = sympy.Integral(Gradient(f(x), x), (x, 1, 3))
    assert meaning(whole) == f(3) - f(1)
    assert same(meaning(sympy.Integral(x**2, (x, mu, sigma))), (sigma**3 - mu**3) / 3)


def test_variance_and_divergence_are_what_they_stand_for():
    assert same(meaning(Variance(z, q(z)), GAUSSIAN), sigma**2)
    assert same(meaning(KL(q(z), q(z)), GAUSSIAN), 0)
    p = Function("p")
    both = {**GAUSSIAN, p: Lambda(z, Normal(z, 0, 1))}
    truth = (mu**2 + sigma**2 - 1 - log(sigma**2)) / 2
    assert same(sympy.expand_log(meaning(KL(q(z), p(z)), both) - truth, force=True), 0)


def test_an_expectation_over_two_variables():
    p = Function("p")
    joint = {p: Lambda((x, z), Normal(z, 0, 1) * Normal(x, z, 1))}
    assert same(meaning(Expectation(x**2, p(x, z), x, z), joint), 2)
    assert same(meaning(Expectation(x * z, p(x, z), x, z), joint), 1)


def test_matrix_symbols_stand_for_matrices():
    d = Symbol("d", integer=True, positive=True)
    v, S = MatrixSymbol("v", d, 1), MatrixSymbol("S", d, d)
    a, b = sympy.symbols("a b", positive=True)
    instance = {d: 2, v: Matrix([a, b]), S: Matrix([[a, 1], [0, b]])}
    assert same(meaning(sympy.Trace(S) + sympy.Determinant(S), instance=instance), a + b + a * b)
    assert same(meaning(Scalar(v.T * v), instance=instance), a**2 + b**2)
    assert same(meaning(Quadratic(v, S), instance=instance), a**3 + a * b + b**3)
    assert meaning(S.T * S.I, instance=instance) == instance[S].T * instance[S].inv()
    assert same(meaning(log(sympy.Determinant(S * S)), instance=instance), log(a**2 * b**2))


def test_membership_in_a_set_that_varies():
    n, S = Symbol("n", integer=True), Symbol("S")
    sets = (sympy.FiniteSet(1, 2), sympy.FiniteSet(2, 3))
    count = SumOver(Sum(Member(n, S), (n, 1, 3)), S)
    assert meaning(count, states={S: sets}) == 4
    assert same(meaning(SumOver(SumOver(f(n), n, S), S), states={S: sets}), f(1) + 2 * f(2) + f(3))


def test_what_cannot_be_written_out_is_refused():
    with pytest.raises(ValueError, match="cannot be written out"):
        meaning(Sum(f(z), (z, 1, Symbol("n"))))
    with pytest.raises(ValueError, match="has no states"):
        meaning(SumOver(f(z), z))
    with pytest.raises(ValueError, match="needs to be a named density"):
        Expectation(z, exp(-(z**2)))
