"""Eager PyTorch: the module as it is called, and the reference that other engines are compared with."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import torch

from .. import devices, machine, training
from ..registry import engine
from . import _account, _lacking, _layers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..core import Account, Case, Operator
    from ..devices.cuda import Cuda

# What is cast where: TF32 is fp32 whose matrix products are computed in a shorter format, by a switch of the device. Weights are
# cast once, before anything is timed; autocast would cast them again in each step, as nobody deploys a network of one precision.
_DTYPES = {"fp32": torch.float32, "tf32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_KINDS = ("cpu", "cuda", "mps", "xpu")
# As PyTorch's notes on CUDA graphs do: kernels are chosen and workspaces allocated before the capture, on a side stream.
_WARM_UP = 3
# About how many seconds a check takes, and where arithmetic is emulated.
_CHECK_S, _EMULATED_S = 3.0, 20.0
# What an x86 processor says that computes in fp16; others than x86 are not known to lack it.
_HALF = ("avx512_fp16", "amx_fp16")


@engine("eager")
class Eager:
    """The module's own forward under inference mode."""

    reference = True
    trains = True
    options = ("cold-cache", "cuda-graph")

    def version(self) -> str:
        """The version of PyTorch."""
        return str(torch.__version__)

    @staticmethod
    def check_s(case: Case) -> float:
        """About how long a check takes: a processor that has no arithmetic for fp16 computes it many times as slowly."""
        slow = case.device == "cpu" and case.precision == "fp16" and "avx2" in (has := machine.describe().features)
        return _EMULATED_S if slow and not set(_HALF) & set(has) else _CHECK_S

    def skip(self, case: Case) -> str | None:
        """Everything but int8, and TF32 where the device has it; one line for each thing that it cannot."""
        kind = case.device.partition(":")[0]
        if kind not in _KINDS:
            return f"the eager engine runs on {', '.join(_KINDS)}, not on {case.device}"
        if case.precision not in _DTYPES:
            return f"the eager engine has no {case.precision}: add --engine inductor, onnxruntime or openvino, which quantise"
        if kind == "cpu" and case.precision == "tf32":
            return "tf32 is a format of GPUs, which no processor multiplies in: leave it out, or add --device cuda"
        lacking = devices.get(case.device).lacks(case.precision)
        if lacking is not None:
            return lacking
        return _refused_options(case, kind) or (training.refused(case) if case.phase == "train" else None)

    def prepare(self, module: Any, case: Case) -> EagerSession | training.TrainSession:
        """Switch to evaluation, move the weights to the device, and put them into the precision and the layout asked for."""
        if case.phase == "train":
            return training.prepare(module, case)
        place = Place(case)
        module = module.eval().to(place.target, place.dtype)
        if case.layout == "nhwc":
            module = module.to(memory_format=torch.channels_last)
        return GraphSession(module, case, place) if _has(case, "cuda-graph") else EagerSession(module, case, place)


def _has(case: Case, option: str) -> bool:
    return (option, "on") in case.engine_options


def _refused_options(case: Case, kind: str) -> str | None:
    """Why a mode that was asked for does not exist here."""
    graph, cold = _has(case, "cuda-graph"), _has(case, "cold-cache")
    if graph and kind != "cuda":
        return f"CUDA graphs are CUDA's, and {case.device} has none: leave out --cuda-graph, or add --device cuda"
    if cold and kind != "cuda":
        return f"only CUDA's L2 cache can be emptied, and not that of {case.device}: leave out --cold-cache, or add --device cuda"
    if cold and (case.scenario != "single-stream" or case.phase == "train"):
        what = "a training step" if case.phase == "train" else f"--scenario {case.scenario}"
        return (
            f"a cache is emptied between the requests of a single stream, and {what} has no such moment: leave out --cold-cache"
        )
    return None


