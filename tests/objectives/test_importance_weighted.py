"""The importance weighted bound and its gradients, held to quadrature over the noise of all draws.

One latent, one observation: p(z) = N(0, 1), p(x|z) = N(wz, 0.5²), q(z|x) = N(m, s²). Then L_K is an
integral over the K noises, and its gradient by m, log s and w the derivative of that integral.
Each example of the batch has parameters of its own, so one backward pass gives independent draws
of the gradient.
"""

from contextlib import nullcontext
from functools import partial
from math import log

import pytest
import torch
from torch import nn
from torch.autograd import grad
from torch.distributions import Independent, Normal

from tests.quadrature import nodes
from tests.statistics import assert_mean
from vae_course.models import mlp_vae
from vae_course.objectives import ImportanceBound, iwae
from vae_course.oracles import LinearGaussianVAE, exact_elbo
from vae_course.products import OneDNN
from vae_course.random import seeded
from vae_course.training import fit

X, SIGMA = 2.1, 0.5
POINT = {"mean": 0.9, "log_sigma": -0.5, "weight": 1.2}
GRADIENTS = ["pathwise", "dreg"]


class OneLatent(nn.Module):
    """`copies` of the model above, each with its own three parameters."""

    def __init__(self, copies: int, device="cpu", dtype=torch.float64, **point):
        super().__init__()
        for name, value in (POINT | point).items():
            parameter = torch.full((copies, 1), value, device=device, dtype=dtype)
            setattr(self, name, nn.Parameter(parameter))

    @property
    def prior(self):
        return Independent(Normal(self.mean.new_zeros(1), self.mean.new_ones(1)), 1)

    def encode(self, x):
        return Independent(Normal(self.mean, self.log_sigma.exp()), 1)

    def decode(self, z):
        return Independent(Normal(self.weight * z, SIGMA), 1)


def draws(count: int, samples: int, seed: int, **options) -> tuple:
    """`count` independent values of the bound, and of the gradient by each parameter."""
    model = OneLatent(count)
    with seeded(seed):
        bound = iwae(model, torch.full((count, 1), X).double(), samples, **options)
    names = list(POINT)
    return bound, dict(
        zip(names, grad(bound.value.sum(), [getattr(model, n) for n in names]), strict=True)
    )


def log_weight(noise, beta: float = 1.0, **point):
    """log w as a function of the noise, written out; the constants of prior and q cancel."""
    m, log_s, w = (point[name] for name in POINT)
    z = m + log_s.exp() * noise
    log_ratio = 0.5 * (noise.square() - z.square()) + log_s
    return Normal(w * z, SIGMA).log_prob(torch.tensor(X).double()) + beta * log_ratio


def noises() -> tuple:
    """Points ε and their masses under N(0, 1)."""
    noise, weights = nodes(-8, 8, 120)
    return noise, weights * Normal(0.0, 1.0).log_prob(noise).exp()


def exact(samples: int, beta: float = 1.0) -> tuple:
    """L_K and its gradient by quadrature over `samples` noises."""
    point = {n: torch.tensor(v, dtype=torch.float64, requires_grad=True) for n, v in POINT.items()}
    noise, masses = noises()
    ones = log_weight(noise, beta, **point)
    grid = torch.stack(torch.meshgrid(*[ones] * samples, indexing="ij"))
    mass = torch.stack(torch.meshgrid(*[masses] * samples, indexing="ij")).prod(0)
    assert abs(mass.sum().item() - 1) < 1e-12
    value = (mass * (grid.logsumexp(0) - log(samples))).sum()
    return value, dict(zip(point, grad(value, list(point.values())), strict=True))


# The value -----------------------------------------------------------------------------------


@pytest.mark.parametrize("samples", [1, 2, 3])
def test_value_has_the_exact_mean(seed, samples):
    bound, _ = draws(40_000, samples, seed)
    assert_mean(bound.value, exact(samples)[0], detects=0.3)


def test_quadrature_agrees_with_the_closed_form_of_the_elbo():
    # The oracle of this file against another one.
    linear = LinearGaussianVAE(1, 1).double()
    with torch.no_grad():
        for parameter in linear.parameters():
            parameter.zero_()
        linear.encoder.mean.bias.fill_(POINT["mean"])
        linear.encoder.log_var.fill_(2 * POINT["log_sigma"])
        linear.decoder.trunk.weight.fill_(POINT["weight"])
        linear.decoder.log_sigma.fill_(log(SIGMA))
    x = torch.tensor([[X]]).double()
    closed = exact_elbo(linear, x).elbo.item()
    assert exact(1)[0].item() == pytest.approx(closed, abs=1e-10)
    assert closed < exact(2)[0] < exact(3)[0] < linear.exact().log_prob(x).item()


