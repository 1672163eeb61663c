"""The two directions of autoregressive layers and couplings, their cost, and bad arguments."""

import math

import pytest
import torch

from vae_course.flows import (
    IAF,
    MADE,
    MAF,
    Additive,
    Affine,
    Autoregressive,
    Coupling,
    NeuralSplineFlow,
    PlanarFlow,
    RationalQuadraticSpline,
    RealNVP,
    dependence,
)
from vae_course.random import seeded

FEATURES = 6


def layer(conditions_on="output", elementwise=None, ordering=None, context_features=0):
    elementwise = elementwise or Affine()
    with seeded(0):
        net = MADE(FEATURES, (20, 17), elementwise.parameters, ordering, context_features)
        for parameter in net.parameters():
            torch.nn.init.normal_(parameter, std=0.4)
    return Autoregressive(net, elementwise, conditions_on).double()


def noise(*batch: int):
    with seeded(1):
        return torch.randn(*batch, FEATURES, dtype=torch.float64)


def whole_passes(each: Autoregressive, values, context=None):
    """The sequential direction as simple programs do it: D passes of the network."""
    bend = each.elementwise.forward if each.conditions_on == "output" else each.elementwise.inverse
    result = torch.zeros_like(values)
    for _ in range(FEATURES):
        result, log_derivative = bend(values, each.net(result, context))
    return result, log_derivative.sum(-1)


@pytest.mark.parametrize("conditions_on", ["output", "input"])
@pytest.mark.parametrize("elementwise", [Additive(), Affine(), RationalQuadraticSpline(4)])
@pytest.mark.parametrize("context_features", [0, 3])
def test_one_degree_at_a_time_is_a_fixed_point_of_whole_passes(
    conditions_on, elementwise, context_features
):
    each = layer(conditions_on, elementwise, (3, 0, 5, 1, 2, 4), context_features)
    x = noise(7)
    context = noise(7)[:, :3] if context_features else None
    sequential = each.forward if conditions_on == "output" else each.inverse
    for ours, wanted in zip(sequential(x, context), whole_passes(each, x, context), strict=True):
        torch.testing.assert_close(ours, wanted, atol=1e-12, rtol=1e-12)


def test_gradients_of_the_sequential_direction_are_those_of_whole_passes():
    each = layer()
    x = noise(4).requires_grad_()
    wrt = [x, *each.parameters()]
    gradients = [
        torch.autograd.grad((y.sin().sum() + log_det.sum()), wrt)
        for y, log_det in (each(x), whole_passes(each, x))
    ]
    for ours, wanted in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, wanted, atol=1e-11, rtol=1e-11)


@pytest.mark.parametrize("context_features", [0, 3])
def test_without_gradients_where_rows_are_written_in_place_the_results_are_the_same(
    context_features,
):
    each = layer(context_features=context_features)
    x, context = noise(5), noise(5)[:, :3] if context_features else None
    wanted = whole_passes(each, x, context)
    with torch.no_grad():
        for ours, theirs in zip(each(x, context), wanted, strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-12, rtol=1e-12)


def test_the_sequence_multiplies_each_weight_at_most_once(monkeypatch):
    each, count, addmm = layer(), [], torch.addmm

    def counted(bias, weight, rows):
        count.append(weight.numel())
        return addmm(bias, weight, rows)

    monkeypatch.setattr(torch, "addmm", counted)
    each(noise(10))
    that_count = sum(int(net_layer.mask.sum()) for net_layer in each.net.layers)
    assert that_count <= sum(count) <= 6 * 20 + 20 * 17 + 17 * 12  # one pass of the whole network


@pytest.mark.parametrize(
    ("conditions_on", "direction", "calls"),
    [("output", "inverse", 1), ("output", "forward", 0), ("input", "forward", 1)],
)
def test_the_cheap_direction_is_one_pass(conditions_on, direction, calls):
    each, seen = layer(conditions_on), []
    each.net.register_forward_hook(lambda *_: seen.append(1))
    getattr(each, direction)(noise(3))
    assert len(seen) == calls


def test_the_jacobian_is_triangular_in_the_ordering():
    ordering = (3, 0, 5, 1, 2, 4)
    for conditions_on in ("output", "input"):
        each = layer(conditions_on, ordering=ordering)
        for direction in (each.forward, each.inverse):
            pattern = dependence(direction, noise(30))[list(ordering)][:, list(ordering)]
            assert torch.equal(pattern, torch.ones_like(pattern).tril())


