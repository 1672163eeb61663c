"""Annealing: the contract."""

from tests.derivations.contract import Contract
from vae_course.derivations import annealing


class TestAnnealing(Contract):
    module = annealing
