"""The importance-weighted bound: the contract."""

from tests.derivations.contract import Contract
from vae_course.derivations import importance


class TestImportance(Contract):
    module = importance
