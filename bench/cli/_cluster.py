"""`vbench run --cluster`: the same run on many machines, and what it shows meanwhile."""

from __future__ import annotations

import io
import sys
import threading
import time
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import api, results, tables, units
from ..cluster import conduct, drafts, progress, rays
from ..cluster.places import Asked, where
from ..errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_NOTHING, EXIT_OK, UsageError
from . import _common as common
from . import _live

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..cluster.conduct import Conductor
    from ..cluster.places import Kind
    from ..cluster.shares import Share
    from ..cluster.sweep import Sweep
    from ..core import Case, Record, Replicate

# How often the places are shown: each time in a terminal, and in lines elsewhere.
_DRAWN_S, _SAID_S = 1.0, 15.0
_HEADS = ("place", "machine", "does", "case", "processes", "left")


def asked(each: str | None, labels: Sequence[str] | None, *, allow_mixed: bool) -> Asked:
    """What was typed. Raises UsageError for what cannot be meant."""
    if each not in {None, "machine"}:
        message = f"--each {each}: there is one kind, --each machine, by which every case runs on every distinct machine"
        raise UsageError(message)
    return Asked(where=where(common.words(labels)), each=each is not None, allow_mixed=allow_mixed)


def refuse_alone(**given: Any) -> None:
    """Refuse options that mean nothing without --cluster. Raises UsageError."""
    if named := [f"--{name.replace('_', '-')}" for name, value in given.items() if value]:
        message = f"{named[0]} belongs to a cluster run: vbench run --cluster auto {named[0]} …"
        raise UsageError(message)


def run(
    address: str,
    told: Asked,
    *,
    names: Sequence[str],
    selection: dict[str, Any],
    output: Path | None,
    resume: Path | None,
    again: dict[str, Any],
    port: int | None,
    plan_only: bool,
    as_json: bool,
    strict: bool,
    report: Callable[[Path], None] | None,
) -> int:
    """Measure on the machines of a cluster; the exit code."""
    follower = _follower(as_json=as_json)
    pool = None
    # What Ray has to say of nodes that die goes to standard output, which is for results; the follower says it in a line.
    with redirect_stdout(io.StringIO()):
        try:
            pool = rays.connect(address)
            kinds = drafts.survey(pool, told, follower)
            conductor: Conductor
            if resume is not None:
                conductor = conduct.resume(pool, told, kinds, resume, follower, **again)
            else:
                prepared = api.prepare(tuple(names), there=drafts.there(kinds), **selection)
                common.warn(prepared.errors)
                if plan_only:
                    with redirect_stdout(follower.out):
                        _live.show_plan(prepared, _folder(prepared, kinds), as_json=as_json)
                    return EXIT_OK
                conductor = conduct.begin(pool, told, kinds, prepared, follower, output=output)
            with progress.serving(port, conductor.files):
                records = conductor.run()
        finally:
            if pool is not None:
                pool.leave()
    if as_json:
        common.dump([results.row(record.run, result) for record in records for result in record.results])
    for record in records:
        if report is not None and record.ended == "complete" and any(result.status == "ok" for result in record.results):
            report(Path(record.path))
    return _code(conductor, records, strict=strict)


def _folder(prepared: api.Prepared, kinds: Sequence[Kind]) -> Path:
    return prepared.config.root / "results" / kinds[0].facts.machine.slug


def _code(conductor: Conductor, records: Sequence[Record], *, strict: bool) -> int:
    """The code of all files together; one whose cases went into another file says nothing."""
    counted = [record for record, sweep in zip(records, conductor.files(), strict=True) if not sweep.left_behind]
    codes = {results.exit_code(record, strict=strict) for record in counted}
    for code in (EXIT_INTERRUPTED, EXIT_FAILED, EXIT_OK):
        if code in codes:
            return code
    return EXIT_NOTHING


def _follower(*, as_json: bool) -> Any:
    """The follower that fits where the output goes."""
    return Live() if sys.stdout.isatty() and not as_json else Plain(rows=not as_json)


