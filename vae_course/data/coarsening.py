"""Pictures with fewer pixels and fewer grey levels, for models that are to be small."""

from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from vae_course.checks import require, require_count, require_tensor


def coarse(images: Tensor, levels: int = 16) -> Tensor:
    """28×28 pictures as 16×16 of few grey levels: `(N, 1, 28, 28) -> (N, 1, 16, 16)` in [0, 1].

    Two white pixels are put around, each 2×2 block is averaged, and the mean is rounded to one of
    `levels` grey levels 0, 1/(levels - 1), …, 1.
    """
    shape = tuple(require_tensor("images", images).shape)
    require(shape[-3:] == (1, 28, 28), f"images has shape {shape}, needs (N, 1, 28, 28)")
    require_count("levels", levels, least=2)
    small = avg_pool2d(pad(images, (2, 2, 2, 2)), 2)
    return (small * (levels - 1)).round() / (levels - 1)
