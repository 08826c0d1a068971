"""The modules of `wrappers`: a network on its input at other scales."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAP = 4  # dimensions of a batch of maps


class Upsampled(nn.Module):
    """The network's answer to its input enlarged (or made smaller) by a factor, bilinearly."""

    def __init__(self, network: nn.Module, factor: float) -> None:
        super().__init__()
        self.network = network
        self.factor = factor

    def forward(self, x: torch.Tensor) -> Any:
        """Map `(batch, channels, height, width)` to what the network makes of a picture `factor` times as large."""
        return self.network(_resized(x, self.factor))


class MultiScale(nn.Module):
    """The mean of the network's answers to its input at several scales, one pass each.

    Answers that are maps are brought to the size of the one at the scale nearest to 1, bilinearly, before they are averaged.
    Tuples and lists are averaged member by member.
    """

    def __init__(self, network: nn.Module, scales: Sequence[float]) -> None:
        super().__init__()
        self.network = network
        self.scales = tuple(scales)
        self._reference = min(range(len(self.scales)), key=lambda index: abs(self.scales[index] - 1))

    def forward(self, x: torch.Tensor) -> Any:
        """Keep the shape of the network's answer at the scale nearest to 1."""
        answers = [self.network(_resized(x, scale)) for scale in self.scales]
        return self._mean(answers)

    def _mean(self, answers: list[Any]) -> Any:
        reference = answers[self._reference]
        if isinstance(reference, (tuple, list)):
            return type(reference)(self._mean([answer[index] for answer in answers]) for index in range(len(reference)))
        if reference.dim() == _MAP:
            answers = [_to(answer, reference.shape[2:]) for answer in answers]
        return torch.stack(answers).mean(dim=0)


def _resized(x: torch.Tensor, factor: float) -> torch.Tensor:
    height, width = (max(1, round(side * factor)) for side in x.shape[2:])
    return _to(x, (height, width))


def _to(x: torch.Tensor, sides: Sequence[int]) -> torch.Tensor:
    if tuple(x.shape[2:]) == tuple(sides):
        return x
    return functional.interpolate(x, size=tuple(sides), mode="bilinear", align_corners=False)
