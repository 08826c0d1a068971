"""The roofline: what every network achieves, by its arithmetic intensity, under the ceilings measured on this machine."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import units
from ...metrics.efficiency import NARROWER
from . import _conditions as conditions
from . import _scatter as scatter
from ._marks import REACH, paint
from ._page import Sheet, compose
from ._points import Drawing
from ._style import INK, SOFT, TICK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..rows import Protocol, Row
    from ._points import Point

WHOLE = True
_GIGA = 1e9
_ROOM = 1.35  # above the ceiling, for its label


def _intensity(row: Row) -> float | None:
    """Operations per byte moved, which is counted in fp32: elements of a narrower precision are as many, and smaller."""
    found = row.value("arithmetic_intensity")
    return None if found is None else found / NARROWER.get(row.case.precision, 1.0)


CHART = scatter.Scatter(
    name="roofline",
    title="Roofline: achieved arithmetic against arithmetic intensity",
    x=_intensity,
    y=scatter.scaled("achieved_flops", 1 / _GIGA),
    xlabel="Arithmetic intensity (FLOP per byte moved)",
    ylabel="Achieved (GFLOP/s)",
    note="Point: 2 x MACs over the median request latency. Lines: the fastest arithmetic and memory traffic measured here.",
    reason="no network has an arithmetic intensity, a time and measured ceilings (vbench doctor --ceilings)",
    told=lambda row: f"{units.quantity(row.value('achieved_flops'), 'FLOP/s')} at {_intensity(row) or 0.0:.3g} FLOP/B",
)


def draw(rows: Sequence[Row], protocol: Protocol | None) -> list[Drawing]:
    """Draw the combination of engine, precision and device that most networks were measured at."""
    del protocol
    able = conditions.measured(rows, "peak_flops", "bandwidth_bytes_per_s")
    points, note = scatter.points(able, CHART)
    if not points:
        return [Drawing(CHART.name, CHART.title, reason=CHART.reason)]
    drawn = [point.row for point in points]
    roofs = sorted({(row.value("peak_flops") or 0.0, row.value("bandwidth_bytes_per_s") or 0.0) for row in drawn})
    footer = [*conditions.where(drawn), CHART.note, *conditions.flag_note((p.row, p.label) for p in points), *note]
    told = ", ".join(f"{p.label} {CHART.told(p.row)}" for p in points)
    ceilings = "; ".join(f"{units.quantity(flops, 'FLOP/s')}, {units.quantity(speed, 'B/s')}" for flops, speed in roofs)
    description = f"{CHART.title}: {conditions.told(drawn[0].case)}. Ceilings: {ceilings}. {told}."
    return [Drawing(CHART.name, CHART.title, partial(_figure, points, roofs, footer), description)]


def _figure(points: Sequence[Point], roofs: Sequence[tuple[float, float]], footer: Sequence[str]) -> Figure:
    def ink(axes: Axes) -> list[float]:
        _roofs(axes, roofs)
        return paint(axes, points)

    return compose(points, Sheet(
        xlabel=CHART.xlabel,
        ylabel=CHART.ylabel,
        footer=footer,
        paint=ink,
        reach=REACH,
        scales=("log", "log"),
        # The knee belongs into the picture, so that both lines are seen.
        within=[(flops / speed * side, flops / _GIGA * _ROOM) for flops, speed in roofs for side in (0.5, 2.0)],
    ))  # fmt: skip


def _roofs(axes: Axes, roofs: Sequence[tuple[float, float]]) -> None:
    """The ceilings across the whole width, and the numbers that they stand for."""
    low, high = axes.get_xlim()
    xs = np.geomspace(low, high, 256)
    for flops, speed in roofs:
        ys = np.minimum(flops, speed * xs) / _GIGA
        axes.plot(xs, ys, color=SOFT, linewidth=0.9, zorder=1, gid="roof", scalex=False, scaley=False)
        style: dict[str, Any] = {"textcoords": "offset points", "fontsize": TICK, "color": INK, "gid": "ceiling"}
        flat, steep = units.quantity(flops, "FLOP/s"), units.quantity(speed, "B/s")
        axes.annotate(flat, (high, flops / _GIGA), xytext=(-2, 2), ha="right", va="bottom", **style)
        axes.annotate(steep, (xs[0], ys[0]), xytext=(5, 0), ha="left", va="top", **style)
