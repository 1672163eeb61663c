r"""A family of VAEs as one model: the members side by side, along a leading axis of every tensor.

To see what β, a seed or the number of latents does, one model is not enough. Sixteen small ones,
one after the other, leave the machine waiting for Python most of the time. Their layers are of
equal shape, so one batched product does the work of sixteen: with member f's weights $W_f, b_f$,

$$ y_{f b i} = \sum_j W_{f i j}\, x_{f b j} + b_{f i}, \qquad
   J(\theta_1, \dots, \theta_F) = \sum_{f=1}^F J_f(\theta_f) . $$

No member's loss depends on another's parameters, so the gradient of the sum holds each member's own
gradient. Adam works number by number: to train the sum is to train each member alone.

A member with fewer latents than the largest is filled up with units of zero weights. They are the
prior, have rate zero, are not read by the decoder, and get no gradient.
"""

import copy

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vae_course.checks import require, require_tensor
from vae_course.conditional import StandardNormal
from vae_course.models.vae import VAE


class Family(nn.Module):
    """F models of the same layers as one, made by `stack`. Objectives take it for a model.

    `elbo(family, x, beta=betas)` with `betas` of shape `(F, 1)` gives `(F, B)`: member f's ELBO
    with its own β, in nats. Noise is independent across members.
    """

    def __init__(self, models: list[VAE]):
        super().__init__()
        self.latent_dims = [model.latent_dim for model in models]
        self.latent_dim = max(self.latent_dims)
        self.event_shape = models[0].event_shape
        self.forms = tuple(copy.deepcopy(model) for model in models)  # `member` fills in weights
        names = [("encoder", 1), ("decoder", len(self.event_shape))]
        for name, axes in names:
            parts = [getattr(model, name) for model in models]
            setattr(self, name, _stack_modules(name, parts, self.latent_dims, axes))
        largest = models[self.latent_dims.index(self.latent_dim)]
        self.prior_module = copy.deepcopy(largest.prior_module)

    def __len__(self) -> int:
        return len(self.latent_dims)

    @property
    def prior(self) -> Distribution:
        """p(z) of each member: batch `()`, event `(d,)` with the largest d."""
        return self.prior_module()

    def encode(self, x: Tensor) -> Distribution:
        """q(z|x): batch `(F, B)`, for data `(B, *event_shape)`, or `(F, B, *event_shape)`."""
        shape, event = tuple(require_tensor("x", x).shape), self.event_shape
        require(
            shape[len(shape) - len(event) :] == event
            and len(shape) in (len(event) + 1, len(event) + 2)
            and (len(shape) == len(event) + 1 or shape[0] == len(self)),
            f"x has shape {shape}, needs (B, *{event}) or ({len(self)}, B, *{event})",
        )
        return self.encoder(x)

    def decode(self, z: Tensor) -> Distribution:
        """p(x|z) for latents `(..., F, B, d)`: batch `(..., F, B)`, event `event_shape`."""
        shape = tuple(require_tensor("z", z).shape)
        require(
            len(shape) >= 3 and shape[-3] == len(self) and shape[-1] == self.latent_dim,
            f"z has shape {shape}, needs (..., {len(self)}, B, {self.latent_dim})",
        )
        return self.decoder(z)

    @torch.no_grad()
    def member(self, index: int) -> VAE:
        """An ordinary model with the present weights of member `index`: a copy."""
        require(0 <= index < len(self), f"index is {index}, needs 0 to {len(self) - 1}")
        model, stacked = copy.deepcopy(self.forms[index]), dict(self.named_parameters())
        model.to(next(self.parameters())).train(self.training)
        for name, parameter in model.named_parameters():
            values = stacked[name][index]
            values = _cut(values, parameter.shape, self.latent_dims[index], self.latent_dim)
            parameter.copy_(values.reshape(parameter.shape))
        return model


