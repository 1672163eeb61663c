r"""Conditional distributions: modules that map a tensor to a torch Distribution.

A *posterior* maps a batch of data to distributions over the latent,

$$ q_\phi(z \mid x) = \mathcal N\big(z;\, \mu_\phi(x),\, \Sigma_\phi(x)\big), $$

a *likelihood* maps latents to distributions over data, $p_\theta(x \mid z)$. Each is a network,
the `trunk`, and a last step that turns its numbers into parameters that are valid by
construction: a variance is the exponential of a free number, a probability the sigmoid of one.

Arguments were checked when the parts were built, so the distributions are made with
`validate_args=False`: on a GPU each validation would wait for the device.

Under autocast the layers compute in bfloat16, with three digits. The densities do not: what a
network gives is taken back to the precision of what it was given.
"""

import copy
from math import inf, log, prod

import torch
from torch import Tensor, nn
from torch.distributions import (
    Bernoulli,
    Distribution,
    Independent,
    MultivariateNormal,
    Normal,
    Transform,
)

from vae_course.checks import require, require_count
from vae_course.distributions import ContinuousBernoulli, DiscretisedLogistic


def independent(distribution: Distribution, event_dims: int) -> Independent:
    """Read the last axes as one event: `log_prob` sums over them."""
    return Independent(distribution, event_dims, validate_args=False)


# Posteriors ---------------------------------------------------------------------------------


class DiagonalGaussian(nn.Module):
    r"""$q(z|x) = \mathcal N(\mu(x), \mathrm{diag}\, \sigma^2(x))$: a head gives μ and log σ².

    `trunk`: `(B, *event_shape) -> (B, features)`. Kingma & Welling 2014.
    """

    def __init__(self, trunk: nn.Module, features: int, latent_dim: int):
        super().__init__()
        self.trunk = trunk
        self.latent_dim = require_count("latent_dim", latent_dim)
        self.head = nn.Linear(features, 2 * latent_dim)  # μ and log σ² side by side

    def forward(self, x: Tensor) -> Independent:
        mean, log_var = self.head(self.trunk(x)).to(x.dtype).chunk(2, -1)
        sigma = (0.5 * log_var).exp()
        return independent(Normal(mean, sigma, validate_args=False), 1)


