"""bound_weights.js: closed forms against torch and quadrature, runs against both."""

from math import exp

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from tests.quadrature import nodes
from tests.statistics import assert_mean, assert_z
from tests.widgets.node import run_module
from vae_course.widgets.base import FOLDER

LINE = nodes(-30, 30, 600)
CONTROLS = (FOLDER / "controls.js").as_uri()
SETTINGS = [
    {"shift": shift, "scale": scale, "dimensions": d, "total": total}
    for shift, scale in [(0.5, 1.0), (0.0, 1.4), (1.1, 0.8), (0.3, 0.6), (1.5, 2.0)]
    for d in (1, 12)
    for total in (False, True)
]


def normal(mean, scale) -> Normal:
    mean, scale = torch.tensor([mean, scale], dtype=torch.float64)
    return Normal(mean, scale)


def test_closed_forms_equal_torch_and_quadrature():
    code = "return data.map((one) => [js.mismatch(one), js.exactTightness(one)])"
    found = run_module("bound_weights.js", code, SETTINGS)
    for setting, (here, exact) in zip(SETTINGS, found, strict=True):
        for name, wanted in by_torch(here["m"], here["s"], setting["dimensions"]).items():
            assert exact[name] == pytest.approx(wanted, rel=1e-8, abs=1e-12), (setting, name)
        if setting["total"]:
            of_one = kl_divergence(normal(setting["shift"], setting["scale"]), normal(0, 1))
            assert exact["klQP"] == pytest.approx(of_one.item(), rel=1e-9)
            assert (here["s"] - 1) * (setting["scale"] - 1) >= 0, "on the same side"
        else:
            assert here == {"m": setting["shift"], "s": setting["scale"]}


def by_torch(m: float, s: float, d: int) -> dict[str, float]:
    """Of d dimensions: KL in both directions, and by quadrature the moments of the weights."""
    p, q = normal(0, 1), normal(m, s)
    z, weights = LINE
    log_weight = p.log_prob(z) - q.log_prob(z)
    density = weights * q.log_prob(z).exp()
    mean = (density * log_weight).sum()
    second = (weights * (2 * p.log_prob(z) - q.log_prob(z)).exp()).sum().item()
    return {
        "klQP": d * kl_divergence(q, p).item(),
        "klPQ": d * kl_divergence(p, q).item(),
        "logWeightVariance": d * (density * (log_weight - mean) ** 2).sum().item(),
        "essFraction": second**-d if 2 * s**2 > 1 else 0.0,  # else the integral does not exist
    }


def test_dimension_alone_is_harmless_and_mismatch_is_not():
    """ESS / K for m = ½: e^(−d/4) with the mismatch in each dimension, e^(−1/4) with it shared."""
    code = "return data.map((one) => js.exactTightness(one).essFraction)"
    shared = {"shift": 0.5, "scale": 1.0}
    for total, wanted in [(False, lambda d: exp(-d / 4)), (True, lambda d: exp(-1 / 4))]:
        found = run_module(
            "bound_weights.js",
            code,
            [shared | {"dimensions": d, "total": total} for d in (1, 4, 16, 32)],
        )
        assert found == pytest.approx([wanted(d) for d in (1, 4, 16, 32)], rel=1e-9)


RUN = """
    const controls = await import(data.controls);
    const maker = js.boundMaker(data.runs);
    maker.start(data.setting, controls.normals, controls.uniforms);
    maker.advance(Infinity);
    const { bound, ess, largest } = maker.results;
    const place = (k) => maker.counts.indexOf(k);
    return {
        counts: maker.counts,
        log_weights: [...maker.firstLogWeights],
        first: [bound, ess, largest].map((table) => table.map((numbers) => numbers[0])),
        two: [...bound[place(2)]],
        weights: [...js.normalisedWeights(maker.firstLogWeights.subarray(0, 50))],
    };
"""


DRAW = """
    const controls = await import(data.controls);
    return Array.from({ length: 20 }, (_, i) => {
        const [maker, seed] = [js.boundMaker(1), 20 * data.seed + i];
        maker.start({ ...data.setting, seed }, controls.normals, controls.uniforms);
        maker.advance(Infinity);
        return [...maker.firstLogWeights];
    });
"""


