"""estimator_moments.js: exact gradients and variances against quadrature, and samples of both."""

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal

from tests.quadrature import nodes
from tests.statistics import assert_z
from tests.widgets.node import run_module
from vae_course.random import seeded
from vae_course.widgets.base import FOLDER
from vae_course.widgets.gradient_estimators import INTEGRANDS

UNIT = nodes(0, 1, 500)
FUNCTIONS = {
    "square": lambda z, c: z**2,
    "cubic": lambda z, c: z**3 - 3 * z,
    "sine": lambda z, c: torch.sin(c * z),
    "relu": lambda z, c: z.relu(),
    "step": lambda z, c: (z > 0).to(z.dtype) + 0 * z,  # a derivative exists: it is 0
}


def settings(parameter: str) -> list[dict]:
    """20 of them: four for each integrand."""
    with seeded(5):
        means, sigmas = -2 + 4 * torch.rand(20), 0.2 + 1.3 * torch.rand(20)
        frequencies = 1 + 9 * torch.rand(20)
    return [
        {
            "integrand": INTEGRANDS[i % 5],
            "frequency": frequencies[i].item(),
            "mean": means[i].item(),
            "sigma": sigmas[i].item(),
            "parameter": parameter,
            "baseline": i % 2 == 0,
        }
        for i in range(20)
    ]


def by_quadrature(setting: dict) -> dict[str, Tensor]:
    """Gradient, b, and mean and variance of both estimators, with the derivatives of autograd."""
    mean, sigma = setting["mean"], setting["sigma"]
    edge = -mean / sigma  # where z = 0, where two of the functions have a corner or a jump
    points, lengths = UNIT
    pieces = [(-9, edge), (edge, 9)]
    epsilon = torch.cat([low + (high - low) * points for low, high in pieces])
    weights = torch.cat([(high - low) * lengths for low, high in pieces])
    average = weights * Normal(0 * epsilon, 1).log_prob(epsilon).exp()
    z = mean + sigma * epsilon

    def f(z):
        return FUNCTIONS[setting["integrand"]](z, setting["frequency"])

    def log_q(value):  # at the same z, whatever the parameter
        now = {"mean": mean, "sigma": sigma} | {setting["parameter"]: value}
        return Normal(now["mean"], now["sigma"]).log_prob(z)

    # One copy of the parameter for each z, so that autograd gives the derivative at each.
    value = torch.full_like(z, setting[setting["parameter"]]).requires_grad_()
    expected = (weights * sigma * log_q(value).exp() * f(z)).sum()
    gradient = torch.autograd.grad(expected, value)[0].sum()
    (score,) = torch.autograd.grad(log_q(value).sum(), value)
    b = (average * f(z)).sum() if setting["baseline"] else torch.zeros(())
    moving = z.clone().requires_grad_()
    (slope,) = torch.autograd.grad(f(moving).sum(), moving)
    dz = torch.ones_like(epsilon) if setting["parameter"] == "mean" else epsilon
    found = {"gradient": gradient, "b": b}
    for name, estimate in {"score": (f(z) - b) * score, "pathwise": slope * dz}.items():
        found[f"{name} mean"] = (average * estimate).sum()
        found[f"{name} variance"] = (average * estimate**2).sum() - found[f"{name} mean"] ** 2
    return found


@pytest.mark.parametrize("parameter", ["mean", "sigma"])
def test_gradients_and_variances_equal_quadrature_at_20_settings(parameter):
    chosen = settings(parameter)
    found = run_module("estimator_moments.js", "return data.map(js.exactMoments)", chosen)
    for setting, here in zip(chosen, found, strict=True):
        for name, wanted in by_quadrature(setting).items():
            first, _, second = name.partition(" ")
            value = here[first][second] if second else here[first]
            assert value == pytest.approx(wanted.item(), rel=1e-8, abs=1e-9), (setting, name)