def test_one_draw_is_the_elbo(device, dtype, seed):
    with seeded(0):
        vae = LinearGaussianVAE(4, 2).to(device, dtype)
    x = torch.ones(1, 4, dtype=dtype, device=device)
    with seeded(seed):
        bound = iwae(vae, x.expand(20_000, -1), samples=1)
    assert_mean(bound.value, exact_elbo(vae, x).elbo[0], detects=0.2)
    assert torch.equal(bound.value, bound.log_weights[0])


def test_one_more_draw_never_lowers_the_bound(seed):
    # Paired: the mean over which of three draws is left out. For every triple the bound of three is
    # above it, by Jensen's inequality; on average, by exactly L_3 - L_2.
    bound, _ = draws(20_000, 3, seed)
    without = [
        torch.cat([bound.log_weights[:k], bound.log_weights[k + 1 :]]).logsumexp(0) - log(2)
        for k in range(3)
    ]
    difference = bound.value - torch.stack(without).mean(0)
    assert difference.min() >= -1e-12
    assert_mean(difference, exact(3)[0] - exact(2)[0], detects=0.08)


def ideal(device, dtype) -> tuple:
    """A linear VAE whose encoder is the posterior, and its exact model."""
    with seeded(0):
        vae = LinearGaussianVAE(4, 2).to(device, dtype)
    with torch.no_grad():  # orthogonal columns: the posterior is diagonal
        vae.decoder.trunk.weight.copy_(torch.eye(4)[:, :2] * torch.tensor([1.5, 0.7]))
        model = vae.exact()
        at = model.posterior(torch.zeros(1, 4, dtype=dtype, device=device))
        basis = model.posterior(torch.eye(4, dtype=dtype, device=device))
        vae.encoder.mean.bias.copy_(at.mean[0])
        vae.encoder.mean.weight.copy_((basis.mean - at.mean).T)
        vae.encoder.log_var.copy_(at.variance[0].log())
    return vae, model


def test_every_draw_counts_with_the_posterior_as_encoder(device, dtype):
    vae, model = ideal(device, dtype)
    x = torch.randn(6, 4, generator=torch.Generator().manual_seed(1)).to(device, dtype)
    bound = iwae(vae, x, samples=9)
    exact_log_p = model.log_prob(x)
    torch.testing.assert_close(bound.value, exact_log_p, rtol=0, atol=1e-10)
    torch.testing.assert_close(bound.terms["ess"], torch.full_like(exact_log_p, 9.0))


def test_approaches_the_evidence(device, dtype, seed):
    with seeded(0):
        vae = LinearGaussianVAE(4, 2).to(device, dtype)
    x = torch.ones(1, 4, dtype=dtype, device=device)
    log_p = vae.exact().log_prob(x).item()
    with seeded(seed), torch.no_grad():
        gaps = [log_p - iwae(vae, x.expand(200, -1), k).value.mean().item() for k in (1, 30, 5000)]
    assert gaps[0] > 0.2
    assert gaps[1] < gaps[0] / 3
    assert abs(gaps[2]) < 0.01


# The gradients -------------------------------------------------------------------------------


@pytest.mark.parametrize("samples", [1, 2, 3])
@pytest.mark.parametrize("gradient", GRADIENTS)
def test_gradient_has_the_exact_mean(seed, samples, gradient):
    _, found = draws(40_000, samples, seed, gradient=gradient)
    _, wanted = exact(samples)
    for name, detects in {"mean": 0.4, "log_sigma": 0.5, "weight": 0.5}.items():
        assert_mean(found[name], wanted[name], detects)


@pytest.mark.parametrize("gradient", GRADIENTS)
@pytest.mark.parametrize("beta", [0.0, 0.5, torch.tensor(2.0, dtype=torch.float64)])
def test_a_weighted_rate_has_the_exact_mean_and_gradient(seed, gradient, beta):
    bound, found = draws(40_000, 2, seed, gradient=gradient, beta=beta)
    value, wanted = exact(2, float(beta))
    assert_mean(bound.value, value, detects=0.25)
    for name in POINT:
        assert_mean(found[name], wanted[name], detects=0.4)
    plain, _ = draws(40_000, 2, seed)
    assert torch.equal(bound.log_weights, plain.log_weights)
    torch.testing.assert_close(bound.terms["iwae"], plain.value.detach())


