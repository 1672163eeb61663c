r"""The squared error of an autoencoder, $\|x - \hat x\|^2$, summed over components."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Reconstruction:
    """Squared error of each example, `(B,)`, in squared units of x. It bounds nothing."""

    squared_error: Tensor

    @property
    def value(self) -> Tensor:
        """What is maximised, `(B,)`."""
        return -self.squared_error

    @property
    def terms(self) -> dict[str, Tensor]:
        """What a training run records, by name."""
        return {"squared_error": self.squared_error}


def squared_error(model, x: Tensor, beta: float = 1.0) -> Reconstruction:
    """`||x - decode(encode(x))||²` for each example. There is no rate for `beta` to weigh."""
    error = x - model.decode(model.encode(x))
    return Reconstruction(error.square().flatten(1).sum(1))
