"""Noise that is learned: the bound, what it loses, and that it is trained with the flow.

The oracle is a density that is a polynomial in each number, so that Gauss–Legendre quadrature gives
the probability of a level exactly. Expectations over the noise are sums over nodes, not samples.
"""

from functools import partial
from math import exp, log

import pytest
import torch
from numpy.polynomial.legendre import leggauss
from torch import nn
from torch.distributions import (
    Beta,
    Categorical,
    Independent,
    MixtureSameFamily,
    Normal,
    SigmoidTransform,
    TransformedDistribution,
    Uniform,
)

from tests.statistics import assert_mean
from vae_course.flows import (
    Coupling,
    DequantisedFlow,
    Flow,
    Glow,
    Logit,
    LogitLogistic,
    RealNVP,
    VariationalNoise,
    dequantise,
    dequantised_log_likelihood,
)
from vae_course.flows.image_coupling import conditioner
from vae_course.flows.standard_normal import StandardNormal
from vae_course.random import seeded
from vae_course.training import fit

LEVELS = 4


def steep(n: int) -> MixtureSameFamily:
    """A density on [0, 1]ⁿ, far from constant in a quarter, and with correlated numbers."""
    a = torch.tensor([[2.0, 6.0], [5.0, 2.0], [1.0, 1.0]], dtype=torch.float64)[:, :n]
    b = torch.tensor([[5.0, 2.0], [2.0, 3.0], [1.0, 1.0]], dtype=torch.float64)[:, :n]
    weights = Categorical(torch.tensor([0.5, 0.4, 0.1], dtype=torch.float64))
    return MixtureSameFamily(weights, Independent(Beta(a, b, validate_args=False), 1),
                             validate_args=False)  # fmt: skip


def grid(axis, n: int):
    """All points with the coordinates `axis`, `(m, n)`."""
    axes = torch.meshgrid(*[axis] * n, indexing="ij")
    return torch.stack([part.flatten() for part in axes], -1)


def every_level(n: int):
    """All levels of n numbers, 0 to 1: `(LEVELS**n, n)`."""
    return grid(torch.arange(LEVELS, dtype=torch.float64), n) / (LEVELS - 1)


def exact_log_probability(p, x):
    """log of the integral of p over the cell of each level, `(B,)`. Exact for polynomials."""
    node, weight = map(torch.from_numpy, leggauss(16))
    u, volume = grid((node + 1) / 2, x.shape[1]), grid(weight / 2, x.shape[1]).prod(-1)
    y = ((LEVELS - 1) * x[:, None] + u) / LEVELS
    return (p.log_prob(y).exp() * volume).sum(-1).log() - x.shape[1] * log(LEVELS)


class AtNodes(LogitLogistic):
    """The distribution whose draws are what we say."""

    def rsample_and_log_prob(self, sample_shape=()):
        return self.u, self.log_prob(self.u)


class GivenNoise(nn.Module):
    """For each level its own t and s, at nodes that are chosen."""

    def __init__(self, t, s, u):
        super().__init__()
        self.t, self.s, self.u = t, s, u

    def forward(self, v):
        q = AtNodes(self.t, self.s, 1)
        q.u = self.u
        return q


def expectation(p, x, t, s):
    """The bound that `dequantised_log_likelihood` estimates, and KL(q ‖ p(u | v)): `(B,)` each.

    The trapezoid rule in the logistic variable, whose error falls exponentially. The KL knows only
    p, its integral over the cell, and q.
    """
    n = x.shape[1]
    node = torch.linspace(-24, 24, 193, dtype=torch.float64)
    step = node[1] - node[0]
    density = (nn.functional.logsigmoid(node) + nn.functional.logsigmoid(-node)).exp() * step
    weight, nodes = grid(density, n).prod(-1), grid(node, n)
    m = len(nodes)
    u = (t[:, None] + s.exp()[:, None] * nodes).sigmoid()
    many = [part[:, None].expand(-1, m, -1).reshape(-1, n) for part in (x, t, s)]
    noise = GivenNoise(*many[1:], u.reshape(-1, n))
    bound = dequantised_log_likelihood(DequantisedFlow(p, noise), many[0], levels=LEVELS)
    value = (bound.value.reshape(-1, m) * weight).sum(-1)
    y = ((LEVELS - 1) * x[:, None] + u) / LEVELS
    log_q = LogitLogistic(t[:, None].expand_as(u), s[:, None].expand_as(u), 1).log_prob(u)
    own = p.log_prob(y) - n * log(LEVELS) - exact_log_probability(p, x)[:, None]
    return value, ((log_q - own) * weight).sum(-1)


