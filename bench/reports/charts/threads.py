"""Throughput against the number of threads."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ... import units
from ..rows import latest
from . import _conditions as conditions
from ._lines import Line, Plan, compose
from ._points import Drawing
from ._series import series
from ._style import SOFT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from ..rows import Protocol, Row

WHOLE = True
NAME, TITLE = "throughput-threads", "Measured throughput against threads"
_FREE = ("threads",)


def draw(rows: Sequence[Row], protocol: Protocol | None) -> list[Drawing]:
    """Draw the combination of engine, precision, device and batch in which most networks ran on several numbers of threads."""
    del protocol
    chosen, note = conditions.main(latest(conditions.measured(rows, "throughput_per_s")), _FREE, lambda own: len(_lines(own)))
    lines = _lines(chosen)
    if not lines:
        return [Drawing(NAME, TITLE, reason="no network's throughput was measured on two numbers of threads (--threads 1,2)")]
    drawn = [row for line in lines for row in line.rows]
    bars = "bar: its 95 % interval" if any(low is not None for line in lines for low in line.lows) else "no interval"
    footer = [
        *conditions.where(drawn, _FREE),
        f"Point: median over {conditions.processes(drawn, 'throughput_processes')}, {bars}. Grey: in proportion to the threads.",
        *conditions.flag_note((row, line.label) for line in lines for row in line.rows),
        *note,
    ]
    plan = Plan("Threads", "Throughput (images/s)", footer, behind=_ideal, relative="Throughput (times the first)")
    told = "; ".join(
        f"{line.label} {', '.join(f'{units.rate(y)} on {x:g}' for x, y in zip(line.xs, line.ys, strict=True))}" for line in lines
    )
    return [Drawing(NAME, TITLE, partial(compose, lines, plan), f"{TITLE}: {conditions.told(drawn[0].case, _FREE)}. {told}.")]


def _lines(rows: Sequence[Row]) -> list[Line]:
    return series(rows, "threads", lambda row, column: row.value(f"throughput_per_s{column}"))


def _ideal(lines: Sequence[Line], axes: Axes) -> None:
    """What each network would do if its throughput grew as its threads do."""
    for start, end, least in sorted({(line.xs[0], line.xs[-1], line.ys[0]) for line in lines}):
        axes.plot((start, end), (least, least * end / start), color=SOFT, linewidth=0.5, linestyle=(0, (1, 2)), zorder=1,
                  gid="ideal", scalex=False, scaley=False)  # fmt: skip
