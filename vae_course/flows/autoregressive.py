r"""Autoregressive layers: each feature is bent by a map that depends on the features before it.

$$ \text{MAF:}\quad y_i = \tau\big(x_i;\, \theta_i(y_{<i})\big), \qquad
   \text{IAF:}\quad y_i = \tau\big(x_i;\, \theta_i(x_{<i})\big), \qquad
   \log\Big|\det \frac{\partial y}{\partial x}\Big| = \sum_i \log \frac{\partial \tau}{\partial x_i} $$

The Jacobian is triangular. In the direction in which the network's input is known, one pass gives
all features; in the other, feature i has to wait for those before it.

Source: Papamakarios et al. 2017 (MAF), Kingma et al. 2016 (IAF).
"""  # noqa: E501

import torch
from torch import Tensor

from vae_course.checks import require
from vae_course.flows.elementwise import Affine
from vae_course.flows.in_order import solve_in_order
from vae_course.flows.made import MADE
from vae_course.flows.transform import Transform


class Autoregressive(Transform):
    """An autoregressive layer.

    net:           a MADE that gives `elementwise.parameters` numbers for each feature
    elementwise:   the map of one feature: `Affine()`, if not given
    conditions_on: "output" of `forward`, as in a MAF: `inverse`, from data to noise, is one pass;
                   "input", as in an IAF: `forward`, from noise to data, is one pass
    """

    def __init__(self, net: MADE, elementwise=None, conditions_on: str = "output"):
        super().__init__()
        self.elementwise = elementwise or Affine()
        require(
            conditions_on in ("output", "input"),
            f"conditions_on is {conditions_on!r}, needs 'output' or 'input'",
        )
        require(
            net.outputs_per_feature == self.elementwise.parameters,
            f"net gives {net.outputs_per_feature} outputs per feature, "
            f"{type(self.elementwise).__name__} needs {self.elementwise.parameters}",
        )
        self.net = net
        self.conditions_on = conditions_on

    def forward(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        solve = self.in_one_pass if self.conditions_on == "input" else self.one_by_one
        return solve(self.elementwise.forward, x, context)

    def inverse(self, y: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        solve = self.in_one_pass if self.conditions_on == "output" else self.one_by_one
        return solve(self.elementwise.inverse, y, context)

    def in_one_pass(self, bend, values: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        """`bend` every feature by parameters that depend on the given values before it."""
        result, log_derivative = bend(values, self.net(values, context))
        return result, log_derivative.sum(-1)

    def one_by_one(self, bend, values: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        """`bend` every feature by parameters that depend on the results before it."""
        batch = values.shape[:-1]
        if self.net.context is None:
            context = None
        else:
            batch = torch.broadcast_shapes(batch, context.shape[:-1])
            context = context.expand(*batch, -1).reshape(-1, context.shape[-1])
        values = values.expand(*batch, -1)
        columns = values.reshape(-1, values.shape[-1]).t()
        results, log_det = solve_in_order(self.net, bend, columns, context)
        return results.t().reshape(values.shape), log_det.reshape(batch)
