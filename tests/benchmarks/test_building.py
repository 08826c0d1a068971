"""What it takes to build the networks of the catalogue for measurement, against filling their weights once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
import torch

from vbench import data
from vbench.plugins import load_all
from vbench.registry import ARCHITECTURES

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

    from vbench.core import Architecture


def _seconds(network: Architecture, rounds: int) -> tuple[float, float]:
    """The shortest time to build, and to fill weights that are there already."""
    building, filling = [], []
    for _ in range(rounds):
        start = time.perf_counter()
        module, how = data.build(network.build, seed=0)
        building.append(time.perf_counter() - start)
        assert how == "filled", network.name
        with torch.no_grad():
            start = time.perf_counter()
            data.fill(module, seed=0)
            filling.append(time.perf_counter() - start)
    return min(building), min(filling)


@pytest.mark.parametrize("pattern", ["vgg/16", "resnet/50", "mobilenet/v1-1.0", "densenet/121", "efficientnet/b0"])
def test_building_against_filling(benchmark: BenchmarkFixture, pattern: str) -> None:
    load_all()
    network = ARCHITECTURES.get(pattern)
    _seconds(network, 1)
    building, filling = _seconds(network, 1 if benchmark.disabled else 10)
    benchmark.extra_info |= {"build_s": building, "fill_s": filling, "build_over_fill": building / filling}
    benchmark.pedantic(lambda: data.build(network.build, seed=0), rounds=1)
