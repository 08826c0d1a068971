"""Taking channels out: the weights that remain, the sizes that modules say of themselves, and what must stay true."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import msgspec
import torch
from torch import nn

from ..counting.walk import dtype_of
from ._check import without_numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ._follow import Followed

_CONVOLUTION = nn.modules.conv._ConvNd  # noqa: SLF001 - the only common base
_TRANSPOSED = nn.modules.conv._ConvTransposeNd  # noqa: SLF001 - as above
_NORM = nn.modules.batchnorm._NormBase  # noqa: SLF001 - as above


class Dimension(msgspec.Struct, frozen=True):
    """One dimension of a tensor that channels stand along: which indices go, and which of them are to be zeroed in the whole.

    `makes` says that a layer makes channels along it.
    """

    tensor: str
    dim: int
    size: int
    gone: tuple[int, ...]
    zeroed: tuple[int, ...]
    makes: bool


class Cut(msgspec.Struct, frozen=True):
    """What goes, of each dimension that channels stand along."""

    dimensions: tuple[Dimension, ...]

    @property
    def layers(self) -> list[Dimension]:
        """Those along which a layer makes channels."""
        return [one for one in self.dimensions if one.makes]

    @property
    def removed(self) -> int:
        """How many output channels of convolutions and linear layers go."""
        return sum(len(one.gone) for one in self.layers)


def cut(found: Followed, removed: set[int]) -> Cut:
    """What goes with these channels. Raises ValueError where nothing would be left of a layer."""
    labels = {axis: found.labels.roots(own).tolist() for axis, own in found.axes.items()}
    reads = {layer.reads for layer in found.layers if not layer.alone}
    makes = {layer.makes for layer in found.layers}
    read = {label for axis in reads for label in labels[axis]}
    dimensions = []
    for axis, own in labels.items():
        gone = tuple(place for place, label in enumerate(own) if label in removed)
        if len(gone) == len(own):
            message = (
                f"it would leave none of the {len(own)} channels of {axis.tensor.rpartition('.')[0]}: a lower ratio leaves some, "
                "and so does ranking each layer by itself"
            )
            raise ValueError(message)
        # What reads a channel reads zeros; one that nothing reads, but another meets in a product, is zeroed where it is made.
        zeroed = gone if axis in reads else tuple(place for place in gone if own[place] not in read)
        dimensions.append(Dimension(axis.tensor, axis.dim, len(own), gone, zeroed, axis in makes))
    return Cut(tuple(dimensions))


def joined(first: Cut, second: Cut) -> Cut:
    """Both as one cut of the network that the first was made for; the second is of what the first left."""
    later = {(one.tensor, one.dim): one for one in second.dimensions}
    found = []
    for one in first.dimensions:
        two = later.get((one.tensor, one.dim))
        if two is not None:
            gone = set(one.gone)
            left = [place for place in range(one.size) if place not in gone]
            one = Dimension(  # noqa: PLW2901 - the same dimension, of which more goes
                one.tensor, one.dim, one.size, tuple(sorted({*one.gone, *(left[place] for place in two.gone)})),
                tuple(sorted({*one.zeroed, *(left[place] for place in two.zeroed)})), one.makes,
            )  # fmt: skip
        found.append(one)
    return Cut(tuple(found))


@torch.no_grad()
def remove(module: nn.Module, plan: Cut) -> nn.Module:
    """The module with those channels gone, changed in place."""
    own = _tensors(module)
    smaller: dict[str, torch.Tensor] = {}
    for one in plan.dimensions:
        if one.gone:
            old = smaller.get(one.tensor, own[one.tensor].detach())
            gone = set(one.gone)
            kept = [place for place in range(one.size) if place not in gone]
            smaller[one.tensor] = old.index_select(one.dim, torch.tensor(kept, device=old.device))
    return replaced(module, [(own[name], new) for name, new in smaller.items()])


@torch.no_grad()
def replaced(module: nn.Module, pairs: Iterable[tuple[torch.Tensor, torch.Tensor]]) -> nn.Module:
    """The module with these tensors in the place of its own, changed in place; what it says of its sizes follows them."""
    made: dict[int, torch.Tensor] = {}
    for old, new in pairs:
        made[id(old)] = nn.Parameter(new, requires_grad=old.requires_grad) if isinstance(old, nn.Parameter) else new
    for part in module.modules():
        stores: tuple[dict[str, Any], ...] = (part._parameters, part._buffers)  # noqa: SLF001 - setattr would refuse tied ones
        for store in stores:
            for name, value in store.items():
                if value is not None and id(value) in made:
                    store[name] = made[id(value)]
        _resize(part)
    return module


@torch.no_grad()
def zeroed(module: nn.Module, plan: Cut) -> nn.Module:
    """The whole network in which whatever reads a channel that is gone reads zeros, changed in place.

    That is what the smaller one must answer the same as.
    """
    own = _tensors(module)
    for one in plan.dimensions:
        if one.zeroed:
            own[one.tensor].index_fill_(one.dim, torch.tensor(one.zeroed), 0.0)
    return module


def count(module: nn.Module) -> int:
    """How many parameters it has."""
    return sum(parameter.numel() for parameter in module.parameters())


def _tensors(module: nn.Module) -> dict[str, torch.Tensor]:
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}


def _resize(part: nn.Module) -> None:
    """What a module says of its sizes, after its weights."""
    weight = part._parameters.get("weight")  # noqa: SLF001 - torch has no type for "may have one"
    if isinstance(part, _CONVOLUTION) and weight is not None:
        alone = part.groups > 1 and part.groups == part.in_channels
        one, two = weight.shape[:2]
        if alone:
            many = part.out_channels // part.groups
            part.groups = one if isinstance(part, _TRANSPOSED) else one // many
            part.in_channels, part.out_channels = part.groups, part.groups * many
        elif isinstance(part, _TRANSPOSED):
            part.in_channels, part.out_channels = one, two * part.groups
        else:
            part.in_channels, part.out_channels = two * part.groups, one
    elif isinstance(part, nn.Linear) and weight is not None:
        part.out_features, part.in_features = weight.shape
    elif isinstance(part, nn.PReLU):
        part.num_parameters = part.weight.numel()
    elif isinstance(part, _NORM):
        values = [value for store in (part._parameters, part._buffers) for value in store.values()]  # noqa: SLF001 - as above
        part.num_features = next((value.numel() for value in values if value is not None and value.dim()), part.num_features)


def runs(module: nn.Module, plan: Cut, shape: Sequence[int]) -> str:
    """Why the network does not run without those channels, or answers in another shape; "" where it does."""
    try:
        whole = without_numbers(module)
        with torch.device("meta"), torch.no_grad():
            x = torch.zeros(1, *shape, dtype=dtype_of(module))
            wanted = _shapes(whole(x))
            found = _shapes(remove(whole, plan)(x))
    except Exception:  # noqa: BLE001 - a network that reads values cannot run without
        try:
            with torch.no_grad():
                x = torch.zeros(1, *shape, dtype=dtype_of(module))
                wanted, found = _shapes(module(x)), _shapes(remove(copy.deepcopy(module), plan)(x))
        except Exception as error:  # noqa: BLE001 - whatever a network raises is the reason
            return f"without them it raises {type(error).__name__}: {' '.join(str(error).split())[:160]}"
    return "" if wanted == found else f"its output would be {found}, and is {wanted}"


def _shapes(output: object) -> list[tuple[int, ...]]:
    return [tuple(leaf.shape) for leaf in torch.utils._pytree.tree_leaves(output) if isinstance(leaf, torch.Tensor)]  # noqa: SLF001 - its home
