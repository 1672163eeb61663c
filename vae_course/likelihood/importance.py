r"""Importance sampling: an estimate of log p(x) that is tighter than the ELBO.

$$ \log \hat p(x) = \log \frac1K \sum_{k=1}^K
   \frac{p_\theta(x \mid z_k)\, p(z_k)}{q_\phi(z_k \mid x)}, \qquad z_k \sim q_\phi(z \mid x) $$

The mean under the logarithm is unbiased for p(x). Its logarithm is biased downwards, by less and
less as K grows, so in expectation it is still a lower bound.

Source: Burda, Grosse & Salakhutdinov 2016.
"""

from math import log

import torch
from torch import Tensor

from vae_course.checks import require_count
from vae_course.products import fast_products


@torch.no_grad()
def importance_sampled_log_likelihood(
    model, x: Tensor, samples: int = 500, chunk: int = 50
) -> Tensor:
    """Estimate log p(x) for each example with `samples` draws from the encoder: `(B,)`, nats.

    `chunk` draws are in memory at a time, `chunk * B` passes through the decoder.
    """
    require_count("samples", samples)
    require_count("chunk", chunk)
    q = model.encode(x)
    prior = model.prior
    log_weights = []
    with fast_products(x.device):
        for start in range(0, samples, chunk):
            z = q.sample((min(chunk, samples - start),))
            log_weights.append(model.decode(z).log_prob(x) + prior.log_prob(z) - q.log_prob(z))
    return torch.cat(log_weights).logsumexp(0) - log(samples)
