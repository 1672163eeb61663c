"""DIP-VAE: the penalty against covariances by hand."""

import pytest
import torch

from vae_course.models import mlp_vae
from vae_course.objectives import dip_elbo, elbo
from vae_course.objectives.dip import covariance_penalty
from vae_course.random import seeded

MEAN = torch.tensor([[1.0, 2.0], [-1.0, 0.0], [3.0, 1.0], [1.0, 1.0]]).double()
VARIANCE = torch.tensor([[0.5, 0.1], [0.5, 0.3], [0.7, 0.1], [0.3, 0.1]]).double()
# Means (1, 1); deviations (0,1), (-2,-1), (2,0), (0,0): squares 8/4 and 2/4, product 2/4.
# Mean variances 0.5 and 0.15.


def test_penalties_by_hand():
    first = covariance_penalty(MEAN, VARIANCE, 1.0, 0.0, "I")
    assert first.item() == pytest.approx(2 * 0.5**2)  # both entries off the diagonal count
    second = covariance_penalty(MEAN, VARIANCE, 0.0, 1.0, "I")
    assert second.item() == pytest.approx((2.0 - 1) ** 2 + (0.5 - 1) ** 2)
    third = covariance_penalty(MEAN, VARIANCE, 1.0, 0.0, "II")
    assert third.item() == pytest.approx(2 * 0.5**2)  # the posteriors are diagonal
    fourth = covariance_penalty(MEAN, VARIANCE, 0.0, 1.0, "II")
    assert fourth.item() == pytest.approx((2.5 - 1) ** 2 + (0.65 - 1) ** 2)
    both = covariance_penalty(MEAN, VARIANCE, 3.0, 5.0, "II")
    assert both.item() == pytest.approx(3 * 0.5 + 5 * (2.25 + 0.1225))


def test_one_latent_has_nothing_off_the_diagonal():
    for kind, variance in [("I", 2.0), ("II", 2.5)]:
        found = covariance_penalty(MEAN[:, :1], VARIANCE[:, :1], 9.0, 1.0, kind)
        assert found.item() == pytest.approx((variance - 1) ** 2)


def test_no_penalty_where_the_covariance_is_the_identity():
    corners = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0]).double()] * 2)
    assert covariance_penalty(corners, corners * 0, 10.0, 10.0, "I").item() == pytest.approx(0)
    found = covariance_penalty(corners * 0.6, 0 * corners + 0.64, 10.0, 10.0, "II")
    assert found.item() == pytest.approx(0, abs=1e-12)
    # A unit that follows the prior costs nothing with II, and λ_d with I.
    asleep = torch.zeros(4, 2).double()
    assert covariance_penalty(asleep, asleep + 1, 1.0, 5.0, "II").item() == pytest.approx(0)
    assert covariance_penalty(asleep, asleep + 1, 1.0, 5.0, "I").item() == pytest.approx(10)


@pytest.mark.dtypes("float32", "float64")
@pytest.mark.parametrize("kind", ["I", "II"])
def test_the_objective_is_the_elbo_minus_the_penalty(kind, device, dtype):
    with seeded(0):
        model, x = mlp_vae((5,), (6,), 3).to(device, dtype), torch.rand(9, 5).to(device, dtype)
    with seeded(2):
        bound = dip_elbo(model, x, 3.0, 5.0, kind, beta=2.0)
    with seeded(2):
        plain = elbo(model, x, beta=2.0)
    q = model.encode(x)
    penalty = covariance_penalty(q.mean, q.variance, 3.0, 5.0, kind)
    assert bound.value.tolist() == pytest.approx((plain.value - penalty).tolist(), rel=1e-5)
    assert bound.elbo.tolist() == pytest.approx(plain.elbo.tolist(), rel=1e-5)
    assert bound.value.dtype == dtype
    assert {value.shape for value in bound.terms.values()} == {(9,)}
    bound.value.mean().backward()
    assert model.encoder.head.weight.grad.isfinite().all()


def test_bad_arguments_are_refused():
    model = mlp_vae((5,), (6,), 3)
    for change, words in [
        ({"kind": "III"}, "kind is 'III', needs one of"),
        ({"diagonal": -1.0}, "diagonal is -1.0"),
        ({"x": torch.rand(1, 5)}, "x has 1 example, needs 2"),
        ({"beta": -0.1}, "beta is -0.1"),
    ]:
        with pytest.raises(ValueError, match=words):
            dip_elbo(**({"model": model, "x": torch.rand(4, 5)} | change))
