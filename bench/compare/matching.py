"""Which rows of two sets of result files belong together, and how the runs behind them differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from .. import joins, journal, results, store
from ..errors import NothingSelectedError, UsageError
from ..reports.rows import AXES, axis_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from ..core import Case, Machine, Record, Result

# Facts of a machine that are not in its fingerprint and still decide how long something takes.
_AROUND = ("system", "driver", "governor")


class Entry(NamedTuple):
    """A row, and the record that it stands in."""

    record: Record
    result: Result


class Side(NamedTuple):
    """One of the two: what was given on the command line, and the records found there, oldest first."""

    name: str
    given: str
    records: tuple[Record, ...]


class Pair(NamedTuple):
    """A case that both sides have."""

    before: Entry
    after: Entry

    @property
    def case(self) -> Case:
        """The same on either side."""
        return self.after.result.case

    @property
    def one_machine(self) -> bool:
        """Whether their times compare."""
        return self.before.record.run.machine.fingerprint == self.after.record.run.machine.fingerprint

    @property
    def redefined(self) -> bool:
        """Whether the id means other work on either side: another seed, or other pictures."""
        return len({entry.record.run.definitions.get(self.case.id, "") for entry in self}) > 1


class Matched(NamedTuple):
    """The cases of both, and those that only one of them has."""

    pairs: list[Pair]
    only_before: list[Case]
    only_after: list[Case]

    def records(self) -> tuple[list[Record], list[Record]]:
        """The runs that are compared, on either side."""
        sides: tuple[list[Record], list[Record]] = ([], [])
        for pair in self.pairs:
            for found, entry in zip(sides, pair, strict=True):
                if all(entry.record is not record for record in found):
                    found.append(entry.record)
        return sides


def read(name: str, path: Path) -> Side:
    """All runs of a file, a folder, a glob or a URL. Raises UsageError, or NothingSelectedError where there is none."""
    records = []
    for file in store.local([path]):
        if journal.kind(file) == "gate":
            message = f"{file} is a file of the gate, which is a comparison already: `vbench export junit {file}` shows it"
            raise UsageError(message)
        records.append(results.read(file))
    if not records:
        message = f"nothing to compare: {path} holds no result file; `vbench run -o FILE` makes one"
        raise NothingSelectedError(message)
    return Side(
        name, str(path), tuple(sorted(joins.of_files(records), key=lambda record: (record.run.started, record.run.run_id)))
    )


def match(before: Side, after: Side, chosen: Callable[[str], bool] = lambda _: True) -> Matched:
    """Every case with its newest rows; where a side has it of several machines, those of a machine that both sides have.

    `chosen` says by its name whether an architecture is asked for.
    """
    old, new = _entries(before, chosen), _entries(after, chosen)
    pairs = [_newest(old[name], entries) for name, entries in new.items() if name in old]
    return Matched(pairs, _alone(old, new), _alone(new, old))


def _alone(own: Mapping[str, Sequence[Entry]], other: Mapping[str, object]) -> list[Case]:
    """The cases that only one side has and measured, or tried to: one that could not run there is missed by nobody."""
    newest = [entries[-1].result for name, entries in own.items() if name not in other]
    return [result.case for result in newest if result.status != "skipped" or result.values]


def _entries(side: Side, chosen: Callable[[str], bool]) -> dict[str, list[Entry]]:
    """The rows of each case, oldest first."""
    found: dict[str, list[Entry]] = {}
    for record in side.records:
        for result in record.results:
            if chosen(result.case.label):
                found.setdefault(result.case.id, []).append(Entry(record, result))
    return found


def _newest(old: Sequence[Entry], new: Sequence[Entry]) -> Pair:
    every = [Pair(before, after) for after in reversed(new) for before in reversed(old)]
    return next((pair for pair in every if pair.one_machine), every[0])


class Difference(NamedTuple):
    """Something that the runs of both sides do not share: a version, a setting, a variable; several values where runs differ."""

    kind: str
    name: str
    before: tuple[Any, ...]
    after: tuple[Any, ...]


def differences(matched: Matched) -> list[Difference]:
    """What else differs between the runs that are compared, in the order in which a reader would suspect it."""
    before, after = matched.records()
    found = []
    for kind, of in _KINDS.items():
        sides = [[of(record) for record in records] for records in (before, after)]
        for name in dict.fromkeys(key for side in sides for facts in side for key in facts):
            old, new = (_values(facts.get(name) for facts in side) for side in sides)
            # The code of an engine that one side did not run belongs to cases that the other does not have.
            absent = kind == "code" and any(all(name not in facts for facts in side) for side in sides)
            if not absent and set(map(str, old)) != set(map(str, new)):
                found.append(Difference(kind, name, old, new))
    return found


def _values(given: Iterable[Any]) -> tuple[Any, ...]:
    return tuple({str(value): value for value in given}.values())


_KINDS: dict[str, Callable[[Record], dict[str, Any]]] = {
    "version": lambda record: dict(record.run.versions),
    "machine": lambda record: {name: getattr(record.run.machine, name) for name in _AROUND},
    "setting": lambda record: dict(record.run.settings),
    "environment": lambda record: dict(record.run.environment),
    "weights": lambda record: dict(record.run.weights),
    "code": lambda record: {"commit": record.run.commit, "catalogue": record.run.catalogue} | record.run.sources,
}


def machine_difference(before: Machine, after: Machine) -> list[str]:
    """In which facts two machines differ, for a reader who expected one."""
    names = [name for name in msgspec.structs.asdict(before) if name != "fingerprint"]
    return [name for name in names if getattr(before, name) != getattr(after, name)]


def nearly(matched: Matched) -> str:
    """Why nothing matches where both sides have the same networks: the axes on which their cases differ."""
    for case in matched.only_after:
        for other in matched.only_before:
            axes = [axis for axis in AXES if getattr(case, axis) != getattr(other, axis)]
            if other.architecture == case.architecture and axes:
                told = ", ".join(f"{axis.replace('_', ' ')} ({_text(other, axis)} and {_text(case, axis)})" for axis in axes)
                return f"{case.architecture} differs in {told}"
    return "they have no network in common"


def _text(case: Case, axis: str) -> str:
    return axis_text(case, axis) or "none"
