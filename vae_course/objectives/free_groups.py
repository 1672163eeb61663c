r"""Free bits: the first κ nats of every group of latents cost nothing.

$$ \mathcal L_\kappa = -\frac1B \sum_b D_b
   - \beta \sum_j \max\Big(\kappa,\; \frac1B \sum_b \mathrm{KL}\big(q(z_j | x_b)\,\|\,p(z_j)\big)\Big) $$

The maximum is taken for each group j of latents, of the mean over the minibatch. Below κ the
gradient of a group's rate is zero: nothing pushes it up, the pressure downwards is gone. So a
group that carries nothing and starts exactly there stays there.

Source: Kingma, Salimans, Jozefowicz, Chen, Sutskever & Welling 2016, "Improved variational
inference with inverse autoregressive flow", appendix C.8.
"""  # noqa: E501

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Independent, kl_divergence

from vae_course.checks import require, require_count, require_weight
from vae_course.objectives.bound import Bound


@dataclass(frozen=True)
class FreeBits(Bound):
    """A bound with the rates of its groups, means over the minibatch, `(groups,)` in nats.

    They belong to the minibatch, so the last term of `value` is the same for each of its examples.
    """

    group_rates: Tensor = None
    kappa: float = 0.0

    @property
    def value(self) -> Tensor:
        """What is maximised, `(B,)`: its mean is the formula above, and so is its gradient."""
        charged = self.group_rates.clamp(min=self.kappa).sum(-1, keepdim=True)
        return -(self.distortion + self.beta * charged)


def free_bits(
    model, x: Tensor, kappa: float, groups=None, samples: int = 1, beta: float | Tensor = 1.0
) -> FreeBits:
    """The ELBO of each example of `x`, `(B, *event_shape)`, with κ nats free for each group.

    `groups`: sizes of consecutive groups of latents. Default: each latent is a group; `[d]` is the
    single group of all, where κ is for all of them together. Posterior and prior must be
    independent over the latents.
    """
    require(kappa >= 0, f"kappa is {kappa}, needs a number of nats of at least 0")
    require_count("samples", samples)
    require_weight("beta", beta)
    d = model.latent_dim
    groups = [1] * d if groups is None else list(groups)
    require(sum(groups) == d, f"groups are {groups}, need sizes that sum to the {d} latents")
    q = model.encode(x)
    rates = unit_rates(q, model.prior)  # (B, d)
    z = q.rsample((samples,))
    distortion = -model.decode(z).log_prob(x).mean(0)
    in_groups = torch.stack([part.sum(-1) for part in rates.split(groups, -1)], -1)
    return FreeBits(distortion, rates.sum(-1), beta, in_groups.mean(-2), kappa)


def unit_rates(q, prior) -> Tensor:
    """KL of each latent of each example, `(B, d)`."""
    for name, distribution in [("posterior", q), ("prior", prior)]:
        require(
            isinstance(distribution, Independent),
            f"the {name} is {type(distribution).__name__}, needs one that is independent over "
            "the latents",
        )
    return kl_divergence(q.base_dist, prior.base_dist)
