"""How much quicker the first count of the default suite's networks is than fvcore's, in one run."""

from __future__ import annotations

import copy
import logging
import time
import warnings
from typing import TYPE_CHECKING

import pytest
import torch
from fvcore.nn import FlopCountAnalysis
from torch import nn

from vbench import config
from vbench.counting import count
from vbench.plugins import load_all
from vbench.registry import ARCHITECTURES

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_benchmark.fixture import BenchmarkFixture

    from vbench.core import Architecture


@pytest.fixture
def networks() -> list[Architecture]:
    load_all()
    return ARCHITECTURES.match(config.load().suite("default").architectures)


def first(networks: list[Architecture]) -> int:
    """Count all networks as vbench does, the building included."""
    return sum(count(item.build, item.input, second=False).macs for item in networks)


def test_counting_against_fvcore(benchmark: BenchmarkFixture, networks: list[Architecture]) -> None:
    rounds = 1 if benchmark.disabled else 5
    # Both import parts of torch on their first call, once per process: that is not what is compared.
    first(networks[:1])
    _fvcore_seconds(networks[:1], 1)
    ours = min(_seconds(lambda: first(networks)) for _ in range(rounds))
    theirs = _fvcore_seconds(networks, rounds)
    benchmark.extra_info |= {
        "networks": len(networks),
        "first_count_s": ours,
        "fvcore_s": theirs,
        "fvcore_over_first_count": theirs / ours,
    }
    print(f"\n{len(networks)} networks: first count {ours:.3f} s, fvcore {theirs:.3f} s, ratio {theirs / ours:.1f}")
    assert benchmark.pedantic(first, args=(networks,), rounds=rounds) == sum(item.macs or 0 for item in networks)


def _fvcore_seconds(networks: list[Architecture], rounds: int) -> float:
    """The best of a few of fvcore's own count of each network, with its default rules, on real modules built beforehand."""
    logging.getLogger("fvcore").setLevel(logging.ERROR)
    total = 0.0
    for item in networks:
        with torch.device("meta"):
            module: nn.Module = item.build()
        module = copy.deepcopy(module).to_empty(device="cpu").eval()
        for tensor in (*module.parameters(), *module.buffers()):
            tensor.detach().zero_()
        inputs = torch.zeros(1, *item.input)
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            total += min(_seconds(lambda: FlopCountAnalysis(module, (inputs,)).total()) for _ in range(rounds))  # noqa: B023 - called at once
    return total


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
