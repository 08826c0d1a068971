"""What networks are compared by."""

from __future__ import annotations

from ..entry import unable

unable(
    "cache-efficiency",
    "efficiency of operations (maximize): cache efficiency",
    topic="comparison",
    place="Network comparison",
    source="none is named",
    says="nothing",
    why="Misses of a cache stand in the processor's counters, which virtual machines and containers seldom let a program read, so"
    " vbench does not ask for them. How much of the attainable speed a network reaches (`efficiency`) is what it says instead.",
)