class FullGaussian(nn.Module):
    r"""$q(z|x) = \mathcal N(\mu(x), L(x) L(x)^\top)$ with a lower triangular L.

    The head gives μ, the logarithm of L's diagonal and its entries below the diagonal.
    """

    def __init__(self, trunk: nn.Module, features: int, latent_dim: int):
        super().__init__()
        self.trunk = trunk
        d = self.latent_dim = require_count("latent_dim", latent_dim)
        self.head = nn.Linear(features, 2 * d + d * (d - 1) // 2)
        self.register_buffer("below", torch.tril_indices(d, d, -1), persistent=False)

    def forward(self, x: Tensor) -> MultivariateNormal:
        d = self.latent_dim
        out = self.head(self.trunk(x)).to(x.dtype)
        mean, log_diagonal, below = out.split([d, d, self.below.shape[1]], -1)
        scale_tril = torch.diag_embed(log_diagonal.exp())
        scale_tril[..., self.below[0], self.below[1]] = below
        return MultivariateNormal(mean, scale_tril=scale_tril, validate_args=False)


# Likelihoods --------------------------------------------------------------------------------


class Likelihood(nn.Module):
    """A decoder: latents `(..., d)` to distributions with batch `(...)` and event `event_shape`.

    `trunk`: `(..., d) -> (..., outputs)`, where the outputs hold `sets` numbers for each
    component of x; one set for each parameter, `(..., sets, *event_shape)`.
    """

    sets = 1

    def __init__(self, trunk: nn.Module, event_shape):
        super().__init__()
        self.trunk = trunk
        self.event_shape = tuple(event_shape)

    def outputs(self, z: Tensor) -> tuple[Tensor, ...]:
        """The trunk's output as one tensor `(..., *event_shape)` for each parameter."""
        out = self.trunk(z).to(z.dtype)
        batch = z.shape[:-1]
        if out.numel() != batch.numel() * self.sets * prod(self.event_shape):
            raise ValueError(
                f"the decoder's trunk gave shape {tuple(out.shape)} for latents {tuple(z.shape)}, "
                f"needs {self.sets} x {self.event_shape} numbers for each latent"
            )
        out = out.reshape(*batch, self.sets, *self.event_shape)
        return out.unbind(-1 - len(self.event_shape))

    def as_event(self, distribution: Distribution) -> Independent:
        return independent(distribution, len(self.event_shape))


class BernoulliLikelihood(Likelihood):
    r"""Binary data: $\prod_i \lambda_i^{x_i} (1-\lambda_i)^{1-x_i}$ with λ = sigmoid(logits)."""

    def forward(self, z: Tensor) -> Independent:
        (logits,) = self.outputs(z)
        return self.as_event(Bernoulli(logits=logits, validate_args=False))


class ContinuousBernoulliLikelihood(Likelihood):
    r"""Grey data in [0, 1]: $p(x|z) = \prod_i C(\lambda_i) \lambda_i^{x_i} (1-\lambda_i)^{1-x_i}$.

    The normaliser C makes the Bernoulli formula a density; without it, cross-entropy on grey
    pixels is not a likelihood. The mean is not λ. Loaiza-Ganem & Cunningham 2019.
    """

    def forward(self, z: Tensor) -> Independent:
        (logits,) = self.outputs(z)
        return self.as_event(ContinuousBernoulli(logits=logits, validate_args=False))


class GaussianLikelihood(Likelihood):
    r"""Real data: $p(x|z) = \mathcal N\big(x;\, \mu(z),\, \sigma^2\big)$ with four choices of σ.

    - `sigma=0.1` (a number): fixed.
    - `sigma="shared"`: one learned number, kept as the parameter `log_sigma`. At its optimum σ² is
      the mean squared error per component (Rybkin et al. 2021).
    - `sigma="optimal"`: that optimum itself, at each step, of the batch that `log_prob` is asked
      about; see `OptimalNormal`. In evaluation mode σ is that of the last training step, kept as
      the buffer `log_sigma`, so that all examples have the same.
    - `sigma="per_component"`: the trunk gives log σ for each component of x, in a second set of
      outputs. The likelihood is then unbounded (Mattei & Frellsen 2018), so σ is kept above
      `min_sigma`, in units of x.
    """

    def __init__(self, trunk, event_shape, sigma: float | str = "shared", min_sigma: float = 1e-2):
        super().__init__(trunk, event_shape)
        names = ("shared", "optimal", "per_component")
        choices = "a positive number, 'shared', 'optimal' or 'per_component'"
        if isinstance(sigma, str):
            require(sigma in names, f"sigma is {sigma!r}, needs {choices}")
        else:
            require(
                isinstance(sigma, int | float) and 0 < sigma < inf,
                f"sigma is {sigma!r}, needs {choices}",
            )
        require(min_sigma > 0, f"min_sigma is {min_sigma!r}, needs a positive number")
        self.per_component, self.optimal = sigma == "per_component", sigma == "optimal"
        self.min_log_sigma = log(min_sigma)
        if self.per_component:
            self.sets = 2
        elif sigma == "shared":
            self.log_sigma = nn.Parameter(torch.zeros(()))
        elif self.optimal:
            self.register_buffer("log_sigma", torch.zeros(()))
        else:
            self.log_sigma = log(sigma)

    def forward(self, z: Tensor) -> Independent:
        if self.per_component:
            mean, log_sigma = self.outputs(z)
            # softplus keeps a gradient where a clamp would have none.
            log_sigma = self.min_log_sigma + nn.functional.softplus(log_sigma - self.min_log_sigma)
        else:
            (mean,) = self.outputs(z)
            if self.optimal and self.training:
                return self.as_event(OptimalNormal(mean, self.log_sigma, self.min_log_sigma))
            if isinstance(self.log_sigma, Tensor):
                log_sigma = self.log_sigma.to(mean.dtype)
            else:  # a number, exact in any dtype; filled in on the device
                log_sigma = mean.new_full((), self.log_sigma)
        return self.as_event(Normal(mean, log_sigma.exp(), validate_args=False))


class OptimalNormal(Normal):
    r"""$\mathcal N(\mu, \sigma^2)$ whose `log_prob` takes the σ that is best for what it is given.

    $$ \hat\sigma^2 = \frac1n\, \mathrm{mean}\, \|x - \mu\|^2, \qquad
       \text{mean of } -\log p = \frac n2 \big(\log 2\pi\hat\sigma^2 + 1\big) $$

    One σ for all components, samples and examples together, not below the least. It is left in
    `log_sigma`. No gradient passes through it, and none is missing: at an optimum in σ the
    derivative by σ is zero. Rybkin, Daniilidis & Levine 2021.
    """

    def __init__(self, mean: Tensor, log_sigma: Tensor, min_log_sigma: float):
        super().__init__(mean, log_sigma.to(mean.dtype).exp(), validate_args=False)
        self.log_sigma, self.min_log_sigma = log_sigma, min_log_sigma

    def log_prob(self, x: Tensor) -> Tensor:
        error = (x - self.loc).detach().square().mean()
        best = (0.5 * error.log()).clamp(min=self.min_log_sigma)
        self.log_sigma.copy_(best)
        return Normal(self.loc, best.exp(), validate_args=False).log_prob(x)


class DiscretisedLogisticLikelihood(Likelihood):
    """Grey levels 0, 1/255, ..., 1 as what they are: discrete. One learned `log_scale`.

    See `vae_course.distributions.DiscretisedLogistic`; the trunk gives the location.
    """

    def __init__(self, trunk, event_shape, levels: int = 256):
        super().__init__(trunk, event_shape)
        self.levels = require_count("levels", levels, least=2)
        self.log_scale = nn.Parameter(torch.tensor(-2.0))

    def forward(self, z: Tensor) -> Independent:
        (loc,) = self.outputs(z)
        log_scale = self.log_scale.to(loc.dtype)
        return self.as_event(DiscretisedLogistic(loc, log_scale, self.levels, validate_args=False))


# Distributions that depend on nothing ---------------------------------------------------------


class StandardNormal(nn.Module):
    r"""The usual prior, $p(z) = \mathcal N(0, I_d)$, on the device of the model it is part of."""

    def __init__(self, latent_dim: int):
        super().__init__()
        self.latent_dim = require_count("latent_dim", latent_dim)
        self.register_buffer("loc", torch.zeros(latent_dim), persistent=False)
        self.register_buffer("scale", torch.ones(latent_dim), persistent=False)

    def forward(self) -> Independent:
        return independent(Normal(self.loc, self.scale, validate_args=False), 1)


class Constant(nn.Module):
    """A given distribution as a module: it moves with `.to(device)`, and nothing in it is trained.

    `Constant(p)()` is the distribution itself. `Constant(p, input_dims=1)(z)` ignores the values
    of z and gives one copy for each entry of its batch, `z.shape[:-1]`.
    """

    def __init__(self, distribution: Distribution, input_dims: int = 1):
        super().__init__()
        self.distribution = distribution
        self.input_dims = input_dims
        self.event_shape = tuple(distribution.event_shape)

    def forward(self, ignored: Tensor | None = None) -> Distribution:
        if ignored is None:
            return self.distribution
        batch = ignored.shape[: ignored.dim() - self.input_dims]
        return self.distribution.expand((*batch, *self.distribution.batch_shape))

    def _apply(self, fn, recurse=True):
        # `.to`, `.double` and `.cuda` call this on every module; here no module owns the tensors.
        self.distribution = _map_tensors(self.distribution, fn)
        return super()._apply(fn, recurse)


def detached(distribution: Distribution) -> Distribution:
    """The same distribution with parameters that pass no gradient on; its argument still does."""
    return _map_tensors(distribution, Tensor.detach)


def _map_tensors(thing, fn):
    """A copy of a distribution in which `fn` was applied to each tensor, however deep inside."""
    if isinstance(thing, Tensor):
        return fn(thing)
    if isinstance(thing, nn.Module):  # the transform of a flow
        return copy.deepcopy(thing)._apply(fn).requires_grad_(False)
    if isinstance(thing, list):  # the transforms of a TransformedDistribution
        return [_map_tensors(item, fn) for item in thing]
    if isinstance(thing, Distribution | Transform):
        new = copy.copy(thing)
        vars(new).update({name: _map_tensors(value, fn) for name, value in vars(thing).items()})
        return new
    return thing