def log_weights(setting: dict, seed: int) -> torch.Tensor:
    """20,000 of them."""
    data = {"controls": CONTROLS, "setting": setting, "seed": seed}
    return torch.tensor(run_module("bound_weights.js", DRAW, data), dtype=torch.float64).flatten()


def run(setting: dict, runs: int, seed: int) -> dict:
    data = {"controls": CONTROLS, "runs": runs, "setting": setting | {"seed": seed}}
    return run_module("bound_weights.js", RUN, data)


def test_bound_size_and_largest_weight_are_those_of_the_log_weights():
    """Also when they differ by hundreds of nats."""
    for shift, scale, d in [(0.5, 1.0, 4), (1.5, 0.5, 64)]:
        found = run({"shift": shift, "scale": scale, "dimensions": d, "total": False}, 1, 7)
        log_weights = torch.tensor(found["log_weights"], dtype=torch.float64)
        wanted = []
        for count in found["counts"]:
            some = log_weights[:count]
            shares = some.softmax(0)
            bound = some.logsumexp(0) - torch.tensor(float(count)).double().log()
            wanted.append((bound, 1 / (shares**2).sum() / count, shares.max()))
        torch.testing.assert_close(
            torch.tensor(found["first"], dtype=torch.float64),
            torch.tensor(wanted, dtype=torch.float64).T,
        )
        fifty = log_weights[:50].softmax(0).sort(descending=True).values
        torch.testing.assert_close(torch.tensor(found["weights"]).double(), fifty)


@pytest.mark.parametrize(
    ("shift", "scale", "d"), [(0.5, 1.0, 6), (0.4, 1.3, 1), (0.2, 0.7, 5), (0.0, 1.2, 8)]
)
def test_log_weights_have_the_exact_mean_and_variance(shift, scale, d, seed):
    """One normal number and a χ² stand in for d normal numbers, for d odd and even."""
    setting = {"shift": shift, "scale": scale, "dimensions": d, "total": False}
    exact = run_module("bound_weights.js", "return js.exactTightness(data)", setting)
    draws = log_weights(setting, 1 + seed)
    assert_mean(draws, -exact["klQP"], detects=0.15)
    variance = exact["logWeightVariance"]
    assert_mean((draws + exact["klQP"]) ** 2, variance, detects=0.35 * variance)


@pytest.mark.parametrize(("shift", "scale", "d"), [(0.5, 1.0, 4), (0.7, 1.0, 9), (0.8, 1.5, 1)])
def test_the_bound_of_two_samples_has_the_exact_mean(shift, scale, d, seed):
    """By quadrature over both log-weights. With s = 1, log w is normal whatever the dimension."""
    epsilon, weights = nodes(-10, 10, 200)
    shift_of_all = shift * d**0.5 if scale == 1 else shift
    z = shift_of_all + scale * epsilon
    log_weight = normal(0, 1).log_prob(z) - normal(shift_of_all, scale).log_prob(z)
    density = weights * normal(0, 1).log_prob(epsilon).exp()
    pairs = torch.logaddexp(log_weight[:, None], log_weight[None]) - torch.tensor(2.0).log()
    joint = density[:, None] * density[None]
    exact = (joint * pairs).sum()
    deviation = ((joint * pairs**2).sum() - exact**2).sqrt()
    setting = {"shift": shift, "scale": scale, "dimensions": d, "total": False}
    draws = torch.tensor(run(setting, 3000, 1 + seed)["two"], dtype=torch.float64)
    assert exact > -run_module("bound_weights.js", "return js.exactTightness(data).klQP", setting)
    assert_z(draws.mean(), exact, deviation / 3000**0.5, detects=0.4)


def test_the_same_kl_in_total_gives_the_same_weights_whatever_the_dimension(seed):
    """With s = 1: log w is N(−½ m², m²) for every d, so its mean and variance say it all."""
    for d in (1, 64):
        setting = {"shift": 0.5, "scale": 1.0, "dimensions": d, "total": True}
        draws = log_weights(setting, 1 + seed)
        assert_z(draws.mean(), -0.125, 0.5 / len(draws) ** 0.5, detects=0.04)
        error = (2 * 0.25**2 / len(draws)) ** 0.5
        assert_z((draws + 0.125).square().mean(), 0.25, error, detects=0.03)
