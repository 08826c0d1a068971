"""A small network with a layer of most kinds, an engine that accounts for made-up layers, and engines that do not."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from vbench import architecture, engine
from vbench.core import Account, Case, Layer

SECONDS = {"one": 4e-3, "two": 1e-3, "three": None}


@architecture("tiny/kinds", input=(8, 16, 16))
def tiny(classes: int = 10) -> nn.Module:
    """Every number of it is small, and every kind of product is there."""
    return nn.Sequential(
        nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1, groups=16),
        nn.Conv2d(16, 32, 1, groups=4), nn.Conv2d(32, 16, 1), nn.MaxPool2d(2), nn.Conv2d(16, 8, (1, 5)), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(8, classes),
    )  # fmt: skip


class _Session:
    """Calls the module."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module.eval()
        self._inputs: list[torch.Tensor] = []
        self._next, self._output = 0, None

    def load(self, inputs: Any) -> None:
        self._inputs, self._next = list(inputs), 0

    def step(self) -> None:
        with torch.inference_mode():
            self._output = self._module(self._inputs[self._next])
        self._next = (self._next + 1) % len(self._inputs)

    def synchronize(self) -> None:
        return

    def output(self) -> Any:
        return self._output

    def close(self) -> None:
        return


class _Told(_Session):
    def account(self) -> Account:
        layers = tuple(
            Layer(path=path, operator="made up", kind="1x1", precision="fp32", macs=1000, bytes=100, seconds=seconds)
            for path, seconds in SECONDS.items()
        )
        return Account(layers=layers, run_s=6e-3, runs=3, profiler="a made-up profiler")


class _Untimed(_Session):
    def account(self) -> Account:
        return Account(layers=(Layer(operator="made up", kind="1x1", precision="fp32"),), run_s=6e-3, runs=3, profiler="none")


class _Wrong(_Told):
    def output(self) -> Any:
        return -self._output if self._output is not None else None


class _Engine:
    session: type[_Session] = _Session

    def version(self) -> str:
        return "1"

    def skip(self, case: Case) -> str | None:
        return None if case.precision == "fp32" else f"this engine has no {case.precision}"

    def prepare(self, module: nn.Module, case: Case) -> _Session:
        del case
        return self.session(module)


@engine("teller")
class Teller(_Engine):
    """Says what its layers take."""

    session = _Told


@engine("silent")
class Silent(_Engine):
    """Says nothing of its layers."""


@engine("untimed")
class Untimed(_Engine):
    """Knows its layers and not their times."""

    session = _Untimed


@engine("liar")
class Liar(_Engine):
    """Answers something else than the network."""

    session = _Wrong


@engine("absent")
class Absent(_Engine):
    """Is not installed."""

    def version(self) -> str:
        message = "absent is not installed: pip install absent"
        raise ImportError(message)
