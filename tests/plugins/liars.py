"""Engines whose answers must not be believed, however fast they come, and one that is honest."""

from __future__ import annotations

from typing import Any

import torch

from vbench import engine


class _Session:
    def __init__(self, module: Any, answer: Any) -> None:
        self._module, self._answer = module, answer
        self._inputs: list[torch.Tensor] = []
        self._next = 0
        self._output: Any = None

    def load(self, inputs: Any) -> None:
        self._inputs, self._next = list(inputs), 0

    def step(self) -> None:
        with torch.inference_mode():
            self._output = self._answer(self._module, self._inputs[self._next])
        self._next = (self._next + 1) % len(self._inputs)

    def synchronize(self) -> None:
        return

    def output(self) -> Any:
        return self._output

    def close(self) -> None:
        return


class _Engine:
    answer: Any = None

    def version(self) -> str:
        return "1"

    def skip(self, case: Any) -> str | None:
        return None if case.device == "cpu" else "cpu only"

    def prepare(self, module: Any, case: Any) -> _Session:
        del case
        return _Session(module, type(self).answer)


@engine("constant")
class Constant(_Engine):
    """Answers the same whatever it is asked."""

    answer = staticmethod(lambda module, x: torch.ones(x.shape[0], 10))


@engine("deaf")
class Deaf(_Engine):
    """Runs the network on an input of its own."""

    answer = staticmethod(lambda module, x: module(torch.ones_like(x)))


@engine("noisy")
class Noisy(_Engine):
    """Answers almost right, but not as fp32 is."""

    answer = staticmethod(lambda module, x: module(x) * (1 + 0.1 * torch.randn(x.shape[0], 10)))


@engine("honest")
class Honest(_Engine):
    """Runs the network."""

    answer = staticmethod(lambda module, x: module(x))


@engine("absent")
class Absent(_Engine):
    """A package that is not installed."""

    def version(self) -> str:
        message = "the package absent is missing: pip install absent"
        raise ImportError(message)
