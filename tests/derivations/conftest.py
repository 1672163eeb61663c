"""`derivation`: each derivation of the file that a test class is about."""

from tests.derivations.contract import derivations_in


def pytest_generate_tests(metafunc):
    if "derivation" in metafunc.fixturenames:
        every = derivations_in(metafunc.cls.module)
        metafunc.parametrize("derivation", every, ids=[each.name for each in every])
