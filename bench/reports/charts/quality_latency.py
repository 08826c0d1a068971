"""Published accuracy against measured request latency, with intervals and the Pareto front."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from typing import TYPE_CHECKING

from .. import text
from ..rows import AXES, Protocol, Row, axis_text, latest, varied
from ._page import Sheet, compose, names
from ._points import (
    NO_PROTOCOL,
    Drawing,
    Point,
    chart_name,
    chart_title,
    labelled,
    machine_note,
    missing_note,
    protocol_note,
    versions_note,
)
from ._style import SOFT, marks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes

    from ...core import Case

WHAT = "measured request latency"
_ACROSS = 5.0  # points
_CORNER = math.sqrt(2)  # how much farther the corners of the other markers reach than a circle
# What a network is compared at; its input shape and its weights belong to it.
_CONDITIONS = tuple(axis for axis in AXES if axis not in {"input_shape", "weights", "compression"})
_IN_NAME = ("engine", "engine_options", "precision", "device", "batch", "threads")
_LETTER = {"batch": "b", "threads": "t"}


def draw(rows: Sequence[Row], protocol: Protocol | None) -> list[Drawing]:
    """Draw a chart for each combination of engine, precision, device, batch and threads: their times do not compare.

    One that the machine or the engine cannot run is left out where others were measured; the summary has its reasons.
    """
    plain = chart_name("latency", protocol)
    if protocol is None:
        return [Drawing(plain, chart_title(WHAT, protocol), reason=NO_PROTOCOL)]
    groups: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(getattr(row.case, axis) for axis in _CONDITIONS), []).append(row)
    taken: Counter[str] = Counter()
    if len(groups) == 1:
        return [_draw(rows, protocol, plain)]
    tried = [own for own in groups.values() if any(row.result.status != "skipped" for row in own)]
    drawn = [_draw(group, protocol, _name(plain, group[0].case, rows, taken)) for group in tried or groups.values()]
    if any(drawing.figure is not None for drawing in drawn):
        return drawn
    return [Drawing(plain, chart_title(WHAT, protocol), reason=drawn[0].reason)]  # one reason for them all


def _name(plain: str, case: Case, rows: Sequence[Row], taken: Counter[str]) -> str:
    """A file name that says the combination; two that read the same are numbered."""
    extra = [axis for axis in varied(rows) if axis in _CONDITIONS and axis not in _IN_NAME]
    parts = [_LETTER.get(axis, "") + axis_text(case, axis) for axis in (*_IN_NAME, *extra)]
    name = "-".join([plain, *(slug for part in parts if (slug := re.sub(r"[^\w.]+", "-", part).strip("-")))])
    taken[name] += 1
    return name if taken[name] == 1 else f"{name}-{taken[name]}"


def select(rows: Sequence[Row], protocol: Protocol) -> list[Point]:
    """A point per row that was measured and has an accuracy in this protocol; of several runs on one machine the latest."""
    chosen = latest(
        row for row in rows if row.result.status == "ok" and row.value("latency_s") and row.quality(protocol) is not None
    )
    return [
        Point(row, label, x, quality, _ms(row, "latency_s_low"), _ms(row, "latency_s_high"))
        for row, label in zip(chosen, labelled(chosen), strict=True)
        if (x := _ms(row, "latency_s")) is not None and (quality := row.quality(protocol)) is not None
    ]


def _ms(row: Row, column: str) -> float | None:
    seconds = row.value(column)
    return None if seconds is None else seconds * 1e3


def front(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points that no other dominates (at most its x, at least its y, and one of them better), by x, equal ones once."""
    best, found = -math.inf, []
    for x, y in sorted(set(points), key=lambda p: (p[0], -p[1])):
        if y > best:
            best = y
            found.append((x, y))
    return found


