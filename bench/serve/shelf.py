"""What the served files hold, read again only where a file has changed, and refused in one line where it cannot be read."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from .. import results
from ..errors import UsageError, VbenchError
from ..history import reading
from ..store.places import StoreError
from .files import Listing, Refused, home, line, listing, there

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..core import Case, Machine, Record
    from ..history.reading import Reading
    from .files import Found

T = TypeVar("T")
R = TypeVar("R")

# What is kept of whole files in memory, by their size on the disk; as objects they take about five times that.
_KEPT_BYTES = 2**27
# A listing serves all requests of so many seconds: of ten thousand files it takes a good part of one, and a store asks a price.
_FRESH, _FRESH_THERE = 1.0, 30.0
# So much is asked of a store at once.
_TOGETHER = 16


class Glance(NamedTuple):
    """What the list of runs says of a file: who measured what, and how far it came; `ended` is empty while it goes on."""

    run_id: str
    started: str
    machine: Machine
    commit: str
    cases: tuple[Case, ...]
    measured: int
    rows: int
    ended: str


class Shelf:
    """The results below a folder or a URL, or one file, with what was read of them. It may be asked by several threads."""

    def __init__(self, root: Path | str, fresh: float | None = None) -> None:
        """`fresh` is for how many seconds a listing stands. Raises UsageError where there is nothing at `root`."""
        if not there(root):
            message = f"cannot serve {root}: there is no such folder or file; `vbench run` puts its files below results/"
            raise UsageError(message)
        # A link that was named itself may lead anywhere.
        self.root = root.resolve() if isinstance(root, Path) and root.is_file() else root
        self._home = home(self.root)
        usual = _FRESH_THERE if isinstance(root, str) else _FRESH
        self._fresh = usual if fresh is None else fresh
        self._listed, self._listing = -1.0, Listing((), ())
        self._lock = threading.RLock()
        self._records: OrderedDict[Path, tuple[tuple[int, int, int], Record]] = OrderedDict()
        self._others: dict[tuple[object, ...], tuple[tuple[int, int, int], Any]] = {}
        self._bad: dict[Path, tuple[tuple[int, int, int], Refused]] = {}
        self._missed: set[Path] = set()
        if isinstance(root, str):
            self.listing()  # where a store cannot be listed, nothing is served

    @property
    def name(self) -> str:
        """What readers call all of it."""
        return line(self.root if isinstance(self.root, str) else self.root.name) or "the results"

    def listing(self) -> Listing:
        """What there is now, or was a moment ago."""
        with self._lock:
            now = time.monotonic()
            if self._listed < 0 or now - self._listed >= self._fresh:
                self._listing, self._listed = self._listed_now()._replace(turn=self._turn()), now
                self._forget({one.path for one in self._listing.files})
            return self._listing

    def _turn(self) -> int:
        """One more where a store did not give what was asked for: it may have been busy, and is asked again."""
        missed, self._missed = self._missed, set()
        for path in missed:
            self._bad.pop(path, None)
        return self._listing.turn + bool(missed)

    def _listed_now(self) -> Listing:
        """What there is; of a store that does not answer any more, what there was, and that it does not."""
        try:
            return listing(self.root)
        except UsageError as error:
            if self._listed < 0:
                raise
            kept = tuple(one for one in self._listing.refused if one.name != self.name)
            return self._listing._replace(refused=(*kept, Refused(self.name, f"is shown as it was: {self.said(error)}")))

    def ahead(self, some: Sequence[Found], columns: Sequence[str] | None = None) -> None:
        """Ask a store for what will be wanted of all of these at once: a glance, these columns, or whole files without any."""
        with self._lock:
            wanted = [one for one in some if one.entry is not None and not self._known_bad(one)]
            if columns is None:
                wanted = [one for one in wanted if self._records.get(one.path, ((), None))[0] != one.stamp]
            else:
                wanted = [one for one in wanted if self._others.get(_key(one, columns), ((), None))[0] != one.stamp]

        def read(one: Found) -> None:
            made = self._read(one, one.local if columns is None else lambda: self._columns(one, columns))
            if columns is not None and not isinstance(made, Refused):
                with self._lock:
                    self._others[_key(one, columns)] = (one.stamp, made)

        if len(wanted) > 1:
            with ThreadPoolExecutor(_TOGETHER) as pool:
                list(pool.map(read, wanted))

    def _forget(self, there: set[Path]) -> None:
        """What was read of files that are gone."""
        for path in [path for path in self._records if path not in there]:
            del self._records[path]
        for path in [path for path in self._bad if path not in there]:
            del self._bad[path]
        for key in [key for key in self._others if key[1] not in there]:
            del self._others[key]

    def refused(self, listing: Listing) -> list[Refused]:
        """What is not shown, as far as it was looked at since it was written."""
        with self._lock:
            known = ((one, self._bad.get(one.path)) for one in listing.files)
            return [*listing.refused, *(held[1] for one, held in known if held is not None and held[0] == one.stamp)]

    def refuse(self, one: Found, reason: str) -> Refused:
        """From now on the file is not shown, until it is written to."""
        with self._lock:
            found = Refused(one.name, reason.removeprefix(f"{one.name} "))
            self._bad[one.path] = (one.stamp, found)
            return found

    def _known_bad(self, one: Found) -> Refused | None:
        held = self._bad.get(one.path)
        return held[1] if held is not None and held[0] == one.stamp else None

    def record(self, one: Found) -> Record | Refused:
        """The whole file, its rows derived."""
        with self._lock:
            if bad := self._known_bad(one):
                return bad
            held = self._records.get(one.path)
            if held is None or held[0] != one.stamp:
                found = self._read(one, lambda: results.read(one.local()))
                if isinstance(found, Refused):
                    return found
                # Readers know the file by its name here, and not by where it lies on this machine.
                held = self._records[one.path] = (one.stamp, msgspec.structs.replace(found, path=one.name))
            self._records.move_to_end(one.path)
            total = sum(stamp[1] for stamp, _ in self._records.values())
            while total > _KEPT_BYTES and len(self._records) > 1:
                _, (stamp, _) = self._records.popitem(last=False)
                total -= stamp[1]
            return held[1]

    def glance(self, one: Found) -> Glance | Refused:
        """What the list of runs says of it: of a complete file its first line and its rows are read, and no samples."""
        found: Glance | Refused = self._kept(("glance", one.path), one, lambda: self._glance(one))
        return found

    def reading(self, one: Found, columns: Sequence[str]) -> Reading | Refused:
        """These columns of it, as a history reads them."""
        found: Reading | Refused = self._kept(_key(one, columns), one, lambda: self._columns(one, columns))
        return found

    def _columns(self, one: Found, columns: Sequence[str]) -> Reading:
        return reading.read(one.entry or one.path, columns)._replace(file=one.name)

    def _kept(self, key: tuple[object, ...], one: Found, make: Callable[[], Any]) -> Any:
        with self._lock:
            if bad := self._known_bad(one):
                return bad
            held = self._others.get(key)
            if held is None or held[0] != one.stamp:
                held = (one.stamp, self._read(one, make))
                if not isinstance(held[1], Refused):
                    self._others[key] = held
            return held[1]

    def _read(self, one: Found, make: Callable[[], Any]) -> Any:
        """What `make` reads, or in one line why it cannot be: a file that somebody made by hand may break any line of ours."""
        try:
            return make()
        except VbenchError as error:
            with self._lock:
                self._missed |= {one.path} if isinstance(error, StoreError) else set()
                return self.refuse(one, self.said(error, one))
        except Exception as error:  # noqa: BLE001 - as above, and the other files are to be shown
            return self.refuse(one, self.said(f"it cannot be read: {type(error).__name__}: {error}", one))

    def said(self, error: object, one: Found | None = None) -> str:
        """An error in one line, with the names of files as readers know them and not as they lie on this machine."""
        text = str(error)
        if one is not None:
            for place in (str(one.path), *([one.entry.address] if one.entry else [])):
                text = text.replace(place, one.name)
        if isinstance(self._home, Path) and self._home.is_absolute():
            text = text.replace(f"{self._home}{os.sep}", "").replace(str(self._home), self._home.name)
        return line(text)

    def _glance(self, one: Found) -> Glance | Refused:
        found = self.reading(one, ())
        if isinstance(found, Refused):
            return found
        if not found.derived:
            head, many = found.head, len(found.head.cases)
            return Glance(head.run_id, head.started, head.machine, head.commit, head.cases, len(found.rows), many, "complete")
        record = self.record(one)
        if isinstance(record, Refused):
            return record
        run, rows = record.run, record.results
        ok = sum(row.status == "ok" for row in rows)
        cases = tuple(row.case for row in rows)
        return Glance(run.run_id, run.started, run.machine, run.commit, cases, ok, len(rows), record.ended)


def _key(one: Found, columns: Sequence[str]) -> tuple[object, ...]:
    return ("reading", one.path, *columns)


def newest(shelf: Shelf, listing: Listing) -> Iterator[tuple[Found, Glance]]:
    """Every file that can be read with what it is about, the newest first; read one by one, as far as they are asked for."""
    for start in range(0, len(listing.files), _TOGETHER):
        some = listing.files[start : start + _TOGETHER]
        shelf.ahead(some, ())
        for one in some:
            glance = shelf.glance(one)
            if isinstance(glance, Glance):
                yield one, glance


def sound(shelf: Shelf, items: Sequence[tuple[Found, T]], show: Callable[[list[T]], R]) -> R:
    """What `show` makes of all items; where that breaks, of those that do not break it by themselves. The others are refused.

    What is in a file may be of the right type and still beyond anything that a table or a chart was made for.
    """
    try:
        return show([item for _, item in items])
    except VbenchError:
        raise
    except Exception:
        good = [(one, item) for one, item in items if _shows(shelf, one, item, show)]
        if len(good) == len(items):
            raise
        return show([item for _, item in good])


def _shows(shelf: Shelf, one: Found, item: T, show: Callable[[list[T]], Any]) -> bool:
    try:
        show([item])
    except VbenchError:  # nothing to show in it alone, which is no fault
        return True
    except Exception as error:  # noqa: BLE001 - as `sound` says
        shelf.refuse(one, shelf.said(f"it cannot be shown: {type(error).__name__}: {error}", one))
        return False
    return True
