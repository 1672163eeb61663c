"""Packages that load what is asked for, and nothing else."""

import subprocess
import sys

import pytest

from vae_course.lazy import lazy

HEAVY = {"sympy", "matplotlib", "sklearn", "ipywidgets", "anywidget", "mpmath", "PIL"}


def modules_after(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after some code."""
    code += "\nimport sys; print(*{name.split('.')[0] for name in sys.modules})"
    return set(subprocess.check_output([sys.executable, "-c", code], text=True).split())


def test_importing_the_package_loads_nothing_heavier_than_torch():
    assert not modules_after("import vae_course") & HEAVY


def test_using_the_core_loads_torch_and_nothing_heavier():
    code = """
from vae_course import resolve_device, seeded
from vae_course.likelihood import importance_sampled_log_likelihood
from vae_course.metrics import great_circle
assert "vae_course.metrics.samples" not in __import__("sys").modules  # one name, one file
from vae_course.metrics import active_units, mmd2
from vae_course.models import VAE, Autoencoder, conv_vae, mlp_vae
from vae_course.objectives import elbo, squared_error
from vae_course.oracles import LinearGaussianVAE, ProbabilisticPCA
mlp_vae()
"""
    loaded = modules_after(code)
    assert "torch" in loaded
    assert not loaded & HEAVY


def test_name_that_is_also_a_submodule_is_refused():
    with pytest.raises(ValueError, match="elbo"):
        lazy("package", {"elbo": ["elbo", "Bound"]})


def test_unknown_name():
    import vae_course.models

    with pytest.raises(AttributeError, match=r"vae_course\.models.*Vae"):
        vae_course.models.Vae  # noqa: B018


@pytest.mark.parametrize("room", ["likelihood", "metrics", "models", "objectives", "oracles"])
def test_every_listed_name_exists(room):
    module = __import__(f"vae_course.{room}", fromlist=["__all__"])
    assert module.__all__ == dir(module)
    for name in module.__all__:
        assert getattr(module, name) is not None
