"""What each operator makes of the labels of what it reads: labels for each of its results, or None where that is not known.

Names are those of aten without their overloads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ._labels import KEPT, NOBODY, compact, resized, varies

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from ._follow import Call

    Rule = Callable[[Call], Sequence[Tensor] | None]

RULES: dict[str, Rule] = {}
# What is found where channels cannot go, in words.
_ACROSS = {
    "avg_pool3d": "a local response norm",
    "native_layer_norm": "a layer norm",
    "native_group_norm": "a group norm",
    "_softmax": "a soft-max",
    "_log_softmax": "a soft-max",
    "mean": "a mean",
    "sum": "a sum",
    "amax": "a maximum",
    "max": "a maximum",
}


def rule(names: str) -> Callable[[Rule], Rule]:
    """Register the decorated function as the rule of these operators."""

    def register(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(names.split(), function))
        return function

    return register


def unknown(call: Call) -> Sequence[Tensor]:
    """Nothing is known: everything that was read is kept, and so is what comes out."""
    for tensor in call.tensors:
        if call.found.weight(tensor) is None:
            why = f"{_ACROSS[call.name]} works across them" if call.name in _ACROSS else f"nothing is known here of {call.name}"
            call.found.labels.keep(call.labels(tensor), why)
    return [full(tensor.shape, KEPT if call.tensors else NOBODY) for tensor in call.outputs]


def full(shape: Sequence[int], label: int) -> Tensor:
    """One label for all of a tensor."""
    return torch.tensor(label, device="cpu").expand(tuple(shape))


def pointwise(call: Call) -> Sequence[Tensor] | None:
    """Values that meet are of one channel; a map of one channel that meets many is kept, and leaves theirs as they are."""
    if len(call.outputs) != 1:
        return None
    shape = call.outputs[0].shape
    parts = [(compact(call.labels(tensor)), tensor.dim()) for tensor in call.tensors]
    parts = [(part.reshape((1,) * (len(shape) - dims) + tuple(part.shape)), dims) for part, dims in parts]
    wide = {dim for part, _ in parts for dim in range(len(shape)) if part.shape[dim] > 1}
    sizes = [(1,) * (len(shape) - tensor.dim()) + tuple(tensor.shape) for tensor in call.tensors]
    result = full((1,) * len(shape), NOBODY)
    for (part, _), size in zip(parts, sizes, strict=True):
        if any(size[dim] == 1 and shape[dim] > 1 for dim in wide):
            call.found.labels.keep(part, "one value of them meets many others")
            continue
        call.found.labels.join(result, part)
        result, one = torch.broadcast_tensors(result, part)
        result = compact(torch.where(result == NOBODY, one, result))
    return [result.expand(shape)]


_ALSO = """
    relu relu_ relu6 hardswish hardswish_ hardsigmoid hardsigmoid_ hardtanh hardtanh_ silu silu_ _prelu_kernel prelu leaky_relu
    leaky_relu_ elu elu_ gelu mish mish_ dropout dropout_ threshold where masked_fill