def _draw(rows: Sequence[Row], protocol: Protocol, name: str) -> Drawing:
    conditions = _conditions(rows[0].case)
    short = chart_title(WHAT, protocol)
    title = short if name == chart_name("latency", protocol) else f"{short}: {conditions}"
    points = select(rows, protocol)
    if not points:
        return Drawing(
            name, title, reason=f"no row was measured and has a published {protocol.name} in the protocol {protocol.text}"
        )
    steps = front((p.x, p.y) for p in points)
    figure = compose(points, Sheet(
        xlabel="Request latency (ms)" if rows[0].case.batch == 1 else f"Request latency (ms per batch of {rows[0].case.batch})",
        ylabel=f"Published {protocol.name} (%)",
        footer=_footer(rows, points, protocol, conditions),
        paint=lambda axes: _paint(axes, points, steps),
        reach=_ACROSS / 2 * _CORNER,
        front=_segments(steps),
    ))  # fmt: skip
    told = ", ".join(f"{p.label} {p.y:g} % at {text.latency(p.row)}" for p in points)
    return Drawing(name, title, figure, f"{short}: {conditions}; protocol {protocol.text}. {told}.")


def _conditions(case: Case) -> str:
    threads = f"{case.threads} thread{'' if case.threads == 1 else 's'}"
    engine = " ".join([case.engine, *(f"{key}={value}" for key, value in case.engine_options)])
    usual = {"phase": "infer", "scenario": "single-stream", "layout": "nchw"}
    extra = [getattr(case, axis) for axis, value in usual.items() if getattr(case, axis) != value]
    return ", ".join([engine, case.precision, case.device, f"batch {case.batch}", threads, *extra])


def _footer(rows: Sequence[Row], points: Sequence[Point], protocol: Protocol, conditions: str) -> list[str]:
    drawn = [point.row for point in points]
    counts = [int(row.value("latency_processes") or 0) for row in drawn]
    spread = f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"
    bars = "bar: its 95 % interval" if any(p.low is not None for p in points) else "no interval"
    failed = [f"{row.name} ({row.result.status})" for row in rows if row.result.status != "ok"]
    precision = rows[0].case.precision
    return [
        *machine_note(drawn),
        f"{conditions}; {versions_note(drawn)}.",
        f"Point: median over {spread} fresh process{'es' * (max(counts) > 1)}, {bars}. Line: Pareto front of the medians.",
        *_flag_note(points),
        protocol_note(drawn, protocol),
        *([f"Published for full precision, not measured in {precision}."] if precision != "fp32" else []),
        *missing_note(rows, protocol),
        *([f"Not measured: {names(failed)}."] if failed else []),
    ]


def _flag_note(points: Sequence[Point]) -> list[str]:
    """What hollow means: each flag, with the networks that carry it unless these are most."""
    flagged: dict[str, list[str]] = {}
    for point in points:
        for flag in point.row.result.flags:
            flagged.setdefault(flag, []).append(point.label)
    said = [f"{flag} ({_who(labels, len(points))})" for flag, labels in flagged.items()]
    return [f"Hollow: flagged {'; '.join(said)}."] if said else []


def _who(labels: Sequence[str], many: int) -> str:
    return ", ".join(labels) if len(labels) <= 3 else "all" if len(labels) == many else f"{len(labels)} of {many}"  # noqa: PLR2004 - so many names still read well in a footer


def _segments(steps: Sequence[tuple[float, float]]) -> list[tuple[float, float, float, float]]:
    """The step line as boxes without thickness: along each level, then up to the next."""
    pairs = list(itertools.pairwise(steps))
    return [(a, b, c, b) for (a, b), (c, _) in pairs] + [(c, b, c, d) for (_, b), (c, d) in pairs]


def _paint(axes: Axes, points: Sequence[Point], steps: Sequence[tuple[float, float]]) -> list[float]:
    looks = marks(point.family for point in points)
    axes.step(*zip(*steps, strict=True), where="post", color=SOFT, linewidth=0.8, linestyle=(0, (4, 2)), zorder=1, gid="front")
    radii = []
    for point in points:
        look = looks[point.family]
        if point.low is not None and point.high is not None:
            reach = [[point.x - point.low], [point.high - point.x]]
            axes.errorbar([point.x], [point.y], xerr=reach, fmt="none", ecolor=look.color, elinewidth=0.9, capsize=1.6,
                          capthick=0.9, zorder=2)  # fmt: skip
        face = "white" if point.row.result.flags else look.color
        axes.scatter([point.x], [point.y], s=_ACROSS**2 * look.area, marker=look.marker, facecolors=face, edgecolors=look.color,
                     linewidths=1.0, zorder=3, gid="point")  # fmt: skip
        radii.append(_ACROSS / 2 * math.sqrt(look.area) * (1 if look.marker == "o" else _CORNER) + 0.5)
    return radii