def test_the_known_cases():
    """z² for pathwise, sin 10z for the score function, a step that pathwise does not see."""
    cases = [
        {"integrand": "square", "mean": 1},
        {"integrand": "sine", "frequency": 1, "mean": 0.3},
        {"integrand": "sine", "frequency": 10, "mean": 0.3},
        {"integrand": "step", "mean": 0.4},
        {"integrand": "relu", "mean": 0.4},
    ]
    shared = {"sigma": 1, "parameter": "mean", "baseline": False}
    square, sine, fast, step, relu = run_module(
        "estimator_moments.js", "return data.map(js.exactMoments)", [c | shared for c in cases]
    )
    variances = [(one["pathwise"]["variance"], one["score"]["variance"]) for one in (square, sine)]
    assert variances[0] == pytest.approx((4, 30))
    assert variances[1] == pytest.approx((0.220, 0.332), abs=5e-4)
    assert (fast["pathwise"]["variance"], fast["score"]["variance"]) == pytest.approx((50.0, 0.5))
    normal = Normal(torch.zeros((), dtype=torch.float64), 1)
    at = torch.tensor(0.4, dtype=torch.float64)
    assert step["gradient"] == pytest.approx(normal.log_prob(at).exp().item())  # φ(0.4), 0.3683
    assert step["pathwise"] == {"mean": 0, "variance": 0}
    assert relu["pathwise"]["mean"] == pytest.approx(normal.cdf(at).item())  # Φ(0.4), 0.6554


def test_the_normal_distribution_function_is_torchs():
    x = torch.linspace(-12, 12, 401, dtype=torch.float64)
    found = run_module("estimator_moments.js", "return data.map(js.normalCdf)", x.tolist())
    wanted = Normal(torch.zeros((), dtype=torch.float64), 1).cdf(x)
    torch.testing.assert_close(torch.tensor(found, dtype=torch.float64), wanted, atol=2e-15, rtol=0)


SAMPLED = """
    const controls = await import(data.controls);
    const maker = js.estimateMaker(2000, 100);
    maker.reseed(controls.normals(data.seed));
    return data.settings.map((setting) => {
        const exact = js.exactMoments(setting);
        maker.start(setting, exact.b);
        maker.advance(Infinity);
        return ["score", "pathwise"].map((name) => ({
            exact: exact[name],
            ...js.meanAndVariance(maker.estimates[name], maker.done),
        }));
    });
"""


@pytest.mark.parametrize("parameter", ["mean", "sigma"])
def test_estimates_have_the_exact_means(parameter, seed):
    """Those of K = 100: their 2,000 means are near enough to normal for a z-score."""
    chosen = [setting | {"samples": 100} for setting in settings(parameter)]
    data = {
        "controls": (FOLDER / "controls.js").as_uri(),
        "seed": 1 + seed,
        "settings": chosen,
    }
    found = run_module("estimator_moments.js", SAMPLED, data)
    for setting, estimators in zip(chosen, found, strict=True):
        for here in estimators:
            deviation = (here["exact"]["variance"] / 100) ** 0.5
            if deviation < 1e-9:
                assert here["mean"] == here["exact"]["mean"], setting
                continue
            detects = 0.25 * deviation
            assert_z(here["mean"], here["exact"]["mean"], deviation / 2000**0.5, detects)


def test_moving_a_slider_moves_the_samples_and_draws_no_others():
    """The noise of one seed stays: with twice the σ, estimates for z are where they were."""
    code = """
        const controls = await import(data);
        const maker = js.estimateMaker(50, 10);
        maker.reseed(controls.normals(3));
        const base = { integrand: "square", mean: 0, parameter: "mean", samples: 5 };
        return [1, 2].map((sigma) => {
            maker.start({ ...base, sigma }, 0);
            maker.advance(Infinity);
            return [...maker.estimates.pathwise];
        });
    """
    uri = (FOLDER / "controls.js").as_uri()
    one, two = torch.tensor(run_module("estimator_moments.js", code, uri))
    torch.testing.assert_close(two, 2 * one)
