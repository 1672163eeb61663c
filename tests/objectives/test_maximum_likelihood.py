"""Maximum likelihood: log p(x) of each example, and a flow that `fit` trains with it."""

import pytest
import torch

from vae_course.conditional import StandardNormal
from vae_course.flows import ElementwiseAffine, Flow
from vae_course.objectives import log_likelihood
from vae_course.random import seeded
from vae_course.training import fit


def test_value_is_the_log_density(device):
    flow = Flow(StandardNormal(2), [ElementwiseAffine(2)]).to(device)
    x = torch.randn(5, 2, device=device)
    result = log_likelihood(flow, x, beta=0.3)
    assert (result.value == flow.log_prob(x)).all()
    assert result.value.shape == (5,)
    assert list(result.terms) == ["log_prob"]


def test_fit_finds_the_gaussian_of_the_data():
    """The best affine flow has the mean and the standard deviation of the data, exactly."""
    with seeded(0):
        x = torch.tensor([3.0, -1.0]) + torch.tensor([0.5, 2.0]) * torch.randn(400, 2)
    flow = Flow(StandardNormal(2), [ElementwiseAffine(2)])
    fit(
        flow,
        log_likelihood,
        x,
        800,
        batch_size=400,
        lr=lambda step: 0.1 * 0.993**step,
        progress=False,
    )
    layer = flow.transform.transforms[0]
    torch.testing.assert_close(layer.shift, x.mean(0), atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(layer.log_scale.exp(), x.std(0, correction=0), atol=1e-3, rtol=1e-3)


def test_a_weight_below_zero():
    flow = Flow(StandardNormal(2), [ElementwiseAffine(2)])
    with pytest.raises(ValueError, match="beta is -1"):
        log_likelihood(flow, torch.zeros(1, 2), beta=-1)
