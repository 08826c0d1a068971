"""`vbench run`, readable on one screen: plan, check each case once, then measure in shuffled rounds, each on disk at once."""

from __future__ import annotations

import random
import shlex
import sys
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from . import journal, machine, plugins, results
from .core import Case, Record, Replicate, Result, Run
from .errors import ResultFileError, UsageError
from .job import Job, catalogue, memory_limit
from .measure import Budget
from .plan import definition
from .registry import ARCHITECTURES, ENGINES
from .stats import median, relative_half_width
from .supervisor import Server

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .config import Settings
    from .plan import Plan

# Of the time that a process has, what goes to each pass when the time limit leaves less than they would like.
_SHARES = {"warmup": 0.35, "latency": 0.30, "throughput": 0.15}


class Watcher(Protocol):
    """What a run tells about itself, between workers and never while one measures."""

    def started(self, state: State) -> None:
        """The file is open and the plan is known."""

    def round(self, state: State, number: int, pause_s: float) -> None:
        """A round begins, after a pause of that many seconds; -1 is the check."""

    def working(self, state: State, case: Case) -> None:
        """A worker is about to start on this case."""

    def finished(self, state: State, replicate: Replicate) -> None:
        """A replicate is on disk."""

    def ended(self, state: State, record: Record) -> None:
        """The run is over, or interrupted."""


class State:
    """A run under way: what is planned, what is on disk, and when it began."""

    def __init__(self, run: Run, settings: Settings, path: Path, replicates: Sequence[Replicate]) -> None:
        self.run = run
        self.settings = settings
        self.path = path
        self.replicates: list[Replicate] = list(replicates)
        self.began = time.perf_counter()
        self.measured_before = len(self.replicates)

    def of(self, case: Case, role: str = "measure") -> list[Replicate]:
        """The replicates of a case so far."""
        return [r for r in self.replicates if r.case == case.id and r.role == role]

    def failed(self, case: Case) -> bool:
        """Whether something went wrong with this case, so that it is not measured again."""
        return any(r.status != "ok" for r in self.replicates if r.case == case.id)

    def result(self, case: Case, ended: str = "") -> Result:
        """The row of a case as it stands."""
        return results.derive_case(self.run, case, [r for r in self.replicates if r.case == case.id], ended)

    def open(self) -> list[Case]:
        """The cases that still want a process: too few yet, or not yet as precise as asked."""
        wanted = []
        for case in self.run.cases:
            if case.id in self.run.skipped or self.failed(case):
                continue
            medians = [median(r.latency_ns) for r in self.of(case)]
            width = relative_half_width(medians)
            if len(medians) < self.settings.min_processes or (
                len(medians) < self.settings.max_processes and (width is None or width > self.settings.interval)
            ):
                wanted.append(case)
        return wanted

    def elapsed(self) -> float:
        """Seconds since this session of the run began."""
        return time.perf_counter() - self.began

    def cost(self, case: Case) -> float:
        """Seconds that a process of this case took, or a guess before the first."""
        took = [r.seconds for r in self.of(case)]
        return median(took) if took else 2.0


def new_run(plan: Plan, settings: Settings) -> Run:
    """The head of a new result file."""
    folder = plugins.catalogue_folder()
    names = {case.architecture for case in plan.cases}
    images = ""
    if settings.images:
        from .data import digest  # noqa: PLC0415 - imports torch, which reading a result file must not

        images = digest(settings.images)
    return Run(
        schema=journal.SCHEMA,
        run_id=f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:6]}",
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=machine.describe(),
        versions=machine.versions(),
        settings=msgspec.to_builtins(settings),
        cases=plan.cases,
        definitions={case.id: definition(case, settings.seed, images) for case in plan.cases},
        architectures={name: ARCHITECTURES.get(name).facts() for name in names},
        skipped=plan.skipped,
        commit=machine.git_commit(Path.cwd()),
        catalogue=plugins.digest(folder) if folder is not None else "",
        command=shlex.join(["vbench", *sys.argv[1:]]) if Path(sys.argv[0]).name == "vbench" else "vbench.run(…)",
    )


def default_path(run: Run, root: Path) -> Path:
    """Where a result file goes that nobody named."""
    return root / "results" / run.machine.slug / f"{run.run_id}.jsonl"


def head(path: Path) -> Run:
    """The first line of an interrupted file. Raises UsageError where even that is missing."""
    run = journal.read(path).run
    if run is None:
        message = f"{path} holds nothing to resume; start again with `vbench run -o {path}`"
        raise UsageError(message)
    return run


def resume(path: Path) -> tuple[list[Replicate], int]:
    """What an interrupted file holds, and where its whole lines end. Raises UsageError where it cannot be continued honestly."""
    run, lines = head(path), journal.read(path)
    here, versions = machine.describe(), machine.versions()
    if run.machine.fingerprint != here.fingerprint:
        message = f"{path} was measured on {run.machine.slug}, and this is {here.slug}: start a new file"
        raise UsageError(message)
    for name, version in versions.items():
        if run.versions.get(name, version) != version:
            message = f"{path} was measured with {name} {run.versions[name]}, and this is {version}: start a new file"
            raise UsageError(message)
    folder = plugins.catalogue_folder()
    if folder is not None and run.catalogue and plugins.digest(folder) != run.catalogue:
        message = f"{path} was measured with other sources of the catalogue: start a new file"
        raise UsageError(message)
    for case in run.cases:
        ARCHITECTURES.get(case.architecture)
        ENGINES.get(case.engine)
    return lines.replicates, lines.size


