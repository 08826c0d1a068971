"""An engine that quantises by rounding and back, and networks of which one layer, or a value, is not fit for eight bits."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import torch
from torch import nn

from vbench import architecture, engine
from vbench.core import Operator
from vbench.sensitivity import observed, quantised

MACS = {"stem": 3 * 4 * 9 * 64, "odd": 4 * 8 * 64, "head": 8 * 10}


class Outlier(nn.Module):
    """A channel of the second layer's input is 1000 times as large as the others, and its weights as much smaller."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.odd = nn.Conv2d(4, 8, 1, bias=False)
        self.head = nn.Linear(8, 10, bias=False)
        self.register_buffer("size", torch.tensor([1000.0, 1.0, 1.0, 1.0]).reshape(1, 4, 1, 1))
        self.odd.weight.data[:, 0] /= 1000.0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.odd(self.stem(x).relu() * self.size).relu().mean((2, 3)))


@architecture("odd/outlier", input=(3, 8, 8))
def outlier(classes: int = 10) -> nn.Module:
    del classes
    return Outlier()


@architecture("odd/nan", input=(3, 8, 8))
def nan(classes: int = 10) -> nn.Module:
    del classes
    network = Outlier()
    network.odd.weight.data[0, 0] = float("nan")
    return network


class _Session:
    def __init__(self, module: nn.Module, kept: ExitStack, left: tuple[str, ...]) -> None:
        self._module, self._kept, self._left = module, kept, left
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

    def operators(self) -> list[Operator]:
        return [
            Operator(kind="convolution", precision="fp32" if path in self._left else "int8", macs=macs, seconds=1e-6)
            for path, macs in MACS.items()
        ]

    def close(self) -> None:
        self._kept.close()


@engine("mimic")
class Mimic:
    """Int8 on the processor, of every layer that it may quantise."""

    exports = True

    def version(self) -> str:
        return "1"

    def skip(self, case: Any) -> str | None:
        return None if (case.device, case.precision) == ("cpu", "int8") else "the mimic engine has int8 on the cpu only"

    def prepare(self, module: Any, case: Any, preparation: Any) -> _Session:
        ranges = observed(module, preparation.pictures().split(case.batch))
        kept = ExitStack()
        for path, seen in ranges.items():
            if path not in preparation.full_precision:
                kept.enter_context(quantised(module.get_submodule(path), seen))
        return _Session(module, kept, preparation.full_precision)
