"""Result files by the thousand: of each only its head and the rows that stand at its end, as far as that is enough.

A complete file ends with a row for every case, derived by the vbench that wrote it, and these are what is read: deriving them
again from the replicates takes a hundred times as long. A file without its end, or whose rows are not all there, is derived;
so is every file where that is asked for, as it should be where the way in which rows are derived has changed in between.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from .. import journal, results, store
from ..core import Case, Machine
from ..errors import VbenchError
from ..store import fetching, places, tails

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..core import Result, Run
    from ..store.places import Entry


class Facts(msgspec.Struct, frozen=True):
    """What a proposal needs to know of an architecture."""

    input: tuple[int, ...] = ()


class Head(msgspec.Struct, frozen=True):
    """What a history needs of a file's first line."""

    schema: int
    run_id: str
    started: str
    machine: Machine
    versions: dict[str, str]
    cases: tuple[Case, ...]
    definitions: dict[str, str]
    architectures: dict[str, Facts]
    sources: dict[str, str] = {}
    environment: dict[str, str] = {}
    commit: str = ""
    catalogue: str = ""


class Row(NamedTuple):
    """A case that was measured: the numbers that it has among the columns asked for."""

    case: Case
    flags: tuple[str, ...]
    values: dict[str, float]


class Reading(NamedTuple):
    """A run as far as it was read; `derived` where its rows had to be made from the replicates."""

    head: Head
    rows: tuple[Row, ...]
    file: str
    derived: bool


def read_all(
    paths: Sequence[Path],
    columns: Sequence[str],
    *,
    only: Sequence[str] = (),
    derive: bool = False,
    warn: Callable[[str], object] = lambda _: None,
) -> list[Reading]:
    """Every run among these files, folders and URLs, each once, in the order of their starts.

    Of an object store and of a folder in which something was compacted, rows of other architectures than `only` are not read.

    A file that was named must be a result file: UsageError or ResultFileError. One that was found in a folder or by a glob and
    is none is passed over; `warn` is told of what is damaged, and of a run that stands in two files.
    """
    named = {
        path.resolve() for path in paths if not path.is_dir() and not (any(m in str(path) for m in "*?[") and not path.exists())
    }
    found: dict[str, Reading] = {}
    if store.scaled(paths):
        where = {"architecture": [f"{re.split('[@*?[]', name)[0]}*" for name in only]} if only else None
        for one in store.scan(paths, where, columns=_with_ends(columns), derive=derive, warn=warn):
            reading = _of(one.record.run, one.record.results, columns, one.record.path, derived=one.derived)
            if reading.head.run_id in found:
                warn(f"left out: {reading.file} is the same run as {found[reading.head.run_id].file}")
            found.setdefault(reading.head.run_id, reading)
        return _in_time(found)
    for file in results.files(paths):
        own = file.resolve() in named
        if not own and journal.kind(file) != "run" and os.access(file, os.R_OK):
            continue
        try:
            reading = read(file, columns, derive=derive)
        except VbenchError as error:
            if own:
                raise
            warn(f"left out: {error}")
            continue
        if reading.head.run_id in found:
            warn(f"left out: {file} is the same run as {found[reading.head.run_id].file}")
            continue
        found[reading.head.run_id] = reading
    return _in_time(found)


def _in_time(found: dict[str, Reading]) -> list[Reading]:
    return sorted(found.values(), key=lambda reading: (reading.head.started, reading.head.run_id))


def read(file: Path | Entry, columns: Sequence[str], *, derive: bool = False) -> Reading:
    """One run; an object of a store is fetched as a whole only where its ends are not enough.

    Raises UsageError where the file is no result file or cannot be fetched, ResultFileError where it is damaged.
    """
    quick = None if derive else _quick(file, tuple(columns))
    if quick is not None:
        return quick
    path = file if isinstance(file, Path) else fetching.fetched([file])[0]
    record = results.read(path)
    return _of(record.run, record.results, columns, str(path), derived=True)


def _of(run: Run, found: Iterable[Result], columns: Sequence[str], file: str, *, derived: bool) -> Reading:
    """What a history needs of a run."""
    rows = [Row(r.case, r.flags, _numbers(r.values, columns)) for r in found if r.status == "ok"]
    head = Head(
        schema=run.schema, run_id=run.run_id, started=run.started, machine=run.machine, versions=run.versions, cases=run.cases,
        definitions=run.definitions, architectures={name: Facts(facts.input) for name, facts in run.architectures.items()},
        sources=run.sources, environment=run.environment, commit=run.commit, catalogue=run.catalogue,
    )  # fmt: skip
    return Reading(head, tuple(rows), file, derived=derived)


class _Line(msgspec.Struct, frozen=True):
    """A row as it stands in a file."""

    case: str
    status: str
    values: Any
    flags: tuple[str, ...] = ()


@lru_cache
def _decoder(columns: tuple[str, ...]) -> msgspec.json.Decoder[_Line]:
    """Of rows, which makes nothing of the columns that nobody asked for."""
    values = msgspec.defstruct("_Values", [(column, Any, None) for column in _with_ends(columns)])
    line = msgspec.defstruct("_Row", [("case", str), ("status", str), ("values", values), ("flags", tuple[str, ...], ())])
    return msgspec.json.Decoder(line)


_HEAD = msgspec.json.Decoder(Head)


def _with_ends(columns: Iterable[str]) -> list[str]:
    return [f"{column}{end}" for column in columns for end in ("", "_low", "_high")]


def _numbers(values: Any, columns: Sequence[str]) -> dict[str, float]:
    """Those of the columns and of the ends of their intervals that hold a number."""
    found = {}
    for column in _with_ends(columns):
        value = values.get(column) if isinstance(values, dict) else getattr(values, column)
        # A whole number beyond what a float holds was never measured.
        if isinstance(value, int | float) and not isinstance(value, bool) and not tails.absurd({column: value}):
            found[column] = float(value)
    return found


def _quick(file: Path | Entry, columns: tuple[str, ...]) -> Reading | None:
    """The head and the rows at the end; None where they are not all there, or not as vbench writes them."""
    try:
        first, lines = _ends(file)
        head = _HEAD.decode(first)
        journal.check_schema(file if isinstance(file, Path) else Path(file.address), {"schema": head.schema})
        found = [_decoder(columns).decode(line) for line in lines]
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None  # reading the whole file finds out what is wrong
    cases = {case.id: case for case in head.cases}
    if not lines or {line.case for line in found} != cases.keys():
        return None
    rows = [Row(cases[line.case], line.flags, _numbers(line.values, columns)) for line in found if line.status == "ok"]
    return Reading(head, tuple(rows), str(file) if isinstance(file, Path) else file.address, derived=False)


def _ends(file: Path | Entry) -> tails.Tail:
    if not isinstance(file, Path):
        return tails.tail(file.read, file.size)
    here = places.Entry(places.Root(str(file)), "", file.stat().st_size)
    return tails.tail(here.read, here.size)
