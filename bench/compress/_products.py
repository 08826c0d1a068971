"""What makes and reads channels: convolutions, linear layers and products of matrices, and the norms between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ._labels import NOBODY, Axis, Layer, compact, varies
from ._operators import full, rule

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ._follow import Call


@rule("native_batch_norm _native_batch_norm_legit_no_training cudnn_batch_norm _native_batch_norm_legit batch_norm")
def _batch_norm(call: Call) -> Sequence[Tensor] | None:
    labels = call.labels(call.args[0])
    channels = call.found.channels(labels, 1)
    for tensor in call.args[1:5]:
        seen = None if tensor is None or not hasattr(tensor, "dim") else call.found.weight(tensor)
        if seen is not None:
            channels = call.found.bind(Axis(seen[0], 0), channels)
    return [labels, *(full(out.shape, NOBODY) for out in call.outputs[1:])]


@rule("pixel_shuffle")
def _pixel_shuffle(call: Call) -> Sequence[Tensor] | None:
    """All that become one map's pixels are one channel."""
    labels, factor = call.labels(call.args[0]), int(call.args[1]) ** 2
    channels = call.found.channels(labels, 1).reshape(-1, factor)
    for place in range(1, factor):
        call.found.labels.join(channels[:, 0], channels[:, place])
    return [channels[:, 0].reshape(1, -1, 1, 1).expand(call.outputs[0].shape)]


@rule("convolution _convolution")
def _convolution(call: Call) -> Sequence[Tensor] | None:
    given, weight, bias = call.args[:3]
    transposed, groups = bool(call.args[6]), int(call.args[8])
    seen = call.found.weight(weight)
    if seen is None or seen[1] != tuple(range(weight.dim())):
        return None
    name, found = seen[0], call.found
    read = found.channels(call.labels(given), 1)
    makes, reads = (Axis(name, 1), Axis(name, 0)) if transposed else (Axis(name, 0), Axis(name, 1))
    count = call.outputs[0].shape[1]
    if groups == 1:
        found.bind(reads, read)
        made = found.made_by(makes, count)
    elif groups == given.shape[1] and not (transposed and weight.shape[1] > 1):
        # Each channel by itself: what comes out of one is that channel, several times over.
        made = found.bind(Axis(name, 0), read.repeat_interleave(count // groups))
        makes = reads = Axis(name, 0)
    elif transposed:
        return None
    else:
        found.labels.tie(read, groups, 0)
        found.bind(reads, found.labels.roots(read)[: len(read) // groups])
        if makes not in found.axes:
            found.bind(makes, found.labels.fresh(count // groups).repeat(groups))
        made = found.axes[makes]
    found.layers.append(Layer(makes, reads))
    if bias is not None and (own := found.weight(bias)) is not None:
        made = found.bind(Axis(own[0], 0), made)
    return [made.reshape(1, -1, *(1,) * (call.outputs[0].dim() - 2)).expand(call.outputs[0].shape)]


@rule("addmm mm linear")
def _linear(call: Call) -> Sequence[Tensor] | None:
    bias, given, weight = call.args[:3] if call.name == "addmm" else (None, *call.args[:2])
    if call.name == "linear":
        bias = call.args[2] if len(call.args) > 2 else call.kwargs.get("bias")  # noqa: PLR2004 - a place
    found, seen = call.found, call.found.weight(weight)
    if seen is None or weight.dim() != 2:  # noqa: PLR2004 - a matrix
        return None if bias is not None else _contracted(call)
    name, dims = seen
    made_dim, read_dim = (dims[0], dims[1]) if call.name == "linear" else (dims[1], dims[0])
    makes, reads = Axis(name, made_dim), Axis(name, read_dim)
    found.bind(reads, found.channels(call.labels(given), given.dim() - 1))
    out = call.outputs[0]
    made = found.made_by(makes, out.shape[-1])
    found.layers.append(Layer(makes, reads))
    if bias is not None and (own := found.weight(bias)) is not None:
        made = found.bind(Axis(own[0], 0), made)
    return [made.reshape((1,) * (out.dim() - 1) + (-1,)).expand(out.shape)]


@rule("bmm matmul")
def _contracted(call: Call) -> Sequence[Tensor] | None:
    """A product of two tensors that were computed: what is summed over is one channel on both sides."""
    one, two = (call.labels(tensor) for tensor in call.args[:2])
    if one.dim() != two.dim() or one.dim() < 2:  # noqa: PLR2004 - matrices
        return None
    last, down = one.dim() - 1, one.dim() - 2
    left, right = varies(one), varies(two)
    summed_left, summed_right = last in left, down in right
    if summed_left != summed_right or (summed_left and (left != {last} or right != {down})):
        return None
    out = call.outputs[0].shape
    if summed_left:
        call.found.labels.join(call.found.channels(one, last), call.found.channels(two, down))
        return [full(out, NOBODY)]
    a, b = compact(one).narrow(last, 0, 1), compact(two).narrow(down, 0, 1)
    if bool((a != NOBODY).any()) and bool((b != NOBODY).any()):
        return None
    return [torch.where(a == NOBODY, b, a).expand(out)]
