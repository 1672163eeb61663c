"""The static host: common ipywidgets as native inputs, links, and widgets that need Python."""

import pytest


@pytest.fixture
def page(served_book, open_page):
    watched = open_page(f"{served_book}/native.html")
    watched.page.wait_for_selector(".vc-host-note >> nth=1")
    assert watched.errors == []
    return watched.page


def labels(page) -> list[str]:
    return page.locator(".vc-host-label").all_inner_texts()


def test_links_hold_from_the_start(page):
    assert page.get_by_label("number").input_value() == "4"
    assert page.get_by_label("double").input_value() == "4"
    assert labels(page) == ["4", "1"]


def test_links_both_ways_and_keys(page):
    page.get_by_label("number").press("ArrowRight")
    assert page.get_by_label("double").input_value() == "5"
    page.get_by_label("double").press("ArrowRight")
    assert page.get_by_label("double").input_value() == "5.5"
    assert labels(page)[0] == "5.5"
    page.get_by_label("double").press("End")
    assert page.get_by_label("number").input_value() == "10"


def test_readout_follows(page):
    output = page.get_by_label("double").locator("xpath=..").locator("output")
    assert output.inner_text() == "4.00"
    page.get_by_label("double").press("ArrowRight")
    assert output.inner_text() == "4.50"


def test_checkbox_and_dropdown(page):
    assert page.get_by_label("tick").is_checked()
    page.get_by_label("tick").click()
    assert not page.get_by_label("tick").is_checked()
    assert page.get_by_label("choice").input_value() == "green"
    page.get_by_label("choice").select_option("blue")
    assert labels(page)[1] == "2"


def test_what_needs_python_shows_its_last_picture_and_says_so(page):
    notes = page.locator(".vc-host-note")
    assert notes.count() == 2, "one of our own that asks for a kernel, one that the host lacks"
    for note in notes.all():
        assert "needs Python" in note.inner_text()
    picture = page.get_by_alt_text("loss of a run")
    assert picture.get_attribute("src").startswith("data:image/svg+xml")
    assert page.locator(".vc-traversal").count() == 0


def test_what_needs_python_leads_to_colab(served_book, open_page):
    """Where the page has a Colab link, as every chapter has, the note repeats it."""
    colab = "https://colab.research.google.com/github/a/b/blob/c/d.ipynb"
    watched = open_page("about:blank")
    watched.page.route(
        "**/native.html",
        lambda route: route.fulfill(
            response=(answer := route.fetch()),
            body=answer.text().replace("<body", f"<body><a href='{colab}'>Colab</a", 1),
        ),
    )
    watched.page.goto(f"{served_book}/native.html")
    link = watched.page.locator(".vc-host-note a").first
    assert link.get_attribute("href") == colab
