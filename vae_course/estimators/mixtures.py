r"""Mixtures: the gradient that the index of a component does not let through, in two ways.

$$ q(z) = \sum_i \pi_i\, q_i(z) $$

Draw i, then z from q_i by its formula: the gradient reaches the chosen component but never the
weights π, for an index is a step function of its noise. Two ways out:

- *implicit*: the mixture as a whole has the distribution function $F = \sum_i \pi_i F_i$. For a
  univariate z.
- *stratified*: $\mathbb E_q f = \sum_i \pi_i\, \mathbb E_{q_i} f$, a draw from every component. In
  any dimension, for as many evaluations of f as there are components.

Source: Figurnov, Mohamed & Mnih 2018 (implicit); Mohamed et al. 2020 (stratified sampling).
"""

from collections.abc import Callable

from torch import Tensor
from torch.distributions import MixtureSameFamily

from vae_course.checks import require
from vae_course.estimators.implicit import implicit_sample
from vae_course.estimators.integrand import evaluate, require_problem


class ImplicitMixture(MixtureSameFamily):
    """A univariate mixture whose `rsample` has gradients in the weights and the components.

    The components need a `cdf` that autograd can differentiate, as `Normal` has.
    """

    has_rsample = True

    def __init__(self, mixture_distribution, component_distribution, validate_args=None):
        shape = tuple(getattr(component_distribution, "event_shape", ()))
        require(
            shape == (), f"component_distribution has event shape {shape}, needs (): univariate"
        )
        super().__init__(mixture_distribution, component_distribution, validate_args)

    def rsample(self, sample_shape=()) -> Tensor:
        z = self.sample(sample_shape)
        return implicit_sample(z, self.cdf(z), self.log_prob(z).exp())


def stratified(q: MixtureSameFamily, f: Callable[[Tensor], Tensor], samples: int = 1) -> Tensor:
    r"""Surrogate $\sum_i \pi_i f(z_i)$ with $z_i \sim q_i$, reparameterised: `(samples, *batch)`.

    Its value, too, varies less than f(z): which component a draw came from adds no noise.
    """
    require_problem(q, samples)
    require(isinstance(q, MixtureSameFamily), f"q is {type(q).__name__}, needs a MixtureSameFamily")
    require(q.component_distribution.has_rsample, "q's components have no rsample, need one")
    z = q.component_distribution.rsample((samples,))  # (K, *batch, C, *event)
    z = z.movedim(1 + len(q.batch_shape), 0)  # (C, K, *batch, *event)
    values = evaluate(f, z.flatten(0, 1), q).unflatten(0, z.shape[:2])  # (C, K, *batch)
    weights = q.mixture_distribution.probs.movedim(-1, 0)  # (C, *batch)
    return (weights[:, None] * values).sum(0)
