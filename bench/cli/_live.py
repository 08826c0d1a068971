"""What `vbench run` shows: a live table in a terminal, plain lines elsewhere, and the plan with its estimated time.

All of it is drawn between workers: while one measures, this process is blocked on a pipe.
"""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any

from .. import effort, flags, further, tables, units
from ..reports import extra
from ..reports.rows import Row, axis_text, folded
from . import _common as common

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..api import Prepared
    from ..core import Case, Record, Replicate, Result
    from ..reports.rows import Alike
    from ..state import State

_AXES = ("phase", "scenario", "engine", "engine_options", "precision", "device", "batch", "threads", "layout", "input_shape")
_HEADER = ("latency [95 %]", "images/s", "params", "MACs", "memory", "n", "status")


STEPS = {-1: "counting and verifying", -2: "energy", -3: "further suites"}


def watcher(*, as_json: bool) -> Any:
    """The watcher that fits where the output goes."""
    if sys.stdout.isatty() and not as_json:
        return Live()
    return Plain(rows=not as_json)


def labels(cases: tuple[Case, ...]) -> dict[str, str]:
    """A short label per case: its architecture, and the axes in which the cases of this run differ."""
    varying = [axis for axis in _AXES if len({getattr(case, axis) for case in cases}) > 1]
    out = {}
    for case in cases:
        said = []
        for axis in varying:
            short = {"batch": "b", "threads": "t"}.get(axis, "")
            said.append(f"{short}{axis_text(case, axis)}")
        out[case.id] = " ".join([case.label, *filter(None, said)])
    return out


def header(columns: Sequence[extra.Extra]) -> tuple[str, ...]:
    """The headings, those that only some scenarios fill before the last two."""
    return ("architecture", *_HEADER[:-2], *(column.head for column in columns), *_HEADER[-2:])


def cells(result: Result, columns: Sequence[extra.Extra] = ()) -> tuple[str, ...]:
    """One row of the table after its label."""
    values = result.values
    latency = units.interval(values.get("latency_s"), values.get("latency_s_low"), values.get("latency_s_high"))
    if values.get("latency_s_low") is None:
        latency = units.duration(values.get("latency_s"))
    state = result.status if result.status != "ok" or not result.flags else f"ok ({', '.join(result.flags)})"
    return (
        latency,
        units.quantity(values.get("throughput_per_s"), "1/s").removesuffix("/s"),
        units.count(values.get("params")),
        units.count(values.get("macs")),
        units.bytes_(values.get("peak_host_bytes")),
        *(column.cell(values) for column in columns),
        str(values.get("latency_processes", values.get("throughput_processes", 0))),
        state,
    )


def counted(many: Sequence[Alike], columns: Sequence[extra.Extra]) -> tuple[str, ...]:
    """One row for all that were skipped for a reason that many share; the reasons follow the table."""
    return (f"{sum(len(alike.rows) for alike in many)} cases", *cells(many[0].rows[0].result, columns))


def outlook(state: State) -> str:
    """Processes done, time gone, and the time left as far as it is known."""
    left = further.outlook_s(state)
    done = sum(r.role == "measure" for r in state.replicates)
    wanted = done + sum(max(0, state.least(c) - len(state.of(c))) for c in state.first)
    return f"{done} processes of at least {wanted}, {units.clock(state.elapsed())} gone, about {units.clock(left)} left"


def measuring(missing: Sequence[str]) -> str:
    """What is measured before the run, once for this machine."""
    names = "; ".join(missing)
    return f"measuring what this machine can do at most ({names}): once, a few seconds each, out of the run's time limit"


def opening(state: State) -> str:
    """How many cases go where, and what was before them."""
    note = f", resumed with {state.measured_before} processes" if state.measured_before else ""
    before = f", after {units.clock(state.ceilings_s)} for ceilings" if state.ceilings_s >= 1 else ""
    return f"{len(state.run.cases)} cases into {state.path}{note}{before}"


