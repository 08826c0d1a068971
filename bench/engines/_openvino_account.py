"""What OpenVINO runs, by its own account: the compiled network's operators, what they compute in, and their times.

Products are counted on the compiled graph itself, from the shapes of what its operators read and write: folding and fusing
change names, and leave the products.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import kinds
from ..core import Account, Layer, Operator
from ..stats import median

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case

_RUNS = 9
_PRECISIONS = {"f32": "fp32", "f16": "fp16", "bf16": "bf16", "u8": "int8", "i8": "int8"}
_KINDS = {
    "Convolution": "convolution",
    "Deconvolution": "convolution",
    "FullyConnected": "matmul",
    "MatMul": "matmul",
    "Reorder": "conversion",
    "Convert": "conversion",
    "FakeQuantize": "conversion",
}
# What is no work: constants, and the ends of the network.
_NOTHING = {"Const", "Input", "Output", "Parameter", "Result"}
# How NNCF names the quantisers that it places.
_QUANTISER = "/fq_"
# Before the path of a module, as the exporter writes it.
_ROOT = "__module.net"


class _Node(NamedTuple):
    """An operator of the compiled network."""

    name: str
    kind: str
    precision: str
    macs: int


def layers(compiled: Any, inputs: Sequence[Any]) -> Account:
    """The operators of a network that was compiled with counters, in the order in which they run, with their times."""
    operators = sorted(compiled.get_runtime_model().get_ordered_ops(), key=_order)
    times, took = _times(compiled, inputs)
    found = []
    for operator in operators:
        node = _node(operator, 1)
        if node is not None and (node.macs or times.get(node.name)):
            shapes = [port.get_partial_shape() for port in operator.outputs()[:1]]
            found.append(
                Layer(
                    path=_path(operator),
                    operator=_said(operator).get("layerType", operator.get_type_name()),
                    kind=_sort(node, operator),
                    precision=node.precision,
                    output=tuple(shapes[0].to_shape()) if shapes and not shapes[0].is_dynamic else (),
                    macs=node.macs,
                    bytes=_bytes(operator),
                    seconds=times.get(node.name, 0.0),
                )
            )
    return Account(layers=tuple(found), run_s=median(took), runs=len(took), profiler="OpenVINO's counters")


def _order(operator: Any) -> int:
    return int(_said(operator).get("execOrder", 0))


def _said(operator: Any) -> dict[str, str]:
    return {key: value.astype(str) for key, value in operator.get_rt_info().items()}


def _path(operator: Any) -> str:
    """The module that it is named after, else that of the first operator in it; the number of a second call is left out."""
    names = (operator.get_friendly_name(), _said(operator).get("originalLayersNames", ""))
    first = next((name for name in names if name.startswith(_ROOT)), _ROOT)
    return first.partition(",")[0].partition("/")[0].partition("#")[0].removeprefix(_ROOT).lstrip(".")


def _sort(node: _Node, operator: Any) -> str:
    """Its kind in a profile: of a convolution by its weights, whose leading dimension are the groups where there are any."""
    if node.kind == "convolution":
        data, weights = (port.get_partial_shape() for port in operator.inputs()[:2])
        sizes = tuple(weights.to_shape())
        grouped = len(sizes) > len(data.to_shape())
        return kinds.of_convolution(sizes[1:] if grouped else sizes, sizes[0] if grouped else 1)
    if node.kind == "matmul":
        return kinds.LINEAR
    return kinds.MOVEMENT if node.kind == "conversion" else kinds.of_name(node.kind)


def _bytes(operator: Any) -> int | None:
    """What it reads and writes, constants included; None where a shape is only known when it runs."""
    values = [
        (port.get_partial_shape(), int(port.get_element_type().bitwidth)) for port in (*operator.inputs(), *operator.outputs())
    ]
    if any(shape.is_dynamic for shape, _ in values):
        return None
    return sum(int(math.prod(shape.to_shape())) * bits // 8 for shape, bits in values)


def account(compiled: Any, inputs: Sequence[Any], case: Case) -> tuple[Operator, ...]:
    """The operators of a network that was compiled with counters, grouped by kind, precision and place."""
    nodes = [found for operator in compiled.get_runtime_model().get_ordered_ops() if (found := _node(operator, case.batch))]
    times, _ = _times(compiled, inputs)
    counted = [index for index, node in enumerate(nodes) if node.macs]
    ends = {counted[-1]: "last", counted[0]: "first"} if counted else {}
    groups: dict[tuple[str, str, str], list[_Node]] = {}
    for index, node in enumerate(nodes):
        # What never ran was folded into a neighbour or is the same memory under another shape.
        if node.macs or times.get(node.name):
            groups.setdefault((node.kind, node.precision, ends.get(index, "")), []).append(node)
    return tuple(
        Operator(
            kind=kind,
            precision=precision,
            place=place,  # type: ignore[arg-type]  # one of the literals by construction
            count=len(found),
            macs=sum(node.macs for node in found),
            seconds=math.fsum(times.get(node.name, 0.0) for node in found),
        )
        for (kind, precision, place), found in groups.items()
    )


def _node(operator: Any, batch: int) -> _Node | None:
    """What the compiled graph says of an operator; None of one that is no work."""
    said = _said(operator)
    layer = said.get("layerType", operator.get_type_name())
    if layer in _NOTHING:
        return None
    kind = _KINDS.get(layer, layer.lower())
    made_of = [name for name in said.get("originalLayersNames", "").split(",") if name]
    if kind not in {"convolution", "matmul"} and made_of and all(_QUANTISER in name for name in made_of):
        kind = "conversion"
    precision = said.get("runtimePrecision", "")
    macs = _macs(layer, operator) if kind in {"convolution", "matmul"} else 0
    return _Node(operator.get_friendly_name(), kind, _PRECISIONS.get(precision, precision), macs // batch)


def _macs(layer: str, operator: Any) -> int:
    """The multiply-accumulates of an operator for the whole batch; 0 where a shape is only known when it runs."""
    shapes = [one.get_partial_shape() for one in (*operator.inputs()[:2], *operator.outputs()[:1])]
    if len(shapes) < 3 or any(shape.is_dynamic for shape in shapes):  # noqa: PLR2004 - two operands and a result
        return 0
    return products(layer, *(tuple(shape.to_shape()) for shape in shapes))


def products(layer: str, data: tuple[int, ...], weights: tuple[int, ...], result: tuple[int, ...]) -> int:
    """The multiply-accumulates of a convolution or a matrix product with these operands and this result.

    A kernel's weights have a leading dimension of groups where there are groups; either way each result takes as many
    products as there are weights to a channel of it. A transposed convolution is a convolution backwards. Of a matrix
    product the three sizes follow from the operands' last two dimensions, transposed or not.
    """
    if layer == "Convolution":
        return math.prod(result) * math.prod(weights) // result[1]
    if layer == "Deconvolution":
        return math.prod(data) * math.prod(weights) // data[1]
    rows, inner, columns = (math.prod(shape[-2:]) for shape in (data, weights, result))
    return math.isqrt(rows * inner * columns) * math.prod(result[:-2])


def _times(compiled: Any, inputs: Sequence[Any]) -> tuple[dict[str, float], list[float]]:
    """Median seconds of each operator over some runs of the batch, and those of the runs.

    The first run, which packs weights, is left out.
    """
    request = compiled.create_infer_request()
    seen: dict[str, list[float]] = {}
    took = []
    for index in range(_RUNS + 1):
        request.set_input_tensor(inputs[index % len(inputs)])
        began = time.perf_counter()
        request.infer(share_outputs=True)
        if index:
            took.append(time.perf_counter() - began)
            for found in request.get_profiling_info():
                seen.setdefault(found.node_name, []).append(found.real_time.total_seconds())
    return {name: median(values) for name, values in seen.items()}, took
