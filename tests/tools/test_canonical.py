"""Notebooks are kept in one form, and a marked output without a count is refused."""

import json

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools.canonical import canonical, faults


def notebook(cells=None) -> nbformat.NotebookNode:
    result = new_output("execute_result", {"text/plain": "2"}, execution_count=7)
    cells = cells or [
        new_markdown_cell("Words.", id="words"),
        new_code_cell("1 + 1", id="plain", outputs=[result], execution_count=7),
        new_code_cell(
            "1 + 1",
            id="checked",
            outputs=[result],
            execution_count=7,
            metadata={"tags": ["nbval-check-output"], "collapsed": True, "vae_course": {}},
        ),
    ]
    metadata = {"language_info": {"name": "python", "version": "3.11.7"}, "widgets": {}}
    return new_notebook(cells=cells, metadata=metadata)


def text(content: nbformat.NotebookNode) -> str:
    return json.dumps(content, indent=4)


def test_canonical_form():
    result = canonical(text(notebook()))
    found = json.loads(result)
    assert [cell["id"] for cell in found["cells"]] == ["words", "plain", "checked"]
    assert found["metadata"] == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}
    }
    _, plain, checked = found["cells"]
    assert plain["outputs"] == [] and plain["execution_count"] is None
    assert checked["outputs"][0]["data"] == {"text/plain": ["2"]}
    assert checked["execution_count"] == 7
    assert checked["metadata"] == {"tags": ["nbval-check-output"]}
    assert result.startswith('{\n "cells": [') and result.endswith("}\n")
    assert canonical(result) == result


def test_prose_and_code_are_kept():
    cells = [new_markdown_cell("a\n\n$é$ \n", id="a"), new_code_cell("x = 1\n\n\ny = 2  ", id="b")]
    found = nbformat.reads(canonical(text(notebook(cells=cells))), as_version=4).cells
    assert [cell.source for cell in found] == ["a\n\n$é$ \n", "x = 1\n\n\ny = 2  "]


def test_missing_and_repeated_ids_are_replaced_the_same_way_each_time():
    content = notebook()
    content.cells[1].id = content.cells[2].id = "same"
    del content.cells[0]["id"]
    once, twice = canonical(text(content)), canonical(text(content))
    assert once == twice
    ids = [cell["id"] for cell in json.loads(once)["cells"]]
    assert len(set(ids)) == 3 and "same" in ids


def test_faults(tmp_path):
    file = tmp_path / "a.ipynb"
    file.write_text(text(notebook()))
    assert len(faults(file)) == 1 and "not canonical" in faults(file)[0]
    file.write_text(canonical(text(notebook())))
    assert faults(file) == []
    content = notebook()
    content.cells[2].execution_count = None
    file.write_text(canonical(text(content)))
    assert len(faults(file)) == 1 and "no execution count" in faults(file)[0]
