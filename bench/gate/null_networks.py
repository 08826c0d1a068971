"""The networks of the null control: one is bound by arithmetic and one by memory."""

from __future__ import annotations

from torch import nn

from ..registry import architecture
from .nulls import SHAPES


@architecture("null/arithmetic", input=SHAPES["null/arithmetic"])
def arithmetic(classes: int = 1000) -> nn.Module:
    """Convolutions of 64 channels: some hundred multiplications for every value that is read."""
    convolutions = [nn.Conv2d(64, 64, 3, padding=1, bias=False) for _ in range(4)]
    return nn.Sequential(*convolutions, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, classes))


@architecture("null/memory", input=SHAPES["null/memory"])
def memory(classes: int = 1000) -> nn.Module:
    """One operation per value, over 13 MB of them."""
    return nn.Sequential(nn.Hardswish(), nn.Hardtanh(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, classes))
