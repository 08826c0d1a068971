"""The totals of a network, their second opinion, and what happens where one counter cannot follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn
from torch.utils import flop_counter

from vbench.counting import ModuleCost, count, module_table, second

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _fresh_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VBENCH_CACHE", str(tmp_path / "cache"))


def small() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(256, 10))


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.there = nn.Linear(8, 8, bias=False)
        self.back = nn.Linear(8, 8, bias=False)
        self.back.weight = self.there.weight
        self.there.weight.requires_grad_(requires_grad=False)
        self.register_buffer("scale", torch.ones(3, dtype=torch.float64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.back(self.there(x))


class Reads(nn.Module):
    """Its work depends on a value, so it has no shapes on the meta device."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x[x.abs().sum(-1) >= 0]) * x.sum().item()


class Holds(nn.Module):
    """It keeps a tensor that is neither a parameter nor a buffer, so filling an empty copy leaves it on the meta device."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 8)
        self.offset = torch.ones(8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x) + self.offset


def test_totals_by_hand() -> None:
    found = count(small, (3, 8, 8))
    assert found.params == found.trainable_params == 3 * 4 * 9 + 4 + 2 * 4 + 256 * 10 + 10
    assert found.buffers == 2 * 4 + 1
    assert found.weight_bytes == 4 * found.params + 4 * 8 + 8, "the batch counter of the norm is an int64"
    assert found.macs == found.macs_second == 64 * 4 * 27 + 256 * 10
    assert found.other_ops == 2 * 256
    assert found.activations == 256 + 10
    assert found.operators["aten.addmm"] == 1
    assert (found.uncounted_ops, found.method, found.notes) == ({}, "meta", ())


def test_tied_weights_count_once_and_frozen_ones_apart() -> None:
    found = count(Tied, (8,))
    assert (found.params, found.trainable_params, found.buffers) == (64, 0, 3)
    assert found.weight_bytes == 64 * 4 + 3 * 8
    assert found.macs == found.macs_second == 128, "tied weights still work twice"


def test_without_the_second_count_there_is_none() -> None:
    assert count(small, (3, 8, 8), second=False).macs_second is None


def test_a_network_that_reads_values_is_counted_on_the_cpu() -> None:
    found = count(Reads, (5, 8))
    assert found.method == "real"
    assert found.macs == found.macs_second == 5 * 64
    assert "the meta device raised" in found.notes[0]


def test_a_network_that_reads_values_while_it_is_built_is_counted_on_the_cpu() -> None:
    def build() -> nn.Module:
        return nn.Linear(8, int(torch.linspace(1, 4, 2)[1].item()))

    found = count(build, (8,))
    assert (found.method, found.macs, found.macs_second) == ("real", 32, 32)


def test_a_tensor_outside_of_the_parameters_is_no_obstacle() -> None:
    found = count(Holds, (8,))
    assert (found.method, found.macs, found.macs_second) == ("meta", 64, 64)


def test_a_broken_network_raises_its_own_error() -> None:
    with pytest.raises(RuntimeError, match=r"cannot be multiplied"):
        count(lambda: nn.Linear(3, 4), (5,))


def test_a_network_that_fvcore_cannot_follow_keeps_its_first_count(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object, __: object) -> int:
        message = "no rule\nat all"
        raise ValueError(message)

    monkeypatch.setitem(second.PRODUCTS, "aten::_convolution", fail)
    found = count(small, (3, 8, 8))
    assert (found.macs, found.macs_second) == (64 * 4 * 27 + 2560, None)
    assert found.notes == ("fvcore could not count: ValueError: no rule",)


def test_a_wrong_rule_in_the_first_counter_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(flop_counter.flop_registry, torch.ops.aten.convolution, lambda *_, **__: 2)
    found = count(small, (3, 8, 8))
    assert found.macs == 1 + 2560
    assert found.macs_second == 64 * 4 * 27 + 2560


def test_a_wrong_rule_in_the_second_counter_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(second.PRODUCTS, "aten::_convolution", lambda *_: 1)
    found = count(small, (3, 8, 8))
    assert found.macs == 64 * 4 * 27 + 2560
    assert found.macs_second == 1 + 2560


def test_module_table_lists_what_ran_with_all_that_is_inside() -> None:
    def build() -> nn.Module:
        layer = nn.Linear(8, 8)
        network = nn.Sequential(nn.Sequential(layer, nn.ReLU()), layer)
        network.add_module("unused", nn.Identity())
        network.unused.register_parameter("spare", nn.Parameter(torch.empty(5)))
        return network

    whole = ModuleCost(path="", kind="Sequential", params=77, macs=128, activations=16, output_shape=(1, 8))
    assert module_table(build, (8,)) == [
        whole,
        ModuleCost(path="0", kind="Sequential", params=72, macs=64, activations=8, output_shape=(1, 8)),
        # The same layer ran twice: once inside "0", once outside of it. Its own row has both, its first parent only one.
        ModuleCost(path="0.0", kind="Linear", params=72, macs=128, activations=16, output_shape=(1, 8)),
        ModuleCost(path="0.1", kind="ReLU", params=0, macs=0, activations=0, output_shape=(1, 8)),
        ModuleCost(path="unused", kind="Identity", params=5, macs=0, activations=0, output_shape=(1, 8)),
    ]
