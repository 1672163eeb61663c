r"""Importance sampling: an estimate of log p(x) that is tighter than the ELBO.

$$ \log \hat p(x) = \log \frac1K \sum_{k=1}^K w_k, \qquad
   w_k = \frac{p_\theta(x \mid z_k)\, p(z_k)}{q_\phi(z_k \mid x)}, \qquad
   z_k \sim q_\phi(z \mid x) $$

The mean under the logarithm is unbiased for p(x). Its logarithm is biased downwards, by less and
less as K grows, so in expectation it is still a lower bound. How far it can be trusted shows in
the weights: if one of them has nearly everything, the estimate is of little use.

Source: Burda, Grosse & Salakhutdinov 2016, "Importance Weighted Autoencoders".
"""

from math import log

import torch
from torch import Tensor

from vae_course.checks import require, require_count, require_tensor
from vae_course.distributions import sample_and_log_prob
from vae_course.products import fast_products


@torch.no_grad()
def importance_sampled_log_likelihood(
    model, x: Tensor, samples: int = 500, chunk: int = 50, batch_size: int = 100
) -> Tensor:
    """Estimate log p(x) for each example with `samples` draws from the encoder: `(B,)`, nats.

    `chunk` draws for each of `batch_size` examples are decoded at a time. That, and not the number
    of draws or of examples, sets the memory: beside it there is one weight for each draw of the
    examples at hand.
    """
    require_count("samples", samples)
    require_count("chunk", chunk)
    require_count("batch_size", batch_size)
    prior = model.prior
    estimates = []
    with fast_products(x.device):
        for examples in x.split(batch_size):
            q = model.encode(examples)
            log_weights = []
            for start in range(0, samples, chunk):
                z, log_q = sample_and_log_prob(q, (min(chunk, samples - start),))
                log_likelihood = model.decode(z).log_prob(examples)
                log_weights.append(log_likelihood + prior.log_prob(z) - log_q)
            estimates.append(torch.cat(log_weights).logsumexp(0) - log(samples))
    return torch.cat(estimates)


def effective_sample_size(log_weights: Tensor) -> Tensor:
    r"""How many of K weighted draws count: log-weights `(K, ...)` to numbers from 1 to K, `(...)`.

    $$ \mathrm{ESS} = \frac{(\sum_k w_k)^2}{\sum_k w_k^2} = \frac{1}{\sum_k \tilde w_k^2} $$

    K where all weights are equal, 1 where one of them has everything. They need not be normalised.
    It is computed from the draws that were made: a region that none of them found does not lower
    it. Source: Kong 1992.
    """
    require_tensor("log_weights", log_weights)
    shape = tuple(log_weights.shape)
    require(len(shape) >= 1 and shape[0] >= 1, f"log_weights has shape {shape}, needs (K, ...)")
    return 1 / log_weights.softmax(0).square().sum(0)
