"""An exported graph made readable: operators named by the modules that they come from, every shape a number."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

# The attribute under which the exporter's wrapper holds the network.
_NETWORK = "network"


def refine(path: Path, module: nn.Module) -> None:
    """Name the operators by their modules, infer all shapes, leave out stack traces, and give each output a value of its own."""
    import onnx  # noqa: PLC0415 - as above

    model = onnx.load(path)
    graph = model.graph
    paths = {name for name, _ in module.named_modules()}
    seen: dict[str, int] = {}
    for node in graph.node:
        base = f"{_origin(node, paths)}/{node.op_type}"
        seen[base] = seen.get(base, 0) + 1
        node.name = base if seen[base] == 1 else f"{base}_{seen[base]}"
        del node.metadata_props[:]
        node.doc_string = ""
    _separate_outputs(graph, onnx)
    model = onnx.shape_inference.infer_shapes(model)
    _pool(model.graph, onnx)
    onnx.save(model, path)


def _separate_outputs(graph: Any, onnx: Any) -> None:
    """An answer that is given twice, or that is the input itself, has one name in the graph, and a runtime takes none twice."""
    taken = {value.name for value in graph.input}
    for number, output in enumerate(graph.output):
        if output.name in taken:
            name = f"output_{number}"
            graph.node.append(onnx.helper.make_node("Identity", [output.name], [name], name=f"/{name}"))
            output.name = name
        taken.add(output.name)


def _origin(node: Any, paths: set[str]) -> str:
    """The path of the module that an operator comes from; empty where only the whole network is known."""
    if len(node.input) > 1:  # a batch norm that was folded into a convolution leaves its own name, and the weight's
        owner = _own(node.input[1]).rpartition(".")[0]
        if owner in paths:
            return owner
    scopes = next((p.value for p in node.metadata_props if p.key == "pkg.torch.onnx.name_scopes"), None)
    names = [_own(scope) for scope in ast.literal_eval(scopes)] if scopes else _traced(node.name)
    return next((name for name in reversed(names) if name in paths), "")


def _own(name: str) -> str:
    return "" if name == _NETWORK else name.removeprefix(f"{_NETWORK}.")


def _traced(name: str) -> list[str]:
    """The paths along a name as TorchScript writes it, where each part repeats its parent's name or stands alone."""
    found: list[str] = []
    for part in (_own(part) for part in name.split("/")[1:-1]):
        before = found[-1] if found else ""
        found.append(part if not before or part.startswith(f"{before}.") else f"{before}.{part}" if part else before)
    return found


def _pool(graph: Any, onnx: Any) -> None:
    """A mean over both sides of a map is a global average pool, for which runtimes have kernels in their own layouts.

    The exporter writes it as a reduction, for which they have none.
    """
    ranks = {value.name: len(value.type.tensor_type.shape.dim) for value in (*graph.value_info, *graph.input)}
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for index, node in reversed(list(enumerate(graph.node))):
        if node.op_type != "ReduceMean" or len(node.input) != 2 or ranks.get(node.input[0]) != 4:  # noqa: PLR2004 - maps
            continue
        if node.input[1] not in constants:
            continue
        axes = {int(axis) % 4 for axis in onnx.numpy_helper.to_array(constants[node.input[1]])}
        if axes != {2, 3}:
            continue
        keeps = next((attribute.i for attribute in node.attribute if attribute.name == "keepdims"), 1)
        answer = node.output[0]
        pooled = answer if keeps else f"{answer}_pooled"
        pool = onnx.helper.make_node("GlobalAveragePool", [node.input[0]], [pooled], name=f"{node.name}_pool")
        node.CopyFrom(pool)
        if not keeps:
            flat = onnx.helper.make_node("Flatten", [pooled], [answer], name=f"{pool.name}_flatten", axis=1)
            graph.node.insert(index + 1, flat)
