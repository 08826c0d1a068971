"""Published accuracy against measured energy per image, where a counter could be read, with the Pareto front."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ... import units
from . import _quality as quality

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..rows import Protocol, Row
    from ._points import Drawing

COST = quality.Cost(
    "energy",
    "measured energy per image",
    "energy_j",
    1e3,
    lambda _: "Energy (mJ per image)",
    lambda row: units.quantity(row.value("energy_j"), "J"),
    note="Point: a counter's difference over seconds of continuous work, idle power included; once per case, so no interval.",
    missing="no row has an energy (--energy, where a counter can be read)",
)


def draw(rows: Sequence[Row], protocol: Protocol | None) -> list[Drawing]:
    """Draw a chart for each combination of engine, precision, device, batch and threads that energy was read at."""
    return quality.draw(rows, protocol, COST)
