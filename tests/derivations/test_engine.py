"""A derivation is checked before it is shown, and says how; a mistake in it can be shown."""

from dataclasses import replace

import pytest
import sympy

from tests.derivations.contract import katex
from vae_course import derivations
from vae_course.derivations.engine import (
    Derivation,
    Step,
    StepFailed,
    WrongForm,
    at_most,
    numerical,
    proved,
)
from vae_course.derivations.numerics import value_of

x = sympy.Symbol("x", real=True)


def chain(*steps: Step, **more) -> Derivation:
    return Derivation(name="chain", title="A chain", left="x", steps=list(steps), **more)


def test_a_failing_step_is_named_and_stops_every_way_of_showing_it():
    derivation = derivations.kl_from_standard_normal
    wrong = next(m for m in derivation.mutants() if m.change.startswith("step 2: sign"))
    for show in (wrong.check, wrong.to_latex, wrong._repr_mimebundle_):
        with pytest.raises(
            StepFailed, match=r"kl_from_standard_normal, step 2: at .* the step before is .*\d"
        ):
            show()
    with pytest.raises(StepFailed):
        Derivation.__repr__(wrong)


def test_numerical_checks_catch_the_mistakes_too_and_are_labelled():
    derivation = derivations.kl_between_gaussians
    steps = [replace(step, check=step.check and numerical) for step in derivation.steps]
    by_numbers = replace(derivation, steps=steps)
    by_numbers.check()
    assert "numerical: agrees to 30 digits" in by_numbers.how(2)
    assert all(mutant.caught() for mutant in by_numbers.mutants()[::12])


def test_a_difference_in_the_30th_digit_is_seen():
    derivation = derivations.kl_from_standard_normal
    steps = [replace(step, check=step.check and numerical) for step in derivation.steps]
    last = steps[-1].expression + sympy.Rational(1, 10**29)
    steps[-1] = replace(steps[-1], expression=last)
    with pytest.raises(StepFailed):
        replace(derivation, steps=steps).check()


def test_an_algebra_check_is_a_proof_not_a_coincidence():
    """Two lines that agree only where the check looks first, at one random point, do not pass."""
    after = x + (x - value_of(x, seed=0))
    with pytest.raises(StepFailed, match="does not prove"):
        chain(Step(x, "Start."), Step(after, "A coincidence.", proved)).check()


def test_what_is_fixed_for_the_check_is_said():
    assert derivations.kl_diagonal.how(1) == "integrated exactly, for d = 2"
    assert derivations.kl_from_standard_normal.how(1) == "integrated exactly"
    assert derivations.elbo_gap.how(1) == "proved symbolically, for z with 3 values"
    f, a = sympy.Function("f"), sympy.Symbol("a", real=True)
    shown = chain(
        Step(f(x) + f(x), "Twice."),
        Step(2 * f(x), "Together.", proved),
        instance={f: sympy.Lambda(x, a * x**3)},
    )
    assert shown.how(1) == "proved symbolically, for f(x) = a x³"
    assert "for $f(x) = a x^{3}$" in shown._repr_mimebundle_()["text/markdown"]


def test_a_bound_shows_its_difference_and_when_it_is_an_equality():
    derivation = derivations.elbo_by_jensen
    bundle = derivation._repr_mimebundle_()
    assert "\\ge" in bundle["text/markdown"] and "≥ " in bundle["text/plain"]
    assert r"\text{The difference is}" in bundle["text/markdown"]
    for text in (bundle["text/markdown"], bundle["text/plain"], derivation.to_latex()):
        text = " ".join(text.split())
        assert "Equal when" in text and "and only then." in text
    strict = derivations.kl_triangle_fails._repr_mimebundle_()
    assert "> " in strict["text/plain"] and "Equal when" not in strict["text/plain"]


def test_an_approximation_shows_what_it_leaves_out():
    bundle = derivations.kl_and_chi_squared._repr_mimebundle_()
    assert "O(\\varepsilon^{3})" in bundle["text/markdown"]
    assert "O(ε³)" in bundle["text/plain"]


def test_a_reader_can_see_a_mistake_caught():
    shown = derivations.kl_from_standard_normal.show_mutant("E105")
    assert "Caught at step 6: at μ = " in repr(shown)
    assert "overset" in shown._repr_mimebundle_()["text/markdown"]
    assert "planted" in repr(derivations.kl_from_standard_normal.show_mutant(12))
    bound = derivations.elbo_by_jensen.show_mutant("the wrong way round")
    assert r"\overset{?}{\le}" in bound.markdown
    with pytest.raises(ValueError, match="which is 'nonsense'"):
        derivations.kl_diagonal.show_mutant("nonsense")


def test_a_mutant_that_passes_cannot_be_shown_as_caught():
    harmless = derivations.kl_diagonal.equivalent
    with pytest.raises(ValueError, match="no check catches this one"):
        derivations.kl_diagonal.show_mutant(next(iter(harmless)))


def test_katex_does_refuse_what_it_cannot_read(tmp_path):
    assert katex(["\\begin{aligned} a \\end{aligned}"], tmp_path).returncode == 0
    assert katex(["\\begin{aligned} a \\label{b} \\end{aligned}"], tmp_path).returncode != 0


def test_steps_need_checks_and_integrals_may_not_be_called_algebra():
    derivation = derivations.kl_from_standard_normal
    with pytest.raises(ValueError, match="step 2: all but the first need a check"):
        replace(derivation, steps=[derivation.steps[0], replace(derivation.steps[1], check=None)])
    with pytest.raises(ValueError, match="step 2: has an integral"):
        replace(derivation, steps=[derivation.steps[0], replace(derivation.steps[1], check=proved)])


def test_the_difference_of_a_bound_is_mutated_and_its_case_of_equality_can_be_wrong():
    y = sympy.Symbol("y", real=True)
    bound = at_most((x - y) ** 2 / 2, {x: y})
    bounded = chain(
        Step((x**2 + y**2) / 2, "The mean square."),
        Step(x * y, "The product.", bound),
        wrong_forms=[
            WrongForm(1, x * y, "equal at zero alone", at_most((x - y) ** 2 / 2, {x: 0 * x})),
        ],
    )
    bounded.check()
    mutants = bounded.mutants()
    assert sum("the difference: " in mutant.change for mutant in mutants) >= 4
    assert all(mutant.caught() for mutant in mutants)
    by_hand = mutants[0].caught()
    assert by_hand.reason.startswith("where the two are said to be equal, at y = ")


def test_an_equivalent_mutant_is_listed_by_its_place_or_wherever_it_is_made():
    derivation = derivations.kl_diagonal
    change = "index of p_j(z_j) shifted"
    everywhere = replace(derivation, equivalent={change: "all alike"})
    assert everywhere.surviving_mutants() == []
    at_one = replace(derivation, equivalent={f"step 2: {change}": "all alike"})
    assert {m.change for m in at_one.surviving_mutants()} == {
        f"step 3: {change}",
        f"definition of p(z): {change}",
    }
