"""OpenVINO: the network as its intermediate representation, compiled for the processor or for Intel's GPU.

OpenVINO computes in bf16 by default where the processor can, in the rest of an int8 network too: every case here says which
precision it wants. What it then computed in is read back from the compiled network, operator by operator.
"""

from __future__ import annotations

from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import VbenchError
from ..registry import engine
from ._openvino_ir import exported, one_line, quantised, runtime
from ._openvino_session import LatencySession, ThroughputSession

if TYPE_CHECKING:
    from ..core import Case
    from ..preparation import Preparation
    from ._openvino_ir import Network

# Below these the calls that are made here do not exist.
_NEEDED = {"openvino": "2025.2", "nncf": "2.17"}
_INSTALL = "pip install 'vbench[engines]'"
# What the engine is asked to compute in; an int8 network's operators that were not quantised stay in fp32.
_HINTS = {"fp32": "f32", "bf16": "bf16", "fp16": "f16", "int8": "f32"}
_CAPABILITIES = {"fp32": "FP32", "bf16": "BF16", "fp16": "FP16", "int8": "INT8"}
_PLACES = {"cpu": "CPU", "xpu": "GPU"}


@engine("openvino")
class OpenVino:
    """The network compiled by OpenVINO; for one request at a time, or for many at once (`hint=throughput`)."""

    exports = True
    # A cold start traces, converts and calibrates: a minute and a half for the largest networks of the catalogue on one core.
    patience_s = 300.0
    check_s = 6.0
    options = ("hint",)
    modes: ClassVar[dict[str, tuple[str, ...]]] = {"hint": ("latency", "throughput")}

    def version(self) -> str:
        """The version of OpenVINO; its quantiser is needed for int8 only, and `skip` asks for it."""
        return _installed("openvino")

    def skip(self, case: Case) -> str | None:
        """A device that is not there, a precision that the device does not compute in, a quantiser that is absent."""
        kind, _, number = case.device.partition(":")
        if kind not in _PLACES:
            return f"the openvino engine runs on cpu and on Intel's GPUs (xpu), not on {case.device}"
        if case.precision not in _HINTS:
            return f"the openvino engine has no {case.precision}: it measures {', '.join(_HINTS)}"
        if case.layout == "nhwc" and len(case.input_shape) != 3:  # noqa: PLR2004 - channels, height, width
            return f"only pictures have a layout, and an input of {'x'.join(map(str, case.input_shape))} is none: --layout nchw"
        return _absent_quantiser(case) or _unable(case, _place(kind, number))

    def prepare(self, module: Any, case: Case, preparation: Preparation) -> LatencySession:
        """Export or quantise the network, or read what an earlier process did of it, and compile it for the device."""
        made = network(module, case, preparation)
        kind, _, number = case.device.partition(":")
        many = ("hint", "throughput") in case.engine_options
        session = ThroughputSession if many else LatencySession
        try:
            return session(made.model(case), case, _place(kind, number), configuration(case, many=many))
        except RuntimeError as error:
            message = f"OpenVINO could not compile the network: {one_line(error)}"
            raise VbenchError(message) from None


def network(module: Any, case: Case, preparation: Preparation) -> Network:
    """The folder with the network as it is compiled, exported and quantised now or by an earlier process."""
    versions = {"openvino": _installed("openvino")}
    made = exported(module, case, preparation, versions)
    if case.precision != "int8":
        return made
    return quantised(made, preparation, versions | {"nncf": _installed("nncf")})


def configuration(case: Case, *, many: bool) -> dict[str, Any]:
    """The properties that a case is compiled with; everything else is as OpenVINO has it."""
    wanted: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": _HINTS[case.precision],
        "EXECUTION_MODE_HINT": "ACCURACY" if case.precision in {"fp32", "int8"} else "PERFORMANCE",
        "PERFORMANCE_HINT": "THROUGHPUT" if many else "LATENCY",
    }
    if case.device.startswith("cpu"):
        wanted |= {"INFERENCE_NUM_THREADS": case.threads} | ({} if many else {"NUM_STREAMS": 1})
    return wanted


def _absent_quantiser(case: Case) -> str | None:
    """Why nothing can be quantised here."""
    if case.precision != "int8":
        return None
    try:
        _installed("nncf")
    except ImportError as error:
        return f"int8 by OpenVINO's quantiser: {error}"
    return None


def _unable(case: Case, place: str) -> str | None:
    """Why the device does not compute in the precision, or that it is not there."""
    able = _capabilities(place)
    if not able:
        return f"OpenVINO sees no {place} on this machine: leave out --device {case.device}"
    if _CAPABILITIES[case.precision] in able:
        return None
    has = ", ".join(name for name, capability in _CAPABILITIES.items() if capability in able)
    return f"OpenVINO computes no {case.precision} on this {case.device}: it has {has}"


def _place(kind: str, number: str) -> str:
    """OpenVINO's name of a device."""
    return f"{_PLACES[kind]}.{number}" if number and kind == "xpu" else _PLACES[kind]


@cache
def _capabilities(place: str) -> frozenset[str]:
    """What a device can, in OpenVINO's words; nothing where there is none."""
    core = runtime().Core()
    try:
        return frozenset(core.get_property(place, "OPTIMIZATION_CAPABILITIES"))
    except RuntimeError:
        return frozenset()


def _installed(name: str) -> str:
    """The version of a package; raises ImportError with one line where it is missing or too old."""
    try:
        found = metadata.version(name)
    except metadata.PackageNotFoundError:
        message = f"{name} is not installed: {_INSTALL}"
        raise ImportError(message) from None
    if _numbers(found) < _numbers(_NEEDED[name]):
        message = f"{name} {found} is too old, {_NEEDED[name]} is needed: {_INSTALL}"
        raise ImportError(message)
    return found


def _numbers(version: str) -> tuple[int, ...]:
    """The leading whole numbers of a version, to compare by."""
    found = []
    for part in version.split("."):
        if not part.isdecimal():
            break
        found.append(int(part))
    return tuple(found)
