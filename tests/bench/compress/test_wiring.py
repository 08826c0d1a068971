"""Structured pruning: what is left answers as the whole network with the same channels read as zeros, however it is wired."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from vbench.compress import _building, _surgery, filters
from vbench.core import Architecture, Source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VBENCH_CACHE", str(tmp_path / "cache"))


def _conv(inputs: int, outputs: int, size: int = 3, **more: Any) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, padding=size // 2, **more), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class Wired(nn.Module):
    """Two convolutions, what is between them, and a head; `middle` says how many channels come out of what is between."""

    def __init__(self, between: nn.Module, channels: int = 12, middle: int | None = None) -> None:
        super().__init__()
        self.stem = _conv(3, channels)
        self.between = between
        self.last = _conv(middle or channels, 10)
        self.head = nn.Linear(10, 7)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.last(self.between(self.stem(x))).mean((2, 3)))


class Residual(nn.Module):
    def __init__(self, channels: int = 12) -> None:
        super().__init__()
        self.body = nn.Sequential(_conv(channels, 8), nn.Conv2d(8, channels, 3, padding=1), nn.BatchNorm2d(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(x + self.body(x))


class Concatenated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = _conv(12, 6, 1), _conv(12, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat((self.one(x), x, self.two(x)), 1)


class Shuffled(nn.Module):
    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups
        self.one, self.two = _conv(12, 12, 1, groups=groups), _conv(12, 12, groups=12)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.one(x)
        n, c, h, w = y.shape
        return self.two(y.view(n, self.groups, c // self.groups, h, w).transpose(1, 2).reshape(n, c, h, w))


class Halves(nn.Module):
    """The unit of ShuffleNet v2."""

    def __init__(self) -> None:
        super().__init__()
        self.way = nn.Sequential(_conv(6, 6, 1), _conv(6, 6, groups=6), _conv(6, 6, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        one, two = x.chunk(2, 1)
        y = torch.cat((one, self.way(two)), 1)
        n, c, h, w = y.shape
        return y.view(n, 2, c // 2, h, w).transpose(1, 2).flatten(1, 2)


class Excited(nn.Module):
    """Squeeze and excitation, with an activation that does not map 0 to 0 in its middle."""

    def __init__(self) -> None:
        super().__init__()
        self.squeeze, self.excite = nn.Linear(12, 6), nn.Linear(6, 12)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gate = torch.sigmoid(self.excite(torch.sigmoid(self.squeeze(x.mean((2, 3))))))
        return x * gate[:, :, None, None]


class Attended(nn.Module):
    """One map weighs all channels, spread over them or not."""

    def __init__(self, *, spread: bool) -> None:
        super().__init__()
        self.map, self.spread = nn.Conv2d(12, 1, 3, padding=1), spread

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gate = torch.sigmoid(self.map(x))
        return x * (gate.expand_as(x) if self.spread else gate)


class Sizes(nn.Module):
    """Knows how many channels it gets."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(-1, 12, 4, 2, 8).flatten(2, 3)


