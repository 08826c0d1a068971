"""From a module to OpenVINO's intermediate representation, and from there to int8; both kept between processes.

What is written is the network for one picture. Other batches are that network reshaped; a network whose answer does not take
the batch along is exported at the batch itself. Operators carry the paths of the modules that they were traced from.
"""

from __future__ import annotations

import io
import logging
import re
import sys
import warnings
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import agreement
from ..errors import VbenchError
from ..preparation import CALIBRATION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..core import Case
    from ..preparation import Preparation

# Part of every key: what is written differs from one of these to the next.
_FORMAT = "2"
_ROOT = "__module.net"
# Activations whose negative values matter, for which NNCF's documentation advises asymmetric ranges.
_SIGNED = {"PRelu", "Elu", "Selu", "Gelu", "Swish", "HSwish", "Mish", "SoftPlus"}
_WEIGHTED = {"Convolution", "GroupConvolution", "ConvolutionBackpropData", "GroupConvolutionBackpropData", "MatMul"}


class Network:
    """A folder with a network in it, and the batch that it was written for."""

    def __init__(self, folder: Path, batch: int) -> None:
        self.folder, self.batch = folder, batch

    def read(self) -> Any:
        """The network as it was written; its weights are mapped from the file and not copied."""
        return runtime().Core().read_model(self.folder / "model.xml")

    def model(self, case: Case) -> Any:
        """The network at the batch and in the layout of a case."""
        model = self.read()
        if case.batch != self.batch:
            reshape(model, case)
        if case.layout == "nhwc":
            model = _channels_last(model)
        return model


def exported(module: Any, case: Case, preparation: Preparation, versions: Mapping[str, str]) -> Network:
    """The network in fp32, for one picture where that can be reshaped to the batch, else for the batch of the case."""
    versions = {**versions, "format": _FORMAT}

    def at(batch: int) -> Any:
        def make(folder: Path) -> dict[str, str]:
            with quiet():
                model, fixed = _convert(module, (batch, *case.input_shape))
                _write(model, folder)
            return {"exporter": f"openvino {versions['openvino']}, traced{fixed}"}

        return make

    network = Network(preparation.artefact("openvino-ir", versions, at(1), axes=("input_shape",)), 1)
    if case.batch == 1 or reshape(network.read(), case):
        return network
    folder = preparation.artefact("openvino-ir", versions, at(case.batch), axes=("input_shape", "batch"))
    return Network(folder, case.batch)


def quantised(network: Network, preparation: Preparation, versions: Mapping[str, str]) -> Network:
    """The network with quantisers in it, as NNCF places them after seeing the calibration pictures."""
    versions = {**versions, "format": _FORMAT}

    def make(folder: Path) -> dict[str, str]:
        with quiet():
            model, notes = _quantise(network, preparation)
            _write(model, folder)
        return notes | {"quantiser": f"nncf {versions['nncf']}: static, per-channel weights, {notes['quantiser']}"}

    axes = ("precision", "input_shape", *(("batch",) if network.batch != 1 else ()))
    return Network(preparation.artefact("openvino-int8", versions, make, axes=axes), network.batch)


def reshape(model: Any, case: Case) -> bool:
    """Give a network the batch of a case; false where its answers do not take the batch along."""
    before = [output.get_partial_shape() for output in model.outputs]
    try:
        model.reshape([case.batch, *case.input_shape])
    except RuntimeError:
        return False
    after = [output.get_partial_shape() for output in model.outputs]
    return all(_follows(was, now, case.batch) for was, now in zip(before, after, strict=True))


def _follows(was: Any, now: Any, batch: int) -> bool:
    """Whether an answer's shape has become that of so many pictures; a shape that only running tells is taken at its word."""
    if was.is_dynamic or now.is_dynamic:
        return True
    one, all_ = list(was.to_shape()), list(now.to_shape())
    return bool(one) and all_ == [one[0] * batch, *one[1:]]


def _convert(module: Any, shape: tuple[int, ...]) -> tuple[Any, str]:
    """Trace a module and translate the trace, with the passes that OpenVINO's own converter runs after it.

    The converter itself is not called: it traces twice, tells its maker about every conversion, and forgets which module a
    folded operator came from. What is returned beside the network names the places where Python took a value from a tensor:
    a trace holds the value that the example had there, and may answer something else for other pictures.
    """
    openvino = runtime()
    import torch  # noqa: PLC0415 - as above
    from openvino._offline_transformations import apply_moc_transformations  # noqa: PLC0415
    from openvino.frontend import FrontEndManager  # noqa: PLC0415
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder  # noqa: PLC0415

    example = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    try:
        with torch.no_grad(), warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            decoder = TorchScriptPythonDecoder(_flat(module), example_input=example, trace_kwargs={"check_trace": False})
            frontend = FrontEndManager().load_by_framework("pytorch")
            traced = frontend.load(decoder)
            place = traced.get_inputs()[0]
            traced.set_partial_shape(place, openvino.PartialShape(list(shape)))
            traced.set_element_type(place, openvino.Type.f32)
            model = frontend.convert(traced)
            apply_moc_transformations(model, cf=False, smart_reshape=True)
    except Exception as error:  # noqa: BLE001 - tracing runs the network's own code, and the frontend has no one error of its own
        message = f"OpenVINO could not convert the network: {one_line(error)}"
        raise VbenchError(message) from None
    if not model.inputs or not model.inputs[0].get_target_inputs():
        message = "OpenVINO could not convert the network: traced, its answer no longer depends on the picture"
        raise VbenchError(message)
    _name(model)
    places = dict.fromkeys(f"{Path(one.filename).name}:{one.lineno}" for one in told if one.category.__name__ == "TracerWarning")
    return model, f"; what Python takes from a tensor is fixed at {', '.join(list(places)[:3])}" if places else ""


