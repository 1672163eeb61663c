"""Devices and number formats: a test that takes `device` or `dtype` runs once for each.

Devices: the CPU and every accelerator at hand, or what `--device` says. Formats: float64, in which
an oracle can be met to many digits, or what `--dtype` says; `@pytest.mark.dtypes(...)` on a test
names others. Apple's MPS has no float64, so there the tests run in float32 only where they may.
"""

import pytest
import torch


def pytest_addoption(parser):
    parser.addoption("--device", action="append", help="cpu, cuda or mps (default: all at hand)")
    parser.addoption("--dtype", action="append", help="float32 or float64 (default: the test's)")


def pytest_configure(config):
    config.addinivalue_line("markers", "dtypes(*names): the number formats that a test runs in")


def devices(config) -> list[str]:
    at_hand = ["cpu"]
    if torch.cuda.is_available():
        at_hand.append("cuda")
    if torch.backends.mps.is_available():
        at_hand.append("mps")
    return config.getoption("--device") or at_hand


def pytest_generate_tests(metafunc):
    if "device" in metafunc.fixturenames:
        metafunc.parametrize("device", devices(metafunc.config), indirect=True)
    if "dtype" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("dtypes")
        names = list(marker.args) if marker else ["float64"]
        wanted = metafunc.config.getoption("--dtype")
        names = [name for name in names if not wanted or name in wanted]
        metafunc.parametrize("dtype", names, indirect=True)


def pytest_collection_modifyitems(config, items):
    def impossible(item) -> bool:
        parameters = getattr(item, "callspec", None) and item.callspec.params
        return bool(parameters) and (
            parameters.get("device") == "mps" and parameters.get("dtype") == "float64"
        )

    leave = [item for item in items if impossible(item)]
    items[:] = [item for item in items if item not in leave]
    config.hook.pytest_deselected(items=leave)


@pytest.fixture
def device(request) -> torch.device:
    return torch.device(request.param)


@pytest.fixture
def dtype(request) -> torch.dtype:
    return getattr(torch, request.param)
