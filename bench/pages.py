"""Pages of memory that the system hands to this process: how many, and what one costs.

An allocator that gives memory back after a pass takes it again in the next, page by page, and the system clears each one.
"""

from __future__ import annotations

import mmap
import time
from typing import TYPE_CHECKING

from .stats import median

if TYPE_CHECKING:
    from .core import Replicate

# A megabyte four times over is what a layer of a small network writes; asked for a few times, since others run meanwhile.
_SIZE, _TIMES = 4 * 2**20, 5


def faults() -> int | None:
    """Pages that this process had to be given so far without a disk being read (getrusage(2)); None where nobody counts."""
    try:
        import resource  # noqa: PLC0415 - absent on Windows
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def cost_s() -> float | None:
    """Seconds that a fresh page takes on its first touch: the median over a few fresh mappings; None where it cannot be told.

    An estimate for a network's pages, which are touched in another order and beside other work.
    """
    found = []
    for _ in range(_TIMES):
        before = faults()
        if before is None:
            return None
        try:
            region = mmap.mmap(-1, _SIZE)
        except OSError:  # a limit on this process's memory
            return None
        with region:
            touches = bytes(_SIZE // mmap.PAGESIZE)
            start = time.perf_counter_ns()
            region[:: mmap.PAGESIZE] = touches
            took = time.perf_counter_ns() - start
        after = faults()
        if after is None or after <= before:
            return None
        found.append(took / (after - before) / 1e9)
    return median(found)


def share(replicate: Replicate) -> float | None:
    """The share of a process's median latency that its page faults take; None where one of the three is not known."""
    faults, cost = replicate.values.get("page_faults"), replicate.values.get("page_fault_s")
    if faults is None or cost is None or not replicate.latency_ns:
        return None
    return faults * cost / (median(replicate.latency_ns) / 1e9)