def _flat(module: Any) -> Any:
    """The network with its answers in a row, in the order in which eager's are compared."""
    from torch import nn  # noqa: PLC0415 - only where something is exported

    class Flat(nn.Module):
        """Calls the network and lays its answers out."""

        def __init__(self) -> None:
            super().__init__()
            self.net = module

        def forward(self, pictures: Any) -> Any:
            """The only tensor, or all of them."""
            found = agreement.tensors(self.net(pictures))
            return found[0] if len(found) == 1 else tuple(found)

    return Flat().eval()


def _name(model: Any) -> None:
    """Call an operator with weights after the first module that was folded into it, for folding gives it a number for a name."""
    taken = {operator.get_friendly_name() for operator in model.get_ordered_ops()}
    for operator in model.get_ordered_ops():
        if operator.get_type_name() not in _WEIGHTED or operator.get_friendly_name().startswith(_ROOT):
            continue
        origin = next((value.astype(str) for key, value in operator.get_rt_info().items() if key == "fused_names_0"), "")
        first = origin.split(",")[0]
        if not first.startswith(_ROOT):
            continue
        # A module that is called twice makes two operators.
        name, times = first, 1
        while name in taken:
            times += 1
            name = f"{first}#{times}"
        operator.set_friendly_name(name)
        taken.add(name)


def _quantise(network: Network, preparation: Preparation) -> tuple[Any, dict[str, str]]:
    """Quantise as NNCF's documentation advises, and say how."""
    runtime()
    import nncf  # noqa: PLC0415 - a second, and only for int8

    nncf.set_log_level(logging.CRITICAL)
    model = network.read()
    signed = any(operator.get_type_name() in _SIGNED for operator in model.get_ordered_ops())
    names, left = _kept_out(model, preparation.full_precision)
    notes = {
        "quantiser": f"{'asymmetric' if signed else 'symmetric'} activations, extremes of all pictures, fast bias correction"
    }
    batches = -(-CALIBRATION // network.batch)
    pictures = preparation.pictures()
    order = [index % len(pictures) for index in range(batches * network.batch)]
    items = [part.contiguous().numpy() for part in pictures[order].split(network.batch)]
    try:
        found = nncf.quantize(
            model,
            nncf.Dataset(items),
            preset=nncf.QuantizationPreset.MIXED if signed else nncf.QuantizationPreset.PERFORMANCE,
            target_device=nncf.TargetDevice.CPU,
            subset_size=len(items),
            ignored_scope=nncf.IgnoredScope(names=names, validate=False) if names else None,
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                # Whether it looks at a batch as one or as many is otherwise decided by a data loader that is not there.
                batchwise_statistics=network.batch > 1,
                activations_range_estimator_params=_ranges(),
            ),
        )
    except Exception as error:  # noqa: BLE001 - it raises its own errors, the runtime's and those of Python alike
        message = f"NNCF could not quantise the network: {one_line(error)}"
        raise VbenchError(message) from None
    return found, notes | ({"full_precision": left} if left else {})


def _ranges() -> Any:
    """The extremes of all pictures: NNCF's default, the mean of each picture's extremes, cuts off what lies beyond."""
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet  # noqa: PLC0415 - as above

    return RangeEstimatorParametersSet.MINMAX


def _kept_out(model: Any, paths: tuple[str, ...]) -> tuple[list[str], str]:
    """The operators that were traced from the modules named, and a line on what that was."""
    names, lines = [], []
    for path in paths:
        inside = re.compile(rf"{re.escape(f'{_ROOT}.{path}')}[./]")
        found = [op.get_friendly_name() for op in model.get_ordered_ops() if op.get_type_name() != "Constant"]
        found = [name for name in found if inside.match(name)]
        names += found
        lines.append(path if found else f"{path} (no operator is made of it)")
    return names, ", ".join(lines)


def _channels_last(model: Any) -> Any:
    """The same network for inputs whose channels lie last in memory."""
    openvino = runtime()
    from openvino.preprocess import PrePostProcessor  # noqa: PLC0415 - as above

    wrapped = PrePostProcessor(model)
    wrapped.input().tensor().set_layout(openvino.Layout("NHWC"))
    wrapped.input().model().set_layout(openvino.Layout("NCHW"))
    return wrapped.build()


def _write(model: Any, folder: Path) -> None:
    # Left to itself, it would write the weights in fp16.
    runtime().save_model(model, folder / "model.xml", compress_to_fp16=False)


def one_line(error: BaseException) -> str:
    """What an exporter or a compiler says, without the list of its own source files: the operators that it has no rule for."""
    text = str(error.__cause__ or error)
    lacking = sorted(set(re.findall(r"No conversion rule found for operations?:?\s*([\w:., ]+)", text)))
    if lacking:
        return f"it has no rule for {', '.join(lacking).rstrip('., ')}"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if not re.match(r"(Exception from|Check '|\[|While validating|File |Traceback)", line)]
    return (telling or lines or [type(error).__name__])[-1][:300]


def runtime() -> Any:
    """OpenVINO, imported so that neither it nor its quantiser tells their makers of each use over the network.

    They do where the package `openvino_telemetry` can be imported, and take a stand-in of their own where it cannot.
    """
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # importing it raises ImportError from now on
    import openvino  # noqa: PLC0415 - a fifth of a second, and only where its engine is asked for

    return openvino


@contextmanager
def quiet() -> Iterator[None]:
    """Keep converters and quantisers from printing and from warning."""
    nowhere = io.StringIO()
    with redirect_stdout(nowhere), redirect_stderr(nowhere), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
