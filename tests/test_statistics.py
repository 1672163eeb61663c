"""The rule for statistical tests fails when it should."""

from types import SimpleNamespace

import pytest
import torch

from tests import statistics
from tests.statistics import assert_frequencies, assert_mean, assert_z


def test_accepts_within_and_refuses_beyond():
    assert_z(1.0, 1.5, 0.1, detects=1.11)
    with pytest.raises(AssertionError, match=r"\|z\| = 6"):
        assert_z(1.0, 1.6, 0.1, detects=1.11)


def test_refuses_what_is_not_a_number():
    with pytest.raises(AssertionError):
        assert_z(float("nan"), 0.0, 1.0, detects=12.0)


def test_refuses_standard_error_of_zero():
    with pytest.raises(AssertionError, match="not positive"):
        assert_z(1.0, 1.0, 0.0, detects=1.0)


def test_stated_detectable_error_is_checked():
    assert_z(0.0, 0.0, 0.1, detects=1.11)
    with pytest.raises(AssertionError, match="detects errors of"):
        assert_z(0.0, 0.0, 0.1, detects=1.0)


def test_every_comparison_is_counted():
    before = statistics.COMPARISONS
    assert_z(torch.zeros(3, 2), 0.0, 1.0, detects=12.0)
    assert statistics.COMPARISONS == before + 6


def test_planted_error_of_the_stated_size_is_found(seed):
    draws = torch.randn(10_000, generator=torch.Generator().manual_seed(seed))
    assert_mean(draws, 0.0, detects=0.12)
    with pytest.raises(AssertionError):
        assert_mean(draws, 0.12, detects=0.12)


def test_frequencies(seed):
    draws = torch.rand(10_000, generator=torch.Generator().manual_seed(seed)).round()
    assert_frequencies(draws, [0.0, 1.0], [0.5, 0.5], detects=0.06)
    with pytest.raises(AssertionError):
        assert_frequencies(draws, [0.0, 1.0], [0.44, 0.56], detects=0.06)


def test_a_suite_of_too_many_comparisons_fails(monkeypatch):
    # Each may fail once in 26 million; three thousand of them are more than one in ten thousand.
    for comparisons, status in [(2_000, 0), (3_000, 1)]:
        session = SimpleNamespace(config=SimpleNamespace(), exitstatus=0)
        monkeypatch.setattr(statistics, "COMPARISONS", comparisons)
        statistics.pytest_sessionfinish(session)
        assert session.exitstatus == status


def test_comparisons_of_the_workers_are_added_up(monkeypatch):
    monkeypatch.setattr(statistics, "COMPARISONS", 70)
    worker = SimpleNamespace(config=SimpleNamespace(workeroutput={}), exitstatus=0)
    statistics.pytest_sessionfinish(worker)
    assert worker.config.workeroutput == {"comparisons": 70}
    statistics.pytest_testnodedown(SimpleNamespace(workeroutput={"comparisons": 30}), None)
    statistics.pytest_testnodedown(SimpleNamespace(), "crashed")
    assert statistics.COMPARISONS == 100
