"""Posteriors, likelihoods and constants: what they return is the distribution they say."""

from math import exp, log, pi

import pytest
import torch
from torch import nn
from torch.distributions import (
    AffineTransform,
    Categorical,
    Independent,
    MixtureSameFamily,
    MultivariateNormal,
    Normal,
    TransformedDistribution,
    kl_divergence,
)

from tests.quadrature import Outputs, all_values, nodes
from tests.statistics import assert_mean
from vae_course.conditional import (
    BernoulliLikelihood,
    Constant,
    ContinuousBernoulliLikelihood,
    DiagonalGaussian,
    DiscretisedLogisticLikelihood,
    FullGaussian,
    GaussianLikelihood,
    StandardNormal,
    detached,
)
from vae_course.random import seeded

# Posteriors -----------------------------------------------------------------------------------


def posterior_with(kind, outputs, d: int, device, dtype):
    """A posterior whose head gives the same numbers for every x."""
    posterior = kind(nn.Identity(), 2, d).to(device, dtype)
    with torch.no_grad():
        posterior.head.weight.zero_()
        posterior.head.bias.copy_(torch.tensor(outputs, dtype=torch.float64))
    return posterior


def zeros(batch: int, device, dtype):
    return torch.zeros(batch, 2, device=device, dtype=dtype)


def test_head_gives_log_variance(device, dtype):
    # Erratum E105: r = -1 read as log σ² is σ = 0.607 and KL 0.184; read as log σ, 0.368 and 0.568.
    q = posterior_with(DiagonalGaussian, [0.0, -1.0], 1, device, dtype)(zeros(1, device, dtype))
    assert abs(q.stddev.item() - exp(-0.5)) < 1e-12
    p = StandardNormal(1).to(device, dtype)()
    assert abs(kl_divergence(q, p).item() - 0.5 * exp(-1)) < 1e-12


def test_diagonal_gaussian_equals_multivariate_normal(device, dtype):
    outputs = [0.3, -1.2, 2.0, -1.0, 0.5, 3.0]
    x = zeros(4, device, dtype)
    q = posterior_with(DiagonalGaussian, outputs, 3, device, dtype)(x)
    assert q.batch_shape == (4,)
    assert q.event_shape == (3,)
    mean, log_var = x.new_tensor(outputs).chunk(2)
    wanted = MultivariateNormal(mean, log_var.exp().diag())
    z = wanted.sample((5, 4))
    torch.testing.assert_close(q.log_prob(z), wanted.log_prob(z), rtol=1e-12, atol=1e-12)


