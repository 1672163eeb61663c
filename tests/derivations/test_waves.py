"""Where the pathwise gradient is the worse one: the contract."""

from tests.derivations.contract import Contract
from vae_course.derivations import waves


class TestWaves(Contract):
    module = waves
