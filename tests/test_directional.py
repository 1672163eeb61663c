"""Von Mises–Fisher: density, draws and gradients against mpmath, quadrature and exact means."""

from math import log, pi

import mpmath
import pytest
import torch
from torch.distributions import kl_divergence
from torch.nn.functional import normalize
from torch.utils._python_dispatch import TorchDispatchMode

from tests.quadrature import nodes
from tests.statistics import assert_mean
from vae_course import seeded
from vae_course.conditional import Constant, detached
from vae_course.cosine_law import (
    PROPOSALS,
    gap,
    log_cosh,
    log_mean_and_gap,
    log_ratio,
    mode,
    sample_gradient,
    width,
)
from vae_course.directional import HypersphericalUniform, VonMisesFisher

DIMENSIONS = [2, 3, 4, 10, 51, 500]
CONCENTRATIONS = [0.0, 1e-3, 0.7, 10.0, 300.0, 1e4, 1e5]


def resultant(d, kappa):
    """A(κ) = I_{d/2}(κ) / I_{d/2-1}(κ), to 40 digits."""
    if kappa == 0:
        return mpmath.mpf(0)
    return mpmath.besseli(mpmath.mpf(d) / 2, kappa) / mpmath.besseli(mpmath.mpf(d) / 2 - 1, kappa)


def log_normaliser(d, kappa):
    """log of κ^ν / ((2π)^{d/2} I_ν(κ)), and of one over the area where κ = 0."""
    half = mpmath.mpf(d) / 2
    if kappa == 0:
        return mpmath.loggamma(half) - mpmath.log(2) - half * mpmath.log(mpmath.pi)
    bessel = mpmath.besseli(half - 1, kappa)
    return (half - 1) * mpmath.log(kappa) - half * mpmath.log(2 * mpmath.pi) - mpmath.log(bessel)


def north(d, dtype, device="cpu"):
    return torch.eye(d, dtype=dtype, device=device)[0]


# The density ----------------------------------------------------------------------------------


@pytest.mark.dtypes("float64", "float32")
@pytest.mark.parametrize("d", DIMENSIONS)
def test_normaliser_mean_and_divergence_against_bessel_functions(device, dtype, d):
    kappa = torch.tensor(CONCENTRATIONS, dtype=dtype, device=device)
    q = VonMisesFisher(north(d, dtype, device), kappa)
    at_mode, entropy, mean = q.log_prob(q.mode), q.entropy(), q.mean[:, 0]
    kl = kl_divergence(q, HypersphericalUniform(d, dtype=dtype, device=device))
    rounding = 1e-10 if dtype == torch.float64 else 4e-6
    with mpmath.workdps(40):
        for i, value in enumerate(kappa.tolist()):
            top = value + log_normaliser(d, value)  # density at μ
            expected = value * resultant(d, value) + log_normaliser(d, value)  # mean of log q
            scale = rounding * max(1.0, abs(float(top)), d / 4)
            assert abs(float(at_mode[i].item() - top)) < scale
            assert abs(float(entropy[i].item() + expected)) < scale
            assert abs(float(mean[i].item() - resultant(d, value))) < rounding
            wanted = float(expected - log_normaliser(d, 0))
            assert abs(kl[i].item() - wanted) < rounding * max(1.0, wanted, d / 100)


@pytest.mark.parametrize("d", DIMENSIONS)
def test_distance_of_the_mean_from_the_sphere_keeps_its_digits(d):
    kappa = torch.tensor(CONCENTRATIONS, dtype=torch.float64)
    _, found = log_mean_and_gap(kappa, d)
    with mpmath.workdps(40):
        for value, gap_of_mean in zip(CONCENTRATIONS, found.tolist(), strict=True):
            wanted = float(1 - resultant(d, value))
            assert abs(gap_of_mean / wanted - 1) < 1e-10


