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
    *weights, last = [layer.masked_weight() for layer in net.layers]
    weights[0] = weights[0][:, order]  # columns in the order in which they become known
    *offsets, bias = [layer.bias.unsqueeze(-1) for layer in net.layers]
    if context is not None:
        offsets[0] = offsets[0] + net.context(context).t()
    known = Rows(features, values)  # the results so far, in order
    hidden = [Rows(len(weight), values) for weight in weights]
    # Everything is cut up beforehand: by the degree of the hidden units, and by feature.
    sizes = [degree.bincount(minlength=features).tolist() for degree in net.hidden_degrees]
    weights = [weight.split(size) for weight, size in zip(weights, sizes, strict=True)]
    offsets = [offset.split(size) for offset, size in zip(offsets, sizes, strict=True)]
    last = last.view(net.outputs_per_feature, features, -1).unbind(1)
    bias = bias.view(net.outputs_per_feature, features, 1).unbind(1)
    values = values.unbind()

    log_derivatives = []
    for k in range(features):
        before = known
        for weight, offset, layer in zip(weights, offsets, hidden, strict=True):
            if len(weight[k]) > 0:  # there are units of degree k
                rows = before.so_far()
                layer.add_units(weight[k][:, : len(rows)], rows, offset[k])
            before = layer
        rows, feature = before.so_far(), order[k]
        params = torch.addmm(bias[feature], last[feature][:, : len(rows)], rows)
        result, log_derivative = bend(values[feature], params)
        known.add(result.unsqueeze(0))
        log_derivatives.append(log_derivative)
    results = known.so_far()[torch.tensor(order, device=known.rows.device).argsort()]
    return results, torch.stack(log_derivatives).sum(0)


class Rows:
    """A matrix of at most `most` rows that grows.

    Without gradients the rows are written into one matrix. With gradients none may be overwritten,
    so each time a new matrix is made.
    """

    def __init__(self, most: int, like: Tensor):
        self.in_place = not torch.is_grad_enabled()
        self.rows = like.new_empty(most if self.in_place else 0, like.shape[1])
        self.count = 0

    def add(self, rows: Tensor) -> None:
        if self.in_place:
            self.rows[self.count : self.count + len(rows)] = rows
        else:
            self.rows = torch.cat([self.rows, rows])
        self.count += len(rows)

    def add_units(self, weight: Tensor, inputs: Tensor, offset: Tensor) -> None:
        """Add what hidden units with these weights and offsets make of the inputs."""
        if self.in_place:
            rows = self.rows[self.count : self.count + len(weight)]
            torch.addmm(offset, weight, inputs, out=rows).relu_()
            self.count += len(weight)
        else:
            self.add(torch.addmm(offset, weight, inputs).relu_())

    def so_far(self) -> Tensor:
        return self.rows[: self.count]
