r"""The importance weighted bound: K draws of z inside the logarithm.

$$ \mathcal L_K(x) = \mathbb E\Big[\log \frac1K \sum_{k=1}^K w_k\Big], \qquad
   w_k = \frac{p_\theta(x \mid z_k)\, p(z_k)}{q_\phi(z_k \mid x)}, \quad z_k \sim q_\phi(z \mid x)
   \text{ independently} $$

$\mathcal L_1$ is the ELBO, and $\mathcal L_K \le \mathcal L_{K+1} \le \log p_\theta(x)$. With
$\tilde w_k = w_k / \sum_j w_j$ and $z_k = z(\epsilon_k, \phi)$ there are two gradients for the
encoder. Both have the same mean:

    pathwise   sum over k of  w̃_k  · total derivative of log w_k
    dreg       sum over k of  w̃_k² · ∂log w_k/∂z_k · ∂z_k/∂φ

The first has a signal that falls faster with K than its noise (Rainforth et al. 2018). The second,
doubly reparameterised, leaves out the term whose mean is known and does not have that fault (Tucker
et al. 2019). The decoder's gradient is the sum of w̃_k ∂log w_k/∂θ in both.

Source: Burda, Grosse & Salakhutdinov 2016, "Importance Weighted Autoencoders".
"""

from dataclasses import dataclass
from math import log

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from vae_course.checks import require, require_count, require_weight
from vae_course.conditional import detached
from vae_course.distributions import rsample_and_log_prob
from vae_course.likelihood.importance import effective_sample_size
from vae_course.products import fast_products

GRADIENTS = ("pathwise", "dreg")


@dataclass(frozen=True)
class ImportanceBound:
    """The bound of each example and the weights it is made of, in nats.

    `value` `(B,)` is what is maximised. `log_weights` `(K, B)` are log w_k, whatever β was.
    """

    value: Tensor
    log_weights: Tensor

    @property
    def terms(self) -> dict[str, Tensor]:
        """What a training run records: an estimate of L_K, and how many draws count, 1 to K."""
        log_weights = self.log_weights.detach()
        return {
            "iwae": log_weights.logsumexp(0) - log(len(log_weights)),
            "ess": effective_sample_size(log_weights),
        }


def iwae(
    model,
    x: Tensor,
    samples: int = 50,
    gradient: str = "pathwise",
    chunk: int | None = None,
    beta: float | Tensor = 1.0,
) -> ImportanceBound:
    r"""Estimate L_K of each example with K = `samples` reparameterised draws of z.

    `x`: `(B, *event_shape)`. `gradient`: "pathwise" or "dreg", see above; the value is the same.

    `chunk`: decode so many draws at a time. Nothing of the decoder is kept for the backward pass,
    which decodes each piece again, with the same noise: the memory no longer grows with K but for
    z and the weights, and a step takes about a third longer. The gradient is the same.

    `beta`: the weight of a KL warm-up, $w_k = p(x|z_k)\,(p(z_k)/q(z_k|x))^\beta$. At K = 1 this is
    the objective of the β-VAE. Only at β = 1 is it a bound on the evidence.
    """
    require_count("samples", samples)
    require(gradient in GRADIENTS, f"gradient is {gradient!r}, needs one of {[*GRADIENTS]}")
    if chunk is not None:
        require_count("chunk", chunk)
    # A weight that changes from step to step may come as a tensor; it is not read back here.
    require_weight("beta", beta)

    q = model.encode(x)
    if gradient == "dreg":  # wants log q as a function of z alone: φ acts through the draws only
        z = q.rsample((samples,))  # (K, B, d)
        log_q = detached(q).log_prob(z)  # (K, B)
    else:
        z, log_q = rsample_and_log_prob(q, (samples,))
    if chunk is None or chunk >= samples:
        log_likelihood = model.decode(z).log_prob(x)
    else:
        log_likelihood = torch.cat([_decode_again(model, x, piece) for piece in z.split(chunk)])
    log_ratio = model.prior.log_prob(z) - log_q

    log_terms = log_likelihood + beta * log_ratio  # (K, B)
    if log_terms.requires_grad:
        # A draw of weight 1e-14 of the largest adds less than rounding to the gradient. Left in, it
        # becomes a subnormal number there, on which processors compute a hundred times slower.
        counts = log_terms.detach() > log_terms.detach().amax(0) + 2 * log(torch.finfo(z.dtype).eps)
        log_terms.register_hook(lambda arriving: arriving * counts)
    value = log_terms.logsumexp(0) - log(samples)
    if gradient == "dreg" and z.requires_grad:
        # What arrives at z_k in the backward pass is w̃_k ∂log w_k/∂z_k. One more factor w̃_k makes
        # the square; the decoder's parameters, which lie on another branch, do not see it. For
        # β ≠ 1 only the part β of log q was left out, hence the mixture.
        normalised = log_terms.detach().softmax(0)[..., None]
        factor = 1 - beta + beta * normalised
        z.register_hook(lambda arriving: arriving * factor)
    return ImportanceBound(value, (log_likelihood + log_ratio).detach())


def _decode_again(model, x: Tensor, z: Tensor) -> Tensor:
    """log p(x|z) `(k, B)`, to be computed once more in the backward pass instead of kept."""
    # The second pass runs outside the blocks of the first: name its kind of products here.
    return checkpoint(
        lambda z: model.decode(z).log_prob(x),
        z,
        use_reentrant=False,
        context_fn=lambda: (fast_products(x.device), fast_products(x.device)),
    )
