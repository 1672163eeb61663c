"""Flow posteriors: density, passes, gradients, and the bound against quadrature."""

import pytest
import torch
from torch import nn
from torch.distributions import MixtureSameFamily

from tests.statistics import assert_mean
from vae_course.conditional import GaussianLikelihood, StandardNormal, detached
from vae_course.distributions import rsample_and_log_prob, sample_and_log_prob
from vae_course.flow_posteriors import (
    AmortisedPlanar,
    FlowPosterior,
    Gate,
    IAFPosterior,
    PlanarPosterior,
)
from vae_course.flows import MAF, Flow, Planar
from vae_course.flows.transform import Transform
from vae_course.likelihood import importance_sampled_log_likelihood
from vae_course.models import VAE
from vae_course.objectives import elbo, iwae, sticking_the_landing
from vae_course.oracles import QuadratureModel
from vae_course.random import seeded


def posterior(kind: str, d: int = 2, features: int = 3, dtype=torch.float64, device="cpu"):
    """A flow posterior that bends: its weights are larger than those it begins with."""
    with seeded(5):
        trunk = nn.Identity()
        made = {
            "planar": lambda: PlanarPosterior(trunk, features, d, layers=3),
            "iaf": lambda: IAFPosterior(trunk, features, d, steps=3, hidden=(16,)),
            "own": lambda: FlowPosterior(trunk, features, d, [Planar(d), Planar(d)]),
        }[kind]()
        with torch.no_grad():
            for parameter in made.parameters():
                parameter.add_(0.3 * torch.randn_like(parameter))
    return made.to(device, dtype)


KINDS = ["planar", "iaf", "own"]


def data(count: int = 4, features: int = 3, dtype=torch.float64, device="cpu"):
    with seeded(6):
        return torch.randn(count, features).to(device, dtype)


