"""Which mistakes are planted."""

import sympy
from sympy import Function, MatrixSymbol, Symbol, log

from vae_course.derivations.mutations import mutations
from vae_course.derivations.notation import (
    KL,
    Expectation,
    Gradient,
    Quadratic,
    SumOver,
    add,
    times,
)

x, z, mu = Symbol("x"), Symbol("z"), Symbol("mu")
q, p = Function("q"), Function("p")


def changes(expression) -> list[str]:
    return [change for change, _ in mutations(expression)]


def test_the_mutations_of_a_small_expression_are_these():
    y, j, d = sympy.IndexedBase("y"), Symbol("j"), Symbol("d")
    expression = add(x**2, -sympy.Sum(y[j], (j, 1, d)))
    found = {change: mutant.doit() for change, mutant in mutations(expression)}
    total = sympy.Sum(y[j], (j, 1, d))
    assert set(found.values()) == {
        -(x**2) - total,
        -total,
        x**2 + total,
        x**2,
        x**3 - total,
        x**2 - 2 * total,
        x**2 - sympy.Sum(y[j + 1], (j, 1, d)),
        x**2 - sympy.Sum(y[j], (j, 2, d)),
        x**2 - sympy.Sum(y[j], (j, 1, d + 1)),
    }


def test_mistakes_are_planted_inside_expectations_sums_and_derivatives():
    inside = add(x, -log(q(z)))
    for whole in (Expectation(inside, q(z)), SumOver(inside, z), Gradient(inside, mu)):
        found = changes(whole)
        assert "term x dropped" in found and "sign of x flipped" in found
        assert "sign of -log(q(z)) flipped" in found
        assert any(change.startswith("sign of") and "E[" in change for change in found) or (
            not isinstance(whole, Expectation)
        )


def test_what_an_expectation_or_a_derivative_is_over_stays():
    for whole in (Expectation(x, q(z)), Gradient(x, mu), SumOver(x, z), KL(q(z), p(z))):
        (change,) = changes(whole)
        assert change.startswith("sign of")


def test_sums_of_matrices_are_mutated_and_their_entries_are_not():
    d = Symbol("d", integer=True, positive=True)
    v, m = MatrixSymbol("v", d, 1), MatrixSymbol("m", d, 1)
    S = MatrixSymbol("S", d, d)
    found = changes(times(2, Quadratic(sympy.MatAdd(v, -m), S.I)))
    assert {"sign of v flipped", "term v dropped", "term -m dropped"} <= set(found)
    assert "constant 2 in 2 (v - m)ᵀ S⁻¹ (v - m) changed to 3" in found
    assert not any("constant" in change and "S⁻¹ changed" in change for change in found)


def test_a_mutant_is_not_the_expression_itself_and_none_comes_twice():
    expression = add(times(2, x), Expectation(log(q(z) / p(z)), q(z)), sympy.pi)
    mutants = [mutant for _, mutant in mutations(expression)]
    assert expression not in mutants
    assert len(set(mutants)) == len(mutants) >= 8
