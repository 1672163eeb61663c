"""Every transform keeps its promises: inverse, log-determinant, gradients, shapes, density."""

import pytest
import torch

from tests.flows import cases_autoregressive, cases_basic, cases_images
from tests.flows.contract import jacobian
from vae_course.random import seeded

CASES = cases_basic.CASES + cases_autoregressive.CASES + cases_images.CASES
ROUND_TRIP = {torch.float64: 1e-10, torch.float32: 1e-4}


def every(condition=lambda case: True):
    """The test runs once for each case for which the condition holds."""
    chosen = [case for case in CASES if condition(case)]
    return pytest.mark.parametrize("case", chosen, ids=[case.name for case in chosen])


def test_names_are_unique():
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)


@every()
@pytest.mark.dtypes("float64", "float32")
def test_inverse_takes_forward_back(case, device, dtype):
    transform = case.perturbed(dtype, device)
    noise = case.draw(50, dtype=dtype, device=device)
    context = case.context(50, dtype=dtype, device=device)
    with torch.no_grad():
        data, log_det = transform(noise, context)
        back, log_det_back = transform.inverse(data, context)
    assert data.shape == (50, *case.data_shape)
    assert log_det.shape == log_det_back.shape == (50,)
    for tensor in (data, log_det, back, log_det_back):
        assert tensor.dtype == dtype
        assert tensor.device.type == device.type
    tolerance = {torch.float64: 1e-8, torch.float32: 1e-3}[dtype]
    torch.testing.assert_close(back, noise, atol=tolerance, rtol=tolerance)
    torch.testing.assert_close(log_det_back, -log_det, atol=tolerance, rtol=tolerance)


@every(lambda case: case.stacks)
@pytest.mark.dtypes("float64", "float32")
def test_a_hundred_layers_there_and_back(case, device, dtype):
    flow = case.default(dtype, device, layers=100)
    start = case.draw(20, dtype=dtype, device=device)
    context = case.context(20, dtype=dtype, device=device)
    with torch.no_grad():
        data, log_det = flow(start, context)
        back, log_det_back = flow.inverse(data, context)
        noise, _ = flow.inverse(start, context)
        forth, _ = flow(noise, context)
    tolerance = ROUND_TRIP[dtype]
    torch.testing.assert_close(back, start, atol=tolerance, rtol=0)
    torch.testing.assert_close(forth, start, atol=tolerance, rtol=0)
    torch.testing.assert_close(log_det_back, -log_det, atol=tolerance, rtol=tolerance)


@every()
def test_log_det_is_that_of_the_jacobian(case, device):
    transform = case.perturbed(device=device)
    for seed in (3, 7):
        noise = case.draw(device=device, seed=seed)
        context = case.context(device=device, seed=seed)
        data, log_det = transform(noise, context)
        data = data.detach()
        matrix = jacobian(lambda x, context=context: transform(x, context)[0], noise)
        wanted = torch.linalg.slogdet(matrix).logabsdet
        torch.testing.assert_close(log_det, wanted, atol=1e-9, rtol=1e-9)
        matrix = jacobian(lambda y, context=context: transform.inverse(y, context)[0], data)
        _, log_det = transform.inverse(data, context)
        torch.testing.assert_close(log_det, -wanted, atol=1e-8, rtol=1e-8)
        wanted = torch.linalg.slogdet(matrix).logabsdet
        torch.testing.assert_close(log_det, wanted, atol=1e-8, rtol=1e-8)


@every()
@pytest.mark.parametrize("direction", ["forward", "inverse"])
def test_every_parameter_gets_a_gradient(case, device, direction):
    transform = case.perturbed(device=device)
    context = case.context(30, device=device)
    points = case.draw(30, device=device)
    with torch.no_grad():
        points = transform(points, context)[0] if direction == "inverse" else points
    points.requires_grad_()
    value, log_det = (transform if direction == "forward" else transform.inverse)(points, context)
    (value.pow(3).flatten(1).sum(-1) + log_det).mean().backward()
    for name, parameter in [("input", points), *transform.named_parameters()]:
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


