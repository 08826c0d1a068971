"""A network as PyTorch's compiler makes it ahead of time: a library on disk, and the list of what that library calls.

AOTInductor and not `torch.compile`: with frozen weights the latter keeps nothing between processes, and each would compile again.
"""

from __future__ import annotations

import math
import os
import re
import shutil
import tempfile
import zipfile
from collections import defaultdict, deque
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import torch

from ._account import NAMES, Ran

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# In an artefact's folder: the library with its weights, and the kernels that it calls.
MODEL, KERNELS = "model", "kernels.json"
_PREFIXES = ("aoti_torch_cpu_", "aoti_torch_cuda_", "aoti_torch_")
_FUSED, _GRAPH = "_fused_", re.compile(r"^graph_\d+_")
_CACHE = "TORCHINDUCTOR_CACHE_DIR"
# Of the names that a generated kernel is made of, those of a change of format.
_FORMATS = frozenset({"quantize", "dequantize", "per", "tensor", "channel", "to", "copy", "clone", "convert", "element", "type"})
_PRODUCTS = frozenset({"mm", "addmm", "bmm", "baddbmm", "_mm", "_bmm", "_addmm"})


class Kernel(msgspec.Struct, frozen=True):
    """A kernel that the compiled network calls: its name, what it computes in, and its MACs for the whole batch."""

    name: str
    precision: str
    macs: int


def write(folder: Path, exported: Any, options: dict[str, Any], macs: int) -> None:
    """Compile an exported network into the folder, with `options` of the compiler besides those that every network gets.

    `macs` are those of the network for the whole batch: what no kernel has of them is computed in generated loops.
    """
    from torch import _inductor  # noqa: PLC0415 - seconds, which only the process that compiles has to pay

    schedulers: list[Any] = []

    def note(nodes: list[Any]) -> list[Any]:
        schedulers.extend(node.scheduler for node in nodes[:1])
        return nodes

    # Frozen weights are folded, fused and laid out for this processor. `vec_isa_ok` takes the processor's word for what it has,
    # in place of compiling five programs to find out. Each kernel says when it runs, to whoever profiles.
    given = {
        "freezing": True, "compile_threads": 1, "cpp.vec_isa_ok": True, "cpp.enable_kernel_profile": True,
        "aot_inductor.enable_line_tables": False, "_post_fusion_custom_pass": note,
    }  # fmt: skip
    with scratch(folder) as beside, kept_in(beside), torch.no_grad():
        package = _inductor.aoti_compile_and_package(
            exported, package_path=str(beside / f"{MODEL}.pt2"), inductor_configs=given | options
        )
        # Unpacked, since the loader would unpack it into the system's temporary folder in every process.
        with zipfile.ZipFile(package) as archive:
            archive.extractall(folder)
    kernels = [kernel for scheduler in schedulers for node in scheduler.nodes for kernel in _kernels(node)]
    if (rest := macs - sum(kernel.macs for kernel in kernels)) > 0:
        kernels.append(Kernel("generated_mm", "fp32", rest))
    (folder / KERNELS).write_bytes(msgspec.json.encode(kernels))


def unfuse(graph: Any) -> None:
    """Keep a sum and a rectifier behind a convolution in groups apart from each other.

    PyTorch 2.13 fuses all three, has no kernel for groups and calls the two others' common one, which knows no 16-bit type.
    """
    aten = torch.ops.aten
    apart = {aten.relu.default: aten.clamp_min.default, aten.relu_.default: aten.clamp_min_.default}
    for node in graph.nodes:
        if node.target in apart and _adds(node.args[0]) and any(_in_groups(part) for part in node.args[0].args):
            node.target, node.args = apart[node.target], (*node.args[:1], 0)


def _adds(node: Any) -> bool:
    return node.target in {torch.ops.aten.add.Tensor, torch.ops.aten.add_.Tensor}


def _in_groups(node: Any) -> bool:
    """Whether the values come from a convolution in groups, possibly normalised."""
    if getattr(node, "target", None) is torch.ops.aten.batch_norm.default:
        node = node.args[0]
    return getattr(node, "target", None) is torch.ops.aten.conv2d.default and node.args[6:] not in {(), (1,)}


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """A folder for what the compiler writes on its way, gone afterwards."""
    beside = Path(tempfile.mkdtemp(dir=folder, prefix=".compiler-"))
    try:
        yield beside
    finally:
        shutil.rmtree(beside, ignore_errors=True)


@contextmanager
def kept_in(folder: Path) -> Iterator[None]:
    """Meanwhile the compiler keeps there what it makes, and not in the system's temporary folder."""
    was = os.environ.get(_CACHE)
    os.environ[_CACHE] = str(folder)
    try:
        yield
    finally:
        if was is None:
            del os.environ[_CACHE]
        else:
            os.environ[_CACHE] = was


