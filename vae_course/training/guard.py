r"""A step that cannot spoil the model: clipping, and no update from a number that is not finite.

A loss or gradient that is NaN or infinite would overwrite every weight with NaN. If the host looked
at it before each update, the device would stand idle at each step. So the device looks itself: the
flag `bad` becomes 1 there and stays 1, and from then on no update is made. The host reads the
recorded numbers when it logs.

A fused optimiser takes the flag (`found_inf`) and a divisor of the gradient (`grad_scale`), made
for PyTorch's GradScaler. With them neither guard nor clipping costs a pass over the weights.

Clipping, over all parameters together: $g \leftarrow g\, \min(1, c / \lVert g \rVert)$
(Pascanu, Mikolov & Bengio 2013).
"""

from math import isfinite

import torch
from torch import Tensor, nn


class NonFiniteLoss(FloatingPointError):
    """A loss, one of its terms or a gradient was NaN or infinite; the model is as before that step.

    `step` (counted from 1), `term`, `checkpoint` (path of the last one, or None), `history`.
    """

    def __init__(self, step: int, term: str, value: float, checkpoint, history):
        self.step, self.term, self.checkpoint, self.history = step, term, checkpoint, history
        last = f"the last checkpoint is {checkpoint}" if checkpoint else "there is no checkpoint"
        super().__init__(
            f"step {step}: the {term} is {value}. The model holds the weights after step "
            f"{step - 1}; {last}."
        )


class Guard:
    """Makes the optimiser's steps, unless something has been not finite."""

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        clip: float | None,
        objective=None,
    ):
        self.optimizer, self.clip = optimizer, clip
        self.parameters = [p for group in optimizer.param_groups for p in group["params"]]
        self.buffers = list(model.buffers())  # batch norm changes them in the forward pass
        if isinstance(objective, nn.Module):  # and a controller its own
            self.buffers += objective.buffers()
        self.fused = bool(optimizer.defaults.get("fused"))
        # 0 or 1; a fused optimiser asks for float32 whatever the parameters are
        self.bad = torch.zeros((), device=self.parameters[0].device, dtype=torch.float32)

    def before_forward(self) -> None:
        """Keep what a forward pass may change."""
        self.kept_buffers = [buffer.clone() for buffer in self.buffers]

    def gradient_norm(self) -> Tensor:
        """Norm of all gradients together, 0-dim."""
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        return torch.nn.utils.get_total_norm(gradients)

    def step(self, record: Tensor, norm: Tensor) -> None:
        """Update the weights with the clipped gradient if all numbers of `record` are finite."""
        torch.maximum(self.bad, (~record.isfinite()).any().to(self.bad.dtype), out=self.bad)
        if self.fused:
            if self.clip is not None:
                self.optimizer.grad_scale = (norm / self.clip).clamp(min=1).float()
            self.optimizer.found_inf = self.bad
            self.optimizer.step()
        else:
            if self.clip is not None:
                torch.nn.utils.clip_grads_with_norm_(self.parameters, self.clip, norm)
            tensors = self.parameters + [
                value
                for state in self.optimizer.state.values()
                for value in state.values()
                if isinstance(value, Tensor) and value.device == self.bad.device
            ]
            kept = [tensor.detach().clone() for tensor in tensors]
            self.optimizer.step()
            self.put_back(tensors, kept)
        self.put_back(self.buffers, self.kept_buffers)

    @torch.no_grad()
    def put_back(self, tensors, kept) -> None:
        for tensor, old in zip(tensors, kept, strict=True):
            tensor.copy_(torch.where(self.bad == 0, tensor, old))


def check_finite(rows: list[list[float]], names: list[str], first_step: int, saved, history):
    """Raise `NonFiniteLoss` for the first number that is not finite; `rows` has one row a step."""
    for step, row in enumerate(rows, start=first_step):
        for name, value in zip(names, row, strict=True):
            if not isfinite(value):
                raise NonFiniteLoss(step, name, value, saved, history)
