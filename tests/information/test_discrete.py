"""Tables of probabilities: identities, extremes, and sums written out."""

from math import log

import pytest
import torch

from vae_course.information import (
    conditional_entropy,
    entropy,
    mutual_information,
    relative_entropy,
    total_correlation,
)
from vae_course.random import seeded


def table(*shape):
    with seeded(sum(shape)):
        p = torch.rand(*shape).double()
    p.flatten()[0] = 0
    return p / p.sum()


def test_against_sums_written_out():
    joint = table(3, 4)
    p_x, p_z = joint.sum(1), joint.sum(0)
    information = given = 0.0
    for x in range(3):
        for z in range(4):
            p = joint[x, z].item()
            if p > 0:
                information += p * log(p / (p_x[x] * p_z[z]))
                given -= p * log(p / p_x[x])
    assert mutual_information(joint).item() == pytest.approx(information, abs=1e-12)
    assert conditional_entropy(joint).item() == pytest.approx(given, abs=1e-12)
    assert entropy(p_z).item() == pytest.approx(information + given, abs=1e-12)


def test_extremes():
    assert entropy(torch.full((8,), 1 / 8)).item() == pytest.approx(log(8), abs=1e-6)
    assert mutual_information(torch.eye(5).double() / 5).item() == pytest.approx(log(5))
    assert conditional_entropy(torch.eye(5).double() / 5).item() == pytest.approx(0, abs=1e-12)
    independent = table(3)[:, None] * table(4)
    assert mutual_information(independent).item() == pytest.approx(0, abs=1e-12)
    p, q = torch.tensor([0.5, 0.5]), torch.tensor([1.0, 0.0])
    assert relative_entropy(p, q) == torch.inf
    assert relative_entropy(q, p).item() == pytest.approx(log(2))


def test_total_correlation_of_three_variables_is_a_chain_of_informations():
    joint = table(2, 3, 4)
    chain = mutual_information(joint.sum(2)) + mutual_information(joint.reshape(6, 4))
    assert total_correlation(joint).item() == pytest.approx(chain.item(), abs=1e-12)
    parity = torch.tensor([[[1.0, 0], [0, 1]], [[0, 1], [1, 0]]]).double() / 4
    assert total_correlation(parity).item() == pytest.approx(log(2), abs=1e-12)
    assert mutual_information(parity.sum(2)).item() == pytest.approx(0, abs=1e-12)
    assert total_correlation(table(4)).item() == 0


@pytest.mark.dtypes("float32", "float64")
def test_dtype_and_device(device, dtype):
    found = mutual_information(table(3, 4).to(device, dtype))
    assert (found.dtype, found.device.type) == (dtype, device.type)
    assert found.item() == pytest.approx(mutual_information(table(3, 4)).item(), abs=1e-6)


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="sum to 1"):
        entropy(torch.ones(3))
    with pytest.raises(ValueError, match=r"from -0\.5"):
        entropy(torch.tensor([-0.5, 1.5]))
    with pytest.raises(ValueError, match="needs 2 dimensions"):
        mutual_information(table(2, 3, 4))
    with pytest.raises(ValueError, match=r"q has shape \(3,\), needs that of p, \(4,\)"):
        relative_entropy(table(4), table(3))