@pytest.mark.parametrize("n", [1, 2])
def test_the_bound_is_below_and_the_gap_is_a_divergence(n):
    p, x = steep(n), every_level(n)
    exact = exact_log_probability(p, x)
    torch.testing.assert_close(exact.exp().sum(), torch.tensor(1.0).double())
    for seed in range(3):
        with seeded(seed):
            t, s = torch.randn(2, *x.shape, dtype=torch.float64) * 0.7
        if seed == 0:
            t, s = torch.zeros_like(x), torch.zeros_like(x)  # uniform
        value, divergence = expectation(p, x, t, s)
        assert (value < exact - 1e-4).all()
        torch.testing.assert_close(exact - value, divergence, atol=1e-6, rtol=0)


class TrueNoise(nn.Module):
    """The model's own density of u in the cell of v, at uniform draws of u."""

    def __init__(self, p):
        super().__init__()
        self.p = p

    def forward(self, v):
        q = Independent(Uniform(torch.zeros_like(v), torch.ones_like(v)), 1)
        constant = exact_log_probability(self.p, v) + v.shape[1] * log(LEVELS)
        q.log_prob = lambda u: self.p.log_prob(((LEVELS - 1) * v + u) / LEVELS) - constant
        return q


@pytest.mark.parametrize("n", [1, 2])
def test_noise_that_is_the_models_own_loses_nothing(n):
    """Whatever u is drawn, log p − log q is log P: no gap, and no variance."""
    p, x = steep(n), every_level(n).repeat(20, 1)
    with seeded(0):
        bound = dequantised_log_likelihood(DequantisedFlow(p, TrueNoise(p)), x, levels=LEVELS)
    # The largest draws are moved by 2⁻¹⁵, lest y be rounded up to the next level.
    torch.testing.assert_close(bound.value, exact_log_probability(p, x), atol=1e-9, rtol=0)


class UniformNoise(nn.Module):
    def forward(self, v):
        return Independent(Uniform(torch.zeros_like(v), torch.ones_like(v)), v.dim() - 1)


def examples(name, dtype, device):
    """A flow, grey levels of the shape that it takes, and the network of a noise."""
    with seeded(0):
        if name == "image":
            flow, network = Glow((2, 4, 4), 1, 1, 4, alpha=0.05), conditioner(2, 4, 8)
            x = torch.rand(6, 2, 4, 4)
        else:
            couplings = RealNVP(5, 2, (8,)).transform.transforms
            flow = Flow(StandardNormal(torch.zeros(5)), [*couplings, Logit(0.05, event_dims=1)])
            network, x = nn.Linear(5, 10), torch.rand(6, 5)
            nn.init.zeros_(network.weight)
            nn.init.zeros_(network.bias)
    x = (x * 15).round() / 15
    at = {"dtype": dtype, "device": device}
    return flow.to(**at).eval(), x.to(**at), network.to(**at)


@pytest.mark.parametrize("name", ["vector", "image"])
@pytest.mark.dtypes("float32", "float64")
def test_uniform_noise_is_what_was_there_before(name, dtype, device):
    flow, x, network = examples(name, dtype, device)
    models = flow, DequantisedFlow(flow, UniformNoise())
    models += (DequantisedFlow(flow, VariationalNoise(network)),)  # which starts uniform
    bounds = []
    for model in models:
        with seeded(3):
            bounds.append(dequantised_log_likelihood(model, x, levels=16))
    before, uniform, start = (bound.value for bound in bounds)
    assert before.shape == (6,) and before.dtype == dtype
    assert torch.equal(before, uniform)
    torch.testing.assert_close(start, before, rtol=1e-4, atol=1e-4)
    bits = -start / (x[0].numel() * log(2))
    torch.testing.assert_close(bounds[2].terms["bits_per_dimension"], bits)


