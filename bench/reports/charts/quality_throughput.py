"""Published accuracy against measured throughput, with intervals and the Pareto front: more is better on both axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ... import units
from . import _quality as quality

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..rows import Protocol, Row
    from ._points import Drawing


def _told(row: Row) -> str:
    low, high = row.value("throughput_per_s_low"), row.value("throughput_per_s_high")
    return units.interval(row.value("throughput_per_s"), low, high, "1/s")


COST = quality.Cost(
    "throughput",
    "measured throughput",
    "throughput_per_s",
    1.0,
    lambda _: "Throughput (images/s)",
    _told,
    rising=True,
    single=True,
)


def draw(rows: Sequence[Row], protocol: Protocol | None) -> list[Drawing]:
    """Draw the combination that most networks were measured at: `throughput_engines` compares the others with it."""
    return quality.draw(rows, protocol, COST)
