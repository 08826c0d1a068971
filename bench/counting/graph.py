"""The operators of one forward pass as a graph: which operator reads what which other one made.

The same walk as the count, and the same price: shapes without values. Geometry and the diagram are read from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils._python_dispatch import TorchDispatchMode

from .liveness import tensors, without_collector
from .rules import kind_of, product_rules
from .walk import SHORTCUTS, Shape, dtype_of, plain_attention

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class At(NamedTuple):
    """A tensor among an operator's arguments: the node that made it (None: a parameter or a constant), and its shape."""

    node: int | None
    shape: Shape


class Node(NamedTuple):
    """One operator that ran: its arguments by name with every tensor as `At`, and the shape of each tensor that it returned.

    Arguments that were left out have their defaults. `scope` names the modules that it ran in, outermost first. The first node
    is the input and has no operator.
    """

    name: str
    args: dict[str, Any]
    outputs: tuple[Shape, ...]
    scope: tuple[str, ...]
    macs: int
    pointwise: bool

    @property
    def reads(self) -> tuple[At, ...]:
        """The tensors among the arguments that other nodes made."""
        return tuple(at for at in _flat(self.args.values()) if isinstance(at, At) and at.node is not None)

    @property
    def source(self) -> At:
        """The first argument, which is a tensor for every operator that works on one."""
        return next(iter(self.args.values()))  # type: ignore[no-any-return]  # as the schema has it


class Graph(NamedTuple):
    """The nodes in order of execution, which of them made the network's outputs, and which made each module's first one.

    `modules` is by path, in order of execution; what a module passed on unchanged was made by another.
    """

    nodes: tuple[Node, ...]
    outputs: tuple[int, ...]
    modules: dict[str, int]

    def ancestors(self, index: int) -> set[int]:
        """The node itself and every one whose output has a part in its own."""
        found, todo = {index}, [index]
        while todo:
            for at in self.nodes[todo.pop()].reads:
                if at.node is not None and at.node not in found:
                    found.add(at.node)
                    todo.append(at.node)
        return found


def graph(module: nn.Module, shape: Shape, *, device: str = "meta") -> Graph:
    """Follow one forward pass of `module`, which is on `device`, on an input of shape `(1, *shape)`, in eval mode.

    Raises what the network raises.
    """
    module.eval()
    with torch.no_grad(), torch.device(device), plain_attention(), without_collector():
        inputs = torch.zeros(1, *shape, dtype=dtype_of(module))
        tracer = _Tracer({id(child): path for path, child in module.named_modules()}, inputs, meta=device == "meta")
        handles = (register_module_forward_pre_hook(tracer.enter), register_module_forward_hook(tracer.leave))
        try:
            with tracer:
                output = module(inputs)
        finally:
            for handle in handles:
                handle.remove()
    return Graph(tuple(tracer.nodes), tuple(tracer.node(tensor) or 0 for tensor in tensors(output)), tracer.modules)


class _Tracer(TorchDispatchMode):
    supports_higher_order_operators = True

    def __init__(self, paths: dict[int, str], inputs: Tensor, *, meta: bool) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch gives it no types
        self.nodes = [Node("input", {}, (tuple(inputs.shape),), (), 0, pointwise=False)]
        self.modules: dict[str, int] = {}
        self._paths = paths
        self._scope: list[str] = []
        self._meta = meta
        self._rules = product_rules()
        # By identity; the tensors are held, so that no other one gets a name that is taken.
        self._made: dict[int, tuple[Tensor, int]] = {id(inputs): (inputs, 0)}

    def enter(self, module: nn.Module, _: object) -> None:
        """A module starts."""
        self._scope.append(self._paths.get(id(module), ""))

    def leave(self, _: nn.Module, __: object, output: object) -> None:
        """The module that started last ends."""
        found = tensors(output)
        self.modules[self._scope.pop()] = (self.node(found[0]) or 0) if found else 0

    def node(self, tensor: Tensor) -> int | None:
        """The node that made a tensor; None for parameters and constants."""
        made = self._made.get(id(tensor))
        return None if made is None else made[1]

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> object:
        kwargs = kwargs or {}
        full = str(func)
        name = full.rpartition(".")[0]
        rule = self._rules.get(name)
        if not rule and kind_of(func) == "unknown" and isinstance(func, torch._ops.OpOverload):  # noqa: SLF001 - its only home
            # Under inference mode composite operators arrive whole; their parts are what executes.
            with self:
                parts = func.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
        said = {name: self._said(value) for name, value in _named(func, args, kwargs).items()}
        shortcut = SHORTCUTS.get(full) if self._meta else None
        output = shortcut(*args) if shortcut else func(*args, **kwargs)
        written = tensors(output)
        # What reads only constants makes a constant.
        if any(isinstance(at, At) and at.node is not None for at in _flat(said.values())):
            for tensor in written:
                self._made[id(tensor)] = (tensor, len(self.nodes))
            self.nodes.append(
                Node(
                    name.removeprefix("aten."),
                    said,
                    tuple(tuple(tensor.shape) for tensor in written),
                    tuple(self._scope),
                    rule(*args, **kwargs, out_val=output) // 2 if rule else 0,
                    torch.Tag.pointwise in getattr(func, "tags", ()),
                )
            )
        return output

    def _said(self, value: object) -> object:
        if isinstance(value, Tensor):
            return At(self.node(value), tuple(value.shape))
        if isinstance(value, (list, tuple)):
            return tuple(self._said(item) for item in value)
        return value


def pair(value: Any) -> tuple[int, int]:
    """The last two of a list of sizes, which a single number may stand for."""
    numbers = value if isinstance(value, tuple) else (value,)
    return (numbers[0], numbers[0]) if len(numbers) == 1 else (numbers[-2], numbers[-1])


def _named(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """All arguments by their names in the operator's schema; by their places where it has none."""
    schema = getattr(func, "_schema", None)
    if schema is None:
        return {str(place): value for place, value in enumerate(args)} | kwargs
    given = dict(zip((argument.name for argument in schema.arguments), args, strict=False)) | kwargs
    return {argument.name: given.get(argument.name, argument.default_value) for argument in schema.arguments}


def _flat(values: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        found += _flat(value) if isinstance(value, tuple) and not isinstance(value, At) else [value]
    return found
