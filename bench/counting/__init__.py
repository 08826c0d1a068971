"""Exact counts of what one forward pass costs, and a second, independent count of the same.

`count` gives the totals of a network, `module_table` the cost of each of its modules, `largest_batch` what fits into a
memory limit, `geometry` the receptive field and stride of its last map, `coverage` how much of that field it sees, `runs_at`
the input sizes that it takes. `scratch` is the exception: it measures what kernels allocate beside what can be counted.
Nothing is timed.
"""

from __future__ import annotations

from .capacity import largest_batch
from .counter import count, traced
from .fields import effective_kernel, propagate
from .footprint import coverage
from .geometry import Geometry, geometry, last_map
from .graph import Graph, graph
from .modules import ModuleCost, module_table
from .scratch import scratch
from .sizes import ODD_SIZES, runs_at

__all__ = [
    "ODD_SIZES", "Geometry", "Graph", "ModuleCost", "count", "coverage", "effective_kernel", "geometry", "graph", "largest_batch",
    "last_map", "module_table", "propagate", "runs_at", "scratch", "traced",
]  # fmt: skip
