"""Cost against the number of persons: pipelines that look at each person alone, and networks that find all at once."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ... import units
from ..rows import Row, latest
from . import _conditions as conditions
from ._lines import Line, Plan, compose
from ._points import Drawing
from ._style import SOFT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes

    from ...groups import Group
    from ..rows import Protocol

GROUPED = True
# A name of the catalogue that ends in how many persons are looked at, and a group of such with what they are compared with.
_PERSONS = re.compile(r"(pipeline/.*)-(\d+)")
_LEAST = 2


class Cost(NamedTuple):
    """A cost: its column and factor, and the names of its chart and its axis."""

    column: str
    name: str
    title: str
    label: str
    factor: float


_COSTS = (
    Cost("macs", "persons-macs", "Multiply-accumulates against the number of persons", "GMACs per picture", 1e-9),
    Cost("latency_s", "persons-latency", "Measured request latency against the number of persons", "Request latency (ms)", 1e3),
)


def draw(rows: Sequence[Row], protocol: Protocol | None, groups: Iterable[Group] = ()) -> list[Drawing]:
    """Draw both, of the groups that hold pipelines for several numbers of persons, in the combination that most ran at."""
    del protocol
    members = {name for group in groups if _holds_persons(group) for name in group.members}
    own = [row for row in latest(rows) if row.name in members]
    return [_drawing(own, cost) for cost in _COSTS]


def _holds_persons(group: Group) -> bool:
    return sum(_PERSONS.fullmatch(name) is not None for name in group.members) >= _LEAST


def _drawing(rows: Sequence[Row], cost: Cost) -> Drawing:
    column, name, title, label, factor = cost
    able = [row for row in rows if row.value(column)]
    if column != "macs":
        able = conditions.measured(able)
    alone, machine_note = conditions.one_machine(able)
    chosen, note = conditions.main(alone)
    note += machine_note
    lines = _lines(chosen, column, factor)
    if not any(len(line.rows) > 1 for line in lines):
        return Drawing(name, title, reason="no pipeline has this for two numbers of persons (vbench run --group persons)")
    drawn = [row for line in lines for row in line.rows]
    said = [
        "Rising: a detector and a pose network for each person. Level: one pass finds everybody, on a picture of its own size."
    ]
    if column == "macs":
        said.append(conditions.counted_where(drawn))
    else:
        bars = "bar: its 95 % interval" if any(low is not None for line in lines for low in line.lows) else "no interval"
        said += [
            *conditions.where(drawn),
            f"Point: median over {conditions.processes(drawn)}, {bars}.",
            *conditions.flag_note((row, line.label) for line in lines for row in line.rows),
            *note,
        ]
    crossings = _crossings(lines)
    said += crossings
    plan = Plan("Persons in the picture", label, said, behind=_fits, log=False, timed=column != "macs")
    told = "; ".join(
        f"{line.label} {', '.join(f'{y:.3g} for {x:g}' for x, y in zip(line.xs, line.ys, strict=True))}" for line in lines
    )
    finding = f"{title}: {crossings[0][0].lower()}{crossings[0][1:]}" if crossings else ""
    return Drawing(name, title, partial(compose, lines, plan), f"{title}, {label}. {told}.", finding=finding)


def _lines(rows: Sequence[Row], column: str, factor: float) -> list[Line]:
    """A rising line for each pipeline, and a level one, from the fewest persons to the most, for each other network."""
    counts: dict[str, dict[int, Row]] = {}
    for row in rows:
        if found := _PERSONS.fullmatch(row.name):
            counts.setdefault(found[1], {})[int(found[2])] = row
    persons = sorted({n for own in counts.values() for n in own})
    if len(persons) < _LEAST:
        return []
    rising = [_line(name, [own[n] for n in sorted(own)], sorted(own), column, factor) for name, own in counts.items()]
    level = [
        _line(row.name, [row, row], [persons[0], persons[-1]], column, factor) for row in rows if not _PERSONS.fullmatch(row.name)
    ]
    return rising + level


def _line(label: str, rows: list[Row], xs: Sequence[int], column: str, factor: float) -> Line:
    def scaled(name: str) -> list[float | None]:
        return [None if (value := row.value(name)) is None else value * factor for row in rows]

    ys = [value or 0.0 for value in scaled(column)]
    return Line(label, rows[0].family, rows, [float(x) for x in xs], ys, scaled(f"{column}_low"), scaled(f"{column}_high"))


def fitted(line: Line) -> tuple[float, float]:
    """What a pipeline costs without anybody, and with each person: D and P of D + N P, by least squares."""
    slope, start = np.polyfit(line.xs, line.ys, 1)
    return float(start), float(slope)


def crossing(rising: Line, level: Line) -> float | None:
    """From how many persons on the network that finds all at once costs less; None where there is no such number."""
    start, slope = fitted(rising)
    found = (level.ys[0] - start) / slope if slope > 0 else -1.0
    return found if found > 0 else None


def _crossings(lines: Sequence[Line]) -> list[str]:
    said = []
    for rising in (line for line in lines if line.ys[0] != line.ys[-1]):
        found = {line.label: crossing(rising, line) for line in lines if line.ys[0] == line.ys[-1]}
        most = rising.xs[-1]
        beyond = {label: f" (beyond the {most:g} of this chart)" for label, n in found.items() if n is not None and n > most}
        said += [f"{label}: {units.quantity(n, 'persons')}{beyond.get(label, '')}" for label, n in found.items() if n is not None]
    return [f"A line through the points crosses at: {', '.join(said)}."] if said else []


def _fits(lines: Sequence[Line], axes: Axes) -> None:
    """The straight line D + N P through the points of each pipeline."""
    for line in (line for line in lines if line.ys[0] != line.ys[-1]):
        start, slope = fitted(line)
        xs = np.linspace(line.xs[0], line.xs[-1], 64)
        axes.plot(xs, start + slope * xs, color=SOFT, linewidth=0.6, linestyle=(0, (1, 2)), zorder=1, gid="fit", scalex=False,
                  scaley=False)  # fmt: skip