class Flat(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = _conv(3, 8)
        self.fc = nn.Sequential(nn.Linear(8 * 4 * 4, 20), nn.ReLU(), nn.Dropout(), nn.Linear(20, 6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(functional.max_pool2d(self.stem(x), 2).flatten(1))


class Shared(nn.Module):
    """One convolution that runs twice, on what it made itself."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(12, 12, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(torch.relu(self.conv(x)))


class Unpooled(nn.Module):
    """ENet's way back: the places come from one map, and the values from another."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv2d(12, 12, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        small, places = functional.max_pool2d(x, 2, return_indices=True)
        return functional.max_unpool2d(self.body(small), places, 2)


class Widened(nn.Module):
    """A shortcut that adds maps of zeros, as the residual networks without projections have it."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv2d(12, 16, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x) + functional.pad(x, (0, 0, 0, 0, 0, 4))


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v = (nn.Conv2d(12, size, 1) for size in (6, 6, 12))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (layer(x).flatten(2) for layer in (self.q, self.k, self.v))
        weights = torch.softmax(q.transpose(1, 2) @ k, -1)
        return (v @ weights.transpose(1, 2)).view_as(x)


WIRINGS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    # How it is wired, and of how many layers something must go at one half.
    "plain": (lambda: Wired(_conv(12, 12)), 3),
    "residual": (lambda: Wired(nn.Sequential(Residual(), Residual())), 6),
    "concatenated": (lambda: Wired(Concatenated(), middle=28), 4),
    "depthwise": (lambda: Wired(nn.Sequential(_conv(12, 12, groups=12), _conv(12, 12, 1))), 4),
    "multiplied": (lambda: Wired(nn.Conv2d(12, 24, 3, padding=1, groups=12), middle=24), 3),
    "grouped": (lambda: Wired(nn.Sequential(_conv(12, 24, groups=3), _conv(24, 12, 1))), 4),
    "shuffled": (lambda: Wired(Shuffled(3)), 4),
    "halves": (lambda: Wired(nn.Sequential(Halves(), Halves())), 8),
    "excited": (lambda: Wired(Excited()), 4),
    "attended": (lambda: Wired(Attended(spread=False)), 2),
    "spread": (lambda: Wired(Attended(spread=True)), 2),
    "flat": (Flat, 2),
    "prelu": (lambda: Wired(nn.Sequential(nn.PReLU(12), nn.PReLU())), 2),
    "swish": (lambda: Wired(nn.Sequential(nn.Conv2d(12, 16, 1), nn.Hardswish(), nn.Conv2d(16, 12, 1), nn.Hardsigmoid())), 4),
    "transposed": (lambda: Wired(nn.ConvTranspose2d(12, 8, 2, 2), middle=8), 3),
    "upsampled": (lambda: Wired(nn.Upsample(scale_factor=2, mode="bilinear")), 2),
    "pixels": (lambda: Wired(nn.Sequential(nn.Conv2d(12, 48, 1), nn.PixelShuffle(2))), 3),
    "padded": (lambda: Wired(nn.Sequential(nn.ReflectionPad2d(1), nn.ZeroPad2d(1))), 2),
    "shared": (lambda: Wired(Shared()), 3),
    "attention": (lambda: Wired(Attention()), 5),
    "unpooled": (lambda: Wired(Unpooled()), 3),
    "widened": (lambda: Wired(Widened(), middle=16), 3),
    "response": (lambda: Wired(nn.LocalResponseNorm(5)), 1),
    "layer norm": (lambda: Wired(nn.GroupNorm(1, 12)), 1),
    "sizes": (lambda: Wired(Sizes()), 1),
}


def _architecture(make: Callable[[], nn.Module], shape: tuple[int, ...] = (3, 8, 8), **more: Any) -> Architecture:
    return Architecture(name="a/b", build=make, source=Source(kind="module", value="m"), input=shape, **more)


def _weights(module: nn.Module) -> nn.Module:
    """Nothing is an identity or zero by chance: norms and biases are those of a network that learned."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, tensor in (*module.named_parameters(), *module.named_buffers()):
            if tensor.is_floating_point():
                tensor.copy_(torch.randn(tensor.shape, generator=generator) * (0.3 if tensor.dim() > 1 else 0.5))
                if name.endswith("running_var"):
                    tensor.abs_().add_(0.5)
    return module.eval()


def _plan(module: nn.Module, shape: tuple[int, ...]) -> _surgery.Cut:
    task = _building.Task(_architecture(list, shape), 0)
    return filters.L1().plan(module, task, {"ratio": 0.5, "global": False, "round": 1})


@pytest.mark.parametrize("wiring", WIRINGS)
def test_what_is_left_answers_as_it_must(wiring: str) -> None:
    make, layers = WIRINGS[wiring]
    module = _weights(make())
    before = sum(parameter.numel() for parameter in module.parameters())
    whole = _weights(make())
    plan = _plan(module, (3, 8, 8))
    smaller = _surgery.remove(module, plan)
    assert sum(bool(one.gone) for one in plan.layers) == layers
    assert sum(parameter.numel() for parameter in smaller.parameters()) < before
    x = torch.randn(2, 3, 8, 8)
    assert _building.difference(_weights(make()), _weights(make()), x) == 0
    apart = _building.difference(whole, smaller, x)
    assert apart > 1e-3, "the whole network answers the same: nothing that matters was taken out"
    assert _building.difference(_surgery.zeroed(whole, plan), smaller, x) < filters.TOLERANCE
    for part in smaller.modules():
        if isinstance(part, nn.Conv2d):
            assert part.weight.shape[:2] == (part.out_channels, part.in_channels // part.groups)
        elif isinstance(part, nn.Linear):
            assert part.weight.shape == (part.out_features, part.in_features)
        elif isinstance(part, nn.BatchNorm2d):
            assert {tensor.numel() for tensor in (part.weight, part.bias, part.running_mean)} == {part.num_features}


def _residual(channels: int) -> tuple[nn.Module, int]:
    return Residual(channels), channels


def _doubled(channels: int) -> tuple[nn.Module, int]:
    return Doubled(channels), 2 * channels


class Doubled(nn.Module):
    """What comes in, beside what a convolution makes of it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.way = _conv(channels, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat((self.way(x), x), 1)


PARTS: list[Callable[[int], tuple[nn.Module, int]]] = [
    lambda channels: (_conv(channels, 12), 12),
    lambda channels: (_conv(channels, channels, groups=channels), channels),
    lambda channels: (_conv(channels, 24, groups=3), 24),
    lambda channels: (nn.ChannelShuffle(3), channels),
    lambda channels: (nn.AvgPool2d(3, 1, 1), channels),
    lambda channels: (nn.Sequential(nn.Conv2d(channels, 12, 1), nn.Hardswish()), 12),
    _residual,
    _doubled,
]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.integers(0, len(PARTS) - 1), min_size=1, max_size=6), ratio=st.sampled_from((0.25, 0.5, 0.75)))
def test_any_wiring_of_these_is_pruned_right(parts: list[int], ratio: float) -> None:
    def make() -> nn.Module:
        torch.manual_seed(0)
        layers: list[nn.Module] = [_conv(3, 12)]
        channels = 12
        for number in parts:
            layer, channels = PARTS[number](channels)
            layers.append(layer)
        return nn.Sequential(*layers, _conv(channels, 6, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4))

    module, whole = _weights(make()), _weights(make())
    task = _building.Task(_architecture(list, (3, 6, 6)), 0)
    plan = filters.L1().plan(module, task, {"ratio": ratio, "global": False, "round": 1})
    smaller = _surgery.remove(module, plan)
    assert plan.removed > 0
    assert _building.difference(_surgery.zeroed(whole, plan), smaller, torch.randn(2, 3, 6, 6)) < filters.TOLERANCE
