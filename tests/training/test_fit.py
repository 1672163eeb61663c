"""What `fit` promises: it learns, records, leaves no trace, and never makes a GPU wait."""

import functools

import pytest
import torch
from torch import nn
from torch._dynamo.testing import CompileCounterWithBackend
from torch.utils._python_dispatch import TorchDispatchMode

from vae_course.conditional import GaussianLikelihood
from vae_course.data import load
from vae_course.models import mlp_autoencoder, mlp_vae
from vae_course.objectives import (
    ControlledELBO,
    RisingCapacity,
    capacity,
    elbo,
    free_bits,
    squared_error,
)
from vae_course.oracles import LinearGaussianVAE, ProbabilisticPCA, exact_elbo
from vae_course.random import seeded
from vae_course.training import evaluate, fit, linear

quiet = functools.partial(fit, device="cpu", progress=False)


@pytest.fixture(scope="module")
def digits():
    return load("digits").images


def small_vae(**options):
    with seeded(0):
        return mlp_vae((1, 8, 8), hidden=(32,), latent_dim=3, **options)


def weights(model):
    return torch.cat([tensor.detach().flatten().double() for tensor in model.state_dict().values()])


# It learns --------------------------------------------------------------------------------------


def test_loss_falls_on_digits(digits):
    history = quiet(small_vae(), elbo, digits, 300, log_every=50)
    assert history.step == [50, 100, 150, 200, 250, 300]
    assert history.loss[-1] < history.loss[0] - 5


def test_an_autoencoder_is_trained_by_the_same_loop(digits):
    with seeded(0):
        model = mlp_autoencoder((1, 8, 8), hidden=(32,), latent_dim=3)
    history = quiet(model, squared_error, digits, 200, log_every=100)
    assert history.squared_error[1] < history.squared_error[0]
    assert history.loss == history.squared_error
    assert "rate" not in history.columns


def test_linear_vae_reaches_the_exact_likelihood_of_ppca():
    """Trained on the exact bound, in float64, from a random start."""
    x, best = linear_data()
    model = linear_model()
    quiet(model, exact_elbo, x, 600, batch_size=len(x), lr=3e-2)
    assert best - model.exact().log_prob(x).mean().item() < 1e-6


def test_linear_vae_reaches_it_by_sampling_too():
    x, best = linear_data()
    model = linear_model()
    for lr in (3e-2, 1e-3):
        quiet(model, elbo, x, 500, batch_size=len(x), lr=lr)
    assert 0 <= best - model.exact().log_prob(x).mean().item() < 0.01


def linear_data():
    """400 points of a model with 6 numbers from 2 latents, and the highest mean of log p(x)."""
    with seeded(1):
        weight, mean = torch.randn(6, 2).double(), torch.arange(6).double() / 5
        x = ProbabilisticPCA(weight, mean, 0.5).marginal.sample((400,))
    return x, ProbabilisticPCA.fit(x, 2).log_prob(x).mean().item()


def linear_model():
    with seeded(2):
        return LinearGaussianVAE(6, 2).double()


# What a step does -------------------------------------------------------------------------------


def test_one_step_of_sgd_is_the_gradient_of_the_mean_loss(digits):
    x = digits[:10]
    model, twin = small_vae(), small_vae()
    quiet(model, elbo, x, 1, batch_size=10, lr=0.01, optimizer=torch.optim.SGD, seed=3)
    with seeded(3):
        order = torch.randperm(10, generator=torch.Generator().manual_seed(3 * 1_000_003))
        loss = -elbo(twin, x[order]).value.mean()
    loss.backward()
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter -= 0.01 * parameter.grad
    torch.testing.assert_close(weights(model), weights(twin), rtol=0, atol=1e-7)


def test_the_learning_rate_may_follow_from_the_updates_done(digits):
    rates = [0.01, 0.0, 0.0]
    constant, changing = small_vae(), small_vae()
    options = {"batch_size": 10, "optimizer": torch.optim.SGD}
    quiet(constant, elbo, digits, 1, lr=0.01, **options)
    quiet(changing, elbo, digits, 3, lr=rates.__getitem__, **options)
    assert torch.equal(weights(changing), weights(constant))