def read(folder: Path, device: str) -> Any:
    """The compiled network, as a function of a list of inputs that gives the list of its outputs."""
    # Not through torch._inductor, whose import takes longer than all the rest of a start.
    index = int(device.partition(":")[2] or 0) if device.startswith("cuda") else -1
    loader = torch._C._aoti.AOTIModelPackageLoader(str(folder / MODEL), "model", True, 1, index)  # noqa: FBT003, SLF001 - C++
    return loader.boxed_run


def account(folder: Path, events: Sequence[tuple[str, float]]) -> list[Ran]:
    """What ran, from the profiler's `(name, seconds)` in order, with MACs and precisions as they were compiled."""
    planned: dict[str, deque[Kernel]] = defaultdict(deque)
    for kernel in msgspec.json.decode((folder / KERNELS).read_bytes(), type=list[Kernel]):
        planned[kernel.name].append(kernel)
    ran = []
    for name, seconds in events:
        if _FUSED in name and not planned[_short(name)]:
            ran.append(Ran(_generated(name), "fp32", 0, seconds))
        elif name.startswith(_PREFIXES):
            short = _short(name)
            kernel = planned[short].popleft() if planned[short] else Kernel(short, "fp32", 0)
            ran.append(Ran(_kind(short, kernel.macs), kernel.precision, kernel.macs, seconds))
    # What is planned and was not seen did run, as part of something else: its MACs count, and its time is not its own.
    left = [kernel for kernels in planned.values() for kernel in kernels if kernel.macs]
    return ran + [Ran(_kind(kernel.name, kernel.macs), kernel.precision, kernel.macs, None) for kernel in left]


def _kernels(node: Any) -> Iterator[Kernel]:
    """The ready-made kernels and templates in a node of the compiler's schedule; generated loops have no MACs."""
    from torch._inductor import ir  # noqa: PLC0415 - as above

    for part in node.get_nodes():
        made = part.node
        if not isinstance(made, ir.ExternKernel | ir.TemplateBuffer) or isinstance(made, ir.MultiOutput):
            continue
        name = _short(str(getattr(made, "cpp_kernel_name", None) or getattr(made, "op_overload", None) or part.get_name()))
        operands = [found for value in made.inputs if (found := _tensor(value))[0]]
        out, _ = _tensor(made)
        if not operands:
            continue
        template = isinstance(made, ir.TemplateBuffer)
        macs = _macs("gemm" if template else name, [sizes for sizes, _ in operands], out)
        first = operands[-2] if name.removesuffix("_out") in _PRODUCTS else operands[0]
        yield Kernel(name, NAMES.get(first[1], "fp32"), macs)


def _tensor(value: Any) -> tuple[list[int], Any]:
    """The sizes and the type of an operand, or of the first result of a kernel; empty where the compiler gives none."""
    try:
        return [int(size) for size in value.get_size()], value.get_dtype()
    except (NotImplementedError, TypeError, AttributeError):  # of several results, or of none
        results = list(getattr(value, "outputs", None) or ())
        return _tensor(results[0]) if results and results[0] is not value else ([], None)


def _macs(name: str, operands: list[list[int]], out: list[int]) -> int:
    """Multiply-accumulates of a kernel from the sizes of its operands and its result; 0 where they do not tell."""
    x = operands[0]
    if "scaled_dot_product" in name:
        keys, values = operands[1:3]
        return math.prod(x[:-1]) * keys[-2] * (x[-1] + values[-1])
    if "conv" in name and "weight" not in name:
        # Beside the input and the weights a summand may stand there that is fused, or into which the result is written: before
        # the weights among oneDNN's kernels of floating point, after them among those of integers.
        maps = [sizes for sizes in operands if len(sizes) >= len(x)]
        integers, summand = name.startswith("_q"), "binary" in name
        if len(maps) < (3 if summand else 2):
            return 0
        weight = maps[1] if integers or not summand else maps[2]
        result = (out or maps[2 if integers else 0]) if summand else out
        whole = x if "transpose" in name else result
        return math.prod(whole) * math.prod(weight) // whole[1] if whole else 0
    if "linear" in name and len(operands) > 1 and "weight" not in name:
        return math.prod(x) * math.prod(operands[1]) // x[-1]
    product = "gemm" in name or name.removesuffix("_out") in _PRODUCTS
    return math.prod(out) * (x if "gemm" in name else operands[-2])[-1] if product and out else 0


def _short(name: str) -> str:
    """A kernel's name as it is called, and as the compiler plans it, without what tells the two apart."""
    name = _GRAPH.sub("", name.rpartition("::")[2])
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name


def _kind(name: str, macs: int) -> str:
    if macs:
        return "convolution" if "conv" in name else "matmul"
    return name.strip("_").lower()


def _generated(name: str) -> str:
    words = name.rpartition(_FUSED)[2].split("_")
    return "conversion" if {word for word in words if word and not word.isdigit()} <= _FORMATS else "generated"


def in_order(profile: Any) -> list[tuple[str, float]]:
    """The names and seconds of a profile, in the order in which they began."""
    return [
        (str(event.name), event.time_range.elapsed_us() / 1e6)
        for event in sorted(profile.events(), key=lambda event: event.time_range.start)
    ]
