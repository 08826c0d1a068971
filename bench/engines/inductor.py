"""PyTorch's own compiler: the network exported, its weights frozen and folded, compiled ahead of time into a library."""

from __future__ import annotations

import copy
import hashlib
import logging
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import time
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

import msgspec
import torch
from torch.overrides import TorchFunctionMode

from .. import devices
from ..core import Account
from ..errors import VbenchError
from ..registry import engine
from . import _account, _compiled, _compiled_layers, _layers, _quantised
from .eager import EagerSession, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..core import Case, Operator
    from ..preparation import Preparation

_PRECISIONS = {"cpu": ("fp32", "bf16", "fp16", "int8"), "cuda": ("fp32", "tf32", "bf16", "fp16")}
_X86 = ("x86_64", "AMD64")
# Why a network has no library, in the folder where it would be; and what is compiled of it there.
_LOOSE, _PIECES = "loose.txt", "pieces"
_AUTOTUNE: dict[str, dict[str, Any]] = {"default": {}, "max-autotune": {"max_autotune": True}}


@engine("inductor")
class Inductor:
    """Ahead of time where the network can be exported as one graph; else piece by piece, as the network is called."""

    exports = True
    # Exporting, calibrating, and a C++ compiler with a file of some thousand lines, in one thread.
    patience_s = 300.0
    check_s = 25.0
    modes: ClassVar[dict[str, tuple[str, ...]]] = {"mode": tuple(_AUTOTUNE)}

    def version(self) -> str:
        """The version of PyTorch, where it has a compiler for C++ to go with. Raises ImportError where it has none."""
        try:
            _identity()
        except VbenchError as error:
            raise ImportError(str(error)) from None
        return str(torch.__version__)

    def skip(self, case: Case) -> str | None:
        """One line for each thing that it cannot."""
        kind = case.device.partition(":")[0]
        if kind not in _PRECISIONS:
            return f"the inductor engine compiles for {' and '.join(_PRECISIONS)}, not for {case.device}"
        if case.precision not in _PRECISIONS[kind]:
            return f"the inductor engine has no {case.precision} on {case.device}: it has {', '.join(_PRECISIONS[kind])}"
        if case.precision == "int8":
            if platform.machine() not in _X86:
                return f"the quantiser of the inductor engine is for x86, and this is {platform.machine()}: leave out int8"
            try:
                _quantised.version()
            except ImportError as error:
                return str(error)
        return devices.get(case.device).lacks(case.precision)

    def prepare(self, module: Any, case: Case, preparation: Preparation) -> Session | LooseSession:
        """Load the library that an earlier process compiled, or compile it now."""
        versions = {"compiler": _identity(), "processor": _processor(), "form": "2"}
        if case.precision == "int8":
            versions["torchao"] = _quantised.version()
        folder = preparation.artefact("inductor", versions, lambda folder: _make(folder, module, case, preparation))
        place = _place(case)
        if (folder / _LOOSE).exists():
            return LooseSession(_cast(module, place), case, place, folder / _PIECES)
        return Session(folder, case, place)


def _make(folder: Path, module: Any, case: Case, preparation: Preparation) -> dict[str, str]:
    """Export, quantise and compile; a network that is no single graph gets a note why."""
    place = _place(case)
    images = torch.zeros(case.batch, *case.input_shape)
    notes = {"inductor": _version_of(_compiler())}
    with _quiet():
        with _Lists() as listed:
            macs = sum(one.macs for one in _account.of_module(module.eval(), images[:1])) * case.batch
        ready = _cast(module, place)
        images = place.put(images)
        stage = "export"
        try:
            if listed.seen:  # the exporter would find that out too, after minutes and a symbol for each of the values
                message = "it makes lists of values and decides by them, so that it is no single graph"
                raise TypeError(message)  # noqa: TRY301 - as the exporter's own
            with torch.no_grad():
                exported = torch.export.export(ready, (images,), strict=False)
            if case.precision == "int8":
                stage = "quantise"
                exported = _quantised.quantised(exported, _batches(preparation, place), preparation.full_precision)
                notes |= {
                    "quantiser": f"torchao {_quantised.version()}: {_quantised.METHOD}",
                    "calibration": preparation.calibration,
                }
            elif case.precision != "fp32":
                _compiled.unfuse(exported.graph_module.graph)
            stage = "compile"
            _compiled.write(folder, exported, _AUTOTUNE[dict(case.engine_options).get("mode", "default")], macs)
        except VbenchError:
            raise
        except Exception as error:  # noqa: BLE001 - the compiler has errors of a hundred kinds, and each ends in one line
            reason = f"inductor could not {stage} it: {_first_line(error)}"
            if case.precision == "int8" or stage == "compile":
                raise VbenchError(reason) from None
            (folder / _LOOSE).write_text(reason, encoding="utf-8")
            LooseSession(ready, case, place, folder / _PIECES).close()
            notes["compiled"] = f"piece by piece, and traced anew in each process, since {reason}"
    return notes


