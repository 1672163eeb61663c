"""Densities of transformed variables: the contract."""

from tests.derivations.contract import Contract
from vae_course.derivations import densities


class TestDensities(Contract):
    module = densities
