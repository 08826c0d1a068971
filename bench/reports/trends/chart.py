"""The chart of a series: every run with its interval, the level of each piece, and where that changed.

Runs stand at equal distances in the order of time, so that a quiet month takes no room; the days are below them.
"""

from __future__ import annotations

import re
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.lines import Line2D

from ... import scan as scans
from ... import units
from ...history import jumps as changes
from ...levels import LEAST
from ..charts._page import blank, foot, renderer_of
from ..charts._points import Drawing
from ..charts._style import INK, LABEL, NOTE, PAGE, PALETTE, SOFT, TICK, TITLE, limits, plain, ticks
from .text import commits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ...history.jumps import Jump
    from ...history.series import Point, Series
    from .naming import Name

_HEIGHT, _TITLE, _ROW, _EDGE = 2.1, 0.19, 0.235, 0.05  # inches: the axes, the title above them, a row of labels, the margin
_COLORS = {"worse": PALETTE[7], "better": PALETTE[1], "changed": PALETTE[0]}
_SEGMENTS = (PALETTE[0], PALETTE[6], PALETTE[4], PALETTE[5])
_MOST_TICKS = 7
_CROWDED = 150  # more runs than these are drawn smaller, without caps
_LEAST_SPAN = 0.04  # of the level: noise of a percent does not fill the axes
_TAILS = 5.0  # percentiles at which ends of intervals are cut off by the axes
_SHORT = 4  # a turn of the software is marked where there are at most so many
_GAP = 6.0  # points between two labels


def draw(one: Series, name: Name, taken: set[str] | frozenset[str] = frozenset()) -> Drawing:
    """The chart of a series under a file name that is not taken yet."""
    title = f"{name.measure} of {name.case}, run by run"
    return Drawing(_file(name, taken), title[0].upper() + title[1:], partial(_figure, one, name), _told(one))


def _file(name: Name, taken: set[str] | frozenset[str]) -> str:
    stem = re.sub(r"[^\w.]+", "-", name.label).strip("-.") or "series"
    found, number = stem, 1
    while found.lower() in {other.lower() for other in taken}:
        number += 1
        found = f"{stem}-{number}"
    return found


def _figure(one: Series, name: Name) -> Figure:
    points, jumps = one.points, changes.jumps([one])
    place = {id(point): number for number, point in enumerate(points)}
    factor, unit = units.scale(float(np.median([point.value for point in points])), one.measure.unit)
    rows = 0
    # Labels above the axes may need a second row, which is known once they are drawn.
    while True:
        head = _TITLE + _ROW * rows
        figure, axes = blank(PAGE, _HEIGHT, head)
        _limits(axes, one, points, factor)
        needed = _jumps(figure, axes, jumps, place, rows)
        if needed <= rows:
            break
        rows = needed
    for number in range(len(one.segments)):
        _segment(axes, one, number, place, factor)
    _turns(axes, one, points)
    _heading(figure, axes, one, name)
    _days(axes, points)
    axes.set_ylabel(_ylabel(one, unit), fontsize=TITLE, color=INK, labelpad=3)
    foot(figure, _footer(one, points, jumps))
    return figure


def _ylabel(one: Series, unit: str) -> str:
    name = one.measure.name.replace("_", " ")
    return f"{name[0].upper()}{name[1:]}{f' ({unit})' if unit else ''}"


def _limits(axes: Axes, one: Series, points: Sequence[Point], factor: float) -> None:
    """Room for every run, and for all but the longest intervals; a run that is far off is drawn at the edge."""
    far = _isolated(one)
    near = [point for point in points if id(point) not in far] or points
    values = [point.value / factor for point in near]
    low, high = min(values), max(values)
    ends = [(point.low / factor, point.high / factor) for point in near if point.low is not None and point.high is not None]
    if ends:
        lows, highs = zip(*ends, strict=True)
        low, high = min(low, float(np.percentile(lows, _TAILS))), max(high, float(np.percentile(highs, 100 - _TAILS)))
    bottom, top = limits(low, high, 0.07, log=False, least=_LEAST_SPAN * abs(high) or 1.0)
    axes.set_ylim(bottom, top)
    axes.set_xlim(-0.7 - len(points) * 0.012, len(points) - 0.3 + len(points) * 0.012)
    ticks(axes.yaxis, bottom, top, log=False)


