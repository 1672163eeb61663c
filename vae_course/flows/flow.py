r"""A flow: noise from a base density, bent by invertible maps, with its exact density.

$$ z_K = f_K \circ \dots \circ f_1(z_0), \quad z_0 \sim q_0, \qquad
   \log q_K(z_K) = \log q_0(z_0) - \sum_{k=1}^K \log\Big|\det \frac{\partial f_k}{\partial z_{k-1}}\Big| $$

Read from noise to data this draws a sample with its density; read from data to noise, by
$z_0 = f_1^{-1} \circ \dots \circ f_K^{-1}(z_K)$, it gives the density of any point.

Source: Rezende & Mohamed 2015; Papamakarios et al. 2021.
"""  # noqa: E501

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, constraints

from vae_course.checks import require, require_tensor
from vae_course.conditional import Constant
from vae_course.flows.transform import Composition


class FlowDistribution(Distribution):
    """The distribution of `transform(z)` for z from `base`: batch shape of the context, if any.

    Rather than `rsample` and then `log_prob`, ask for both at once: `rsample_and_log_prob` knows
    the noise that each sample came from, and `log_prob` has to find it.
    """

    arg_constraints = {}
    has_rsample = True

    def __init__(self, base: Distribution, transform, context: Tensor | None = None):
        self.base, self.transform, self.context = base, transform, context
        batch_shape = base.batch_shape
        if context is not None:
            batch_shape = torch.broadcast_shapes(batch_shape, context.shape[:-1])
        event_shape = getattr(transform, "event_shape", None) or base.event_shape
        super().__init__(batch_shape, torch.Size(event_shape), validate_args=False)

    @property
    def support(self):
        return constraints.independent(constraints.real, len(self.event_shape))

    def expand(self, batch_shape, _instance=None):
        batch_shape = torch.Size(batch_shape)
        if self.context is None:
            return FlowDistribution(self.base.expand(batch_shape), self.transform)
        context = self.context.expand(*batch_shape, self.context.shape[-1])
        return FlowDistribution(self.base, self.transform, context)

    def log_prob(self, value: Tensor) -> Tensor:
        """The log-density of points `(..., *event_shape)`, in nats: one pass from data to noise."""
        noise, log_det = self.transform.inverse(value, self.context)
        return self.base.log_prob(noise) + log_det

    def rsample_and_log_prob(self, sample_shape=()) -> tuple[Tensor, Tensor]:
        """Draw samples and their log-densities, in one pass from noise to data."""
        noise = self.base.expand(self.batch_shape).rsample(sample_shape)
        value, log_det = self.transform(noise, self.context)
        return value, self.base.log_prob(noise) - log_det

    def rsample(self, sample_shape=()) -> Tensor:
        noise = self.base.expand(self.batch_shape).rsample(sample_shape)
        return self.transform(noise, self.context)[0]

    def sample(self, sample_shape=()) -> Tensor:
        with torch.no_grad():
            return self.rsample(sample_shape)


class Flow(nn.Module):
    """A base and a list of transforms; `flow()` is a Distribution, `flow(context)` a batch of them.

    base:        a module `() -> Distribution`, or a Distribution, of the noise
    transforms:  a list of `Transform`, the first one next to the noise
    event_shape: the shape of one x, where it is not that of the noise

    `flow.log_prob(x)`, `flow.sample(shape)` and `flow.rsample_and_log_prob(shape)` are short for
    the same with `flow()`. As a module without input that gives a Distribution, a flow is a prior.
    """

    def __init__(self, base, transforms, event_shape=None):
        super().__init__()
        self.base = Constant(base) if isinstance(base, Distribution) else base
        require(
            isinstance(self.base, nn.Module) and isinstance(self.base(), Distribution),
            f"base is {type(base).__name__}, needs a Distribution or a module that returns one",
        )
        self.transform = Composition(transforms)
        self.event_shape = tuple(event_shape or self.base().event_shape)
        self.transform.event_shape = self.event_shape

    def forward(self, context: Tensor | None = None) -> FlowDistribution:
        """The distribution, given a context `(..., c)` if the transforms take one."""
        return FlowDistribution(self.base(), self.transform, context)

    def log_prob(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """log-density of `(..., *event_shape)`: shape `(...)`, in nats."""
        shape = tuple(require_tensor("x", x).shape)
        require(
            shape[len(shape) - len(self.event_shape) :] == self.event_shape,
            f"x has shape {shape}, needs (..., {', '.join(map(str, self.event_shape))})",
        )
        return self(context).log_prob(x)

    def sample(self, sample_shape=(), context: Tensor | None = None) -> Tensor:
        """Draw `(*sample_shape, *batch of the context, *event_shape)`, without gradients."""
        return self(context).sample(sample_shape)

    def rsample_and_log_prob(self, sample_shape=(), context: Tensor | None = None):
        """Draw samples that pass gradients on, with their log-densities."""
        return self(context).rsample_and_log_prob(sample_shape)
