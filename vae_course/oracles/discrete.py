r"""A latent with finitely many values: evidence, posterior, bound and gradients are plain sums.

$$ p(x) = \sum_{s=1}^S p(z_s)\, p_\theta(x \mid z_s), \qquad
   p(z_s \mid x) = \frac{p(z_s)\, p_\theta(x \mid z_s)}{p(x)}, \qquad
   \mathbb E_q[f(z)] = \sum_s q(z_s)\, f(z_s) $$

Nothing is sampled, so autograd through these sums gives the exact gradient in θ and in φ, to which
any estimator of a gradient can be held. `one_hot(S)` are the values of one categorical variable,
`binary_vectors(d)` those of d binary ones.
"""

import torch
from torch import Tensor
from torch.distributions import Categorical, Distribution, constraints

from vae_course.checks import require, require_count, require_tensor
from vae_course.models.vae import VAE
from vae_course.objectives.bound import Bound


def one_hot(states: int) -> Tensor:
    """The values of a categorical latent: `(S, S)`, one row a state."""
    return torch.eye(require_count("states", states))


def binary_vectors(latent_dim: int) -> Tensor:
    """The values of d binary latents: `(2**d, d)`."""
    bits = torch.tensor([0.0, 1.0])
    return torch.cartesian_prod(*[bits] * require_count("latent_dim", latent_dim)).reshape(
        -1, latent_dim
    )


class FiniteDistribution(Distribution):
    """One of the rows of `values` `(S, d)`, in proportion to exp(`logits`), `(..., S)`."""

    arg_constraints = {"logits": constraints.real_vector}

    def __init__(self, values: Tensor, logits: Tensor, validate_args=None):
        self.values = values
        self.index = Categorical(logits=logits, validate_args=validate_args)
        self.logits = self.index.logits  # normalised
        super().__init__(logits.shape[:-1], values.shape[1:], validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        logits = self.logits.expand(*batch_shape, -1)
        return FiniteDistribution(self.values, logits, validate_args=False)

    @property
    def mean(self) -> Tensor:
        return self.logits.exp() @ self.values

    def sample(self, sample_shape=()) -> Tensor:
        return self.values[self.index.sample(sample_shape)]

    def log_prob(self, value: Tensor) -> Tensor:
        same = (value[..., None, :] == self.values).all(-1)  # (..., S)
        logits = torch.where(same, self.logits, 0.0).sum(-1)  # of the one row that is the same
        return torch.where(same.any(-1), logits, -torch.inf)


class DiscreteLatentModel(VAE):
    """A VAE whose z is one of the rows of `values` `(S, d)`; all its truths by enumeration.

    `encoder`, `decoder`, `prior`: as in `VAE`. q(z|x) may be any distribution with a `log_prob`
    for the values, such as OneHotCategorical, independent Bernoullis or `FiniteDistribution`.
    """

    def __init__(self, encoder, decoder, prior, values: Tensor):
        super().__init__(encoder, decoder, prior)
        require_tensor("values", values, dimensions=2)
        require(
            values.shape[1] == self.latent_dim,
            f"values has shape {tuple(values.shape)}, needs (S, {self.latent_dim})",
        )
        self.register_buffer("values", values, persistent=False)
        mass = self.prior.log_prob(values).exp().sum().item()
        require(abs(mass - 1) < 1e-4, f"values have prior mass {mass:.4g}, need all of it: 1")

    def log_joint(self, x: Tensor) -> Tensor:
        """log p(x, z) for each value of z: `(S, B)`, nats."""
        require_tensor("x", x, event_shape=self.event_shape)
        z = self.values[:, None]
        return self.prior.log_prob(z) + self.decode(z).log_prob(x)

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x): `(B,)`, nats."""
        return self.log_joint(x).logsumexp(0)

    def posterior(self, x: Tensor) -> FiniteDistribution:
        """p(z|x): batch `(B,)`, event `(d,)`."""
        return FiniteDistribution(self.values, self.log_joint(x).T, validate_args=False)

    def expectation(self, q: Distribution, f) -> Tensor:
        """E_q[f(z)] for q of batch `(B,)` and f from `(S, B, d)` to `(S, B)`: `(B,)`."""
        return _expectation(self._log_masses(q), f(self._all_for(q)))

    def bound(self, x: Tensor, q: Distribution | None = None, beta: float | Tensor = 1.0) -> Bound:
        """Exact distortion and rate of any q(z|x), batch `(B,)`; without one, of the encoder's."""
        q = self.encode(x) if q is None else q
        z, log_masses = self._all_for(q), self._log_masses(q)
        distortion = -_expectation(log_masses, self.decode(z).log_prob(x))
        rate = _expectation(log_masses, log_masses - self.prior.log_prob(z))
        return Bound(distortion, rate, beta)

    def gap(self, x: Tensor, q: Distribution | None = None) -> Tensor:
        """log p(x) - ELBO of q, which is KL(q || p(z|x)): `(B,)`, nats."""
        return self.log_prob(x) - self.bound(x, q).elbo

    def _all_for(self, q: Distribution) -> Tensor:
        return self.values[:, None].expand(-1, *q.batch_shape, -1)

    def _log_masses(self, q: Distribution) -> Tensor:
        return q.log_prob(self._all_for(q))


def _expectation(log_masses: Tensor, f: Tensor) -> Tensor:
    # What q excludes counts for nothing, even where f is infinite: 0 times ∞ would be NaN.
    possible = log_masses > -torch.inf
    return torch.where(possible, log_masses.exp() * f.where(possible, f.new_zeros(())), 0.0).sum(0)
