"""Published accuracy against the receptive field of the last map, counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import _quality as quality

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..rows import Protocol, Row
    from ._points import Drawing

COST = quality.Cost(
    "receptive-field",
    "receptive field",
    "receptive_field",
    1.0,
    lambda _: "Receptive field (px)",
    lambda row: f"{row.value('receptive_field') or 0:,.0f} px",
    counted=True,
    missing="no network has a receptive field",
    note="Side of what a unit of the last map sees, counted; it may be larger than the picture.",
)


def draw(rows: Sequence[Row], protocol: Protocol | None) -> list[Drawing]:
    """Draw each network once: geometry depends on no machine."""
    return quality.draw(rows, protocol, COST)
