"""`vbench.load` and what other verbs read rows with: from what was compacted, and from files that nobody has compacted yet."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import joins, journal, results
from ..errors import UnknownNameError, VbenchError, nearest
from ..garbage import uncollected
from ..registry import METRICS
from . import asking, compacted, fetching, places, raw, tails

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import pandas as pd

    from ..core import Record
    from .places import Entry, Listing

# An object store answers late: so many objects are asked for at once. Of a disk's files the kernel is told so many ahead, which
# needs no threads: decoding keeps Python's lock, and whoever waits for a disk would wait for that too.
_THERE, _AHEAD = 32, 64


def load(
    paths: str | Path | Iterable[str | Path],
    where: Mapping[str, Any] | None = None,
    *,
    columns: Sequence[str] | None = None,
    derive: bool = False,
) -> pd.DataFrame:
    """Read result files into one DataFrame: one row per case, the columns of the contract, base SI units.

    `paths` is a file, a folder (searched for `*.jsonl`), a glob, the URL of one of these (`s3://bucket/results`), or several.
    `where` selects rows by the columns of their identity: `{"architecture": "resnet/*", "batch": [1, 8]}`, and `columns` names
    those that are wanted. A file that was cut gives what it holds.

    Rows are derived from the replicates. With `where` or `columns`, of a URL, and of a folder in which `vbench compact` was run,
    they are read as the vbench that measured them wrote them, as far as a file is complete; `derive` derives them all the same.

    Raises UsageError when a named file is absent or is no result file, when a store cannot be read, and for an unknown column.
    Of a folder what is damaged is left out, with a warning.
    """
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    plain = where is None and columns is None and not places.scaled(given)
    if plain:
        return results.load(given)
    if columns is not None:
        _known(columns)
    wanted = asking.asked(where)
    names = None if columns is None else tuple(name for name in columns if name not in results.IDENTITY)
    found = records(given, where, columns=names, derive=derive, warn=lambda line: warnings.warn(line, stacklevel=3))
    if wanted.where:
        # Rows that were kept for their accuracy alone have been joined by now.
        extra = [any(row.accuracy for row in one.results) for one in found]
        few = [asking.narrowed(one, wanted, keep=False) if more else one for one, more in zip(found, extra, strict=True)]
        found = [one for one in few if one is not None]
    with uncollected():
        frame = results.frame(found)
    if columns is None:
        return frame
    return frame.reindex(columns=list(columns))


def _known(columns: Sequence[str]) -> None:
    results.load_metrics()
    known = {*results.COLUMNS, *(column for metric in METRICS for column in metric.columns)}
    for name in columns:
        if name not in known:
            message = f"columns: unknown column {name!r}: {nearest(name, known)}"
            raise UnknownNameError(message)


def records(  # noqa: PLR0913 - where, what, and how it is read
    paths: Iterable[str | Path],
    where: Mapping[str, Any] | None = None,
    *,
    columns: Sequence[str] | None = None,
    latest: bool = False,
    derive: bool = False,
    warn: Callable[[str], object] = lambda _: None,
) -> list[Record]:
    """Every run with the rows asked for, and without its replicates; accuracies are joined as in `results.read_all`.

    With `latest` older rows of a case are left out where a newer run on the same machine has it. Rows that carry a measured
    accuracy of such an architecture are there whatever else was asked. Raises as `load`.
    """
    return joins.of_files(found.record for found in scan(paths, where, columns=columns, latest=latest, derive=derive, warn=warn))


class Read(NamedTuple):
    """A run that was found; `derived` where its rows were made from the replicates just now."""

    record: Record
    derived: bool


def scan(  # noqa: PLR0913 - as above
    paths: Iterable[str | Path],
    where: Mapping[str, Any] | None = None,
    *,
    columns: Sequence[str] | None = None,
    latest: bool = False,
    derive: bool = False,
    warn: Callable[[str], object] = lambda _: None,
) -> list[Read]:
    """The same in the order of their files, each file once, before accuracies are joined. Raises as `load`."""
    few = None if columns is None else tuple(dict.fromkeys(columns))
    how = raw.How(asking.asked(where), few, derive, {} if latest else None)
    found: dict[str, Read] = {}
    with uncollected():
        for path in paths:
            one = places.listing(path)
            base = one.root.address if one.root.fs is not None else str(Path(one.root.address).resolve())
            seen = {} if derive else compacted.read(one, how, warn)
            left = [entry for entry in one.entries if entry.path not in seen]
            read = dict(zip((entry.path for entry in left), _files(left, one, how, warn), strict=True))
            for entry in one.entries:
                own = seen[entry.path] if entry.path in seen else read[entry.path]
                if own is not None and own.record is not None:
                    found.setdefault(f"{base}/{entry.path}", Read(own.record, own.derived))
    return list(found.values())


def _files(entries: Sequence[Entry], listing: Listing, how: raw.How, warn: Callable[[str], object]) -> list[raw.Found | None]:
    """What each file holds, several read at once; of runs of which only the newest rows count the newest first."""

    def read(entry: Entry) -> raw.Found | None:
        try:
            if listing.file and journal.kind_of(entry.read(0, min(entry.size, 64))) != "run":
                results.read(fetching.fetched([entry])[0])  # which says what is wrong with it
            return raw.read(entry, how, warn)
        except VbenchError as error:
            if listing.file:
                raise
            warn(f"left out: {error}")
            return None

    if len(entries) == 1:
        return [read(entries[0])]
    order: Sequence[int] = range(len(entries))
    if how.newest is not None:
        order = sorted(order, key=lambda i: entries[i].path.rpartition("/")[2], reverse=True)
    ordered = [entries[i] for i in order]
    if listing.root.fs is None:
        found = dict(zip(order, map(read, _announced(ordered)), strict=True))
    else:
        with ThreadPoolExecutor(_THERE) as pool:
            found = dict(zip(order, pool.map(read, ordered), strict=True))
    return [found[i] for i in range(len(entries))]


def _announced(entries: Sequence[Entry]) -> Iterator[Entry]:
    """The same, one by one; what is to be read of the next ones is on its way from the disk meanwhile."""
    for entry in entries[:_AHEAD]:
        tails.announce(entry)
    for number, entry in enumerate(entries):
        if number + _AHEAD < len(entries):
            tails.announce(entries[number + _AHEAD])
        yield entry
