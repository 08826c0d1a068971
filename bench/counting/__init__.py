"""Exact counts of what one forward pass costs, and a second, independent count of the same.

`count` gives the totals of a network, `module_table` the cost of each of its modules. Nothing here is timed.
"""

from __future__ import annotations

from .counter import count
from .modules import ModuleCost, module_table

__all__ = ["ModuleCost", "count", "module_table"]
