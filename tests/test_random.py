"""Seeding is undone when the block ends, however it ends."""

import pytest
import torch

from vae_course import resolve_device, seeded


def test_same_numbers_inside(device):
    draws = []
    for _ in range(2):
        with seeded(3):
            draws.append((torch.randn(5), torch.randn(5, device=device)))
    assert torch.equal(draws[0][0], draws[1][0])
    assert torch.equal(draws[0][1], draws[1][1])


def test_other_seed_other_numbers(device):
    with seeded(3):
        first = torch.randn(5, device=device)
    with seeded(4):
        assert not torch.equal(first, torch.randn(5, device=device))


@pytest.mark.parametrize("fails", [False, True])
def test_state_is_given_back(device, fails):
    torch.manual_seed(0)
    untouched = torch.randn(4), torch.randn(4, device=device), torch.randn(4)
    torch.manual_seed(0)
    on_cpu, on_device = torch.randn(4), torch.randn(4, device=device)
    try:
        with seeded(1):
            torch.randn(7, device=device)
            if fails:
                raise KeyError
    except KeyError:
        pass
    assert torch.equal(untouched[0], on_cpu)
    assert torch.equal(untouched[1], on_device)
    assert torch.equal(untouched[2], torch.randn(4))


def test_blocks_nest():
    with seeded(0):
        wanted = torch.randn(2)
    with seeded(0):
        first = torch.randn(1)
        with seeded(1):
            torch.randn(5)
        assert torch.equal(torch.cat([first, torch.randn(1)]), torch.cat([wanted[:1], wanted[1:]]))


def test_auto_device_is_an_accelerator_where_there_is_one():
    accelerated = torch.cuda.is_available() or torch.backends.mps.is_available()
    assert (resolve_device("auto").type == "cpu") != accelerated
    assert resolve_device("cpu") == torch.device("cpu")
    assert resolve_device(torch.device("cpu")) == torch.device("cpu")
