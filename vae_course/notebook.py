"""What a chapter shows besides figures: the package's own source, and numbers for its prose."""

import inspect
import re
from textwrap import dedent

from vae_course.checks import require


class Source:
    """The source of functions, methods or classes, highlighted in a notebook and on the page."""

    def __init__(self, *things):
        module = inspect.getmodule(things[0])
        self.path = module.__name__.replace(".", "/") + ".py"
        self.code = "\n\n".join(dedent(inspect.getsource(thing)).rstrip() for thing in things)

    def _repr_markdown_(self) -> str:
        return f"`{self.path}`\n\n```python\n{self.code}\n```"

    def __repr__(self) -> str:
        return f"# {self.path}\n{self.code}"


def show_source(*things) -> Source:
    """Display the source itself, so that text and code cannot drift apart."""
    require(len(things) >= 1, "nothing to show: needs at least one function or class")
    return Source(*things)


def glue(name: str, value, form: str = "") -> None:
    """Keep `format(value, form)`, with a real minus sign, under a name that the prose refers to.

    The text of a chapter writes {glue:text}`name`, never a typed number. This is the message that
    MyST-NB reads; it is written here because the notebook must also run where MyST-NB is not.
    """
    from IPython.display import display

    text = re.sub(r"-(?=[\d.])", "−", format(value, form))
    prefix = "application/papermill.record/"
    display(
        {f"{prefix}text/plain": repr(text)},
        raw=True,
        metadata={"scrapbook": {"name": name, "mime_prefix": prefix}},
    )
