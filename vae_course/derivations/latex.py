"""Lines of a derivation in LaTeX that KaTeX reads, with the notation of the book."""

import sympy
from sympy.core.function import AppliedUndef
from sympy.printing.latex import LatexPrinter

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


def is_vector(symbol: sympy.Symbol) -> bool:
    """θ and φ stand for all parameters of a network: what holds for one of them holds for each."""
    return symbol.name in ("theta", "phi")


def is_simple(expression: sympy.Expr) -> bool:
    return isinstance(
        expression,
        sympy.Symbol | sympy.Indexed | sympy.Integer | sympy.Determinant | sympy.Abs | AppliedUndef,
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
        q, p = map(self._print, e.args[:2])
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
        return "".join(self.terms(e))

    def terms(self, e: sympy.Add) -> list[str]:
        """Each term of a sum with its sign."""
        found = []
        for term in sympy.Add.make_args(e):
            first, *others = sympy.Mul.make_args(term)
            negative = bool(found) and first.is_Number and first < 0
            if negative:  # the sign comes before, and nothing else changes
                others = others if first == -1 and others else [-first, *others]
                term = sympy.Mul(*others, evaluate=False) if len(others) > 1 else others[0]
            sign = (" - " if negative else " + ") if found else ""
            inside = self._print(term)
            in_brackets = term.is_Add and e.is_Add
            found.append(sign + (rf"\left({inside}\right)" if in_brackets else inside))
        return found

    def _print_Identity(self, e) -> str:
        return "I"

    def _print_Transpose(self, e) -> str:
        return rf"{self.parenthesize(e.arg, 70, True)}^\top"

    def _print_Trace(self, e) -> str:
        return rf"\operatorname{{tr}} {self._print(e.arg)}"

    def _print_Determinant(self, e) -> str:
        inside = self._print(e.arg)
        return rf"\det\left({inside}\right)" if e.arg.is_MatAdd else rf"\det {inside}"

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
        bar = int(getattr(e.func, "given", False))  # after how many arguments it stands
        parts = [arguments[:bar], arguments[bar:]] if bar else [arguments]
        inside = r" \mid ".join(", ".join(part) for part in parts)
        return rf"{name}({inside})" + ("" if exp is None else f"^{{{exp}}}")

    def _print_Normal(self, e: Normal) -> str:
        z, mean, variance = map(self._print, e.args)
        return rf"\mathcal{{N}}({z};\, {mean},\, {variance})"

    def _print_log(self, e: sympy.Expr, exp: str | None = None) -> str:
        inside = self._print(e.args[0])
        text = rf"\log {inside}" if is_simple(e.args[0]) else rf"\log\left({inside}\right)"
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


def latex(expression: sympy.Expr) -> str:
    """LaTeX of an expression, in the order in which it is written."""
    return _Latex({"order": "none", "ln_notation": False}).doprint(expression)


def latex_terms(expression: sympy.Expr) -> list[str]:
    """LaTeX of each term of a sum, with its sign; of anything else, as a whole."""
    printer = _Latex({"order": "none", "ln_notation": False})
    return printer.terms(expression) if expression.is_Add else [printer.doprint(expression)]


def inline(*equal: sympy.Basic) -> str:
    """A formula in a line of text: $a$, or $a = b$."""
    return f"${' = '.join(map(latex, equal))}$"
