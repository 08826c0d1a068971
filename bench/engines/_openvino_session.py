"""A network that OpenVINO compiled, run one request at a time or many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._openvino_account import account, layers
from ._openvino_ir import runtime

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from ..core import Account, Case, Operator


class LatencySession:
    """One stream with all threads, and one request that runs in the calling thread."""

    def __init__(self, model: Any, case: Case, place: str, configuration: dict[str, Any]) -> None:
        self._case, self._place, self._configuration = case, place, configuration
        self._core = runtime().Core()
        self._model = model
        self._compiled = self._core.compile_model(model, place, configuration)
        self._arrays: list[Any] = []
        self._tensors: list[Any] = []
        self._next = 0
        self._start()

    def _start(self) -> None:
        """Make what runs the requests."""
        self._request = self._compiled.create_infer_request()
        self._run = self._request.infer
        self._bind = self._request.set_input_tensor

    def load(self, inputs: Sequence[torch.Tensor]) -> None:
        """Let the requests read the inputs where they lie, in the layout that the network was compiled for."""
        last = self._case.layout == "nhwc"
        self._arrays = [(tensor.permute(0, 2, 3, 1) if last else tensor).contiguous().numpy() for tensor in inputs]
        tensor_of = runtime().Tensor
        self._tensors = [tensor_of(array, shared_memory=True) for array in self._arrays]
        self._next = 0

    def step(self) -> None:
        """One forward pass on the next input; what it answers stays where OpenVINO wrote it."""
        tensors, index = self._tensors, self._next
        self._bind(tensors[index])
        self._run(share_outputs=True)
        self._next = index + 1 if index + 1 < len(tensors) else 0

    def synchronize(self) -> None:
        """A request that runs in the calling thread has finished."""

    def _last(self) -> Any:
        """The request that ran last."""
        return self._request

    def output(self) -> list[torch.Tensor]:
        """The last step's answers in eager's order; views that the next step writes over."""
        import torch  # noqa: PLC0415 - the parent never needs it

        request = self._last()
        return [torch.from_numpy(tensor.data) for tensor in request.output_tensors]

    def operators(self) -> tuple[Operator, ...]:
        """What the compiled network is made of, and where a run of it spends its time."""
        profiled = self._core.compile_model(self._model, self._place, self._configuration | {"PERF_COUNT": True})
        return account(profiled, self._tensors, self._case)

    def account(self) -> Account:
        """The layers of the compiled network, by its counters."""
        profiled = self._core.compile_model(self._model, self._place, self._configuration | {"PERF_COUNT": True})
        return layers(profiled, self._tensors)

    def close(self) -> None:
        """Let go of the requests and of the network."""
        for name in ("_run", "_bind", "_request", "_compiled", "_model", "_core"):
            self.__dict__.pop(name, None)
        self._tensors, self._arrays = [], []


class ThroughputSession(LatencySession):
    """As many requests in flight as OpenVINO finds best, each on the next input; nothing waits until it is asked to."""

    def _start(self) -> None:
        self._queue = runtime().AsyncInferQueue(self._compiled)
        self._requests = [self._queue[index] for index in range(len(self._queue))]
        self._latest = 0

    def step(self) -> None:
        """Hand the next input to a request that is idle, as soon as one is."""
        tensors, index, queue = self._tensors, self._next, self._queue
        self._latest = queue.get_idle_request_id()
        self._requests[self._latest].set_input_tensor(tensors[index])
        queue.start_async()
        self._next = index + 1 if index + 1 < len(tensors) else 0

    def synchronize(self) -> None:
        """Wait until every request has finished."""
        self._queue.wait_all()

    def _last(self) -> Any:
        self._queue.wait_all()
        return self._requests[self._latest]

    def close(self) -> None:
        """Wait for what is in flight, and let go of it."""
        if (queue := self.__dict__.pop("_queue", None)) is not None:
            queue.wait_all()
        self._requests = []
        super().close()
