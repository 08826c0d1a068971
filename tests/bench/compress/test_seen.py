"""What a criterion can see of a network's channels, and what is said of those that it cannot see or tell apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from vbench import compress
from vbench.compress._building import Smaller
from vbench.core import Architecture, Source
from vbench.errors import VbenchError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

compress.load_builtin()


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VBENCH_CACHE", str(tmp_path / "cache"))


def _conv(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


def _architecture(make: Callable[[], nn.Module], shape: tuple[int, ...] = (3, 8, 8)) -> Architecture:
    return Architecture(name="a/b", build=make, source=Source(kind="module", value="m"), input=shape)


class Functional(nn.Module):
    """Its channels are made by a layer and read by a function, which no hook sees."""

    def __init__(self) -> None:
        super().__init__()
        self.make = nn.Conv2d(3, 8, 1)
        self.weight = nn.Parameter(torch.randn(4, 8, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.conv2d(torch.relu(self.make(x)), self.weight).mean((2, 3))


def test_what_a_criterion_cannot_see_is_said() -> None:
    Smaller(_architecture(Functional), "l1-filter:0.5", seed=0, verify=True)()
    for criterion in ("apoz", "taylor"):
        with pytest.raises(VbenchError, match="no layer that could be watched reads any"):
            Smaller(_architecture(Functional), f"{criterion}:0.5:data=noise", seed=0)()

    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Sequential(_conv(3, 6), nn.Conv2d(6, 3, 1)), Functional()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.second(self.first(x))

    notes: dict[str, str] = {}
    Smaller(_architecture(Both), "mean-activation:0.5:data=noise", seed=0, verify=True).take(notes)
    assert notes["mean-activation unseen"].startswith("the channels of 1 layer stay: no layer")


def test_channels_that_are_never_zero_are_said_to_tie() -> None:
    def make() -> nn.Module:
        return nn.Sequential(nn.Conv2d(3, 6, 1), nn.Sigmoid(), nn.Conv2d(6, 4, 1), nn.ReLU(), nn.Conv2d(4, 2, 1), nn.Flatten(2))

    notes: dict[str, str] = {}
    smaller: Any = Smaller(_architecture(make), "apoz:0.5:data=noise", seed=0, verify=True).take(notes)
    assert notes["apoz tied"] == "in 1 layer all channels score the same, and the first go"
    assert smaller[0].out_channels == 3


class Turning(nn.Linear):
    """Takes maps with their channels first, and turns them itself."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


def test_a_layer_that_turns_its_input_is_not_watched_along_the_wrong_dimension() -> None:
    def make() -> nn.Module:
        return nn.Sequential(_conv(3, 8), Turning(8, 6), nn.ReLU(), nn.Conv2d(6, 4, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())

    for shape in ((3, 8, 8), (3, 6, 6)):  # once as many columns as channels
        notes: dict[str, str] = {}
        smaller: Any = Smaller(_architecture(make, shape), "apoz:0.5:data=noise", seed=0, verify=True).take(notes)
        assert (smaller[0][0].out_channels, smaller[1].out_features) == (8, 3)
        assert notes["apoz unseen"].startswith("the channels of 1 layer stay")
