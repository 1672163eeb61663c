r"""The ELBO with an estimator of one's choice, to train with.

$$ \mathcal L(x) = \mathbb E_{q_\phi(z \mid x)}\big[ f_\phi(z) \big], \qquad
   f_\phi(z) = \log p_\theta(x \mid z) + \log p(z) - \log q_\phi(z \mid x) $$

`objectives.elbo` takes the rate in closed form, which is better where there is one. Here all of it
is estimated, so that estimators differ in nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from vae_course.checks import require_count


@dataclass(frozen=True)
class EstimatedBound:
    """The estimate of each example's ELBO: `value`, `(B,)` in nats, with a gradient."""

    value: Tensor

    @property
    def terms(self) -> dict[str, Tensor]:
        return {"elbo": self.value}


def estimated_elbo(estimator: Callable, samples: int = 1) -> Callable:
    """An objective for `training.fit`: the ELBO by `estimator(q, f, samples)`, in θ and in φ.

    A weight β multiplies log p(z) - log q, the part of f whose mean is minus the rate.
    """
    require_count("samples", samples)

    def objective(model, x: Tensor, beta: float | Tensor = 1.0) -> EstimatedBound:
        q = model.encode(x)

        def f(z: Tensor) -> Tensor:
            minus_rate = model.prior.log_prob(z) - q.log_prob(z)
            return model.decode(z).log_prob(x) + beta * minus_rate

        return EstimatedBound(estimator(q, f, samples).mean(0))

    return objective
