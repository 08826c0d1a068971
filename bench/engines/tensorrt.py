"""TensorRT, through ONNX Runtime's provider: the same exported file and the same quantiser as on the processor.

Torch-TensorRT would tie every release of it to one release of PyTorch, and bring an exporter and a quantiser of its own. Not run
on a GPU in this version.
"""

from __future__ import annotations

import os
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING

from ..registry import engine
from . import _onnx
from ._onnx_session import BoundSession, Place
from .onnxruntime import NEEDED, absent, converted, preload, refused_layout, streamed

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from ..core import Case
    from ..preparation import Preparation

PROVIDER = "TensorrtExecutionProvider"
INSTALL = "pip install 'vbench[gpu]', without the package onnxruntime beside it"
_PRECISIONS = ("fp32", "tf32", "fp16", "int8")


@engine("tensorrt")
class TensorRT:
    """A session whose subgraphs TensorRT compiles; compiled engines are kept between processes."""

    exports = True
    # TensorRT times thousands of kernels to choose from.
    patience_s = 900.0
    check_s = 60.0

    def version(self) -> str:
        """The version of ONNX Runtime, where it has the provider."""
        try:
            found = _onnx.require("engines", {"onnxruntime-gpu": NEEDED["onnxruntime"], **_others()})
        except ImportError as error:
            message = f"{str(error).partition(':')[0]}, and TensorRT's provider comes with it: {INSTALL}"
            raise ImportError(message) from None
        reason = absent(PROVIDER)
        if reason is not None:
            raise ImportError(reason)
        return found

    def skip(self, case: Case) -> str | None:
        """Inference on an NVIDIA GPU."""
        if case.device.partition(":")[0] != "cuda":
            return f"the tensorrt engine runs on cuda, not on {case.device}"
        if case.precision not in _PRECISIONS:
            return f"the tensorrt engine has no {case.precision}: it measures {', '.join(_PRECISIONS)}"
        return refused_layout(case)

    def prepare(self, module: torch.nn.Module, case: Case, preparation: Preparation) -> BoundSession:
        """Export, quantise where the case is int8, and compile, each only where no earlier process has."""
        # TensorRT uses TF32 unless the libraries below it are told not to, which they read when they are loaded.
        os.environ["NVIDIA_TF32_OVERRIDE"] = "1" if case.precision == "tf32" else "0"
        with suppress(ImportError):
            import_module("tensorrt")  # loads its libraries, wherever pip put them
        preload()
        source = _onnx.export(module, case, preparation)
        place = streamed(case, PROVIDER, _options(case))
        model = source if case.precision in {"fp32", "tf32"} else converted(source, case, preparation, place, optimised=False)
        axes = ("precision", "input_shape", "batch", "device")
        versions = {"onnxruntime": self.version(), "device": _gpu(place.target), **_onnx.export_versions()}

        def compiled(folder: Path) -> dict[str, str]:
            BoundSession(model, source, case, _caching(place, folder), level="ORT_ENABLE_ALL").close()
            return {"compiled": "ONNX Runtime's TensorRT provider, engine cache"}

        kept = preparation.artefact("tensorrt", versions, compiled, axes=axes)
        return BoundSession(model, source, case, _caching(place, kept), level="ORT_ENABLE_ALL")


def _others() -> dict[str, str]:
    return {name: least for name, least in NEEDED.items() if name != "onnxruntime"}


def _options(case: Case) -> dict[str, str]:
    """Halves and bytes come from the file itself, and TensorRT has to be allowed to follow it."""
    allowed = {"fp16": {"trt_fp16_enable": "1"}, "int8": {"trt_int8_enable": "1"}}
    return allowed.get(case.precision, {})


def _caching(place: Place, folder: Path) -> Place:
    """The same place, what it compiles kept in the folder."""
    kept = {"trt_engine_cache_enable": "1", "trt_engine_cache_path": str(folder)}
    return place._replace(options=(*place.options, *kept.items()))


def _gpu(target: str) -> str:
    """Which GPU it is: an engine that was compiled for one does not run well on another, or not at all."""
    import torch  # noqa: PLC0415 - asked on a GPU only

    return str(torch.cuda.get_device_name(target))
