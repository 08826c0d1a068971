"""A change of level as something to act on: between which runs and commits it lies, and what else changed there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from .. import scan as scans

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..scan import Change
    from .series import Point, Segment, Series

# With so many of the series that go on at the same time, and so large a share of them, it is hardly one network that changed.
_MANY, _SHARE = 3, 0.5

Word = Literal["worse", "better", "changed"]


class Jump(NamedTuple):
    """A change of level: the runs on either side, and those that are on either side as surely as the place is known."""

    series: Series
    segment: Segment
    change: Change

    @property
    def before(self) -> Point:
        """The last run before it."""
        return self.segment.points[self.change.place - 1]

    @property
    def after(self) -> Point:
        """The first run after it."""
        return self.segment.points[self.change.place]

    @property
    def good(self) -> Point:
        """The last run that is surely before it."""
        return self.segment.points[self.change.first - 1]

    @property
    def bad(self) -> Point:
        """The first run that is surely after it."""
        return self.segment.points[self.change.last]

    @property
    def word(self) -> Word:
        """What it means."""
        better = self.series.measure.better
        if better == "none":
            return "changed"
        return "worse" if (self.change.after > self.change.before) == (better == "lower") else "better"


class Far(NamedTuple):
    """Runs in a row that are far off from their level on the same side, mostly one; and that level."""

    series: Series
    segment: Segment
    start: int
    stop: int
    level: float

    @property
    def points(self) -> tuple[Point, ...]:
        """The runs."""
        return self.segment.points[self.start : self.stop]

    @property
    def before(self) -> Point | None:
        """The run before them."""
        return self.segment.points[self.start - 1] if self.start else None

    @property
    def latest(self) -> bool:
        """Whether no run of this series came after them."""
        return self.points[-1] is self.series.points[-1]

    @property
    def relative(self) -> float | None:
        """How far off, over the level."""
        middle = scans.level([point.value for point in self.points])
        return (middle - self.level) / abs(self.level) if self.level else None


def jumps(series: Iterable[Series]) -> list[Jump]:
    """All changes, the newest first; those of one run in the order of the series."""
    found = [Jump(one, segment, change) for one in series for segment in one.segments for change in segment.found.changes]
    return sorted(found, key=lambda jump: jump.after.run.started, reverse=True)


def far(series: Iterable[Series]) -> list[Far]:
    """All points that are far off, the newest first; those in a row on one side of their level as one."""
    found: list[Far] = []
    for one in series:
        for segment in one.segments:
            values = [point.value for point in segment.points]
            for start, stop in scans.pieces(len(values), segment.found.changes):
                level = scans.level(values[start:stop])
                row: Far | None = None
                for at in (at for at in segment.found.far if start <= at < stop):
                    if row and row.stop == at and (values[at] > level) == (values[row.start] > level):
                        found.pop()
                        row = row._replace(stop=at + 1)
                    else:
                        row = Far(one, segment, at, at + 1, level)
                    found.append(row)
    return sorted(found, key=lambda off: off.points[0].run.started, reverse=True)


def company(jump: Jump, series: Sequence[Series], all_jumps: Sequence[Jump]) -> str:
    """Whether most series of this machine changed at that time: then it is hardly the network. Empty where they did not."""
    here = [s for s in series if s.machine.fingerprint == jump.series.machine.fingerprint and s.measure == jump.series.measure]
    begin, end = jump.good.run.started, jump.bad.run.started
    there = {id(s) for s in here if s.points[0].run.started <= begin and end <= s.points[-1].run.started}
    with_it = there & {id(o.series) for o in all_jumps if o.good.run.started < end and begin < o.bad.run.started}
    if len(with_it) < _MANY or len(with_it) < _SHARE * len(there):
        return ""
    return f"{len(with_it)} of {len(there)} series of this machine change here: look at the machine and at shared layers first"


def notes(jump: Jump) -> list[str]:
    """What else is not, or is, the same on both sides, as far as the files say."""
    before, after = jump.good.run, jump.bad.run
    found = []
    source = _source(jump, jump.good), _source(jump, jump.bad)
    if all(source) and source[0] == source[1]:
        found.append("the network's own source is the same on both sides")
    for name in sorted(before.versions.keys() | after.versions.keys()):
        old, new = before.versions.get(name, "none"), after.versions.get(name, "none")
        if old != new:
            found.append(f"{name} {old} became {new}")
    for name in sorted(before.environment.keys() | after.environment.keys()):
        was, now = (run.environment.get(name, "not set") for run in (before, after))
        if was != now:
            found.append(f"{name} was {was} and is {now}")
    return found


def _source(jump: Jump, point: Point) -> str:
    """The digest of what defines the network: its own file, or the catalogue."""
    return point.run.sources.get(jump.series.case.architecture) or point.run.catalogue