def test_maf_and_iaf_condition_on_different_sides():
    """A hand-made layer of two features whose network gives shift 3 v₁ to the second."""
    net = MADE(2, (2,), 2).double()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
        net.layers[0].weight[:] = torch.tensor([[1.0, 0], [-1, 0]])  # relu(v) - relu(-v) = v
        net.layers[1].weight[1] = torch.tensor([3.0, -3.0])
    x = torch.tensor([[2.0, 1.0]], dtype=torch.float64)
    for shift_of in ("output", "input"):
        net.layers[1].bias[0].data.fill_(5.0)  # the first feature is shifted by 5
        y, _ = Autoregressive(net, Affine(), shift_of)(x)
        known = {"output": 7.0, "input": 2.0}[shift_of]
        torch.testing.assert_close(y, torch.tensor([[7.0, 1 + 3 * known]], dtype=torch.float64))


def test_coupling_leaves_what_the_mask_says_and_bends_the_rest():
    for mask in ([0, 1, 1, 0, 1, 0], [0, 0, 0, 1, 1, 1], [1, 0, 1, 0, 1, 0], [0, 0, 1, 0, 0, 0]):
        with seeded(0):
            each = Coupling(mask, hidden=(60,)).double()
        bent = torch.tensor(mask, dtype=torch.bool)
        x = noise(30)
        y, _ = each(x)
        assert torch.equal(y[:, ~bent], x[:, ~bent])
        assert (y[:, bent] != x[:, bent]).all()
        wanted = torch.eye(FEATURES, dtype=torch.bool) | (bent[:, None] & ~bent)
        assert torch.equal(dependence(each, x), wanted)


def test_every_feature_of_a_flow_depends_on_every_other():
    for flow in (MAF, IAF, RealNVP, NeuralSplineFlow):
        with seeded(0):
            transform = flow(5, layers=4, hidden=(40,)).double().transform
        with seeded(1):
            x = torch.randn(20, 5, dtype=torch.float64)
        assert dependence(transform, x).all(), flow.__name__


def test_the_density_of_a_single_feature_integrates_to_one():
    with seeded(0):
        flow = NeuralSplineFlow(1, layers=3, hidden=(8,), kind="autoregressive").double()
        for parameter in flow.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    x = torch.linspace(-9, 9, 100_001, dtype=torch.float64)
    with torch.no_grad():
        total = torch.trapezoid(flow.log_prob(x.unsqueeze(-1)).exp(), x)
    assert total.item() == pytest.approx(1, abs=1e-6)


def test_an_affine_flow_of_one_feature_is_affine():
    """However deep: so it can fit the Gaussian exactly, and nothing else."""
    with seeded(0):
        flow = MAF(1, layers=8).double()
        for parameter in flow.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    x = torch.tensor([[-2.0], [0.0], [2.0]], dtype=torch.float64)
    y, log_det = flow.transform(x)
    assert (y[0] + y[2]).item() == pytest.approx(2 * y[1].item())
    assert log_det.std().item() < 1e-12


@pytest.mark.parametrize("build", [MAF, IAF, RealNVP, NeuralSplineFlow, PlanarFlow])
def test_flows_start_near_the_identity(build):
    with seeded(0):
        flow = build(4, layers=2)
        x = torch.randn(200, 4)
    wanted = -0.5 * x.square().sum(-1) - 2 * math.log(2 * math.pi)
    close = 1.5 if build is PlanarFlow else 0.4
    assert (flow.log_prob(x) - wanted).abs().mean() < close


def test_density_of_a_flow_given_a_context():
    with seeded(0):
        flow = MAF(2, layers=2, hidden=(16,), context_features=3).double()
        context = torch.randn(5, 3, dtype=torch.float64)
    sample, log_prob = flow.rsample_and_log_prob((4,), context)
    assert sample.shape == (4, 5, 2)
    torch.testing.assert_close(flow.log_prob(sample, context), log_prob)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Autoregressive(MADE(3, (8,), 1)), "net gives 1 outputs per feature"),
        (lambda: Autoregressive(MADE(3, (8,), 2), conditions_on="x"), "conditions_on is 'x'"),
        (lambda: Coupling([1, 1, 1]), "mask"),
        (lambda: Coupling([0, 0]), "mask"),
        (lambda: Coupling([[0, 1]]), "mask"),
        (lambda: Coupling([0, 1], hidden=()), "hidden"),
        (lambda: MAF(0), "features"),
        (lambda: IAF(2, layers=0), "layers"),
        (lambda: RealNVP(1), "features"),
        (lambda: NeuralSplineFlow(2, kind="x"), "kind is 'x'"),
        (lambda: NeuralSplineFlow(2, bins=1), "bins"),
        (lambda: PlanarFlow(2, layers=0), "layers"),
    ],
)
def test_bad_arguments_are_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()
