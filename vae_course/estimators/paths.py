r"""The pathwise estimator: differentiate through the sample.

$$ z = g(\varepsilon, \phi), \qquad \nabla_\phi\, \mathbb E_{q_\phi}[f_\phi(z)]
   = \mathbb E_\varepsilon\big[ \nabla_z f_\phi(z)\, \partial_\phi g(\varepsilon, \phi)
     + \partial_\phi f_\phi(z) \big] $$

This needs more than noise that is independent of φ. Derivative and expectation may change places
if, for almost every ε, φ ↦ f(g(ε, φ)) is Lipschitz, with a constant that has a finite mean over ε.
Kinks are allowed (ReLU), jumps are not: for a step function the estimate is zero.

Source: Kingma & Welling 2014; Rezende, Mohamed & Wierstra 2014; Mohamed et al. 2020.
"""

from collections.abc import Callable

from torch import Tensor
from torch.distributions import Distribution

from vae_course.checks import require
from vae_course.estimators.integrand import evaluate, require_problem


def pathwise(q: Distribution, f: Callable[[Tensor], Tensor], samples: int = 1) -> Tensor:
    """Surrogate of E_q[f] by reparameterised draws, `f(q.rsample())`: `(samples, *q.batch_shape)`.

    q must have `rsample`. Whether that is a formula for z or an implicit gradient makes no
    difference here: see `implicit.py`.
    """
    require_problem(q, samples)
    require(
        q.has_rsample,
        f"q is {type(q).__name__}, needs a distribution with rsample; without one, score_function",
    )
    return evaluate(f, q.rsample((samples,)), q)