def test_dreg_is_the_sum_of_squared_weights_times_the_derivative_along_the_draw():
    with seeded(0):
        vae = mlp_vae((1, 4, 4), (8,), 3).double()
        x = torch.rand(6, 1, 4, 4).double().round()
    with seeded(1):
        value = iwae(vae, x, 7, gradient="dreg").value.sum()
    encoder, decoder = list(vae.encoder.parameters()), list(vae.decoder.parameters())
    found = grad(value, encoder + decoder)
    with seeded(1):
        q = vae.encode(x)
        z = q.rsample((7,))
    at = z.detach().requires_grad_()
    density = Independent(Normal(q.mean.detach(), q.stddev.detach()), 1)
    log_weights = vae.decode(at).log_prob(x) + vae.prior.log_prob(at) - density.log_prob(at)
    normalised = log_weights.detach().softmax(0)
    (along,) = grad(log_weights.sum(), at, retain_graph=True)
    wanted = grad((normalised.square()[..., None] * along * z).sum(), encoder)
    wanted += grad((normalised * log_weights).sum(), decoder)
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


def test_dreg_gives_the_decoder_the_usual_gradient():
    _, pathwise = draws(100, 5, 0)
    _, dreg = draws(100, 5, 0, gradient="dreg")
    torch.testing.assert_close(dreg["weight"], pathwise["weight"])


def test_dreg_is_without_noise_at_the_posterior(device, dtype):
    vae, _ = ideal(device, dtype)
    x = torch.randn(6, 4, generator=torch.Generator().manual_seed(1)).to(device, dtype)
    largest = {}
    for gradient in GRADIENTS:
        found = grad(iwae(vae, x, 5, gradient).value.sum(), vae.encoder.parameters())
        largest[gradient] = max(g.abs().max().item() for g in found)
    assert largest["dreg"] < 1e-12
    assert largest["pathwise"] > 0.1


def exact_moments(samples: int, gradient: str) -> tuple[float, float]:
    """Mean and variance of one draw of the gradient by m, by quadrature."""
    point = {n: torch.tensor(v, dtype=torch.float64) for n, v in POINT.items()}
    noise, masses = noises()
    means = point["mean"].expand(len(noise)).clone().requires_grad_()
    log_weights = log_weight(noise, **(point | {"mean": means}))
    (slope,) = grad(log_weights.sum(), means)  # by m, along the draw and in log q together
    # For q Gaussian, log q has no derivative by m once z moves along: slope is ∂log w/∂z but for
    # the part of log q, which is -ε/s along z and +ε/s by m.
    if gradient == "dreg":
        slope = slope + noise / point["log_sigma"].exp()
    grids = [
        torch.stack(torch.meshgrid(*[values] * samples, indexing="ij"))
        for values in (log_weights.detach(), slope, masses)
    ]
    normalised = grids[0].softmax(0)
    if gradient == "dreg":
        normalised = normalised.square()
    draw, mass = (normalised * grids[1]).sum(0), grids[2].prod(0)
    mean = (mass * draw).sum()
    return mean.item(), (mass * (draw - mean).square()).sum().item()


@pytest.mark.parametrize("samples", [1, 2, 3])
@pytest.mark.parametrize("gradient", GRADIENTS)
def test_noise_of_the_gradient_is_the_exact_one(seed, samples, gradient):
    mean, variance = exact_moments(samples, gradient)
    assert mean == pytest.approx(exact(samples)[1]["mean"].item(), abs=1e-5)
    _, found = draws(40_000, samples, seed, gradient=gradient)
    squares = (found["mean"] - mean).square()
    assert_mean(squares / variance, 1.0, detects=0.4)


def test_signal_to_noise(seed):
    # A tighter bound is worse for the encoder by the pathwise gradient: signal over noise falls
    # like K^-1/2. For DReG, and for the decoder, it rises like K^1/2 (Rainforth et al. 2018; Tucker
    # et al. 2019). From K = 4 to 64 these are factors near 4. The smallest signal is sixteen times
    # its standard error, so a factor of 2 where 4 should be is noticed.
    count, few, many = 40_000, 4, 64
    signals = {}
    for gradient in GRADIENTS:
        for k in (few, many):
            _, found = draws(count, k, seed, gradient=gradient)
            for name in ("mean", "weight"):
                g = found[name]
                signals[gradient, name, k] = (g.mean().abs() / g.std()).item()
    assert min(signals.values()) > 10 / count**0.5
    change = {key[:2]: signals[key] / signals[*key[:2], few] for key in signals if key[2] == many}
    assert 1 / 8 < change["pathwise", "mean"] < 1 / 2
    assert 2 < change["dreg", "mean"] < 7
    assert 2 < change["pathwise", "weight"] < 7


# In pieces, in training, and at the edges -----------------------------------------------------


def pixels(count: int, dtype=torch.float64):
    with seeded(0):
        vae = mlp_vae((1, 8, 8), (16,), 3).to(dtype)
        return vae, torch.rand(count, 1, 8, 8).round().to(dtype)


