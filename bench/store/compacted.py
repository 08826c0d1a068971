"""What `vbench compact` wrote, read by DuckDB: of the columns those that are wanted, of the rows those that are asked for.

A part is two Parquet files, `runs-1-ID.parquet` with a line for each run file that it covers, and `rows-1-ID.parquet`. That of
the runs is written last, so a part whose writer was killed is none. A part speaks for a file as long as that has the size it
had, and all others are read themselves: so nothing that a part lacks, or that is damaged in it, is ever missing.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from .. import results
from ..core import Case, Facts, Measured, Record, Result, Run
from . import raw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .places import Entry, Listing, Root
    from .raw import How

# The number counts how parts are made; those of another number are passed over, and their files read.
FORMAT = 1
_NAME = re.compile(rf"(rows|runs)-{FORMAT}-([0-9a-f]{{16}})\.parquet$")
INSTALL = "pip install 'vbench[scale]'"
# Columns that are no column of a row are begun with an underscore. What a plugin's metric adds, and a value of an unusual kind,
# stands in `_more`; lists and dictionaries of the contract's columns have this ending; both are JSON.
JSON = ".json"
_OWN = ("_run", "_extra", "_case", "_facts", "_accuracy", "_more", "definition", "status", "reason", "flags")


class Part(NamedTuple):
    """One of the compacted pieces."""

    id: str
    runs: Entry
    rows: Entry


class Covered(NamedTuple):
    """Where the rows of a file stand: the number of its run in a part."""

    part: Part
    run: int
    rows: int


def parts(listing: Listing) -> list[Part]:
    """The parts that are whole by their names."""
    found: dict[str, dict[str, Entry]] = {}
    for entry in listing.parts:
        if match := _NAME.search(entry.path):
            found.setdefault(match[2], {})[match[1]] = entry
    return [Part(name, own["runs"], own["rows"]) for name, own in sorted(found.items()) if len(own) == len(("runs", "rows"))]


def connect(root: Root) -> Any:
    """DuckDB in memory, which fetches nothing by itself. Raises ImportError where it is not installed."""
    import duckdb  # noqa: PLC0415 - only where something was compacted

    settings: Any = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "memory_limit": "1GB"}
    found = duckdb.connect(":memory:", config=settings)
    if root.fs is not None:
        found.register_filesystem(root.fs)
    return found


def cover(listing: Listing, connection: Any, warn: Callable[[str], object]) -> dict[str, Covered]:
    """By path the files that a part speaks for: those that are as they were when it was written."""
    sizes = {entry.path: entry.size for entry in listing.entries}
    found: dict[str, Covered] = {}
    for part in parts(listing):
        sql = 'SELECT "file", "size", _run, "rows" FROM read_parquet(?)'
        for file, size, run, rows in _asked(connection, sql, [part.runs.address], part, warn) or ():
            if sizes.get(file) == size:
                found.setdefault(file, Covered(part, run, rows))
    return found


def read(listing: Listing, how: How, warn: Callable[[str], object]) -> dict[str, raw.Found]:
    """By path what the parts hold of the rows asked for; files that they do not cover are not in it."""
    if not parts(listing) or listing.file:
        return {}
    try:
        connection = connect(listing.root)
    except ImportError:
        warn(f"what was compacted in {listing.root.address} is read by duckdb, which is not installed ({INSTALL}): reading files")
        return {}
    covered = cover(listing, connection, warn)
    found: dict[str, raw.Found] = {}
    for part in parts(listing):
        own = {file: one for file, one in covered.items() if one.part.id == part.id}
        try:
            found |= _of(part, own, connection, how, warn) or {} if own else {}
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, KeyError, TypeError, ValueError) as error:
            warn(f"passed over: {part.rows.address} is not as vbench writes it ({error}); its files are read")
    return found


def _asked(
    connection: Any, sql: str, given: list[Any], part: Part, warn: Callable[[str], object]
) -> list[tuple[Any, ...]] | None:
    """The answer; None of a part that is damaged, which is told."""
    try:
        return list(connection.execute(sql, given).fetchall())
    except Exception as error:  # noqa: BLE001 - DuckDB's errors, and whatever a store raises through it
        said = (str(error).splitlines() or [""])[0][:160]
        warn(f"passed over: {part.runs.address} and its rows cannot be read ({said}); `vbench compact` makes them again")
        return None


def _of(
    part: Part, covered: dict[str, Covered], connection: Any, how: How, warn: Callable[[str], object]
) -> dict[str, raw.Found] | None:
    """The runs of a part with their rows; None where it is damaged, and its files are to be read."""
    schema = _asked(connection, "SELECT name FROM parquet_schema(?)", [part.rows.address], part, warn)
    if schema is None:
        return None
    there = [line[0] for line in schema]
    wanted = None if how.columns is None else {*how.columns, *(f"{name}{JSON}" for name in how.columns)}
    values = [name for name in there if name.removesuffix(JSON) in results.COLUMNS and name not in results.IDENTITY]
    values = [name for name in values if wanted is None or name in wanted]
    where, given = how.wanted.sql()
    wide, more = how.wanted.only("architecture").sql()
    listed = ", ".join(f'"{name}"' for name in (*_OWN, *values))
    sql = f"SELECT {listed} FROM read_parquet(?) WHERE (({where}) OR (_accuracy IS NOT NULL AND ({wide})))"  # noqa: S608 - names of ours
    if how.newest is not None:
        sql += (
            " QUALIFY _accuracy IS NOT NULL OR row_number() OVER (PARTITION BY _fingerprint, case_id ORDER BY _started DESC) = 1"
        )
    order = " ORDER BY _run, _place"
    rows = _asked(connection, sql + order, [part.rows.address, *given, *more], part, warn)
    if rows is None:
        return None
    by_run: dict[int, list[tuple[Any, ...]]] = {}
    for row in rows:
        by_run.setdefault(row[0], []).append(row)
    heads = _heads(part, [one.run for one in covered.values() if one.run in by_run or not how.wanted.where], connection, warn)
    if heads is None:
        return None
    found = {}
    for file, one in covered.items():
        record: Record | None = None
        if one.run in heads and (one.run in by_run or not one.rows):
            head, ended = heads[one.run]
            record = _record(head, by_run.get(one.run, ()), values, how)
            record = record and msgspec.structs.replace(record, ended=ended, path=f"{part.runs.root.address}/{file}")
        found[file] = raw.Found(record)
    return found


def _heads(part: Part, runs: list[int], connection: Any, warn: Callable[[str], object]) -> dict[int, tuple[Run, str]] | None:
    sql = "SELECT _run, head, ended FROM read_parquet(?) WHERE _run IN (SELECT unnest(?::INTEGER[])) AND head <> ''"
    found = _asked(connection, sql, [part.runs.address, runs], part, warn)
    return None if found is None else {number: (_HEAD.decode(head), ended) for number, head, ended in found}


def _record(head: Run, rows: Iterable[tuple[Any, ...]], columns: list[str], how: How) -> Record | None:
    """A run as `raw.read` gives it."""
    cases: list[Result] = []
    extras: list[Result] = []
    definitions: dict[str, str] = {}
    architectures: dict[str, Facts] = {}
    names = [(name.removesuffix(JSON), name.endswith(JSON)) for name in columns]
    for _, extra, case_, facts, accuracy, more, definition, status, reason, flags, *given in rows:
        case = _case(case_)
        values = {
            name: msgspec.json.decode(value) if encoded else value
            for (name, encoded), value in zip(names, given, strict=True)
            if value is not None
        }
        if more is not None:
            added = msgspec.json.decode(more, type=dict[str, Any])
            values |= added if how.columns is None else {name: v for name, v in added.items() if name in how.columns}
        result = Result(
            case=case, status=status, reason=reason, flags=tuple(flags), values=values,
            accuracy=() if accuracy is None else msgspec.json.decode(accuracy, type=tuple[Measured, ...]),
        )  # fmt: skip
        # What DuckDB was asked for is exact, but for globs.
        if how.wanted.globs and accuracy is None and not how.wanted.row(_of_row(head, case, definition, _facts(facts)), result):
            continue
        (extras if extra else cases).append(result)
        architectures[case.architecture] = _facts(facts)
        if not extra:
            definitions[case.id] = definition
    if how.wanted.where and not cases and not extras:
        return None
    run = msgspec.structs.replace(
        head, cases=tuple(row.case for row in cases), definitions=definitions, architectures=architectures
    )
    return Record(run=run, results=(*cases, *extras))


def _of_row(head: Run, case: Case, definition: str, facts: Facts) -> Run:
    return msgspec.structs.replace(head, definitions={case.id: definition}, architectures={case.architecture: facts})


_HEAD = msgspec.json.Decoder(Run)


@lru_cache(maxsize=10_000)
def _case(text: str) -> Case:
    return msgspec.json.decode(text, type=Case)


@lru_cache(maxsize=10_000)
def _facts(text: str) -> Facts:
    return msgspec.json.decode(text, type=Facts)