@pytest.mark.parametrize("name", ["vector", "image"])
@pytest.mark.dtypes("float32", "float64")
def test_a_gradient_reaches_every_parameter(name, dtype, device):
    flow, x, network = examples(name, dtype, device)
    model = DequantisedFlow(flow, VariationalNoise(network))
    with seeded(1), torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    bound = dequantised_log_likelihood(model, x, levels=16)
    assert bound.value.dtype == dtype and bound.value.device.type == device.type
    bound.value.mean().backward()
    for key, parameter in model.named_parameters():
        gradient = parameter.grad
        assert gradient is not None and gradient.isfinite().all() and gradient.any(), key
    kinds = {key.split(".")[0] for key, _ in model.named_parameters()}
    assert kinds == {"flow", "noise"}


@pytest.mark.dtypes("float32", "float64")
def test_the_noise_stays_in_its_cell_and_knows_its_density(dtype, device):
    with seeded(0):
        t, s = 3 * torch.randn(2, 50, 2, 3, 4, dtype=dtype, device=device)
        q = LogitLogistic(t, s.clamp(-2, 2), 3)
        u, log_q = q.rsample_and_log_prob((4,))
        tame = LogitLogistic(t.clamp(-1, 1), s.clamp(-1, 0), 3)
        tame_u, tame_log_q = tame.rsample_and_log_prob((4,))
    assert u.shape == (4, 50, 2, 3, 4) and log_q.shape == (4, 50) and u.dtype == dtype
    assert (u >= 0).all() and (u <= 1).all() and log_q.isfinite().all()
    if dtype == torch.float64:  # the logit of a number near one has few digits in float32
        torch.testing.assert_close(tame.log_prob(tame_u), tame_log_q)


def test_the_density_of_the_noise_is_the_slope_of_its_distribution_function():
    """P(u ≤ c) = σ((logit c − t) e⁻ˢ), differentiated by autograd; from 0 to 1 it rises to one."""
    u = torch.linspace(0.001, 0.999, 201, dtype=torch.float64, requires_grad=True)
    for t, s in [(0.0, 0.0), (1.0, 0.5), (-2.0, -1.0), (0.3, 1.5)]:
        below = ((u.logit() - t) * exp(-s)).sigmoid()
        (slope,) = torch.autograd.grad(below.sum(), u)
        ones = torch.ones_like(u)[:, None]
        got = LogitLogistic(t * ones, s * ones, 1).log_prob(u[:, None])
        torch.testing.assert_close(got.exp(), slope)


def test_the_draws_have_that_distribution(seed):
    t, s = torch.tensor(0.8).double(), torch.tensor(-0.7).double()
    with seeded(seed):
        u = LogitLogistic(t.expand(100_000, 1), s.expand(100_000, 1), 1).sample()
    for c in (0.3, 0.7):
        wanted = ((torch.tensor(c).double().logit() - t) * (-s).exp()).sigmoid().item()
        assert_mean((u <= c).double().flatten(), wanted, detects=0.02)


class Table(nn.Module):
    """s and t of every level by themselves, zero at first."""

    def __init__(self, n: int):
        super().__init__()
        self.entries = nn.Parameter(torch.zeros(LEVELS**n, 2 * n, dtype=torch.float64))
        self.place = LEVELS ** torch.arange(n - 1, -1, -1)

    def forward(self, v):
        return self.entries[((v * (LEVELS - 1)).round().long() * self.place).sum(-1)]