@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
@pytest.mark.parametrize("fused", [True, False])
def test_clipping_bounds_the_norm_of_the_update(digits, fused, precision):
    model = small_vae().to(precision)
    before = weights(model)
    optimizer = functools.partial(torch.optim.SGD, fused=fused)
    arguments = {"batch_size": 64, "lr": 1.0, "optimizer": optimizer, "log_every": 1}
    history = quiet(model, elbo, digits, 1, clip=0.25, **arguments)
    assert history.grad_norm[0] > 1  # recorded before clipping
    assert (weights(model) - before).norm().item() == pytest.approx(0.25, rel=1e-4)

    loose = small_vae().to(precision)
    history = quiet(loose, elbo, digits, 1, clip=1e6, **arguments)
    norm = (weights(loose) - before).norm().item()
    assert norm == pytest.approx(history.grad_norm[0], rel=1e-4)


def test_warm_up_weighs_the_rate(digits):
    history = quiet(small_vae(), elbo, digits, 8, beta=2.0, warmup=4, log_every=1)
    assert history.beta == [0.0, 0.5, 1.0, 1.5, 2.0, 2.0, 2.0, 2.0]
    for row in range(8):
        weighted = history.distortion[row] + history.beta[row] * history.rate[row]
        assert history.loss[row] == pytest.approx(weighted, rel=1e-5)
        bound = -(history.distortion[row] + history.rate[row])
        assert history.elbo[row] == pytest.approx(bound, rel=1e-5)


def test_linear_schedule():
    assert [linear(step, 4, 2.0) for step in range(6)] == [0.0, 0.5, 1.0, 1.5, 2.0, 2.0]
    assert linear(0, 0) == 1.0


def test_binarise_draws_anew_each_time():
    seen = []

    def spy(model, x, beta):
        seen.append(x.clone())
        return elbo(model, x, beta=beta)

    grey = torch.full((8, 1, 8, 8), 0.5)
    quiet(small_vae(), spy, grey, 3, batch_size=8, binarise=True)
    assert len(seen) == 3
    assert all(set(x.unique().tolist()) == {0.0, 1.0} for x in seen)
    assert not torch.equal(seen[0], seen[1])


# What is recorded -------------------------------------------------------------------------------


def test_rows_are_means_over_the_steps_since_the_row_before(digits):
    single = quiet(small_vae(), elbo, digits, 10, log_every=1)
    rows = quiet(small_vae(), elbo, digits, 10, log_every=4)
    assert rows.step == [4, 8, 10]
    for first, last, row in [(0, 4, 0), (4, 8, 1), (8, 10, 2)]:
        for name in ("loss", "distortion", "rate", "grad_norm"):
            mean = sum(single[name][first:last]) / (last - first)
            assert rows[name][row] == pytest.approx(mean, rel=1e-12)
    assert rows.seconds == sorted(rows.seconds)


def test_validation_is_that_of_evaluate(digits):
    model = small_vae()
    history = quiet(model, elbo, digits[:1000], 20, validation=digits[1000:], log_every=10)
    terms = evaluate(model, elbo, digits[1000:])
    assert history.last["validation_elbo"] == pytest.approx(terms["elbo"], rel=1e-6)
    assert terms["elbo"] == pytest.approx(-terms["distortion"] - terms["rate"], rel=1e-5)


def test_evaluate_weighs_every_example_alike(digits):
    model, x = small_vae(), digits[:25]
    with seeded(0):
        results = [elbo(model, part).rate for part in (x[:10], x[10:20], x[20:])]
    mean = torch.cat(results).mean().item()
    assert evaluate(model, elbo, x, batch_size=10)["rate"] == pytest.approx(mean, rel=1e-6)


