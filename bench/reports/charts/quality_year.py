"""Published accuracy against the year in which the architecture was published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import _quality as quality

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..rows import Protocol, Row
    from ._points import Drawing


def _year(row: Row) -> float | None:
    return None if row.facts.paper is None else float(row.facts.paper.year)


COST = quality.Cost(
    "year",
    "year of publication",
    "year",
    1.0,
    lambda _: "Year of the architecture's paper",
    lambda row: f"{_year(row):.0f}",
    counted=True,
    missing="no network says when it was published",
    note="The year is that of the architecture; the weights may be of a later recipe.",
    value=_year,
    least=4.0,
)


def draw(rows: Sequence[Row], protocol: Protocol | None) -> list[Drawing]:
    """Draw each network once."""
    return quality.draw(rows, protocol, COST)