@pytest.mark.parametrize("n", [1, 2])
def test_trained_noise_loses_less_than_uniform_noise(n):
    """The density is given, so that only the noise can change. Both gaps by quadrature."""
    p, x = steep(n), every_level(n)
    noise = VariationalNoise(Table(n))
    objective = partial(dequantised_log_likelihood, levels=LEVELS)
    steps = 300
    fit(DequantisedFlow(p, noise), objective, x.repeat(2048 // len(x), 1), steps, batch_size=1024,
        lr=lambda done: 3e-2 * (1 - done / steps), progress=False)  # fmt: skip
    with torch.no_grad():
        q = noise(x)
        _, loss = expectation(p, x, q.t, q.s)
        _, uniform = expectation(p, x, torch.zeros_like(x), torch.zeros_like(x))
    assert uniform.max() > 0.1
    weights = exact_log_probability(p, x).exp()
    assert (weights * loss).sum() < 0.1 * (weights * uniform).sum()


def test_fit_trains_flow_and_noise_and_both_gain():
    """Four numbers of two levels, all alike: their bound goes below that with uniform noise."""
    with seeded(0):
        x = (torch.rand(500, 1, 1, 1) < 0.3).float().expand(500, 1, 4, 4)
    bits = {}
    for learned in (False, True):
        with seeded(1):
            flow = Glow((1, 4, 4), 1, 2, 8, alpha=0.05)
            model = DequantisedFlow(flow, VariationalNoise(conditioner(1, 2, 8)))
        before = [p.clone() for p in model.parameters()]
        history = fit(model if learned else flow, partial(dequantised_log_likelihood, levels=2),
                      x, 150, lr=1e-2, clip=10.0, log_every=25, progress=False)  # fmt: skip
        bits[learned] = history.bits_per_dimension[-1]
        if learned:
            moved = [not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True)]
            assert all(moved)
            assert model.sample((3,)).shape == (3, 1, 4, 4)
            y = dequantise(x, 2)
            assert torch.equal(model.log_prob(y), flow.log_prob(y))
    assert bits[True] < bits[False] - 0.02


class CouplingNoise(nn.Module):
    """Two numbers of noise that depend on one another: a flow with context v, and a sigmoid."""

    def __init__(self):
        super().__init__()
        masks = torch.tensor([[True, False], [False, True]])
        couplings = [Coupling(mask, hidden=(16,), context_features=2) for mask in masks]
        self.flow = Flow(StandardNormal(torch.zeros(2)), couplings)

    def forward(self, v):
        return TransformedDistribution(self.flow(v), SigmoidTransform())


def test_a_flow_through_a_sigmoid_is_noise_too():
    p, x = steep(2), every_level(2).repeat(50, 1)
    with seeded(0):
        noise = CouplingNoise().double()
        model = DequantisedFlow(p, noise)
        bound = dequantised_log_likelihood(model, x, levels=LEVELS)
    assert bound.value.shape == (len(x),)
    bound.value.mean().backward()
    assert all(parameter.grad is not None for parameter in noise.parameters())


class Gives(nn.Module):
    """A noise that gives what a function makes of v."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, v):
        return self.function(v)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda v: v, "noise gives Tensor, needs a distribution"),
        (lambda v: Uniform(0 * v, 0 * v + 1), r"event shape \(\), needs \(5,\) and \(3,\)"),
        (lambda v: Independent(Uniform(0 * v[:2], 0 * v[:2] + 1), 1), r"batch shape \(2,\)"),
        (lambda v: Independent(Normal(v, 1.0), 1), r"numbers in .*Real.*, needs them in \[0, 1\)"),
        (lambda v: Independent(Categorical(v[..., None].expand(5, 3, 2) + 1), 1), r"needs them in"),
    ],
)
def test_noise_that_is_no_noise_is_refused(make, message):
    x = torch.rand(5, 3)
    flow = Flow(StandardNormal(torch.zeros(3)), [Logit(0.05, event_dims=1)])
    with pytest.raises(ValueError, match=message):
        dequantised_log_likelihood(DequantisedFlow(flow, Gives(make)), x, levels=4)


def test_bad_arguments_are_refused():
    flow = Flow(StandardNormal(torch.zeros(3)), [Logit(0.05, event_dims=1)])
    model = DequantisedFlow(flow, UniformNoise())
    with pytest.raises(ValueError, match="noise is function, needs a module"):
        DequantisedFlow(flow, lambda v: v)
    with pytest.raises(ValueError, match="flow is int, it has no log_prob"):
        DequantisedFlow(3, UniformNoise())
    with pytest.raises(ValueError, match="x must be a floating-point tensor"):
        dequantised_log_likelihood(model, torch.zeros(2, 3).long())
    with pytest.raises(ValueError, match=r"x has shape \(3,\), needs \(B, \*event_shape\)"):
        dequantised_log_likelihood(model, torch.zeros(3))
    with pytest.raises(ValueError, match="levels must be a whole number of at least 2"):
        dequantised_log_likelihood(model, torch.zeros(2, 3), levels=1)
    with pytest.raises(ValueError, match=r"network gives shape \(2, 5\), needs s and t"):
        VariationalNoise(nn.Linear(3, 5))(torch.zeros(2, 3))