class Plain:
    """Progress on standard error, a row per finished case on standard output."""

    def __init__(self, *, rows: bool) -> None:
        self._rows = rows

    def started(self, state: State) -> None:
        """Where the results go."""
        self._say(opening(state))

    def ceilings(self, missing: Sequence[str]) -> None:
        """One line, since a few seconds go by."""
        self._say(measuring(missing))

    def round(self, state: State, number: int, pause_s: float) -> None:
        """A line per round."""
        name = STEPS.get(number) or f"round {number + 1}"
        wait = f" (in {pause_s:.0f} s, so that the run is spread over time)" if pause_s >= 1 else ""
        self._say(f"{name}{wait}: {outlook(state)}")

    def working(self, state: State, case: Case) -> None:
        """Nothing: the line of the replicate follows soon."""

    def finished(self, state: State, replicate: Replicate) -> None:  # noqa: ARG002 - the watcher's signature
        """A line per replicate, after it is on disk."""
        text = "" if replicate.status == "ok" else f": {replicate.reason}"
        self._say(f"  {replicate.role} {replicate.case} #{replicate.index} {replicate.status}{text}")

    def ended(self, state: State, record: Record) -> None:  # noqa: ARG002 - the watcher's signature
        """The table."""
        if self._rows:
            print(table(record))
        closing(record)

    def _say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)


def table(record: Record) -> str:
    """The finished rows as plain text."""
    names = labels(record.run.cases)
    columns = extra.shown(record.results)
    kept, many = folded(Row(record.run, result) for result in record.results)
    rows = [(names[row.case.id], *cells(row.result, columns)) for row in kept]
    rows += [counted(many, columns)] if many else []
    heads = header(columns)
    return tables.aligned(heads, rows, right=tuple(range(1, len(heads) - 1)))


def closing(record: Record, again: str = "vbench run") -> None:
    """After the table: what each flag asks for, why rows are missing their numbers, and what goes on with an interrupted run."""
    for flag in dict.fromkeys(flag for result in record.results for flag in result.flags):
        print(f"{flag}: {flags.FLAGS.get(flag, '')}", file=sys.stderr)
    names = labels(record.run.cases)
    kept, many = folded(Row(record.run, result) for result in record.results)
    for alike in many:
        print(f"{alike.names(names[row.case.id] for row in alike.rows)}: skipped: {alike.reason}", file=sys.stderr)
    for result in (row.result for row in kept):
        if result.reason:
            print(f"{names[result.case.id]}: {result.status}: {result.reason}", file=sys.stderr)
        if note := result.values.get("server_note"):
            print(f"{names[result.case.id]}: {note}", file=sys.stderr)
        if why := result.values.get("slow_cause"):
            print(f"{names[result.case.id]}: {extra.speedup(result.values)} as quick as fp32: {why}", file=sys.stderr)
        if text := result.values.get("saved"):
            print(f"{names[result.case.id]}: {text}", file=sys.stderr)
    for reason, cases in unread(record).items():
        print(f"energy of {', '.join(names[case] for case in cases)}: {reason}", file=sys.stderr)
    if record.ended == "interrupted":
        print(f"interrupted; everything measured is in {record.path}", file=sys.stderr)
        print(f"to go on: {again} --resume {shlex.quote(record.path)}", file=sys.stderr)


def unread(record: Record) -> dict[str, list[str]]:
    """Why energy cells are empty, each reason with its cases."""
    found: dict[str, list[str]] = {}
    for result in record.results:
        if note := result.values.get("energy_note"):
            found.setdefault(note, []).append(result.case.id)
    return found


