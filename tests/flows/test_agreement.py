"""zuko's flows, its weights copied into ours, give the same densities and samples.

nflows asks for tensorboard and more, so it is only installed for `make benchmark`, which holds our
flows to it (and to zuko) before it measures anything.
"""

import pytest
import torch
import zuko

from benchmarks.flow_agreement import maf_from_zuko, real_nvp_from_zuko
from vae_course.flows import RationalQuadraticSpline
from vae_course.random import seeded

BUILDERS = {"MAF": maf_from_zuko, "RealNVP": real_nvp_from_zuko}


@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize("context", [0, 3])
@pytest.mark.parametrize("features", [2, 5])
def test_flows_agree_with_zuko(name, context, features):
    with seeded(0):
        theirs = getattr(zuko.flows, name)(
            features, context, transforms=3, hidden_features=(30, 20)
        ).double()
        for parameter in theirs.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
        x = torch.randn(50, features, dtype=torch.float64)
        c = torch.randn(50, context, dtype=torch.float64) if context else None
    ours, theirs = BUILDERS[name](theirs)(c), theirs(c)
    torch.testing.assert_close(ours.log_prob(x), theirs.log_prob(x), atol=1e-8, rtol=1e-8)
    noise, log_det = ours.transform.inverse(x, c)
    torch.testing.assert_close(noise, theirs.transform(x), atol=1e-8, rtol=1e-8)
    torch.testing.assert_close(log_det, theirs.transform.call_and_ladj(x)[1], atol=1e-8, rtol=1e-8)
    back, _ = ours.transform(x, c)
    torch.testing.assert_close(back, theirs.transform.inv(x), atol=1e-8, rtol=1e-8)


def test_spline_agrees_with_zuko():
    """The same knots, and slopes there: the same curve and its inverse."""
    spline = RationalQuadraticSpline(bins=6, bound=3.0)
    with seeded(0):
        params = torch.randn(200, spline.parameters, 4, dtype=torch.float64)
        x = 2 * torch.randn(200, 4, dtype=torch.float64)
    lefts, bottoms, _, _, slopes = (knots.movedim(-2, -1) for knots in spline.knots(params))
    free = torch.zeros(200, 4, 6, dtype=torch.float64)
    theirs = zuko.transforms.MonotonicRQSTransform(free, free, free[..., 1:], bound=3.0)
    end = torch.full_like(lefts[..., :1], 3.0)
    theirs.horizontal, theirs.vertical = torch.cat([lefts, end], -1), torch.cat([bottoms, end], -1)
    theirs.derivatives = slopes
    wanted = theirs.call_and_ladj(x)
    for ours, their in zip(spline.forward(x, params), wanted, strict=True):
        torch.testing.assert_close(ours, their, atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(spline.inverse(x, params)[0], theirs.inv(x), atol=1e-9, rtol=1e-9)
