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

from .fields import effective_kernel, padding, propagate
from .geometry import last_map, last_node
from .graph import pair

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    first, name = sources[0], node.name
    if name.endswith("convolution"):
        return _convolved(first, node.args)
    if name.startswith(("max_pool", "avg_pool")):
        return _pooled(first, node.args)
    if name.startswith("upsample") or name in {"max_unpool2d", "pixel_shuffle"}:
        return _resized(first, node)
    if name == "slice":
        return _sliced(first, node, fields[node.source.node or 0])
    if "pad" in name:
        height, width = padding(node, fields[node.source.node or 0])
        return functional.pad(first, (*width, *height))
    return torch.stack(sources).mean(dim=0) if len(sources) > 1 else first


def _ones(kernel: Sequence[int], x: Tensor) -> Tensor:
    return torch.full((1, 1, *kernel), 1 / math.prod(kernel), dtype=x.dtype)


def _convolved(x: Tensor, args: dict[str, Any]) -> Tensor:
    ones = _ones(args["weight"].shape[2:], x)
    stride, pads, dilation = (pair(args[name]) for name in ("stride", "padding", "dilation"))
    if args["transposed"]:
        more = pair(args["output_padding"])
        return functional.conv_transpose2d(x, ones, None, stride, pads, more, dilation=dilation)
    return functional.conv2d(x, ones, None, stride, pads, dilation)


def _pooled(x: Tensor, args: dict[str, Any]) -> Tensor:
    """As an average, for a maximum hands on one of its pixels only, and any of them can be that one."""
    size = pair(args["kernel_size"])
    stride, pads, dilation = pair(args["stride"] or size), pair(args["padding"]), pair(args.get("dilation", 1))
    ends = []
    for side, k, s, p, d in zip(x.shape[2:], size, stride, pads, dilation, strict=True):
        span = side + 2 * p - effective_kernel(k, d)
        more = -span % s if args["ceil_mode"] else 0
        # A window that would start in the padding behind the map is left out, as torch leaves it out.
        starts_behind = more and math.ceil(span / s) * s >= side + p
        ends.append((p, p if starts_behind else p + more))
    return functional.conv2d(functional.pad(x, (*ends[1], *ends[0])), _ones(size, x), None, stride, 0, dilation)


def _resized(x: Tensor, node: Node) -> Tensor:
    before, after = node.source.shape, node.outputs[0]
    sides = [round(Fraction(new, old) * side) for side, old, new in zip(x.shape[2:], before[2:], after[2:], strict=True)]
    # A bicubic kernel weighs its outer units negatively, which would cancel: the bilinear one inside of it stands for it.
    mode = "bilinear" if node.name.endswith(("bilinear2d", "bicubic2d")) else "nearest"
    aligned = bool(node.args.get("align_corners")) if mode == "bilinear" else None
    return functional.interpolate(x, size=sides, mode=mode, align_corners=aligned)


def _sliced(x: Tensor, node: Node, field: Field) -> Tensor:
    place = node.args["dim"] % len(node.source.shape)
    if place not in field.places:
        return x
    which, length = 2 + field.places.index(place), node.source.shape[place]
    start, stop, step = slice(node.args["start"], node.args["end"], node.args["step"]).indices(length)
    index = [slice(None)] * 4
    # What is left out behind the map is as much on the larger picture.
    index[which] = slice(start, x.shape[which] - (length - stop), step)
    return x[tuple(index)]