@pytest.mark.parametrize("gradient", GRADIENTS)
@pytest.mark.parametrize("chunk", [1, 3, 7, 50])
def test_pieces_give_the_same_value_and_gradient(gradient, chunk):
    vae, x = pixels(5)
    results = []
    for pieces in (None, chunk):
        with seeded(1):
            value = iwae(vae, x, 7, gradient, chunk=pieces).value
        results.append([value, *grad(value.mean(), list(vae.parameters()))])
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("products", [OneDNN, nullcontext])
def test_pieces_train_as_the_whole_does(monkeypatch, products):
    for module in ("training.loop", "objectives.importance_weighted"):
        monkeypatch.setattr(f"vae_course.{module}.fast_products", lambda device: products())
    losses = []
    for chunk in (None, 2):
        vae, x = pixels(64, torch.float32)
        objective = partial(iwae, samples=5, chunk=chunk)
        losses.append(fit(vae, objective, x, 20, batch_size=16, device="cpu", progress=False).loss)
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def kept_for_the_backward_pass(samples: int, chunk: int | None) -> int:
    """Numbers that the graph of the bound holds."""
    vae, x = pixels(5)
    count = 0

    def pack(tensor):
        nonlocal count
        count += tensor.numel()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        iwae(vae, x, samples, chunk=chunk)
    return count


def test_pieces_keep_nothing_of_the_decoder():
    decoded = 100 * 5 * (16 + 64)  # what one more layer of width 16 and the pixels would add
    whole = kept_for_the_backward_pass(120, None) - kept_for_the_backward_pass(20, None)
    pieces = kept_for_the_backward_pass(120, 20) - kept_for_the_backward_pass(20, 20)
    assert whole > decoded
    assert pieces < decoded / 2


def test_draws_without_weight_leave_no_subnormal_numbers_behind():
    # Log-weights that lie up to hundreds of nats apart, as they do when training begins.
    vae, x = pixels(20, torch.float32)
    with torch.no_grad():
        vae.decoder.trunk[-1].weight.mul_(30)
    arrived = []
    layer = vae.decoder.trunk[-1]
    layer.register_full_backward_hook(lambda module, gives, gets: arrived.append(gets[0]))
    with seeded(0):
        bound = iwae(vae, x, 50)
    normalised = bound.log_weights.softmax(0)
    tiny = torch.finfo(torch.float32).tiny
    assert ((0 < normalised) & (normalised < tiny)).any(), "no weight is subnormal here"
    found = grad(bound.value.mean(), list(vae.parameters()))
    assert not ((arrived[0] != 0) & (arrived[0].abs() < tiny)).any()
    with seeded(0):
        z = vae.encode(x).rsample((50,))
    log_weights = vae.decode(z).log_prob(x) + vae.prior.log_prob(z) - vae.encode(x).log_prob(z)
    value = (log_weights.logsumexp(0) - log(50)).mean()
    for a, b in zip(found, grad(value, list(vae.parameters())), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_fit_records_the_bound_and_the_effective_sample_size():
    vae, x = pixels(64, torch.float32)
    history = fit(vae, partial(iwae, samples=4), x, 60, batch_size=16, log_every=20, progress=False)
    assert history.iwae[-1] > history.iwae[0]
    assert history.loss == pytest.approx([-value for value in history.iwae], rel=1e-5)
    assert all(1 <= value <= 4 for value in history.ess)


@pytest.mark.dtypes("float64", "float32")
@pytest.mark.parametrize("gradient", GRADIENTS)
def test_shapes(device, dtype, gradient):
    vae, x = pixels(7, dtype)
    vae.to(device)
    bound = iwae(vae, x.to(device), 3, gradient)
    assert isinstance(bound, ImportanceBound)
    assert set(bound.terms) == {"iwae", "ess"}
    assert bound.log_weights.shape == (3, 7)
    for term in (bound.value, *bound.terms.values()):
        assert term.shape == (7,)
        assert term.dtype == dtype
        assert term.device.type == device.type
    assert not bound.log_weights.requires_grad


def test_without_gradients():
    vae, x = pixels(3)
    with torch.no_grad():
        assert not iwae(vae, x, 3, "dreg", chunk=2).value.requires_grad


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"samples": 0}, "samples must be a whole number of at least 1, got 0"),
        ({"chunk": 0}, "chunk must be a whole number of at least 1, got 0"),
        ({"gradient": "reinforce"}, "gradient is 'reinforce', needs one of"),
        ({"beta": -1.0}, "beta is -1.0, needs a number >= 0"),
    ],
)
def test_bad_arguments(options, message):
    vae, x = pixels(3)
    with pytest.raises(ValueError, match=message):
        iwae(vae, x, **options)