@pytest.mark.parametrize("d", [2, 3, 500])
def test_derivatives_of_the_divergence(d):
    """dKL/dκ = κ A'(κ), and A' = 1 - A² - (d - 1) A / κ."""
    kappa = torch.tensor([0.3, 5.0, 80.0, 1e5], dtype=torch.float64, requires_grad=True)
    q = VonMisesFisher(north(d, torch.float64), kappa)
    kl = kl_divergence(q, HypersphericalUniform(d))
    (found,) = torch.autograd.grad(kl.sum(), kappa)
    with mpmath.workdps(40):
        for value, slope in zip(kappa.tolist(), found.tolist(), strict=True):
            a = resultant(d, value)
            wanted = float(value * (1 - a**2 - (d - 1) * a / value))
            assert abs(slope / wanted - 1) < 1e-8


@pytest.mark.parametrize("kappa", [0.0, 0.8, 30.0])
def test_circle_and_sphere_by_quadrature(kappa):
    angle, weight = nodes(0, 2 * pi, 200)
    circle = torch.stack([angle.cos(), angle.sin()], -1)
    height, thickness = nodes(-1, 1, 200)
    ring = (1 - height**2).sqrt()[:, None, None] * circle
    sphere = torch.cat([ring, height[:, None, None].expand(200, 200, 1)], -1)
    for points, area in [(circle, weight), (sphere, thickness[:, None] * weight)]:
        d = points.shape[-1]
        loc = normalize(torch.arange(1, d + 1).double(), dim=0)
        q = VonMisesFisher(loc, torch.tensor(kappa))
        log_q = q.log_prob(points)
        mass = log_q.exp() * area
        assert abs(mass.sum().item() - 1) < 1e-12
        mean = (mass[..., None] * points).flatten(0, -2).sum(0)
        torch.testing.assert_close(q.mean, mean, rtol=0, atol=1e-12)
        log_p = HypersphericalUniform(d).log_prob(points)
        kl = kl_divergence(q, HypersphericalUniform(d))
        assert abs((mass * (log_q - log_p)).sum().item() - kl.item()) < 1e-12
        assert abs((mass * log_q).sum().item() + q.entropy().item()) < 1e-12


@pytest.mark.dtypes("float32")
def test_density_of_far_and_near_points_in_single_precision(seed, device, dtype):
    for d, kappa in [(3, 1e5), (500, 1e5), (500, 3.0)]:
        with seeded(seed):
            loc = normalize(torch.randn(d).double(), dim=0).to(device)
            exact = VonMisesFisher(loc, torch.tensor(kappa, device=device))
            points = exact.sample((200,))
        found = VonMisesFisher(loc.to(dtype), torch.tensor(kappa, device=device)).log_prob(
            points.to(dtype)
        )
        wanted = exact.log_prob(points)
        assert (found - wanted).abs().max() < 2e-6 * wanted.abs().max().clamp_min(kappa**0.5 * 10)


# Draws ----------------------------------------------------------------------------------------


def test_proposals_are_those_of_wood():
    """In the cosine w his proposal is (1 - (1+b) Z) / (1 - (1-b) Z): ours, shifted in y."""
    d, kappa = 7, torch.tensor(12.0).double()
    z = torch.linspace(0.01, 0.99, 50, dtype=torch.float64)  # a draw of his Beta variable
    b = (-2 * kappa + (4 * kappa**2 + (d - 1) ** 2).sqrt()) / (d - 1)
    w = (1 - (1 + b) * z) / (1 - (1 - b) * z)
    y = ((1 - z).log() - z.log()) / 2 + mode(kappa, d)
    torch.testing.assert_close(y.tanh(), w, rtol=0, atol=1e-12)
    x0 = (1 - b) / (1 + b)
    torch.testing.assert_close(mode(kappa, d).tanh(), x0)
    c = kappa * x0 + (d - 1) * (1 - x0**2).log()
    height = log_ratio(y, kappa, d) - log_ratio(mode(kappa, d), kappa, d)
    torch.testing.assert_close(height, kappa * w + (d - 1) * (1 - x0 * w).log() - c)


