"""What the threads of a cluster run have in the place of what a run on one machine has: a forkserver elsewhere, a shared file."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

import msgspec

from .. import head as heads
from .. import journal
from .pool import Lost
from .shares import Stopped

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from ..core import Replicate, Result
    from ..job import Job
    from .pool import Node, Station


class Served:
    """A forkserver on a node, as the pipeline knows one."""

    def __init__(self, station: Station, node: Node, *, start: str, preload: str, ordinal: int) -> None:
        self.ordinal = ordinal
        self._station = station
        self._node = node
        station.open(start, preload, ordinal)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with suppress(Lost):
            self._station.shut()

    def run(self, job: Job, patience_s: float) -> Replicate:
        """Run one job in a fresh worker over there; the replicate says on which node."""
        found = self._station.run(job, patience_s)
        return msgspec.structs.replace(found, notes=found.notes | {"node": self._node.short})


class Shared:
    """A journal that several threads write to."""

    def __init__(self, file: journal.Journal) -> None:
        self._file: journal.Journal | None = file
        self._lock = threading.RLock()

    def append(self, kind: str, line: Any) -> None:
        """One line, on disk before this returns. Raises Stopped where the file is closed: a reply came too late."""
        with self._lock:
            if self._file is None:
                raise Stopped
            self._file.append(kind, line)

    def finish(self, ended: str, rows: Iterable[Result]) -> None:
        """The rows, and how the run ended."""
        with self._lock:
            if self._file is not None:
                for row in rows:
                    journal.append_result(self._file, row)
            self.append("end", {"status": ended, "finished": heads.now()})

    def close(self) -> None:
        """Nothing is written any more."""
        with self._lock:
            file, self._file = self._file, None
            if file is not None:
                file.close()