"""
RULES.update(dict.fromkeys(_ALSO.split(), pointwise))


@rule("zeros_like ones_like empty_like full_like rand_like randn_like new_zeros new_ones new_empty new_full")
def _constant(call: Call) -> Sequence[Tensor] | None:
    return [full(tensor.shape, NOBODY) for tensor in call.outputs]


@rule("detach alias clone contiguous _to_copy lift_fresh lift_fresh_copy")
def _same(call: Call) -> Sequence[Tensor] | None:
    if call.found.weight(call.args[0]) is not None:
        call.found.turn(call.args[0], call.outputs[0], tuple(range(call.args[0].dim())))
        return ()
    return [call.labels(call.args[0])]


@rule("t transpose permute")
def _turned(call: Call) -> Sequence[Tensor] | None:
    given = call.args[0]
    dims = list(range(given.dim()))
    if call.name == "permute":
        dims = [dim % given.dim() for dim in call.args[1]]
    elif given.dim() > 1:
        one, two = (0, 1) if call.name == "t" else (dim % given.dim() for dim in call.args[1:3])
        dims[one], dims[two] = dims[two], dims[one]
    if call.found.weight(given) is not None:
        call.found.turn(given, call.outputs[0], tuple(dims))
        return ()
    return [call.labels(given).permute(dims)]


@rule("view reshape _unsafe_view _reshape_alias flatten unflatten unsqueeze squeeze movedim")
def _viewed(call: Call) -> Sequence[Tensor] | None:
    """A view may take a dimension apart: its parts shrink together then."""
    given, out = call.args[0], call.outputs[0]
    labels = call.labels(given)
    if not call.found.views and call.found.weight(given) is None and varies(labels):
        call.found.labels.keep(labels, "the network counts on how many there are")
        return [full(out.shape, KEPT)]
    if call.name in {"view", "reshape", "_unsafe_view", "_reshape_alias"}:
        for before, after in _blocks(tuple(given.shape), tuple(out.shape)):
            if len(after) > 1 and varies(labels) & set(before):
                seen = labels.reshape(out.shape)
                for dim in after[:-1]:
                    call.found.labels.tie(seen, out.shape[dim], dim)
                labels = call.found.labels.roots(labels)
        return [compact(labels.reshape(out.shape)).expand(out.shape)]
    return call.on_labels()


def _blocks(before: tuple[int, ...], after: tuple[int, ...]) -> list[tuple[list[int], list[int]]]:
    """Which dimensions of one shape are which of the other, in the smallest pieces; those of size 1 are left out."""
    one = [dim for dim, size in enumerate(before) if size > 1]
    two = [dim for dim, size in enumerate(after) if size > 1]
    found = []
    while one and two:
        left, right = [one.pop(0)], [two.pop(0)]
        while (a := _product(before, left)) != (b := _product(after, right)):
            if a < b and one:
                left.append(one.pop(0))
            elif two:
                right.append(two.pop(0))
            else:
                break
        found.append((left, right))
    return found


def _product(shape: tuple[int, ...], dims: list[int]) -> int:
    found = 1
    for dim in dims:
        found *= shape[dim]
    return found


@rule("expand expand_as")
def _expanded(call: Call) -> Sequence[Tensor] | None:
    """A map of one channel that is repeated for many is kept, and belongs to none of them."""
    labels = call.labels(call.args[0])
    grown = call.outputs[0].shape != call.args[0].shape
    if grown and not varies(labels) and int(compact(labels).reshape(-1)[0]) not in {NOBODY, KEPT}:
        call.found.labels.keep(labels, "one value of them meets many others")
        return [full(call.outputs[0].shape, NOBODY)]
    return call.on_labels()


@rule("channel_shuffle native_channel_shuffle")
def _shuffled(call: Call) -> Sequence[Tensor] | None:
    """As the views that it stands for."""
    labels, groups = call.found.channels(call.labels(call.args[0]), 1), int(call.args[1])
    call.found.labels.tie(labels, groups, 0)
    shuffled = call.found.labels.roots(labels).reshape(groups, -1).t().reshape(-1)
    return [shuffled.reshape(1, -1, *(1,) * (call.args[0].dim() - 2)).expand(call.outputs[0].shape)]


@rule("cat stack unbind repeat flip roll select_scatter slice_scatter")
def _moved(call: Call) -> Sequence[Tensor] | None:
    try:
        return call.on_labels()
    except (RuntimeError, TypeError, NotImplementedError):
        return None  # labels do not move as the values did, and whoever asked keeps them all


@rule("slice select split split_with_sizes chunk narrow unsafe_split unsafe_chunk unsafe_split_with_sizes")
def _cut(call: Call) -> Sequence[Tensor] | None:
    """Equal parts of a dimension shrink together; of any other cut all channels are kept."""
    given = call.args[0]
    dim = _dimension(call) % given.dim()
    labels = call.labels(given)
    if dim in varies(labels):
        size = given.shape[dim]
        parts = [out.shape[dim] for out in call.outputs] if call.name != "select" else [1]
        if call.name == "slice" and parts[0] == size:
            return [labels]
        start = 0 if call.name != "slice" or len(call.args) < 3 or call.args[2] is None else int(call.args[2])  # noqa: PLR2004 - a place
        equal = len(set(parts)) == 1 and size % parts[0] == 0 and start % parts[0] == 0 and call.name != "select"
        strided = call.name == "slice" and len(call.args) > 4 and call.args[4] != 1  # noqa: PLR2004 - as above
        if not equal or strided or not call.found.views:
            call.found.labels.keep(labels, f"{call.name} takes some of them by number")
        else:
            call.found.labels.tie(labels, size // parts[0], dim)
    return call.on_labels()


def _dimension(call: Call) -> int:
    if "dim" in call.kwargs:
        return int(call.kwargs["dim"])
    place = 1 if call.name in {"slice", "select", "narrow"} else 2
    return int(call.args[place]) if len(call.args) > place else 0


@rule(
    "max_pool2d_with_indices max_pool2d avg_pool2d avg_pool3d max_pool3d_with_indices _adaptive_avg_pool2d adaptive_avg_pool2d "
    "adaptive_max_pool2d upsample_nearest2d upsample_bilinear2d upsample_bicubic2d constant_pad_nd reflection_pad2d "
    "replication_pad2d _upsample_nearest_exact2d"
)
def _local(call: Call) -> Sequence[Tensor] | None:
    """What works on each channel's map alone, and may change its size: labels may not vary in what it works along."""
    labels = call.labels(call.args[0])
    count = 3 if "3d" in call.name else 2
    if call.name == "constant_pad_nd":
        count = len(call.args[1]) // 2
        touched = {labels.dim() - 1 - place // 2 for place, size in enumerate(call.args[1]) if size}
        if varies(labels) & touched and min(call.args[1]) >= 0:
            # As many maps of zeros are added however many there were, so that what they meet must stay.
            return [torch.constant_pad_nd(labels, call.args[1], KEPT)]
    else:
        touched = set(range(labels.dim() - count, labels.dim()))
    if varies(labels) & touched:
        return None
    found = resized(labels, call.outputs[0].shape)
    return None if found is None else [found for _ in call.outputs]


@rule("max_unpool2d max_unpool3d")
def _unpooled(call: Call) -> Sequence[Tensor] | None:
    """Values go back to where they were found: each map with its places."""
    values, places = (call.labels(tensor) for tensor in call.args[:2])
    if varies(values) - {0, 1} or varies(places) - {0, 1}:
        return None
    call.found.labels.join(values, places)
    found = resized(call.found.labels.roots(values), call.outputs[0].shape)
    return None if found is None else [found]


@rule("mean sum amax amin max min std var var_mean logsumexp prod linalg_vector_norm")
def _reduced(call: Call) -> Sequence[Tensor] | None:
    """What is reduced away may not hold several channels."""
    labels = call.labels(call.args[0])
    given = call.kwargs.get("dim", call.args[1] if len(call.args) > 1 else None)
    if call.name == "linalg_vector_norm":
        given = call.args[2] if len(call.args) > 2 else None  # noqa: PLR2004 - a place
    listed = [given] if isinstance(given, int) else given
    if isinstance(listed, (list, tuple)) and all(isinstance(dim, int) for dim in listed) and listed:
        dims = {dim % labels.dim() for dim in listed}
    elif given is None:
        dims = set(range(labels.dim()))
    else:
        return pointwise(call)  # the larger of two tensors
    if varies(labels) & dims:
        return None
    bare = compact(labels)
    for dim in sorted(dims, reverse=True):
        bare = bare.narrow(dim, 0, 1)
    if call.outputs[0].dim() != labels.dim():
        for dim in sorted(dims, reverse=True):
            bare = bare.squeeze(dim)
    return [bare.expand(out.shape) for out in call.outputs]


@rule("_softmax _log_softmax cumsum _safe_softmax")
def _normalised(call: Call) -> Sequence[Tensor] | None:
    labels = call.labels(call.args[0])
    return None if int(call.args[1]) % labels.dim() in varies(labels) else [labels]
