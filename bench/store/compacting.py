"""`vbench compact`: what reading rows needs of many run files, as a few Parquet files beside them. No run file is touched.

Each part is made of files that no part covers yet, and goes by a digest of their names and sizes: twice the same work has the
same name and the same content, so that it may be begun twice, at once, or again after it was killed.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from .. import results
from ..core import Facts
from ..errors import NothingSelectedError, ResultFileError, UsageError, VbenchError
from . import asking, compacted, places, raw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..core import Record
    from .compacted import Part
    from .places import Entry, Listing

# Rows of a part, and of the groups in it that are read or passed over as one.
PART_ROWS, GROUP_ROWS = 100_000, 4096
# More than this about one run, or in one row, is not a measurement, and no line that DuckDB would read.
_LONGEST = 2**23
# A part that was not finished, and has not been touched for so long, is never going to be.
_STALE_S = 24 * 3600.0
_TEXT = frozenset(asking.KEYS) - {"year", "batch", "threads"}
_ROWS = {"_run": "INTEGER", "_place": "INTEGER", "_extra": "BOOLEAN", "_started": "VARCHAR", "_fingerprint": "VARCHAR"}
_ROWS |= {name: "VARCHAR" if name in _TEXT else "BIGINT" for name in asking.KEYS}
_ROWS |= {
    "reason": "VARCHAR",
    "flags": "VARCHAR[]",
    "_case": "VARCHAR",
    "_facts": "VARCHAR",
    "_accuracy": "VARCHAR",
    "_more": "VARCHAR",
}
_RUNS = {
    "_run": "INTEGER", "file": "VARCHAR", "size": "BIGINT", "rows": "INTEGER", "run_id": "VARCHAR", "started": "VARCHAR",
    "machine": "VARCHAR", "ended": "VARCHAR", "head": "VARCHAR",
}  # fmt: skip
_COLUMNS = frozenset(results.COLUMNS) - frozenset(results.IDENTITY)
_KINDS = {int: "BIGINT", float: "DOUBLE", str: "VARCHAR", bool: "BOOLEAN", list: "JSON", dict: "JSON"}


class Done(NamedTuple):
    """What was made: the parts, the files and rows in them, and the files that parts covered before."""

    parts: list[str]
    files: int
    rows: int
    before: int
    left: int


def compact(
    given: str | Path,
    *,
    again: bool = False,
    derive: bool = False,
    warn: Callable[[str], object] = lambda _: None,
    told: Callable[[int, int], object] = lambda _, __: None,
) -> Done:
    """Make parts of the files of a folder or a URL that none covers yet; with `again` of all, and remove those that they replace.

    `derive` makes every row from its replicates. `told` hears how many files of how many are done. Raises UsageError where
    `given` is no such place or DuckDB is missing, NothingSelectedError where it holds no result file, and ResultFileError where
    nothing can be written.
    """
    listing = places.listing(given)
    if listing.file or any(mark in str(given) for mark in "*?["):
        message = f"compact {given}: name a folder of results, or its URL"
        raise UsageError(message)
    if not listing.entries:
        message = f"nothing to compact: {listing.root.address} holds no result file; `vbench run` makes them"
        raise NothingSelectedError(message)
    try:
        connection = compacted.connect(listing.root)
    except ImportError:
        message = f"compact needs duckdb, which is not installed: {compacted.INSTALL}"
        raise UsageError(message) from None
    old = compacted.parts(listing)
    covered = {} if again else compacted.cover(listing, connection, warn)
    todo = [entry for entry in listing.entries if entry.path not in covered]
    made: list[str] = []
    files = rows = left = 0
    with tempfile.TemporaryDirectory(prefix="vbench-compact-") as scratch:
        connection.execute("SET temp_directory = ?", [scratch])
        batch = _Batch(Path(scratch))
        lost: list[str] = []
        for number, (entry, record) in enumerate(_records(todo, raw.How(asking.asked(None), derive=derive), lost), 1):
            if record is not None and (problem := batch.add(entry, record)):
                lost.append(problem)
            while len(lost) > left:
                warn(lost[left])
                left += 1
            if batch.runs and (batch.rows >= PART_ROWS or number == len(todo)):
                made.append(_publish(batch, listing, connection))
                files, rows = files + batch.runs, rows + batch.rows
                batch = _Batch(Path(scratch))
            told(number, len(todo))
        batch.close()
    _tidy(listing, old if again and not left else [], made, warn)
    return Done(made, files, rows, len(covered), left)


def _records(entries: Sequence[Entry], how: raw.How, lost: list[str]) -> Iterator[tuple[Entry, Record | None]]:
    """Each file with what it holds; None where it is no result file, or left out, which is told.

    Those of an object store are asked for several at once.
    """
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - only here

    def read(entry: Entry) -> Record | None:
        try:
            found = raw.read(entry, how, lost.append)
        except VbenchError as error:
            lost.append(f"left out: {error}")
            return None
        return None if found is None else found.record

    step = 1 if not entries or entries[0].root.fs is None else 64
    if step == 1:
        yield from ((entry, read(entry)) for entry in entries)
        return
    with ThreadPoolExecutor(step // 2) as pool:
        for start in range(0, len(entries), step):
            some = entries[start : start + step]
            yield from zip(some, pool.map(read, some), strict=True)


class _Batch:
    """The rows of a part while they are gathered: JSON Lines in a file, and of each column what kind of values it has."""

    def __init__(self, scratch: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(dir=scratch))
        self.runs = self.rows = 0
        self.kinds: dict[str, str] = {}
        self.digest = hashlib.sha256()
        self._file = (self.folder / "rows.jsonl").open("wb")
        self._heads = (self.folder / "runs.jsonl").open("wb")

    def add(self, entry: Entry, record: Record) -> str:
        """A run with all of its rows; what of it would not fit into a table, and why."""
        run, problem = record.run, ""
        head = msgspec.structs.replace(run, cases=(), definitions={}, architectures={}, skipped={}, further=(), quick=())
        own: dict[str, Any] = {
            "_run": self.runs, "file": entry.path, "size": entry.size, "rows": len(record.results), "run_id": run.run_id,
            "started": run.started, "machine": run.machine.slug, "ended": record.ended,
            "head": msgspec.json.encode(head).decode(),
        }  # fmt: skip
        if len(own["head"]) > _LONGEST:
            return f"left out: {entry.address}: its first line says more than {_LONGEST >> 20} MiB about the run"
        self._heads.write(_line(own))
        facts = {name: msgspec.json.encode(one).decode() for name, one in run.architectures.items()}
        for place, result in enumerate(record.results):
            whole = results.row(run, result)
            row: dict[str, Any] = {name: whole[name] for name in (*asking.KEYS, "reason", "flags")}
            row |= {"_run": self.runs, "_place": place, "_extra": place >= len(run.cases)}
            row |= {"_started": run.started, "_fingerprint": run.machine.fingerprint}
            row |= {"_case": msgspec.json.encode(result.case).decode(), "_facts": facts.get(result.case.architecture, _NOTHING)}
            if result.accuracy:
                row["_accuracy"] = msgspec.json.encode(result.accuracy).decode()
            self._values(row, result.values)
            line = _line(row)
            if len(line) > _LONGEST:
                problem = f"refused: a row of {entry.address} says more than {_LONGEST >> 20} MiB"
                continue
            self._file.write(line)
            self.rows += 1
        self.runs += 1
        self.digest.update(f"{entry.path}\0{entry.size}\0".encode())
        return problem

    def _values(self, row: dict[str, Any], values: dict[str, Any]) -> None:
        """The contract's columns each by itself, as long as all values are of one kind; the others together."""
        more: dict[str, Any] = {}
        for name, value in values.items():
            kind = _KINDS.get(type(value), "")
            if value is None:
                continue
            if name not in _COLUMNS or not kind:
                more[name] = value
                continue
            known = self.kinds.setdefault(name, kind)
            if known != kind and {known, kind} == {"BIGINT", "DOUBLE"}:
                self.kinds[name] = "DOUBLE"
            elif known != kind:
                more[name] = value
                continue
            row[f"{name}{compacted.JSON}" if kind == "JSON" else name] = value
        if more:
            row["_more"] = msgspec.json.encode(more).decode()

    def close(self) -> dict[str, str]:
        """Nothing more comes; the columns of the rows with their types."""
        self._file.close()
        self._heads.close()
        return _ROWS | {f"{n}{compacted.JSON}" if kind == "JSON" else n: kind for n, kind in self.kinds.items()}