class Live:
    """A table that is redrawn when a worker has finished; drawing by itself would take time from the next one."""

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - only in a terminal
        from rich.live import Live as RichLive  # noqa: PLC0415 - as above

        self._live = RichLive(console=Console(), auto_refresh=False, vertical_overflow="visible")
        self._names: dict[str, str] = {}
        self._current = ""
        self._round = ""

    def started(self, state: State) -> None:
        """Begin to draw."""
        self._names = labels(state.run.cases)
        self._live.console.print(opening(state), markup=False, highlight=False)
        self._live.start()

    def ceilings(self, missing: Sequence[str]) -> None:
        """One line, above the table."""
        self._live.console.print(measuring(missing), markup=False, highlight=False)

    def round(self, state: State, number: int, pause_s: float) -> None:
        """Name the round."""
        name = STEPS.get(number) or f"round {number + 1}"
        self._round = f"{name} in {pause_s:.0f} s (spread over time)" if pause_s >= 1 else name
        self._draw(state)
        self._round = name

    def working(self, state: State, case: Case) -> None:
        """Mark the case."""
        self._current = case.id
        self._draw(state)

    def finished(self, state: State, replicate: Replicate) -> None:  # noqa: ARG002 - the watcher's signature
        """Its row changes when the next worker is announced."""
        self._current = ""

    def ended(self, state: State, record: Record) -> None:
        """Draw for the last time."""
        self._current, self._round = "", f"{record.ended}: results in {state.path}"
        self._draw(state, final=True)
        self._live.stop()
        closing(record)

    def _draw(self, state: State, *, final: bool = False) -> None:
        from rich.console import Group  # noqa: PLC0415 - only in a terminal
        from rich.table import Table  # noqa: PLC0415 - as above
        from rich.text import Text  # noqa: PLC0415 - as above

        grid = Table(box=None, pad_edge=False, header_style="bold")
        results = state.results()
        columns = extra.shown(results)
        heads = header(columns)
        for index, name in enumerate(heads):
            grid.add_column(name, justify="right" if 0 < index < len(heads) - 1 else "left", no_wrap=index == 0)
        _, many = folded(Row(state.run, result) for result in results if final or result.case.id in state.run.skipped)
        hidden = {row.case.id for alike in many for row in alike.rows}
        for case, result in zip(state.run.cases, results, strict=True):
            if case.id in hidden:
                continue
            waiting = not final and not state.of(case) and case.id not in state.run.skipped and not state.failed(case)
            row = list(cells(result, columns))
            if waiting:
                row[-1] = "waiting"
            if case.id == self._current:
                row[-1] = "measuring"
            style = {"ok": "", "skipped": "dim"}.get(result.status, "red")
            grid.add_row(*[Text(text, style="dim" if waiting else style) for text in (self._names[case.id], *row)])
        if many:
            grid.add_row(*[Text(text, style="dim") for text in counted(many, columns)])
        line = Text(self._round if final else f"{self._round}: {outlook(state)}", style="dim", no_wrap=True, overflow="ellipsis")
        self._live.update(Group(grid, line), refresh=True)


def show_plan(prepared: Prepared, folder: Path, *, as_json: bool) -> None:
    """The cases, and about how long they will take: from earlier runs in that folder, else from the declared MACs."""
    import msgspec  # noqa: PLC0415 - only for an estimate

    from .. import estimate  # noqa: PLC0415 - loads torch
    from ..config import QUICK  # noqa: PLC0415 - as above

    known, rate = estimate.earlier(folder), estimate.matmul_rate()
    plan, settings = prepared.plan, prepared.settings
    first = [case for case in plan.open if case.id not in plan.further]
    later = [case for case in plan.open if case.id in plan.further]
    short = msgspec.structs.replace(settings, **QUICK)
    seconds = estimate.estimate(first, settings, known, rate) | estimate.estimate(later, short, known, rate)
    limit, total = settings.time_limit, estimate.total(first, settings, seconds)
    if as_json:
        common.dump([{"case_id": c.id, "seconds": seconds.get(c.id), "reason": plan.skipped.get(c.id)} for c in plan.cases])
        return
    rows = [
        (case.id, units.clock(seconds[case.id]) if case.id in seconds else f"skipped: {plan.skipped[case.id]}")
        for case in plan.cases
    ]
    print(tables.aligned(("case", "estimate"), rows, right=()))
    least = min((effort.bounds(case, settings)[0] for case in first), default=0)
    note = f", and goes on to {units.clock(limit)} for narrower intervals" if limit is not None and limit > total else ""
    print(f"{len(first)} cases, at least {least} processes each: about {units.clock(total)}{note}", file=sys.stderr)
    if later:
        allowed = "" if limit is None else f", as far as {units.clock(limit)} allow"
        print(f"{len(later)} further cases: about {units.clock(estimate.total(later, short, seconds))}{allowed}", file=sys.stderr)
