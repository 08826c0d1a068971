"""Receptive field against multiply-accumulates: what looking further costs, a chart for each task."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from ... import units
from ..rows import axis_text, latest
from . import _conditions as conditions
from ._marks import REACH, paint
from ._page import Sheet, compose
from ._points import Drawing, Point

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from ..rows import Protocol, Row

WHOLE = True
NAME, TITLE = "receptive-field", "Receptive field against multiply-accumulates"


def draw(rows: Sequence[Row], protocol: Protocol | None) -> list[Drawing]:
    """Draw each network once: both are counted."""
    del protocol
    chosen: dict[str, dict[tuple[str, str], Row]] = {}
    for row in latest(conditions.networks(rows)):
        if row.value("macs") and row.value("receptive_field"):
            own = chosen.setdefault(row.facts.task, {})
            own.setdefault((row.name, axis_text(row.case, "input_shape")), row)
    if not chosen:
        return [Drawing(NAME, TITLE, reason="no network has a receptive field")]
    return [_drawing(task, own, several=len(chosen) > 1) for task, own in chosen.items()]


def _drawing(task: str, own: dict[tuple[str, str], Row], *, several: bool) -> Drawing:
    times = Counter(name for name, _ in own)
    points = [
        Point(row, f"{name} {shape}" if times[name] > 1 else name, macs / 1e9, field)
        for (name, shape), row in own.items()
        if (macs := row.value("macs")) is not None and (field := row.value("receptive_field")) is not None
    ]
    name, title = (f"{NAME}-{conditions.slugged(task)}", f"{TITLE}: {task}") if several else (NAME, TITLE)
    told = ", ".join(f"{p.label} {p.y:,.0f} px for {units.count(p.row.value('macs'))} MACs" for p in points)
    return Drawing(name, title, partial(_figure, points, task), f"{title}. {told}.")


def _figure(points: Sequence[Point], task: str) -> Figure:
    footer = [
        f"Networks for {task}. Receptive field: side of what a unit of the last map sees; it may be larger than the picture.",
        conditions.counted_where([point.row for point in points]),
    ]
    return compose(points, Sheet(
        xlabel="GMACs per image",
        ylabel="Receptive field (px)",
        footer=footer,
        paint=lambda axes: paint(axes, points, hollow=False),
        reach=REACH,
        scales=("auto", "auto"),
    ))  # fmt: skip
