"""Each kind of check passes what is true, and refuses what is not, with a reason."""

import time

import pytest
import sympy
from sympy import Lambda, Matrix, Rational, cos, cosh, exp, log, sin, sinh

from vae_course.derivations.checks import (
    at_least,
    at_most,
    failure,
    numerical,
    proved,
    solutions,
    up_to,
    vanishes,
)
from vae_course.derivations.evaluation import Setting
from vae_course.derivations.notation import KL, Excess, Expectation, SumOver, add, density, times

x, y = (sympy.Symbol(name, real=True) for name in "xy")
a, b = (sympy.Symbol(name, positive=True) for name in "ab")
z = sympy.Symbol("z")
q, p = density("q", over=z, total=1), density("p", over=z, total=1)
EMPTY = Setting({}, {}, {})
FINITE = Setting({}, {}, {z: 3})


def reason(check, before, after, setting=EMPTY):
    return failure(check, before, after, setting)


def test_algebra_is_proved_with_logarithms_and_exponentials():
    assert reason(proved, log(a / b), log(a) - log(b)) is None
    assert reason(proved, log(a**2 + a * b), log(a) + log(a + b)) is None
    assert reason(proved, exp(2 * x), exp(x) ** 2) is None
    assert reason(proved, sin(x) ** 2, 1 - cos(x) ** 2) is None
    assert "the step before is" in reason(proved, log(a + b), log(a) + log(b))


def test_the_log_of_an_absolute_value_is_a_sum_over_its_factors():
    assert reason(proved, log(abs(x * y)), log(abs(x)) + log(abs(y))) is None
    assert reason(proved, log(abs((x - y) ** 3)), 3 * log(abs(x - y))) is None
    assert reason(proved, log(abs(x * exp(y))), log(abs(x)) + y) is None
    assert "the step before is" in reason(proved, log(abs(x)), log(x))
    assert "the step before is" in reason(proved, log(abs(x - y)), log(abs(x)) - log(abs(y)))


def test_hyperbolic_functions_are_exponentials():
    assert reason(proved, log(sinh(2 * a)), log(sinh(a)) + log(cosh(a)) + log(2)) is None
    assert "the step before is" in reason(proved, sinh(2 * a), sinh(a) * cosh(a))


def test_a_singular_determinant_has_a_value():
    """With a number before the matrix, SymPy would leave it as it is."""
    column, matrix = sympy.MatrixSymbol("u", 2, 1), sympy.MatrixSymbol("A", 2, 2)
    setting = Setting({}, {column: Matrix([x, y]), matrix: Matrix([[1, 2], [3, 4]])}, {})
    lemma = sympy.Determinant(a * column * column.T)
    assert reason(proved, lemma, 0 * a, setting) is None
    assert "the step before is" in reason(proved, lemma, sympy.Determinant(matrix), setting)


def test_what_cannot_be_proved_does_not_pass():
    x_is_zero = sympy.Function("f", real=True)
    assert "at f(1) = " in reason(proved, x_is_zero(1), sympy.S.Zero)
    no_sum = sympy.Sum(y, (x, 1, sympy.Symbol("n")))
    assert reason(proved, no_sum, no_sum + 0 * y).startswith("the check could not be done")
    assert reason(numerical, log(x - 10), log(x - 10) + 1e-3).startswith("at a random point")


def test_what_has_no_value_equals_nothing():
    assert "nan" in reason(proved, log(x - x), x)
    assert "nan" in reason(proved, x, 1 / (x - x))


def test_a_normalised_density_sums_to_one_and_another_does_not():
    loose = density("loose")
    assert reason(proved, SumOver(q(z), z), sympy.S.One, FINITE) is None
    assert "always" not in reason(proved, SumOver(loose(z), z), sympy.S.One, FINITE)


def test_a_bound_is_proved_with_its_case_of_equality():
    gap = Expectation(Excess(p(z) / q(z)), q(z))
    kl = Expectation(log(q(z) / p(z)), q(z))
    same = {q: Lambda(z, p(z))}
    assert reason(at_most(gap, same), kl, sympy.S.Zero, FINITE) is None
    assert reason(at_least(gap, same), sympy.S.Zero, kl, FINITE) is None
    assert "the difference of the steps is" in reason(at_least(gap, same), kl, 0 * x, FINITE)
    uniform = {q: Lambda(z, Rational(1, 3))}
    assert reason(at_most(gap, uniform), kl, 0 * x, FINITE).startswith("where the two are said")


def test_a_gap_that_is_zero_elsewhere_too_is_refused():
    product = (x * y) ** 2
    assert reason(at_most(product, {x: 0 * x}), product, 0 * x) == (
        "the difference is zero elsewhere too"
    )
    assert reason(at_most(x**2 + y**2, {x: 0 * x, y: 0 * y}), x**2 + y**2, 0 * x) is None
    assert reason(at_most(x**2, {x: 0 * x}), x**2, 0 * x) is None
    assert reason(at_most((x - 1) ** 2 * x**2, {x: 0 * x}), (x**2 - x) ** 2, 0 * x) is not None


def test_zeros_are_solved_one_after_the_other():
    """In every branch, and for an unknown whose coefficient cannot vanish."""
    assert solutions([x * (x - 1), x + y - 3], [x, y]) == [{x: 1, y: 2}, {x: 0, y: 3}]
    assert solutions([a * x - b * y, a * x - b * y], [a, x, b, y]) == [{x: b * y / a}]
    assert solutions([x - a, y * (x - a)], [x, y]) == [{x: a}]  # then y may be anything
    assert solutions([x - 1, x - 2], [x]) == []
    assert solutions([a + b], [a, b]) == []


