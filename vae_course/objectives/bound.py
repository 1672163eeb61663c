r"""The evidence lower bound, in its rate-distortion form, for each example of a batch.

$$ \log p_\theta(x) \ge \mathcal L(x) = -\underbrace{\mathbb E_q[-\log p_\theta(x \mid z)]}_{D}
   - \underbrace{\mathrm{KL}\big(q_\phi(z \mid x)\,\|\,p(z)\big)}_{R} $$

D, the distortion, says how badly z explains x; R, the rate, how far q had to move away from the
prior to say it. A weight β on R gives the objective of the β-VAE, $-D-\beta R$. Only at β = 1 is
that a bound on the evidence.

Source: Kingma & Welling 2014; Alemi et al. 2018 (rate, distortion); Higgins et al. 2017 (β).
"""

from dataclasses import dataclass

from torch import Tensor
from torch.distributions import kl_divergence

from vae_course.checks import require_count, require_weight
from vae_course.distributions import rsample_and_log_prob


@dataclass(frozen=True)
class Bound:
    """Distortion and rate of each example, `(B,)` in nats, and what is made of them."""

    distortion: Tensor
    rate: Tensor
    beta: float | Tensor = 1.0

    @property
    def value(self) -> Tensor:
        """What is maximised: -(D + βR), `(B,)`."""
        return -(self.distortion + self.beta * self.rate)

    @property
    def elbo(self) -> Tensor:
        """The evidence lower bound: -(D + R), `(B,)`, whatever β was used to train."""
        return -(self.distortion + self.rate)

    @property
    def terms(self) -> dict[str, Tensor]:
        """What a training run records, by name."""
        return {"distortion": self.distortion, "rate": self.rate, "elbo": self.elbo}


class MonteCarloBound(Bound):
    """A bound whose rate is a Monte Carlo estimate, because this pair q, p has no closed form."""


def elbo(model, x: Tensor, samples: int = 1, beta: float | Tensor = 1.0) -> Bound:
    """Estimate the ELBO of each example with `samples` reparameterised draws of z.

    `x`: `(B, *event_shape)`. The distortion is the mean over the draws, unbiased for any number
    of them. The rate is exact where torch.distributions registers a closed form of KL(q || p);
    elsewhere the same draws estimate it, and the result is a `MonteCarloBound`.
    """
    require_count("samples", samples)
    require_weight("beta", beta)
    q, prior = model.encode(x), model.prior
    try:
        rate = kl_divergence(q, prior)
    except NotImplementedError:
        z, log_q = rsample_and_log_prob(q, (samples,))  # (samples, B, d), (samples, B)
        distortion = -model.decode(z).log_prob(x).mean(0)
        return MonteCarloBound(distortion, (log_q - prior.log_prob(z)).mean(0), beta)
    z = q.rsample((samples,))
    distortion = -model.decode(z).log_prob(x).mean(0)
    return Bound(distortion, rate, beta)
