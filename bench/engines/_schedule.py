"""What the compiler plans to call: kernels with their products, their traffic, and the modules that they come from."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import msgspec

from .. import kinds
from ._account import NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

PREFIXES = ("aoti_torch_cpu_", "aoti_torch_cuda_", "aoti_torch_")
_GRAPH = re.compile(r"^graph_\d+_")
_PRODUCTS = frozenset({"mm", "addmm", "bmm", "baddbmm", "_mm", "_bmm", "_addmm"})


class Kernel(msgspec.Struct, frozen=True):
    """A kernel that the compiled network calls: its name, what it computes in, and its MACs for the whole batch.

    Of loops that the compiler generates the name is not known when it plans them. `kind` is that of a product in a profile,
    `bytes` what it reads and writes, `path` the module that the most of it comes from.
    """

    name: str
    precision: str
    macs: int
    kind: str = ""
    path: str = ""
    bytes: int | None = None
    output: tuple[int, ...] = ()


def looped(node: Any) -> bool:
    """Whether the compiler generates loops for a node of its schedule; one that it runs nothing for has no group."""
    return not (node.is_extern() or node.is_template() or type(node).__name__ == "NopKernelSchedulerNode")


def scheduled(nodes: Sequence[Any], moved: dict[str, int]) -> Iterator[Kernel]:
    """The kernels of a schedule; what stands between two that are called becomes one generated kernel."""
    loops: list[Any] = []
    for node in (*nodes, None):
        if node is not None and looped(node):
            loops.append(node)
        elif node is None or node.is_extern() or node.is_template():
            if loops:
                sizes = [moved.get(loop.get_name()) for loop in loops]
                size = None if None in sizes else sum(part for part in sizes if part is not None)
                yield Kernel("", "fp32", 0, path=_path(part.node for loop in loops for part in loop.get_nodes()), bytes=size)
                loops = []
            yield from () if node is None else _kernels(node)


def _path(made: Iterable[Any]) -> str:
    """The module that these came from, by what the exporter noted, the most frequent where there are several.

    What is fused bears the module of the last of its operators: a convolution that of its activation.
    """
    stacks: list[str] = []
    for one in made:
        own = getattr(one, "origin_node", None)
        origins = (own,) if own is not None else getattr(one, "origins", None) or ()
        noted = [stack for origin in origins if (stack := origin.meta.get("nn_module_stack"))]
        stacks += [str(list(stack.values())[-1][0]) for stack in noted]
    return max(sorted(set(stacks)), key=stacks.count) if stacks else ""


def _kernels(node: Any) -> Iterator[Kernel]:
    """The ready-made kernels and templates in a node of the compiler's schedule; generated loops have no MACs."""
    from torch._inductor import ir  # noqa: PLC0415 - as above

    for part in node.get_nodes():
        made = part.node
        if not isinstance(made, ir.ExternKernel | ir.TemplateBuffer) or isinstance(made, ir.MultiOutput):
            continue
        name = short(str(getattr(made, "cpp_kernel_name", None) or getattr(made, "op_overload", None) or part.get_name()))
        operands = [found for value in made.inputs if (found := _tensor(value))[0]]
        out, kind = _tensor(made)
        if not operands:
            continue
        template = isinstance(made, ir.TemplateBuffer)
        shapes = [sizes for sizes, _ in operands]
        macs = macs_of("gemm" if template else name, shapes, out)
        first = operands[-2] if name.removesuffix("_out") in _PRODUCTS else operands[0]
        moved = [math.prod(sizes) * dtype.itemsize for sizes, dtype in (*operands, (out, kind)) if dtype is not None]
        sort = _sort(name, shapes, out) if macs else ""
        yield Kernel(name, NAMES.get(first[1], "fp32"), macs, sort, _path([made]), sum(moved), tuple(out))


def _tensor(value: Any) -> tuple[list[int], Any]:
    """The sizes and the type of an operand, or of the first result of a kernel; empty where the compiler gives none."""
    try:
        return [int(size) for size in value.get_size()], value.get_dtype()
    except (NotImplementedError, TypeError, AttributeError):  # of several results, or of none
        results = list(getattr(value, "outputs", None) or ())
        return _tensor(results[0]) if results and results[0] is not value else ([], None)


def macs_of(name: str, operands: list[list[int]], out: list[int]) -> int:
    """Multiply-accumulates of a kernel from the sizes of its operands and its result; 0 where they do not tell."""
    x = operands[0]
    if "scaled_dot_product" in name:
        keys, values = operands[1:3]
        return math.prod(x[:-1]) * keys[-2] * (x[-1] + values[-1])
    if "conv" in name and "weight" not in name:
        weight, result = _maps(name, operands, out)
        whole = x if "transpose" in name else result
        return math.prod(whole) * math.prod(weight) // whole[1] if whole else 0
    if "linear" in name and len(operands) > 1 and "weight" not in name:
        return math.prod(x) * math.prod(operands[1]) // x[-1]
    product = "gemm" in name or name.removesuffix("_out") in _PRODUCTS
    return math.prod(out) * (x if "gemm" in name else operands[-2])[-1] if product and out else 0


def _maps(name: str, operands: list[list[int]], out: list[int]) -> tuple[list[int], list[int]]:
    """The weights and the result of a convolution; the result is empty where the operands do not tell.

    Beside the input and the weights a summand may stand there that is fused, or into which the result is written: before the
    weights among oneDNN's kernels of floating point, after them among those of integers.
    """
    maps = [sizes for sizes in operands if len(sizes) >= len(operands[0])]
    integers, summand = name.startswith("_q"), "binary" in name
    if len(maps) < (3 if summand else 2):
        return [], []
    weight = maps[1] if integers or not summand else maps[2]
    return weight, (out or maps[2 if integers else 0]) if summand else out


def _sort(name: str, operands: list[list[int]], out: list[int]) -> str:
    """The kind of a product in a profile: of a convolution by its weights, and the channels that each group of them sees."""
    if "conv" not in name:
        return kinds.LINEAR
    weight, result = _maps(name, operands, out)
    seen = result if "transpose" in name else operands[0]
    return kinds.of_convolution(weight, seen[1] // weight[1])


def short(name: str) -> str:
    """A kernel's name as it is called, and as the compiler plans it, without what tells the two apart."""
    name = _GRAPH.sub("", name.rpartition("::")[2])
    for prefix in PREFIXES:
        name = name.removeprefix(prefix)
    return name
