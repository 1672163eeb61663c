"""What every data set of the course looks like."""

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from vae_course.checks import require


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Images with their labels, held whole in memory: a batch is `data.images[indices]`.

    images       (N, 1, H, W) float32 in [0, 1]; 0 is paper, 1 is ink
    labels       (N,) int64, an index into `class_names`
    class_names  one name for each class
    factors      name -> (N,) tensor: what each image was made from, where that is known
    source       where the images came from, for a caption or a record
    """

    name: str
    split: str
    images: Tensor
    labels: Tensor
    class_names: tuple[str, ...]
    source: str
    factors: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self):
        shape = tuple(self.images.shape)
        require(
            len(shape) == 4 and shape[1] == 1 and self.images.dtype == torch.float32,
            f"images must be (N, 1, H, W) float32, got {shape} {self.images.dtype}",
        )
        for name, values in {"labels": self.labels, **self.factors}.items():
            require(
                tuple(values.shape) == shape[:1],
                f"{name} has shape {tuple(values.shape)}, needs {shape[:1]}: one for each image",
            )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index) -> "Dataset":
        """The part of the data that a slice, a mask or a tensor of indices selects."""
        require(not isinstance(index, int), f"index must select many images; use [{index}:][:1]")
        return self._map(lambda values: values[index])

    def to(self, device) -> "Dataset":
        """The same data with every tensor on `device`."""
        return self._map(lambda values: values.to(device))

    def _map(self, function) -> "Dataset":
        return replace(
            self,
            images=function(self.images),
            labels=function(self.labels),
            factors={name: function(values) for name, values in self.factors.items()},
        )

    def __repr__(self) -> str:
        count, _, height, width = self.images.shape
        factors = f", factors {', '.join(self.factors)}" if self.factors else ""
        return (
            f"Dataset({self.name} {self.split}: {count:,} images {height}×{width}, "
            f"{len(self.class_names)} classes{factors}; {self.source})"
        )
