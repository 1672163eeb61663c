"""The chapters cover what they set out to cover, and each claim stands in a cell that asserts."""

import json

import pytest

from tools import coverage

# The syllabus of the chapters that exist. A new chapter adds its row.
SYLLABUS = {
    "book/index.md": "C052",
    "book/vae/building-a-vae.ipynb": (
        "C051 C053 C054 C055 C056 C057 C058 C059 C060 C061 C093 C094 C095 C096 C097 C098 C099 C100 "
        "C101 C102 C133 C145 C146 C147 C148 C149 C153 C154 "
        "E02 E23 E25 E45 E50 E51 E52 E53 E54 E55 E56 E57 E60 E65 E66 E73 E74 E81 E82 E105"
    ),
    "book/vae/elbo.ipynb": (
        "C065 C066 C067 C068 C069 C070 C071 C072 C073 C074 C075 C076 C077 C078 C079 "
        "E01 E02 E07 E46 E60 E62 E63 E64 E79 E98"
    ),
    "book/information/rate-distortion.ipynb": (
        "C105 C106 C107 C108 C109 C110 C111 C112 C113 C120 C121 C122 C218 "
        "E07 E08 E09 E10 E11 E12 E13 E47 E110"
    ),
    "book/information/disentanglement.ipynb": "C103 C114 C118 C119 E14 E15 E43 E44",
    "book/practice/training.ipynb": (
        "C104 C138 C139 C140 C141 C142 C143 C150 C151 E67 E71 E78 E80 E83 E84"
    ),
    "book/practice/collapse.ipynb": (
        "C115 C116 C117 C123 C124 C125 C126 C127 C128 C129 C130 C131 C132 C144 "
        "E16 E17 E18 E56 E58 E61 E66 E68 E69 E70 E71 E81"
    ),
    "book/flows/change-of-variables.ipynb": ("C090 C178 C179 C180 C181 C182 E24 E31 E33 E103 E104"),
    "book/flows/coupling.ipynb": "C183 C184 C185 C186 C187 C188 C189 E32 E33 E34",
    "book/flows/images.ipynb": "C190 C191 C192 C193 C194 E31 E35",
    "book/flows/posteriors.ipynb": ("C062 C063 C064 C167 C168 C221 E06 E23 E24 E25 E34 E48 E53"),
}
CLAIMS = coverage.all_claims()


@pytest.mark.parametrize("page", SYLLABUS)
def test_covers_its_part_of_the_syllabus(page):
    assert set(CLAIMS[page]) == set(SYLLABUS[page].split())


def test_each_item_has_one_owning_page():
    owners = [item for claims in CLAIMS.values() for item in claims if item.startswith("C")]
    assert len(owners) == len(set(owners))


def test_what_is_claimed_is_asserted():
    for page, claims in CLAIMS.items():
        for item, cells in claims.items():
            for cell in cells:
                if cell["type"] != "page":
                    assert cell["type"] == "code", f"{page}: {item} is claimed by prose"
                    assert "assert " in cell["source"], f"{page}: {cell['id']} asserts nothing"


def test_every_pitfall_says_where_its_check_is():
    for page in SYLLABUS:
        if page.endswith(".ipynb"):
            cells = json.loads((coverage.ROOT / page).read_text(encoding="utf8"))["cells"]
            prose = ["".join(c["source"]) for c in cells if c["cell_type"] == "markdown"]
            pitfalls = sum(text.count(":::{pitfall}") for text in prose)
            checks = sum(text.count("\ncheck:\n") for text in prose)
            assert pitfalls == checks >= 3


def test_an_unknown_item_or_mark_is_refused(tmp_path):
    cell = {"id": "a", "cell_type": "code", "metadata": {}, "source": []}
    notebook = tmp_path / "one.ipynb"
    for marks, message in [
        ({"covers": ["C999"]}, "unknown item 'C999'"),
        ({"cover": ["C001"]}, r"unknown marks \['cover'\]"),
    ]:
        notebook.write_text(json.dumps({"cells": [{**cell, "metadata": {"vae_course": marks}}]}))
        with pytest.raises(ValueError, match=message):
            coverage.claims(notebook)
