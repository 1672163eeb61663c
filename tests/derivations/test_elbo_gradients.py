"""Gradients of the ELBO: the contract."""

from tests.derivations.contract import Contract
from vae_course.derivations import elbo_gradients


class TestElboGradients(Contract):
    module = elbo_gradients
