"""Eager PyTorch: the module as it is called, and the reference that other engines are compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from ..registry import engine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..core import Case


@engine("eager")
class Eager:
    """The module's own forward under inference mode."""

    reference = True

    def version(self) -> str:
        """The version of PyTorch."""
        return str(torch.__version__)

    def skip(self, case: Case) -> str | None:
        """It measures fp32 so far; the other precisions come with the engines that deploy them."""
        if case.device != "cpu":
            return f"the eager engine runs on the cpu in this version, not on {case.device}"
        if case.precision != "fp32":
            return f"the eager engine measures fp32 in this version, not {case.precision}"
        return None

    def prepare(self, module: Any, case: Case) -> EagerSession:
        """Switch to evaluation and put the weights into the layout asked for."""
        module = module.eval()
        if case.layout == "nhwc":
            module = module.to(memory_format=torch.channels_last)
        return EagerSession(module, case)


class EagerSession:
    """Calls the module on the inputs in rotation."""

    def __init__(self, module: torch.nn.Module, case: Case) -> None:
        self._module: Any = module
        self._layout = torch.channels_last if case.layout == "nhwc" else torch.contiguous_format
        self._inputs: list[torch.Tensor] = []
        self._next = 0
        self._output: Any = None
        # Entered once and not in each step, so that the timed region holds the forward call and nothing else.
        self._mode = torch.inference_mode()
        self._mode.__enter__()

    def load(self, inputs: Sequence[torch.Tensor]) -> None:
        """Put the inputs into the case's layout."""
        self._inputs = [tensor.contiguous(memory_format=self._layout) for tensor in inputs]
        self._next = 0

    def step(self) -> None:
        """One forward pass on the next input."""
        inputs, index = self._inputs, self._next
        self._output = self._module(inputs[index])
        self._next = index + 1 if index + 1 < len(inputs) else 0

    def synchronize(self) -> None:
        """Calls on the processor return when they are done."""

    def output(self) -> Any:
        """What the last step returned."""
        return self._output

    def close(self) -> None:
        """Leave inference mode and let go of the module."""
        self._mode.__exit__(None, None, None)
        self._module = self._output = None
        self._inputs = []
