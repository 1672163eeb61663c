r"""Integrals done exactly, term by term.

Most are a power of z times a Gaussian, $\int z^k e^{-az^2/2 + bz + c}\,dz = I_k$. Integration by
parts gives all of them from the first two, quicker than SymPy does:

$$ I_0 = \sqrt{2\pi/a}\; e^{b^2/2a + c}, \qquad a\,I_{k+1} = b\,I_k + k\,I_{k-1} $$
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
    everywhere = low == -sympy.oo and high == sympy.oo
    total = sympy.S.Zero
    for term in sympy.Add.make_args(sympy.expand_log(integrand, force=True)):
        outside, inside = (term * density).as_independent(z, as_Add=False)
        shape = gaussian(inside, z) if everywhere else None
        if shape is not None:
            total += outside * gaussian_integral(*shape, z)
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


def gaussian_integral(coefficients: tuple, exponent: sympy.Expr, z) -> sympy.Expr:
    """The integral of a polynomial × exp(exponent) over all z."""
    scale, a, b = gaussian_scale(exponent, z)
    last, moment = sympy.S.Zero, sympy.S.One
    total = coefficients[0]
    for k, coefficient in enumerate(coefficients[1:]):
        last, moment = moment, sympy.expand((b * moment + k * last) / a)
        total += coefficient * moment
    return scale * sympy.expand(total)


@cache
def gaussian_scale(exponent: sympy.Expr, z) -> tuple[sympy.Expr, sympy.Expr, sympy.Expr]:
    """I₀, and the a and b of the exponent −az²/2 + bz + c."""
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
