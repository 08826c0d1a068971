"""Pages that the system hands to a process: what the kernel counts, and what follows from it."""

from __future__ import annotations

import mmap
import sys
from typing import Any

import pytest

from vbench import pages

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows does not count page faults by process")


def test_touching_fresh_memory_is_counted_page_by_page() -> None:
    before = pages.faults()
    with mmap.mmap(-1, 512 * mmap.PAGESIZE) as region:
        if hasattr(mmap, "MADV_NOHUGEPAGE"):
            region.madvise(mmap.MADV_NOHUGEPAGE)
        region[:: mmap.PAGESIZE] = bytes(512)
        first = pages.faults()
        region[:: mmap.PAGESIZE] = bytes(512)
        second = pages.faults()
    assert before is not None
    assert first is not None
    assert second is not None
    assert first - before >= 512
    assert second - first < 256


def test_a_page_costs_time() -> None:
    cost = pages.cost_s()
    assert cost is not None
    assert cost > 0


def test_where_nobody_counts_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resource", None)
    assert pages.faults() is None
    assert pages.cost_s() is None


def test_a_process_without_room_for_it_has_no_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: int) -> mmap.mmap:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(pages.mmap, "mmap", refuse)
    assert pages.cost_s() is None


def test_a_kernel_that_counts_no_fault_gives_no_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "faults", lambda: 5)
    assert pages.cost_s() is None


def test_the_share_is_of_the_median_and_needs_all_three(make: Any) -> None:
    case = make.case()
    both = {"page_faults": 2000.0, "page_fault_s": 1e-6}
    assert pages.share(make.replicate(case, 0, latency_ns=(8_000_000, 10_000_000, 90_000_000), values=both)) == pytest.approx(0.2)
    assert pages.share(make.replicate(case, 0, latency_ns=(10_000_000,), values={"page_faults": 2000.0})) is None
    assert pages.share(make.replicate(case, 0, latency_ns=(10_000_000,), values={"page_fault_s": 1e-6})) is None
    assert pages.share(make.replicate(case, 0, latency_ns=(), values=both)) is None
