"""Which pixels of its receptive field a unit really sees: the gaps that strides and dilation leave, made a number.

The network is run again as a network of one channel whose weights are all positive: every layer that moves information from
one place to another is kept, everything else hands it on. The gradient of one unit is then positive at exactly the pixels
that have a path to it. On one channel that takes a fraction of a second for any network, and needs no weights.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from .fields import effective_kernel, propagate
from .geometry import last_map, last_node

if TYPE_CHECKING:
    from torch import Tensor

    from .fields import Field
    from .geometry import Geometry
    from .graph import Graph, Node


def coverage(traced: Graph) -> float | None:
    """The share of the pixels of a unit's receptive field that it sees, between 0 and 1; None where there is no field.

    A 3x3 convolution with dilation 2 sees 9 of 25 pixels, two of them in a row 25 of 81: the checkerboard of dilated networks.
    """
    seen = footprint(traced)
    if seen is None:
        return None
    rows, columns = seen.any(dim=1).nonzero(), seen.any(dim=0).nonzero()
    height, width = (int(found[-1] - found[0]) + 1 for found in (rows, columns))
    return float(seen.sum()) / (height * width)


def footprint(traced: Graph) -> Tensor | None:
    """The pixels that the middle unit of the last map sees, as a boolean picture that is large enough for all of them."""
    fields = propagate(traced)
    last, found = last_node(traced, fields), last_map(traced)
    if last is None or found is None:
        return None
    canvas = _canvas(traced, found)
    pixels = torch.ones(1, 1, *canvas, dtype=torch.float64, requires_grad=True)
    made = _thin(traced, fields, pixels, last)
    height, width = made.shape[2:]
    (gradient,) = torch.autograd.grad(made[0, 0, height // 2, width // 2], pixels)
    return gradient[0, 0] > 0


def _canvas(traced: Graph, found: Geometry) -> list[int]:
    """A picture around the field, of the traced one's size but for a multiple of all strides: so each map rounds as it did."""
    sides = []
    for side, start, size, stride in zip(traced.nodes[0].outputs[0][2:], found.start, found.size, found.stride, strict=True):
        step = 64 * math.ceil(stride / 64)
        needed = size + 2 * abs(start + size / 2) + 4 * stride
        sides.append(side + step * max(0, math.ceil((needed - side) / step)))
    return sides


def _thin(traced: Graph, fields: list[Field], pixels: Tensor, last: int) -> Tensor:
    """Run the nodes that make `last` out of the picture, with one channel."""
    wanted = traced.ancestors(last)
    made: dict[int, Tensor] = {0: pixels}
    for index in sorted(wanted - {0}):
        node = traced.nodes[index]
        if fields[index].axes is None:
            continue
        sources = [made[at.node] for at in node.reads if at.node in made]
        made[index] = _run(node, sources, fields)
    return made[last]


def _run(node: Node, sources: list[Tensor], fields: list[Field]) -> Tensor:
    first = sources[0]
    name, args = node.name, node.args
    if name.endswith("convolution"):
        return _convolved(first, args)
    if ("pool2d" in name and "adaptive" not in name and "unpool" not in name) or name == "avg_pool3d":
        return _pooled(first, name, args)
    if name.startswith("upsample") or name == "max_unpool2d":
        return _resized(first, node)
    if name == "slice":
        return _sliced(first, node, fields)
    if name.endswith(("pad_nd", "pad2d")):
        return _padded(first, node, fields)
    return torch.stack(sources).mean(dim=0) if len(sources) > 1 else first


def _two(value: Any) -> tuple[int, int]:
    values = tuple(value) if isinstance(value, tuple) else (value,)
    return (values[0], values[0]) if len(values) == 1 else (values[-2], values[-1])


def _convolved(x: Tensor, args: tuple[Any, ...]) -> Tensor:
    _, weight, _, stride, padding, dilation, transposed, output_padding, *_ = args
    ones = torch.full((1, 1, *weight.shape[2:]), 1 / math.prod(weight.shape[2:]), dtype=x.dtype)
    if transposed:
        return functional.conv_transpose2d(
            x, ones, None, _two(stride), _two(padding), _two(output_padding), dilation=_two(dilation)
        )
    return functional.conv2d(x, ones, None, _two(stride), _two(padding), _two(dilation))


def _pooled(x: Tensor, name: str, args: tuple[Any, ...]) -> Tensor:
    """As an average, for a maximum hands on one of its pixels only, and any of them can be that one."""
    maximum = name.startswith("max")
    _, kernel, *rest = args
    size = _two(kernel)
    stride = _two(rest[0]) if rest and rest[0] not in ((), None) else size
    padding = _two(rest[1]) if len(rest) > 1 else (0, 0)
    dilation = _two(rest[2]) if maximum and len(rest) > 2 else (1, 1)  # noqa: PLR2004 - stride, padding, dilation
    ceil = bool(rest[3] if maximum and len(rest) > 3 else rest[2] if not maximum and len(rest) > 2 else False)  # noqa: PLR2004 - as above
    ends = []
    for side, k, s, p, d in zip(x.shape[2:], size, stride, padding, dilation, strict=True):
        span = side + 2 * p - effective_kernel(k, d)
        more = -span % s if ceil else 0
        # A window that would start in the padding behind the map is left out, as torch leaves it out.
        if more and (math.ceil(span / s)) * s >= side + p:
            more = 0
        ends.append((p, p + more))
    x = functional.pad(x, (*ends[1], *ends[0]))
    ones = torch.full((1, 1, *size), 1 / math.prod(size), dtype=x.dtype)
    return functional.conv2d(x, ones, None, stride, 0, dilation)


def _resized(x: Tensor, node: Node) -> Tensor:
    before, after = node.args[0].shape, node.outputs[0]
    sides = [round(Fraction(new, old) * side) for side, old, new in zip(x.shape[2:], before[2:], after[2:], strict=True)]
    mode = next((kind for kind in ("bilinear", "bicubic") if kind in node.name), "nearest")
    # A bicubic kernel has negative weights; what it reads, two bilinear ones of twice the reach would: see through its taps.
    return functional.interpolate(x, size=sides, mode="bilinear" if mode == "bicubic" else mode)


def _sliced(x: Tensor, node: Node, fields: list[Field]) -> Tensor:
    source, place, start, end, step = (*node.args, *(0, 0, None, 1)[len(node.args) - 1 :])[:5]
    places = fields[source.node].places
    place %= len(source.shape)
    if place not in places:
        return x
    which = 2 + places.index(place)
    length, side = source.shape[place], x.shape[which]
    begin = start + length if (start or 0) < 0 else (start or 0)
    cut = length - min(length, end + length if (end if end is not None else length) < 0 else (length if end is None else end))
    index: list[slice] = [slice(None)] * 4
    index[which] = slice(begin, side - cut, step)
    return x[tuple(index)]


def _padded(x: Tensor, node: Node, fields: list[Field]) -> Tensor:
    source, amounts, *_ = node.args
    pads = [0, 0, 0, 0]
    for which, place in enumerate(fields[source.node].places):
        back = 2 * (len(source.shape) - 1 - place)
        if back < len(amounts):
            pads[2 - 2 * which : 4 - 2 * which] = amounts[back : back + 2]
    return functional.pad(x, pads)
