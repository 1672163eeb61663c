"""Every small mistake that can be planted in an expression.

Each term's sign is flipped, each term is dropped, each constant is perturbed, each index is
shifted: one at a time, at every depth.
"""

from collections.abc import Iterator

import sympy
from sympy.core.function import AppliedUndef
from sympy.matrices.expressions.matexpr import MatrixExpr

from vae_course.derivations.notation import Expectation, Gradient, SumOver
from vae_course.derivations.text import words


def mutations(expression: sympy.Basic) -> Iterator[tuple[str, sympy.Basic]]:
    """Yield (what was changed, the changed expression), each once."""
    seen = {expression}
    whole = [] if is_sum(expression) else [(f"sign of {words(expression)} flipped", -expression)]
    for change, mutant in [*whole, *_changes(expression)]:
        if mutant not in seen:
            seen.add(mutant)
            yield change, mutant


def is_sum(e: sympy.Basic) -> bool:
    return isinstance(e, sympy.Add | sympy.MatAdd)


def _changes(
    e: sympy.Basic, inside: sympy.Basic | None = None
) -> Iterator[tuple[str, sympy.Basic]]:
    yield from _changes_here(e, "" if inside is None else f" in {words(inside)}")
    for k in _places(e):
        for change, changed in _changes(e.args[k], e):
            yield change, rebuild(e, (*e.args[:k], changed, *e.args[k + 1 :]))


def _places(e: sympy.Basic) -> range:
    """The arguments of an expression in which there is something to mistake."""
    if isinstance(e, Expectation | SumOver | Gradient):  # not in their variables
        return range(2 if isinstance(e, Expectation) else 1)
    if isinstance(e, sympy.Inverse):
        return range(1)
    if isinstance(e, sympy.MatrixSymbol | sympy.Identity | sympy.ZeroMatrix):
        return range(0)
    return range(len(e.args))


def _changes_here(e: sympy.Basic, where: str) -> Iterator[tuple[str, sympy.Basic]]:
    if is_sum(e):
        for k, term in enumerate(e.args):
            before, after = e.args[:k], e.args[k + 1 :]
            yield f"sign of {words(term)} flipped", rebuild(e, (*before, -term, *after))
            yield f"term {words(term)} dropped", rebuild(e, before + after)
    elif isinstance(e, sympy.Rational | sympy.NumberSymbol):
        changed = e + 1 if e != -1 else sympy.Integer(-2)  # -1 + 1 would drop the term
        yield f"constant {words(e)}{where} changed to {words(changed)}", changed
    elif isinstance(e, sympy.Indexed):
        shifted = e.base[tuple(k + 1 for k in e.indices)]
        yield f"index of {words(e)} shifted", shifted
    elif isinstance(e, sympy.Sum | sympy.Product):
        body, (index, low, high) = e.args
        if not high.is_Number:
            yield f"upper limit {words(high)} shifted", e.func(body, (index, low, high + 1))
    elif isinstance(e, AppliedUndef) and e.func.__name__.endswith("_"):
        yield f"index of {words(e)} shifted", e.func(*e.args[:-1], e.args[-1] + 1)


def rebuild(e: sympy.Basic, args: tuple) -> sympy.Basic:
    """`e` with other arguments, and nothing else simplified, so that only the mistake shows."""
    if isinstance(e, sympy.Add | sympy.Mul) and not isinstance(e, MatrixExpr):
        return e.func(*args, evaluate=False) if len(args) > 1 else args[0]
    if is_sum(e) and len(args) == 1:
        return args[0]
    return e.func(*args)