def test_monitors_see_the_validation_set_in_evaluation_mode(digits):
    calls = []

    def monitor(model, x):
        calls.append((model.training, torch.is_grad_enabled(), len(x)))
        return {"count": len(x), "means": model.encode(x).mean.mean(0)}

    history = quiet(
        small_vae(), elbo, digits, 4, validation=digits[:7], monitors=[monitor], log_every=2
    )
    assert calls == [(False, False, 7)] * 2
    assert history.count == [7, 7]
    assert len(history.means[0]) == 3


# It leaves no trace -----------------------------------------------------------------------------


def test_looking_does_not_change_the_run(digits):
    """Validation and monitors draw random numbers; the training run must not notice."""
    plain, watched = small_vae(), small_vae()
    quiet(plain, elbo, digits, 30, binarise=True, log_every=5)
    quiet(
        watched, elbo, digits, 30, binarise=True, log_every=5,
        validation=digits[:100], monitors=[lambda model, x: {"noise": torch.rand(())}],
    )  # fmt: skip
    assert torch.equal(weights(plain), weights(watched))


def test_global_random_state_is_left_alone_and_does_not_matter(digits):
    first, second = small_vae(), small_vae()
    quiet(first, elbo, digits, 10)
    torch.manual_seed(123)
    before = torch.get_rng_state()
    quiet(second, elbo, digits, 10, validation=digits[:10])
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(weights(first), weights(second))


def test_seed_matters(digits):
    first, second = small_vae(), small_vae()
    quiet(first, elbo, digits, 10, seed=0)
    quiet(second, elbo, digits, 10, seed=1)
    assert not torch.equal(weights(first), weights(second))


def test_modes_are_put_back(digits):
    model = small_vae()
    modes = []

    def spy(model, x, beta):
        modes.append(model.training)
        return elbo(model, x, beta=beta)

    model.eval()
    model.decoder.train()
    quiet(model, spy, digits, 2, validation=digits[:5], log_every=1)
    assert modes == [True, False, True, False]
    assert not model.training and model.decoder.training


def test_nothing_is_printed_without_progress(digits, capfd):
    quiet(small_vae(), elbo, digits, 5)
    assert capfd.readouterr() == ("", "")


def test_progress_bar_shows_loss_distortion_and_rate(digits, capfd):
    history = fit(small_vae(), elbo, digits, 5, device="cpu", log_every=5)
    shown = capfd.readouterr().err
    for label, name in {"loss": "loss", "D": "distortion", "R": "rate"}.items():
        assert f"{label}={history.last[name]:.2f}" in shown
    assert "5/5" in shown


# It never makes a GPU wait ----------------------------------------------------------------------


class Waits(TorchDispatchMode):
    """Counts the operations for which the host has to wait for the device."""

    names = ("_local_scalar_dense", "nonzero", "is_nonzero", "equal", "masked_select", "unique")

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        self.count += any(name in str(function) for name in self.names)
        return result


def waits(digits, steps, objective=elbo, **options) -> int:
    """Waits of a run that logs once, at its end."""
    with Waits() as waited:
        quiet(small_vae(), objective, digits, steps, log_every=steps, **options)
    return waited.count


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"clip": 1.0, "binarise": True, "warmup": 20, "batch_size": 100},
        {"optimizer": functools.partial(torch.optim.SGD, fused=True, momentum=0.9), "clip": 1.0},
    ],
)
def test_no_wait_within_a_step(digits, options):
    assert waits(digits, 5, **options) == waits(digits, 40, **options)


@pytest.mark.parametrize(
    "objective",
    [
        functools.partial(free_bits, kappa=0.2),
        functools.partial(capacity, capacity=2.0, gamma=10.0),
        RisingCapacity(2.0, 10.0, ramp=20),
        ControlledELBO(2.0),
    ],
)
def test_no_wait_within_a_step_of_other_objectives(digits, objective):
    assert waits(digits, 5, objective) == waits(digits, 15, objective)


def test_no_wait_for_the_best_sigma(digits):
    likelihood = functools.partial(GaussianLikelihood, sigma="optimal")

    def waits_of(steps):
        with Waits() as waited:
            quiet(small_vae(likelihood=likelihood), elbo, digits, steps, log_every=steps)
        return waited.count

    assert waits_of(5) == waits_of(15)


