"""Rate, distortion and information: the contract, and the sums by enumeration."""

import numpy as np
import pytest

from tests.derivations.contract import Contract
from vae_course.derivations import rate_distortion
from vae_course.derivations.evaluation import closed_form
from vae_course.derivations.model import prior, q


class TestRateDistortion(Contract):
    module = rate_distortion


DATA = np.array([0.3, 0.7])  # of x
ENCODER = np.array([[0.9, 0.1], [0.4, 0.6]])  # rows: x
DECODER = np.array([[0.5, 0.2], [0.5, 0.8]])  # columns: z
PRIOR = np.array([0.25, 0.75])


def value(expression, derivation) -> float:
    """A line at those numbers."""
    numbers = {rate_distortion.data(k + 1): p for k, p in enumerate(DATA)}
    numbers |= {prior(k + 1): p for k, p in enumerate(PRIOR)}
    for x in range(2):
        numbers |= {q(k + 1, x + 1): p for k, p in enumerate(ENCODER[x])}
        numbers |= {rate_distortion.decoder(x + 1, k + 1): p for k, p in enumerate(DECODER[x])}
    return float(closed_form(expression, derivation.setting).xreplace(numbers))


def test_both_ends_of_each_are_the_sums_they_stand_for():
    pairs = DATA[:, None] * ENCODER
    codes = pairs.sum(0)
    entropy = -(DATA * np.log(DATA)).sum()
    rate = (pairs * np.log(ENCODER / PRIOR)).sum()
    distortion = -(pairs * np.log(DECODER)).sum()
    information = (pairs * np.log(ENCODER / codes)).sum()
    assert entropy - distortion < information < rate
    for derivation, first, last in [
        (rate_distortion.rate_above_information, rate, information),
        (rate_distortion.barber_agakov, information, entropy - distortion),
        (rate_distortion.rate_plus_distortion, rate + distortion, entropy),
        (rate_distortion.entropy_form_of_the_rate, rate, rate),
    ]:
        ends = [value(derivation.steps[k].expression, derivation) for k in (0, -1)]
        assert ends == pytest.approx([first, last], abs=1e-12)
    bound = rate_distortion.elbo_rate_distortion
    assert value(bound.steps[0].expression, bound) == pytest.approx(-distortion - rate, abs=1e-12)


@pytest.mark.parametrize(
    "derived, words, index",
    [
        (rate_distortion.rate_above_information, "with equality (E07)", 4),
        (rate_distortion.barber_agakov, "the entropy of the data is missing", 4),
        (rate_distortion.rate_plus_distortion, "every model on one line (E09)", 4),
        (rate_distortion.entropy_form_of_the_rate, "small entropy of all codes (E12)", 2),
        (rate_distortion.lagrangian_slope, "the slope 1/β", 3),
    ],
)
def test_what_is_commonly_written_is_refused_where_it_is_written(derived, words, index):
    (wrong,) = (mutant for mutant in derived.mutants() if words in mutant.change)
    assert wrong.caught().index == index
