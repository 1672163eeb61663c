"""When derivative and expectation change places: the contract."""

from tests.derivations.contract import Contract
from vae_course.derivations import exchange


class TestExchange(Contract):
    module = exchange
