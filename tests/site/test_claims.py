"""Checked claims: every derivation and correction is listed, where it is taught, with its check."""

import json
import re
import sys

import pytest
import yaml

from tests.site.conftest import ROOT
from tools import coverage
from vae_course import derivations

sys.path.insert(0, str(ROOT / "book" / "_ext"))

from course_claims import cells, places

PAGES = {
    "derivations": "book/reference/checked-claims.html",
    "corrections": "book/reference/corrections.html",
}
WORDS = yaml.safe_load((ROOT / "book/reference/claims.yml").read_text(encoding="utf8"))
CORRECTED = {
    item
    for claims in coverage.all_claims().values()
    for item in claims
    if item in coverage.CORRECTIONS
}


def open_(browser, site, which):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"{site}/{PAGES[which]}")
    return page


@pytest.fixture(scope="module")
def listed(browser, site):
    """The page of all derivations."""
    page = open_(browser, site, "derivations")
    yield page
    page.close()


@pytest.fixture(scope="module")
def corrected(browser, site):
    """The page of all corrections."""
    page = open_(browser, site, "corrections")
    yield page
    page.close()


@pytest.fixture(params=["listed", "corrected"])
def opened(request):
    """One after the other."""
    return request.getfixturevalue(request.param)


def test_the_words_are_those_of_the_corrections_that_cells_make():
    assert set(WORDS) == CORRECTED
    for name, words in WORDS.items():
        assert set(words) == {"said", "truth"}, name
        assert all(words.values()), name


def test_every_derivation_is_there_with_all_its_lines(listed):
    for derivation in derivations.all():
        row = listed.locator(f"#{derivation.name.replace('_', '-')}")
        assert row.count() == 1, derivation.name
        assert f"{len(derivation.steps)} lines hold" in row.inner_text()
        assert row.locator("pre").text_content().strip() == repr(derivation).strip()


def test_every_correction_has_its_words_its_section_and_its_check(corrected):
    by_name = {}
    for place in places(ROOT):
        for name in place.corrects:
            by_name.setdefault(name, []).append(place)
    for name in WORDS:
        row = corrected.locator(f"#{name.lower()}")
        assert row.locator(".cp-claim-said").count() == row.locator(".cp-claim-true").count() == 1
        links = [link.get_attribute("href") for link in row.locator(".cp-claim-where a").all()]
        assert len(links) == len(by_name[name])
        row.locator("summary").click()
        listing = " ".join(row.locator("pre").all_inner_texts())
        assert "assert " in listing


def test_links_lead_to_the_section_that_holds_the_cell(opened, site):
    """Anchors are made from headings; here they are compared with the pages themselves."""
    addresses = {link.evaluate("a => a.href") for link in opened.locator(".cp-claim-where a").all()}
    assert len(addresses) >= 10
    by_page = {}
    for address in addresses:
        page, _, anchor = address.partition("#")
        by_page.setdefault(page, set()).add(anchor)
    for page, anchors in by_page.items():
        text = opened.context.request.get(page).text()
        assert anchors <= set(re.findall(r'<section id="([^"]+)"', text)) | {""}


def test_the_filter_shows_one_part(opened):
    rows = opened.locator(".cp-claim")
    everything = rows.count()
    names = opened.locator(".cp-claims-filter label").all_inner_texts()
    assert names[0] == "All parts" and len(names) >= 3
    for number, name in enumerate(names[1:], start=1):
        opened.get_by_label(name, exact=True).focus()
        opened.keyboard.press("Space")
        shown = [row for row in rows.all() if row.is_visible()]
        assert 0 < len(shown) < everything
        assert all(f"cp-in-part-{number}" in row.get_attribute("class").split() for row in shown)
    opened.get_by_label("All parts").check()
    assert all(row.is_visible() for row in rows.all())


def test_a_cell_belongs_to_the_heading_before_it(tmp_path):
    notebook = tmp_path / "one.ipynb"
    marks = {"vae_course": {"corrects": ["E05"]}}
    content = [
        ("markdown", "# Chapter\n\nText", {}),
        ("code", "a", {}),
        ("markdown", "## First\n\n### Deeper", {}),
        ("code", "b", marks),
    ]
    notebook.write_text(
        json.dumps(
            {"cells": [{"cell_type": k, "source": [s], "metadata": m} for k, s, m in content]}
        )
    )
    first, second = cells(notebook, "vae/one", "The VAE")
    assert (first.section, first.corrects) == ("Chapter", ())
    assert (second.chapter, second.section, second.corrects) == ("Chapter", "Deeper", ("E05",))
