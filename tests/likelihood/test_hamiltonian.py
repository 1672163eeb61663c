"""Hamiltonian Monte Carlo: the motion is reversible, keeps volumes, and leaves a density alone."""

import pytest
import torch

from tests.likelihood.annealing import NoReading
from tests.statistics import assert_mean
from vae_course.likelihood import hamiltonian_transition, leapfrog
from vae_course.likelihood.hamiltonian import gradient_of
from vae_course.oracles import QuadratureModel
from vae_course.random import seeded


def log_density(z):
    """A bent one in two dimensions: neither Gaussian nor a product."""
    return -0.5 * z[..., 0] ** 2 - 2 * (z[..., 1] - z[..., 0].sin()) ** 2


def gradient(z):
    """∇ log_density by hand, so that it can be differentiated again."""
    bend = 4 * (z[..., 1] - z[..., 0].sin())
    return torch.stack([-z[..., 0] + bend * z[..., 0].cos(), -bend], -1)


def energy(z, momentum):
    return 0.5 * momentum.square().sum(-1) - log_density(z)


def places(device, dtype, count: int = 50):
    with seeded(0):
        z, momentum = torch.randn(2, count, 2, dtype=dtype)
    return z.to(device), momentum.to(device)


def test_gradient_by_autograd_is_the_one_by_hand(device, dtype):
    z, _ = places(device, dtype)
    torch.testing.assert_close(gradient_of(log_density)(z), gradient(z), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("steps", [1, 7])
def test_the_motion_can_be_run_backwards(device, dtype, steps):
    z, momentum = places(device, dtype)
    end, end_momentum = leapfrog(gradient, z, momentum, 0.3, steps)
    assert (end - z).abs().max() > 0.5
    back, back_momentum = leapfrog(gradient, end, -end_momentum, 0.3, steps)
    torch.testing.assert_close(back, z, rtol=0, atol=1e-12)
    torch.testing.assert_close(-back_momentum, momentum, rtol=0, atol=1e-12)


@pytest.mark.parametrize("steps", [1, 7])
def test_the_motion_keeps_volumes(device, dtype, steps):
    def motion(state):
        return torch.cat(leapfrog(gradient, *state.chunk(2), 0.3, steps))

    for z, momentum in zip(*places(device, dtype, 5), strict=True):
        jacobian = torch.autograd.functional.jacobian(motion, torch.cat([z, momentum]))
        assert (jacobian - torch.eye(4, dtype=dtype, device=device)).abs().max() > 0.1
        assert abs(torch.linalg.det(jacobian).item() - 1) < 1e-12


def test_half_the_step_makes_a_quarter_of_the_error_of_the_energy(device, dtype):
    z, momentum = places(device, dtype)

    def error(steps):  # over the same time, 1.2
        return energy(*leapfrog(gradient, z, momentum, 1.2 / steps, steps)) - energy(z, momentum)

    ratio = error(200) / error(400)
    assert (error(200).abs() < 1e-3).all()
    torch.testing.assert_close(ratio.median(), ratio.new_tensor(4.0), rtol=0.02, atol=0)


def test_small_steps_are_accepted_and_follow_the_motion(device, dtype):
    # On a standard Gaussian the motion is a rotation: after a quarter turn z is the momentum.
    z, _ = places(device, dtype)
    with seeded(0):
        momentum = torch.randn_like(z)
    with seeded(0):
        end, probability = hamiltonian_transition(
            lambda z: -0.5 * z.square().sum(-1), z, torch.pi / 2 / 1000, 1000
        )
    assert probability.min() > 1 - 1e-5
    torch.testing.assert_close(end, momentum, rtol=0, atol=1e-5)


@pytest.mark.dtypes("float64", "float32")
def test_a_motion_out_of_all_numbers_is_refused(device, dtype):
    z, _ = places(device, dtype)
    sizes = torch.full((50,), 0.1, dtype=dtype, device=device)
    sizes[::2] = 1e30
    with seeded(0):
        end, probability = hamiltonian_transition(log_density, z, sizes, 5)
    assert (end[::2] == z[::2]).all()
    assert (probability[::2] == 0).all()
    assert (end[1::2] != z[1::2]).all(-1).float().mean() > 0.9
    assert end.isfinite().all()


@pytest.mark.parametrize("step_size", [0.05, 0.25, 0.5])
def test_the_joint_density_of_z_and_x_is_left_as_it_is(device, dtype, seed, step_size):
    # z from the prior and x given z: then z is a draw from p(z|x), without running any chain. After
    # transitions that keep p(z|x), all moments of z and x must be what they were. The large step
    # is refused in a third of the cases: the more reason to do the refusing right.
    model = QuadratureModel(sigma=0.5).to(device, dtype)
    with seeded(seed):
        z = model.prior.sample((20_000,))
        x = model.decode(z).sample()
        for _ in range(4):
            z, probability = hamiltonian_transition(
                lambda z: model.prior.log_prob(z) + model.decode(z).log_prob(x), z, step_size, 3
            )
    if step_size == 0.5:
        assert 0.3 < probability.mean() < 0.9
    z, x = z[:, 0], x[:, 0]
    assert_mean(z, 0.0, detects=0.1)
    assert_mean(z**2, 1.0, detects=0.13)
    assert_mean((x - z**2) ** 2, 0.25, detects=0.04)
    assert_mean((x - z**2) ** 4, 3 * 0.25**2, detects=0.2)


def test_chains_come_to_the_posterior(device, dtype, seed):
    model = QuadratureModel(sigma=1.0).to(device, dtype)
    x = torch.tensor([[-0.5], [0.8]], dtype=dtype, device=device)
    _, covariance = model.posterior_moments(x)
    with seeded(seed):
        z = 0.1 * model.prior.sample((10_000, 2))
        for _ in range(20):
            z, _ = hamiltonian_transition(lambda z: model.log_joint(z, x), z, 0.25, 3)
    assert_mean(z[..., 0], 0.0, detects=0.12)
    assert_mean(z[..., 0] ** 2, covariance[:, 0, 0], detects=0.12)


def test_nothing_is_read_back_from_the_device():
    z = torch.randn(4, 3, 2)
    with NoReading():
        hamiltonian_transition(log_density, z, torch.full((3,), 0.1), 3)
        with pytest.raises(AssertionError, match="read by the host"):
            bool(z.sum() > 0)


def test_bad_arguments():
    z = torch.zeros(3, 2)
    with pytest.raises(ValueError, match="steps must be a whole number of at least 1, got 0"):
        hamiltonian_transition(log_density, z, 0.1, 0)
    with pytest.raises(ValueError, match=r"step_size is -0\.1, needs a positive number"):
        hamiltonian_transition(log_density, z, -0.1)
