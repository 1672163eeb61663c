"""Batches as index operations on one tensor that already lies on the device.

Data that fit in memory need no loader, no workers and no copies: a batch is `images[index]`.
"""

import torch
from torch import Tensor

from vae_course.checks import require, require_count


class Batches:
    """An endless row of shuffled epochs, cut into batches of equal size.

    `batches[t]` is the batch of step t. Every example comes exactly once in each epoch. No partial
    batch is dropped or kept: a batch at the end of an epoch is filled up from the next one.

    The order of epoch e follows from `seed` and e alone, so that nothing has to be stored to
    continue a run at step t, and no other random number disturbs it.
    """

    def __init__(self, images: Tensor, batch_size: int, seed: int):
        count = len(images)
        require_count("batch_size", batch_size)
        require(
            batch_size <= count, f"batch_size is {batch_size}, needs at most the {count} images"
        )
        self.images, self.batch_size, self.seed = images, batch_size, seed
        self.generator = torch.Generator(images.device)
        self.epoch, self.order = -1, None

    def __getitem__(self, step: int) -> Tensor:
        epoch, start = divmod(step * self.batch_size, len(self.images))
        index = self.epoch_order(epoch)[start : start + self.batch_size]
        missing = self.batch_size - len(index)
        if missing:
            index = torch.cat([index, self.epoch_order(epoch + 1)[:missing]])
        return self.images.index_select(0, index)

    def epoch_order(self, epoch: int) -> Tensor:
        """The permutation of epoch `epoch`."""
        if epoch != self.epoch:
            self.generator.manual_seed(1_000_003 * self.seed + epoch)
            device = self.images.device
            self.order = torch.randperm(len(self.images), generator=self.generator, device=device)
            self.epoch = epoch
        return self.order
