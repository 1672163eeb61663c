r"""Noise for grey levels that is learned: it goes where the density of the cell is.

$$ \log P(v) \;\ge\; \E_{q(u \mid v)}\big[\log p(y) - \log q(u \mid v)\big] - n \log 256,
   \qquad y = \frac{v + u}{256}, \quad u \in [0, 1)^n $$

for any density q of the noise u. What is lost is KL(q(u | v) ‖ p(u | v)), where p(u | v) is the
model's own density over the cell of v. Uniform noise has q = 1, and its logarithm is zero.

Source: Ho, Chen, Srinivas, Duan & Abbeel 2019, "Flow++".
"""

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, constraints
from torch.nn.functional import logsigmoid

from vae_course.checks import require
from vae_course.distributions import rsample_and_log_prob

BOUND = 4.0  # of |s|: noise that is narrower than e⁻⁴ of a cell is never needed, and may run away


class LogitLogistic(Distribution):
    r"""u = σ(t + eˢ l) with logistic noise l: a bump, a slope or a bowl over [0, 1].

    $$ \log q(u) = \log \lambda(l) - s - \log \lambda(t + e^s l),
       \qquad \lambda(l) = \sigma(l)\, \sigma(-l) $$

    `t` and `s` have shape `(*batch, *event)`, and the last `event_dims` axes are one event. For
    t = s = 0 it is uniform, because σ(l) is.
    """

    arg_constraints = {}
    has_rsample = True

    def __init__(self, t: Tensor, s: Tensor, event_dims: int):
        self.t, self.s, self.event_dims = t, s, event_dims
        batch = t.dim() - event_dims
        super().__init__(t.shape[:batch], t.shape[batch:], validate_args=False)

    @property
    def support(self):
        return constraints.independent(constraints.unit_interval, self.event_dims)

    def rsample_and_log_prob(self, sample_shape=()) -> tuple[Tensor, Tensor]:
        """Samples, and their log-densities in nats, in one pass."""
        shape = self._extended_shape(torch.Size(sample_shape))
        least = torch.finfo(self.t.dtype).eps  # the logit of 0 or 1 is infinite
        v = torch.rand(shape, dtype=self.t.dtype, device=self.t.device).clamp(least, 1 - least)
        noise = v.logit()
        z = self.t + self.s.exp() * noise
        return z.sigmoid(), self.log_density(noise, z)

    def rsample(self, sample_shape=()) -> Tensor:
        return self.rsample_and_log_prob(sample_shape)[0]

    def log_prob(self, value: Tensor) -> Tensor:
        z = value.logit(torch.finfo(value.dtype).eps)
        return self.log_density((z - self.t) * (-self.s).exp(), z)

    def log_density(self, noise: Tensor, z: Tensor) -> Tensor:
        """log q of u = σ(z), z = t + eˢ · noise, summed over the event."""
        log_q = log_logistic(noise) - self.s - log_logistic(z)
        return log_q.sum(tuple(range(-self.event_dims, 0)))


def log_logistic(z: Tensor) -> Tensor:
    """log σ(z) σ(-z): the standard logistic density, and the slope of the sigmoid."""
    return logsigmoid(z) + logsigmoid(-z)


class VariationalNoise(nn.Module):
    """q(u | v): a `LogitLogistic` for each number, whose t and s a network finds from all of v.

    network: levels `(B, *event_shape)` in [0, 1] to twice as many channels (or features),
             `(B, 2C, …)`, first s and then t. Where it gives zeros the noise is uniform:
             `conditioner(C, 2C, hidden)` of `image_coupling` starts there.

    Given v the numbers of u are independent. Flow++ lets them depend on one another: any module
    that maps v to a distribution on the unit cube may stand in the place of this one.
    The log-scale is 4·tanh(s/4), which is s near 0 and stays between -4 and 4.
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, v: Tensor) -> LogitLogistic:
        out = self.network(v).to(v.dtype)  # under autocast a network computes in bfloat16
        require(
            out.shape == (len(v), 2 * v.shape[1], *v.shape[2:]),
            f"network gives shape {tuple(out.shape)}, needs s and t of "
            f"{tuple(v.shape)}: {(len(v), 2 * v.shape[1], *v.shape[2:])}",
        )
        s, t = out.chunk(2, 1)
        return LogitLogistic(t, BOUND * torch.tanh(s / BOUND), v.dim() - 1)


class DequantisedFlow(nn.Module):
    """A flow and the noise that it is trained with, as one model: `fit` trains both.

    flow:  anything with `log_prob` of data in [0, 1]
    noise: a module from levels v, 0, 1/255, …, 1 of shape `(B, *event_shape)`, to a distribution
           of u in the unit cube with that batch and event shape, such as `VariationalNoise`

    `dequantised_log_likelihood` of this model is the bound with that noise; of `model.flow` alone,
    the one with uniform noise. Samples are the flow's: no noise is needed for them.
    """

    def __init__(self, flow, noise: nn.Module):
        super().__init__()
        require(hasattr(flow, "log_prob"), f"flow is {type(flow).__name__}, it has no log_prob")
        require(
            isinstance(noise, nn.Module),
            f"noise is {type(noise).__name__}, needs a module from levels to a distribution",
        )
        self.flow, self.noise = flow, noise

    def log_prob(self, y: Tensor) -> Tensor:
        """The flow's log-density of points y, `(B,)` in nats. The noise has no part in it."""
        return self.flow.log_prob(y)

    def sample(self, sample_shape=()) -> Tensor:
        return self.flow.sample(sample_shape)

    def draw_noise(self, v: Tensor) -> tuple[Tensor, Tensor]:
        """u of the shape of v, and log q(u | v), `(B,)` in nats.

        Raises `ValueError` unless the noise is a distribution of such u in the unit cube.
        """
        q = self.noise(v)
        require(
            isinstance(q, Distribution),
            f"noise gives {type(q).__name__}, needs a distribution",
        )
        require(
            q.batch_shape == v.shape[:1] and q.event_shape == v.shape[1:],
            f"noise gives batch shape {tuple(q.batch_shape)} and event shape "
            f"{tuple(q.event_shape)}, needs {tuple(v.shape[:1])} and {tuple(v.shape[1:])}",
        )
        require(
            on_the_unit_interval(q.support),
            f"noise gives numbers in {q.support}, needs them in [0, 1)",
        )
        require(q.has_rsample, f"noise gives {type(q).__name__}, which has no rsample")
        return rsample_and_log_prob(q)


def on_the_unit_interval(support) -> bool:
    """Whether a support is the interval from 0 to 1, of each number by itself.

    Ends that are tensors are taken as they are: to look at them the host would wait.
    """
    while isinstance(support, constraints.independent):
        support = support.base_constraint
    if not isinstance(support, constraints.interval):
        return False
    ends = support.lower_bound, support.upper_bound
    return all(isinstance(a, Tensor) or a == b for a, b in zip(ends, (0, 1), strict=True))