class Place:
    """Where a case's tensors live, and how to wait for the work on them."""

    def __init__(self, case: Case) -> None:
        self.device = devices.get(case.device)
        self.target = self.device.target()
        self.dtype = _DTYPES[case.precision]
        self.layout = torch.channels_last if case.layout == "nhwc" else torch.contiguous_format
        self.flush: Callable[[], None] | None = cast("Cuda", self.device).flush if _has(case, "cold-cache") else None
        self.wait = self._wait()

    def _wait(self) -> Callable[[], None]:
        """Wait for the queue that this session submits to, and not for those of other sessions on the same device."""
        kind = self.target.partition(":")[0]
        if kind not in {"cuda", "xpu"}:
            return self.device.synchronize
        wait: Callable[[], None] = getattr(torch, kind).current_stream(self.target).synchronize
        return wait

    def put(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor on the device, in the case's precision (where it holds no whole numbers) and layout."""
        dtype = self.dtype if tensor.is_floating_point() else tensor.dtype
        return tensor.to(self.target, dtype).contiguous(memory_format=self.layout)


class EagerSession:
    """Calls the module on the inputs in rotation; they are on the device before anything is timed."""

    def __init__(self, module: torch.nn.Module, case: Case, place: Place) -> None:
        self._tf32 = case.precision == "tf32"
        self._module: Any = module
        self._place = place
        self.synchronize = place.wait
        self.flush = place.flush
        self._inputs: list[torch.Tensor] = []
        self._next = 0
        self._output: Any = None
        self.notes: dict[str, str] = {}
        # Entered once and not in each step, so that the timed region holds the forward call and nothing else.
        self._mode = torch.inference_mode()
        self._mode.__enter__()

    def load(self, inputs: Sequence[torch.Tensor]) -> None:
        """Put the inputs where the module is, as it wants them."""
        self._inputs = [self._place.put(tensor) for tensor in inputs]
        self._next = 0

    def step(self) -> None:
        """One forward pass on the next input."""
        inputs, index = self._inputs, self._next
        try:
            self._output = self._module(inputs[index])
        except RuntimeError as error:
            self._output = self._without(error, inputs[index])
        self._next = index + 1 if index + 1 < len(inputs) else 0

    def _without(self, error: RuntimeError, given: torch.Tensor) -> Any:
        """The answer with those layers in fp32 that have no kernel in the precision; they stay so. Raises what else failed."""
        found = _lacking.kept(self._module, lambda: self._module(given), error, self._place.dtype)
        kernels = ", ".join(dict.fromkeys(found.values()))
        self.notes["full_precision"] = f"{', '.join(found)}: PyTorch has no {kernels} in {str(self._place.dtype)[6:]} here"
        return self._module(given)

    def output(self) -> Any:
        """What the last step returned."""
        return self._output

    def operators(self) -> tuple[Operator, ...]:
        """What PyTorch dispatches in one call of the module, each operator timed on its own."""
        return _account.of_module(self._module, self._inputs[0], wait=self.synchronize, tf32=self._tf32)

    def account(self) -> Account:
        """The layers of a call of the module, timed by torch's profiler."""
        return _layers.account(self._module, self._inputs, wait=self.synchronize, tf32=self._tf32)

    def close(self) -> None:
        """Leave inference mode and let go of the module."""
        self._mode.__exit__(None, None, None)
        self._module = self._output = None
        self._inputs = []


class GraphSession(EagerSession):
    """Replays a CUDA graph of the forward pass instead of submitting its kernels one by one.

    A graph reads its input where it was captured. A step copies the next input there, from the device to the device, and
    replays: the copy is part of the request, since whoever deploys a graph has to make it too.
    """

    account = None  # type: ignore[assignment]  # what a call of the module takes is what a graph spares

    def __init__(self, module: torch.nn.Module, case: Case, place: Place) -> None:
        super().__init__(module, case, place)
        self._static: Any = None
        self._graph: Any = None
        try:
            self._capture(module, case, place)
        except BaseException:
            # Whoever goes on without this session must find no inference mode and no half of a graph. What fails on the way,
            # on a device that has just failed, is no news.
            with suppress(Exception):
                self.close()
            raise

    def _capture(self, module: torch.nn.Module, case: Case, place: Place) -> None:
        """Run the module until its kernels are chosen, and then once for the record."""
        self._static = place.put(torch.zeros(case.batch, *case.input_shape))
        side = torch.cuda.Stream(device=place.target)
        side.wait_stream(torch.cuda.current_stream(place.target))
        with torch.cuda.stream(side):
            for _ in range(_WARM_UP):
                module(self._static)
        torch.cuda.current_stream(place.target).wait_stream(side)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._output = module(self._static)

    def step(self) -> None:
        """Copy the next input to where the graph reads it, and replay."""
        inputs, index = self._inputs, self._next
        self._static.copy_(inputs[index])
        self._graph.replay()
        self._next = index + 1 if index + 1 < len(inputs) else 0

    def close(self) -> None:
        """Give back the graph with the memory that it holds; inference mode is left whatever the device says to that."""
        try:
            self.synchronize()
            if self._graph is not None:
                self._graph.reset()
        finally:
            self._graph = self._static = None
            super().close()
