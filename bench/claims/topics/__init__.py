"""The entries, a file per topic of the lecture; each registers itself when it is imported, in the order below."""

from __future__ import annotations

# The lecture's order.
TOPICS = (
    "training",
    "depth",
    "residual",
    "inception",
    "comparison",
    "separable",
    "squeezed",
    "grouped",
    "pyramid",
    "dilated",
    "assignment",
    "heatmaps",
    "integral",
)
