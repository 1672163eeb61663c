r"""Priors that fit themselves to where the encoder puts its codes.

$$ \text{mixture:}\quad p(z) = \sum_{c=1}^C \pi_c\, \mathcal N\big(z;\, m_c, \mathrm{diag}\, s_c^2\big),
   \qquad
   \text{VampPrior:}\quad p(z) = \frac1C \sum_{c=1}^C q_\phi(z \mid u_c) $$

The u_c are pseudo-inputs: C examples that are made up, and learned like weights. A third prior of
this kind is a flow: a `vae_course.flows.Flow` is a prior as it stands.

A KL divergence to any of them has no closed form. The sum of the divergences to the parts of a
mixture is not one; it is an upper bound, and a bad one:
$\mathrm{KL}(q \| \sum_c \pi_c p_c) \le \sum_c \pi_c\, \mathrm{KL}(q \| p_c)$. An objective that
finds no closed form averages $\log q(z \mid x) - \log p(z)$ over its draws, which is unbiased.

Source: Tomczak & Welling 2018, "VAE with a VampPrior"; Hershey & Olsen 2007 (no closed form).
"""  # noqa: E501

import torch
from torch import Tensor, nn
from torch.distributions import Categorical, MixtureSameFamily, Normal

from vae_course.checks import require, require_count, require_tensor
from vae_course.conditional import independent


class MixturePrior(nn.Module):
    """A mixture of diagonal Gaussians whose weights, means and variances are all learned.

    It begins with equal weights, variances of one, and means drawn from N(0, `spread`² I): means
    that are equal would have equal gradients, and stay equal.
    """

    def __init__(self, latent_dim: int, components: int = 10, spread: float = 1.0):
        super().__init__()
        self.latent_dim = require_count("latent_dim", latent_dim)
        require_count("components", components)
        require(spread > 0, f"spread is {spread!r}, needs a positive number")
        self.logits = nn.Parameter(torch.zeros(components))
        self.means = nn.Parameter(spread * torch.randn(components, latent_dim))
        self.log_var = nn.Parameter(torch.zeros(components, latent_dim))

    def forward(self) -> MixtureSameFamily:
        parts = Normal(self.means, (0.5 * self.log_var).exp(), validate_args=False)
        return mixture(self.logits, independent(parts, 1))


class VampPrior(nn.Module):
    """The average of the encoder's posteriors at learned pseudo-inputs.

    encoder:       the module that is the VAE's encoder as well; its weights are shared
    pseudo_inputs: `(C, *event_shape)`, where they begin, for example some training examples
    """

    def __init__(self, encoder: nn.Module, pseudo_inputs: Tensor):
        super().__init__()
        require(
            isinstance(encoder, nn.Module),
            f"encoder is {type(encoder).__name__}, needs the module that is the VAE's encoder",
        )
        shape = tuple(require_tensor("pseudo_inputs", pseudo_inputs).shape)
        require(
            len(shape) >= 2 and shape[0] >= 1,
            f"pseudo_inputs has shape {shape}, needs (C, *event_shape) with C >= 1",
        )
        self.encoder = encoder
        self.pseudo_inputs = nn.Parameter(pseudo_inputs.detach().clone())

    def forward(self) -> MixtureSameFamily:
        posteriors = self.encoder(self.pseudo_inputs)
        return mixture(self.pseudo_inputs.new_zeros(len(self.pseudo_inputs)), posteriors)


def mixture(logits: Tensor, parts) -> MixtureSameFamily:
    """The mixture of the distributions in the batch of `parts`, with weights softmax(logits)."""
    weights = Categorical(logits=logits, validate_args=False)
    return MixtureSameFamily(weights, parts, validate_args=False)