class FamilyLinear(nn.Module):
    """F linear layers: `(..., F, B, inputs) -> (..., F, B, outputs)`; two axes: x for all members.

    `weight`: `(F, outputs, inputs)`, zero where a smaller member has no unit, and masked there.
    """

    def __init__(self, layers: list[nn.Linear], latent_dims: list[int]):
        super().__init__()
        weights, biases = [layer.weight for layer in layers], [layer.bias for layer in layers]
        self.weight = _stack_tensors(weights, latent_dims)
        self.bias = None if biases[0] is None else _stack_tensors(biases, latent_dims)
        for name, tensors in [("weight", weights), ("bias", biases)]:
            mask = None
            if tensors[0] is not None and len({tensor.shape for tensor in tensors}) > 1:
                ones = [torch.ones_like(tensor) for tensor in tensors]
                mask = _stack_tensors(ones, latent_dims).detach()
            self.register_buffer(f"{name}_mask", mask, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        weight, bias = self.weight, self.bias
        if self.weight_mask is not None:
            weight = weight * self.weight_mask
        if self.bias_mask is not None:
            bias = bias * self.bias_mask
        count, outputs, inputs = weight.shape
        if x.dim() == 2:
            x = x.expand(count, *x.shape)  # no copy: the products read the one x
        lead, batch = x.shape[:-3], x.shape[-2]
        # One product takes one batch axis: what stands before F is folded into it and back.
        x = x.movedim(-3, 0).reshape(count, -1, inputs)
        y = x @ weight.mT if bias is None else torch.baddbmm(bias[:, None], x, weight.mT)
        return y.reshape(count, *lead, batch, outputs).movedim(0, -3)


def stack(models) -> Family:
    """Put VAEs of the same layers side by side: a `Family`, with copies of their weights.

    The layers may be `nn.Linear` and anything without parameters; encoder and decoder may have a
    few of their own, such as a learned σ. Members may differ in weights and in latent size.
    """
    models = list(models)
    require(len(models) >= 1, "models is empty, needs at least one model")
    first = models[0]
    for i, model in enumerate(models):
        require(isinstance(model, VAE), f"model {i} is {type(model).__name__}, needs a VAE")
        require(
            isinstance(model.prior_module, StandardNormal),
            f"model {i} has prior {type(model.prior_module).__name__}, needs StandardNormal",
        )
        require(
            model.event_shape == first.event_shape,
            f"model {i} has event shape {model.event_shape}, model 0 has {first.event_shape}",
        )
    return Family(models)


# Walking the members side by side -----------------------------------------------------------------


def _stack_modules(path: str, parts: list[nn.Module], latent_dims, axes: int) -> nn.Module:
    """The one module for all `parts`; `axes` is the rank of what a parameter broadcasts with."""
    for i, part in enumerate(parts):
        here, there = _settings(part), _settings(parts[0])
        require(here == there, f"{path} of model {i} is {here}, of model 0 {there}")
    if isinstance(parts[0], nn.Linear):
        return FamilyLinear(parts, latent_dims)
    largest = parts[latent_dims.index(max(latent_dims))]
    own = dict(largest.named_parameters(recurse=False))
    require(
        not (own and "." in path) and not any(part._buffers for part in parts if "." in path),
        f"{path} is {type(largest).__name__}, needs nn.Linear or a layer without a state",
    )
    require(
        any(isinstance(layer, nn.Linear) for layer in largest.modules()) or "." in path,
        f"{path} has no nn.Linear",
    )
    stacked = copy.deepcopy(largest)
    for name in own:
        parameter = _stack_tensors([getattr(part, name) for part in parts], latent_dims)
        ones = [1] * (axes + 1 - parameter.dim())  # the batch, and axes of a smaller parameter
        shape = (len(parts), 1, *ones, *parameter.shape[1:])
        setattr(stacked, name, nn.Parameter(parameter.detach().reshape(shape)))
    for name, _ in largest.named_children():
        children = [getattr(part, name) for part in parts]
        setattr(stacked, name, _stack_modules(f"{path}.{name}", children, latent_dims, axes))
    return stacked


def _settings(module: nn.Module) -> tuple:
    """Type of a module, and the plain values in it that must be the same for all members."""
    ignored = ("training", "latent_dim", "in_features", "out_features")
    values = {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_")
        and name not in ignored
        and isinstance(value, bool | int | float | str | tuple)
    }
    return type(module).__name__, values, [name for name, _ in module.named_children()]


# Zeros where a smaller member has no unit ---------------------------------------------------------


def _stack_tensors(tensors: list[Tensor], latent_dims: list[int]) -> nn.Parameter:
    """`(F, *shape)` with the shape of the member of most latents."""
    most = max(latent_dims)
    shape = tensors[latent_dims.index(most)].shape
    filled = []
    for i, (tensor, d) in enumerate(zip(tensors, latent_dims, strict=True)):
        for axis, size in enumerate(shape):
            if tensor.shape[axis] != size:
                require(
                    tensor.shape[axis] * most == size * d and size % most == 0,
                    f"a parameter of model {i} has shape {tuple(tensor.shape)}, of the largest "
                    f"{tuple(shape)}: only the numbers of latents, {d} and {most}, may differ",
                )
                # Two blocks, for a head that gives μ and log σ² of each latent; else one.
                blocks = tensor.unflatten(axis, (size // most, d))
                zeros = list(blocks.shape)
                zeros[axis + 1] = most - d
                blocks = torch.cat([blocks, blocks.new_zeros(zeros)], axis + 1)
                tensor = blocks.flatten(axis, axis + 1)
        filled.append(tensor)
    return nn.Parameter(torch.stack(filled).detach().clone())


def _cut(values: Tensor, shape, d: int, most: int) -> Tensor:
    """What `_stack_tensors` filled up, back at its own shape; axes of size 1 stay."""
    values = values.reshape(values.shape[values.dim() - len(shape) :])
    for axis, size in enumerate(shape):
        if values.shape[axis] != size:
            blocks = values.unflatten(axis, (size // d, most)).narrow(axis + 1, 0, d)
            values = blocks.flatten(axis, axis + 1)
    return values
