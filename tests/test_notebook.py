"""What a chapter shows besides figures: sources and numbers."""

import subprocess
import sys

import pytest

from vae_course.notebook import glue, show_source
from vae_course.objectives import Bound, elbo


def test_the_source_is_the_source():
    import inspect

    shown = show_source(elbo)
    assert inspect.getsource(elbo).rstrip() in shown._repr_markdown_()
    assert "vae_course/objectives/bound.py" in shown._repr_markdown_()
    assert show_source(Bound.value.fget).code.startswith("@property\ndef value(")  # a method
    with pytest.raises(ValueError, match="nothing to show"):
        show_source()


def test_glue_publishes_what_myst_nb_reads(monkeypatch):
    """The same message as MyST-NB's own `glue`, so that the page finds the number."""
    import IPython.display
    import myst_nb

    published = []

    def record(data, raw=False, metadata=None, **_):
        published.append((data, metadata))

    # Both import `display` when they are called.
    monkeypatch.setattr(IPython.display, "display", record)
    glue("rate", 12.345, ".1f")
    myst_nb.glue("rate", "12.3", display=False)
    (ours, our_metadata), (theirs, their_metadata) = published
    key = "application/papermill.record/text/plain"
    assert ours[key] == theirs[key] == "'12.3'"
    assert our_metadata["scrapbook"]["name"] == their_metadata["scrapbook"]["name"] == "rate"
    assert our_metadata["scrapbook"]["mime_prefix"] == their_metadata["scrapbook"]["mime_prefix"]


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [(-3.71, ".1f", "−3.7"), (1e-5, ".0e", "1e−05"), ("β-VAE", "", "β-VAE")],
)
def test_glue_writes_a_minus_and_no_hyphen_before_a_number(monkeypatch, value, form, text):
    published = []
    monkeypatch.setattr("IPython.display.display", lambda data, **_: published.append(data))
    glue("a", value, form)
    assert list(published[0].values()) == [repr(text)]


def test_works_without_myst_nb():
    """On Colab there is no MyST-NB."""
    code = (
        "import sys; sys.modules['myst_nb'] = None\n"
        "from vae_course.notebook import glue; glue('a', 1)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
