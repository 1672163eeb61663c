"""One unit of a linear VAE: the contract, and a search that knows no calculus."""

import math

import numpy as np
import pytest

from tests.derivations.contract import Contract
from vae_course.derivations import linear_collapse
from vae_course.derivations.evaluation import closed_form


class TestLinearCollapse(Contract):
    module = linear_collapse


def cost(w, v, s2, eigenvalue, sigma2, beta):
    """D + βR of one unit: x has variance λ, z = vx + noise, x̂ = wz."""
    squared_error = eigenvalue * (1 - w * v) ** 2 + w**2 * s2
    rate = 0.5 * (eigenvalue * v**2 + s2 - 1 - np.log(s2))
    return 0.5 * np.log(2 * np.pi * sigma2) + squared_error / (2 * sigma2) + beta * rate


def lowest(eigenvalue, sigma2, beta):
    """The lowest cost on a grid, and where it is; the grid shrinks around it."""
    centre, width = np.array([1.0, 0.5, 0.5]), np.array([1.0, 0.5, 0.499])
    for _ in range(40):
        axes = [c + w * np.linspace(-1, 1, 13) for c, w in zip(centre, width, strict=True)]
        axes[2] = np.clip(axes[2], 1e-6, None)
        every = np.meshgrid(*axes, indexing="ij")
        costs = cost(*every, eigenvalue, sigma2, beta)
        best = np.unravel_index(costs.argmin(), costs.shape)
        centre, width = np.array([axis[best] for axis in every]), width * 0.7
    return costs.min(), centre


def test_the_optimum_is_the_one_that_a_search_finds():
    eigenvalue, sigma2, beta = 2.0, 0.8, 0.75
    found, (w, v, s2) = lowest(eigenvalue, sigma2, beta)
    water = beta * sigma2
    assert w**2 == pytest.approx(eigenvalue - water, rel=1e-3)
    assert v == pytest.approx(w / eigenvalue, rel=1e-3)
    assert s2 == pytest.approx(water / eigenvalue, rel=1e-3)
    derivation = linear_collapse.linear_vae_optimum
    chosen = {
        linear_collapse.beta: beta,
        linear_collapse.sigma: math.sqrt(sigma2),
        linear_collapse.w_0: math.sqrt(eigenvalue - water),
    }
    for step in derivation.steps[-2:]:
        line = closed_form(step.expression, derivation.setting)
        assert float(line.xreplace(chosen)) == pytest.approx(found, abs=1e-6)


@pytest.mark.parametrize("eigenvalue, silent", [(0.5, True), (0.7, False)])
def test_the_threshold_is_where_a_search_stops_finding_a_silent_unit(eigenvalue, silent):
    sigma2, beta = 0.8, 0.75  # the water level is 0.6
    _, (w, _, _) = lowest(eigenvalue, sigma2, beta)
    assert (abs(w) < 0.02) == silent
    derivation = linear_collapse.collapse_threshold
    last = closed_form(derivation.steps[-1].expression, derivation.setting)
    chosen = {
        linear_collapse.beta: beta,
        linear_collapse.sigma: math.sqrt(sigma2),
        linear_collapse.lam: eigenvalue,
    }
    assert (float(last.xreplace(chosen)) > 0) == silent
