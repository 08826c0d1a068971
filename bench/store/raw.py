"""One run file as a Record: the rows as they were written, else derived from the replicates. Nothing of it is kept but rows."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from .. import journal, results
from ..core import Case, Record, Result, Run
from ..errors import ResultFileError, VbenchError
from . import asking, fetching, tails

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .asking import Asked
    from .places import Entry

_HEAD = msgspec.json.Decoder(Run)
_LINE = msgspec.json.Decoder(tails.Line)
# What a hostile file can make of the code that derives its rows.
_TROUBLE = (RecursionError, ArithmeticError, ValueError, TypeError, LookupError)


class Found(NamedTuple):
    """What a file holds of the rows asked for, if anything; `derived` where they had to be made from the replicates."""

    record: Record | None
    derived: bool = False


class How(NamedTuple):
    """How files are read: the columns of which the values are wanted (None for all), and whether rows are derived anyway.

    `newest` has for each machine and case when the newest run began that is known so far: older rows are not looked at.
    """

    wanted: Asked
    columns: tuple[str, ...] | None = None
    derive: bool = False
    newest: dict[tuple[str, str], str] | None = None


def read(entry: Entry, how: How, warn: Callable[[str], object]) -> Found | None:
    """The rows of a file; None where it is no result file, or nothing of it was written yet.

    Raises UsageError and ResultFileError where it cannot be read; `warn` is told of rows that are refused.
    """
    try:
        ends = tails.tail(entry.read, entry.size)
    except OSError as error:
        message = f"cannot read the result file {entry.address}: {error.strerror}"
        raise ResultFileError(message) from None
    if journal.kind_of(ends.first) != "run":
        return None
    found = None if how.derive or not ends.rows else _written(entry, ends, how, warn)
    if found is not None:
        return found
    (path,) = fetching.fetched([entry])
    try:
        record = results.read(path)
        cases = len(record.run.cases)
        good = [(i < cases, r) for i, r in enumerate(record.results) if _sane(entry, r, warn)]
        if len(good) < len(record.results):
            run = asking.slim(record.run, [r for of, r in good if of])
            record = msgspec.structs.replace(record, run=run, results=tuple(r for _, r in good))
        record = msgspec.structs.replace(record, path=entry.address, replicates=())
        return Found(asking.narrowed(record, how.wanted) if how.wanted.where else record, derived=True)
    except VbenchError as error:
        text = str(error).replace(str(path), entry.address)
        raise type(error)(text) from None
    except _TROUBLE as error:
        message = f"{entry.address} is damaged: no rows can be made of it ({type(error).__name__})"
        raise ResultFileError(message) from None


def _written(entry: Entry, ends: tails.Tail, how: How, warn: Callable[[str], object]) -> Found | None:
    """The rows at the end; None where they are not all there, or not as vbench writes them."""
    exact = how.wanted.exact
    if exact and not any(msgspec.json.encode(name) in ends.first for name in exact):
        return Found(None)
    ids = [tails.case_of(line) for line in ends.rows]
    try:
        run = _HEAD.decode(ends.first)
        journal.check_schema(Path(entry.address), {"schema": run.schema})
        lines = dict(zip(ids, ends.rows, strict=True))
        if len(lines) != len(run.cases):
            return None
        cases = {case.id: case for case in run.cases if how.wanted.case(case)}
        if not cases.keys() <= lines.keys():
            return None
        rows = [row for name, case in cases.items() if (row := _row(entry, run, case, lines[name], how, warn)) is not None]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None  # reading the whole file finds out what is wrong
    if not rows and (how.wanted.where or how.newest is not None):
        return Found(None)
    return Found(Record(run=asking.slim(run, rows), results=tuple(rows), ended="complete", path=entry.address))


def _row(  # noqa: PLR0913, PLR0917 - where it stands, and what is asked
    entry: Entry, run: Run, case: Case, line: bytes, how: How, warn: Callable[[str], object]
) -> Result | None:
    """The row of a case, if it is asked for and can be one."""
    key = (run.machine.fingerprint, case.id)
    if how.newest is not None and how.newest.get(key, "") > run.started:
        return None
    if how.wanted.where and not how.wanted.without("status").row(run, Result(case=case, status="ok")):
        return None
    found, values = _decoded(line, how.columns)
    row = Result(case=case, status=found.status, reason=found.reason, flags=found.flags, values=values)
    if not _sane(entry, row, warn) or not how.wanted.row(run, row):
        return None
    if how.newest is not None:
        how.newest[key] = run.started
    return row


def _sane(entry: Entry, row: Result, warn: Callable[[str], object]) -> bool:
    """Whether a row can be one of a measurement; else it is told of, and left out."""
    case = row.case
    own = {"batch": case.batch, "threads": case.threads, "architecture": case.architecture, "reason": row.reason}
    column = tails.absurd(row.values) or tails.absurd(own)
    if column:
        warn(f"refused: the row {case.id[:200]} of {entry.address}: {column[:80]!r} holds what no measurement gives")
    return not column


def _decoded(line: bytes, columns: tuple[str, ...] | None) -> tuple[Any, dict[str, Any]]:
    """A row with the values of the columns that somebody asked for, those that there are."""
    if columns is None:
        found = _LINE.decode(line)
        return found, found.values
    few = _decoder(columns).decode(line)
    return few, {name: value for name in columns if (value := getattr(few.values, name)) is not None}


@lru_cache
def _decoder(columns: Sequence[str]) -> msgspec.json.Decoder[Any]:
    """Of rows, which makes nothing of the columns that nobody asked for."""
    values = msgspec.defstruct("_Values", [(column, Any, None) for column in columns])
    fields: list[Any] = [("case", str), ("status", str), ("values", values), ("reason", str, ""), ("flags", tuple[str, ...], ())]
    return msgspec.json.Decoder(msgspec.defstruct("_Row", fields))
