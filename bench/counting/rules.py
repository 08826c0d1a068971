"""What each operator of a forward pass counts as: a product, other arithmetic, free, or not known.

A product (convolution, linear layer, matrix product, attention) counts multiply-accumulates, from the rules of torch's own
flop counter and the few that it lacks. Other arithmetic counts the elements that it produces. Free operators compute
nothing: they allocate, look at the same memory in another way, or move values unchanged. What no rule covers is unknown,
and is reported by name, so that a new operator is seen and never silently 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Literal

import torch
from torch import Tensor
from torch.utils import flop_counter

Kind = Literal["product", "other", "free", "unknown"]
FlopRule = Callable[..., int]
"""Called with the operator's arguments and `out_val`; gives FLOPs, which are twice the MACs."""


def words(text: str) -> frozenset[str]:
    """Names as a word list, which is easier to read and to keep sorted than a column of strings."""
    return frozenset(text.split())


# The operators' names in aten, without their overloads, in alphabetical order.
# Pure data movement, allocation and random filling. Views are recognised by their schema and need no entry.
FREE = words("""
    _local_scalar_dense _reshape_copy _to_copy _unsafe_view arange as_strided_scatter cat channel_shuffle clone col2im
    constant_pad_nd contiguous copy copy_ detach_ dropout embedding empty empty_like empty_strided eye fill fill_ flip full
    full_like gather im2col index index_put index_put_ index_select linspace masked_fill masked_fill_ masked_select
    native_channel_shuffle new_empty new_empty_strided new_full new_ones new_zeros nonzero normal_ ones ones_like
    pixel_shuffle pixel_unshuffle rand randn reflection_pad1d reflection_pad2d reflection_pad3d repeat replication_pad1d
    replication_pad2d replication_pad3d resize_ roll rot90 scalar_tensor scatter select_scatter slice_scatter stack tril triu
    unfold_copy uniform_ unsafe_chunk unsafe_split unsafe_split_with_sizes where zero_ zeros zeros_like
""")

# Arithmetic that torch does not tag as pointwise: normalisation, pooling, resampling, softmax and reductions.
OTHER = words("""
    _adaptive_avg_pool2d _adaptive_avg_pool3d _batch_norm_no_update _batch_norm_with_update _fused_rms_norm _log_softmax
    _native_batch_norm_legit _native_batch_norm_legit_no_training _prelu_kernel _safe_softmax _softmax _upsample_bicubic2d_aa
    _upsample_bilinear2d_aa adaptive_max_pool2d adaptive_max_pool3d amax amin argmax argmin avg_pool2d avg_pool3d cumprod
    cumsum floor_divide fractional_max_pool2d glu grid_sampler_2d grid_sampler_3d hardswish_ linalg_vector_norm logsumexp max
    max_pool2d_with_indices max_pool3d_with_indices max_unpool2d max_unpool3d mean median min native_batch_norm
    native_group_norm native_layer_norm norm prelu prod rrelu_with_noise sort std std_mean sum topk upsample_bicubic2d
    upsample_bilinear2d upsample_linear1d upsample_nearest1d upsample_nearest2d upsample_nearest3d upsample_trilinear3d var
    var_mean
""")

# Views that do not declare themselves as such.
UNDECLARED_VIEWS = words("_reshape_alias _unsafe_view lift lift_fresh")

# What allocates without writing, or changes only what a tensor says about its memory.
NOTHING_MOVED = words("""
    as_strided_ detach_ empty empty_like empty_permuted empty_strided new_empty new_empty_strided resize_ resize_as_ set_
    squeeze_ swapaxes_ swapdims_ t_ transpose_ unsqueeze_
""")

# What writes over its first argument without reading it.
OVERWRITE = words("bernoulli_ copy_ exponential_ fill_ geometric_ normal_ random_ uniform_ zero_")


def _vectors(*tensors: Tensor, **_: object) -> int:
    """A matrix with a vector, or two vectors: one multiply-accumulate per element of the left side."""
    return 2 * tensors[-2].numel()


def _linear(x: Tensor, weight: Tensor, *_: object, **__: object) -> int:
    return 2 * x.numel() * weight.shape[0]


def _addbmm(_: Tensor, left: Tensor, right: Tensor, **__: object) -> int:
    return 2 * left.numel() * right.shape[-1]


def _convolution_gradients(
    above: Tensor, x: Tensor, weight: Tensor, _bias: object, _stride: object, _padding: object, _dilation: object,
    transposed: bool, _more: object, _groups: object, wanted: Sequence[bool], **_: object,  # noqa: FBT001 - the operator's own argument
) -> int:  # fmt: skip
    """Each of the two gradients uses every product of the forward pass once; that of the bias only adds."""
    forward = (x if transposed else above).numel() * weight[0].numel()
    return 2 * forward * (wanted[0] + wanted[1])


def _attention(query: Tensor, key: Tensor, value: Tensor, *_: object, **__: object) -> int:
    rule: FlopRule = flop_counter.sdpa_flop_count
    return rule(query.shape, key.shape, value.shape)


def _attention_gradients(above: Tensor, query: Tensor, key: Tensor, value: Tensor, *_: object, **__: object) -> int:
    rule: FlopRule = flop_counter.sdpa_backward_flop_count
    return rule(above.shape, query.shape, key.shape, value.shape)


# Products for which torch's flop counter has no rule: it would count 0.
_MISSING: dict[str, FlopRule] = {
    "aten.mv": _vectors,
    "aten.dot": _vectors,
    "aten.vdot": _vectors,
    "aten.addmv": _vectors,
    "aten.addbmm": _addbmm,
    "aten.linear": _linear,
    "aten._scaled_dot_product_flash_attention_for_cpu": _attention,
    "aten._scaled_dot_product_flash_attention_for_cpu_backward": _attention_gradients,
}


# In place of torch's rules. Its count of a grouped convolution's weight gradient is too large by the number of groups.
_CORRECTED: dict[str, FlopRule] = {"aten.convolution_backward": _convolution_gradients}


def product_rules() -> dict[str, FlopRule]:
    """The rules for products by operator name, for example `aten.convolution`, as they stand now."""
    return _MISSING | {str(packet): rule for packet, rule in flop_counter.flop_registry.items()} | _CORRECTED


@cache
def kind_of(func: object) -> Kind:
    """Say what an operator that is no product counts as."""
    if not isinstance(func, torch._ops.OpOverload):  # noqa: SLF001 - the only home of this class
        return "unknown"
    name = str(func).split(".")[1]
    if func.is_view or name in FREE:
        return "free"
    if torch.Tag.pointwise in func.tags or name in OTHER:
        return "other"
    return "unknown"
