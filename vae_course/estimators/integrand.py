r"""What every estimator is given: a distribution q, an integrand f, and a number of samples.

$$ \nabla_\phi\, \mathbb E_{q_\phi(z)}\big[f_\phi(z)\big] $$

f maps latents `(K, *batch, *event)` to one number each, `(K, *batch)`. It may depend on φ: the
integrand of the ELBO contains log q. Autograd follows that dependence by itself, as long as f
computes with the parameters and not with a detached copy of them.
"""

from collections.abc import Callable

from torch import Tensor
from torch.distributions import Distribution

from vae_course.checks import require, require_count


def require_problem(q, samples, least: int = 1) -> None:
    """Check what an estimator is given, before it draws anything."""
    require(isinstance(q, Distribution), f"q is {type(q).__name__}, needs a Distribution")
    require_count("samples", samples, least)


def evaluate(f: Callable[[Tensor], Tensor], z: Tensor, q: Distribution) -> Tensor:
    """f(z), after a check that it has one number for each z: `(K, *batch)`."""
    values = f(z)
    wanted = tuple(z.shape[: z.dim() - len(q.event_shape)])
    found = tuple(values.shape) if isinstance(values, Tensor) else type(values).__name__
    require(found == wanted, f"f(z) has shape {found}, needs {wanted}: one number for each z")
    return values
