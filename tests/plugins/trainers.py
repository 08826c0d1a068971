"""Engines that leave something out of a training step, one that does not, and networks to train."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from vbench import architecture, engine
from vbench.training import DECAY, MOMENTUM, RATE, TrainSession


class Small(nn.Module):
    """All that differs between training and inference: batch norm, dropout, and an auxiliary head."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.aux = nn.Linear(8, classes)
        self.body = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Dropout(0.5))
        self.head = nn.Linear(8 * 8 * 8, classes)

    def forward(self, x: torch.Tensor) -> Any:
        x = self.stem(x)
        main = self.head(self.body(x))
        return (main, self.aux(x.mean((2, 3)))) if self.training else main


class Pooled(nn.Module):
    """Batch norm after global pooling: a single value per channel when a batch holds one image."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm, self.head = nn.Conv2d(3, 8, 3), nn.BatchNorm1d(8), nn.Linear(8, 10)

    def forward(self, x: torch.Tensor) -> Any:
        return self.head(self.norm(self.stem(x).mean((2, 3))))


architecture("train/small", input=(3, 8, 8))(lambda classes=10: Small(classes))
architecture("train/pooled", input=(3, 8, 8))(lambda classes=10: Pooled())
architecture("train/nothing", input=(3, 8, 8))(lambda classes=10: nn.Flatten())


class _Engine:
    trains = True
    step: Any = None

    def version(self) -> str:
        return "1"

    def skip(self, case: Any) -> str | None:
        return None if case.device == "cpu" else "cpu only"

    def prepare(self, module: Any, case: Any) -> Any:
        session = TrainSession(module, case, place=lambda tensor: tensor)
        return self.change(session, module) or session

    def change(self, session: Any, module: Any) -> Any:
        """Make the session a liar."""


@engine("train-honest")
class Honest(_Engine):
    """Takes the step."""


@engine("train-forward")
class Forward(_Engine):
    """Leaves out the backward pass and the update."""

    def change(self, session: Any, module: Any) -> None:
        def step() -> None:
            session._forward()
            session._output = tuple(part.detach() for part in session._output)

        session.step = step


@engine("train-gradients")
class Gradients(_Engine):
    """Leaves out the update."""

    def change(self, session: Any, module: Any) -> None:
        session._optimizer.step = lambda: None


@engine("train-zero")
class Zero(_Engine):
    """Makes an update of nothing."""

    def change(self, session: Any, module: Any) -> None:
        session._optimizer = torch.optim.SGD(module.parameters(), lr=0.0, momentum=MOMENTUM, weight_decay=DECAY)


@engine("train-light")
class Light(_Engine):
    """Leaves out the momentum, and the memory that it takes."""

    def change(self, session: Any, module: Any) -> None:
        session._optimizer = torch.optim.SGD(module.parameters(), lr=RATE, weight_decay=DECAY)


@engine("train-last")
class Last(_Engine):
    """Updates the last layer only."""

    def change(self, session: Any, module: Any) -> None:
        session._optimizer = torch.optim.SGD(module.head.parameters(), lr=RATE, momentum=MOMENTUM, weight_decay=DECAY)
        session._clear = module.zero_grad


@engine("train-frozen")
class Frozen(_Engine):
    """Keeps the first layers from getting gradients."""

    def prepare(self, module: Any, case: Any) -> Any:
        module.stem.requires_grad_(requires_grad=False)
        session = super().prepare(module, case)
        module.stem.requires_grad_(requires_grad=True)
        return session

    def change(self, session: Any, module: Any) -> None:
        inner = session.step

        def step() -> None:
            module.stem.requires_grad_(requires_grad=False)
            inner()
            module.stem.requires_grad_(requires_grad=True)

        session.step = step


@engine("train-calm")
class Calm(_Engine):
    """Trains in inference mode of batch norm and dropout."""

    def change(self, session: Any, module: Any) -> None:
        module.stem.eval()
        module.body.eval()


@engine("train-never")
class Never(_Engine):
    """Says nothing about training."""

    trains = False
