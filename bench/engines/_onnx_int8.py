"""Static quantisation of an ONNX file to int8 by ONNX Runtime's own quantiser, in the format that its providers read (QDQ)."""

from __future__ import annotations

import platform
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import machine
from ._onnx import INPUT, RuntimeFailedError, line, out_of_memory, quiet
from ._onnx_account import PRODUCTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch

# Processors with these multiply 8 bits by 8 bits into 32 without saturating on the way.
_WIDE = {"avx512_vnni", "avx_vnni", "amx_int8"}

_FUSED = {"Clip", "Relu"}


class _Reader:
    """Hands the pictures over in whole batches, since the file has one batch size; the last is filled up with the first ones."""

    def __init__(self, pictures: torch.Tensor, batch: int) -> None:
        self._batches = self._whole(pictures, batch)

    @staticmethod
    def _whole(pictures: torch.Tensor, batch: int) -> Iterator[dict[str, Any]]:
        for first in range(0, len(pictures), batch):
            indices = [index % len(pictures) for index in range(first, first + batch)]
            yield {INPUT: pictures[indices].numpy()}

    def get_next(self) -> dict[str, Any] | None:
        """The next batch, or None after the last."""
        return next(self._batches, None)


def symmetric_here(provider: str) -> bool:
    """Whether activations are signed around zero: TensorRT and ARM want them so, x86 wants them unsigned."""
    return provider == "TensorrtExecutionProvider" or platform.machine().lower() in {"aarch64", "arm64"}


def reduced_here(provider: str) -> bool:
    """Whether weights have 7 bits: x86 without VNNI adds pairs of products in 16 bits, which 8 of them overflow."""
    return not symmetric_here(provider) and not _WIDE & (set(machine.describe().features) | _flags())


def _flags() -> set[str]:
    """What the kernel says of the processor; the machine's own record leaves out what other engines do not ask for."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return set()
    return set(text.partition("\nflags")[2].partition("\n")[0].split())


def described(provider: str) -> str:
    """How values are held on this machine; part of the key and of the notes."""
    activations = "int8 symmetric" if symmetric_here(provider) else "uint8"
    weights = "7-bit" if reduced_here(provider) else "int8"
    return f"static QDQ, {weights} weights per output channel, {activations} activations, ranges MinMax"


def quantise(  # noqa: PLR0913 - a file to a file, and what decides how
    source: Path, target: Path, pictures: torch.Tensor, *, batch: int, provider: str, full_precision: Sequence[str]
) -> dict[str, str]:
    """Write the file quantised, its ranges those that the pictures give; operators of `full_precision` modules stay as they are.

    Raises RuntimeFailedError with the quantiser's words where it cannot.
    """
    try:
        with quiet(), tempfile.TemporaryDirectory(prefix="vbench-int8-") as folder:
            left = _quantise(source, target, _Reader(pictures, batch), provider, full_precision, Path(folder))
    except RuntimeFailedError:
        raise
    except Exception as error:
        if out_of_memory(error):
            raise
        message = f"cannot be quantised by ONNX Runtime: {line(error)}; try --precision fp32, which needs no quantiser"
        raise RuntimeFailedError(message) from error
    notes = {"quantisation": f"ONNX Runtime, {described(provider)}"}
    return notes | ({"full_precision": f"{left} operators left in fp32"} if full_precision else {})


def _quantise(  # noqa: PLR0913, PLR0917 - as above
    source: Path, target: Path, reader: _Reader, provider: str, full_precision: Sequence[str], folder: Path
) -> int:
    import onnx  # noqa: PLC0415 - for this engine alone
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static  # noqa: PLC0415
    from onnxruntime.quantization.shape_inference import quant_pre_process  # noqa: PLC0415

    ready = folder / "ready.onnx"
    # Every shape is a number already, which leaves nothing to symbolic inference.
    quant_pre_process(str(source), str(ready), skip_symbolic_shape=True)
    graph = onnx.load(ready).graph
    left = [node.name for node in graph.node if _within(node.name, full_precision)]
    if full_precision and not left:
        message = f"no operator of the graph comes from {', '.join(full_precision)}: vbench show NAME lists modules"
        raise RuntimeFailedError(message)
    symmetric = symmetric_here(provider)
    quantize_static(
        str(ready),
        str(target),
        reader,
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        reduce_range=reduced_here(provider),
        activation_type=QuantType.QInt8 if symmetric else QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=[*left, *trailing(graph)],
        calibrate_method=CalibrationMethod.MinMax,
        extra_options={"ActivationSymmetric": symmetric},
    )
    return len(left)


def trailing(graph: Any) -> list[str]:
    """Names of the operators after the last products, which decode, pool or flatten an answer: eight bits would spoil it.

    An activation is not among them, since it is fused into what is before it.
    """
    awaited: set[str] = set()
    found = []
    for node in reversed(graph.node):
        if node.op_type in PRODUCTS or awaited.intersection(node.output):
            awaited.update(node.input)
        elif node.op_type not in _FUSED:
            found.append(node.name)
    return found


def _within(name: str, paths: Sequence[str]) -> bool:
    """Whether an operator of that name comes from one of these modules, or from a part of one."""
    own = name.partition("/")[0]
    return any(own == path or own.startswith(f"{path}.") for path in paths)
