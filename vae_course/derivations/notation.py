r"""Expectations, sums as they are written, and how both are printed.

SymPy sorts and simplifies whatever it is given. A derivation must keep each line as it is
written, so `add` and `times` build sums and products that are left alone, and the printers below
keep their order.
"""

import re

import sympy
from sympy.core.function import AppliedUndef
from sympy.printing.latex import LatexPrinter
from sympy.printing.pretty.pretty import PrettyPrinter
from sympy.printing.pretty.pretty_symbology import greek_unicode
from sympy.printing.pretty.stringpict import prettyForm
from sympy.printing.str import StrPrinter


class Expectation(sympy.Expr):
    r"""E_{q(z)}[f(z)] = ∫ f(z) q(z) dz, with the density written by its name, `q(z)`.

    The variable of integration is the density's first argument. In `q(z)` it may stand for a
    vector: it then means every component z[1], z[2], ... that q's definition mentions.
    """

    def __new__(cls, integrand: sympy.Expr, density: sympy.Expr) -> "Expectation":
        if not isinstance(density, AppliedUndef):
            raise ValueError(f"density is {density}; it needs to be a named density such as q(z)")
        return sympy.Expr.__new__(cls, sympy.sympify(integrand), density)

    @property
    def integrand(self) -> sympy.Expr:
        return self.args[0]

    @property
    def density(self) -> sympy.Expr:
        return self.args[1]

    @property
    def variable(self) -> sympy.Expr:
        return self.density.args[0]


class Normal(sympy.Function):
    r"""The density $\mathcal N(z;\, \mu,\, \sigma^2)$: arguments z, mean and *variance*."""

    nargs = 3

    def written_out(self) -> sympy.Expr:
        z, mean, variance = self.args
        return sympy.exp(-((z - mean) ** 2) / (2 * variance)) / sympy.sqrt(2 * sympy.pi * variance)


def add(*terms: sympy.Expr) -> sympy.Expr:
    """The sum of the terms, in this order, not simplified."""
    return sympy.Add(*map(sympy.sympify, terms), evaluate=False)


def times(*factors: sympy.Expr) -> sympy.Expr:
    """The product of the factors, in this order, not multiplied out."""
    return sympy.Mul(*map(sympy.sympify, factors), evaluate=False)


def _is_simple(expression: sympy.Expr) -> bool:
    return isinstance(expression, sympy.Symbol | sympy.Indexed | AppliedUndef) or (
        expression.is_Pow and expression.exp.is_Integer and expression.exp > 0
    )


class _Latex(LatexPrinter):
    """LaTeX that KaTeX reads, with the notation of the book: log σ², q_j(z_j), E_q(z)[…]."""

    def _print_Expectation(self, e: Expectation) -> str:
        density, integrand = self._print(e.density), self._print(e.integrand)
        return rf"\mathbb{{E}}_{{{density}}}\left[{integrand}\right]"

    def _print_AppliedUndef(self, e: AppliedUndef) -> str:
        name, *arguments = e.func.__name__, *map(self._print, e.args)
        if name.endswith("_"):  # q_(z, j) is the j-th of a family of densities
            name = f"{name}{{{arguments.pop()}}}"
        return rf"{name}({', '.join(arguments)})"

    def _print_Normal(self, e: Normal) -> str:
        z, mean, variance = map(self._print, e.args)
        return rf"\mathcal{{N}}({z};\, {mean},\, {variance})"

    def _print_log(self, e: sympy.Expr, exp: str | None = None) -> str:
        inside = self._print(e.args[0])
        text = rf"\log {inside}" if _is_simple(e.args[0]) else rf"\log\left({inside}\right)"
        return text if exp is None else rf"\left({text}\right)^{{{exp}}}"

    def _print_Mul(self, e: sympy.Mul) -> str:
        # a half times a bracket or a logarithm, not a tall fraction
        if len(e.args) == 2 and e.args[0].is_Rational and e.args[1].is_Add:
            return rf"{self._print(e.args[0])}\left({self._print(e.args[1])}\right)"
        is_log = len(e.args) == 2 and isinstance(e.args[1], sympy.log)
        if is_log and e.args[0].is_Rational and not e.args[0].is_Integer:
            return rf"{self._print(e.args[0])} {self._print(e.args[1])}"
        return super()._print_Mul(e)

    def _print_Indexed(self, e: sympy.Indexed) -> str:
        return rf"{self._print(e.base)}_{{{', '.join(map(self._print, e.indices))}}}"


class _Pretty(PrettyPrinter):
    """The same in a terminal."""

    def _print_Expectation(self, e: Expectation) -> prettyForm:
        inside = prettyForm(*self._print(e.integrand).parens("[", "]"))
        return prettyForm(*inside.left(f"E_{e.density.func.__name__.rstrip('_')}"))

    def _print_AppliedUndef(self, e: AppliedUndef) -> prettyForm:
        name, arguments = e.func.__name__, list(e.args)
        if name.endswith("_"):
            name += str(arguments.pop())
        inside = prettyForm(*self._print_seq(arguments, delimiter=", ").parens())
        return prettyForm(*inside.left(name))

    def _print_Normal(self, e: Normal) -> prettyForm:
        inside = prettyForm(*self._print_seq(e.args, delimiter=", ").parens())
        return prettyForm(*inside.left("N"))

    def _print_Indexed(self, e: sympy.Indexed) -> prettyForm:
        return prettyForm(
            f"{greek_unicode.get(e.base.name, e.base.name)}_{', '.join(map(str, e.indices))}"
        )


class _Words(StrPrinter):
    """The same in one line."""

    printmethod = "_words"  # not `_sympystr`, which Indexed brings along

    def _print_Normal(self, e: Normal) -> str:
        return f"N({self.stringify(e.args, ', ')})"

    def _print_Expectation(self, e: Expectation) -> str:
        return f"E[{self._print(e.integrand)}]"

    def _print_AppliedUndef(self, e: AppliedUndef) -> str:
        name, *arguments = e.func.__name__, *map(self._print, e.args)
        if name.endswith("_"):
            name += arguments.pop()
        return f"{name}({', '.join(arguments)})"

    def _print_Indexed(self, e: sympy.Indexed) -> str:
        return f"{e.base.name}_{', '.join(map(self._print, e.indices))}"


def latex(expression: sympy.Expr) -> str:
    """LaTeX of an expression, in the order in which it is written."""
    return _Latex({"order": "none", "ln_notation": False}).doprint(expression)


def pretty(expression: sympy.Expr) -> str:
    """Two-dimensional text of an expression, for terminals."""
    return _Pretty({"order": "none", "use_unicode": True, "wrap_line": False}).doprint(expression)


def words(expression: sympy.Basic) -> str:
    """A name for a part of an expression, in one line: `-log(σ²)`."""
    text = _Words({"order": "none"}).doprint(expression).replace("**2", "²")
    text = text.replace("**", "^").replace("*", " ")
    return re.sub(r"[a-z]+", lambda m: greek_unicode.get(m[0], m[0]), text)


def plain(text: str) -> str:
    r"""Words with `$\mu$` in them, as a terminal can show them: μ."""

    def formula(found: re.Match) -> str:
        names = re.sub(r"\\([A-Za-z]+) ?", lambda m: greek_unicode.get(m[1], m[1] + " "), found[1])
        return names.replace("^2", "²").replace("{", "").replace("}", "").strip()

    return re.sub(r"\$(.+?)\$", formula, text)
