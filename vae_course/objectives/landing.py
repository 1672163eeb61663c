r"""Sticking the landing: a gradient of the ELBO whose noise vanishes where q is the posterior.

$$ \mathcal L(x) = \mathbb E_\epsilon\big[\log p_\theta(x \mid z) + \log p(z)
   - \log q_{\bar\phi}(z \mid x)\big], \qquad z = z(\epsilon, \phi) $$

φ acts through the draw z only; inside log q it is held fixed, $\bar\phi$. What is left out,
$\nabla_\phi \log q_\phi(z \mid x)$ at a fixed z, is the score function. Its mean is zero, so the
gradient stays unbiased; but its noise is not, so it keeps an optimiser moving even at the optimum.
Without it, $\log p(x, z) - \log q(z \mid x)$ is constant in z where q is the posterior, and every
draw gives the same gradient for the encoder: zero.

With several draws inside the logarithm the same step is biased. There its place is taken by
`iwae(..., gradient="dreg")` (Tucker et al. 2019).

Source: Roeder, Wu & Duvenaud 2017, "Sticking the Landing".
"""

from torch import Tensor

from vae_course.checks import require_count, require_weight
from vae_course.conditional import detached
from vae_course.objectives.bound import MonteCarloBound


def sticking_the_landing(
    model, x: Tensor, samples: int = 1, beta: float | Tensor = 1.0
) -> MonteCarloBound:
    """Estimate the ELBO of each example with `samples` draws, φ fixed inside log q.

    `x`: `(B, *event_shape)`. The value has the same mean as that of `elbo`, but the rate comes from
    the draws, for it is the noise of the two terms together that cancels. In nats.
    """
    require_count("samples", samples)
    require_weight("beta", beta)
    q = model.encode(x)
    z = q.rsample((samples,))  # (samples, B, d)
    distortion = -model.decode(z).log_prob(x).mean(0)
    rate = (detached(q).log_prob(z) - model.prior.log_prob(z)).mean(0)
    return MonteCarloBound(distortion, rate, beta)
