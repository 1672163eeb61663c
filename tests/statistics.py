"""One rule for tests of random numbers, and the false-alarm rate of the whole suite.

An estimate is compared with an *exact* value by its z-score,

    z = (estimate - exact) / standard error,        |z| <= 5.5,

where "exact" comes from a closed form, an enumeration or a quadrature, never from another sample.
A comparison of a correct estimate fails with probability erfc(5.5 / sqrt 2) = 3.8e-8. Every
comparison is counted, and the sum over the suite, which bounds the chance that any fails for no
reason, is printed at the end and must stay below 1e-4.

`detects` states the smallest error that a comparison is sure to see. It needs eleven standard
errors: then an estimate that is off by so much has |z| > 5.5 but for the same small chance. That
error is planted, upwards and downwards, each time that a comparison passes, and it must be found.
"""

from math import erfc, sqrt

import pytest
import torch
from torch import Tensor

Z_MAX = 5.5
FALSE_ALARM = erfc(Z_MAX / sqrt(2))
BUDGET = 1e-4
COMPARISONS = 0


def assert_z(estimate, exact, standard_error, detects: float) -> None:
    """Check |estimate - exact| <= 5.5 standard errors, elementwise; all three broadcast.

    An error of the size `detects`, planted in any element, must be found.
    """
    global COMPARISONS
    estimate, exact, standard_error = map(_double, (estimate, exact, standard_error))
    assert (standard_error > 0).all(), "a standard error is not positive: nothing is random here"
    z = (estimate - exact) / standard_error
    COMPARISONS += z.numel()
    worst = z.abs().max().item()
    assert worst <= Z_MAX, f"|z| = {worst:.1f} > {Z_MAX}: {estimate} against {exact}"
    sees = 2 * Z_MAX * standard_error.max().item()
    assert sees <= detects, f"this test detects errors of {sees:.3g}, not of {detects:.3g}"
    for planted in (detects, -detects):
        missed = ((estimate + planted - exact) / standard_error).abs() <= Z_MAX
        assert not missed.any(), f"a planted error of {planted:.3g} is not found"


def assert_mean(draws, exact, detects: float) -> None:
    """`assert_z` for the mean over the first axis of independent draws."""
    draws = _double(draws)
    assert_z(draws.mean(0), exact, draws.std(0) / len(draws) ** 0.5, detects)


def assert_frequencies(draws, values, masses, detects: float) -> None:
    """`assert_z` for how often each of `values` occurs in one axis of draws of known masses."""
    draws, values, masses = map(_double, (draws, values, masses))
    frequencies = ((draws[:, None] - values).abs() < 1e-6).double().mean(0)
    assert_z(frequencies, masses, (masses * (1 - masses) / len(draws)).sqrt(), detects)


def _double(value) -> Tensor:
    if isinstance(value, Tensor):
        return value.detach().cpu().double()
    return torch.tensor(value, dtype=torch.float64)


# The report. With pytest-xdist each worker counts for itself and the controller adds up.


def pytest_addoption(parser):
    parser.addoption("--seed", type=int, default=0, help="random seed of the statistical tests")
    parser.addoption("--statistical", action="store_true", help="only tests that take the seed")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--statistical"):
        others = [item for item in items if "seed" not in getattr(item, "fixturenames", ())]
        items[:] = [item for item in items if item not in others]
        config.hook.pytest_deselected(items=others)


@pytest.fixture
def seed(request) -> int:
    """The seed of a statistical test: `pytest --seed 1` runs them all on other numbers."""
    return request.config.getoption("--seed")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["comparisons"] = COMPARISONS
    elif COMPARISONS * FALSE_ALARM >= BUDGET:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error):
    global COMPARISONS
    COMPARISONS += getattr(node, "workeroutput", {}).get("comparisons", 0)


def pytest_terminal_summary(terminalreporter):
    rate = COMPARISONS * FALSE_ALARM
    verdict = "below" if rate < BUDGET else "NOT BELOW"
    terminalreporter.section("statistical tests")
    terminalreporter.line(
        f"{COMPARISONS} comparisons at |z| <= {Z_MAX}: "
        f"false-alarm rate of the suite {rate:.1e}, {verdict} {BUDGET:.0e}"
    )
