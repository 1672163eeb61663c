"""The evidence lower bound: the contract, and what is planted by hand."""

import pytest
import sympy

from tests.derivations.contract import Contract
from vae_course.derivations import elbo
from vae_course.derivations.evaluation import closed_form
from vae_course.derivations.model import joint, q, x
from vae_course.derivations.numerics import parameters


class TestElbo(Contract):
    module = elbo


def test_the_six_steps_give_the_right_reason_for_the_second():
    derivation = elbo.elbo_without_jensen
    assert len(derivation.steps) == 1 + 6
    assert "constant in $z$" in derivation.steps[2].rule
    caught = next(m for m in derivation.mutants() if "E98" in m.change).caught()
    assert caught.index == 3


def test_jensen_is_not_an_equality_and_not_an_upper_bound():
    mutants = {mutant.change: mutant.caught() for mutant in elbo.elbo_by_jensen.mutants()}
    for words in ("with equality", "the wrong way round", "tight when q is the prior"):
        (caught,) = (c for change, c in mutants.items() if words in change)
        assert caught.index == 2


def test_the_gap_by_enumeration_of_three_latents():
    """The closed forms of both ends, at numbers, are the sums that they stand for."""
    derivation = elbo.elbo_gap
    weights = {1: sympy.Rational(1, 5), 2: sympy.Rational(1, 2), 3: sympy.Rational(3, 10)}
    joints = {1: sympy.Rational(3, 10), 2: sympy.Rational(1, 10), 3: sympy.Rational(1, 4)}
    values = {q(k, x): w for k, w in weights.items()} | {joint(x, k): p for k, p in joints.items()}
    evidence = sum(joints.values())
    truth = sum(w * sympy.log(w * evidence / joints[k]) for k, w in weights.items())
    for step in derivation.steps[:-1]:
        closed = closed_form(step.expression, derivation.setting)
        assert set(parameters(closed)) <= set(values)
        assert float(closed.xreplace(values)) == pytest.approx(float(truth), abs=1e-14)
