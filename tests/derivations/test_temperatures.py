"""Power posteriors: the contract."""

from tests.derivations.contract import Contract
from vae_course.derivations import temperatures


class TestTemperatures(Contract):
    module = temperatures
