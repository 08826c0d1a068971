"""An ONNX file of a network in fp32: one for each input shape and batch, which all precisions and all providers start from.

It is made by `torch.onnx.export` from the graph that `torch.export` gives, and where that fails, from a trace by TorchScript.
Each operator is then named by the module that it came from, `stage1.0.body/Conv`, which survives most of what optimisers do.
"""

from __future__ import annotations

import io
import logging
import os
import warnings
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from importlib import metadata
from itertools import zip_longest
from typing import TYPE_CHECKING, Any
from unittest import mock

import torch
from torch import nn

from .. import agreement
from ..errors import VbenchError
from . import _onnx_graph

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from ..core import Case
    from ..preparation import Preparation

MODEL = "model.onnx"
INPUT = "input"
# What the exporter writes of itself. ONNX Runtime takes activations in fp16 apart in opset 18, and fuses them in 20.
OPSET = 20
# Goes up when what is written below changes, so that no older file is used.
_REVISION = "1"
_EXPORTERS = (("dynamo", True), ("TorchScript", False))


class RuntimeFailedError(VbenchError):
    """A network that an exporter, a quantiser or a runtime could not take; the line is the row's reason."""


class _Tensors(nn.Module):
    """The network, its answer a flat tuple of tensors in the order of the nest that it returns."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(agreement.tensors(self.network(images)))


def require(extra: str, needed: Mapping[str, str], *, anyone: Mapping[str, str] | None = None) -> str:
    """The version of the first package of `needed`, which maps names to the oldest version that will do.

    `anyone` maps distributions that bring the first package under another name. Raises ImportError with the install line where
    one is absent or too old.
    """
    found = ""
    for name, least in needed.items():
        version = _installed(name) or (None if found else _first(anyone or {}))
        if version is None:
            message = f"{name} is not installed: pip install 'vbench[{extra}]'"
            raise ImportError(message)
        if _older(version, least):
            message = f"{name} {version} is too old, {least} or newer is needed: pip install -U 'vbench[{extra}]'"
            raise ImportError(message)
        found = found or version
    return found


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _first(names: Iterable[str]) -> str | None:
    return next((version for name in names if (version := _installed(name)) is not None), None)


def _older(version: str, least: str) -> bool:
    """Whether a version comes before another, by the numbers that both begin with; what follows a number is not read."""
    for have, want in zip_longest(version.split("."), least.split("."), fillvalue="0"):
        digits = "".join(c for c in have if c.isdigit()) if have[:1].isdigit() else ""
        if not digits:
            return False
        if int(digits) != int(want):
            return int(digits) < int(want)
    return False


def export(module: nn.Module, case: Case, preparation: Preparation) -> Path:
    """The ONNX file of the network at the case's input shape and batch, kept between processes."""
    axes = ("input_shape", "batch")
    return preparation.artefact("onnx", export_versions(), lambda folder: write(module, case, folder), axes=axes) / MODEL


def export_versions() -> dict[str, str]:
    """What the file depends on besides the network and PyTorch."""
    return {
        "opset": str(OPSET),
        "onnx": str(_installed("onnx")),
        "onnxscript": str(_installed("onnxscript")),
        "revision": _REVISION,
    }


def halve(source: Path, target: Path) -> None:
    """Write the file with its values in fp16, what goes in and comes out of it too.

    Raises RuntimeFailedError where it cannot be converted.
    """
    import onnx  # noqa: PLC0415 - for this engine alone
    from onnxruntime.transformers import float16  # noqa: PLC0415 - as above

    try:
        with quiet():
            onnx.save(float16.convert_float_to_float16(onnx.load(source), keep_io_types=False), target)
    except Exception as error:
        if out_of_memory(error):
            raise
        message = f"cannot be converted to fp16: {line(error)}"
        raise RuntimeFailedError(message) from error


def write(module: nn.Module, case: Case, folder: Path) -> dict[str, str]:
    """Export the network into the folder, by the first exporter whose file a runtime loads; notes say which.

    Raises RuntimeFailedError where none does, with what each said, and for weights that are no numbers.
    """
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            message = f"cannot be exported: {name} holds NaN or infinity, and the network can answer nothing else"
            raise RuntimeFailedError(message)
    problems = []
    for name, dynamo in _EXPORTERS:
        try:
            with quiet():
                _export(module, case, folder / MODEL, dynamo=dynamo)
                _onnx_graph.refine(folder / MODEL, module)
                _load(folder / MODEL)
        except Exception as error:
            if out_of_memory(error):
                raise
            problems.append(f"{name}: {line(error)}")
        else:
            note = f"torch.onnx ({name}, opset {OPSET})"
            return {"exporter": f"{note}, since {problems[0]}" if problems else note}
    message = f"cannot be exported to ONNX: {'; '.join(problems)}"
    raise RuntimeFailedError(message)


@contextmanager
def quiet() -> Iterator[None]:
    """Let no library write or warn meanwhile: a worker's output is its protocol, and exporters warn by the page."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), _descriptors():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


@contextmanager
def _descriptors() -> Iterator[None]:
    """The same for what is written below Python: TorchScript prints its graph when it fails."""
    with ExitStack() as stack:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        stack.callback(os.close, nowhere)
        for number in (1, 2):
            with suppress(OSError):  # one that is closed already
                kept = os.dup(number)
                stack.callback(os.close, kept)
                stack.callback(os.dup2, kept, number)
                os.dup2(nowhere, number)
        yield


def line(error: BaseException, most: int = 160) -> str:
    """What an error comes from, in one line: exporters wrap the cause several times, with pages of advice."""
    while error.__cause__ is not None:
        error = error.__cause__
    first = next((part for part in str(error).splitlines() if part.strip()), "")
    return f"{type(error).__name__}: {' '.join(first.split())[:most]}"


def out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, which is another status than a failure."""
    while True:
        if isinstance(error, MemoryError) or any(word in str(error).lower() for word in ("allocate memory", "bad_alloc")):
            return True
        if error.__cause__ is None:
            return False
        error = error.__cause__


def _export(module: nn.Module, case: Case, path: Path, *, dynamo: bool) -> None:
    example = torch.zeros(case.batch, *case.input_shape)
    wrapped = _Tensors(module.eval()).eval()
    how: dict[str, Any] = {"external_data": False, "verbose": False} if dynamo else {}
    with torch.no_grad(), mock.patch.object(nn.functional, "adaptive_max_pool2d", _adaptive_max):
        torch.onnx.export(wrapped, (example,), path, input_names=[INPUT], opset_version=OPSET, dynamo=dynamo, **how)


def _adaptive_max(images: torch.Tensor, size: int | tuple[int | None, ...], *_: Any) -> torch.Tensor:
    """Adaptive max pooling in operators that ONNX has: the largest of each bin of rows, then of each bin of columns."""
    sizes = (size, size) if isinstance(size, int) else size
    for axis, wanted in zip((-2, -1), sizes, strict=True):
        length = images.shape[axis]
        bins = length if wanted is None else wanted
        edges = [(part * length // bins, -(-(part + 1) * length // bins)) for part in range(bins)]
        images = torch.cat([images.narrow(axis, low, high - low).amax(axis, keepdim=True) for low, high in edges], axis)
    return images


def _load(path: Path) -> None:
    """Whether ONNX Runtime has all the operators, and finds the file in order."""
    import onnxruntime  # noqa: PLC0415 - a quarter of a second, for this engine alone

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
