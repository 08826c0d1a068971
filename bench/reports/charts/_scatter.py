"""Charts of two costs: a point per network, both axes logarithmic where their values ask for it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from ..rows import latest
from . import _conditions as conditions
from ._marks import REACH, paint
from ._page import Sheet, compose
from ._points import Drawing, Point, labelled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..rows import Row

    Value = Callable[[Row], float | None]
    Behind = Callable[[Axes], None]


class Scatter(NamedTuple):
    """A chart: its name and title, what stands along x and y, in the units of the labels, and the words around it.

    `low` and `high` are the ends of y's interval; `note` says what a point is; `behind` draws what lies below the points; `timed`
    says that flags, which are of times, make a point hollow.
    """

    name: str
    title: str
    x: Value
    y: Value
    xlabel: str
    ylabel: str
    note: str
    reason: str
    low: Value | None = None
    high: Value | None = None
    told: Callable[[Row], str] = lambda _: ""
    timed: bool = True


def points(rows: Sequence[Row], chart: Scatter) -> tuple[list[Point], list[str]]:
    """A point per network of the main combination that has both values, and the sentence on the others."""
    able = [row for row in latest(conditions.networks(conditions.measured(rows))) if chart.x(row) and chart.y(row)]
    chosen, note = conditions.main(able)
    return of(chosen, chart), note


def of(rows: Sequence[Row], chart: Scatter) -> list[Point]:
    """A point per row."""
    return [
        Point(row, label, x, y, y_low=chart.low and chart.low(row), y_high=chart.high and chart.high(row))
        for row, label in zip(rows, labelled(rows), strict=True)
        if (x := chart.x(row)) is not None and (y := chart.y(row)) is not None
    ]


def drawing(
    rows: Sequence[Row], chart: Scatter, behind: Behind | None = None, more: Sequence[str] = (), head: float = 0.06
) -> Drawing:
    """The chart of these rows; `more` are sentences for its footer, `head` inches above the axes."""
    found, note = points(rows, chart)
    if not found:
        return Drawing(chart.name, chart.title, reason=chart.reason)
    drawn = [point.row for point in found]
    bars = [] if chart.low is None else ["Bar: its 95 % interval." if any(p.y_low is not None for p in found) else "No interval."]
    footer = [
        *conditions.where(drawn),
        " ".join([chart.note, *bars]),
        *more,
        *(conditions.flag_note((p.row, p.label) for p in found) if chart.timed else []),
        *note,
    ]
    told = ", ".join(f"{p.label} {chart.told(p.row)}" for p in found)
    description = f"{chart.title}: {conditions.told(drawn[0].case)}. {told}."
    return Drawing(chart.name, chart.title, partial(_figure, found, chart, footer, behind, head), description)


def _figure(found: Sequence[Point], chart: Scatter, footer: Sequence[str], behind: Behind | None, head: float) -> Figure:
    def ink(axes: Axes) -> list[float]:
        if behind is not None:
            behind(axes)
        return paint(axes, found, hollow=chart.timed)

    return compose(found, Sheet(
        xlabel=chart.xlabel,
        ylabel=chart.ylabel,
        footer=footer,
        paint=ink,
        reach=REACH,
        head=head,
        scales=("auto", "auto"),
    ))  # fmt: skip


def scaled(column: str, factor: float = 1.0) -> Value:
    """The value of that column times the factor."""

    def value(row: Row) -> float | None:
        found = row.value(column)
        return None if found is None else found * factor

    return value
