"""The layers that ONNX Runtime runs: its profile, each operator traced to the file that was exported, and so to a module."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING, Any

from .. import kinds
from ..core import Layer
from . import _onnx_account as accounts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._onnx_account import Event

_SIZES = {
    "float": 4, "float16": 2, "bfloat16": 2, "double": 8, "uint8": 1, "int8": 1, "int32": 4, "int64": 8, "uint32": 4,
    "uint64": 8, "bool": 1, "int16": 2, "uint16": 2,
}  # fmt: skip


def layers(model: Any, runs: list[list[Event]], *, tf32: bool = False) -> list[Layer]:
    """The operators of the runs, in the order in which they ran, with the medians of their seconds.

    Raises ValueError where one that has MACs cannot be traced to the exported file.
    """
    listed, known = accounts.products(model), accounts.names(model)
    own = {node.name for node in model.graph.node}
    homes = {alias: node.name for node in model.graph.node for alias in (*node.output, node.name)}
    weights = _weights(model)
    order, seconds = accounts.timed(runs)
    multiplies = [event for event in order if accounts.kind_of(event, own) in {"convolution", "matmul"}]
    traced = accounts.trace(multiplies, listed, known)
    found = []
    for event in order:
        mine = traced.get(event.number, [])
        node = listed[mine[0]].name if mine else homes.get(accounts.bare(event.name), "")
        kind = accounts.kind_of(event, own)
        found.append(
            Layer(
                path=node.rpartition("/")[0],
                operator=event.operator,
                kind=kinds.of_convolution(*weights[mine[0]]) if mine and listed[mine[0]].convolution else _other(kind, event),
                precision=accounts.precision_of(event, tf32=tf32),
                output=event.writes[0][1] if event.writes else (),
                macs=sum(listed[one].macs for one in mine),
                bytes=_bytes((*event.reads, *event.writes, *(_packed(event, [weights[one][0] for one in mine])))),
                seconds=statistics.median(seconds[event.number]),
            )
        )
    return found


def _other(kind: str, event: Event) -> str:
    if kind == "matmul":
        return kinds.LINEAR
    if kind == "conversion":
        return kinds.MOVEMENT
    return kinds.NORMALISATION if kind == "batchnormalization" else kinds.of_name(event.operator)


def _weights(model: Any) -> list[tuple[tuple[int, ...], int]]:
    """The shape of the weights, and the groups, of each operator that the account lists as a product, in the same order."""
    shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    for value in model.graph.value_info:
        shapes.setdefault(value.name, tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim))
    found = []
    for node in model.graph.node:
        if node.op_type in accounts.PRODUCTS:
            groups = next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)
            found.append((shapes.get(node.input[1], ()), int(groups)))
    return found


def _packed(event: Event, weights: Iterable[tuple[int, ...]]) -> list[tuple[str, tuple[int, ...]]]:
    """Weights that the runtime has packed and the profile does not name: as many as in the file, in the input's type."""
    return [] if len(event.reads) > 1 else [(event.type, shape) for shape in weights if shape]


def _bytes(values: Iterable[tuple[str, tuple[int, ...]]]) -> int | None:
    """What goes in and comes out; None of a type whose size is not known."""
    sizes = [(_SIZES.get(kind), math.prod(shape)) for kind, shape in values]
    return None if any(size is None for size, _ in sizes) else sum(size * count for size, count in sizes if size is not None)
