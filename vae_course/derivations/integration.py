r"""Integrals done exactly, term by term.

Most are a power of z times a Gaussian, $\int z^k e^{-az^2/2 + bz + c}\,dz = I_k$. Integration by
parts gives all of them from the first two, quicker than SymPy does. Over all z,

$$ I_0 = \sqrt{2\pi/a}\; e^{b^2/2a + c}, \qquad a\,I_{k+1} = b\,I_k + k\,I_{k-1} $$

Between two ends $I_0$ is a difference of error functions, and the integrand there remains.
"""

from functools import cache

import sympy


def exact(integrand: sympy.Expr, density: sympy.Expr, variables, low, high) -> sympy.Expr:
    """The integral of integrand × density over all variables, one after the other."""
    for variable in variables:
        density, own = density.as_independent(variable, as_Add=False)
        integrand = over_one(integrand, own, variable, low, high)
    return sympy.expand(integrand * density)


def over_one(integrand: sympy.Expr, density: sympy.Expr, z, low, high) -> sympy.Expr:
    """The integral over z of each term of the integrand times the density."""
    total = sympy.S.Zero
    for term in sympy.Add.make_args(sympy.expand_log(integrand, force=True)):
        outside, inside = (term * density).as_independent(z, as_Add=False)
        shape = gaussian(inside, z)
        if shape is not None:
            total += outside * gaussian_integral(*shape, z, low, high)
            continue
        parts = sympy.Add.make_args(sympy.expand(term))
        if len(parts) > 1:
            total += over_one(sympy.Add(*parts), density, z, low, high)
        else:
            total += outside * by_sympy(inside, z, low, high)
    return total


@cache
def gaussian(term: sympy.Expr, z) -> tuple[tuple[sympy.Expr, ...], sympy.Expr] | None:
    """(coefficients, exponent) of a term polynomial(z) × exp(exponent), Gaussian in z, or None."""
    factors = sympy.Mul.make_args(term)
    exponent = sympy.expand(sympy.Add(*(f.exp for f in factors if isinstance(f, sympy.exp))))
    if not exponent.is_polynomial(z) or sympy.degree(exponent, z) != 2:
        return None
    rest = sympy.Mul(*(f for f in factors if not isinstance(f, sympy.exp)))
    if not rest.is_polynomial(z):
        return None
    return tuple(sympy.Poly(rest, z).all_coeffs()[::-1]), exponent


def gaussian_integral(coefficients: tuple, exponent: sympy.Expr, z, low, high) -> sympy.Expr:
    """The integral of a polynomial × exp(exponent) from low to high."""
    scale, a, b = gaussian_scale(exponent, z)

    def below(end):
        whole = end.is_infinite
        return sympy.sign(end) if whole else sympy.erf(sympy.sqrt(a / 2) * (end - b / a))

    def at(end, k):
        return 0 if end.is_infinite else end**k * sympy.exp(exponent.xreplace({z: end})) / scale

    last, moment = sympy.S.Zero, (below(high) - below(low)) / 2
    total = coefficients[0] * moment
    for k, coefficient in enumerate(coefficients[1:]):
        ends = at(high, k) - at(low, k)
        last, moment = moment, sympy.expand((b * moment + k * last - ends) / a)
        total += coefficient * moment
    return scale * sympy.expand(total)


@cache
def gaussian_scale(exponent: sympy.Expr, z) -> tuple[sympy.Expr, sympy.Expr, sympy.Expr]:
    """The integral over all z, and the a and b of the exponent −az²/2 + bz + c."""
    c, b, half_a = (sympy.factor(exponent.coeff(z, k)) for k in range(3))
    a = sympy.factor(-2 * half_a)
    if not a.is_positive:
        raise ValueError(f"the integral over {z} diverges, or {a} is not known to be positive")
    shift = sympy.expand(sympy.cancel(sympy.together(b**2 / (2 * a) + c)))
    return sympy.sqrt(sympy.factor(2 * sympy.pi / a)) * sympy.exp(shift), a, b


@cache
def by_sympy(integrand: sympy.Expr, variable, low: sympy.Expr, high: sympy.Expr) -> sympy.Expr:
    """A definite integral that SymPy can do, simplified."""
    z = sympy.Dummy("z", real=True)
    result = sympy.integrate(integrand.xreplace({variable: z}), (z, low, high))
    if result.has(sympy.Integral):
        raise ValueError(f"SymPy cannot integrate {integrand} over {variable}")
    return sympy.simplify(result)
