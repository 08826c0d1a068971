"""`vbench run`, readable on one screen: plan, check each case once, then measure in shuffled rounds, each on disk at once."""

from __future__ import annotations

import random
import signal
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import effort, journal, results, sweeps
from .axes import lasts
from .errors import ResultFileError
from .job import Job, catalogue, memory_limit
from .registry import ARCHITECTURES, ENGINES
from .stats import median
from .supervisor import Server

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .config import Settings
    from .core import Case, Record, Replicate, Result, Run
    from .measure import Budget
    from .watch import Watcher

# Seconds that a process is taken to last before one has run.
_GUESS_S = 2.0


class State:
    """A run under way: what is planned, what is on disk, and when it began."""

    def __init__(
        self, run: Run, settings: Settings, path: Path, replicates: Sequence[Replicate], ceilings_s: float = 0.0
    ) -> None:
        self.run = run
        self.settings = settings
        self.path = path
        self.replicates: list[Replicate] = list(replicates)
        self.began = time.perf_counter()
        # Seconds of the run that were over when processes began to measure; None as long as none has.
        self.before: float | None = None
        self.measured_before = len(self.replicates)
        # A run that is resumed has what its earlier sessions took already behind it, a new one what its ceilings took.
        self.servers = 0
        self.ceilings_s = ceilings_s
        self.spent = sum(replicate.seconds for replicate in replicates) + ceilings_s

    def of(self, case: Case, role: str = "measure") -> list[Replicate]:
        """The replicates of a case so far."""
        return [r for r in self.replicates if r.case == case.id and r.role == role]

    def failed(self, case: Case) -> bool:
        """Whether something went wrong with this case, so that it is not measured again."""
        return any(r.status != "ok" for r in self.replicates if r.case == case.id and r.role != "energy")

    def results(self, ended: str = "") -> tuple[Result, ...]:
        """All rows as they stand, each compared with the others of the run."""
        return results.derive(self.run, self.replicates, ended)

    def open(self) -> list[Case]:
        """The cases that still want a process: too few yet, or not yet as precise as asked."""
        wanted = []
        for case in self.run.cases:
            if case.id in self.run.skipped or self.failed(case):
                continue
            if effort.unfinished(case, self.of(case), self.settings):
                wanted.append(case)
        return wanted

    def elapsed(self) -> float:
        """Seconds that the run has taken, its ceilings and earlier sessions included."""
        return self.spent + time.perf_counter() - self.began

    @property
    def limit(self) -> float | None:
        """The time limit; longer only where the ceilings would leave the required processes less than they need of it."""
        limit = self.settings.time_limit
        if limit is None:
            return None
        cases = [case for case in self.run.cases if case.id not in self.run.skipped]
        needed = sum(effort.bounds(case, self.settings)[0] * (_GUESS_S + lasts(case.scenario)) for case in cases)
        return max(limit, self.ceilings_s + min(limit, needed))

    def begin(self) -> None:
        """From now on processes measure: what is spread over time begins here, and not with the check."""
        self.before = self.elapsed() - sum(r.seconds for r in self.replicates if r.role == "measure")

    def measuring(self) -> float:
        """Seconds since processes began to measure, earlier sessions included."""
        return 0.0 if self.before is None else self.elapsed() - self.before

    def next_server(self) -> int:
        """A number for the next forkserver that no earlier one had."""
        self.servers = max(self.servers, max((r.server for r in self.replicates), default=0)) + 1
        return self.servers

    def cost(self, case: Case) -> float:
        """Seconds that a process of this case took, or a guess before the first."""
        took = [r.seconds for r in self.of(case)]
        return median(took) if took else _GUESS_S


def execute(  # noqa: PLR0913 - what was planned, where it goes, who watches, and what there is already
    run: Run,
    settings: Settings,
    path: Path,
    watcher: Watcher,
    *,
    found: Sequence[Replicate] = (),
    size: int = 0,
    complete: bool = False,
    plugin_errors: tuple[str, ...] = (),
    ceilings_s: float = 0.0,
) -> Record:
    """Measure everything that `found` does not hold yet, and return the Record; Ctrl-C gives what there is.

    `ceilings_s` are the seconds that went into the machine's ceilings just before: they count against the time limit.
    """
    state = State(run, settings, path, found, ceilings_s)
    if complete:
        return _nothing_missing(state, watcher, plugin_errors)
    file = journal.Journal(path, size)
    handler: Any = None
    try:
        ended, trouble = _everything(state, file, watcher, new=size == 0)
        if ended == "interrupted" and threading.current_thread() is threading.main_thread():
            # A second Ctrl-C must not take the end line and the line to resume with it.
            handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            if trouble is None:
                file.append("end", {"status": ended, "finished": datetime.now(UTC).isoformat(timespec="seconds")})
        except ResultFileError as error:
            trouble = error
        record = results.record(run, state.replicates, ended, str(path), plugin_errors)
        watcher.ended(state, record)
    finally:
        file.close()
        if handler is not None:
            signal.signal(signal.SIGINT, handler)
    if trouble is not None:
        raise trouble
    return record


def _everything(state: State, file: journal.Journal, watcher: Watcher, *, new: bool) -> tuple[str, ResultFileError | None]:
    """Check, measure, and write the rows down; how it ended, and what is wrong with the disk."""
    try:
        if new:
            file.append("run", state.run)
        watcher.started(state)
        _check(state, file, watcher)
        _rounds(state, file, watcher)
        _energy(state, file, watcher)
        for result in state.results("complete"):
            journal.append_result(file, result)
    except KeyboardInterrupt:
        return "interrupted", None
    except ResultFileError as error:
        return "disk", error
    return "complete", None


