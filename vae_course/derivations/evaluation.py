"""What a line of a derivation means: one closed form, with nothing named left in it.

Definitions are put in, sums over d terms are written out for one d, expectations over finitely
many values become sums and all others are integrated exactly. Names without a definition stay: a
proof about them holds whatever they are.
"""

from functools import cache
from itertools import product

import sympy
from sympy.core.function import AppliedUndef
from sympy.matrices.expressions.matexpr import MatrixExpr, MatrixSymbol

from vae_course.derivations.integration import exact
from vae_course.derivations.notation import Expectation, Gradient, Normal, Scalar, SumOver


class Setting:
    """What the names stand for, and which values the variables take that have finitely many.

    `definitions` maps a function or an indexed symbol to a `Lambda`, a symbol to what it
    abbreviates, a matrix symbol to a matrix. `instance` does the same for what is fixed in order
    to check: the d for which sums are written out. `states` maps a variable to the number of its
    values 1, 2, ..., or to a tuple of them.
    """

    def __init__(self, definitions: dict, instance: dict, states: dict):
        self.definitions, self.instance, self.states = definitions, instance, states
        self.meaning = {
            name: sympy.sympify(value).as_immutable()
            if isinstance(value, sympy.MatrixBase)
            else value
            for name, value in {**definitions, **instance}.items()
        }
        self._key = tuple(self.meaning.items()), tuple(states.items())

    def __eq__(self, other):
        return isinstance(other, Setting) and self._key == other._key

    def __hash__(self):
        return hash(self._key)

    def values(self, variable: sympy.Expr) -> tuple | None:
        """The values that a variable takes, or None if it is continuous."""
        if isinstance(variable, sympy.Indexed):
            variable = variable.base.label
        values = self.states.get(variable)
        return tuple(map(sympy.Integer, range(1, values + 1))) if type(values) is int else values

    def with_definitions(self, more: dict) -> "Setting":
        return Setting({**self.definitions, **more}, self.instance, self.states)


