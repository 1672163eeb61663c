"""Full covariances: the contract, and torch's KL divergence."""

import pytest
import sympy
import torch
from torch.distributions import MultivariateNormal, kl_divergence

from tests.derivations.contract import Contract
from vae_course.derivations import gaussian_kl_full
from vae_course.derivations.evaluation import closed_form


class TestGaussianKLFull(Contract):
    module = gaussian_kl_full


@pytest.mark.parametrize("name", ["kl_full_from_standard_normal", "kl_full_gaussian"])
def test_the_result_equals_torch(name):
    derivation = getattr(gaussian_kl_full, name)
    triangles = {
        "l": torch.tensor([[0.7, 0], [-1.1, 1.3]], dtype=torch.float64),
        "s": torch.tensor([[1.6, 0], [0.4, 0.5]], dtype=torch.float64),
    }
    means = {
        "mu": torch.tensor([0.3, -0.8], dtype=torch.float64),
        "m": torch.tensor([-0.5, 0.2], dtype=torch.float64),
    }
    at = {}
    for letter, triangle in triangles.items():
        (first, _), (below, second) = triangle.tolist()
        at[sympy.Symbol(f"{letter}_1", positive=True)] = first
        at[sympy.Symbol(f"{letter}_2", positive=True)] = second
        at[sympy.Symbol(f"{letter}_0", real=True)] = below
    for letter, mean in means.items():
        base = sympy.IndexedBase(letter, real=True)
        at |= {base[k + 1]: value for k, value in enumerate(mean.tolist())}
    q = MultivariateNormal(means["mu"], scale_tril=triangles["l"])
    p = MultivariateNormal(means["m"], scale_tril=triangles["s"])
    if name == "kl_full_from_standard_normal":
        p = MultivariateNormal(torch.zeros(2, dtype=torch.float64), torch.eye(2).double())
    value = closed_form(derivation.steps[-1].expression, derivation.setting).xreplace(at)
    assert float(value) == pytest.approx(kl_divergence(q, p).item(), abs=1e-12)
