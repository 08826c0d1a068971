"""Which channels of a network go together: it runs once without values, and each operator says what becomes of the labels.

A convolution or a linear layer makes new channels and reads old ones; what works element by element joins those that meet; what
only moves values moves their labels, by running on them. So neither a concatenation nor a residual sum nor a shuffle of channels
needs a case of its own. What mixes channels in a way that is not known here keeps all that it reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from ..counting.walk import dtype_of, plain_attention
from . import _products  # noqa: F401 - its rules register themselves
from ._check import without_numbers
from ._labels import KEPT, NOBODY, Axis, Labels, Layer, compact
from ._operators import RULES, pointwise, unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# An elementwise parameter with more numbers than this is no scale or shift of channels.
_LARGEST = 2**20


class Followed:
    """What one pass found: the label of every index of every dimension that channels stand along, and the layers in order."""

    def __init__(self, module: nn.Module, *, views: bool) -> None:
        self.labels = Labels()
        self.axes: dict[Axis, Tensor] = {}
        self.layers: list[Layer] = []
        self.views = views
        self._names = {id(tensor): name for name, tensor in (*module.named_parameters(), *module.named_buffers())}
        self._turned: dict[int, tuple[Tensor, str, tuple[int, ...]]] = {}
        self._own: dict[str, Tensor] = {}
        self._made: dict[int, tuple[Tensor, Tensor]] = {}

    def weight(self, tensor: Tensor) -> tuple[str, tuple[int, ...]] | None:
        """The name of a parameter and the order in which its dimensions are seen here; None for anything else."""
        if id(tensor) in self._turned:
            return self._turned[id(tensor)][1:]
        name = self._names.get(id(tensor))
        return None if name is None else (name, tuple(range(tensor.dim())))

    def turn(self, tensor: Tensor, seen: Tensor, dims: tuple[int, ...]) -> None:
        """A parameter is seen with its dimensions in this order."""
        found = self.weight(tensor)
        if found is not None:
            self._turned[id(seen)] = (seen, found[0], tuple(found[1][dim] for dim in dims))

    def bind(self, axis: Axis, labels: Tensor) -> Tensor:
        """These channels stand along that dimension; the same as before, where it has been bound."""
        if axis in self.axes:
            self.labels.join(self.axes[axis], labels)
        else:
            self.axes[axis] = labels
        return self.axes[axis]

    def made_by(self, axis: Axis, count: int) -> Tensor:
        """The channels that a dimension makes: new ones, unless its weights have been used before."""
        return self.axes[axis] if axis in self.axes else self.bind(axis, self.labels.fresh(count))

    def of(self, tensor: Tensor) -> Tensor:
        """The labels of any tensor, of its shape."""
        if id(tensor) in self._made:
            return self.labels.roots(self._made[id(tensor)][1])
        found = self.weight(tensor)
        if found is None:
            return torch.tensor(NOBODY, device="cpu").expand(tensor.shape)
        name, dims = found
        if name not in self._own:
            shape = [tensor.shape[dims.index(dim)] for dim in range(tensor.dim())]
            few = tensor.numel() <= _LARGEST
            self._own[name] = (
                self.labels.fresh(tensor.numel()).reshape(shape) if few else torch.tensor(KEPT, device="cpu").expand(shape)
            )
        return self.labels.roots(self._own[name]).permute(dims)

    def put(self, tensor: Tensor, labels: Tensor) -> None:
        """A tensor was made, with these labels."""
        self._made[id(tensor)] = (tensor, labels)

    def channels(self, labels: Tensor, dim: int) -> Tensor:
        """The label of each index of a dimension; all are kept where they vary in another one too, or belong to nobody."""
        bare = compact(labels)
        if any(size > 1 for other, size in enumerate(bare.shape) if other != dim):
            self.labels.keep(labels, "they are not told apart where they are read")
            return torch.full((labels.shape[dim],), KEPT, device="cpu")
        found = bare.movedim(dim, -1).reshape(-1).expand(labels.shape[dim])
        return torch.where(found == NOBODY, KEPT, found)

    def finish(self) -> None:
        """Bind what scales or shifts channels element by element; one that varies in several dimensions keeps them all."""
        for name, own in self._own.items():
            labels = self.labels.roots(own)
            dims = [dim for dim, size in enumerate(compact(labels).shape) if size > 1]
            if len(dims) == 1 and not any(axis.tensor == name for axis in self.axes):
                self.axes[Axis(name, dims[0])] = self.channels(labels, dims[0])
            else:
                self.labels.keep(labels, "a parameter of another form takes part in them")


class _Follower(TorchDispatchMode):
    supports_higher_order_operators = True

    def __init__(self, found: Followed) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch gives it no types
        self._found = found

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> object:
        kwargs = kwargs or {}
        name = str(func).partition(".")[2].rpartition(".")[0]
        given = [tensor for tensor in tree_leaves((args, kwargs)) if isinstance(tensor, Tensor)]
        before = {id(tensor): self._found.of(tensor) for tensor in given if self._found.weight(tensor) is None}
        out = func(*args, **kwargs)
        with torch._C.DisableTorchFunction():  # noqa: SLF001 - or a default device would be asked for each label
            rule = RULES.get(name) or (pointwise if torch.Tag.pointwise in getattr(func, "tags", ()) else unknown)
            call = Call(self._found, func, name, args, kwargs, out, before)
            labels = rule(call)
            if labels is None:
                labels = unknown(call)
            for tensor, one in zip(call.outputs, labels, strict=False):
                self._found.put(tensor, one)
        return out


class Call(NamedTuple):
    """One operator that ran."""

    found: Followed
    func: Callable[..., Any]
    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    out: Any
    before: dict[int, Tensor]

    @property
    def outputs(self) -> list[Tensor]:
        """The tensors that it returned."""
        return [tensor for tensor in tree_leaves(self.out) if isinstance(tensor, Tensor)]

    @property
    def tensors(self) -> list[Tensor]:
        """The tensors that it was given."""
        return [tensor for tensor in tree_leaves((self.args, self.kwargs)) if isinstance(tensor, Tensor)]

    def labels(self, tensor: Tensor) -> Tensor:
        """The labels that a tensor had when the operator was called."""
        return self.before[id(tensor)] if id(tensor) in self.before else self.found.of(tensor)

    def on_labels(self) -> list[Tensor]:
        """The operator itself, on the labels of what it was given."""
        given = tree_map(lambda value: self.labels(value) if isinstance(value, Tensor) else value, (self.args, self.kwargs))
        kwargs = {key: value for key, value in given[1].items() if key not in {"dtype", "device", "memory_format", "layout"}}
        return [tensor for tensor in tree_leaves(self.func(*given[0], **kwargs)) if isinstance(tensor, Tensor)]


def follow(module: nn.Module, shape: Sequence[int], *, views: bool = True) -> Followed:
    """Follow the channels through one forward pass on an input of shape `(1, *shape)`; what goes in and comes out is kept.

    Without `views`, channels that a view takes apart are kept too. Raises what the network raises.
    """
    try:
        return _followed(without_numbers(module), shape, "meta", views=views)
    except Exception:  # noqa: BLE001 - a network that reads values cannot run without; if it is broken, it will say so again
        return _followed(module, shape, "cpu", views=views)


def _followed(module: nn.Module, shape: Sequence[int], device: str, *, views: bool) -> Followed:
    found = Followed(module, views=views)
    with torch.no_grad(), torch.device(device), plain_attention():
        inputs = torch.zeros(1, *shape, dtype=dtype_of(module))
        found.put(inputs, torch.tensor(KEPT, device="cpu").expand(inputs.shape))
        with _Follower(found):
            output = module.eval()(inputs)
    for tensor in tree_leaves(output):
        if isinstance(tensor, Tensor):
            found.labels.keep(found.of(tensor), "they are outputs of the network")
    found.finish()
    return found