class Plain:
    """Progress on standard error, the rows of each file on standard output at the end."""

    def __init__(self, *, rows: bool) -> None:
        self.out = sys.stdout
        self._rows = rows
        self._lock = threading.Lock()
        self._shown = time.monotonic()

    def said(self, text: str) -> None:
        """A line."""
        with self._lock:
            print(text, file=sys.stderr, flush=True)

    def checking(self, sweep: Sweep, count: int) -> None:  # noqa: ARG002 - the follower's signature
        """What comes before anything is timed."""
        self.said(f"counting and verifying {count} cases wherever there is room")

    def working(self, sweep: Sweep, share: Share, case: Case) -> None:
        """Nothing: the line of the replicate follows soon."""

    def finished(self, sweep: Sweep, share: Share | None, replicate: Replicate) -> None:  # noqa: ARG002 - as above
        """A line per replicate, after it is on disk."""
        text = "" if replicate.status == "ok" else f": {replicate.reason}"
        at = "" if share is None else f"{share.place.name}: "
        self.said(f"  {at}{replicate.role} {replicate.case} #{replicate.index} {replicate.status}{text}")

    def lost(self, sweep: Sweep, share: Share, why: str) -> None:  # noqa: ARG002 - as above
        """What happens to its cases."""
        self.said(f"{share.place.name} is lost ({why}); its cases go to the others")

    def tick(self, sweeps: Sequence[Sweep]) -> None:
        """A line per place, now and then."""
        if time.monotonic() - self._shown >= _SAID_S:
            self._shown = time.monotonic()
            self.said(f"{progress.whole(sweeps)}\n{_places(sweeps)}")

    def ended(self, records: Sequence[Record]) -> None:
        """The table of each file."""
        for record in records:
            if self._rows:
                if len(records) > 1:
                    print(f"{record.run.machine.slug}:", file=self.out)
                print(_live.table(record), file=self.out)
            _live.closing(record, "vbench run --cluster ADDRESS")


class Live(Plain):
    """The places as a table in a terminal, redrawn by the main thread; the rows come at the end."""

    def __init__(self) -> None:
        super().__init__(rows=True)
        from rich.console import Console  # noqa: PLC0415 - only in a terminal
        from rich.live import Live as RichLive  # noqa: PLC0415 - as above

        self._live = RichLive(console=Console(stderr=True), auto_refresh=False, transient=True)
        self._started = False

    def said(self, text: str) -> None:
        """A line above the table."""
        with self._lock:
            self._live.console.print(text, markup=False, highlight=False)

    def finished(self, sweep: Sweep, share: Share | None, replicate: Replicate) -> None:
        """The table shows it; what went wrong is said."""
        if replicate.status != "ok":
            super().finished(sweep, share, replicate)

    def tick(self, sweeps: Sequence[Sweep]) -> None:
        """Draw the places anew."""
        from rich.text import Text  # noqa: PLC0415 - only in a terminal

        if time.monotonic() - self._shown < _DRAWN_S:
            return
        self._shown = time.monotonic()
        text = Text(f"{_places(sweeps)}\n{progress.whole(sweeps)}", no_wrap=True, overflow="ellipsis")
        with self._lock:
            if not self._started:
                self._live.start()
                self._started = True
            self._live.update(text, refresh=True)

    def ended(self, records: Sequence[Record]) -> None:
        """Take the table away, and show the rows."""
        if self._started:
            self._live.stop()
        super().ended(records)


def _places(sweeps: Sequence[Sweep]) -> str:
    """A row for each place."""
    rows = [
        (one.place, one.machine, one.phase, one.case or "–", f"{one.done} of {one.done + one.missing}", _clock(one))
        for sweep in sweeps
        for one in progress.lines(sweep)
    ]
    return tables.aligned(_HEADS, rows, right=(4, 5)) if rows else "no place measures yet"


def _clock(one: progress.Line) -> str:
    return units.clock(one.left_s) if one.phase in {"waiting", "working"} else "–"
