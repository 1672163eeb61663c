"""Linear maps, normalisation, planar and radial layers."""

from tests.flows.contract import Case, sizes
from vae_course.flows import (
    ActNorm,
    BatchNorm,
    Composition,
    ElementwiseAffine,
    Inverse,
    LULinear,
    Permutation,
    Planar,
    PlanarStack,
    Radial,
)

CASES = [
    *sizes("elementwise_affine", ElementwiseAffine, 1, 2, 5),
    *sizes("permutation", Permutation.reverse, 2, 5),
    Case("permutation-random", lambda: Permutation.random(6), (6,)),
    *sizes("lu_linear", LULinear, 1, 2, 5),
    *sizes("act_norm", ActNorm, 1, 2, 5),
    Case("act_norm-image", lambda: ActNorm(3, event_dims=3), (3, 4, 2)),
    *sizes("batch_norm", BatchNorm, 1, 2, 5),
    *sizes("planar", Planar, 1, 2, 5),
    *sizes("planar-context", lambda n: Planar(n, context_features=3), 1, 2, 5, context_features=3),
    *sizes("planar_stack", lambda n: PlanarStack(n, 2), 1, 2, 5),
    *sizes(
        "planar_stack-context",
        lambda n: PlanarStack(n, 2, context_features=3),
        1,
        2,
        5,
        context_features=3,
    ),
    # ‖z - c‖ has a kink at c, so that the error of the sum falls with the square of the step only.
    *sizes("radial", Radial, 1, 2, 5, integral=1e-4),
    *sizes("inverse_planar", lambda n: Inverse(Planar(n)), 2),
    *sizes(
        "composition", lambda n: Composition([Planar(n), LULinear(n), Radial(n)]), 2, integral=1e-4
    ),
]
