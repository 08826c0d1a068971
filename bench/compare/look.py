"""From two sets of files to what differs: matched, counted, timed, and as plain data."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from ..errors import NothingSelectedError
from ..history.measures import measures
from ..registry import METRICS
from . import matching, ratios

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..core import Case
    from ..history.measures import Measure
    from .matching import Difference, Matched, Pair, Side
    from .ratios import Ratio

DEFAULT = ("latency", "throughput", "host_memory", "device_memory")
# Always twice another, and so never a difference of its own.
_DOUBLE = frozenset({"flops"})


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Which measured columns or metrics, which architectures (names or globs), and whether to show times of two machines."""

    metrics: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    mix_machines: bool = False

    def chosen(self, name: str) -> bool:
        """Whether the architecture is asked for."""
        inside = not self.only or any(fnmatch.fnmatchcase(name, pattern) for pattern in self.only)
        return inside and not any(fnmatch.fnmatchcase(name, pattern) for pattern in self.exclude)


class Count(NamedTuple):
    """A counted column that is not the same on both sides; None where one of them did not count it."""

    case: Case
    column: str
    before: Any
    after: Any


class Comparison(NamedTuple):
    """All that was found. `ratios` holds for each measure the cases in the order from worst to best.

    `counted` are the cases whose counts both sides know, `apart` those whose times do not compare.
    """

    before: Side
    after: Side
    matched: Matched
    differences: list[Difference]
    ratios: dict[Measure, list[tuple[Pair, Ratio]]]
    counts: list[Count]
    counted: list[Pair]
    apart: list[Pair]
    drifts: dict[str, ratios.Drift]

    @property
    def changed(self) -> list[Count]:
        """The counts that both sides know and that differ."""
        return [count for count in self.counts if count.before is not None and count.after is not None]

    @property
    def statuses(self) -> list[Pair]:
        """The cases that did not end alike."""
        return [pair for pair in self.matched.pairs if pair.before.result.status != pair.after.result.status]


def look(before: Path, after: Path, asked: Asked) -> Comparison:
    """Read and compare. Raises NothingSelectedError where the two have no case in common, or none that was asked for."""
    return between(matching.read("A", before), matching.read("B", after), asked)


def between(before: Side, after: Side, asked: Asked) -> Comparison:
    """As `look`, of two sides that are read already."""
    wanted = measures(asked.metrics or DEFAULT)
    sides = before, after
    matched = matching.match(*sides, asked.chosen)
    if not matched.pairs:
        raise NothingSelectedError(_nothing(*sides, matched, asked))
    apart = [pair for pair in matched.pairs if not pair.one_machine]
    timed = [pair for pair in matched.pairs if pair.one_machine or asked.mix_machines]
    drifts = _drifts([pair for pair in timed if pair.one_machine])
    found: dict[Measure, list[tuple[Pair, Ratio]]] = {measure: [] for measure in wanted}
    for pair in timed:
        if pair.before.result.status == pair.after.result.status == "ok":
            moved = drifts.get(pair.case.id, ratios.Drift())
            for measure, rows in found.items():
                ratio = ratios.compare(pair, measure, moved, same_work=not pair.redefined)
                rows.extend([] if ratio is None else [(pair, ratio)])
    for rows in found.values():
        rows.sort(key=lambda row: -row[1].worse_by)
    counted = [pair for pair in matched.pairs if all("params" in entry.result.values for entry in pair)]
    counts = [count for pair in counted for count in _counts(pair)]
    return Comparison(*sides, matched, matching.differences(matched), found, counts, counted, apart, drifts)


def _drifts(pairs: Sequence[Pair]) -> dict[str, ratios.Drift]:
    """The drift of each case; the cases of two runs on one device share it, and it is looked for once."""
    known: dict[tuple[str, str, str], ratios.Drift] = {}
    found = {}
    for pair in pairs:
        case = pair.case
        key = (pair.before.record.run.run_id, pair.after.record.run.run_id, f"{case.device},t{case.threads}")
        if key not in known:
            known[key] = ratios.between(pair)
        found[case.id] = known[key]
    return found


def _counts(pair: Pair) -> list[Count]:
    """The counted columns in which the two differ."""
    columns = [
        column for metric in sorted(METRICS, key=lambda m: m.order) if metric.kind == "counted" for column in metric.columns
    ]
    found = []
    for column in columns:
        old, new = (entry.result.values.get(column) for entry in pair)
        if old != new and column not in _DOUBLE:
            found.append(Count(pair.case, column, old, new))
    return found


def _nothing(before: Side, after: Side, matched: Matched, asked: Asked) -> str:
    where = f"{before.given} and {after.given}"
    if not matched.only_before and not matched.only_after:
        given = [f"--only {','.join(asked.only)}"] if asked.only else []
        given += [f"--exclude {','.join(asked.exclude)}"] if asked.exclude else []
        if given:
            return f"nothing to compare: no case of {where} is left by {' '.join(given)}"
    if not matched.only_before or not matched.only_after:
        empty = before.given if not matched.only_before else after.given
        return f"nothing to compare: {empty} has no case" + (" that was asked for" if asked.only or asked.exclude else "")
    return f"nothing to compare: {where} have no case in common: {matching.nearly(matched)}"