def _segment(axes: Axes, one: Series, number: int, place: dict[int, int], factor: float) -> None:
    """The runs of one software: points with intervals, hollow where flagged, and the level of each piece."""
    segment, unit, color = one.segments[number], one.measure.unit, _SEGMENTS[number % len(_SEGMENTS)]
    x = np.array([place[id(point)] for point in segment.points])
    y = np.array([point.value / factor for point in segment.points])
    crowded = len(place) > _CROWDED
    size, bottom, top = (2.0 if crowded else 3.4), *axes.get_ylim()
    bars = [(at, p.low / factor, p.high / factor) for at, p in zip(x, segment.points, strict=True) if p.low and p.high]
    if bars:
        at, low, high = zip(*bars, strict=True)
        axes.vlines(at, low, high, color=color, alpha=0.35, linewidth=0.5 if crowded else 0.9, zorder=2, gid="interval")
    isolated = _isolated(one)
    far = np.array([id(point) in isolated for point in segment.points])
    hollow = np.array([bool(point.flags) for point in segment.points])
    for chosen, face in ((~far & ~hollow, color), (~far & hollow, "white")):
        axes.plot(x[chosen], y[chosen], linestyle="", marker="o", markersize=size, markerfacecolor=face, markeredgecolor=color,
                  markeredgewidth=0.7, zorder=3, gid="point")  # fmt: skip
    for index in np.flatnonzero(far):
        told = units.quantity(segment.points[index].value, unit)
        _far(axes, int(x[index]), float(np.clip(y[index], bottom, top)), told)
    for start, stop in scans.pieces(len(x), segment.found.changes):
        level = scans.level(list(y[start:stop]))
        axes.plot([x[start] - 0.4, x[stop - 1] + 0.4], [level, level], color=INK, linewidth=1.1, zorder=4, gid="level")


def _isolated(one: Series) -> set[int]:
    """The runs that are far off, one or two in a row; more are part of the picture."""
    return {id(point) for off in changes.far([one]) if len(off.points) < LEAST for point in off.points}


def _far(axes: Axes, x: int, y: float, told: str) -> None:
    """A run that is far off: a cross, at the edge of the axes where it lies outside, with its value there."""
    bottom, top = axes.get_ylim()
    axes.plot([x], [y], linestyle="", marker="x", markersize=4.5, markeredgewidth=1.1, color=INK, zorder=5, clip_on=False,
              gid="far")  # fmt: skip
    if y in {bottom, top}:
        right = x > sum(axes.get_xlim()) / 2
        style: dict[str, Any] = {"textcoords": "offset points", "fontsize": NOTE, "color": INK, "va": "center"}
        offset = (-5 if right else 5, -4 if y == top else 4)
        axes.annotate(told, (x, y), offset, ha="right" if right else "left", gid="far-value", **style)


def _jumps(figure: Figure, axes: Axes, jumps: Sequence[Jump], place: dict[int, int], rows: int) -> int:
    """A line for each change, a band for where it may be, and its size and commits above; how many rows these take."""
    ends: list[float] = []
    for jump in sorted(jumps, key=lambda j: place[id(j.after)]):
        color = _COLORS[jump.word]
        axes.axvspan(
            place[id(jump.good)] + 0.5, place[id(jump.bad)] - 0.5, color=color, alpha=0.13, linewidth=0, zorder=0.5, gid="doubt"
        )
        x = (place[id(jump.before)] + place[id(jump.after)]) / 2
        axes.axvline(x, color=color, linewidth=0.9, linestyle=(0, (4, 2)), zorder=1, gid="change")
        size = units.MISSING if jump.change.relative is None else units.change(jump.change.relative)
        told = f"{size}  {jump.after.run.started[:10]}\n{plain(commits(jump))}"
        style: dict[str, Any] = {"fontsize": LABEL, "color": color, "ha": "center", "va": "bottom", "linespacing": 1.15}
        text = axes.annotate(told, (x, 1.0), (0, 2), xycoords=("data", "axes fraction"), textcoords="offset points",
                             parse_math=False, gid="label", **style)  # fmt: skip
        box = text.get_window_extent(renderer_of(figure))
        left, right = figure.bbox.x0 + 4, figure.bbox.x1 - 4
        shift = max(0.0, left - box.x0) - max(0.0, box.x1 - right)
        row = next((r for r, end in enumerate(ends) if box.x0 + shift > end + _GAP), len(ends))
        ends[row : row + 1] = [box.x1 + shift]
        point = figure.dpi / 72
        text.set_position((shift / point, 2 + row * _ROW * 72))
    return max(len(ends), rows)


