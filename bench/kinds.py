"""Into which kinds the layers of a network fall, by what they compute: the rows of a profile, and the colours of its charts.

An engine knows its operators by names of its own. What multiplies is told by the shape of its weights, which is the same in all
engines; the rest by the words of its name, which are nearly so.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ONE, THREE, LARGER = "1x1", "3x3", "other kxk"
DEPTHWISE, GROUPED, LINEAR = "depthwise", "grouped", "linear"
POOLING, NORMALISATION, ACTIVATION, ELEMENTWISE = "pooling", "normalisation", "activation", "elementwise"
MOVEMENT, OTHER = "memory movement", "other"
# In the order in which they are listed and coloured.
KINDS = {
    ONE: "convolutions of single pixels, all channels to all",
    THREE: "convolutions of 3x3 pixels, all channels to all",
    LARGER: "convolutions of any other window (5x5, 7x7, 1x3, ...), all channels to all",
    DEPTHWISE: "convolutions in as many groups as there are channels",
    GROUPED: "convolutions in groups of several channels",
    LINEAR: "linear layers and other products of matrices",
    POOLING: "pooling, and means and maxima over a map",
    NORMALISATION: "batch, layer, group and local response normalisation that was not folded into something else",
    ACTIVATION: "activations that were not fused into something else, soft-max included",
    ELEMENTWISE: "sums, products and other arithmetic element by element, such as a residual sum",
    MOVEMENT: "copies, concatenations, paddings, permutations and changes of format or layout",
    OTHER: "what has none of these names, such as resampling",
}
PRODUCTS = (ONE, THREE, LARGER, DEPTHWISE, GROUPED, LINEAR)

# Asked in this order: a kernel that does several things is named after the first that it has.
_WORDS = {
    POOLING: "pool pooling unpool reduce mean amax adaptive",
    NORMALISATION: "norm normalization lrn mvn",
    ACTIVATION: "relu clamp clip hardtanh sigmoid hardsigmoid silu swish hardswish hswish gelu elu selu celu prelu tanh mish "
    "softmax softplus erf",
    MOVEMENT: "cat concat concatenation stack copy clone contiguous conversion convert reorder transpose permute pad to memcpy "
    "cast slice strided split gather index select reshape flatten squeeze unsqueeze expand tile repeat roll quantize dequantize "
    "channel shuffle depth space unfold view alias detach lift empty zeros ones full fill zero arange embedding",
    ELEMENTWISE: "add sub mul div eltwise pow sqrt rsqrt exp log sum neg abs reciprocal max min maximum minimum where lt gt ge "
    "le eq ne multiply subtract divide addcmul addcdiv difference subgraph generated",
}
_SETS = {kind: frozenset(words.split()) for kind, words in _WORDS.items()}
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_WORD = re.compile(r"[a-z]+")
_LEAST = 3  # outputs, inputs of a group, and at least one side of the window


def of_convolution(weight: Sequence[int], groups: int = 1) -> str:
    """The kind of a convolution whose weights are `(outputs, inputs of a group, *window)`, transposed ones included."""
    if len(weight) < _LEAST:
        return LINEAR
    if groups > 1:
        return DEPTHWISE if weight[1] == 1 else GROUPED
    window = tuple(weight[2:])
    if all(side == 1 for side in window):
        return ONE
    return THREE if window == (3, 3) else LARGER


def of_name(name: str) -> str:
    """The kind of an operator or a kernel that multiplies no matrices, by the words of its name."""
    # MaxPool is two words, and PRelu is one.
    words = {*_WORD.findall(name.lower()), *_WORD.findall(_CAMEL.sub("_", name).lower())}
    return next((kind for kind, known in _SETS.items() if words & known), OTHER)