def test_full_gaussian_equals_multivariate_normal(device, dtype):
    outputs = [0.3, -1.2, 2.0, -0.5, 0.5, 0.1, 0.7, -0.4, 1.5]
    x = zeros(4, device, dtype)
    q = posterior_with(FullGaussian, outputs, 3, device, dtype)(x)
    assert q.batch_shape == (4,)
    assert q.event_shape == (3,)
    # mean; logarithms of the diagonal; below the diagonal, row by row
    lower = x.new_tensor([[exp(-0.5), 0.0, 0.0], [0.7, exp(0.5), 0.0], [-0.4, 1.5, exp(0.1)]])
    wanted = MultivariateNormal(x.new_tensor(outputs[:3]), lower @ lower.T)
    z = wanted.sample((5, 4))
    torch.testing.assert_close(q.log_prob(z), wanted.log_prob(z), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(
    "kind, outputs",
    [
        (DiagonalGaussian, [0.5, -1.0, -0.8, 1.1]),
        (FullGaussian, [0.5, -1.0, -0.4, 0.5, 0.9]),
    ],
)
def test_reparameterised_samples_have_the_moments(device, dtype, seed, kind, outputs):
    q = posterior_with(kind, outputs, 2, device, dtype)(zeros(1, device, dtype))
    with seeded(seed):
        z = q.rsample((100_000,)).squeeze(1)
    if kind is DiagonalGaussian:
        covariance = torch.tensor([[exp(-0.8), 0.0], [0.0, exp(1.1)]])
    else:
        lower = torch.tensor([[exp(-0.4), 0.0], [0.9, exp(0.5)]])
        covariance = lower @ lower.T
    mean = z.new_tensor(outputs[:2])
    assert_mean(z, mean, detects=0.1)
    products = (z - mean).unsqueeze(-1) * (z - mean).unsqueeze(-2)
    assert_mean(products, covariance, detects=0.2)


@pytest.mark.parametrize("kind", [DiagonalGaussian, FullGaussian])
def test_gradients_of_a_sample_reach_every_parameter(device, dtype, kind):
    with seeded(0):
        posterior = kind(nn.Linear(3, 5), 5, 2).to(device, dtype)
        x = torch.randn(4, 3, dtype=dtype).to(device)
        z = posterior(x).rsample()
    z.square().sum().backward()
    for name, parameter in posterior.named_parameters():
        assert (parameter.grad != 0).any(), name
    assert (posterior.head.bias.grad != 0).all()


@pytest.mark.dtypes("float64", "float32")
@pytest.mark.parametrize("log_var", [-30.0, 30.0])
@pytest.mark.parametrize("kind", [DiagonalGaussian, FullGaussian])
def test_extreme_variances_stay_finite(device, dtype, kind, log_var):
    scale = log_var if kind is DiagonalGaussian else log_var / 2
    outputs = [0.0, 0.0, scale, scale] + ([0.0] if kind is FullGaussian else [])
    posterior = posterior_with(kind, outputs, 2, device, dtype)
    q = posterior(zeros(1, device, dtype))
    with seeded(0):
        z = q.rsample((3,))
    rate = kl_divergence(q, StandardNormal(2).to(device, dtype)())
    wanted = exp(log_var) - 1 - log_var
    assert abs(rate.item() / wanted - 1) < 1e-5
    (q.log_prob(z).sum() + rate.sum()).backward()
    assert z.isfinite().all()
    assert posterior.head.bias.grad.isfinite().all()


@pytest.mark.parametrize("kind", [DiagonalGaussian, FullGaussian])
def test_densities_keep_their_precision_under_autocast(device, kind):
    with torch.autocast(device.type, torch.bfloat16):
        q = kind(nn.Linear(3, 5), 5, 2).to(device)(torch.ones(4, 3, device=device))
        assert q.mean.dtype == q.stddev.dtype == q.rsample().dtype == torch.float32
        likelihood = BernoulliLikelihood(nn.Linear(2, 3), (3,)).to(device)
        p = likelihood(torch.ones(4, 2, device=device))
        assert p.base_dist.logits.dtype == torch.float32


# Likelihoods ----------------------------------------------------------------------------------


def likelihood_with(kind, outputs, event_shape, device, dtype, **options):
    """p(x|z) with the same numbers from the trunk for every z, for a batch of one."""
    module = kind(Outputs(outputs), event_shape, **options).to(device, dtype)
    return module, module(torch.zeros(1, 1, device=device, dtype=dtype))


@pytest.mark.parametrize("logits", [[0.3, -2.0, 5.0, 0.0], [100.0, -100.0, 30.0, -1.0]])
def test_bernoulli_sums_to_one(device, dtype, logits):
    _, p = likelihood_with(BernoulliLikelihood, logits, (1, 2, 2), device, dtype)
    x = all_values([0.0, 1.0], 4).to(device, dtype).reshape(-1, 1, 2, 2)
    log_prob = p.log_prob(x)
    assert log_prob.shape == (16,)
    assert abs(log_prob.exp().sum().item() - 1) < 1e-12
    probability = x.new_tensor(logits).sigmoid().reshape(1, 2, 2)
    wanted = torch.where(x == 1, probability, 1 - probability).flatten(1).prod(1)
    torch.testing.assert_close(log_prob.exp(), wanted, rtol=0, atol=1e-12)


@pytest.mark.dtypes("float64", "float32")
def test_bernoulli_is_finite_where_a_sigmoid_is_one(device, dtype):
    module, p = likelihood_with(BernoulliLikelihood, [100.0, -100.0], (2,), device, dtype)
    log_prob = p.log_prob(torch.tensor([0.0, 1.0], device=device, dtype=dtype))
    assert abs(log_prob.item() + 200) < 1e-4
    log_prob.sum().backward()
    torch.testing.assert_close(module.trunk.values.grad.cpu(), torch.tensor([-1.0, 1.0]).to(dtype))


def test_continuous_bernoulli_integrates_to_one(device, dtype):
    logits = [3.0, -40.0]
    _, p = likelihood_with(ContinuousBernoulliLikelihood, logits, (2,), device, dtype)
    points, weights = nodes(0, 1)
    x = torch.cartesian_prod(points, points).to(device, dtype)
    weights = torch.cartesian_prod(weights, weights).prod(1)
    assert abs((p.log_prob(x).exp().cpu() * weights).sum().item() - 1) < 1e-11


@pytest.mark.parametrize("sigma", [0.1, "shared", "per_component"])
def test_gaussian_equals_its_formula_and_integrates_to_one(device, dtype, sigma):
    means, log_sigmas = [0.4, -1.0], [0.2, -0.7]
    outputs = means + log_sigmas if sigma == "per_component" else means
    module, _ = likelihood_with(GaussianLikelihood, outputs, (2,), device, dtype, sigma=sigma)
    if sigma == 0.1:
        sigmas = [0.1, 0.1]
        assert [name for name, _ in module.named_parameters()] == ["trunk.values"]
    elif sigma == "shared":
        with torch.no_grad():
            module.log_sigma.fill_(-0.3)
        sigmas = [exp(-0.3)] * 2
    else:
        sigmas = [0.01 * (1 + exp(raw) / 0.01) for raw in log_sigmas]  # min σ + e^raw
    p = module(torch.zeros(1, 1, device=device, dtype=dtype))
    points, weights = nodes(-9, 9, 400)
    x = torch.cartesian_prod(points, points)
    wanted = torch.zeros(len(x), dtype=torch.float64)
    for i, (mean, scale) in enumerate(zip(means, sigmas, strict=True)):
        wanted += -0.5 * ((x[:, i] - mean) / scale) ** 2 - 0.5 * log(2 * pi * scale**2)
    torch.testing.assert_close(p.log_prob(x.to(device)).cpu(), wanted, rtol=1e-12, atol=1e-12)
    area = torch.cartesian_prod(weights, weights).prod(1)
    assert abs((p.log_prob(x.to(device)).exp().cpu() * area).sum().item() - 1) < 1e-9


def test_best_shared_variance_is_the_mean_squared_error_per_component(device, dtype):
    module, _ = likelihood_with(GaussianLikelihood, [0.4, -1.0, 0.0], (3,), device, dtype)
    with seeded(0):
        x = torch.randn(10, 3, dtype=dtype).to(device)
    error = (x - module.trunk.values).square().mean()
    for factor, sign in [(0.5, 1), (1.0, 0), (2.0, -1)]:
        with torch.no_grad():
            module.log_sigma.copy_(0.5 * (factor * error).log())
        log_prob = module(torch.zeros(10, 1, device=device, dtype=dtype)).log_prob(x).mean()
        (gradient,) = torch.autograd.grad(log_prob, module.log_sigma)
        # d/dlog σ = n (error / σ² - 1), zero at the optimum only
        assert abs(gradient.item() - 3 * (1 / factor - 1)) < 1e-12
        assert gradient.sign().item() == sign or factor == 1.0


@pytest.mark.dtypes("float64", "float32")
def test_sigma_per_component_stays_above_its_floor_and_learns(device, dtype):
    outputs = [0.0, 0.0, -40.0, -5.0]
    module, p = likelihood_with(
        GaussianLikelihood, outputs, (2,), device, dtype, sigma="per_component", min_sigma=0.05
    )
    assert (p.stddev >= 0.05 * (1 - 1e-6)).all()
    p.log_prob(torch.tensor([[0.3, 0.3]], device=device, dtype=dtype)).sum().backward()
    gradient = module.trunk.values.grad
    assert gradient.isfinite().all()
    assert gradient[3] > 1  # too small a σ for this error: the gradient says so near the floor
    assert gradient[2] > 0 or dtype == torch.float32


def test_sigma_per_component_takes_the_second_set_of_outputs(device, dtype):
    outputs = [float(i) for i in range(8)]
    _, p = likelihood_with(
        GaussianLikelihood, outputs, (1, 2, 2), device, dtype, sigma="per_component"
    )
    assert p.mean.flatten().tolist() == [0.0, 1.0, 2.0, 3.0]
    assert p.stddev.flatten().diff().min() > 0
    assert abs(p.stddev.flatten()[0].item() - (exp(4) + 0.01)) < 1e-9


@pytest.mark.parametrize(
    "options, said",
    [
        ({"sigma": 0.0}, "sigma is 0.0"),
        ({"sigma": float("nan")}, "sigma is nan"),
        ({"sigma": "learned"}, "sigma is 'learned'"),
        ({"sigma": None}, "sigma is None"),
        ({"sigma": "per_component", "min_sigma": 0.0}, "min_sigma is 0.0"),
    ],
)
def test_bad_sigma_is_refused(options, said):
    with pytest.raises(ValueError, match=said):
        GaussianLikelihood(nn.Identity(), (2,), **options)


def test_discretised_logistic_sums_to_one(device, dtype):
    module, _ = likelihood_with(
        DiscretisedLogisticLikelihood, [0.2, 3.0, 0.6], (3,), device, dtype, levels=5
    )
    with torch.no_grad():
        module.log_scale.fill_(-1.0)
    p = module(torch.zeros(1, 1, device=device, dtype=dtype))
    x = all_values(torch.linspace(0, 1, 5), 3).to(device, dtype)
    assert abs(p.log_prob(x).exp().sum().item() - 1) < 1e-12
    p.log_prob(x).sum().backward()
    assert module.log_scale.grad != 0
    assert (module.trunk.values.grad != 0).all()


def test_wrong_number_of_outputs_is_refused():
    module = BernoulliLikelihood(nn.Linear(2, 5), (2, 2))
    with pytest.raises(ValueError, match=r"gave shape \(3, 5\).*needs 1 x \(2, 2\)"):
        module(torch.zeros(3, 2))


@pytest.mark.parametrize(
    "kind", [BernoulliLikelihood, GaussianLikelihood, DiscretisedLogisticLikelihood]
)
def test_parameters_of_a_likelihood_can_be_listed(kind):
    # An attribute of that name would hide the method of every module.
    names = [name for name, _ in kind(nn.Linear(2, 3), (3,)).named_parameters()]
    assert len(list(kind(nn.Linear(2, 3), (3,)).parameters())) == len(names) >= 2


# Constants ------------------------------------------------------------------------------------


def mixture():
    components = Independent(Normal(torch.tensor([[-2.0], [2.0]]), torch.ones(2, 1)), 1)
    return MixtureSameFamily(Categorical(torch.tensor([0.3, 0.7])), components)


def shifted_normal():
    base = Independent(Normal(torch.zeros(1), torch.ones(1)), 1)
    shift = AffineTransform(torch.tensor([3.0]), torch.tensor([2.0]), event_dim=1)
    return TransformedDistribution(base, [shift])


def full_normal():
    return MultivariateNormal(torch.ones(1), scale_tril=torch.eye(1) * 2)


@pytest.mark.parametrize("make", [mixture, shifted_normal, full_normal])
def test_constant_moves_with_its_module(device, dtype, make):
    given = make()
    moved = nn.Sequential(Constant(given)).to(device, dtype)[0]()
    z = torch.tensor([[0.5], [-1.0]])
    log_prob = moved.log_prob(z.to(device, dtype))
    assert log_prob.dtype == dtype
    assert log_prob.device.type == device.type
    torch.testing.assert_close(log_prob.float().cpu(), given.log_prob(z), rtol=1e-6, atol=1e-6)
    assert moved.sample((2,)).dtype == dtype
    assert given.sample().dtype == torch.float32  # what was given is left as it was


@pytest.mark.parametrize("make", [mixture, shifted_normal, full_normal])
def test_constant_gives_one_copy_for_each_entry_of_the_batch(make):
    copies = Constant(make())(torch.zeros(5, 3, 7))
    assert copies.batch_shape == (5, 3)
    assert copies.event_shape == (1,)
    assert copies.sample().shape == (5, 3, 1)
    whole_image = Constant(make(), input_dims=3)(torch.zeros(5, 1, 8, 8))
    assert whole_image.batch_shape == (5,)


def test_constant_has_nothing_to_train():
    assert list(Constant(mixture()).parameters()) == []


def test_standard_normal_moves_with_its_module(device, dtype):
    prior = StandardNormal(3).to(device, dtype)()
    assert prior.event_shape == (3,)
    z = torch.tensor([[1.0, 2.0, -1.0]], device=device, dtype=dtype)
    assert abs(prior.log_prob(z).item() - (-3 - 1.5 * log(2 * pi))) < 1e-12


@pytest.mark.parametrize("kind", [DiagonalGaussian, FullGaussian])
def test_detached_parameters_pass_no_gradient_on_and_the_argument_does(kind):
    with seeded(0):
        posterior, x = kind(nn.Identity(), 4, 3).double(), torch.randn(5, 4).double()
    q = posterior(x)
    z = q.rsample().detach().requires_grad_()
    fixed = detached(q).log_prob(z)
    torch.testing.assert_close(fixed, q.log_prob(z))
    (wanted,) = torch.autograd.grad(q.log_prob(z).sum(), z)
    (found,) = torch.autograd.grad(fixed.sum(), z, retain_graph=True)
    torch.testing.assert_close(found, wanted)
    with pytest.raises(RuntimeError, match="not have been used"):
        torch.autograd.grad(fixed.sum(), posterior.head.weight)
