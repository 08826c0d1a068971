"""The second count, by fvcore on the real module: independent of the first, so that one wrong rule cannot go unseen.

fvcore traces the module with TorchScript and applies rules of its own to the graph. Its rules for convolution, linear layers
and plain matrix products are used as they are. Handlers are added for what it lacks, and in place of its rules for
normalisation and resampling, which weigh elements where this table counts them.
"""

from __future__ import annotations

import math
import warnings
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec
import torch
from fvcore.nn import FlopCountAnalysis
from fvcore.nn.jit_handles import Handle, einsum_flop_jit, get_shape
from torch import nn
from torch.nn import functional

from .rules import words
from .walk import Shape, dtype_of, plain_attention

if TYPE_CHECKING:
    from collections.abc import Iterator


class Second(msgspec.Struct, frozen=True, kw_only=True):
    """fvcore's count of one forward pass at batch 1, and the operators that neither it nor a handler here could count."""

    macs: int
    other_ops: int
    uncounted_ops: dict[str, int]


def second_count(module: nn.Module, shape: Shape) -> Second:
    """Count one forward pass of `module`, which must hold real weights on the CPU, on an input of shape `(1, *shape)`.

    The module is put into eval mode and runs once. Raises what the forward pass or TorchScript's tracer raises.
    """
    module.eval()
    inputs = torch.zeros(1, *shape, dtype=dtype_of(module))
    analysis = FlopCountAnalysis(module, (inputs,))
    analysis.unsupported_ops_warnings(enabled=False).uncalled_modules_warnings(enabled=False).tracer_warnings("none")
    analysis.set_op_handle(
        **{f"aten::{name}": _elements for name in OTHER}, **{f"aten::{name}": None for name in MOVES}, **PRODUCTS
    )
    with torch.no_grad(), plain_attention(), _unpooling_unchecked(), warnings.catch_warnings():
        # The tracer is deprecated and says so on every call; there is nothing that a user of vbench could do about it.
        warnings.simplefilter("ignore")
        counts: Counter[str] = analysis.by_operator()
        unsupported: Counter[str] = analysis.unsupported_ops()
    return Second(
        macs=int(sum(n for name, n in counts.items() if name not in OTHER)),
        other_ops=int(sum(n for name, n in counts.items() if name in OTHER)),
        uncounted_ops={name: int(calls) for name, calls in unsupported.items()},
    )


@contextmanager
def _unpooling_unchecked() -> Iterator[None]:
    """Let max-unpooling be traced: torch checks its output's size by a function that refuses what a tracer has for sizes."""
    before = getattr(functional, UNPOOLING, None)
    if before is None:
        yield
        return
    setattr(functional, UNPOOLING, lambda *_: None)
    try:
        yield
    finally:
        setattr(functional, UNPOOLING, before)


UNPOOLING = "_check_unpool_output_size"

# Arithmetic that counts the elements it produces: what fvcore ignores (ReLU, clamp), does not know, or weighs.
OTHER = words("""
    abs adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d
    adaptive_max_pool3d add add_ addcdiv addcmul amax amin avg_pool1d avg_pool2d avg_pool3d batch_norm clamp clamp_
    clamp_max clamp_min cos cumsum div div_ elu elu_ erf exp gelu glu grid_sampler group_norm hardsigmoid hardsigmoid_
    hardswish hardswish_ hardtanh hardtanh_ instance_norm layer_norm leaky_relu leaky_relu_ log log_softmax logsumexp max
    max_pool1d max_pool2d max_pool2d_with_indices max_pool3d max_pool3d_with_indices max_unpool2d max_unpool3d mean min
    mish mul mul_ neg norm pow prelu prod reciprocal relu relu6 relu6_ relu_ rms_norm rsqrt rsub selu sigmoid sigmoid_
    silu silu_ sin softmax softplus sqrt std sub sub_ sum tanh tanh_ upsample_bicubic2d upsample_bilinear2d
    upsample_linear1d upsample_nearest1d upsample_nearest2d upsample_nearest3d upsample_trilinear3d var
""")

# Pure movement of values that fvcore's own list of such operators leaves out; a handler of None says that they cost nothing.
MOVES = words("""
    channel_shuffle clone copy dropout_ expand_as feature_dropout flip hstack movedim numpy_T pad pixel_shuffle pixel_unshuffle
    repeat reshape_as squeeze_ swapaxes unflatten unfold view_as vstack
""")

FLOATS = frozenset({"Half", "BFloat16", "Float", "Double", "ComplexFloat", "ComplexDouble"})


def _shape(value: Any) -> Shape:
    return tuple(get_shape(value))


def _elements(_: list[Any], outputs: list[Any]) -> int:
    """Elements of the first output; 0 for the index arithmetic that the tracer writes between the network's operators."""
    kind = outputs[0].type()
    return math.prod(_shape(outputs[0])) if outputs[0].isCompleteTensor() and kind.scalarType() in FLOATS else 0


def _matmul(inputs: list[Any], outputs: list[Any]) -> int:
    # fvcore's own rule multiplies the shapes of two matrices, and misses vectors and batches that broadcast.
    return math.prod(_shape(outputs[0])) * _shape(inputs[0])[-1]


def _added_matmul(inputs: list[Any], outputs: list[Any]) -> int:
    return math.prod(_shape(outputs[0])) * _shape(inputs[1])[-1]


def _addbmm(inputs: list[Any], _: list[Any]) -> int:
    return math.prod(_shape(inputs[1])) * _shape(inputs[2])[-1]


def _attention(inputs: list[Any], _: list[Any]) -> int:
    query, key, value = (_shape(item) for item in inputs[:3])
    return math.prod(query[:-1]) * key[-2] * (query[-1] + value[-1])


def _padded_convolution(inputs: list[Any], outputs: list[Any]) -> int:
    """A convolution whose padding is a word ("same") is an operator of its own in the graph."""
    return _shape(inputs[0])[0] * math.prod(_shape(inputs[1])) * math.prod(_shape(outputs[0])[2:])


def _einsum(inputs: list[Any], outputs: list[Any]) -> int | Counter[str]:
    """A product of two operands: every label that both share and the output lacks is summed over.

    fvcore reads the cost from numpy's report, which is rounded to four digits; its rule stays for what is no such product.
    """
    terms, arrow, output = inputs[0].toIValue().replace(" ", "").partition("->")
    names = terms.split(",")
    if len(names) != 2 or not arrow or "." in terms:  # noqa: PLR2004 - a pair of operands
        rough: int = einsum_flop_jit(inputs, outputs)
        return rough
    shapes = [_shape(item) for item in inputs[1].node().inputs()]
    sizes = {label: size for name, shape in zip(names, shapes, strict=True) for label, size in zip(name, shape, strict=True)}
    shared = set(names[0]) & set(names[1])
    if shared <= set(output):  # nothing is summed over: torch multiplies element by element
        return Counter({"mul": math.prod(_shape(outputs[0]))})
    return math.prod(size for label, size in sizes.items() if label in shared | set(output))


PRODUCTS: dict[str, Handle] = {
    "aten::matmul": _matmul,
    "aten::mv": _matmul,
    "aten::dot": _matmul,
    "aten::addmv": _added_matmul,
    "aten::baddbmm": _added_matmul,
    "aten::addbmm": _addbmm,
    "aten::scaled_dot_product_attention": _attention,
    "aten::_convolution_mode": _padded_convolution,
    "aten::einsum": _einsum,
}