@pytest.mark.parametrize("d", [2, 3, 4, 10, 100, 1000])
def test_all_proposals_fail_in_one_draw_of_a_hundred_billion(d):
    kappa = torch.logspace(-3, 7, 101, dtype=torch.float64)
    centre = mode(kappa, d)
    rate = (log_mean_and_gap(kappa, d)[0] - log_ratio(centre, kappa, d)).exp()
    assert rate.max() <= 1 + 1e-12 and (1 - rate.min()) ** PROPOSALS < 1e-11
    # the height is right: nowhere is q above it
    y = centre + width(centre, kappa, d) * torch.linspace(-8, 8, 401).double()[:, None]
    assert (log_ratio(y, kappa, d) <= log_ratio(centre, kappa, d) + 1e-9).all()


@pytest.mark.parametrize("d, kappa", [(2, 0.0), (2, 3.0), (3, 40.0), (50, 8.0), (500, 1e5)])
def test_draws_have_the_density(seed, d, kappa):
    kappa = torch.tensor(kappa).double()
    with seeded(seed):
        loc = normalize(torch.randn(d).double(), dim=0)
        z = VonMisesFisher(loc, kappa).sample((20_000,))
    torch.testing.assert_close(z.norm(dim=-1), torch.ones(20_000).double())
    y = z.matmul(loc).atanh()
    # frequencies of the cosine, between limits in units of the width, by quadrature in y
    centre, spread = mode(kappa, d), width(mode(kappa, d), kappa, d)
    limits = centre + spread * torch.tensor([-1.0, -0.5, 0.0, 0.5, 1.0]).double()
    parts = [nodes(low, low + 0.5, 8) for low in torch.arange(-45, 45, 0.5)]  # ends at the limits
    s, weight = (torch.cat(part) for part in zip(*parts, strict=True))
    s = centre + spread * s
    log_q = -kappa * gap(s) - (d - 1) * log_cosh(s)
    q = (log_q - log_q.max()).exp() * weight
    below = (q[:, None] * (s[:, None] < limits)).sum(0) / q.sum()
    assert_mean((y[:, None] < limits).double(), below, detects=0.045)
    # and no direction across is preferred
    across = z - z.matmul(loc)[:, None] * loc
    assert_mean(across[:, :2] / across.square().mean(0)[:2].sqrt(), 0.0, detects=0.08)


@pytest.mark.dtypes("float64", "float32")
@pytest.mark.parametrize("d", [2, 500])
@pytest.mark.parametrize("kappa", [0.0, 1e-3, 1e5])
def test_draws_and_gradients_at_the_ends_of_the_range(seed, device, dtype, d, kappa):
    kappa = torch.full((2000,), kappa, dtype=dtype, device=device, requires_grad=True)
    loc = north(d, dtype, device).clone().requires_grad_()
    q = VonMisesFisher(loc, kappa)
    with seeded(seed):
        z = q.rsample()
    assert z.dtype == dtype and z.device.type == device.type
    assert abs(z.norm(dim=-1) - 1).max() < (1e-12 if dtype == torch.float64 else 1e-5)
    found = torch.autograd.grad((z[:, 0] + z[:, 1] + q.log_prob(z)).sum(), [kappa, loc])
    assert all(gradient.isfinite().all() for gradient in found)


# Gradients ------------------------------------------------------------------------------------


def rank_derivative(y, d, kappa):
    """-(∂F/∂κ)/q at y, by integrals from y outwards, to 20 digits."""
    with mpmath.workdps(30):
        y, kappa = mpmath.mpf(y), mpmath.mpf(kappa)

        def q(s):
            return mpmath.exp(kappa * (mpmath.tanh(s) - mpmath.tanh(y))) * (
                mpmath.cosh(y) / mpmath.cosh(s)
            ) ** (d - 1)

        mean = resultant(d, kappa)
        left = mpmath.asinh(2 * kappa / (d - 1)) / 2 > y
        pieces = [mpmath.mpf(0)] + [mpmath.mpf(2) ** k / 1000 for k in range(17)]
        side = [y - piece for piece in reversed(pieces)] if left else [y + p for p in pieces]
        integral = mpmath.quad(lambda s: q(s) * (mpmath.tanh(s) - mean), side)
        return float(-integral if left else integral)


