"""How a widget is put together, and what it does where it cannot be shown."""

import sys
from types import ModuleType

import pytest
import traitlets

from vae_course.widgets import CourseWidget, enable
from vae_course.widgets.base import FOLDER


class Small(CourseWidget):
    scripts = ("traversal.js",)
    styles = ("traversal.css",)
    number = traitlets.Int(3).tag(sync=True)


class Smaller(Small):
    """Inherits the scripts."""


@pytest.mark.parametrize("kind", [Small, Smaller])
def test_module_is_the_files_in_order(kind):
    state = kind().get_state()
    places = [
        state["_esm"].index((FOLDER / name).read_text(encoding="utf8"))
        for name in ("nn.js", "controls.js", "traversal.js")
    ]
    assert places == sorted(places)
    assert state["_esm"].count("export default") == 1
    assert state["_css"].startswith((FOLDER / "common.css").read_text(encoding="utf8"))
    assert (FOLDER / "traversal.css").read_text(encoding="utf8") in state["_css"]
    assert state["number"] == 3


@pytest.mark.parametrize("file", sorted([*FOLDER.glob("*.js"), *FOLDER.glob("*.css")]))
def test_scripts_can_stand_inside_a_page(file):
    """A page embeds them in a script element, which these would end or hide."""
    text = file.read_text(encoding="utf8").lower()
    assert "</script" not in text and "<!--" not in text


def test_no_value_of_a_widget_is_binary():
    """Colab's widget manager loses binary buffers; text arrives."""
    assert not any(isinstance(value, bytes | memoryview) for value in Small().get_state().values())


def test_enable_turns_on_colabs_widget_manager(monkeypatch):
    calls = []
    output = ModuleType("google.colab.output")
    output.enable_custom_widget_manager = lambda: calls.append("on")
    colab = ModuleType("google.colab")
    colab.output = output
    for name, module in [("google", ModuleType("google")), ("google.colab", colab)]:
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setitem(sys.modules, "google.colab.output", output)
    enable()
    assert calls == ["on"]


def test_enable_does_nothing_elsewhere():
    assert "google.colab" not in sys.modules
    enable()