def _turns(axes: Axes, one: Series, points: Sequence[Point]) -> None:
    """Where the software that measured changed: nothing is compared across."""
    owner = {id(point): number for number, segment in enumerate(one.segments) for point in segment.points}
    places = [i + 0.5 for i, (a, b) in enumerate(pairwise(points)) if owner[id(a)] != owner[id(b)]]
    for x in places if len(places) <= _SHORT else []:
        axes.axvline(x, color=SOFT, linewidth=0.8, zorder=1, gid="turn")


def _heading(figure: Figure, axes: Axes, one: Series, name: Name) -> None:
    """The series at the left of the page's top, and at its right which colour is which software."""
    total, box = figure.get_size_inches()[1], axes.get_position()
    figure.text(_EDGE / PAGE, 1 - 0.03 / total, plain(name.label), fontsize=TITLE, fontweight="bold", color=INK, va="top",
                parse_math=False, gid="title")  # fmt: skip
    if len(one.segments) == 1:
        return
    varied = {k for a, b in pairwise(one.segments) for k in a.epoch.keys() | b.epoch.keys() if a.epoch.get(k) != b.epoch.get(k)}
    told = [", ".join(f"{k} {s.epoch.get(k, 'none')}" for k in sorted(varied)) for s in one.segments]
    look: dict[str, Any] = {"linestyle": "", "marker": "o", "markersize": 3.4}
    handles = [Line2D([], [], color=_SEGMENTS[i % len(_SEGMENTS)], label=plain(text), **look) for i, text in enumerate(told)]
    figure.legend(handles=handles, loc="upper right", bbox_to_anchor=(box.x1, 1.0), ncols=len(handles), frameon=False,
                  fontsize=TICK, labelcolor=INK, handletextpad=0.1, columnspacing=1.2, borderaxespad=0)  # fmt: skip


def _days(axes: Axes, points: Sequence[Point]) -> None:
    """The days of some runs; the year where it begins."""
    many = len(points)
    at = sorted({round(x) for x in np.linspace(0, many - 1, min(_MOST_TICKS, many))})
    days = [points[x].run.started[:10] for x in at]
    told = [day if i == 0 or day[:4] != days[i - 1][:4] else day[5:] for i, day in enumerate(days)]
    axes.set_xticks(at, told)
    axes.tick_params(axis="x", labelsize=TICK)
    axes.grid(visible=False, axis="x")
    axes.set_xlabel("Runs in the order of time", fontsize=TITLE, color=INK, labelpad=3)


def _footer(one: Series, points: Sequence[Point], jumps: Sequence[Jump]) -> list[str]:
    machine, case = one.machine, one.case
    cores = f"{machine.usable_cores} of {machine.cores} cores" if machine.cores else ""
    where = ", ".join(part for part in (machine.processor or machine.slug, cores, machine.virtual) if part)
    flags = sorted({flag for point in points for flag in point.flags})
    bars = "bar: its 95 % interval" if any(point.low is not None for point in points) else "no intervals"
    lines = [
        f"{case.id}.",
        f"{where} (fingerprint {machine.fingerprint}); {', '.join(f'{k} {v}' for k, v in one.segments[-1].epoch.items())}.",
        f"Point: a run, {bars}. Line: median of a piece. {len(points)} runs.",
    ]
    if jumps:
        doubt = "; shaded: where it may as well be" if any(j.change.last > j.change.first for j in jumps) else ""
        lines.append(f"Dashed: a change of level, with the commits on either side{doubt}.")
    if len(one.segments) > 1:
        lines.append("Solid upright line: other software, with which nothing is compared.")
    if _isolated(one):
        lines.append("Cross: far off from its level, and no change.")
    if flags:
        lines.append(f"Hollow: flagged {', '.join(flags)}.")
    return lines


def _told(one: Series) -> str:
    """The picture for those who hear it."""
    points = one.points
    parts = [f"{len(points)} runs of {one.case.id} from {points[0].run.started[:10]} to {points[-1].run.started[:10]}"]
    for jump in changes.jumps([one]):
        size = units.MISSING if jump.change.relative is None else units.change(jump.change.relative)
        parts.append(f"{jump.word} by {size} between {jump.before.run.started} and {jump.after.run.started}")
    return "; ".join(parts) + "."