@every()
def test_gradients_of_the_inverse_are_those_of_differences(case, device):
    """The gradient by all parameters along one direction, against a central difference."""
    transform = case.perturbed(device=device)
    parameters = [parameter for parameter in transform.parameters() if parameter.requires_grad]
    if not parameters:
        return
    context = case.context(4, device=device)
    with torch.no_grad():
        data, _ = transform(case.draw(4, device=device), context)
    with seeded(8):
        directions = [torch.randn_like(parameter) for parameter in parameters]
        weights = torch.randn(4, *case.noise, dtype=torch.float64).to(device)

    def value_after(step: float):
        with torch.no_grad():
            for parameter, direction in zip(parameters, directions, strict=True):
                parameter += step * direction
        noise, log_det = transform.inverse(data, context)
        return (weights * noise).sum() + log_det.sum()

    gradients = torch.autograd.grad(value_after(0.0), parameters)
    slope = sum((g * d).sum() for g, d in zip(gradients, directions, strict=True))
    with torch.no_grad():
        difference = (value_after(1e-5) - value_after(-2e-5)) / 2e-5
    torch.testing.assert_close(slope, difference, atol=1e-5, rtol=1e-5)


@every()
def test_any_leading_axes(case, device):
    transform = case.perturbed(device=device)
    noise = case.draw(3, 4, device=device)
    context = case.context(4, device=device)  # broadcasts over the first axis
    data, log_det = transform(noise, context)
    back, log_det_back = transform.inverse(data, context)
    assert data.shape == (3, 4, *case.data_shape)
    assert back.shape == noise.shape
    assert log_det.shape == log_det_back.shape == (3, 4)
    for row in range(3):
        for column in range(4):
            here = None if context is None else context[column]
            one, one_log_det = transform(noise[row, column], here)
            assert one_log_det.shape == ()
            torch.testing.assert_close(one, data[row, column], atol=1e-11, rtol=1e-11)
            torch.testing.assert_close(one_log_det, log_det[row, column], atol=1e-11, rtol=1e-11)


@every(lambda case: case.context_features > 0)
def test_the_context_matters(case, device):
    transform = case.perturbed(device=device)
    noise = case.draw(5, device=device)
    first, _ = transform(noise, case.context(5, device=device, seed=1))
    second, _ = transform(noise, case.context(5, device=device, seed=2))
    assert (first - second).abs().max() > 1e-3


@every(lambda case: case.context_features == 0)
def test_a_context_that_is_not_used_is_ignored(case, device):
    transform = case.perturbed(device=device)
    noise = case.draw(5, device=device)
    with_one, _ = transform(noise, torch.zeros(5, 2, dtype=torch.float64, device=device))
    assert (with_one == transform(noise)[0]).all()


@every(lambda case: case.data_shape == case.noise and case.data_shape in [(1,), (2,)])
@pytest.mark.parametrize("seed", [2, 3])
def test_the_density_integrates_to_one(case, device, seed):
    transform = case.perturbed(device=device, seed=seed)
    context = case.context(device=device)
    distribution = case.distribution(transform, context)
    with torch.no_grad():
        edge, _ = transform(
            7 * torch.nn.functional.normalize(case.draw(2000, device=device)), context
        )
        low, high = edge.amin(0), edge.amax(0)
        axes = [
            torch.linspace(float(a), float(b), case.nodes, dtype=torch.float64, device=device)
            for a, b in zip(low, high, strict=True)
        ]
        grid = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).flatten(0, -2)
        cell = torch.stack([axis[1] - axis[0] for axis in axes]).prod()
        total = distribution.log_prob(grid).exp().sum() * cell
    assert abs(total.item() - 1) < case.integral


@every()
def test_a_sample_comes_with_its_own_density(case, device):
    transform = case.perturbed(device=device)
    context = case.context(6, device=device)
    distribution = case.distribution(transform, context)
    shape = (6,) if context is None else ()
    with seeded(9):
        sample, log_prob = distribution.rsample_and_log_prob(shape)
    assert log_prob.shape == (6,)
    torch.testing.assert_close(distribution.log_prob(sample), log_prob, atol=1e-8, rtol=1e-8)


@every()
def test_state_is_all_in_the_state_dict(case, device):
    """A copy built anew and given the state computes the same."""
    transform = case.perturbed(device=device)
    with seeded(11):
        copy = case.build().double().to(device)
    copy.load_state_dict(transform.state_dict())
    copy.eval()
    noise, context = case.draw(5, device=device), case.context(5, device=device)
    for wanted, got in zip(transform(noise, context), copy(noise, context), strict=True):
        assert (wanted == got).all()
