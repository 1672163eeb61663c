"""Variances of one-sample gradients: the contract."""

from tests.derivations.contract import Contract
from vae_course.derivations import gradient_variances


class TestGradientVariances(Contract):
    module = gradient_variances