class _Lists(TorchFunctionMode):
    """Sees whether tensors are made into lists of Python's numbers, or into another library's arrays."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        self.seen = self.seen or getattr(func, "__name__", "") in {"tolist", "numpy"}
        return func(*args, **(kwargs or {}))


def _place(case: Case) -> Place:
    """Where the tensors live that go in and come out; a quantised network takes and gives fp32."""
    return Place(msgspec.structs.replace(case, precision="fp32") if case.precision == "int8" else case)


def _cast(module: torch.nn.Module, place: Place) -> torch.nn.Module:
    """A copy of the network as it is deployed: its module is still to be compared with."""
    ready = copy.deepcopy(module).eval().to(place.target, place.dtype)
    return ready.to(memory_format=torch.channels_last) if place.layout is torch.channels_last else ready  # type: ignore[call-overload]


def _batches(preparation: Preparation, place: Place) -> list[torch.Tensor]:
    """The pictures to calibrate with in batches of the case; where the last is not full, it begins again with the first."""
    pictures, batch = preparation.pictures(), preparation.case.batch
    order = torch.arange(-(-len(pictures) // batch) * batch) % len(pictures)
    return [place.put(part) for part in pictures[order].split(batch)]


class Session:
    """Calls the library on the inputs in rotation."""

    def __init__(self, folder: Path, case: Case, place: Place) -> None:
        self._folder, self._case, self._place = folder, case, place
        self.synchronize = place.wait
        self._run: Callable[[list[torch.Tensor]], list[torch.Tensor]] | None = _compiled.read(folder, place.target)
        self._inputs: list[torch.Tensor] = []
        self._next = 0
        self._output: list[torch.Tensor] = []

    def load(self, inputs: Sequence[torch.Tensor]) -> None:
        """Put the inputs where the library is, as it wants them."""
        self._inputs = [self._place.put(tensor) for tensor in inputs]
        self._next = 0

    def step(self) -> None:
        """One forward pass on the next input."""
        inputs, index = self._inputs, self._next
        self._output = self._run([inputs[index]])  # type: ignore[misc]  # None after close, and nothing is timed then
        self._next = index + 1 if index + 1 < len(inputs) else 0

    def output(self) -> list[torch.Tensor]:
        """The tensors of the last step's output, in the order in which the network nests them."""
        return self._output

    def operators(self) -> tuple[Operator, ...]:
        """Which kernels the library called, as the profiler saw them, with what they were compiled for."""
        from torch import profiler  # noqa: PLC0415 - only the process that verifies asks

        self.step()
        self.synchronize()
        with _quiet(), profiler.profile(activities=[profiler.ProfilerActivity.CPU]) as profile:
            self.step()
            self.synchronize()
        return _account.grouped(_compiled.account(self._folder, _compiled.in_order(profile)), self._case.batch)

    def account(self) -> Account:
        """The kernels of the library, by the profiler, in the order in which they run."""
        from torch import profiler  # noqa: PLC0415 - as above

        def one(_: int) -> tuple[float, list[tuple[str, float]]]:
            with profiler.profile(activities=[profiler.ProfilerActivity.CPU]) as profile:
                began = time.perf_counter()
                self.step()
                self.synchronize()
                took = time.perf_counter() - began
            return took, _compiled.in_order(profile)

        if self._case.device != "cpu":
            message = (
                f"the inductor engine's account is of the host, and {self._case.device} works behind its back: --engine eager"
            )
            raise VbenchError(message)
        self.step()
        self.synchronize()
        with _quiet():
            runs = list(_layers.repeated(one))
        found = _compiled_layers.layers(self._folder, [events for _, events in runs])
        took = statistics.median(seconds for seconds, _ in runs)
        return Account(layers=tuple(found), run_s=took, runs=len(runs), profiler="torch.profiler")

    def close(self) -> None:
        """Let go of the library and its memory."""
        self._run = None
        self._inputs, self._output = [], []


class LooseSession(EagerSession):
    """Calls the module, of which PyTorch compiles what it can when it is first called, and runs the rest as it stands."""

    operators = account = None  # type: ignore[assignment]  # the pieces do not add up to an account

    def __init__(self, module: torch.nn.Module, case: Case, place: Place, pieces: Path) -> None:
        super().__init__(cast("torch.nn.Module", torch.compile(module, dynamic=False)), case, place)
        from torch._inductor import config  # noqa: PLC0415 - seconds, for the few networks that need it

        # Without frozen weights: with them nothing of the pieces could be kept.
        try:
            with _quiet(), _compiled.kept_in(pieces), config.patch(compile_threads=1):
                self.load([torch.zeros(case.batch, *case.input_shape)])
                self.step()
                self.synchronize()
        except BaseException:
            self.close()
            raise


def _compiler() -> str:
    """The C++ compiler that PyTorch would take."""
    return os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")


def _identity() -> str:
    """The compiler as a file, which every process looks at and none has to start. Raises VbenchError where there is none."""
    path = shutil.which(_compiler())
    if path is None:
        message = f"inductor needs a C++ compiler, and {_compiler()} is not here: apt install g++, or name another in CXX"
        raise VbenchError(message)
    file = Path(path).resolve()
    return f"{file} {file.stat().st_size} {file.stat().st_mtime_ns}"


def _version_of(compiler: str) -> str:
    """The first line of what the compiler says of itself."""
    try:
        return subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True).stdout.partition("\n")[0]  # noqa: S603 - as above
    except (OSError, subprocess.CalledProcessError) as error:
        message = f"inductor needs a C++ compiler, and {compiler} does not run: {error}"
        raise VbenchError(message) from None


def _processor() -> str:
    """What compiled code depends on: the processor's name and all that it can do."""
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:
        text = platform.processor()
    known = re.findall(r"^(?:model name|flags|Features)\s*:.*$", text.partition("\n\n")[0], re.MULTILINE) or [text]
    return f"{torch.backends.cpu.get_cpu_capability()} {hashlib.sha256(' '.join(known).encode()).hexdigest()[:16]}"


def _first_line(error: BaseException) -> str:
    """The kind of an error and the beginning of its text, in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:240]}"


@contextmanager
def _quiet() -> Iterator[None]:
    """Neither warnings nor log lines: what the exporter and the compiler say on their way is for their developers."""
    was = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(was)
