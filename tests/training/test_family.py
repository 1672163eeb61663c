"""`fit_family` is `fit` of each member: updates, clipping, history, and one that goes wrong."""

import functools

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from vae_course.data import load
from vae_course.models import mlp_vae, stack
from vae_course.objectives import Bound, elbo
from vae_course.oracles import LinearGaussianVAE, exact_elbo
from vae_course.random import seeded
from vae_course.training import NonFiniteLoss, evaluate, evaluate_family, fit, fit_family

quiet = functools.partial(fit, device="cpu", progress=False)
together = functools.partial(fit_family, device="cpu", progress=False)


@pytest.fixture(scope="module")
def digits():
    return load("digits").images


def small_vae(seed: int = 0, latent_dim: int = 3, likelihood="gaussian"):
    with seeded(seed):
        return mlp_vae((1, 8, 8), (32,), latent_dim, likelihood)


def linear_vae(seed: int, latent_dim: int):
    with seeded(seed):
        return LinearGaussianVAE(64, latent_dim)


def assert_same_weights(one, other):
    pairs = zip(one.named_parameters(), other.named_parameters(), strict=True)
    for (name, a), (_, b) in pairs:
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6, msg=name)


@pytest.mark.parametrize(
    "options", [{}, {"clip": 30.0, "warmup": 7, "lr": lambda t: 1e-2 / (1 + t)}, {"binarise": True}]
)
def test_a_family_of_one_is_fit(digits, options):
    options = {"beta": 2.0, "log_every": 5, "seed": 3, "validation": digits[:50]} | options
    model = small_vae()
    family = stack([model])
    alone = quiet(model, elbo, digits, 12, **options)
    history = together(family, elbo, digits, 12, **options)
    assert_same_weights(model, family.member(0))
    assert set(history.columns) == set(alone.columns)
    assert history.step == alone.step == [5, 10, 12]
    for name in set(alone.columns) - {"step", "seconds"}:
        values = [row[0] for row in history[name]]
        assert values == pytest.approx(alone[name], rel=1e-5), name


@pytest.mark.parametrize("clip", [None, 30.0])
def test_each_member_is_trained_as_if_alone(digits, clip):
    """On an objective without noise. Clipping by the norm of all would couple them."""
    x = digits[:200].flatten(1)
    betas, sizes = [0.25, 1.0, 4.0], [4, 2, 3]
    models = [linear_vae(i, d) for i, d in enumerate(sizes)]
    family = stack(models)
    options = {"batch_size": 50, "lr": 1e-2, "clip": clip, "log_every": 10}
    history = together(family, exact_elbo, x, 20, beta=betas, **options)
    assert history.beta == [betas, betas]
    clipped = set()
    for i, (model, beta) in enumerate(zip(models, betas, strict=True)):
        alone = quiet(model, exact_elbo, x, 20, beta=beta, **options)
        assert_same_weights(model, family.member(i))
        for name in ("loss", "distortion", "rate", "elbo", "grad_norm"):
            assert [row[i] for row in history[name]] == pytest.approx(alone[name], rel=1e-4), name
        clipped |= {clip is not None and norm > clip for norm in alone.grad_norm}
    assert clipped == ({False} if clip is None else {False, True})


def test_evaluation_is_that_of_each_member(digits):
    models = [linear_vae(i, 2) for i in range(2)]
    x = digits[:25].flatten(1)
    terms = evaluate_family(stack(models), exact_elbo, x, batch_size=10)
    for i, model in enumerate(models):
        alone = evaluate(model, exact_elbo, x)
        assert {name: values[i] for name, values in terms.items()} == pytest.approx(alone, rel=1e-5)


def test_more_weight_means_less_rate(digits):
    betas = [0.2, 1.0, 5.0, 50.0]
    family = stack([small_vae(likelihood="bernoulli")] * 4)
    history = together(family, elbo, digits, 200, beta=betas, lr=1e-2, log_every=100)
    rate, distortion = history.rate[-1], history.distortion[-1]
    assert rate[0] > 1.5 * rate[1] > 3 * rate[2] > 10 * rate[3]
    assert distortion == sorted(distortion)


# A member that goes wrong -------------------------------------------------------------------------