def execute(  # noqa: PLR0913 - what was planned, where it goes, who watches, and what there is already
    run: Run,
    settings: Settings,
    path: Path,
    watcher: Watcher,
    *,
    found: Sequence[Replicate] = (),
    size: int = 0,
    plugin_errors: tuple[str, ...] = (),
) -> Record:
    """Measure everything that `found` does not hold yet, and return the Record; Ctrl-C gives what there is."""
    state = State(run, settings, path, found)
    file = journal.Journal(path, size)
    ended, trouble = "complete", None
    try:
        if size == 0:
            file.append("run", run)
        watcher.started(state)
        _check(state, file, watcher)
        _rounds(state, file, watcher)
        for case in run.cases:
            journal.append_result(file, state.result(case, "complete"))
    except KeyboardInterrupt:
        ended = "interrupted"
    except ResultFileError as error:
        ended, trouble = "disk", error
    try:
        if trouble is None:
            file.append("end", {"status": ended, "finished": datetime.now(UTC).isoformat(timespec="seconds")})
    except ResultFileError as error:
        trouble = error
    finally:
        file.close()
    record = results.record(run, state.replicates, ended, str(path), plugin_errors)
    watcher.ended(state, record)
    if trouble is not None:
        raise trouble
    return record


def _check(state: State, file: journal.Journal, watcher: Watcher) -> None:
    """Count and verify each case once, before anything is timed."""
    todo = [c for c in state.run.cases if c.id not in state.run.skipped and not state.of(c, "check")]
    todo = [c for c in todo if getattr(ENGINES.get(c.engine), "builds", True)]
    if not todo:
        return
    watcher.round(state, -1, 0.0)
    with Server(start=state.settings.start, preload="count") as server:
        for case in todo:
            _one(state, file, watcher, server, job(state, case, check=True, server=server.ordinal))


def _rounds(state: State, file: journal.Journal, watcher: Watcher) -> None:
    """One replicate of every open case per round, in an order shuffled with the recorded seed, until all are done."""
    number = max((r.round for r in state.replicates), default=-1) + 1
    while cases := state.open():
        least = min(len(state.of(case)) for case in cases)
        required = least < state.settings.min_processes
        expected = sum(state.cost(case) for case in cases)
        if not required and _left(state) < expected / len(cases):
            return
        pause = _pause(state, least, expected)
        watcher.round(state, number, pause)
        time.sleep(pause)
        random.Random(f"{state.settings.seed}:{number}").shuffle(cases)  # noqa: S311 - an order, not a secret
        preload = "torch" if any(getattr(ENGINES.get(c.engine), "builds", True) for c in cases) else "none"
        with Server(start=state.settings.start, preload=preload) as server:
            for case in cases:
                if not required and _left(state) < state.cost(case):
                    continue
                _one(state, file, watcher, server, job(state, case, number=number, server=server.ordinal))
        number += 1


def _left(state: State) -> float:
    """Seconds that the time limit leaves."""
    return float("inf") if state.settings.time_limit is None else state.settings.time_limit - state.elapsed()


def _pause(state: State, done: int, expected: float) -> float:
    """A case measured in ten seconds cannot know the next minute: the rounds of a short run are spread over `spread`."""
    rounds = state.settings.min_processes - done
    virtual = all(case.device == "fake" for case in state.run.cases)
    if done == 0 or rounds <= 0 or virtual:
        return 0.0
    spare = state.settings.spread - state.elapsed() - rounds * (expected + 1.0)
    return max(0.0, min(spare, _left(state)) / rounds)


def _one(state: State, file: journal.Journal, watcher: Watcher, server: Server, task: Job) -> None:
    """Run one worker and put what it found on disk before anything else happens."""
    watcher.working(state, task.case)
    replicate = server.run(task, state.settings.timeout)
    file.append("replicate", replicate)
    state.replicates.append(replicate)
    watcher.finished(state, replicate)


def job(state: State, case: Case, *, number: int = -1, server: int = 0, check: bool = False) -> Job:
    """What a worker has to know; an architecture and an engine go by the name of their source."""
    settings = state.settings
    checked = next((r for r in state.of(case, "check")), None)
    return Job(
        case=case,
        index=0 if check else max((r.index for r in state.of(case)), default=-1) + 1,
        round=number,
        server=server,
        check=check,
        architecture=ARCHITECTURES.source(case.architecture),
        engine=ENGINES.source(case.engine),
        catalogue=catalogue(),
        images=str(Path(settings.images).resolve()) if settings.images else "",
        seed=settings.seed,
        memory_limit=memory_limit(settings),
        budget=budget(state),
        expected=checked.output if checked is not None else (),
    )


def budget(state: State) -> Budget:
    """The passes of one process: as the settings say, or less where the time limit must hold for all that is required."""
    settings = state.settings
    planned = Budget(settings.warmup, settings.latency, settings.throughput)
    if settings.time_limit is None:
        return planned
    cases = [c for c in state.run.cases if c.id not in state.run.skipped and not state.failed(c)]
    missing = sum(max(0, settings.min_processes - len(state.of(c))) for c in cases)
    if missing == 0:
        return planned
    share = max(0.0, _left(state)) / missing
    return Budget(*(min(getattr(planned, name), part * share) for name, part in _SHARES.items()))
