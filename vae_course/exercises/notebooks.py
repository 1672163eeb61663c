"""A notebook's exercise cells must be those of the exercise itself."""

import ast

from vae_course.exercises.catalogue import all, get


def checked_ids(source: str) -> list[str]:
    """The ids in calls `check("…", …)` of a code cell."""
    try:
        tree = ast.parse(source)
    except SyntaxError:  # a cell with a magic
        return []
    return [
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", getattr(node.func, "attr", None)) == "check"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    ]


def stub_problems(notebook: dict) -> list[str]:
    """What is wrong with the exercise cells of a notebook (as JSON); empty if nothing is.

    Each `check` cell is the exercise's own, and the code cell before it is the stub, character by
    character. An exercise whose stub is there is also checked.
    """
    cells = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]
    known = {exercise.id for exercise in all()}
    problems, checked = [], set()
    for before, source in zip(["", *cells], cells, strict=False):
        for id in checked_ids(source):
            checked.add(id)
            if id not in known:
                problems.append(f"{id}: there is no such exercise")
            elif before != get(id).stub_cell:
                problems.append(f"{id}: the cell before its check is not the exercise's stub")
            elif source != get(id).check_cell:
                problems.append(f"{id}: its check cell should be {get(id).check_cell}")
    for exercise in all():
        if exercise.id not in checked and any(f"def {exercise.function}(" in c for c in cells):
            problems.append(f"{exercise.id}: {exercise.function} is defined, but never checked")
    return problems
