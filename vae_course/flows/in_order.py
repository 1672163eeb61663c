r"""Solve for the features of an autoregressive layer one after the other, for the cost of one pass.

$$ r_k = \tau\big(v_k;\, \theta_k(r_{<k})\big), \qquad k = 1, \dots, D $$

Each r_k needs those before it. Simple programs run the whole network D times, and keep one more
feature each time. But the hidden units of our MADE are sorted by degree: when feature k is known,
the units of degree k of each layer can be computed, and no later feature changes them. So each row
of each weight matrix is multiplied once, by the part of the layer before that is already there.

Inside, a unit is a row and an example is a column: what is known so far is the top of each matrix.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def solve_in_order(net, bend, values: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
    """Features `(D, B)` such that each is `bend(value, parameters given those before)`.

    net:     a MADE; its `ordering` says which feature comes when
    bend:    `(B,)` values and `(P, B)` parameters to results and log-derivatives `(B,)`
    values:  `(D, B)`
    context: `(B, c)` or None

    Returns the results `(D, B)` and the sum of the log-derivatives `(B,)`.
    """
    features = len(values)
    order = list(net.ordering)
    weights = [layer.masked_weight() for layer in net.layers]
    weights[0] = weights[0][:, order]  # columns in the order in which they become known
    *hidden_biases, bias = [layer.bias.unsqueeze(-1) for layer in net.layers]
    if context is not None:
        hidden_biases[0] = hidden_biases[0] + net.context(context).t()
    last = weights.pop().view(net.outputs_per_feature, features, -1)
    bias = bias.view(net.outputs_per_feature, features, 1)

    known = Rows(features, values)  # the results so far, in order
    hidden = [Rows(len(weight), values) for weight in weights]
    units = [[0, *degree_ends(degree, features)] for degree in net.hidden_degrees]
    total = 0
    for k in range(features):
        before = known
        for weight, offset, layer, ends in zip(weights, hidden_biases, hidden, units, strict=True):
            new = slice(ends[k], ends[k + 1])  # the units of degree k
            if new.stop > new.start:
                rows = before.so_far()
                layer.add(F.relu(torch.addmm(offset[new], weight[new, : len(rows)], rows)))
            before = layer
        rows, feature = before.so_far(), order[k]
        params = torch.addmm(bias[:, feature], last[:, feature, : len(rows)], rows)
        result, log_derivative = bend(values[feature], params)
        known.add(result.unsqueeze(0))
        total = total + log_derivative
    results = known.so_far()
    return results[torch.tensor(order, device=results.device).argsort()], total


def degree_ends(degrees: Tensor, features: int) -> list[int]:
    """How many of the sorted units have degree at most 0, 1, … D - 1."""
    return torch.searchsorted(degrees, torch.arange(features), right=True).tolist()


class Rows:
    """A matrix that grows by rows."""

    def __init__(self, most: int, like: Tensor):
        self.rows = like.new_empty(0, like.shape[1])

    def add(self, rows: Tensor) -> None:
        self.rows = torch.cat([self.rows, rows])

    def so_far(self) -> Tensor:
        return self.rows
