"""How the time to group joints grows with the number of people, looped and vectorised; `--benchmark-enable` times it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from vbench.architectures import _grouping, _targets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_benchmark.fixture import BenchmarkFixture

SIDE, MOST = 92, 20


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """One thread for both: plain Python has no more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("group", [_grouping.people_looped, _grouping.people], ids=["looped", "vectorised"])
@pytest.mark.parametrize("count", [1, 2, 4, 8, 16])
def test_grouping(benchmark: BenchmarkFixture, count: int, group: Callable[..., torch.Tensor]) -> None:
    """One picture of so many people on maps of 92 x 92, their peaks found among the rest."""
    people, limbs = _targets.crowd(count, SIDE, SIDE), _targets.COCO.limbs
    heat = _targets.heat_maps(people, SIDE, SIDE, sigma=1.0)[None]
    fields = _targets.affinity_fields(people, limbs, SIDE, SIDE, reach=1.0)[None]
    benchmark.extra_info["people"] = count
    found = benchmark.pedantic(
        group, (heat, fields, _targets.COCO, MOST), rounds=1 if benchmark.disabled else 20, warmup_rounds=1
    )
    assert (found[0, ..., 2] > 0).sum(1).tolist() == [len(_targets.COCO.joints)] * count + [0] * (MOST - count)
