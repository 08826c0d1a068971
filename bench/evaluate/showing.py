"""Cases are shown labelled pictures in workers, and every few seconds what they answered is on disk."""

from __future__ import annotations

import signal
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from .. import accuracies, compress, journal, results
from ..accuracies import Answers, Finished, Shown
from ..core import Replicate
from ..errors import UsageError
from ..job import Job, catalogue, memory_limit
from ..registry import ARCHITECTURES, ENGINES
from ..scoring import UNREADABLE, order
from ..supervisor import Server

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..config import Settings
    from ..core import Case, Record
    from .planning import Begun

# About how many seconds of answers a crash may cost.
CHUNK_S = 5.0
_NAMED = 3


class How(msgspec.Struct, frozen=True, kw_only=True):
    """What may be another in each session of an evaluation: threads that decode, and whether unreadable pictures are left out."""

    workers: int
    skip_broken: bool = False


class Watcher(Protocol):
    """Is told how an evaluation goes on."""

    def case(self, begun: Begun, case: Case, done: int) -> None:
        """A worker begins with this case, of which so many pictures are done."""

    def shown(self, case: Case, marks: str, pictures: int, left_s: float) -> None:
        """These letters are on disk, and about so many seconds are left for the case."""

    def finished(self, case: Case, finished: Finished) -> None:
        """The case is done, whatever became of it."""


def execute(begun: Begun, settings: Settings, how: How, watcher: Watcher) -> Record:
    """Show what is missing, and return the file's Record; Ctrl-C gives what there is."""
    if not begun.todo and not begun.new:
        return results.read(begun.path)
    file = journal.Journal(begun.path, begun.size, verb="evaluate")
    ended, handler = "interrupted", None
    try:
        if begun.head is not None:
            file.append("run", begun.head)
        if begun.new:
            file.append("evaluation", begun.evaluated.head)
        with Server(start=settings.start, preload="torch") as server:
            for case in begun.todo:
                _one(begun, case, settings, how, file=file, server=server, watcher=watcher)
        ended = "complete"
    except KeyboardInterrupt:
        if threading.current_thread() is threading.main_thread():
            # A second Ctrl-C must not take the end line and the line to resume with it.
            handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    finally:
        if begun.own:
            file.append("end", {"status": ended, "finished": datetime.now(UTC).isoformat(timespec="seconds")})
        file.close()
        if handler is not None:
            signal.signal(signal.SIGINT, handler)
    record = results.read(begun.path)
    return record if begun.own else msgspec.structs.replace(record, ended=ended)


def _one(  # noqa: PLR0913 - an evaluation, where it goes, and who watches
    begun: Begun, case: Case, settings: Settings, how: How, *, file: journal.Journal, server: Server, watcher: Watcher
) -> None:
    """Show a case the pictures that it has not seen, and write down what it answered and what became of it."""
    head, marks = begun.evaluated.head, begun.evaluated.marks(case)
    patience_s = settings.timeout + getattr(ENGINES.get(case.engine), "patience_s", 0.0)
    watcher.case(begun, case, len(marks))
    server.begin(_job(begun, case, settings, how, start=len(marks)))
    reply = server.hear(patience_s)
    count, outputs = case.batch, begun.evaluated.outputs(case)
    while not isinstance(reply, Replicate) and len(marks) < head.pictures:
        began = time.perf_counter()
        server.ask(f"next {min(count, head.pictures - len(marks))}")
        reply = server.hear(patience_s)
        if isinstance(reply, Replicate):
            break
        seconds = time.perf_counter() - began
        outputs, *ranks = reply
        if not how.skip_broken and (broken := _broken(begun, len(marks), ranks)):
            raise UsageError(_unreadable(begun, broken, len(marks) + len(ranks)))
        letters = "".join(map(_letter, ranks))
        file.append(
            "answers",
            Answers(
                evaluation=head.id, case=case.id, first=len(marks), marks=letters, outputs=outputs, seconds=round(seconds, 3)
            ),
        )
        marks += letters
        rate = len(ranks) / max(seconds, 1e-9)
        count = max(1, round(rate * CHUNK_S / case.batch)) * case.batch
        watcher.shown(case, marks, head.pictures, (head.pictures - len(marks)) / rate)
    if not isinstance(reply, Replicate):
        server.ask("end")
        reply = server.hear(patience_s)
    finished = _finished(begun, case, marks, outputs, reply)  # type: ignore[arg-type]  # a worker that was told to end has ended
    file.append("accuracy", finished)
    watcher.finished(case, finished)


def _letter(rank: int) -> str:
    return accuracies.UNREADABLE if rank == UNREADABLE else str(rank) if rank < accuracies.TOP else accuracies.BEYOND


def _broken(begun: Begun, first: int, ranks: Sequence[int]) -> list[str]:
    """The names of the pictures that could not be read, of those from the `first` on."""
    todo = order(len(begun.pictures), begun.evaluated.head.seed)
    return [begun.pictures.name(int(todo[first + number])) for number, rank in enumerate(ranks) if rank == UNREADABLE]


def _unreadable(begun: Begun, broken: Sequence[str], seen: int) -> str:
    more = f" and {len(broken) - _NAMED} more" if len(broken) > _NAMED else ""
    many = f"{len(broken)} picture{'s' * (len(broken) > 1)} of the first {seen}"
    return (
        f"{many} cannot be read: {', '.join(broken[:_NAMED])}{more}; mend or remove them, or leave them out with --skip-broken "
        f"(`vbench evaluate --resume {begun.path} --skip-broken` goes on)"
    )


def _finished(begun: Begun, case: Case, marks: str, outputs: int, reply: Replicate) -> Finished:
    head = begun.evaluated.head
    ranks = [UNREADABLE if mark == accuracies.UNREADABLE else 0 for mark in marks]
    found = accuracies.measured(head, case, marks, outputs) if reply.status == "ok" else None
    return Finished(
        evaluation=head.id, case=case.id, status=reply.status, reason=reply.reason, notes=reply.notes,
        values={} if found is None else accuracies.columns(found), unreadable=tuple(_broken(begun, 0, ranks)),
    )  # fmt: skip


def _job(begun: Begun, case: Case, settings: Settings, how: How, *, start: int) -> Job:
    head = begun.evaluated.head
    return Job(
        case=case, architecture=ARCHITECTURES.source(case.architecture), engine=ENGINES.source(case.engine),
        compressors=compress.sources(case), catalogue=catalogue(),
        images=str(Path(head.images).resolve()) if head.images else "",
        weights=head.weights[case.weights], seed=head.seed, memory_limit=memory_limit(settings),
        device_memory_limit=None if case.device == "cpu" else settings.memory_limit,
        shown=Shown(
            data=head.data, label=head.label, targets=head.targets, exact=not head.mapped, available=head.available,
            seed=head.seed, start=start, end=head.pictures, workers=how.workers,
        ),
    )  # fmt: skip
