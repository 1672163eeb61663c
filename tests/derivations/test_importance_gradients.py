"""Gradients of the importance-weighted bound: the contract."""

from tests.derivations.contract import Contract
from vae_course.derivations import importance_gradients


class TestImportanceGradients(Contract):
    module = importance_gradients
