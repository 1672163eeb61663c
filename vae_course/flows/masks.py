r"""Which weights of a network must be zero so that output i sees only the inputs before i.

Each unit has a degree. The input that comes k-th has degree k (from 1), a hidden unit of degree m
may see inputs up to the m-th, and what belongs to the k-th feature may see only what is before it:

$$ M^{\text{hidden}}_{ab} = [m_a \ge m_b], \qquad M^{\text{output}}_{ka} = [k > m_a] $$

Hidden units are sorted by degree. Then the masks are staircases, and what depends on the first k
inputs is the first so many units of each layer: an autoregressive layer can be solved one degree
at a time.

Source: Germain et al. 2015, "MADE".
"""

import torch
from torch import Tensor

from vae_course.checks import require, require_count


def degrees(features: int, hidden, ordering=None, context: bool = False) -> list[Tensor]:
    """The degree of each unit: inputs, then each hidden layer, sorted.

    features: how many inputs D; they get 1 … D
    hidden:   the sizes of the hidden layers; their degrees are spread evenly over 1 … D - 1
    ordering: the features in the order in which they come; 0 … D - 1 if not given
    context:  with one, there are hidden units of degree 0, which see nothing but the context
    """
    require_count("features", features)
    order = require_ordering(ordering, features)
    inputs = torch.empty(features, dtype=torch.long)
    inputs[order] = torch.arange(1, features + 1)
    least = 0 if context or features == 1 else 1
    sizes = [require_count("hidden", size) for size in hidden]
    return [inputs, *((torch.arange(n) % (features - least) + least).sort().values for n in sizes)]


def require_ordering(ordering, features: int) -> Tensor:
    """`ordering` as a tensor, if it names each feature once."""
    order = list(range(features)) if ordering is None else [int(i) for i in ordering]
    require(
        sorted(order) == list(range(features)),
        f"ordering is {order}, needs each of 0 … {features - 1} once",
    )
    return torch.tensor(order)


def autoregressive_masks(
    features: int, hidden, outputs_per_feature: int = 1, ordering=None, context: bool = False
) -> list[Tensor]:
    """One boolean mask `(outputs, inputs)` for each layer; the last has a block for each role.

    Its rows are the first parameter of all features, then the second of all features, and so on.
    """
    require_count("outputs_per_feature", outputs_per_feature)
    inputs, *units = degrees(features, hidden, ordering, context)
    layers = [inputs, *units]
    masks = [after[:, None] >= before for before, after in zip(layers, units, strict=False)]
    output = inputs[:, None] > layers[-1]
    return [*masks, output.repeat(outputs_per_feature, 1)]


def check_autoregressive(masks, ordering=None) -> None:
    """Raise `ValueError` if a path through the masks leads to a feature from itself or a later one.

    masks: of shapes `(outputs, inputs)`, first layer first; the inputs are the features, and the
    outputs are one or more blocks of them
    """
    reach = masks[0].double()
    for mask in masks[1:]:
        require(
            mask.shape[1] == len(reach),
            f"a mask has shape {tuple(mask.shape)}, needs {len(reach)} columns",
        )
        reach = (mask.double() @ reach).clamp(max=1)
    features = reach.shape[1]
    require(
        len(reach) % features == 0,
        f"the last mask has {len(reach)} rows, needs a multiple of the {features} features",
    )
    degree = degrees(features, [], ordering)[0].to(reach.device)
    allowed = (degree[:, None] > degree).repeat(len(reach) // features, 1)
    wrong = ((reach > 0) & ~allowed).nonzero().tolist()
    if wrong:
        output, source = wrong[0]
        raise ValueError(
            f"masks let output {output}, of feature {output % features}, see feature {source}, "
            "which does not come before it in the ordering"
        )


def dependence(module, x: Tensor) -> Tensor:
    """Which outputs change with which inputs at any of the points x, by autograd.

    module: maps `(B, features)` to a tensor, or to a tuple of which the first is taken
    x:      points `(B, features)`; a unit that is off at one of them may be on at another

    Returns a boolean matrix `(outputs, features)`.
    """

    def outputs(points: Tensor) -> Tensor:
        result = module(points)
        result = result[0] if isinstance(result, tuple) else result
        return result.flatten(1).sum(0)  # each output depends on its own point only

    jacobian = torch.autograd.functional.jacobian(outputs, x)
    return (jacobian != 0).any(1)
