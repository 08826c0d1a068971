"""`vbench run`, readable on one screen: plan, check each case once, then measure in shuffled rounds, each on disk at once."""

from __future__ import annotations

import random
import signal
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from . import compress, effort, further, journal, results, sweeps
from .errors import ResultFileError
from .job import QUICK_VERIFY_S, VERIFY_S, Job, catalogue, memory_limit
from .registry import ARCHITECTURES, ENGINES
from .state import State
from .supervisor import Server

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .config import Settings
    from .core import Case, Record, Replicate, Run
    from .measure import Budget
    from .watch import Watcher


class Appends(Protocol):
    """Where lines go: a journal, or one that several threads share."""

    def append(self, kind: str, line: Any) -> None:
        """One line, on disk before this returns."""


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

    A run that is `complete` goes on only with further cases that its time limit did not allow, and a longer one does.
    `ceilings_s` are the seconds that went into the machine's ceilings just before: they count against the time limit.
    """
    state = State(run, settings, path, found, ceilings_s)
    if complete and not (further.upcoming(state) is not None and state.longer):
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
        measure(state, file, watcher)
        for result in state.results("complete"):
            journal.append_result(file, result)
    except KeyboardInterrupt:
        return "interrupted", None
    except ResultFileError as error:
        return "disk", error
    return "complete", None


def measure(state: State, file: Appends, watcher: Watcher) -> None:
    """Check, time, and read the energy of all that a state holds: here the whole run, in a cluster what one machine has of it."""
    with ExitStack() as kept:
        checker = _check(state, file, watcher, kept)
        _rounds(state, file, watcher, checker)
    _energy(state, file, watcher)


def _nothing_missing(state: State, watcher: Watcher, plugin_errors: tuple[str, ...]) -> Record:
    """A run that is complete is read, and not touched."""
    watcher.started(state)
    record = results.record(state.run, state.replicates, "complete", str(state.path), plugin_errors)
    watcher.ended(state, record)
    return record


def _check(state: State, file: Appends, watcher: Watcher, kept: ExitStack) -> Server | None:
    """Count and verify each case once, before anything is timed; the server goes on waiting where further cases need one."""
    todo = [c for c in state.first if not state.of(c, "check")]
    todo = [c for c in todo if further.builds(c)]
    if not todo:
        return None
    watcher.round(state, -1, 0.0)
    server = kept.enter_context(_server(state, "count"))
    for case in filter(state.claim, todo):
        _one(state, file, watcher, server, job(state, case, role="check", server=server.ordinal))
    if state.later:
        return server
    kept.close()
    return None


def _rounds(state: State, file: Appends, watcher: Watcher, checker: Server | None) -> None:
    """One replicate of every open case per round, in an order shuffled with the recorded seed, until all are done.

    The further cases come as soon as the first ones have what is required; what is left of the time is for all of them.
    """
    number = max((r.round for r in state.replicates), default=-1) + 1
    state.begin()
    gone_on = False
    while True:
        required = state.required()
        if not required and not gone_on and state.later:
            _further(state, file, watcher, number, checker)
            number += 1
            gone_on = True
        cases = [case for case in state.open() if not required or case.id not in state.run.further]
        if not cases:
            return
        least = min(len(state.of(case)) for case in cases)
        expected = sum(state.cost(case) for case in cases)
        if not required and state.left() < expected / len(cases):
            return
        pause = _pause(state, least, expected)
        watcher.round(state, number, pause)
        time.sleep(pause)
        random.Random(f"{state.settings.seed}:{number}").shuffle(cases)  # noqa: S311 - an order, not a secret
        with _server(state, _preload(cases)) as server:
            for case in cases:
                if (not required and state.left() < state.cost(case)) or not state.claim(case):
                    continue
                _one(state, file, watcher, server, job(state, case, number=number, server=server.ordinal))
        number += 1


def _further(state: State, file: Appends, watcher: Watcher, number: int, checker: Server | None) -> None:
    """Check and measure once the cases of further suites, one after the other, as long as the time limit allows.

    Two servers, since what counting imports would lie in the memory of the processes that measure: the one that checked the
    first cases, where it is still there, and a new one.
    """
    watcher.round(state, -3, 0.0)
    tried: set[str] = set()
    with ExitStack() as servers:
        started = {
            "check": checker or servers.enter_context(_server(state, "count")),
            "measure": servers.enter_context(_server(state, _preload(state.later))),
        }
        while (case := further.upcoming(state, tried)) is not None:
            tried.add(case.id)
            if not state.claim(case):
                continue
            for role, server in started.items():
                done = role == "check" and (state.of(case, role) or not further.builds(case))
                if done or state.failed(case) or (role == "measure" and further.builds(case) and not state.of(case, "check")):
                    continue
                task = job(state, case, number=number if role == "measure" else -1, server=server.ordinal, role=role)
                _one(state, file, watcher, server, task, most_s=state.left() + further.GRACE_S)


def _server(state: State, preload: str) -> Server:
    """Where the next workers are forked: in a process of this machine, or in one of another that the state knows how to ask."""
    server: Server = (state.serve or Server)(start=state.settings.start, preload=preload, ordinal=state.next_server())
    return server


def _preload(cases: Sequence[Case]) -> str:
    return "torch" if any(further.builds(case) for case in cases) else "none"


def _energy(state: State, file: Appends, watcher: Watcher) -> None:
    """Read the energy counter once per case, in a worker of its own and after everything that is timed."""
    todo = [case for case in state.unread() if state.of(case)]
    if not todo:
        return
    watcher.round(state, -2, 0.0)
    with _server(state, _preload(todo)) as server:
        for case in filter(state.claim, todo):
            _one(state, file, watcher, server, job(state, case, role="energy", server=server.ordinal))


def _pause(state: State, done: int, expected: float) -> float:
    """How long to wait before a round; not before the first, and not in virtual time."""
    if done == 0 or all(case.virtual for case in state.run.cases):
        return 0.0
    return effort.pause(state.settings, state.settings.min_processes - done, state.measuring(), expected, state.left())


def _one(  # noqa: PLR0913 - a run, where it goes, who watches, and what is to be done where
    state: State, file: Appends, watcher: Watcher, server: Server, task: Job, *, most_s: float = float("inf")
) -> None:
    """Run one worker and put what it found on disk before anything else happens.

    One that did not end within `most_s` is not to blame, and leaves no trace: the time limit came first.
    """
    watcher.working(state, task.case)
    patience_s = patience(task.case, state.settings)
    replicate = server.run(task, min(patience_s, most_s))
    if replicate.status == "timeout" and most_s < patience_s:
        return
    file.append("replicate", replicate)
    state.add(replicate)
    watcher.finished(state, replicate)


def patience(case: Case, settings: Settings) -> float:
    """Seconds after which a worker of this case is taken to hang."""
    declared = ARCHITECTURES.get(case.label).macs if case.label in ARCHITECTURES else None
    return getattr(ENGINES.get(case.engine), "patience_s", 0.0) + effort.timeout(case, settings, declared or 0)


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
        compressors=compress.sources(case),
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
        verify_s=VERIFY_S if effort.bounds(case, state.settings_of(case))[1] > 1 else QUICK_VERIFY_S,
    )


def budget(state: State, case: Case) -> Budget:
    """The passes of the next process of a case, within what the time limit leaves for all that is required."""
    left = state.left() - further.reserved(state)
    if left == float("inf"):
        return effort.budget(state.of(case), state.settings_of(case))
    missing = [
        effort.fewest_s(found)
        for each in state.first
        if not state.failed(each)
        for found in (state.of(each),)
        for _ in range(state.least(each) - len(found))
    ]
    return effort.budget(state.of(case), state.settings_of(case), effort.share(missing, left))