def _nothing_missing(state: State, watcher: Watcher, plugin_errors: tuple[str, ...]) -> Record:
    """A run that is complete is read, and not touched."""
    watcher.started(state)
    record = results.record(state.run, state.replicates, "complete", str(state.path), plugin_errors)
    watcher.ended(state, record)
    return record


def _check(state: State, file: journal.Journal, watcher: Watcher) -> None:
    """Count and verify each case once, before anything is timed."""
    todo = [c for c in state.run.cases if c.id not in state.run.skipped and not state.of(c, "check")]
    todo = [c for c in todo if getattr(ENGINES.get(c.engine), "builds", True)]
    if not todo:
        return
    watcher.round(state, -1, 0.0)
    with Server(start=state.settings.start, preload="count", ordinal=state.next_server()) as server:
        for case in todo:
            _one(state, file, watcher, server, job(state, case, role="check", server=server.ordinal))


def _rounds(state: State, file: journal.Journal, watcher: Watcher) -> None:
    """One replicate of every open case per round, in an order shuffled with the recorded seed, until all are done."""
    number = max((r.round for r in state.replicates), default=-1) + 1
    state.begin()
    while cases := state.open():
        least = min(len(state.of(case)) for case in cases)
        required = any(len(state.of(case)) < effort.bounds(case, state.settings)[0] for case in cases)
        expected = sum(state.cost(case) for case in cases)
        if not required and _left(state) < expected / len(cases):
            return
        pause = _pause(state, least, expected)
        watcher.round(state, number, pause)
        time.sleep(pause)
        random.Random(f"{state.settings.seed}:{number}").shuffle(cases)  # noqa: S311 - an order, not a secret
        preload = "torch" if any(getattr(ENGINES.get(c.engine), "builds", True) for c in cases) else "none"
        with Server(start=state.settings.start, preload=preload, ordinal=state.next_server()) as server:
            for case in cases:
                if not required and _left(state) < state.cost(case):
                    continue
                _one(state, file, watcher, server, job(state, case, number=number, server=server.ordinal))
        number += 1


def _energy(state: State, file: journal.Journal, watcher: Watcher) -> None:
    """Read the energy counter once per case, in a worker of its own and after everything that is timed."""
    todo = [case for case in _unread(state) if state.of(case)]
    if not todo:
        return
    watcher.round(state, -2, 0.0)
    preload = "torch" if any(getattr(ENGINES.get(c.engine), "builds", True) for c in todo) else "none"
    with Server(start=state.settings.start, preload=preload, ordinal=state.next_server()) as server:
        for case in todo:
            _one(state, file, watcher, server, job(state, case, role="energy", server=server.ordinal))


def _unread(state: State) -> list[Case]:
    """The cases whose energy is asked for and not yet read; one that failed has no work worth a joule."""
    if not state.settings.energy:
        return []
    cases = [c for c in state.run.cases if c.id not in state.run.skipped and not state.failed(c)]
    return [c for c in cases if not state.of(c, "energy") and effort.steady(c)]


def _left(state: State) -> float:
    """Seconds that the time limit leaves for the rounds, after what the energy pass will take (of the whole, half at most)."""
    limit = state.limit
    if limit is None:
        return float("inf")
    reserved = sum(effort.energy_s(state.settings, case) for case in _unread(state))
    return limit - state.elapsed() - min(reserved, limit / 2)


def _pause(state: State, done: int, expected: float) -> float:
    """How long to wait before a round; not before the first, and not in virtual time."""
    if done == 0 or all(case.virtual for case in state.run.cases):
        return 0.0
    return effort.pause(state.settings, state.settings.min_processes - done, state.measuring(), expected, _left(state))


def _one(state: State, file: journal.Journal, watcher: Watcher, server: Server, task: Job) -> None:
    """Run one worker and put what it found on disk before anything else happens."""
    watcher.working(state, task.case)
    name = task.case.architecture
    declared = ARCHITECTURES.get(name).macs if name in ARCHITECTURES else None
    patience_s = getattr(ENGINES.get(task.case.engine), "patience_s", 0.0)
    replicate = server.run(task, patience_s + effort.timeout(task.case, state.settings, declared or 0))
    file.append("replicate", replicate)
    state.replicates.append(replicate)
    watcher.finished(state, replicate)


def job(state: State, case: Case, *, number: int = -1, server: int = 0, role: str = "measure") -> Job:
    """What a worker has to know; an architecture and an engine go by the name of their source."""
    settings = state.settings
    checked = next((r for r in state.of(case, "check")), None)
    return Job(
        case=case,
        index=0 if role != "measure" else max((r.index for r in state.of(case)), default=-1) + 1,
        round=number,
        server=server,
        check=role == "check",
        energy=role == "energy",
        architecture=ARCHITECTURES.source(case.architecture),
        engine=ENGINES.source(case.engine),
        catalogue=catalogue(),
        images=str(Path(settings.images).resolve()) if settings.images else "",
        weights=str(Path(state.run.weights[case.weights]).resolve()) if case.weights in state.run.weights else "",
        seed=settings.seed,
        memory_limit=memory_limit(settings),
        fit=settings.memory_limit,
        device_memory_limit=None if case.device == "cpu" else settings.memory_limit,
        budget=budget(state, case),
        batches=sweeps.batches(case, state.of(case)),
        expected=checked.output if checked is not None else (),
    )


def budget(state: State, case: Case) -> Budget:
    """The passes of the next process of a case, within what the time limit leaves for all that is required."""
    cases = [c for c in state.run.cases if c.id not in state.run.skipped and not state.failed(c)]
    missing = sum(max(0, effort.bounds(c, state.settings)[0] - len(state.of(c))) for c in cases)
    return effort.budget(state.of(case), state.settings, missing, _left(state))
