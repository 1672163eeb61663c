"""How the parts of a line are printed: in LaTeX, in a terminal, and in one line of words.

SymPy's printers, with the order in which a line is written and with the notation of the book.
"""

import re

import sympy
from sympy.core.function import AppliedUndef
from sympy.printing.latex import LatexPrinter
from sympy.printing.pretty.pretty import PrettyPrinter
from sympy.printing.pretty.pretty_symbology import greek_unicode
from sympy.printing.pretty.stringpict import prettyForm
from sympy.printing.str import StrPrinter

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
GREEK = {**greek_unicode, "varepsilon": "ε"}
SIGNS = {"mid": "| ", ",": "", ";": " ", "|": "‖ ", "sum": "Σ", "le": "≤ ", "ge": "≥ ", "top": "ᵀ"}
PLAIN = {**GREEK, **SIGNS, "partial": "∂", "in": "∈ ", "sim": "~ ", "cdot": "·", "infty": "∞"}


def _is_simple(expression: sympy.Expr) -> bool:
    return isinstance(
        expression, sympy.Symbol | sympy.Indexed | sympy.Integer | sympy.Determinant | AppliedUndef
    ) or (expression.is_Pow and expression.exp.is_Integer and expression.exp > 0)


class _Latex(LatexPrinter):
    """LaTeX that KaTeX reads, with the notation of the book: log σ², q_j(z_j), E_q(z)[…]."""

    def _expectation(self, operator: str, e: Expectation) -> str:
        under = getattr(e.density.func, "under", None) or self._print(e.density)
        inside = e.integrand.as_terms() if isinstance(e.integrand, Excess) else e.integrand
        return rf"{operator}_{{{under}}}\left[{self._print(inside)}\right]"

    def _print_Expectation(self, e: Expectation) -> str:
        return self._expectation(r"\mathbb{E}", e)

    def _print_Variance(self, e: Expectation) -> str:
        return self._expectation(r"\mathrm{Var}", e)

    def _print_KL(self, e: KL) -> str:
        q, p = map(self._print, e.args)
        return rf"\mathrm{{KL}}({q} \,\|\, {p})"

    def _print_Gradient(self, e: Gradient) -> str:
        by, of = self._print(e.symbol), self._print(e.expression)
        operator = (
            rf"\nabla_{{{by}}}" if is_vector(e.symbol) else rf"\frac{{\partial}}{{\partial {by}}}"
        )
        return rf"{operator} \left({of}\right)" if e.expression.is_Add else f"{operator} {of}"

    def _print_Scalar(self, e: Scalar) -> str:
        return self._print(e.args[0])

    def _print_Member(self, e: Member) -> str:
        return rf"\mathbf{{1}}[{self._print(e.args[0])} \in {self._print(e.args[1])}]"

    def _print_Quadratic(self, e: Quadratic) -> str:
        vector, matrix = self._print(e.args[0]), self._print(e.args[1])
        vector = rf"\left({vector}\right)" if e.args[0].is_MatAdd else vector
        return rf"{vector}^\top {matrix} {vector}"

    def _print_Excess(self, e: Excess) -> str:
        return rf"\left({self._print(e.as_terms())}\right)"

    def _print_Add(self, e: sympy.Add, order=None) -> str:
        text = ""
        for term in e.args:
            first, *others = sympy.Mul.make_args(term)
            negative = bool(text) and first.is_Number and first < 0
            if negative:  # the sign comes before, and nothing else changes
                others = others if first == -1 and others else [-first, *others]
                term = sympy.Mul(*others, evaluate=False) if len(others) > 1 else others[0]
            sign = (" - " if negative else " + ") if text else ""
            inside = self._print(term)
            text += sign + (rf"\left({inside}\right)" if term.is_Add else inside)
        return text

    def _print_Identity(self, e) -> str:
        return "I"

    def _print_Transpose(self, e) -> str:
        return rf"{self.parenthesize(e.arg, 70, True)}^\top"

    def _print_Trace(self, e) -> str:
        return rf"\operatorname{{tr}} {self._print(e.arg)}"

    def _print_Determinant(self, e) -> str:
        return rf"\det {self._print(e.arg)}"

    def _print_Sum(self, e: sympy.Sum, sign: str = r"\sum") -> str:
        body, (index, low, high) = e.args
        index, low, high = map(self._print, (index, low, high))
        return self._sum(rf"{sign}_{{{index}={low}}}^{{{high}}}", body)

    def _print_Product(self, e: sympy.Product) -> str:
        return self._print_Sum(e, r"\prod")

    def _print_SumOver(self, e: SumOver) -> str:
        among = "" if e.among is None else rf" \in {self._print(e.among)}"
        return self._sum(rf"\sum_{{{self._print(e.variable)}{among}}}", e.function)

    def _sum(self, sign: str, body: sympy.Expr) -> str:
        text = self._print(body)
        return rf"{sign} \left({text}\right)" if body.is_Add else f"{sign} {text}"

    def _print_AppliedUndef(self, e: AppliedUndef, exp: str | None = None) -> str:
        name, arguments = e.func.__name__, [self._print(a) for a in e.args]
        last = f"{{{arguments.pop()}}}" if name.endswith("_") else ""  # q_(z, j): one of a family
        name = getattr(e.func, "symbol", name.rstrip("_"))
        is_word = len(name) > 1 and name.isupper()  # such as ELBO
        name = rf"\mathrm{{{name}}}" if is_word else self._print(sympy.Symbol(name))
        name += f"_{last}" if last else ""
        given = rf"{arguments[0]} \mid {', '.join(arguments[1:])}"
        inside = given if getattr(e.func, "given", False) else ", ".join(arguments)
        return rf"{name}({inside})" + ("" if exp is None else f"^{{{exp}}}")

    def _print_Normal(self, e: Normal) -> str:
        z, mean, variance = map(self._print, e.args)
        return rf"\mathcal{{N}}({z};\, {mean},\, {variance})"

    def _print_log(self, e: sympy.Expr, exp: str | None = None) -> str:
        inside = self._print(e.args[0])
        text = rf"\log {inside}" if _is_simple(e.args[0]) else rf"\log\left({inside}\right)"
        return text if exp is None else rf"\left({text}\right)^{{{exp}}}"

    def _print_Mul(self, e: sympy.Mul) -> str:
        # a half times a bracket, a sum or a logarithm, not a tall fraction
        first, *others = e.args
        if first.is_Rational and not first.is_Integer and len(others) == 1:
            rest = self._print(others[0])
            if others[0].is_Add:
                return rf"{self._print(first)}\left({rest}\right)"
            if isinstance(others[0], sympy.log | sympy.Sum | SumOver | Expectation):
                return rf"{self._print(first)} {rest}"
        return super()._print_Mul(e)

    def _print_Indexed(self, e: sympy.Indexed) -> str:
        return rf"{self._print(e.base)}_{{{', '.join(map(self._print, e.indices))}}}"


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
        return f"KL({' ‖ '.join(map(self._print, e.args))})"

    def _print_Gradient(self, e: Gradient) -> str:
        by = self._print(e.symbol)
        operator = f"∇_{by}" if is_vector(e.symbol) else f"∂/∂{by}"
        return f"{operator} {self.parenthesize(e.expression, 50)}"

    def _print_Scalar(self, e: Scalar) -> str:
        return self._print(e.args[0])

    def _print_Member(self, e: Member) -> str:
        return f"1[{self._print(e.args[0])} ∈ {self._print(e.args[1])}]"

    def _print_Determinant(self, e) -> str:
        return f"det {self._print(e.arg)}"

    def _print_Inverse(self, e) -> str:
        return f"{self._print(e.arg)}⁻¹"

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
        given = f"{arguments[0]} | {', '.join(arguments[1:])}"
        inside = given if getattr(e.func, "given", False) else ", ".join(arguments)
        return f"{name}{last}({inside})"

    def _print_Indexed(self, e: sympy.Indexed) -> str:
        return f"{e.base.name}_{', '.join(map(self._print, e.indices))}"


def is_vector(symbol: sympy.Symbol) -> bool:
    """θ and φ stand for all parameters of a network: what holds for one of them holds for each."""
    return symbol.name in ("theta", "phi")


def latex(expression: sympy.Expr) -> str:
    """LaTeX of an expression, in the order in which it is written."""
    return _Latex({"order": "none", "ln_notation": False}).doprint(expression)


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


def inline(*equal: sympy.Basic) -> str:
    """A formula in a line of text: $a$, or $a = b$."""
    return f"${' = '.join(map(latex, equal))}$"


def plainly(*equal: sympy.Basic) -> str:
    """The same without LaTeX."""
    return " = ".join(map(words, equal))


def plain(text: str) -> str:
    r"""Words with `$\mu$` in them, as a terminal can show them: μ."""

    def formula(found: re.Match) -> str:
        names = re.sub(r"\\([A-Za-z]+|.) ?", lambda m: PLAIN.get(m[1], m[1] + " "), found[1])
        names = names.replace("^{-1}", "⁻¹").replace("^2", "²")
        return names.replace("{", "").replace("}", "").strip()

    return re.sub(r"\$(.+?)\$", formula, text)
