"""What ONNX Runtime runs: its profile of a few runs, joined to the multiply-accumulates of the file that was exported.

The runtime's own shapes will not do for these: its blocked layouts round channels up, and it keeps packed weights to itself. So
each operator of the profile is traced to the one in the file that it was made from, whose name it bears.
"""

from __future__ import annotations

import json
import math
import re
import statistics
from typing import TYPE_CHECKING, Any, NamedTuple

from ..core import Operator

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_CONVOLUTIONS = {
    "Conv", "ConvTranspose", "ConvInteger", "FusedConv", "NhwcConv", "NhwcFusedConv", "QLinearConv", "QLinearConvTranspose",
}  # fmt: skip
_MATMULS = {
    "Einsum", "FusedGemm", "FusedMatMul", "Gemm", "GemmFloat8", "MatMul", "MatMulInteger", "MatMulIntegerToFloat", "QGemm",
    "QLinearMatMul", "DynamicQuantizeMatMul",
}  # fmt: skip
# Those of them that an exported file holds.
PRODUCTS = {"Conv", "ConvTranspose", "Einsum", "Gemm", "MatMul"}
_CONVERSIONS = {"Cast", "DequantizeLinear", "MemcpyFromHost", "MemcpyToHost", "QuantizeLinear", "ReorderInput", "ReorderOutput"}
# Operators whose own input is not what they compute in.
_INTEGER = {"ConvInteger", "DynamicQuantizeMatMul", "MatMulInteger", "MatMulIntegerToFloat"}
_TYPES = {"float": "fp32", "float16": "fp16", "bfloat16": "bf16", "double": "fp64", "uint8": "int8"}
# What optimisers put before and behind a name.
_PREFIX, _SUFFIX = "InsertedPrecisionFreeCast_", re.compile(r"(_token_\d+|_nchwc|_nhwc|_quant|/\w*Fusion/?|/duplicated)+$")
# A batch norm on its own, which blocked layouts run as a convolution of one weight per channel.
_SCALING = "_bn_nchwc"
_FOLLOWED = {
    "Add", "BatchNormalization", "Clip", "Elu", "Flatten", "HardSigmoid", "HardSwish", "LeakyRelu", "Mul", "Relu", "Reshape",
    "Sigmoid", "Sub", "Tanh",
}  # fmt: skip


class Product(NamedTuple):
    """An operator of the exported file that multiplies and accumulates: its name, its MACs in a whole batch."""

    name: str
    macs: int
    convolution: bool


class Event(NamedTuple):
    """An operator of one run in the profile: its number in the graph, name, what it is, the type of its first input, its time.

    `reads` and `writes` are the types and shapes of what goes in and comes out.
    """

    number: int
    name: str
    operator: str
    type: str
    microseconds: float
    reads: tuple[tuple[str, tuple[int, ...]], ...] = ()
    writes: tuple[tuple[str, tuple[int, ...]], ...] = ()


def products(model: Any) -> list[Product]:
    """Every operator of an ONNX graph that has MACs, in order, counted from the shapes; without bias, as everywhere."""
    shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    for value in (*model.graph.input, *model.graph.value_info, *model.graph.output):
        shapes[value.name] = tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
    return [Product(node.name, _macs(node, shapes), node.op_type in _CONVOLUTIONS) for node in model.graph.node if _counts(node)]


def _counts(node: Any) -> bool:
    return node.op_type in PRODUCTS


def _macs(node: Any, shapes: dict[str, tuple[int, ...]]) -> int:
    first, second, answer = shapes[node.input[0]], shapes[node.input[1]], shapes[node.output[0]]
    if node.op_type == "Conv":  # the weight is outputs, inputs of a group, kernel
        return math.prod(answer) * math.prod(second[1:])
    if node.op_type == "ConvTranspose":  # inputs, outputs of a group, kernel: each value of the input meets the rest
        return math.prod(first) * math.prod(second[1:])
    if node.op_type == "Einsum":
        return _einsum(node, (first, second))
    transposed = any(attribute.name == "transA" and attribute.i for attribute in node.attribute)
    return math.prod(answer) * first[-2 if transposed else -1]


def _einsum(node: Any, operands: tuple[tuple[int, ...], ...]) -> int:
    """The product of all sizes that its letters stand for."""
    equation = next(attribute.s.decode() for attribute in node.attribute if attribute.name == "equation")
    letters = equation.replace(" ", "").partition("->")[0].split(",")
    terms = zip(letters, operands, strict=True)
    return math.prod({name: size for term, shape in terms for name, size in zip(term, shape, strict=True)}.values())


def names(model: Any) -> dict[str, list[int]]:
    """Under which names an optimised graph may run each product: its number in `products`, by its own and its values' names.

    A fused operator bears the name of the last value that was fused into it, so a value's name stands for every product whose
    result it holds but for activations and sums.
    """
    found: dict[str, list[int]] = {}
    held: dict[str, list[int]] = {}
    number = 0
    for node in model.graph.node:
        if _counts(node):
            mine = [number]
            number += 1
            found[node.name] = mine
        elif node.op_type in _FOLLOWED:
            mine = sorted({one for value in node.input for one in held.get(value, ())})
        else:
            mine = []
        if mine:
            found.setdefault(node.name, mine)
            for value in node.output:
                held[value] = mine
                found.setdefault(value, mine)
    return found


