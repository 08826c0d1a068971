"""A network that can be pruned and trained in a second, and one of which each step takes a tenth of a second."""

from __future__ import annotations

import time

import torch
from torch import nn

from vbench import architecture


class Pause(nn.Module):
    """Waits where the network is trained."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        time.sleep(0.1 if self.training and not x.is_meta else 0.0)
        return x


def net(classes: int = 3, *, slow: bool = False) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(),
        Pause() if slow else nn.Identity(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, classes),
    )  # fmt: skip


@architecture("tunable/small", input=(3, 16, 16))
def small(classes: int = 3) -> nn.Module:
    return net(classes)


@architecture("tunable/slow", input=(3, 16, 16))
def slow(classes: int = 3) -> nn.Module:
    return net(classes, slow=True)