@pytest.mark.dtypes("float64", "float32")
@pytest.mark.parametrize("d", [2, 3, 500])
@pytest.mark.parametrize("kappa", [0.01, 2.0, 1e5])
def test_derivative_at_fixed_rank(device, dtype, d, kappa):
    kappa = torch.tensor(kappa, dtype=dtype, device=device)
    spread = width(mode(kappa, d), kappa, d)
    offset = torch.tensor([-2.0, -0.3, 0.01, 1.0, 4.0], dtype=dtype, device=device)
    y = mode(kappa, d) + spread * offset
    found = sample_gradient(y, kappa, d)
    assert found.dtype == dtype
    for value, slope in zip(y.tolist(), found.tolist(), strict=True):
        wanted = rank_derivative(value, d, kappa.item())
        assert abs(slope / wanted - 1) < (1e-9 if dtype == torch.float64 else 2e-4)


def moments(loc, kappa):
    """Mean and second moment: A μ, and E[t²] μμᵀ + (1 - E[t²])/(d-1) (I - μμᵀ)."""
    d = len(loc)
    a = 1 - log_mean_and_gap(kappa, d)[1]
    square = 1 - (d - 1) * a / kappa
    outer = torch.outer(loc, loc)
    return a * loc, square * outer + (1 - square) / (d - 1) * (torch.eye(d).double() - outer)


def mean_and_gradients(d, log_kappa):
    """A free direction and log κ; the exact gradient of E[cᵀz + (bᵀz)²]."""
    direction = torch.linspace(-1, 2, d, dtype=torch.float64, requires_grad=True)
    log_kappa = torch.tensor(log_kappa, dtype=torch.float64, requires_grad=True)
    c, b = torch.linspace(1, 3, d).double(), torch.linspace(-1, 1, d).double()
    mean, second = moments(normalize(direction, dim=0), log_kappa.exp())
    value = c @ mean + b @ second @ b
    exact = torch.cat([g.reshape(-1) for g in torch.autograd.grad(value, [direction, log_kappa])])
    return direction, log_kappa, lambda z: z @ c + (z @ b) ** 2, exact


def gradients_of(estimate, d, log_kappa, repeats, seed):
    """Gradients of `estimate(q, f)`, one for each repeat, and the exact one."""
    direction, log_kappa, f, exact = mean_and_gradients(d, log_kappa)
    directions = direction.detach().expand(repeats, d).clone().requires_grad_()
    logs = log_kappa.detach().expand(repeats).clone().requires_grad_()
    with seeded(seed):
        value = estimate(VonMisesFisher(normalize(directions, dim=-1), logs.exp()), f)
    found = torch.autograd.grad(value.sum(), [directions, logs])
    return torch.cat([found[0], found[1][:, None]], -1), exact


@pytest.mark.parametrize("d, log_kappa", [(2, 0.0), (3, 1.0), (8, 2.5)])
def test_gradient_of_a_mean_is_unbiased(seed, d, log_kappa):
    def pathwise(q, f):
        return f(q.rsample())

    found, exact = gradients_of(pathwise, d, log_kappa, 15_000, seed)
    assert exact[0] > 0.25 and exact[-1] > 0.9
    assert_mean(found, exact, detects=0.17)


@pytest.mark.parametrize("d, log_kappa", [(2, 0.0), (3, 1.0), (8, 2.5)])
def test_through_the_sampler_the_gradient_needs_the_correction(seed, d, log_kappa):
    def corrected(q, f):
        z, correction = q.rsample_and_correction()
        assert (correction == 0).all()
        return f(z) + f(z).detach() * correction

    def uncorrected(q, f):
        return f(q.rsample_and_correction()[0])

    found, exact = gradients_of(corrected, d, log_kappa, 20_000, seed)
    assert_mean(found, exact, detects=0.17)
    found, exact = gradients_of(uncorrected, d, log_kappa, 20_000, seed)
    bias = (found.mean(0) - exact) / (found.std(0) / 20_000**0.5)
    assert bias[-1].abs() > 10  # in log κ: what is left out is not small
    assert bias[:-1].abs().max() < 5.5  # the direction does not go through the rejection