def events(path: Path) -> list[list[Event]]:
    """The runs of a profile, each as its operators in the order in which they ran; an unfinished run is left out."""
    runs: list[list[Event]] = []
    run: list[Event] = []
    for event in json.loads(path.read_text(encoding="utf-8")):
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            arguments = event["args"]
            reads, writes = (_values(arguments.get(f"{side}_type_shape", ())) for side in ("input", "output"))
            name = event["name"].removesuffix("_kernel_time")
            number = int(arguments.get("node_index", len(run)))
            first = reads[0][0] if reads else ""
            run.append(Event(number, name, arguments["op_name"], first, float(event["dur"]), reads, writes))
        elif event.get("name") == "model_run":
            runs.append(run)
            run = []
    return runs


def _values(given: Iterable[dict[str, list[int]]]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    return tuple((kind, tuple(shape)) for value in given for kind, shape in value.items())


def run_seconds(path: Path) -> list[float]:
    """How long each run of a profile took."""
    found = json.loads(path.read_text(encoding="utf-8"))
    return [float(event["dur"]) / 1e6 for event in found if event.get("name") == "model_run"]


def account(model: Any, runs: list[list[Event]], *, batch: int, tf32: bool = False) -> list[Operator]:
    """The operators of the runs, grouped, each with the median of its seconds and its share of the counted MACs.

    Raises ValueError where an operator that has MACs cannot be traced to the exported file, or one of those is left over:
    shares of part of a network would mislead.
    """
    listed, known = products(model), names(model)
    own = {node.name for node in model.graph.node}
    order, seconds = timed(runs)
    traced = trace([event for event in order if kind_of(event, own) in {"convolution", "matmul"}], listed, known)
    counted = [event.number for event in order if sum(listed[one].macs for one in traced.get(event.number, ()))]
    grouped: dict[tuple[str, str, str], list[Event]] = {}
    for event in order:
        place = "first" if event.number in counted[:1] else "last" if event.number in counted[-1:] else ""
        grouped.setdefault((kind_of(event, own), precision_of(event, tf32=tf32), place), []).append(event)
    return [
        Operator(
            kind=kind,
            precision=precision,
            place=place,  # type: ignore[arg-type]  # one of the literals by construction
            count=len(events),
            macs=sum(listed[one].macs for event in events for one in traced.get(event.number, ())) // batch,
            seconds=sum(statistics.median(seconds[event.number]) for event in events),
        )
        for (kind, precision, place), events in grouped.items()
    ]


def timed(runs: list[list[Event]]) -> tuple[list[Event], dict[int, list[float]]]:
    """The operators in the order in which they ran, and the seconds of each in all runs, by its number."""
    seconds: dict[int, list[float]] = {}
    for run in runs:
        for event in run:
            seconds.setdefault(event.number, []).append(event.microseconds / 1e6)
    return list({event.number: event for event in runs[0]}.values()), seconds


def trace(run: list[Event], listed: list[Product], known: dict[str, list[int]]) -> dict[int, list[int]]:
    """Which products each of these operators is: those whose name it bears alone first, then what its values can still be."""
    found: dict[int, list[int]] = {}
    left = dict.fromkeys(range(len(listed)))
    waiting = []
    for event in run:
        mine = known.get(bare(event.name), [])
        if len(mine) == 1 and mine[0] in left:
            found[event.number] = mine
            del left[mine[0]]
        else:
            waiting.append((event, mine))
    for event, mine in waiting:
        # What bears no name that is known runs where the file has it: the first left over of its kind.
        convolution = event.operator in _CONVOLUTIONS
        chosen = next((one for one in mine if one in left), None)
        chosen = next((one for one in left if listed[one].convolution == convolution), None) if chosen is None else chosen
        if chosen is None:
            message = f"{event.operator} {event.name} is none of the operators that were exported"
            raise ValueError(message)
        found[event.number] = [chosen]
        del left[chosen]
    if any(listed[one].macs for one in left):
        message = (
            f"{len(left)} of {len(listed)} operators with MACs do not appear in the profile: {listed[next(iter(left))].name}"
        )
        raise ValueError(message)
    return found


def bare(name: str) -> str:
    """A name without what optimisers put before and behind it."""
    return _SUFFIX.sub("", name.removeprefix(_PREFIX))


def kind_of(event: Event, own: Iterable[str]) -> str:
    """The contract's name for a kind of operator; a transposition that the network does not have is one of a layout."""
    if event.name.endswith(_SCALING):
        return "batchnormalization"
    if event.operator in _CONVOLUTIONS:
        return "convolution"
    if event.operator in _MATMULS:
        return "matmul"
    inserted = event.operator == "Transpose" and bare(event.name) not in own
    return "conversion" if event.operator in _CONVERSIONS or inserted else event.operator.lower()


def precision_of(event: Event, *, tf32: bool) -> str:
    if event.operator in _INTEGER:
        return "int8"
    found = _TYPES.get(event.type, event.type or "none")
    return "tf32" if tf32 and found == "fp32" and event.operator in _CONVOLUTIONS | _MATMULS else found
