"""The chapters' Markdown as Colab gets it: nothing of MyST is left, and nothing is lost."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

from course_directives import DIRECTIVES  # noqa: E402
from course_plain import Context, find_labels, leftovers, number_equations, to_plain  # noqa: E402
from course_plain_blocks import PLAIN, citations_of  # noqa: E402
from course_plain_inline import expand_macros  # noqa: E402

CHAPTER = r"""
(the-bound)=
# The bound

:::{question}
What does $\ELBO$ bound?
:::

:::{objectives}
- **derive** it
:::

:::{chapter-facts}
the [Gaussian](../reference/notation.md#symbols)
:::

% a comment
{.lead}
Text with {cite:p}`kingma2014auto,burda2016importance`, by {cite:t}`maaten2008visualizing`,
{eq}`bound`, {ref}`the-bound`, {ref}`here <the-bound>`, {doc}`/book/reference/notation`, a glued
{glue:text}`elbo:.1f` nats, `code with {eq}`, [a rate]{.rate} and [a link](https://example.org).

$$
\ELBO(x) = \E_{q}[\log p(x \mid z)] - \KL{q(z \mid x)}{p(z)}
$$ (bound)

```{math}
:label: second
R \ge 0
```

Term
: its meaning, {eq}`second`

::::{div} wide
:::{note}
Inside, {math}`\sigma^2`.

```python
x = {"a": 1}  # :::{note} in code stays
```
:::
::::

:::{prediction}
What will happen?
answer:
This.
:::

:::{pitfall} "The KL should decrease"
said: It should.
true: It rises first.
check: Above.
:::

:::{selfcheck} Which one?
( ) The log-likelihood
    It is bounded.
(x) The bound
    Yes.
:::

:::{exercise} vae.gaussian_kl
:::

```{dropdown} More
Hidden.
```
"""


def exercise(identifier: str):
    prompt = f"Write `{identifier}`, {{eq}}`bound`."
    return SimpleNamespace(id=identifier, to_markdown=lambda: f"**Exercise**\n\n{prompt}")


@pytest.fixture
def context():
    return Context(
        docname="book/vae/chapter",
        site="https://example.org/course",
        labels=find_labels("book/vae/chapter", [CHAPTER]),
        titles={"book/reference/notation": "Notation"},
        equations=number_equations([CHAPTER]),
        citations=citations_of(ROOT / "book" / "references.bib"),
        glued={"elbo": "-101.27"},
        macros={
            r"\E": r"\mathbb{E}",
            r"\KL": r"\mathrm{KL}\left(#1\,\middle\|\,#2\right)",
            r"\ELBO": r"\mathcal{L}",
        },
        exercise=exercise,
    )


def test_nothing_of_myst_is_left(context):
    assert leftovers(to_plain(CHAPTER, context)) == []


def test_everything_that_is_said_is_still_there(context):
    plain = to_plain(CHAPTER, context)
    for words in [
        "**The question.** What does $\\mathcal{L}$ bound?",
        "- **derive** it",
        "[Gaussian](https://example.org/course/book/reference/notation.html#symbols)",
        "[Kingma and Welling, 2014](https://arxiv.org/abs/1312.6114)",
        "[Burda et al., 2016](https://arxiv.org/abs/1509.00519)",
        "van der Maaten and Hinton (2008)",
        "(1), [The bound",
        "[here](https://example.org/course/book/vae/chapter.html#the-bound)",
        "[Notation](https://example.org/course/book/reference/notation.html)",
        "-101.3 nats",
        "`code with {eq}`",
        "a rate and [a link](https://example.org)",
        r"\mathbb{E}_{q}[\log p(x \mid z)] - \mathrm{KL}\left(q(z \mid x)\,\middle\|\,p(z)\right)",
        r"\tag{1}",
        r"\tag{2}",
        "**Term**: its meaning, (2)",
        "> **Note.** Inside, $\\sigma^2$.",
        ":::{note} in code stays",
        "<summary>Compare with what happens</summary>\n\nThis.",
        "*What is commonly said.* It should.",
        "*What is true.* It rises first.",
        "*The check.* Above.",
        "- **B.** The bound",
        "**A. Not quite.** It is bounded.",
        "**B. Right.** Yes.",
        "Write `vae.gaussian_kl`, (1).",
        "<summary>More</summary>",
    ]:
        assert words in plain, words
    for gone in ["a comment", ".lead", ".rate"]:
        assert gone not in plain


def test_each_directive_of_the_course_has_a_plain_form():
    assert set(DIRECTIVES) <= set(PLAIN)


@pytest.mark.parametrize(
    "markdown",
    [
        ":::{mystery}\nx\n:::",
        "{mystery}`x`",
        "{cite:p}`nobody1900`",
        "{eq}`missing`",
        "{ref}`missing`",
        "{glue:text}`missing`",
        ":::{note}\nnever closed",
        "$$x$$ (unnumbered)",
        ":::{pitfall} Title\nsaid: a\ntrue: b\n:::",
        ":::{selfcheck} Question\n(x) one\n    yes\n(x) two\n    yes\n:::",
        ":::{selfcheck} Question\n(x) one\n( ) two\n    no\n:::",
    ],
)
def test_what_is_not_understood_is_refused(markdown, context):
    with pytest.raises(ValueError):
        to_plain(markdown, context)


@pytest.mark.parametrize(
    "left",
    [
        ":::{note}",
        "```{figure} a.svg",
        "see {eq}`bound`",
        "(label)=",
        "$$x$$ (label)",
        "[word]{.rate}",
        "[page](../vae/chapter.ipynb)",
        "{{ repository }}",
        "% comment",
    ],
)
def test_leftovers_are_found(left):
    assert leftovers(f"Before.\n\n{left}\n\nAfter.") != []


def test_code_is_not_called_a_leftover():
    assert leftovers("Use `{eq}` and:\n\n```python\nx = {'a': 1}\n% magic\n```\n\n$x_{a}$") == []


def test_macros_take_their_arguments():
    macros = {r"\KL": r"D(#1, #2)", r"\E": r"\mathbb{E}"}
    assert (
        expand_macros(r"\KL{q_{\phi}}{p} \Eps \E_q", macros) == r"D(q_{\phi}, p) \Eps \mathbb{E}_q"
    )
    with pytest.raises(ValueError, match="lacks an argument"):
        expand_macros(r"\KL{q}", macros)