class Reader:
    """Puts in what the names stand for; `bound` holds the values of variables on the way.

    `integral(integrand, density, variables, low, high)` says how integrals are done.
    """

    def __init__(self, setting: Setting, integral=exact):
        self.setting, self.integral = setting, integral

    def read(self, e: sympy.Basic, bound: dict) -> sympy.Basic:
        if e in bound:
            return bound[e]
        if isinstance(e, Normal):
            return self.arguments(e, bound).written_out()
        if hasattr(e, "written_out"):  # a part that stands for something longer
            return self.read(e.written_out(), bound)
        for kind, method in READ.items():
            if isinstance(e, kind):
                return method(self, e, bound)
        if not e.args:
            return e
        result = self.arguments(e, bound)
        if isinstance(e, sympy.Determinant):  # twice: a scalar comes out of it first
            return result.doit().doit()
        return result.doit() if isinstance(e, MatrixExpr | sympy.Trace) else result

    def arguments(self, e, bound):
        return e.func(*(self.read(part, bound) for part in e.args))

    def symbol(self, e, bound):
        meaning = self.setting.meaning.get(e)
        return e if meaning is None else self.read(sympy.sympify(meaning), bound)

    def matrix_symbol(self, e, bound):
        meaning = self.setting.meaning[e]
        return meaning.applyfunc(lambda entry: self.read(entry, bound))

    def matrix(self, e, bound):
        return e.applyfunc(lambda entry: self.read(entry, bound))

    def scalar(self, e, bound):
        return self.read(e.args[0], bound)[0, 0]

    def indexed(self, e, bound):
        e = e.base[tuple(self.read(k, bound) for k in e.indices)]
        meaning = self.setting.meaning.get(e.base)
        if e in bound or meaning is None:
            return bound.get(e, e)
        return self.read(meaning.expr, bound | dict(zip(meaning.variables, e.indices, strict=True)))

    def function(self, e, bound):
        """A named function of given arguments: its definition, or what is known of its sum."""
        f, arguments = e.func, [self.read(a, bound) for a in e.args]
        if hasattr(f, "derivative_of"):
            t = sympy.Dummy("t", real=True)
            return self.function(f.derivative_of(t), bound).diff(t).xreplace({t: arguments[0]})
        meaning = self.setting.meaning.get(f)
        if meaning is not None:
            given = dict(zip(meaning.variables, arguments, strict=True))
            return self.read(meaning.expr, bound | given)
        total = getattr(f, "total", None)
        if total is None:
            return f(*arguments)
        values = self.setting.values(f.over)
        whole = sympy.Add(*(f(value, *arguments[1:]) for value in values))
        weight = f(*arguments)
        return weight / whole if total == 1 else weight - whole / len(values)

    def sum(self, e, bound):
        body, (index, *limits) = e.args
        low, high = (self.read(limit, bound) for limit in limits)
        if not (low.is_Integer and high.is_Integer):
            raise ValueError(f"a sum from {low} to {high} cannot be written out")
        operation = sympy.Add if isinstance(e, sympy.Sum) else sympy.Mul
        every = map(sympy.Integer, range(low, high + 1))
        return operation(*(self.read(body, bound | {index: k}) for k in every))

    def sum_over(self, e, bound):
        values = self.setting.values(e.variable) if e.among is None else bound.get(e.among)
        if values is None:
            raise ValueError(f"a sum over {e.variable}, which has no states")
        return sympy.Add(*(self.read(e.function, bound | {e.variable: v}) for v in values))

    def integrate(self, e, bound):
        body, (variable, low, high) = e.args
        low, high = self.read(low, bound), self.read(high, bound)
        inner = without(bound, variable)
        if isinstance(body, Gradient) and body.symbol == variable:  # the fundamental theorem
            ends = (self.read(body.expression, inner | {variable: end}) for end in (high, low))
            return next(ends) - next(ends)
        return self.integral(self.read(body, inner), sympy.S.One, [variable], low, high)

    def expectation(self, e, bound):
        over = [v.subs(bound) if isinstance(v, sympy.Indexed) else v for v in e.variables]
        inner = without(bound, *over)
        weight = self.read(e.density, inner)
        variables = [part for v in over for part in components(v, weight, self.setting)]
        values = [self.setting.values(v) for v in variables]
        if None in values:
            integrand = self.read(e.integrand, inner)
            return self.integral(integrand, weight, variables, -sympy.oo, sympy.oo)
        total = sympy.S.Zero
        for chosen in product(*values):
            here = inner | dict(zip(variables, chosen, strict=True))
            total += self.read(e.integrand, here) * self.read(e.density, here)
        return total

    def gradient(self, e, bound):
        if e.symbol in self.setting.meaning:
            raise ValueError(f"the derivative with respect to {e.symbol}, which has a definition")
        t = sympy.Dummy(e.symbol.name, **e.symbol.assumptions0)
        slope = self.read(e.expression, bound | {e.symbol: t}).diff(t)
        return slope.xreplace({t: bound.get(e.symbol, e.symbol)})


READ = {
    Expectation: Reader.expectation,
    SumOver: Reader.sum_over,
    sympy.Integral: Reader.integrate,
    Scalar: Reader.scalar,
    Gradient: Reader.gradient,
    sympy.Sum: Reader.sum,
    sympy.Product: Reader.sum,
    sympy.Integral: Reader.integrate,
    AppliedUndef: Reader.function,
    sympy.Indexed: Reader.indexed,
    MatrixSymbol: Reader.matrix_symbol,
    sympy.MatrixBase: Reader.matrix,
    sympy.Symbol: Reader.symbol,
}


def without(bound: dict, *variables) -> dict:
    """`bound` without what a new integral or sum over these variables hides."""
    return {
        name: value
        for name, value in bound.items()
        if name not in variables
        and not (isinstance(name, sympy.Indexed) and name.base.label in variables)
    }


def components(variable, density: sympy.Expr, setting: Setting) -> list[sympy.Expr]:
    """What an expectation is over: z itself, or each z[k] that its density mentions."""
    if isinstance(variable, MatrixSymbol):
        return list(setting.meaning[variable])
    parts = [e for e in density.atoms(sympy.Indexed) if e.base.label == variable]
    return sorted(parts, key=str) or [variable]


@cache
def closed_form(expression: sympy.Expr, setting: Setting) -> sympy.Expr:
    """The line with everything named put in and every integral done exactly."""
    return Reader(setting).read(expression, {})
