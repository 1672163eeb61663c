"""Score function and pathwise: the contract."""

from tests.derivations.contract import Contract
from vae_course.derivations import gradients


class TestGradients(Contract):
    module = gradients