def test_the_count_of_waits_can_fail(digits):
    def waiting(model, x, beta):
        result = elbo(model, x, beta=beta)
        assert result.rate.mean() >= 0
        return result

    assert waits(digits, 40, waiting) == waits(digits, 5, waiting) + 35


# Switches ---------------------------------------------------------------------------------------


def test_autocast_computes_in_bfloat16_and_sums_in_float32(digits):
    seen = set()

    def spy(model, x, beta):
        result = elbo(model, x, beta=beta)
        seen.add(model.decoder.trunk(x.new_zeros(1, 3)).dtype)
        seen.add(result.distortion.dtype)
        return result

    exact = quiet(small_vae(), elbo, digits, 20)
    rounded = quiet(small_vae(), spy, digits, 20, autocast=True)
    assert seen == {torch.bfloat16, torch.float32}
    assert rounded.loss[0] != exact.loss[0]
    assert rounded.loss[0] == pytest.approx(exact.loss[0], rel=0.01)


def test_compiled_run_is_traced_once_and_learns_the_same(digits, monkeypatch):
    """β changes at every step of the warm-up; it must not be compiled in."""
    counter = CompileCounterWithBackend("aot_eager")
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=counter))
    options = {"steps": 12, "warmup": 8, "log_every": 4, "clip": 5.0}
    plain = quiet(small_vae(), elbo, digits, **options)
    compiled = quiet(small_vae(), elbo, digits, compile=True, **options)
    assert counter.frame_count == 1
    assert compiled.loss == pytest.approx(plain.loss, rel=1e-5)


def test_compiled_to_machine_code(digits):
    plain = quiet(small_vae(), elbo, digits, 3, log_every=1)
    compiled = quiet(small_vae(), elbo, digits, 3, log_every=1, compile=True)
    assert compiled.loss == pytest.approx(plain.loss, rel=0.02)  # its noise is drawn differently


def test_model_moves_to_the_device_and_back_in_its_own_dtype(digits):
    model = small_vae().double()
    history = quiet(model, elbo, digits, 3, log_every=3)
    assert all(p.dtype == torch.float64 for p in model.parameters())
    assert len(history) == 1


# Bad input --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": 0}, "steps must be"),
        ({"batch_size": 0}, "batch_size must be"),
        ({"batch_size": 1798}, "batch_size is 1798, needs at most the"),
        ({"lr": 0.0}, "lr is 0.0"),
        ({"beta": -1.0}, "beta is -1.0"),
        ({"clip": 0.0}, "clip is 0.0"),
        ({"warmup": -1}, "warmup must be"),
        ({"log_every": 0}, "log_every must be"),
        ({"seed": -1}, "seed must be"),
        ({"validation": torch.zeros(3, 1, 8, 9)}, r"validation has shape \(3, 1, 8, 9\)"),
        ({"images": torch.zeros(0, 1, 8, 8)}, "images has shape"),
        ({"images": torch.zeros(9, 64)}, r"images has shape \(9, 64\), needs \(N, 1, 8, 8\)"),
        ({"images": torch.zeros(9, 1, 8, 8).int()}, "images is torch.int32"),
        ({"images": torch.full((200, 1, 8, 8), torch.nan)}, "images has numbers that are not"),
        ({"images": torch.full((200, 1, 8, 8), 2.0), "binarise": True}, "needs .0, 1. to bin"),
    ],
)
def test_bad_arguments_are_refused_before_any_work(digits, arguments, message):
    model = small_vae()
    before = weights(model)
    with pytest.raises(ValueError, match=message):
        quiet(model, elbo, **{"images": digits, "steps": 2} | arguments)
    assert torch.equal(before, weights(model))


def test_a_model_without_parameters_is_refused(digits):
    with pytest.raises(ValueError, match="model has no parameters"):
        quiet(nn.Identity(), elbo, digits, 1)
