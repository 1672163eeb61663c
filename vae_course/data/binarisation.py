"""From grey pixels to bits, so that a Bernoulli likelihood is a likelihood.

A Bernoulli distribution gives probabilities to 0 and 1, not to 0.37. Put a grey pixel x into
its formula and the cross-entropy -x log p - (1 - x) log(1 - p) comes out, which is a loss but
not the negative logarithm of any probability of x. There are three ways to get bits:

- stochastic: every time an image is used, each pixel is 1 with probability x (Burda, Grosse &
  Salakhutdinov 2016, "Importance Weighted Autoencoders"). The cross-entropy above is then the
  expected loss, and the fresh noise works as augmentation.
- fixed: sampled once, and the same bits are used for ever (Salakhutdinov & Murray 2008, "On the
  Quantitative Analysis of Deep Belief Networks"). There is less data, so a model overfits sooner.
- threshold: 1 where x > t. The bits are smoother than sampled ones and easier to predict.

Log-likelihoods of differently binarised data are likelihoods of different data. They differ by
nats where models differ by tenths: say which one was used, and compare like with like.
"""

import torch
from torch import Tensor

from vae_course.checks import require, require_count, require_tensor


def binarise(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Sample each pixel anew: b ~ Bernoulli(x). Shape, dtype and device are those of `images`.

    images     floating point in [0, 1], any shape. Values are not read on the host, so that a
               training step on a GPU does not have to wait.
    generator  of the images' device; without one the global random state is used.

    Source: Burda, Grosse & Salakhutdinov (2016). See the module for why it matters.
    """
    require_tensor("images", images)
    return torch.bernoulli(images, generator=generator)


def fixed_binarise(images: Tensor, seed: int = 0, threshold: float | None = None) -> Tensor:
    """Binarise a data set once: sampled with `seed`, or 1 where x > `threshold` if that is given.

    The sample is drawn on the CPU, so the same images and seed give the same bits for every
    device. The global random state is neither read nor changed.

    Raises `ValueError` if a pixel is outside [0, 1] or the threshold outside [0, 1).
    Source: Salakhutdinov & Murray (2008). See the module for why it matters.
    """
    require_tensor("images", images)
    require_count("seed", seed, least=0)
    low, high = (images.min().item(), images.max().item()) if images.numel() else (0.0, 1.0)
    require(
        0 <= low and high <= 1,
        f"images must be in [0, 1] to be probabilities, got values from {low:g} to {high:g}",
    )
    if threshold is not None:
        require(0 <= threshold < 1, f"threshold must be in [0, 1), got {threshold!r}")
        return (images > threshold).to(images.dtype)
    generator = torch.Generator().manual_seed(seed)
    return torch.bernoulli(images.cpu().float(), generator=generator).to(images)
