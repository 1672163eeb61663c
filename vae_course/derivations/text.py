"""Lines of a derivation without LaTeX: two-dimensional for terminals, and in one line of words."""

import re

import sympy
from sympy.core.function import AppliedUndef
from sympy.printing.pretty.pretty import PrettyPrinter
from sympy.printing.pretty.pretty_symbology import greek_unicode
from sympy.printing.pretty.stringpict import prettyForm
from sympy.printing.str import StrPrinter

from vae_course.derivations.latex import is_vector
from vae_course.derivations.notation import (
    KL,
    Excess,
    Expectation,
    Gradient,
    Member,
    Normal,
    Quadratic,
    Scalar,
    SumOver,
)

POWERS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
GREEK = {**greek_unicode, "varepsilon": "ε", "xhat": "x̂"}
SIGNS = {"mid": "| ", ",": " ", ";": " ", "|": "‖ ", "sum": "Σ", "le": "≤ ", "ge": "≥ ", "top": "ᵀ"}
PLAIN = {**GREEK, **SIGNS, "partial": "∂", "in": "∈ ", "sim": "~ ", "cdot": "·", "infty": "∞"}


class _Pretty(PrettyPrinter):
    """The same in a terminal."""

    def _print_Symbol(self, e: sympy.Symbol, *style) -> prettyForm:
        known = e.name != "varepsilon"
        return super()._print_Symbol(e, *style) if known else prettyForm("ε")

    def _print_Expectation(self, e: Expectation, sign: str = "E") -> prettyForm:
        inside = prettyForm(*self._print(e.integrand).parens("[", "]"))
        return prettyForm(*inside.left(f"{sign}_{words(e.density).split('(')[0]}"))

    def _print_Variance(self, e: Expectation) -> prettyForm:
        return self._print_Expectation(e, "Var")

    def _print_KL(self, e: KL) -> prettyForm:
        return prettyForm(words(e))

    def _print_Gradient(self, e: Gradient) -> prettyForm:
        inside = self._print(e.expression)
        inside = prettyForm(*inside.parens()) if e.expression.is_Add else inside
        by = words(e.symbol)
        return prettyForm(*inside.left(f"∇_{by} " if is_vector(e.symbol) else f"∂/∂{by} "))

    def _print_Scalar(self, e: Scalar) -> prettyForm:
        return self._print(e.args[0])

    def _print_Member(self, e: Member) -> prettyForm:
        return prettyForm(words(e))

    def _print_Determinant(self, e) -> prettyForm:
        return prettyForm(words(e))

    def _print_Quadratic(self, e: Quadratic) -> prettyForm:
        return prettyForm(words(e))

    def _print_besseli(self, e) -> prettyForm:
        return prettyForm(words(e))

    def _print_Excess(self, e: Excess) -> prettyForm:
        return prettyForm(*self._print(e.as_terms()).parens())

    def _print_SumOver(self, e: SumOver) -> prettyForm:
        body = self._print(e.function)
        body = prettyForm(*body.parens()) if e.function.is_Add else body
        return prettyForm(*body.left(words(e).split(" ")[0] + " "))

    def _print_AppliedUndef(self, e: AppliedUndef) -> prettyForm:
        return prettyForm(words(e))

    def _print_Normal(self, e: Normal) -> prettyForm:
        inside = prettyForm(*self._print_seq(e.args, delimiter=", ").parens())
        return prettyForm(*inside.left("N"))

    def _print_Indexed(self, e: sympy.Indexed) -> prettyForm:
        return prettyForm(words(e))


