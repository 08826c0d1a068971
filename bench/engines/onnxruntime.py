"""ONNX Runtime: the network exported to ONNX, on the runtime's own kernels for the processor or for NVIDIA's GPUs.

The CUDA provider was not run on a GPU in this version.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from .. import devices, machine
from ..registry import engine
from . import _onnx, _onnx_int8
from ._onnx_session import BoundSession, Place, open_session, session_options

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from ..core import Case
    from ..preparation import Preparation

NEEDED = {"onnxruntime": "1.22", "onnx": "1.18", "onnxscript": "0.4"}
# Distributions that bring the package `onnxruntime` too.
OTHERS = {"onnxruntime-gpu": "1.22"}
CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
# What each kind of device can be asked for. An x86 processor's kernels for fp16 are those of fp32: the account says so.
PRECISIONS = {"cpu": ("fp32", "fp16", "int8"), "cuda": ("fp32", "tf32", "fp16")}
# Goes up when what is made below changes, so that nothing older is used.
_REVISION = "1"


@engine("onnxruntime")
class OnnxRuntime:
    """A session with bound inputs and outputs of a file that was optimised beforehand."""

    exports = True
    patience_s = 300.0
    check_s = 6.0

    def version(self) -> str:
        """The version of ONNX Runtime, of whichever distribution."""
        return _onnx.require("engines", NEEDED, anyone=OTHERS)

    def skip(self, case: Case) -> str | None:
        """Inference on a processor or an NVIDIA GPU, in the precisions that the provider has kernels for."""
        kind = case.device.partition(":")[0]
        if kind not in PRECISIONS:
            return f"the onnxruntime engine runs on {', '.join(PRECISIONS)}, not on {case.device}"
        if case.precision == "int8" and kind == "cuda":
            return "ONNX Runtime's CUDA provider has no int8 convolution: add --engine tensorrt"
        if case.precision not in PRECISIONS[kind]:
            return f"the onnxruntime engine has no {case.precision} on {kind}: it measures {', '.join(PRECISIONS[kind])} there"
        return refused_layout(case) or (absent(CUDA) if kind == "cuda" else None)

    def prepare(self, module: torch.nn.Module, case: Case, preparation: Preparation) -> BoundSession:
        """Export, convert to the precision, optimise; each only where no earlier process has."""
        source = _onnx.export(module, case, preparation)
        if case.device == "cpu":
            place = Place(CPU)
            model = converted(source, case, preparation, place, optimised=True)
            return BoundSession(model, source, case, place, level="ORT_DISABLE_ALL")
        place = _cuda(case)
        model = source if case.precision != "fp16" else converted(source, case, preparation, place, optimised=False)
        return BoundSession(model, source, case, place, level="ORT_ENABLE_ALL")


def refused_layout(case: Case) -> str | None:
    """Why there is no other layout than one."""
    if case.layout == "nhwc":
        return "an ONNX graph is channels first, and the runtime chooses its own layout inside: leave out --layout nhwc"
    return None


def absent(provider: str) -> str | None:
    """Why that provider cannot run here, or None."""
    import onnxruntime  # noqa: PLC0415 - a quarter of a second, where a GPU was asked for

    if provider in onnxruntime.get_available_providers():
        return None
    return f"this ONNX Runtime has no {provider}: pip uninstall onnxruntime, then pip install 'vbench[gpu]'"


def converted(source: Path, case: Case, preparation: Preparation, place: Place, *, optimised: bool) -> Path:
    """The file in the case's precision, kept between processes; `optimised`, as the runtime rewrites it for this processor."""
    here = machine.describe()
    versions = {
        "onnxruntime": OnnxRuntime().version(),
        "onnx": str(_onnx.export_versions()),
        "provider": place.provider,
        "how": _onnx_int8.described(place.provider) if case.precision == "int8" else "",
        # Layouts are blocked as this processor wants them.
        "processor": " ".join((here.processor, *here.features)) if optimised else "",
        "revision": _REVISION,
    }

    def make(folder: Path) -> dict[str, str]:
        notes: dict[str, str] = {}
        target = folder / _onnx.MODEL
        plain = folder / "plain.onnx" if optimised else target
        if case.precision == "int8":
            pictures = preparation.pictures()
            notes |= _onnx_int8.quantise(
                source, plain, pictures, batch=case.batch, provider=place.provider, full_precision=preparation.full_precision
            )
            notes["calibration"] = preparation.calibration
        elif case.precision == "fp16":
            _onnx.halve(source, plain)
            notes["conversion"] = "onnxruntime.transformers.float16, inputs and outputs too"
        else:
            shutil.copy(source, plain)
        if optimised:
            options = session_options(case, level="ORT_ENABLE_ALL")
            options.optimized_model_filepath = str(target)
            open_session(plain, options, place)
            plain.unlink()
        return notes

    axes = ("precision", "input_shape", "batch", "device")
    return preparation.artefact("onnxruntime", versions, make, axes=axes) / _onnx.MODEL


def _cuda(case: Case) -> Place:
    return streamed(case, CUDA, {"use_tf32": "1" if case.precision == "tf32" else "0"})


def streamed(case: Case, provider: str, options: dict[str, str]) -> Place:
    """The GPU, by a stream of our own that the runtime submits to and that the harness's events are recorded on.

    What a provider on top of CUDA's cannot take goes to CUDA's, and not to the processor.
    """
    import torch  # noqa: PLC0415 - a processor needs none of this

    target = devices.get(case.device).target()
    stream = torch.cuda.Stream(device=target)
    torch.cuda.set_stream(stream)
    preload()
    common = {"device_id": str(stream.device.index), "user_compute_stream": str(stream.cuda_stream)}
    below = () if provider == CUDA else ((CUDA, tuple((common | {"use_tf32": "0"}).items())),)
    return Place(provider, target, tuple((common | options).items()), stream.synchronize, below)


def preload() -> None:
    """Let the runtime find CUDA's libraries where PyTorch brought them along."""
    import onnxruntime  # noqa: PLC0415 - as above

    with suppress(AttributeError, OSError), _onnx.quiet():
        onnxruntime.preload_dlls()
