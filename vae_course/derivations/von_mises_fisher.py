r"""The KL divergence from a von Mises–Fisher distribution to the uniform one on the sphere.

$$ \mathrm{KL} = \kappa \frac{I_{d/2}(\kappa)}{I_{d/2-1}(\kappa)} - \log\Big(\Gamma(\tfrac d2)\,
   \big(\tfrac2\kappa\big)^{d/2-1} I_{d/2-1}(\kappa)\Big), \qquad
   \kappa \coth \kappa - 1 + \log \frac{\kappa}{\sinh \kappa} \;\text{ for } d = 3 $$

The sphere is that of unit vectors in d dimensions; κ is the concentration.

Mardia & Jupp 2000; Davidson et al. 2018; the integral of the Bessel function is DLMF 10.32.2.
"""

from sympy import (
    Expr,
    Integral,
    Lambda,
    Rational,
    Symbol,
    besseli,
    cosh,
    exp,
    gamma,
    log,
    sinh,
)

from vae_course.derivations.engine import Derivation, Step, WrongForm, integrated, numerical
from vae_course.derivations.notation import add, density, times

half = Rational(1, 2)
t = Symbol("t", real=True)
kappa, d = Symbol("kappa", positive=True), Symbol("d", positive=True)
q, p = density("q"), density("p")


def over_heights(integrand: Expr) -> Integral:
    return Integral(integrand, (t, -1, 1))


definition = Step(
    over_heights(times(q(t), log(q(t) / p(t)))),
    "The definition. With the mean direction $\\mu$, the density at a point depends only on its "
    "height $t = \\mu^\\top x$: the heights are enough. In three dimensions slices of equal "
    "thickness have equal areas: under the uniform distribution $t$ is uniform.",
)
mean_height = times(kappa, over_heights(times(t, q(t))))

von_mises_fisher_kl_sphere = Derivation(
    name="von_mises_fisher_kl_sphere",
    title="The von Mises–Fisher KL in three dimensions",
    left=r"\mathrm{KL}(q \,\|\, p)",
    definitions={
        q: Lambda(t, kappa * exp(kappa * t) / (2 * sinh(kappa))),
        p: Lambda(t, half),
    },
    source="Mardia & Jupp 2000",
    steps=[
        definition,
        Step(
            add(mean_height, log(kappa / sinh(kappa))),
            "The log of the ratio is $\\kappa t$ and a constant.",
            integrated,
        ),
        Step(
            add(times(kappa, cosh(kappa) / sinh(kappa)), -1, log(kappa / sinh(kappa))),
            "By parts. At $\\kappa = 0$ this is 0; for large $\\kappa$ it grows like "
            "$\\log 2\\kappa - 1$.",
            integrated,
        ),
    ],
    wrong_forms=[
        WrongForm(
            2,
            add(kappa, log(kappa / sinh(kappa))),
            "the mean height taken for 1: every sample at the mean direction",
        ),
        WrongForm(
            1,
            add(mean_height, log(kappa / (2 * sinh(kappa)))),
            "the density of the uniform distribution forgotten",
        ),
    ],
)

# Any dimension --------------------------------------------------------------------------------

Z, slices = density("Z"), density("S")
nu = Symbol("nu", positive=True)
height = besseli(add(nu, 1), kappa) / besseli(nu, kappa)
ratio = times(gamma(add(nu, 1)), (2 / kappa) ** nu, besseli(nu, kappa))

von_mises_fisher_kl = Derivation(
    name="von_mises_fisher_kl",
    title="The von Mises–Fisher KL in any dimension",
    left=r"\mathrm{KL}(q \,\|\, p)",
    definitions={
        Z: Lambda(kappa, over_heights(times(exp(kappa * t), slices(t)))),
        q: Lambda(t, times(exp(kappa * t), slices(t)) / Z(kappa)),
        p: Lambda(t, slices(t) / Z(0)),
        nu: add(d / 2, -1),
    },
    instance={d: 5, slices: Lambda(t, (1 - t**2) ** ((d - 3) / 2))},
    source="Davidson et al. 2018",
    steps=[
        Step(
            definition.expression,
            "As in three dimensions, but the slice at height $t$ is a sphere of radius $r$ in one "
            "dimension less, with $r^2 = 1 - t^2$. Its share of the area is in proportion to "
            "$S(t) = (1 - t^2)^{(d - 3)/2}$.",
        ),
        Step(
            add(mean_height, -log(Z(kappa) / Z(0))),
            "The slices are the same under both, and cancel. $Z$ makes the densities integrate "
            "to one.",
            numerical,
        ),
        Step(
            add(times(kappa, height), -log(ratio)),
            "Both integrals are Bessel functions. So the mean height is a ratio of two of "
            "neighbouring orders, and what is left is the log of $Z(\\kappa)/Z(0)$. Checked in "
            "five dimensions.",
            numerical,
        ),
    ],
    wrong_forms=[
        WrongForm(
            2,
            add(kappa / height, -log(ratio)),
            "the ratio upside down: a mean height above one",
        ),
        WrongForm(
            2,
            add(
                times(kappa, besseli(nu + 3 * half, kappa) / besseli(nu + half, kappa)),
                -log(ratio),
            ),
            "d taken for the dimension of the sphere, one less than that of the space",
        ),
        WrongForm(
            2,
            times(kappa, height),
            "the normalisers forgotten",
        ),
    ],
)
