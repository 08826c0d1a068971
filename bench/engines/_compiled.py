"""A network as PyTorch's compiler makes it ahead of time: a library on disk, and the list of what that library calls.

AOTInductor and not `torch.compile`: with frozen weights the latter keeps nothing between processes, and each would compile again.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
from collections import defaultdict, deque
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import torch

from ._account import Ran
from ._schedule import PREFIXES, Kernel, looped, scheduled, short

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# In an artefact's folder: the library with its weights, and the kernels that it calls.
MODEL, KERNELS = "model", "kernels.json"
_FUSED = "_fused_"
_CACHE = "TORCHINDUCTOR_CACHE_DIR"
# Of the names that a generated kernel is made of, those of a change of format.
_FORMATS = frozenset({"quantize", "dequantize", "per", "tensor", "channel", "to", "copy", "clone", "convert", "element", "type"})


def write(folder: Path, exported: Any, options: dict[str, Any], macs: int) -> None:
    """Compile an exported network into the folder, with `options` of the compiler besides those that every network gets.

    `macs` are those of the network for the whole batch: what no kernel has of them is computed in generated loops.
    """
    from torch import _inductor  # noqa: PLC0415 - seconds, which only the process that compiles has to pay

    schedulers: list[Any] = []
    moved: dict[str, int] = {}

    def note(nodes: list[Any]) -> list[Any]:
        schedulers.extend(node.scheduler for node in nodes[:1])
        # Sizes can be asked for only while it compiles.
        for node in filter(looped, nodes):
            with suppress(Exception):  # what cannot be sized is compiled all the same, and its layer has no bytes
                moved[node.get_name()] = int(node.get_read_write_buffers_sizes())
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
    kernels = [kernel for scheduler in schedulers for kernel in scheduled(scheduler.nodes, moved)]
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


def planned(folder: Path) -> list[Kernel]:
    """The kernels as the compiler planned them, in order."""
    return msgspec.json.decode((folder / KERNELS).read_bytes(), type=list[Kernel])


def account(folder: Path, events: Sequence[tuple[str, float]]) -> list[Ran]:
    """What ran, from the profiler's `(name, seconds)` in order, with MACs and precisions as they were compiled."""
    ran = []
    for name, seconds, kernel in joined(folder, events):
        if kernel.name:
            ran.append(Ran(_kind(kernel.name, kernel.macs), kernel.precision, kernel.macs, seconds))
        else:
            ran.append(Ran(_generated(name), "fp32", 0, seconds))
    return ran


def joined(folder: Path, events: Sequence[tuple[str, float]]) -> list[tuple[str, float | None, Kernel]]:
    """The events that are calls of kernels, each with its kernel, whose name is empty of generated loops.

    What is planned and was not seen did run, as part of something else: its MACs count, and its time is not its own.
    """
    waiting: dict[str, deque[Kernel]] = defaultdict(deque)
    for kernel in planned(folder):
        waiting[kernel.name].append(kernel)
    found: list[tuple[str, float | None, Kernel]] = []
    for name, seconds in events:
        plain = short(name)
        if _FUSED in name and not waiting[plain]:
            found.append((name, seconds, Kernel("", "fp32", 0)))
        elif name.startswith(PREFIXES):
            found.append((name, seconds, waiting[plain].popleft() if waiting[plain] else Kernel(plain, "fp32", 0)))
    # Loops are known by their order alone, and so only where as many were called as were planned.
    loops = waiting.pop("", deque())
    if sum(not kernel.name for _, _, kernel in found) == len(loops):
        found = [(name, seconds, kernel if kernel.name else loops.popleft()) for name, seconds, kernel in found]
    left = [kernel for kernels in waiting.values() for kernel in kernels if kernel.macs]
    return found + [(kernel.name, None, kernel) for kernel in left]


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
