"""The chapter template's directives, on a page built from them, without a kernel or a script."""

import re
import sys

import nbformat
import pytest
import yaml
from nbformat.v4 import new_markdown_cell, new_notebook

from tests.site import look
from tests.site.small_book import ROOT, SmallBook
from tools.serve import serving

sys.path.insert(0, str(ROOT / "book" / "_ext"))

from course_facts import run_time_text
from course_markup import parse_pitfall, parse_selfcheck

CHAPTER = r"""
# A chapter

:::{question}
Why $z$?
:::

:::{chapter-facts}
some calculus
:::

WORDS

:::{prediction}
What will happen?
answer:
This will.
:::

:::{pitfall} "The KL should decrease"
said: It should.
true: It rises first.

And this.
check: Above.
:::

:::{selfcheck} What is maximised?
( ) the log-likelihood
    It is only bounded.
(x) the bound
    It is a lower bound.
( ) the KL
    That is a penalty.
:::

:::{selfcheck} And again?
(x) yes
    Right indeed.
( ) no
    Not at all.
:::

:::{exercise} vae.gaussian_kl
:::
"""


class Course(SmallBook):
    """A small book with this course's pages' extension and look."""

    def __init__(self, folder, cells: list[str]):
        super().__init__(folder, {"index": "# Index\n\n[](chapter.ipynb)", "chapter": []})
        file = folder / "_config.yml"
        config = yaml.safe_load(file.read_text())
        extensions = str(ROOT / "book" / "_ext")
        config["sphinx"]["local_extensions"]["course_page"] = extensions
        settings = config["sphinx"]["config"]
        settings["extensions"].append("course_page")
        settings["templates_path"] = [str(ROOT / "book" / "_templates")]
        settings["html_static_path"].append(str(ROOT / "book" / "_static"))
        file.write_text(yaml.safe_dump(config))
        for name in ("node_modules", "pyproject.toml"):
            (folder / name).symlink_to(ROOT / name)
        kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
        notebook = new_notebook(
            cells=[new_markdown_cell(cell) for cell in cells], metadata={"kernelspec": kernel}
        )
        nbformat.write(notebook, folder / "chapter.ipynb")


@pytest.fixture(scope="module")
def chapter(tmp_path_factory):
    """The built chapter's folder."""
    folder = tmp_path_factory.mktemp("course")
    course = Course(folder, [CHAPTER.replace("WORDS", "word " * 1000)])
    done = course.build()
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return folder / "_build" / "html"


@pytest.fixture
def page(browser, chapter):
    """The chapter in a browser that runs no scripts."""
    with serving(chapter) as address:
        tab = browser.new_page(java_script_enabled=False)
        tab.goto(f"{address}/chapter.html")
        yield tab
        tab.close()


def test_an_explanation_appears_with_its_answer_and_goes_with_it(page):
    quiz = page.get_by_role("group", name=re.compile("What is maximised")).first
    explanations = quiz.locator(".cp-explanation")
    assert [explanations.nth(k).is_visible() for k in range(3)] == [False, False, False]
    quiz.get_by_label("the log-likelihood").check()
    assert [explanations.nth(k).is_visible() for k in range(3)] == [True, False, False]
    assert "Not quite." in explanations.nth(0).inner_text()
    page.keyboard.press("ArrowDown")
    assert [explanations.nth(k).is_visible() for k in range(3)] == [False, True, False]
    assert "Right." in explanations.nth(1).inner_text()


def test_two_selfchecks_do_not_share_their_buttons(page):
    page.get_by_label("the bound").check()
    page.get_by_label("yes", exact=True).check()
    assert page.get_by_label("the bound").is_checked()


def test_answers_hints_and_solutions_are_folded(page):
    answer = page.get_by_text("This will.")
    assert not answer.is_visible()
    page.get_by_text("Compare with what happens").click()
    assert answer.is_visible()
    solution = page.locator("details.cp-solution pre")
    assert not solution.is_visible()
    page.get_by_text("Solution", exact=True).click()
    assert "def gaussian_kl" in solution.inner_text()


def test_a_pitfall_has_its_three_parts_in_order(page):
    names = page.locator(".cp-pitfall .cp-part-name").all_inner_texts()
    assert names == ["What is commonly said", "What is true", "The check"]
    assert page.locator(".cp-part-true p").all_inner_texts()[-1] == "And this."


def test_times_are_worked_out(page):
    facts = dict(
        zip(
            page.locator(".cp-fact dt").all_inner_texts(),
            page.locator(".cp-fact dd").all_inner_texts(),
            strict=True,
        )
    )
    assert facts["Before you start"] == "some calculus"
    assert facts["Reading"] == "about 6 min", "1,000 words and a few more at 200 a minute"
    assert facts["Running"]


def test_buttons_lead_to_the_copies_and_to_the_form(page):
    links = {
        link.inner_text().strip(): link.get_attribute("href")
        for link in page.locator(".cp-buttons a").all()
    }
    assert links["Download notebook"] == "notebooks/chapter.ipynb"
    assert links["Open in Colab"].startswith("https://colab.research.google.com/github/")
    assert links["Open in Colab"].endswith("/blob/notebooks/chapter.ipynb")
    assert "template=mistake.yml" in links["Report a mistake"]
    assert "page=A%20chapter%20%28chapter.html%29" in links["Report a mistake"]


def test_footer_names_edition_licence_and_form(page):
    footer = page.locator("footer.bd-footer-content").inner_text()
    for words in ("Edition", "CC BY 4.0", "MIT", "Report a mistake"):
        assert words in footer


def test_axe_finds_nothing_serious_with_everything_open(browser, chapter):
    with serving(chapter) as address:
        tab = browser.new_page(reduced_motion="reduce")
        tab.goto(f"{address}/chapter.html")
        for option in tab.locator(".cp-option input").all():
            option.check()
        tab.evaluate("document.querySelectorAll('details').forEach((fold) => { fold.open = true })")
        for scheme in ("light", "dark"):
            tab.emulate_media(color_scheme=scheme)
            look.settle(tab)
            assert look.accessibility(tab) == [], scheme
        tab.close()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("said: a\ntrue: b", "missing: check"),
        ("said: a\nsaid: b\ntrue: c\ncheck: d", "twice"),
        ("Well.\nsaid: a\ntrue: b\ncheck: c", "begins with said:"),
    ],
)
def test_a_pitfall_that_lacks_a_part_is_refused(content, problem):
    with pytest.raises(ValueError, match=problem):
        parse_pitfall(content)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("(x) one\n    yes", "two or more"),
        ("( ) one\n    no\n( ) two\n    no", "exactly one right"),
        ("(x) one\n    yes\n(x) two\n    yes", "exactly one right"),
        ("(x) one\n    yes\n( ) two", "needs an explanation"),
    ],
)
def test_a_selfcheck_that_teaches_nothing_is_refused(content, problem):
    with pytest.raises(ValueError, match=problem):
        parse_selfcheck(content)


@pytest.mark.parametrize(
    ("seconds", "words"), [(None, "not measured"), (3, "few seconds"), (34, "30 s"), (100, "2 min")]
)
def test_run_time_in_words(seconds, words):
    assert words in run_time_text(seconds)
