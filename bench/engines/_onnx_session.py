"""A session of ONNX Runtime whose inputs and outputs are bound to their memory before anything is timed."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from ..core import Account
from ..errors import VbenchError
from . import _onnx_account as accounts
from . import _onnx_layers
from ._onnx import RuntimeFailedError, line, out_of_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..core import Case, Operator

# Only fatal errors: whatever else goes wrong raises, with the same words.
_FATAL = 4
# The profile of the account: the first run is left out, and it ends after so many others, or so many seconds.
_RUNS, _SECONDS = 7, 3.0
_DTYPES = {
    "tensor(float)": torch.float32, "tensor(float16)": torch.float16, "tensor(double)": torch.float64, "tensor(bool)": torch.bool,
    "tensor(int64)": torch.int64, "tensor(int32)": torch.int32, "tensor(uint8)": torch.uint8, "tensor(int8)": torch.int8,
}  # fmt: skip


class Place(NamedTuple):
    """Which provider runs it and how that is set up, where its tensors live, and how to wait for it."""

    provider: str
    target: str = "cpu"
    options: tuple[tuple[str, str], ...] = ()
    wait: Callable[[], None] | None = None
    # Providers that take what this one does not.
    below: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()

    @property
    def kind(self) -> str:
        """The device's kind, as the runtime calls it."""
        return self.target.partition(":")[0]

    @property
    def number(self) -> int:
        """The device's number."""
        return int(self.target.partition(":")[2] or 0)


def session_options(case: Case, *, level: str) -> Any:
    """As many threads as the case says, none between operators, denormals flushed as they are for every engine."""
    import onnxruntime  # noqa: PLC0415 - a quarter of a second, for this engine alone

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = case.threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    options.log_severity_level = _FATAL
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    return options


def open_session(model: Path, options: Any, place: Place) -> Any:
    """A session of the runtime itself. Raises RuntimeFailedError where the provider cannot take the network.

    The runtime would go on without a provider that does not load, on the processor.
    """
    import onnxruntime  # noqa: PLC0415 - as above

    providers = [(name, dict(options)) for name, options in ((place.provider, place.options), *place.below)]
    try:
        session = onnxruntime.InferenceSession(model, options, providers=providers)
    except Exception as error:
        if out_of_memory(error):
            raise
        message = f"ONNX Runtime cannot load the network: {line(error)}"
        raise RuntimeFailedError(message) from error
    session.disable_fallback()
    if session.get_providers()[0] != place.provider:
        message = f"ONNX Runtime could not load {place.provider}, and would have run on the processor: see vbench doctor"
        raise RuntimeFailedError(message)
    return session