class Spoiled:
    """The ELBO, with NaN in one member's distortion, or infinity in its gradient, at one step."""

    def __init__(self, step: int, member: int, gradient: bool):
        self.step, self.member, self.gradient, self.calls = step, member, gradient, 0

    def __call__(self, model, x, beta=1.0):
        self.calls += 1
        bound = elbo(model, x, beta=beta)
        wrong = torch.zeros_like(bound.rate)
        if self.calls == self.step:
            wrong[self.member, 2] = torch.inf if self.gradient else torch.nan
            if self.gradient:
                bound.rate.register_hook(lambda gradient: gradient + wrong)
            else:
                return Bound(bound.distortion + wrong, bound.rate, beta)
        return Bound(bound.distortion, bound.rate, beta)


@pytest.mark.parametrize("clip", [None, 1.0])
@pytest.mark.parametrize("gradient", [False, True])
def test_the_member_is_named_and_all_are_as_before_that_step(digits, gradient, clip):
    models = [small_vae(i) for i in range(3)]
    good, bad = stack(models), stack(models)
    options = {"log_every": 10, "batch_size": 20, "clip": clip}
    together(good, elbo, digits, 6, **options)
    with pytest.raises(NonFiniteLoss, match=r"step 7: the .* of member 1 is") as raised:
        together(bad, Spoiled(7, 1, gradient), digits, 20, **options)
    error = raised.value
    assert (error.step, error.member) == (7, 1)
    assert error.term == ("grad_norm" if gradient else "distortion") + " of member 1"
    assert len(error.history) == 0
    for i in range(3):
        assert_same_weights(good.member(i), bad.member(i))
        assert all(parameter.isfinite().all() for parameter in bad.member(i).parameters())


class CountWaits(TorchDispatchMode):
    """Counts the operations for which a GPU would wait."""

    def __init__(self):
        super().__init__()
        self.waits = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.waits += function in (
            torch.ops.aten._local_scalar_dense.default,
            torch.ops.aten.nonzero.default,
        )
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("clip", [None, 1.0])
def test_no_wait_within_a_step(digits, clip):
    counts = []
    for steps in (10, 20):
        family = stack([small_vae(0), small_vae(1, 2)])
        with CountWaits() as counter:
            together(family, elbo, digits, steps, log_every=100, clip=clip, warmup=5)
        counts.append(counter.waits)
    assert counts[0] == counts[1]


# Settings -----------------------------------------------------------------------------------------


def test_compiled_run_learns_the_same(digits, monkeypatch):
    compiler = functools.partial(torch.compile, backend="eager")
    monkeypatch.setattr(torch, "compile", compiler)
    models = [small_vae(0), small_vae(1, 2)]
    plain, compiled = stack(models), stack(models)
    wanted = together(plain, elbo, digits, 4, beta=[1.0, 2.0], warmup=3)
    history = together(compiled, elbo, digits, 4, beta=[1.0, 2.0], warmup=3, compile=True)
    assert history.loss[0] == pytest.approx(wanted.loss[0], rel=1e-5)
    for i in range(2):
        assert_same_weights(plain.member(i), compiled.member(i))


def test_global_random_state_is_left_alone(digits):
    family = stack([small_vae()])
    before = torch.get_rng_state()
    together(family, elbo, digits, 3)
    assert torch.equal(torch.get_rng_state(), before)


def test_runs_on_the_device_it_is_given(device, digits):
    family = stack([small_vae(0), small_vae(1)])
    history = fit_family(family, elbo, digits, 3, device=device, clip=5.0, progress=False)
    assert len(history.loss[0]) == 2
    assert next(family.member(1).parameters()).device.type == device.type


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"steps": 0}, "steps must be a whole number"),
        ({"beta": [1.0, 2.0, 3.0]}, r"beta is \[1.0, 2.0, 3.0\], needs a number of at least 0, or"),
        ({"beta": [1.0, -1.0]}, "beta is"),
        ({"lr": 0.0}, "lr is 0.0"),
        ({"clip": 0.0}, "clip is 0.0"),
        ({"batch_size": 10_000}, "batch_size is 10000"),
    ],
)
def test_bad_arguments_are_refused(digits, arguments, message):
    with pytest.raises(ValueError, match=message):
        together(stack([small_vae()] * 2), elbo, digits, **arguments)


def test_one_model_is_not_a_family(digits):
    with pytest.raises(ValueError, match=r"family is VAE, needs stack\(models\)"):
        together(small_vae(), elbo, digits, 1)
