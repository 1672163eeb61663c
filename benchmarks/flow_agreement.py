"""Our flows with the weights of zuko's and nflows' compute the same densities and samples.

Each library has its own rule for a positive scale. Here each rule is an elementwise map for our
layers, so that all the rest is compared: masks, orderings, contexts, both directions, log-dets.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from vae_course.flows import MADE, Autoregressive, Coupling, Flow
from vae_course.flows.standard_normal import StandardNormal


class TheirAffine:
    """Data to noise is `z = scale x + shift`: in our words, that is `inverse`."""

    parameters = 2

    def forward(self, x: Tensor, params: Tensor):
        shift, log_scale = self.shift_and_log_scale(params)
        return (x - shift) / log_scale.exp(), -log_scale

    def inverse(self, y: Tensor, params: Tensor):
        shift, log_scale = self.shift_and_log_scale(params)
        return y * log_scale.exp() + shift, log_scale


class ZukoAffine(TheirAffine):
    def shift_and_log_scale(self, params: Tensor):
        shift, free = params.unbind(-2)
        return shift, free / (1 + (free / math.log(1e-3)).abs())


class NflowsAffine(TheirAffine):
    def shift_and_log_scale(self, params: Tensor):
        free, shift = params.unbind(-2)
        return shift, (F.softplus(free) + 1e-3).log()


class NflowsCouplingAffine(TheirAffine):
    def shift_and_log_scale(self, params: Tensor):
        shift, free = params.unbind(-2)
        return shift, (torch.sigmoid(free + 2) + 1e-3).log()


@torch.no_grad()
def copy_masked(net: MADE, layers) -> None:
    """The weights of another's masked layers, whose hidden units are in another order.

    `layers` have `weight`, `bias` and `mask`; the inputs of the first are features, then context.
    The rows of the last are the two numbers of the first feature, then of the second, and so on.
    """
    features, order, reach = net.features, None, None
    for ours, theirs in zip(net.layers, layers, strict=True):
        weight, bias, mask = theirs.weight, theirs.bias, theirs.mask.bool()
        if order is None:
            from_context = weight[:, features:]
            weight, mask = weight[:, :features], mask[:, :features]
            reach = mask.double()
        else:
            reach = (mask.double() @ reach > 0).double()
            weight, mask = weight[:, order], mask[:, order]
        if ours is net.layers[-1]:  # from (features, 2) to (2, features)
            order = torch.arange(len(weight)).view(features, -1).t().flatten()
        else:
            order = reach.sum(-1).argsort(stable=True)
        if ours is net.layers[0] and net.context is not None:
            net.context.weight.copy_(from_context[order])
        assert torch.equal(ours.mask.bool(), mask[order]), "the masks differ"
        ours.weight.copy_(weight[order])
        ours.bias.copy_(bias[order])


@torch.no_grad()
def copy_plain(net, layers, interleaved: bool) -> None:
    """The weights of another's perceptron; the inputs of the first are features, then context."""
    inputs = net.layers[0].in_features
    for ours, theirs in zip(net.layers, layers, strict=True):
        weight, bias = theirs.weight, theirs.bias
        if ours is net.layers[0]:
            if net.context is not None:
                net.context.weight.copy_(weight[:, inputs:])
            weight = weight[:, :inputs]
        if ours is net.layers[-1] and interleaved:
            order = torch.arange(len(weight)).view(-1, 2).t().flatten()
            weight, bias = weight[order], bias[order]
        ours.weight.copy_(weight)
        ours.bias.copy_(bias)


def linear_layers(net) -> list:
    return [module for module in net.modules() if hasattr(module, "weight")]


def flow_of(transforms, features: int) -> Flow:
    """Theirs go from data to noise, ours from noise to data: the last comes first."""
    return Flow(StandardNormal(torch.zeros(features)), transforms[::-1]).double()


def maf_from_zuko(theirs) -> Flow:
    transforms = []
    for their in theirs.transform.transforms:
        layers = linear_layers(their.hyper)
        features, hidden = len(their.order), [layer.out_features for layer in layers[:-1]]
        context = layers[0].in_features - features
        net = MADE(features, hidden, 2, their.order.argsort().tolist(), context).double()
        copy_masked(net, layers)
        transforms.append(Autoregressive(net, ZukoAffine()))
    return flow_of(transforms, features)


def real_nvp_from_zuko(theirs) -> Flow:
    transforms = []
    for their in theirs.transform.transforms:
        layers, mask = linear_layers(their.hyper), their.mask
        context = layers[0].in_features - int(mask.sum())
        hidden = [layer.out_features for layer in layers[:-1]]
        each = Coupling(~mask, ZukoAffine(), hidden, context).double()
        copy_plain(each.net, layers, interleaved=True)
        transforms.append(each)
    return flow_of(transforms, len(mask))


def maf_from_nflows(theirs) -> Flow:
    """Between its layers nflows reverses the features; here every second ordering is reversed."""
    from nflows.transforms import MaskedAffineAutoregressiveTransform

    transforms = []
    for their in theirs._transform._transforms:
        if not isinstance(their, MaskedAffineAutoregressiveTransform):
            continue
        layers = linear_layers(their.autoregressive_net)
        features, hidden = their.features, [layer.out_features for layer in layers[:-1]]
        net = MADE(features, hidden, 2).double()
        copy_masked(net, layers)
        if len(transforms) % 2:  # the same network, of the features in reverse order
            reverse = MADE(features, hidden, 2, range(features)[::-1]).double()
            reverse.load_state_dict(net.state_dict())
            with torch.no_grad():
                reverse.layers[0].weight.copy_(net.layers[0].weight.flip(-1))
                for name in ("weight", "bias"):
                    rows = getattr(net.layers[-1], name).unflatten(0, (2, features)).flip(1)
                    getattr(reverse.layers[-1], name).copy_(rows.flatten(0, 1))
            net = reverse
        transforms.append(Autoregressive(net, NflowsAffine()))
    return flow_of(transforms, features)


def real_nvp_from_nflows(theirs) -> Flow:
    transforms = []
    for their in theirs._transform._transforms:
        layers = linear_layers(their.transform_net)
        mask = torch.zeros(their.features, dtype=torch.bool)
        mask[their.transform_features] = True
        hidden = [layer.out_features for layer in layers[:-1]]
        each = Coupling(mask, NflowsCouplingAffine(), hidden).double()
        copy_plain(each.net, layers, interleaved=False)
        transforms.append(each)
    return flow_of(transforms, len(mask))
