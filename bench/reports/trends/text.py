"""A history in plain text: what changed first, then what is far off, what would confirm it, and the rest in a line."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from ... import tables, units
from ...history import jumps as changes
from ...history import proposals
from ...history.series import said
from ...levels import LEAST
from .naming import names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...history.jumps import Far, Jump
    from ...history.look import History
    from ...history.series import Point, Segment, Series
    from .naming import Name

HEADER = ("series", "runs", "last [95 %]", "change", "", "p", "between", "commits")
RIGHT = (1, 2, 3, 5)
_MOST = 12  # lines about single points that are worth reading at once


def text(history: History, *, every: bool = False) -> str:
    """All of it; with `every` a line for each series that did not change, too."""
    named = list(zip(names(history.series), history.series, strict=True))
    rows = [row for name, one in named if one.changed or every for row in series_rows(name, one)]
    parts = [tables.aligned(HEADER, rows, right=RIGHT)] if rows else []
    blocks = [changed(history), far(history), confirm(history), [summary(history), *short(history), *software(history)]]
    return "\n\n".join([*parts, *("\n".join(block) for block in blocks if block)])


def series_rows(name: Name, one: Series) -> list[tuple[str, ...]]:
    """A line for each change, the newest first, or one line; only the first says which series it is."""
    jumps = changes.jumps([one])
    head = (name.label, str(len(one.points)), last(one))
    if not jumps:
        return [(*head, "", "", "", "", "")]
    return [(*(head if index == 0 else ("", "", "")), *_change(jump)) for index, jump in enumerate(jumps)]


def last(one: Series) -> str:
    """The newest value with its interval."""
    return value(one.points[-1], one)


def value(point: Point, one: Series) -> str:
    """A point with its interval."""
    return units.interval(point.value, point.low, point.high, one.measure.unit)


def _change(jump: Jump) -> tuple[str, ...]:
    relative = jump.change.relative
    size = units.MISSING if relative is None else units.change(relative)
    return size, jump.word, f"{jump.change.p:.2g}", between(jump), commits(jump)


def between(jump: Jump) -> str:
    """The days of the runs on either side; with the time where they are of one day."""
    before, after = jump.before.run.started, jump.after.run.started
    if before[:10] == after[:10]:
        return f"{before[:10]} {before[11:16]} and {after[11:16]}"
    return f"{before[:10]} and {after[:10]}"


def commits(jump: Jump) -> str:
    """The commits of these runs, as short as git shows them."""
    found = [short_commit(point.run.commit) for point in (jump.before, jump.after)]
    return "..".join(found) if found[0] != found[1] else found[0]


def short_commit(commit: str) -> str:
    """Nine digits, and whether there was more than the commit; a dash where it is not known."""
    full = proposals.revision(commit)
    return full[:9] + ("-dirty" if full.endswith("-dirty") else "") if full else units.MISSING


def changed(history: History) -> list[str]:
    """What else is to be said of each change: how surely its place is known, and what else changed there."""
    lines = []
    called = {id(one): name for name, one in zip(names(history.series), history.series, strict=True)}
    for jump in history.jumps:
        notes = []
        if jump.change.last > jump.change.first:
            many = jump.change.last - jump.change.first + 2
            notes.append(f"surely within {many} runs, {jump.good.run.started[:10]} to {jump.bad.run.started[:10]}")
        company = changes.company(jump, history.series, history.jumps)
        notes += [company] if company else []
        notes += changes.notes(jump)
        reason = proposals.of_jump(jump).reason
        notes += [f"no command confirms it: {reason}"] if reason else []
        if notes:
            lines.append(f"{called[id(jump.series)].label}, {jump.after.run.started[:10]}: {'; '.join(notes)}")
    return lines


def far(history: History) -> list[str]:
    """The points that are far off from their level, which are no change."""
    called = {id(one): name for name, one in zip(names(history.series), history.series, strict=True)}
    lines = [_far(off, called[id(off.series)]) for off in history.far[:_MOST]]
    if len(history.far) > _MOST:
        lines.append(f"and {len(history.far) - _MOST} more points that are far off (--json has them)")
    return lines


def _far(off: Far, name: Name) -> str:
    size = units.MISSING if off.relative is None else units.change(off.relative)
    first, newest = off.points[0], "; the newest: compare directly, or wait for more" if off.latest else ""
    where = f"{first.run.started[:10]}, {short_commit(first.run.commit)}"
    many = len(off.points)
    if many < LEAST:
        shown = " and ".join(value(point, off.series) for point in off.points)
        return f"far off, no change: {name.label} {size}, {shown} ({where}){newest}"
    return (
        f"far off, {many} runs in a row: {name.label} {size} since {where}{newest}; too few, or this series wanders too much, "
        "to tell a change from chance"
    )


def confirm(history: History) -> list[str]:
    """The commands that tell whether it was the code."""
    commands = history.commands()
    return ["to confirm, on this machine:", *(f"  {command}" for command in commands)] if commands else []


def summary(history: History) -> str:
    """What was looked at, and what came of it."""
    changed_ = sum(one.changed for one in history.series)
    told = [f"{changed_} changed" if changed_ else "none changed"]
    quiet = [one for one in history.series if not one.changed and any(not s.found.needed for s in one.segments)]
    if quiet:
        points = sorted(len(one.points) for one in quiet)
        told.append(f"{len(quiet)} without a change ({_range(points)} runs)")
    rule = f"level {100 * history.rule.level:g} %, changes of {100 * history.rule.least:g} % or more"
    derived = f", {history.derived} of them derived anew" if history.derived else ""
    where = f"{len(history.series)} series from {_many(history.files, 'run', 'runs')}{derived}"
    return f"{where}: {', '.join(told)}; {rule} (rule {history.rule.version})"


def short(history: History) -> list[str]:
    """How many series are too short to tell, and how many points they need."""
    segments = history.short
    if not segments:
        return []
    needed = max(segment.found.needed for segment in segments)
    points = sorted(len(segment.points) for segment in segments)
    what = _many(len(segments), "segment is", "segments are")
    among = f" in a scan of {history.tested}" if history.tested > 1 else ""
    have = f"{_range(points)} {'run' if points[-1] == 1 else 'runs'}"
    return [f"{what} too short to tell: {have}, and it takes {needed}{among}"]


def software(history: History) -> list[str]:
    """Where series fall into segments, what it was that changed between them."""
    several = [one for one in history.series if len(one.segments) > 1]
    if not several:
        return []
    turns = dict.fromkeys(turn(a, b) for one in several for a, b in pairwise(one.segments))
    return [f"{_many(len(several), 'series is', 'series are')} not compared across: {'; '.join(turns)}"]


def turn(before: Segment, after: Segment) -> str:
    """What another software means, in words."""
    names_ = [*dict.fromkeys([*before.epoch, *after.epoch])]
    parts = [
        f"{name} {before.epoch.get(name, 'none')} to {after.epoch.get(name, 'none')}"
        for name in names_
        if before.epoch.get(name) != after.epoch.get(name)
    ]
    return ", ".join(parts) or said(after.epoch)


def _range(ordered: Sequence[int]) -> str:
    return str(ordered[0]) if ordered[0] == ordered[-1] else f"{ordered[0]} to {ordered[-1]}"


def _many(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"
