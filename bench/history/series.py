"""The series of one case, column and machine: points in the order of time, in segments that one software measured.

A segment is what is compared: a change of python, torch, the engine or the driver begins another, and so does another machine,
which begins another series.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .. import scan as scans
from ..scan import Found, Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..core import Case, Machine
    from .measures import Measure
    from .reading import Head, Reading

_Software = tuple[tuple[str, str], ...]

# Devices that no driver of the machine's has a part in.
_DRIVERLESS = ("cpu", "fake")


class Point(NamedTuple):
    """What one run says: the number with the ends of its interval where it has one, and its flags."""

    run: Head
    file: str
    value: float
    low: float | None
    high: float | None
    flags: tuple[str, ...]


class Segment(NamedTuple):
    """Points that one software measured on one machine, and what was found in them."""

    epoch: dict[str, str]
    points: tuple[Point, ...]
    found: Found = Found()


class Series(NamedTuple):
    """A case on a machine in one column, from the first run to the last; `points` are those of all segments."""

    case: Case
    definition: str
    machine: Machine
    measure: Measure
    points: tuple[Point, ...]
    segments: tuple[Segment, ...]

    @property
    def changed(self) -> bool:
        """Whether any of its segments changed."""
        return any(segment.found.changes for segment in self.segments)


def epoch(run: Head, case: Case) -> dict[str, str]:
    """The software that decides how long a case takes, as far as the file names it."""
    found = {name: v for name, v in run.versions.items() if name in {"python", "torch"} or name.startswith(case.engine)}
    if case.device.partition(":")[0] not in _DRIVERLESS and run.machine.driver:
        found["driver"] = run.machine.driver
    return found


def collect(readings: Iterable[Reading], measures: Sequence[Measure]) -> list[Series]:
    """Every series of these runs, which come in the order of time."""
    made: dict[tuple[str, str, str, str], tuple[Case, Machine, Measure, list[tuple[_Software, Point]]]] = {}
    for reading in readings:
        run = reading.head
        for row in reading.rows:
            software = tuple(sorted(epoch(run, row.case).items()))
            name = row.case.id
            for measure in measures:
                value = row.values.get(measure.column)
                if value is None:
                    continue
                low, high = (row.values.get(f"{measure.column}{end}") for end in ("_low", "_high"))
                key = (name, run.definitions.get(name, ""), measure.column, run.machine.fingerprint)
                *_, points = made.setdefault(key, (row.case, run.machine, measure, []))
                points.append((software, Point(run, reading.file, value, low, high, row.flags)))
    return [
        Series(case, key[1], machine, measure, tuple(point for _, point in points), _segments(points))
        for key, (case, machine, measure, points) in made.items()
    ]


def _segments(points: Iterable[tuple[_Software, Point]]) -> tuple[Segment, ...]:
    found: dict[_Software, list[Point]] = {}
    for software, point in points:
        found.setdefault(software, []).append(point)
    return tuple(Segment(dict(software), tuple(own)) for software, own in found.items())


def judge(series: Sequence[Series], rule: Rule) -> list[Series]:
    """The same with what was found in each segment; all segments are one scan."""
    keys = [[_key(one, segment) for segment in one.segments] for one in series]
    values = {
        key: [point.value for point in segment.points]
        for own, one in zip(keys, series, strict=True)
        for key, segment in zip(own, one.segments, strict=True)
    }
    found = scans.scan(values, rule)
    return [
        one._replace(segments=tuple(s._replace(found=found[key]) for key, s in zip(own, one.segments, strict=True)))
        for own, one in zip(keys, series, strict=True)
    ]


def _key(series: Series, segment: Segment) -> str:
    software = " ".join(f"{name}={version}" for name, version in sorted(segment.epoch.items()))
    return f"{series.case.id} {series.definition} {series.measure.column} {series.machine.fingerprint} {software}"


def said(software: dict[str, str]) -> str:
    """The software as text: "python 3.11.7, torch 2.13.0"."""
    return ", ".join(f"{name} {version}" for name, version in software.items())
