"""What the units of every tensor of a forward pass see of the picture, by recurrence over the operators.

A unit at index i of a map sees the pixels from `start + i * jump` on, `size` of them; both may reach beyond the picture. Numbers
are fractions, since maps also become finer. Where paths meet, a unit sees what it sees on any of them.

What a pooling over the whole map gives (the gate of squeeze-and-excitation, the image feature of ASPP) depends on every pixel:
where that is combined with a map, the map keeps its own field and is marked `whole`.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from .graph import At, Graph, Node, pair

if TYPE_CHECKING:
    from collections.abc import Callable


class Axis(NamedTuple):
    """One direction: the first pixel that unit 0 sees, how many, and how far apart neighbours look."""

    start: Fraction
    size: Fraction
    jump: Fraction

    def window(self, kernel: int, stride: int, padding: int, dilation: int) -> Axis:
        """The field of what a convolution or pooling makes of it."""
        extent = effective_kernel(kernel, dilation) - 1
        return Axis(self.start - padding * self.jump, self.size + extent * self.jump, self.jump * stride)

    def finer(self, factor: Fraction, before: int, beside: int) -> Axis:
        """The field of a map `factor` times as fine, each unit of which reads `beside` more units, `before` of them before."""
        return Axis(self.start - before * self.jump, self.size + beside * self.jump, self.jump / factor)


class Field(NamedTuple):
    """What a tensor's units see. Without axes it is no map any more, or of no place: then it depends on everything.

    `places` are the dimensions along which height and width run. `whole` is set where pooled vectors had a part in it, and
    `exact` is not where units of different phase see differently much: then `size` is the most.
    """

    axes: tuple[Axis, Axis] | None = None
    places: tuple[int, int] = (2, 3)
    whole: bool = True
    exact: bool = True


EVERYTHING = Field()
"""What has no place: a vector, a pooled map, a sequence."""


def effective_kernel(kernel: int, rate: int) -> int:
    """How far a dilated kernel of `kernel` taps reaches: `(kernel - 1) * rate + 1`."""
    return (kernel - 1) * rate + 1


def propagate(traced: Graph) -> list[Field]:
    """The field of what each node made."""
    one = Axis(Fraction(0), Fraction(1), Fraction(1))
    fields = [Field((one, one), whole=False)]
    for node in traced.nodes[1:]:
        rule = _RULES.get(node.name)
        fields.append(rule(node, fields) if rule else _combined(node, fields) if node.pointwise else EVERYTHING)
    return fields


def _field(at: Any, fields: list[Field]) -> Field:
    return fields[at.node] if isinstance(at, At) and at.node is not None else EVERYTHING


def _combined(node: Node, fields: list[Field]) -> Field:
    """Element by element, or side by side: a unit sees what any of its sources sees there."""
    shape = node.outputs[0]
    maps, whole, exact = [], False, True
    for at in node.reads:
        field = _field(at, fields)
        ahead = len(shape) - len(at.shape)  # a source with fewer dimensions is broadcast
        places = (field.places[0] + ahead, field.places[1] + ahead)
        if field.axes is None or any(shape[place] != at.shape[place - ahead] for place in places):
            whole = True
            continue
        maps.append((field.axes, places))
        whole |= field.whole
        exact &= field.exact
    if not maps or any(places != maps[0][1] for _, places in maps):
        return EVERYTHING
    axes = []
    for one, *others in zip(*(axes for axes, _ in maps), strict=True):
        if any(other.jump != one.jump for other in others):
            return EVERYTHING
        start = min(axis.start for axis in (one, *others))
        axes.append(Axis(start, max(axis.start + axis.size for axis in (one, *others)) - start, one.jump))
    return Field((axes[0], axes[1]), maps[0][1], whole, exact)


def _passed(node: Node, fields: list[Field]) -> Field:
    """What only the first argument decides, unit by unit."""
    return _field(node.source, fields)


def _copied(node: Node, fields: list[Field]) -> Field:
    """What is written over with another tensor, whatever it held before."""
    return _field(node.args["src"], fields)


def _windowed(field: Field, kernel: Any, stride: Any, padding: Any, dilation: Any) -> Field:
    if field.axes is None:
        return field
    sizes = zip(field.axes, pair(kernel), pair(stride), pair(padding), pair(dilation), strict=True)
    height, width = (axis.window(k, s, p, d) for axis, k, s, p, d in sizes)
    return field._replace(axes=(height, width))


def _convolved(node: Node, fields: list[Field]) -> Field:
    field, kernel = _field(node.source, fields), node.args["weight"].shape[2:]
    stride, padding, dilation = (node.args[name] for name in ("stride", "padding", "dilation"))
    if field.axes is None or len(kernel) != 2:  # noqa: PLR2004 - two dimensions of space
        return EVERYTHING
    if not node.args["transposed"]:
        return _windowed(field, kernel, stride, padding, dilation)
    axes, exact = [], field.exact
    for axis, side, step, pad, rate in zip(field.axes, kernel, pair(stride), pair(padding), pair(dilation), strict=True):
        reach = effective_kernel(side, rate)
        taps = math.ceil(Fraction(reach, step))
        before = math.floor(Fraction(reach - 1 - pad, step))
        axes.append(axis.finer(Fraction(step), before, taps - 1))
        exact &= step == 1
    return field._replace(axes=(axes[0], axes[1]), exact=exact)


def _pooled(node: Node, fields: list[Field]) -> Field:
    field, kernel = _field(node.source, fields), node.args["kernel_size"]
    if field.axes is None:
        return field
    sides = [node.source.shape[place] for place in field.places]
    if node.name.startswith("avg") and all(k >= side > 1 for k, side in zip(pair(kernel), sides, strict=True)):
        return EVERYTHING  # over the whole map
    return _windowed(field, kernel, node.args["stride"] or kernel, node.args["padding"], node.args.get("dilation", 1))


def _resized(node: Node, fields: list[Field]) -> Field:
    """Adaptive pooling hands a map of the right size on, and pools any other into a head; interpolation makes it finer."""
    field = _field(node.source, fields)
    if field.axes is None:
        return field
    before, after = ([shape[place] for place in field.places] for shape in (node.source.shape, node.outputs[0]))
    if before == after:
        return field
    if "adaptive" in node.name or any(new < old for new, old in zip(after, before, strict=True)):
        return EVERYTHING
    reach = {"nearest": (0, 0), "bilinear": (1, 1), "bicubic": (2, 3)}
    first, more = next((taps for kind, taps in reach.items() if kind in node.name), (0, 0))
    ends = int(bool(node.args.get("align_corners")))  # the first and last units stay where they are: one gap fewer than units
    height, width = (
        axis.finer(Fraction(new - ends, old - ends) if old > ends else Fraction(new), first * (new != old), more * (new != old))
        for axis, new, old in zip(field.axes, after, before, strict=True)
    )
    return field._replace(axes=(height, width), exact=False)


def _cut(node: Node, fields: list[Field]) -> Field:
    """A slice with a step: along height or width it moves the field and spreads the units."""
    field, place = _field(node.source, fields), node.args["dim"] % len(node.source.shape)
    if field.axes is None or place not in field.places:
        return field
    start, _, step = slice(node.args["start"], node.args["end"], node.args["step"]).indices(node.source.shape[place])
    axes = list(field.axes)
    which = field.places.index(place)
    axes[which] = Axis(axes[which].start + start * axes[which].jump, axes[which].size, axes[which].jump * step)
    return field._replace(axes=(axes[0], axes[1]))


def _padded(node: Node, fields: list[Field]) -> Field:
    field = _field(node.source, fields)
    if field.axes is None:
        return field
    before = [axis.start - amounts[0] * axis.jump for axis, amounts in zip(field.axes, padding(node, field), strict=True)]
    height, width = (axis._replace(start=start) for axis, start in zip(field.axes, before, strict=True))
    return field._replace(axes=(height, width))


def padding(node: Node, field: Field) -> list[tuple[int, int]]:
    """By how many units an operator pads height and width, before and behind; its list begins with the last dimension."""
    amounts = node.args["pad"] if "pad" in node.args else node.args["padding"]
    backs = [2 * (len(node.source.shape) - 1 - place) for place in field.places]
    return [(amounts[back], amounts[back + 1]) if back < len(amounts) else (0, 0) for back in backs]


def _reduced(node: Node, fields: list[Field]) -> Field:
    """A sum, mean or maximum over dimensions: over height or width it leaves no map."""
    source, over = node.source, node.args.get("dim")
    field = _field(source, fields)
    if field.axes is None or over is None:
        return EVERYTHING
    gone = {place % len(source.shape) for place in (over if isinstance(over, tuple) else (over,))}
    if gone & set(field.places):
        return EVERYTHING
    if len(node.outputs[0]) == len(source.shape):
        return field
    first, second = (place - sum(other < place for other in gone) for place in field.places)
    return field._replace(places=(first, second))


def _along(node: Node, fields: list[Field]) -> Field:
    """What looks along one dimension, as a softmax does, or parts it: over channels it stays a map."""
    field = _field(node.source, fields)
    return EVERYTHING if field.axes is None or node.args["dim"] % len(node.source.shape) in field.places else field


def _viewed(node: Node, fields: list[Field]) -> Field:
    """Another view of the same elements: height and width stay where as much lies before them and they are as long."""
    source, after = node.source, node.outputs[0]
    field = _field(source, fields)
    if field.axes is None:
        return field
    places = []
    for place in field.places:
        before = math.prod(source.shape[:place])
        same = [i for i, n in enumerate(after) if n == source.shape[place] and math.prod(after[:i]) == before]
        if not same:
            return EVERYTHING
        places.append(same[-1] if place == field.places[1] else same[0])
    return field._replace(places=(places[0], places[1]))


def _moved(node: Node, fields: list[Field]) -> Field:
    field, count = _field(node.source, fields), len(node.source.shape)
    order = list(range(count))
    if node.name == "permute":
        order = [place % count for place in node.args["dims"]]
    else:
        one, other = (0, 1) if node.name == "t" else (node.args["dim0"] % count, node.args["dim1"] % count)
        order[one], order[other] = order[other], order[one]
    return field if field.axes is None else field._replace(places=(order.index(field.places[0]), order.index(field.places[1])))


def _rules() -> dict[str, Callable[[Node, list[Field]], Field]]:
    table: dict[Callable[[Node, list[Field]], Field], str] = {
        _convolved: "convolution _convolution",
        _pooled: "max_pool2d_with_indices avg_pool2d avg_pool3d",
        _resized: "_adaptive_avg_pool2d adaptive_max_pool2d upsample_nearest2d upsample_bilinear2d upsample_bicubic2d"
        " max_unpool2d pixel_shuffle",
        _cut: "slice",
        _padded: "constant_pad_nd reflection_pad2d replication_pad2d",
        _reduced: "mean sum amax amin max min",
        _along: "_softmax _log_softmax split split_with_sizes unsafe_split unsafe_split_with_sizes",
        _viewed: "view _unsafe_view reshape _reshape_alias unsqueeze squeeze expand",
        _moved: "permute transpose t",
        _combined: "cat where",
        _passed: "native_batch_norm _native_batch_norm_legit_no_training dropout clone _to_copy alias detach contiguous"
        " native_group_norm _prelu_kernel lift_fresh channel_shuffle native_channel_shuffle",
        _copied: "copy_",
    }
    return {name: rule for rule, names in table.items() for name in names.split()}


_RULES = _rules()