class _Words(StrPrinter):
    """The same in one line."""

    printmethod = "_words"  # not `_sympystr`, which Indexed brings along

    def _print_Normal(self, e: Normal) -> str:
        return f"N({self.stringify(e.args, ', ')})"

    def _print_Expectation(self, e: Expectation) -> str:
        return f"E[{self._print(e.integrand)}]"

    def _print_Variance(self, e: Expectation) -> str:
        return f"Var[{self._print(e.integrand)}]"

    def _print_KL(self, e: KL) -> str:
        return f"KL({' ‖ '.join(map(self._print, e.args[:2]))})"

    def _print_Gradient(self, e: Gradient) -> str:
        by = self._print(e.symbol)
        operator = f"∇_{by}" if is_vector(e.symbol) else f"∂/∂{by}"
        return f"{operator} {self.parenthesize(e.expression, 50)}"

    def _print_Scalar(self, e: Scalar) -> str:
        return self._print(e.args[0])

    def _print_Member(self, e: Member) -> str:
        return f"1[{self._print(e.args[0])} ∈ {self._print(e.args[1])}]"

    def _print_Determinant(self, e) -> str:
        inside = self._print(e.arg)
        return f"det({inside})" if e.arg.is_MatAdd else f"det {inside}"

    def _print_Inverse(self, e) -> str:
        return f"{self._print(e.arg)}⁻¹"

    def _print_Abs(self, e) -> str:
        return f"|{self._print(e.args[0])}|"

    def _print_gamma(self, e) -> str:
        return f"Γ({self._print(e.args[0])})"

    def _print_besseli(self, e) -> str:
        order, argument = map(self._print, e.args)
        return f"I_{order}({argument})" if e.order.is_Atom else f"I_({order})({argument})"

    def _print_Quadratic(self, e: Quadratic) -> str:
        vector = self.parenthesize(e.args[0], 50)
        return f"{vector}ᵀ {self._print(e.args[1])} {vector}"

    def _print_Excess(self, e: Excess) -> str:
        return f"({self._print(e.as_terms())})"

    def _print_Sum(self, e: sympy.Sum, sign: str = "Σ") -> str:
        body, (index, *_) = e.args
        return f"{sign}_{self._print(index)} {self.parenthesize(body, 50)}"

    def _print_Product(self, e: sympy.Product) -> str:
        return self._print_Sum(e, "Π")

    def _print_SumOver(self, e: SumOver) -> str:
        among = "" if e.among is None else f"∈{self._print(e.among)}"
        return f"Σ_{self._print(e.variable)}{among} {self.parenthesize(e.function, 50)}"

    def _print_AppliedUndef(self, e: AppliedUndef) -> str:
        name, arguments = e.func.__name__, [self._print(a) for a in e.args]
        last = arguments.pop() if name.endswith("_") else ""
        name = getattr(e.func, "symbol", name)
        bar = int(getattr(e.func, "given", False))  # after how many arguments it stands
        parts = [arguments[:bar], arguments[bar:]] if bar else [arguments]
        inside = " | ".join(", ".join(part) for part in parts)
        return f"{name}{last}({inside})"

    def _print_Indexed(self, e: sympy.Indexed) -> str:
        return f"{e.base.name}_{', '.join(map(self._print, e.indices))}"


def pretty(expression: sympy.Expr, relation: str = "", rest: str = "") -> str:
    """Two-dimensional text of an expression, for terminals, with what goes before and after it."""
    printer = _Pretty({"order": "none", "use_unicode": True, "wrap_line": False})
    form = printer._print(expression)
    form = prettyForm(*form.left(f"{relation} ")) if relation else form
    form = prettyForm(*form.right(rest)) if rest else form
    return "\n".join(map(str.rstrip, form.render(wrap_line=False).split("\n")))


def words(expression: sympy.Basic) -> str:
    """A name for a part of an expression, in one line: `-log(σ²)`."""
    text = _Words({"order": "none"}).doprint(expression)
    text = re.sub(r"\*\*(\d)(?![\d/])", lambda m: POWERS[int(m[1])], text)
    text = text.replace("**", "^").replace("*", " ")
    return re.sub(r"[A-Za-z]+", lambda m: GREEK.get(m[0], m[0]), text)


def plainly(*equal: sympy.Basic) -> str:
    """The same without LaTeX."""
    return " = ".join(map(words, equal))


def plain(text: str) -> str:
    r"""Words with `$\mu$` in them, as a terminal can show them: μ."""

    def formula(found: re.Match) -> str:
        names = re.sub(r"\\([A-Za-z]+|.) ?", lambda m: PLAIN.get(m[1], m[1] + " "), found[1])
        names = re.sub(" +", " ", names).replace("^{-1}", "⁻¹").replace("^2", "²")
        return names.replace("{", "").replace("}", "").strip()

    return re.sub(r"\$(.+?)\$", formula, text)
