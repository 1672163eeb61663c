r"""Closed forms for Gaussians, to which the rest of this package is held.

$$ H = \tfrac12 \log\det(2\pi e\, \Sigma), \qquad
   \mathrm{TC} = \tfrac12 \Big(\sum_i \log \Sigma_{ii} - \log\det\Sigma\Big) $$

For $x \sim \mathcal N(m, C)$ and $q(z|x) = \mathcal N(Vx + c,\, \mathrm{diag}\,s^2)$ the aggregate posterior is
Gaussian too, with mean $Vm + c$ and covariance $\Sigma = V C V^\top + \mathrm{diag}\,s^2$, and

$$ I_q(x; z) = H(z) - H(z|x) = \tfrac12 \Big(\log\det\Sigma - \sum_i \log s_i^2\Big) . $$

Source: Cover & Thomas 2006, chapter 8.
"""  # noqa: E501

from math import e, log, pi

import torch
from torch import Tensor

from vae_course.checks import require, require_tensor
from vae_course.information.decomposition import Decomposition


def gaussian_entropy(covariance: Tensor) -> Tensor:
    """Differential entropy of N(·, covariance), `(..., d, d)`: `(...)`, nats."""
    _require_covariance("covariance", covariance)
    return 0.5 * (covariance.shape[-1] * log(2 * pi * e) + torch.logdet(covariance))


def gaussian_kl(mean: Tensor, covariance: Tensor) -> Tensor:
    """KL(N(mean, covariance) || N(0, I)) for `(..., d)` and `(..., d, d)`: `(...)`, nats."""
    _require_covariance("covariance", covariance)
    trace = covariance.diagonal(dim1=-2, dim2=-1).sum(-1)
    return 0.5 * (trace + mean.square().sum(-1) - covariance.shape[-1] - torch.logdet(covariance))


def gaussian_total_correlation(covariance: Tensor) -> Tensor:
    """Total correlation of N(·, covariance), `(..., d, d)`: `(...)`, nats. It is 0 if diagonal."""
    _require_covariance("covariance", covariance)
    variances = covariance.diagonal(dim1=-2, dim2=-1)
    return 0.5 * (variances.log().sum(-1) - torch.logdet(covariance))


def linear_gaussian_decomposition(
    weight: Tensor, bias: Tensor, variance: Tensor, x_mean: Tensor, x_covariance: Tensor
) -> Decomposition:
    """The decomposition for x ~ N(x_mean, x_covariance), q(z|x) = N(weight x + bias, variance).

    `weight` `(d, n)`, `bias` and `variance` `(d,)`, `x_mean` `(n,)`, `x_covariance` `(n, n)`.
    """
    require_tensor("weight", weight, dimensions=2)
    d, n = weight.shape
    for name, value, shape in [
        ("bias", bias, (d,)),
        ("variance", variance, (d,)),
        ("x_mean", x_mean, (n,)),
        ("x_covariance", x_covariance, (n, n)),
    ]:
        found = tuple(require_tensor(name, value).shape)
        require(found == shape, f"{name} has shape {found}, needs {shape}")
    require(bool((variance > 0).all()), "variance has values that are not positive")
    mean = weight @ x_mean + bias
    covariance = weight @ x_covariance @ weight.T + variance.diag()
    information = 0.5 * (torch.logdet(covariance) - variance.log().sum())
    second_moment = covariance.diagonal() + mean.square()
    return Decomposition(
        rate=0.5 * (second_moment - 1 - variance.log()).sum(),
        information=information,
        total_correlation=gaussian_total_correlation(covariance),
        dimension_wise=0.5 * (second_moment - 1 - covariance.diagonal().log()),
    )


def _require_covariance(name: str, value: Tensor) -> None:
    shape = tuple(require_tensor(name, value).shape)
    require(
        len(shape) >= 2 and shape[-1] == shape[-2], f"{name} has shape {shape}, needs (..., d, d)"
    )