def test_log_prob_of_a_draw_passes_gradients(seed):
    """The mean of log q is minus the entropy: a gradient that the closed form knows."""
    log_kappa = torch.full((12_000,), 1.0, dtype=torch.float64, requires_grad=True)
    q = VonMisesFisher(north(4, torch.float64), log_kappa.exp())
    with seeded(seed):
        (found,) = torch.autograd.grad(q.log_prob(q.rsample()).sum(), log_kappa, retain_graph=True)
    (exact,) = torch.autograd.grad(-q.entropy().sum(), log_kappa)
    assert_mean(found, exact[0], detects=0.05)


# A distribution like others -------------------------------------------------------------------


@pytest.mark.dtypes("float64", "float32")
def test_shapes_dtype_and_device(device, dtype):
    loc = normalize(torch.ones(4, 3, dtype=dtype, device=device), dim=-1)
    q = VonMisesFisher(loc, torch.ones(5, 1, dtype=dtype, device=device))
    assert q.batch_shape == (5, 4) and q.event_shape == (3,)
    z = q.rsample((6,))
    assert z.shape == (6, 5, 4, 3) and z.dtype == dtype and z.device.type == device.type
    assert q.log_prob(z).shape == (6, 5, 4) and q.mean.shape == (5, 4, 3)
    assert q.expand((2, 5, 4)).sample().shape == (2, 5, 4, 3)
    p = Constant(HypersphericalUniform(3)).to(device, dtype)(torch.zeros(5, 4, 7))
    assert p.batch_shape == (5, 4) and p.sample((2,)).shape == (2, 5, 4, 3)
    assert p.sample().dtype == dtype and p.sample().device.type == device.type
    assert p.entropy().shape == p.log_prob(z[0]).shape == kl_divergence(q, p).shape == (5, 4)
    assert abs(p.entropy()[0, 0].item() - log(4 * pi)) < 1e-6


def test_uniform_draws_have_mean_zero_and_equal_variances(seed):
    with seeded(seed):
        z = HypersphericalUniform(3).sample((20_000,)).double()
    torch.testing.assert_close(z.norm(dim=-1), torch.ones(20_000).double(), rtol=0, atol=1e-6)
    assert_mean(torch.cat([z, z**2], -1), torch.tensor([0.0] * 3 + [1 / 3] * 3), detects=0.05)


class NoLookAtValues(TorchDispatchMode):
    """Refuses what would make the host wait for a GPU: reading a value, or a shape from one."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.name()
        assert not any(word in name for word in ("_local_scalar_dense", "nonzero", "equal"))
        return function(*args, **(kwargs or {}))


def test_the_host_never_waits():
    log_kappa = torch.zeros(7, requires_grad=True)
    loc = normalize(torch.ones(7, 3), dim=-1).requires_grad_()
    p = HypersphericalUniform(3)
    with NoLookAtValues():
        q = VonMisesFisher(loc, log_kappa.exp(), validate_args=False)
        z, correction = q.rsample_and_correction()
        loss = q.rsample().sum() + z.sum() + correction.sum() + q.log_prob(z).sum()
        (loss + kl_divergence(q, p).sum()).backward()


def test_detached_parameters_pass_no_gradient_on():
    kappa = torch.tensor(2.0, requires_grad=True)
    q = VonMisesFisher(north(3, torch.float32), kappa)
    z = q.rsample().detach().requires_grad_()
    fixed = detached(q).log_prob(z)
    assert fixed == q.log_prob(z)
    assert torch.autograd.grad(fixed, z)[0].abs().sum() > 0
    assert not detached(q).rsample().requires_grad


def test_bad_parameters_are_named():
    with pytest.raises(ValueError, match=r"loc has shape \(1,\), needs \(..., d\) with d >= 2"):
        VonMisesFisher(torch.ones(1), torch.tensor(1.0))
    with pytest.raises(ValueError, match="concentration"):
        VonMisesFisher(torch.ones(2), torch.tensor(-1.0), validate_args=True)
    with pytest.raises(ValueError, match="dimension must be a whole number of at least 2"):
        HypersphericalUniform(1)
    q = VonMisesFisher(torch.eye(3)[0], torch.tensor(1.0))
    with pytest.raises(ValueError, match="q has 3 components, p 4"):
        kl_divergence(q, HypersphericalUniform(4))