@pytest.mark.dtypes("float64", "float32")
@pytest.mark.parametrize("kind", KINDS)
def test_density_of_a_sample_is_that_of_the_point(kind, device, dtype):
    q = posterior(kind, 5, dtype=dtype, device=device)(data(dtype=dtype, device=device))
    with seeded(0):
        z, log_q = q.rsample_and_log_prob((7,))
    assert z.shape == (7, 4, 5) and log_q.shape == (7, 4) and z.dtype == log_q.dtype == dtype
    tolerance = 1e-10 if dtype == torch.float64 else 2e-4
    torch.testing.assert_close(q.log_prob(z), log_q, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("kind", KINDS)
def test_log_det_is_that_of_the_jacobian(kind):
    q = posterior(kind, 3)(data(1))
    with seeded(1):
        noise = torch.randn(3).double()
    _, log_det = q.transform(noise[None], q.context)
    jacobian = torch.autograd.functional.jacobian(
        lambda point: q.transform(point[None], q.context)[0][0], noise
    )
    torch.testing.assert_close(log_det[0], torch.linalg.slogdet(jacobian).logabsdet)


@pytest.mark.parametrize("kind", KINDS)
def test_density_integrates_to_one(kind):
    q = posterior(kind)(data(2))
    axis = torch.linspace(-12, 12, 481).double()
    points = torch.cartesian_prod(axis, axis)
    with torch.no_grad():
        mass = q.log_prob(points[:, None]).exp().sum(0) * (axis[1] - axis[0]) ** 2
    torch.testing.assert_close(mass, torch.ones_like(mass), atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_gets_a_gradient(kind):
    made = posterior(kind)
    model = VAE(made, GaussianLikelihood(nn.Linear(2, 3), (3,)).double(), StandardNormal(2))
    with seeded(0):
        (-elbo(model.double(), data()).value.mean()).backward()
    for name, parameter in made.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_gate_is_the_step_of_the_paper():
    with seeded(0):
        x, params = torch.randn(5, 3).double(), torch.randn(5, 2, 3).double()
    sigma = torch.sigmoid(params[:, 1] + 2)
    y, log_slope = Gate().forward(x, params)
    torch.testing.assert_close(y, sigma * x + (1 - sigma) * params[:, 0])
    torch.testing.assert_close(log_slope, sigma.log())
    back, log_back = Gate().inverse(y, params)
    torch.testing.assert_close(back, x)
    torch.testing.assert_close(log_back, -log_slope)


def test_amortised_layers_are_planar_layers():
    """One layer given its numbers is `Planar` that has them as parameters."""
    made, layer = AmortisedPlanar(3, 1).double(), Planar(3).double()
    with seeded(0):
        x, context = torch.randn(6, 3).double(), torch.randn(7).double()
    with torch.no_grad():
        layer.u.copy_(context[:3])
        layer.w.copy_(context[3:6])
        layer.b.copy_(context[6])
    for found, wanted in zip(made(x, context.expand(6, 7)), layer(x), strict=True):
        torch.testing.assert_close(found, wanted)


def test_a_context_of_zeros_bends_nothing():
    made, x = AmortisedPlanar(3, 4), torch.ones(2, 3)
    y, log_det = made(x, torch.zeros(2, made.context_features))
    assert torch.equal(y, x) and torch.equal(log_det, torch.zeros(2))


# A flow's own samples are never inverted --------------------------------------------------------


class Counted(Transform):
    """A transform that counts its passes."""

    def __init__(self, transform):
        super().__init__()
        self.inner, self.forwards, self.inverses = transform, 0, 0

    def forward(self, x, context=None):
        self.forwards += 1
        return self.inner(x, context)

    def inverse(self, y, context=None):
        self.inverses += 1
        return self.inner.inverse(y, context)


def counted_model(kind: str = "iaf") -> tuple[VAE, Counted]:
    made = posterior(kind)
    made.transform = counter = Counted(made.transform)
    model = VAE(made, GaussianLikelihood(nn.Linear(2, 3), (3,)), StandardNormal(2))
    return model.double(), counter


PASSES = {
    "elbo": (lambda model, x: elbo(model, x, samples=3), 1),
    "iwae": (lambda model, x: iwae(model, x, samples=4, chunk=2), 1),
    "likelihood": (
        lambda model, x: importance_sampled_log_likelihood(model, x, samples=6, chunk=2),
        3,  # one for each chunk
    ),
}


@pytest.mark.parametrize("objective", PASSES)
def test_own_samples_are_never_inverted(objective):
    model, counter = counted_model()
    function, passes = PASSES[objective]
    function(model, data())
    assert (counter.forwards, counter.inverses) == (passes, 0)


def test_sample_and_log_prob_agree_with_the_two_calls():
    q = posterior("planar")(data())
    mixture = MixtureSameFamily(
        torch.distributions.Categorical(torch.ones(2)),
        torch.distributions.Normal(torch.tensor([-1.0, 1.0]), 1.0),
    )
    for both, distribution in [
        (rsample_and_log_prob, q), (sample_and_log_prob, q), (sample_and_log_prob, mixture),
    ]:  # fmt: skip
        with seeded(0):
            z, log_q = both(distribution, (5,))
        torch.testing.assert_close(log_q, distribution.log_prob(z))
        assert z.requires_grad == (both is rsample_and_log_prob)


# Parameters held fixed --------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_detached_holds_the_flow_fixed_and_not_the_point(kind):
    made = posterior(kind)
    x = data().requires_grad_()
    q = made(x)
    with seeded(0):
        z = q.rsample().detach().requires_grad_()
    fixed, free = detached(q).log_prob(z), q.log_prob(z)
    torch.testing.assert_close(fixed, free)
    (wanted,) = torch.autograd.grad(free.sum(), z, retain_graph=True)
    found = torch.autograd.grad(fixed.sum(), [z, x, *made.parameters()], allow_unused=True)
    torch.testing.assert_close(found[0], wanted)
    assert all(gradient is None for gradient in found[1:])
    assert all(parameter.requires_grad for parameter in made.parameters())  # the model's own


@pytest.mark.parametrize("kind", ["planar", "iaf"])
def test_sticking_the_landing_leaves_the_score_out(kind):
    """Its gradient is the ELBO's minus ∂ log q(z)/∂φ at a fixed z."""
    made = posterior(kind)
    decoder = GaussianLikelihood(nn.Linear(2, 3), (3,), sigma=1.0)
    model, x = VAE(made, decoder, StandardNormal(2)).double(), data()
    parameters = [p for p in made.parameters() if p.requires_grad]

    def gradient(value):
        return torch.autograd.grad(value, parameters)

    with seeded(0):
        whole = gradient(elbo(model, x, samples=2).value.sum())
    with seeded(0):
        landing = gradient(sticking_the_landing(model, x, samples=2).value.sum())
    with seeded(0):
        z = made(x).rsample((2,)).detach()
    score = gradient(made(x).log_prob(z).mean(0).sum())
    for a, b, c in zip(whole, landing, score, strict=True):
        torch.testing.assert_close(b - a, c, atol=1e-9, rtol=1e-7)


# The bound --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_bound_by_quadrature_is_the_mean_of_the_estimates(kind, seed):
    made = posterior(kind, features=1)
    with torch.no_grad():  # not too narrow for the grid
        made.head.weight.mul_(0.3), made.head.bias.mul_(0.3)
    model = QuadratureModel(2, sigma=2.0, encoder=made, nodes=161).double()
    x = torch.tensor([[0.5], [2.0]]).double()
    exact = model.bound(x)
    assert (model.error(x, model.encode(x)) < 1e-4).all()
    assert (model.gap(x) > 0).all()
    with seeded(seed), torch.no_grad():
        bounds = [elbo(model, x, samples=1000) for _ in range(50)]
    assert_mean(torch.stack([b.rate for b in bounds]), exact.rate, detects=0.3)
    assert_mean(torch.stack([b.distortion for b in bounds]), exact.distortion, detects=1.0)


def test_flow_and_gaussian_have_one_bound_where_nothing_bends():
    made = PlanarPosterior(nn.Identity(), 1, 2, layers=2).double()
    with torch.no_grad():
        made.head.weight[4:].zero_(), made.head.bias[4:].zero_()  # u, w and b
    model = QuadratureModel(2, encoder=made).double()
    x = torch.tensor([[0.5], [2.0]]).double()
    q = model.encode(x)
    flow, gaussian = model.bound(x, q), model.bound(x, q.base)
    torch.testing.assert_close(flow.distortion, gaussian.distortion)
    torch.testing.assert_close(flow.rate, gaussian.rate)


def test_a_flow_is_a_prior_and_a_posterior_at_once(device, dtype):
    with seeded(0):
        made = posterior("iaf", dtype=dtype, device=device)
        prior = Flow(StandardNormal(2), MAF(2, layers=2, hidden=(8,)).transform.transforms)
        model = VAE(made, GaussianLikelihood(nn.Linear(2, 3), (3,)), prior).to(device, dtype)
        bound = elbo(model, data(dtype=dtype, device=device), samples=5)
    assert bound.value.shape == (4,) and bound.value.isfinite().all()


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="layers must be a whole number"):
        PlanarPosterior(nn.Identity(), 3, 2, layers=0)
    with pytest.raises(ValueError, match="steps must be a whole number"):
        IAFPosterior(nn.Identity(), 3, 2, steps=0)
    with pytest.raises(ValueError, match="latent_dim must be a whole number"):
        IAFPosterior(nn.Identity(), 3, 0)
