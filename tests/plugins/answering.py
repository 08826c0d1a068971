"""Networks whose accuracy is known: the class is the brightest channel. One is slow, one dies, one answers more classes."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import torch
from torch import nn

from vbench import Accuracy, architecture

# Blue, green and red, as folders of these names are sorted.
WEIGHT = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))


class Brightest(nn.Module):
    """The mean of each channel, and a linear layer that puts them in the order of the classes."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.last = nn.Linear(3, classes)

    def forward(self, x: torch.Tensor) -> Any:
        return self.last(x.mean((2, 3)))


class Slow(Brightest):
    """Takes a tenth of a second for each batch."""

    def forward(self, x: torch.Tensor) -> Any:
        time.sleep(0.0 if x.is_meta else 0.1)
        return super().forward(x)


class Dies(Brightest):
    """Its process dies at the third batch, once: the file that is named in the environment remembers."""

    def forward(self, x: torch.Tensor) -> Any:
        self.batches = getattr(self, "batches", 0) + 1
        died = os.environ["DIED"]
        if not x.is_meta and self.batches > 2 and not os.path.exists(died):  # noqa: PTH110 - as short as it can be
            open(died, "w").close()  # noqa: PTH123 - as above
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(x)


def _declare(name: str, kind: Any, **facts: Any) -> None:
    def build(classes: int = 3) -> nn.Module:
        return kind(classes)  # type: ignore[no-any-return]

    architecture(f"answering/{name}", input=(3, 16, 16), **facts)(build)


_declare("brightest", Brightest, accuracy=[Accuracy(source="nobody", protocol="made up", top1=99.0)])
_declare("slow", Slow)
_declare("dies", Dies)
_declare("task", Brightest, task="keypoints")
