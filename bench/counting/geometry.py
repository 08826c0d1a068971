"""Where an output looks: receptive field and stride of a network's last map.

The recurrence is that of Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .fields import propagate
from .graph import Graph, graph

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    from torch import nn

    from .fields import Field
    from .walk import Shape


class Geometry(NamedTuple):
    """The last map that has a place in the picture: its field and stride in pixels as (height, width), and its size in units."""

    size: tuple[Fraction, Fraction]
    stride: tuple[Fraction, Fraction]
    start: tuple[Fraction, Fraction]
    map: tuple[int, int]
    whole: bool
    exact: bool


def geometry(module: nn.Module, shape: Shape, *, device: str = "meta") -> Geometry | None:
    """The field of the units of the output, where that is a map, and otherwise of the last map that it was made of.

    None where there is no such map, or most of the multiply-accumulates come after it, as in a network of linear layers or
    of attention: then everything is seen. `shape` is `(channels, height, width)`. Raises what the network raises.
    """
    if len(shape) != 3:  # noqa: PLR2004 - channels, height, width
        return None
    return last_map(graph(module, shape, device=device))


def last_map(traced: Graph) -> Geometry | None:
    """The same for a forward pass that was traced already."""
    fields = propagate(traced)
    last = last_node(traced, fields)
    if last is None:
        return None
    field, shape = fields[last], traced.nodes[last].outputs[0]
    assert field.axes is not None  # noqa: S101 - so it was chosen
    height, width = field.axes
    return Geometry(
        (height.size, width.size),
        (height.jump, width.jump),
        (height.start, width.start),
        (shape[field.places[0]], shape[field.places[1]]),
        field.whole,
        field.exact,
    )


def last_node(traced: Graph, fields: Sequence[Field]) -> int | None:
    """Which node made the last map, of those that have a part in the first output; None where there is no field."""
    output = traced.outputs[0] if traced.outputs else 0
    found = [index for index in traced.ancestors(output) if index and fields[index].axes is not None]
    if not found:
        return None
    last, total = max(found), sum(node.macs for node in traced.nodes)
    return None if 2 * sum(node.macs for node in traced.nodes[last + 1 :]) > total else last