def test_many_unknown_probabilities_do_not_slow_the_case_of_equality_down():
    """`sympy.solve` of all zeros at once takes minutes of this one."""
    joint, p_of_y = density("joint", over=y, total=1), density("p", over=y, total=1)
    both = density("both")
    setting = Setting({both: Lambda((y, z), p_of_y(y) * q(z))}, {}, {z: 3, y: 2})
    gap = Expectation(Excess(joint(y, z) / p_of_y(y)), both(y, z), y, z)
    kl = Expectation(KL(p_of_y(y), joint(y, z)), q(z))
    start = time.process_time()
    same = {joint: Lambda((y, z), p_of_y(y))}
    assert reason(at_most(gap, same), kl, 0 * x, setting) is None
    assert time.process_time() - start < 20


def test_a_gap_must_be_written_as_terms_that_cannot_be_negative():
    assert "nothing says that" in reason(at_most(x, {x: 0 * x}), x, 0 * x)
    square = x**2 - 2 * x + 1
    assert "nothing says that" in reason(at_most(square, {x: sympy.S.One}), square, 0 * x)
    assert reason(at_most((x - 1) ** 2, {x: sympy.S.One}), square, 0 * x) is None
    assert "nothing says that" in reason(at_most(Excess(x), {x: sympy.S.One}), Excess(x), 0 * x)


def test_an_absolute_value_and_a_positive_part_cannot_be_negative():
    both = add(abs(x), sympy.Max(0, -x))
    assert reason(at_most(both, {x: 0 * x}), 2 * abs(x) - sympy.Max(0, x), 0 * x) is None
    ramp = sympy.Max(0, x)
    assert reason(at_most(ramp, {x: 0 * x}), ramp, 0 * x) == "the difference is zero elsewhere too"
    assert "nothing says that" in reason(at_most(sympy.Max(x, y), {x: y}), sympy.Max(x, y), 0 * x)


def test_a_strict_bound_needs_a_gap_that_is_positive():
    assert reason(at_most(a, None), a + b, b) is None
    assert "nothing says that" in reason(at_most(x**2, None), x**2, 0 * x)
    assert at_most(a, None).relation == ">" and at_least(a, None).relation == "<"
    assert at_most(a, {}).relation == r"\ge" and at_least(a, {}).relation == r"\le"


def test_taylor_coefficients_are_compared_below_the_order_only():
    assert reason(up_to(x, 4), sin(x), x - x**3 / 6) is None
    assert reason(up_to(x, 5), cos(x), 1 - x**2 / 2) is not None
    assert "coefficient of x³" in reason(up_to(x, 4), sin(x), x - x**3 / 5)
    assert "coefficient of 1" in reason(up_to(x, 4), sin(x), 1 + x)


def test_integrals_over_the_same_range_are_compared_by_their_integrands():
    hard = sympy.Integral(exp(-(x**4)) * (x + 1) ** 2, (x, 0, 1))
    same = sympy.Integral(exp(-(x**4)) * add(x**2, 2 * x, 1), (x, 0, 1))
    assert reason(proved, hard, same) is None
    assert reason(proved, -hard, -same) is None
    assert reason(proved, hard, -same) is not None


def test_matrices_are_compared_element_by_element():
    left, right = Matrix([[a, 1], [0, a * b]]), Matrix([[a, 1], [0, exp(log(a) + log(b))]])
    left, right = left.as_immutable(), right.as_immutable()
    assert reason(proved, left, right) is None
    assert "the step before is" in reason(proved, left, left.T)
    assert "shape" in reason(proved, left, left[:, :1])


def test_an_integral_that_a_mistake_makes_complex_is_not_its_real_part():
    right, wrong = (sympy.Integral(log(sign * (3 - y)), (y, 1, 2)) for sign in (1, -1))
    assert reason(numerical, right, right) is None
    assert "this one is (0.38" in reason(numerical, right, wrong)


def test_numerical_integrates_by_quadrature():
    normal = sympy.Integral(exp(-(x**2) / 2), (x, -sympy.oo, sympy.oo))
    assert reason(numerical, normal, sympy.sqrt(2 * sympy.pi)) is None
    off = sympy.sqrt(2 * sympy.pi) * (1 + Rational(1, 10**28))
    assert reason(numerical, normal, off) is not None


@pytest.mark.parametrize(
    "zero", [log(a * b) - log(a) - log(b), 0 * a, (a + b) ** 2 - a**2 - b**2 - 2 * a * b]
)
def test_zero_is_recognised(zero):
    assert vanishes(zero)
    assert not vanishes(zero + Rational(1, 10**40))


def test_the_entropy_of_a_finite_density_is_at_most_that_of_the_uniform_one():
    """A bound that is in no chapter, proved with the same parts."""
    entropy = -Expectation(log(q(z)), q(z))
    gap = Expectation(Excess(1 / (3 * q(z))), q(z))
    uniform = {q: Lambda(z, Rational(1, 3))}
    assert reason(at_least(gap, uniform), entropy, log(3), FINITE) is None
    assert reason(at_least(gap, {q: Lambda(z, p(z))}), entropy, log(3), FINITE) is not None
    assert reason(at_least(times(2, gap), uniform), entropy, log(3), FINITE) is not None
