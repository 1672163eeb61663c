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
from vae_course.estimators.bernoulli import InputBaseline, nvil


@dataclass(frozen=True)
class EstimatedBound:
    """The estimate of each example's ELBO, `elbo`, `(B,)` in nats, with the estimator's gradient.

    `value` is what is maximised: the same, less the squared error of a baseline that is learned.
    """

    elbo: Tensor
    value: Tensor

    @property
    def terms(self) -> dict[str, Tensor]:
        return {"elbo": self.elbo}


def elbo_integrand(model, x: Tensor, beta: float | Tensor = 1.0) -> tuple:
    """q(z|x) and f. A weight β multiplies log p(z) - log q, whose mean is minus the rate."""
    q = model.encode(x)

    def f(z: Tensor) -> Tensor:
        minus_rate = model.prior.log_prob(z) - q.log_prob(z)
        return model.decode(z).log_prob(x) + beta * minus_rate

    return q, f


def estimated_elbo(estimator: Callable, samples: int = 1) -> Callable:
    """An objective for `training.fit`: the ELBO by `estimator(q, f, samples)`, in θ and in φ."""
    require_count("samples", samples)

    def objective(model, x: Tensor, beta: float | Tensor = 1.0) -> EstimatedBound:
        q, f = elbo_integrand(model, x, beta)
        elbo = estimator(q, f, samples).mean(0)
        return EstimatedBound(elbo, elbo)

    return objective


def nvil_elbo(baseline: InputBaseline, samples: int = 1) -> Callable:
    """The same by `nvil`, which trains its baseline, too.

    Only what is among the model's parameters is trained: `model.baseline = baseline`.
    """
    require_count("samples", samples)

    def objective(model, x: Tensor, beta: float | Tensor = 1.0) -> EstimatedBound:
        q, f = elbo_integrand(model, x, beta)
        elbo = nvil(q, f, samples, baseline=baseline, x=x).mean(0)
        return EstimatedBound(elbo, elbo - baseline.error.mean(0))

    return objective
