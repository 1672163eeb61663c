r"""The invertible 1×1 convolution: the same matrix mixes the channels of every pixel.

$$ z_{:,i,j} = W\, x_{:,i,j}, \qquad \log|\det J| = H \cdot W_{\text{idth}} \cdot \log|\det W| $$

The Jacobian has one block W for each pixel, so its determinant is a power of det W. The absolute
value matters: a matrix that mirrors has a negative determinant and is as good as another.

Here W multiplies from data to noise, as in the paper, so that training never inverts a matrix.

Source: Kingma & Dhariwal 2018, "Glow: Generative Flow with Invertible 1x1 Convolutions", 3.2.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from vae_course.checks import require, require_count
from vae_course.flows.transform import Transform


class InvertibleConv1x1(Transform):
    r"""`inverse` (data to noise) multiplies the channels of each pixel by W, `forward` by W⁻¹.

    W starts as a random rotation or reflection, so at first every log-determinant is 0; or it is
    `weight`, `(channels, channels)`. With `lu=True` it is kept as

    $$ W = P L\, (U + \mathrm{diag}\, s), \qquad \log|\det W| = \sum_c \log|s_c| $$

    with a fixed permutation P, L unit lower triangular, U strictly upper triangular, and
    `log_s` = log|s| with fixed signs: the determinant costs a sum, and W cannot become singular.

    Raises `ValueError` for a singular `weight`, and in `forward` if W has become singular.
    """

    event_dims = 3

    def __init__(self, channels: int, lu: bool = False, weight: Tensor | None = None):
        super().__init__()
        self.channels, self.lu = require_count("channels", channels), lu
        if weight is None:
            weight = torch.linalg.qr(torch.randn(channels, channels))[0]
        require(
            tuple(weight.shape) == (channels, channels),
            f"weight has shape {tuple(weight.shape)}, needs ({channels}, {channels})",
        )
        require_invertible(weight)
        if lu:
            permutation, lower, upper = torch.linalg.lu(weight)
            diagonal = upper.diagonal()
            self.register_buffer("permutation", permutation)
            self.register_buffer("identity", torch.eye(channels), persistent=False)
            self.register_buffer("sign", diagonal.sign())
            self.log_s = nn.Parameter(diagonal.abs().log())
            self.lower = nn.Parameter(lower.tril(-1))
            self.upper = nn.Parameter(upper.triu(1))
        else:
            self.weight = nn.Parameter(weight.clone())

    def matrix(self) -> tuple[Tensor, Tensor]:
        """W, `(channels, channels)`, and log |det W|, a scalar in nats."""
        if not self.lu:
            return self.weight, torch.linalg.slogdet(self.weight)[1]
        lower = self.lower.tril(-1) + self.identity
        upper = self.upper.triu(1) + torch.diag(self.sign * self.log_s.exp())
        return self.permutation @ lower @ upper, self.log_s.sum()

    def inverse(self, y: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        weight, log_det = self.matrix()
        return _times(weight, y), _for_each_pixel(log_det, y)

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        weight, log_det = self.matrix()
        try:
            inverse = torch.linalg.inv(weight)
        except torch.linalg.LinAlgError:
            require_invertible(weight)
            raise
        return _times(inverse, x), -_for_each_pixel(log_det, x)


def require_invertible(weight: Tensor) -> None:
    """Raise `ValueError` if a square matrix is singular to the precision of its numbers."""
    singular = torch.linalg.svdvals(weight.detach())
    least, largest = singular[-1].item(), singular[0].item()
    require(
        least > len(weight) * torch.finfo(weight.dtype).eps * largest,
        f"weight is singular: its singular values go from {largest:.3g} down to {least:.3g}, and "
        "a convolution that loses a direction cannot be inverted",
    )


def _times(weight: Tensor, x: Tensor) -> Tensor:
    images = x.reshape(-1, *x.shape[-3:])  # a convolution takes one batch axis
    return conv2d(images, weight[:, :, None, None]).reshape(x.shape)


def _for_each_pixel(log_det: Tensor, x: Tensor) -> Tensor:
    """The same matrix acts at every pixel, in every image of the batch."""
    return (x.shape[-2] * x.shape[-1] * log_det).expand(x.shape[:-3])
