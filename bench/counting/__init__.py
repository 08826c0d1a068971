"""Exact counts of what one forward pass costs, and a second, independent count of the same.

`count` gives the totals of a network, `module_table` the cost of each of its modules, `largest_batch` what fits into a
memory limit. `scratch` is the exception: it measures what kernels allocate beside what can be counted. Nothing is timed.
"""

from __future__ import annotations

from .capacity import largest_batch
from .counter import count
from .modules import ModuleCost, module_table
from .scratch import scratch

__all__ = ["ModuleCost", "count", "largest_batch", "module_table", "scratch"]