class BoundSession:
    """Runs the network on the inputs in rotation; each has a binding of its own, and all answer into the same memory."""

    def __init__(self, model: Path, source: Path, case: Case, place: Place, *, level: str) -> None:
        self._model, self._source, self._case, self._place, self._level = model, source, case, place, level
        self._session = open_session(model, session_options(case, level=level), place)
        self._run: Any = self._session.run_with_iobinding
        self._how = _run_options(place)
        self._outputs = _Outputs(self._session, place)
        self._inputs: list[torch.Tensor] = []
        self._bindings: list[Any] = []
        self._next = self._last = 0
        self._wait = place.wait

    def load(self, inputs: Sequence[torch.Tensor]) -> None:
        """Put the inputs where the network runs, in the type that it takes, and bind each."""
        dtype = next((_DTYPES[value.type] for value in self._session.get_inputs()), torch.float32)
        self._inputs = [tensor.to(self._place.target, dtype).contiguous() for tensor in inputs]
        self._bindings = [self._bind(self._session, tensor) for tensor in self._inputs]
        self._next = self._last = 0

    def _bind(self, session: Any, tensor: torch.Tensor) -> Any:
        binding = session.io_binding()
        for value in session.get_inputs():
            _bind_to(binding.bind_input, value.name, tensor, self._place)
        self._outputs.bind(binding)
        return binding

    def step(self) -> None:
        """One forward pass on the next input."""
        index = self._next
        self._run(self._bindings[index], self._how)
        self._last = index
        self._next = index + 1 if index + 1 < len(self._bindings) else 0

    def synchronize(self) -> None:
        """A pass on the processor has ended when it returns; elsewhere the stream is waited for."""
        if self._wait is not None:
            self._wait()

    def output(self) -> list[torch.Tensor]:
        """What the last step answered, in the order of eager's nest."""
        return self._outputs.read(self._bindings[self._last])

    def operators(self) -> list[Operator]:
        """What ran, by the runtime's own profile of a session like this one."""
        import onnx  # noqa: PLC0415 - for the account alone

        with tempfile.TemporaryDirectory(prefix="vbench-profile-") as folder:
            runs = accounts.events(self._profiled(Path(folder)))
        model = onnx.load(self._source)
        return accounts.account(model, runs[1:] or runs, batch=self._case.batch, tf32=self._case.precision == "tf32")

    def account(self) -> Account:
        """The layers, by the same profile. Raises VbenchError where that is of the host, and the work goes on elsewhere."""
        if self._place.kind != "cpu":
            message = f"ONNX Runtime's profile is of the host, and {self._place.target} works behind its back: --engine eager"
            raise VbenchError(message)
        import onnx  # noqa: PLC0415 - as above

        with tempfile.TemporaryDirectory(prefix="vbench-profile-") as folder:
            path = self._profiled(Path(folder))
            runs, took = accounts.events(path), accounts.run_seconds(path)
        found = _onnx_layers.layers(onnx.load(self._source), runs[1:] or runs, tf32=self._case.precision == "tf32")
        took = took[1:] or took
        return Account(layers=tuple(found), run_s=statistics.median(took), runs=len(took), profiler="ONNX Runtime's profile")

    def _profiled(self, folder: Path) -> Path:
        options = session_options(self._case, level=self._level)
        options.enable_profiling = True
        options.profile_file_prefix = str(folder / "profile")
        session = open_session(self._model, options, self._place)
        binding = self._bind(session, self._inputs[0])
        began = time.perf_counter()
        for _ in range(_RUNS + 1):
            session.run_with_iobinding(binding, self._how)
            if time.perf_counter() - began > _SECONDS:
                break
        self.synchronize()
        return Path(session.end_profiling())

    def close(self) -> None:
        """Let go of the runtime's session, and of the memory that it was bound to."""
        self._bindings, self._inputs = [], []
        self._run = self._session = None


class _Outputs:
    """The memory that a session answers into; where a shape depends on the values, what the runtime allocates in each run."""

    def __init__(self, session: Any, place: Place) -> None:
        self._place = place
        self._values = [(value.name, value.type, value.shape) for value in session.get_outputs()]
        self._tensors = {
            name: torch.empty(shape, dtype=_DTYPES[kind], device=place.target)
            for name, kind, shape in self._values
            if all(isinstance(size, int) for size in shape) and kind in _DTYPES
        }

    def bind(self, binding: Any) -> None:
        """Bind every output."""
        for name, _, _ in self._values:
            if name in self._tensors:
                _bind_to(binding.bind_output, name, self._tensors[name], self._place)
            else:
                binding.bind_output(name, self._place.kind, self._place.number)

    def read(self, binding: Any) -> list[torch.Tensor]:
        """The answers of the last run of that binding."""
        if len(self._tensors) == len(self._values):
            return list(self._tensors.values())
        return [torch.from_numpy(value.numpy()) for value in binding.get_outputs()]


def _bind_to(bind: Callable[..., None], name: str, tensor: torch.Tensor, place: Place) -> None:
    element = torch.empty(0, dtype=tensor.dtype).numpy().dtype.type
    bind(name, place.kind, place.number, element, list(tensor.shape), tensor.data_ptr())


def _run_options(place: Place) -> Any:
    """Nothing on the processor; elsewhere the runtime does not wait for its stream, since `synchronize` does."""
    if place.wait is None:
        return None
    import onnxruntime  # noqa: PLC0415 - as above

    options = onnxruntime.RunOptions()
    options.add_run_config_entry("disable_synchronize_execution_providers", "1")
    return options
