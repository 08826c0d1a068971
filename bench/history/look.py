"""From result files to a history: read, collect, judge, and put what changed first."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from .. import store
from ..errors import NothingSelectedError, UsageError
from . import jumps as changes
from . import proposals, reading
from . import series as collected
from .measures import measures

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ..scan import Rule
    from .jumps import Far, Jump
    from .reading import Reading
    from .series import Segment, Series

# More than a few series at a small level ask for too many draws of chance to be waited for.
_LEAST_LEVEL = 1e-3
# Architectures that a message names.
_SHOWN = 8


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a history is asked for: columns or metrics, and the architectures that it is about, as names or globs."""

    metrics: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    derive: bool = False


class History(NamedTuple):
    """What was found: the series that changed first, those with the newest change before all; `files` were read."""

    series: list[Series]
    jumps: list[Jump]
    far: list[Far]
    rule: Rule
    files: int
    derived: int

    @property
    def tested(self) -> int:
        """How many segments were long enough to be tested."""
        return sum(not segment.found.needed for one in self.series for segment in one.segments)

    @property
    def short(self) -> list[Segment]:
        """The segments that were not."""
        return [segment for one in self.series for segment in one.segments if segment.found.needed]

    def commands(self) -> list[str]:
        """What would confirm the changes, and what is far off in the newest runs."""
        return proposals.together(self.jumps, self.far)


def look(paths: Sequence[Path], asked: Asked, rule: Rule, warn: Callable[[str], object] = lambda _: None) -> History:
    """Read these files and folders. Raises NothingSelectedError where they hold no number that was asked for."""
    _check(rule)
    found = reading.read_all(paths, columns(asked), only=asked.only, derive=asked.derive, warn=warn)
    return among(found, asked, rule, ", ".join(store.address(path) or str(path) for path in paths))


def columns(asked: Asked) -> list[str]:
    """The columns that are asked for, which is what has to be read. Raises UnknownNameError for one that there is not."""
    return [measure.column for measure in measures(asked.metrics)]


def among(found: Sequence[Reading], asked: Asked, rule: Rule, where: str) -> History:
    """As `look`, of runs that are read already, each once and in the order of their starts; messages call them `where`."""
    wanted = measures(asked.metrics)
    every = collected.collect(found, wanted)
    chosen = [one for one in every if _chosen(one.case.label, asked)]
    if not chosen:
        raise NothingSelectedError(_nothing(where, asked, columns(asked), found, every))
    judged = collected.judge(chosen, rule)
    every_jump = changes.jumps(judged)
    newest: dict[int, int] = {}
    for number, jump in enumerate(every_jump):
        newest.setdefault(id(jump.series), number)
    judged.sort(key=lambda one: newest.get(id(one), len(every_jump)))
    return History(judged, every_jump, changes.far(judged), rule, len(found), sum(one.derived for one in found))


def _nothing(where: str, asked: Asked, names: Sequence[str], found: Sequence[Reading], every: Sequence[Series]) -> str:
    """Why there is nothing to show, and what there is."""
    if not found:
        return f"no history: {where} holds no result file that can be read; `vbench run` makes them"
    if not every:
        runs = "1 run" if len(found) == 1 else f"{len(found)} runs"
        return f"no history: {where} ({runs}) holds no {' or '.join(names)} that was measured; --metric asks for another"
    known = sorted({one.case.label for one in every})
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    left = f"nothing matches --only {','.join(asked.only)}" if asked.only else "nothing is left"
    left += f" without --exclude {','.join(asked.exclude)}" if asked.exclude else ""
    return f"no history: {left}; {where} has {', '.join(known[:_SHOWN])}{more}"


def _check(rule: Rule) -> None:
    if not _LEAST_LEVEL <= rule.level < 1:
        message = f"--alpha {rule.level:g}: write a share between {_LEAST_LEVEL:g} and 1, for example --alpha 1%"
        raise UsageError(message)
    if not 0 <= rule.least < 1:
        message = f"--min-effect {rule.least:g}: write a share between 0 and 1, for example --min-effect 2%"
        raise UsageError(message)


def _chosen(name: str, asked: Asked) -> bool:
    inside = not asked.only or any(fnmatch.fnmatchcase(name, pattern) for pattern in asked.only)
    return inside and not any(fnmatch.fnmatchcase(name, pattern) for pattern in asked.exclude)


def plain(history: History) -> dict[str, Any]:
    """All of it as JSON has it; times in ISO 8601, values in the unit of the column, and each run written once."""
    counts = {"files": history.files, "derived": history.derived, "tested": history.tested}
    rule = msgspec.to_builtins(history.rule)
    runs = {point.run.run_id: point for one in history.series for point in one.points}
    series = [_series(one, history) for one in history.series]
    return {
        "rule": rule,
        **counts,
        "runs": {name: {"started": p.run.started, "commit": p.run.commit, "file": p.file} for name, p in runs.items()},
        "series": series,
        "commands": history.commands(),
    }


def _series(one: Series, history: History) -> dict[str, Any]:
    return {
        "case": one.case.id,
        "architecture": one.case.architecture,
        "definition": one.definition,
        "machine": one.machine.slug,
        "fingerprint": one.machine.fingerprint,
        "column": one.measure.column,
        "unit": one.measure.unit,
        "better": one.measure.better,
        "segments": [_segment(segment, history) for segment in one.segments],
    }


def _segment(segment: Segment, history: History) -> dict[str, Any]:
    return {
        "software": segment.epoch,
        "points": [
            {"run": p.run.run_id, "value": p.value, "low": p.low, "high": p.high, "flags": p.flags} for p in segment.points
        ],
        "needed": segment.found.needed or None,
        "changes": [_jump(jump, history) for jump in reversed(history.jumps) if jump.segment is segment],
        "far_off": [_far(off) for off in reversed(history.far) if off.segment is segment],
    }


def _jump(jump: Jump, history: History) -> dict[str, Any]:
    proposal = proposals.of_jump(jump)
    company = changes.company(jump, history.series, history.jumps)
    change: dict[str, Any] = msgspec.to_builtins(jump.change)
    return change | {
        "relative": jump.change.relative,
        "word": jump.word,
        "between": [jump.before.run.started, jump.after.run.started],
        "commits": [jump.before.run.commit, jump.after.run.commit],
        "surely_between": [jump.good.run.commit, jump.bad.run.commit],
        "notes": [*([company] if company else []), *changes.notes(jump)],
        "commands": proposal.commands,
        "no_commands": proposal.reason or None,
    }


def _far(off: Far) -> dict[str, Any]:
    return {
        "first": off.start,
        "last": off.stop - 1,
        "level": off.level,
        "relative": off.relative,
        "commands": proposals.of_far(off).commands,
    }