def _line(row: dict[str, Any]) -> bytes:
    """JSON that DuckDB's reader takes: a NUL is no part of a text there."""
    line = msgspec.json.encode(row)
    if b"\\u0000" in line:
        clean = {name: value.replace("\0", " ") if isinstance(value, str) else value for name, value in row.items()}
        line = msgspec.json.encode(clean)
    return line + b"\n"


_NOTHING = msgspec.json.encode(Facts()).decode()


def _publish(batch: _Batch, listing: Listing, connection: Any) -> str:
    """Put a part in its place, the rows first: as long as that of the runs is missing, it is none."""
    columns = batch.close()
    name = batch.digest.hexdigest()[:16]
    orders = {"rows": '"architecture", "case_id", _started, _run, _place', "runs": "_run"}
    try:
        for kind, types in (("rows", columns), ("runs", _RUNS)):
            target = batch.folder / f"{kind}-{compacted.FORMAT}-{name}.parquet"
            listed = "{" + ", ".join(f"'{column}': '{type_}'" for column, type_ in types.items()) + "}"
            picked = ", ".join(f'CAST("{c}" AS VARCHAR) AS "{c}"' if t == "JSON" else f'"{c}"' for c, t in types.items())
            sql = (
                f"COPY (SELECT {picked} FROM read_json('{_quoted(batch.folder / kind)}.jsonl', format='newline_delimited', "  # noqa: S608 - as above
                f"columns={listed}) ORDER BY {orders[kind]}) TO '{_quoted(target)}' "
                f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {GROUP_ROWS})"
            )
            connection.execute(sql)
            _put(target, listing, f"{places.COMPACTED}/{target.name}")
    except (VbenchError, KeyboardInterrupt):
        raise
    except Exception as error:  # noqa: BLE001 - DuckDB's, the system's, and whatever a store raises
        said = (str(error).splitlines() or [""])[0]
        message = f"cannot write to {listing.root.address}/{places.COMPACTED}: {said}; nothing that was there is touched"
        raise ResultFileError(message) from None
    finally:
        shutil.rmtree(batch.folder, ignore_errors=True)
    return name


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _put(file: Path, listing: Listing, path: str) -> None:
    """Whole or not at all: a store shows an object when it is complete, and a file gets its name when it is."""
    root = listing.root
    if root.fs is not None:
        with places.told(f"write {root.address}/{path}", root.address):
            root.fs.put_file(str(file), places.key(f"{root.address}/{path}"))
        return
    place = Path(root.address) / path
    place.parent.mkdir(exist_ok=True)
    temporary = place.with_name(f".{place.name}.{uuid.uuid4().hex[:8]}.tmp")
    shutil.copyfile(file, temporary)
    temporary.replace(place)


def _tidy(listing: Listing, old: Sequence[Part], made: Sequence[str], warn: Callable[[str], object]) -> None:
    """Remove parts that were replaced, the runs first, and what a killed writer left: only what is named as vbench names it."""
    gone = [entry for part in old if part.id not in made for entry in (part.runs, part.rows)]
    for entry in gone:
        try:
            if entry.root.fs is not None:
                entry.root.fs.rm_file(places.key(entry.address))
            else:
                Path(entry.address).unlink(missing_ok=True)
        except Exception as error:  # noqa: BLE001 - each store has errors of its own, and what stays does no harm
            warn(f"{entry.address} was replaced and cannot be removed: {type(error).__name__}")
    if listing.root.fs is None:
        for file in (Path(listing.root.address) / places.COMPACTED).glob(".r*s-*.parquet.*.tmp"):
            with suppress(OSError):
                if time.time() - file.stat().st_mtime > _STALE_S:
                    file.unlink()
