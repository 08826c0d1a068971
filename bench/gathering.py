"""What the claims need and a result file does not hold yet: networks are counted, demonstrations done, and cases timed.

All of it goes to one result file. Counts and demonstrations come first, since they take a minute and decide most entries; the
cases are then timed by the pipeline of `vbench run`, in rounds, so that ratios can be made round by round.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from . import api, ceilings, compress, journal, machine, pipeline, plugins
from .claims import lines
from .core import Case
from .demonstrations import TIMED
from .errors import UsageError
from .job import Job, catalogue, count_job, memory_limit
from .plan import Plan
from .registry import ARCHITECTURES, ENGINES
from .stats import MIN_PROCESSES
from .supervisor import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from .claims.entry import Claim, Point, Show
    from .claims.lines import Shown
    from .config import Settings
    from .core import Record, Run
    from .groups import Group
    from .watch import Watcher

# How a case is timed for a claim: as many short processes as an interval needs, and more of those that are not precise while the
# time limit lasts. On two cores the large networks take ten minutes for their fewest steps, and what is left beyond that is what
# the small blocks draw more than their fewest samples from. Counting and demonstrations take about a minute beside it.
QUICK = {"time_limit": 760.0, "max_processes": 12, "warmup": 1.0, "latency": 0.3, "throughput": 0.1}
_ENGINE = "eager"


class Wanted(NamedTuple):
    """What some claims need, each once and in their order: what is counted, demonstrated and timed."""

    counts: tuple[str, ...]
    shows: tuple[Show, ...]
    points: tuple[Point, ...]


def wanted(entries: Iterable[Claim], groups: Mapping[str, Group]) -> Wanted:
    """What these entries need; of a group the networks between which a ratio is stated."""
    entries = list(entries)
    stated = {name: [r for r in group.ratios if r.stated is not None] for name, group in groups.items()}
    counts = [name for entry in entries for name in (*entry.counts, *(point.architecture for point in entry.times))]
    counts += [name for entry in entries for group in entry.groups for r in stated.get(group, ()) for name in (r.of, r.to)]
    shows = dict.fromkeys(show for entry in entries for show in entry.shows)
    points = dict.fromkeys(point for entry in entries for point in entry.times)
    return Wanted(tuple(dict.fromkeys(counts)), tuple(shows), tuple(points))


class Gathering(NamedTuple):
    """A result file that is to hold what is wanted: new, or as far as it came."""

    begun: api.Begun
    wanted: Wanted
    timing: bool

    @property
    def path(self) -> Path:
        """The result file."""
        return self.begun.path


def begin(asked: Wanted, prepared: api.Prepared, output: Path | None, *, timing: bool) -> Gathering:
    """A new file, whose head also knows the facts of what is only counted."""
    begun = api.begin(prepared, output)
    facts = {name: ARCHITECTURES.get(name).facts() for name in asked.counts}
    head = msgspec.structs.replace(begun.head, architectures=facts | begun.head.architectures)
    return Gathering(msgspec.structs.replace(begun, head=head), asked, timing)


def prepare(
    asked: Wanted,
    *,
    device: Sequence[str] = (),
    threads: Sequence[int] = (),
    config: Path | None = None,
    settings: dict[str, object],
) -> api.Prepared:
    """The cases: each point in eager fp32, batch 1. Raises UsageError where several devices or numbers of threads are named."""
    for option, given in (("--device", device), ("--threads", threads)):
        if len(given) > 1 or "all" in given:
            message = f"{option}: the claims are about one at a time: write one, for example {option} {given[0]}"
            raise UsageError(message)
    phases = {phase: [p.architecture for p in asked.points if p.phase == phase] for phase in ("infer", "train")}
    changes = QUICK | settings
    parts = [
        api.prepare(
            names, phase=(phase,), engine=(_ENGINE,), precision=("fp32",), batch=(1,), layout=("nchw",), config=config,
            scenario=("single-stream",), device=device, threads=threads or (machine.usable_cores(),), settings=changes,
        )
        for phase, names in phases.items()
        if names
    ]  # fmt: skip
    if not parts:
        # Nothing is timed: any network tells the settings, and none is a case.
        some = asked.counts or tuple(show.architecture for show in asked.shows)
        return msgspec.structs.replace(api.prepare(some[:1], config=config, settings=changes), plan=Plan((), {}))
    cases = tuple(case for part in parts for case in part.plan.cases)
    skipped = {name: reason for part in parts for name, reason in part.plan.skipped.items()}
    return msgspec.structs.replace(parts[0], plan=Plan(cases, skipped))


def execute(gathering: Gathering, watcher: Watcher, say: Callable[[str], None]) -> Record:
    """Count, demonstrate and time what the file does not hold yet, and return its Record."""
    begun = gathering.begun
    head = begun.head
    if not begun.size and gathering.timing and head.cases:
        head = ceilings.told(head, begun.prepared.settings, watcher.ceilings)
    _show(gathering, head, say)
    size = journal.whole(begun.path)
    if gathering.timing and head.cases:
        return pipeline.execute(
            head, begun.prepared.settings, begun.path, watcher, found=begun.found, size=size, complete=begun.complete,
            plugin_errors=begun.prepared.errors,
        )  # fmt: skip
    from .results import read  # noqa: PLC0415 - only where nothing was timed

    return read(begun.path)


def _show(gathering: Gathering, head: Run, say: Callable[[str], None]) -> None:
    """Append a line for each network that is counted, and for each process of a demonstration."""
    begun, settings = gathering.begun, gathering.begun.prepared.settings
    held = lines.read(begun.path) if begun.size else []
    threads = head.cases[0].threads if head.cases else machine.usable_cores()
    jobs = list(_missing(gathering, settings, threads, {(one.demonstration, one.architecture, one.index) for one in held}))
    # What is timed gets a server of its own for each process, since all children of one server share what is particular to it.
    together = [task for task in jobs if task[0] not in TIMED]
    batches = [batch for batch in (together, *([task] for task in jobs if task[0] in TIMED)) if batch]
    file = journal.Journal(begun.path, begun.size, verb="claims")
    try:
        if not begun.size:
            file.append("run", head)
        if jobs:
            say(f"{len(jobs)} counts and demonstrations into {begun.path}")
        for batch in batches:
            with Server(start=settings.start, preload="count") as server:
                for name, index, job in batch:
                    found = _one(server, name, index, job, settings.timeout)
                    if found.status != "ok":
                        say(f"{name} of {job.case.architecture}: {found.status}: {found.reason}")
                    file.append(lines.KIND, found)
    except KeyboardInterrupt:
        say(f"interrupted: `vbench claims --resume {begun.path}` goes on")
        raise
    finally:
        file.close()


def _missing(
    gathering: Gathering, settings: Settings, threads: int, held: Collection[tuple[str, str, int]]
) -> Iterable[tuple[str, int, Job]]:
    """Each count and process of a demonstration that is not in the file, with its job."""
    asked = gathering.wanted
    timed = {case.architecture for case in gathering.begun.head.cases} if gathering.timing else set()
    trained = {point.architecture for point in asked.points if point.phase == "train"}
    for name in asked.counts:
        if name not in timed and (lines.COUNT, name, 0) not in held:
            case = _case(name, threads, settings.seed, "train" if name in trained else "infer")
            yield lines.COUNT, 0, count_job(case, settings)
    for name, architecture in asked.shows:
        if name in TIMED and not gathering.timing:
            continue
        for index in range(MIN_PROCESSES if name in TIMED else 1):
            if (name, architecture, index) not in held:
                yield name, index, _job(name, _case(architecture, threads, settings.seed), settings)


def _case(name: str, threads: int, seed: int, phase: str = "infer") -> Case:
    plugins.add_named(name, None)
    return Case(
        architecture=name, input_shape=ARCHITECTURES.get(name).input, threads=threads, phase=phase, weights=f"random:{seed}"
    )


def _job(name: str, case: Case, settings: Settings) -> Job:
    return Job(
        case=case, check=True, demonstration=name, architecture=ARCHITECTURES.source(case.architecture),
        engine=ENGINES.source(case.engine), compressors=compress.sources(case), catalogue=catalogue(),
        seed=settings.seed, memory_limit=memory_limit(settings),
    )  # fmt: skip


def _one(server: Server, name: str, index: int, job: Job, timeout: float) -> Shown:
    """One worker, whatever becomes of it, as a line."""
    found = server.run(job, timeout)
    return lines.Shown(
        demonstration=name, architecture=job.case.architecture, index=index, status=found.status, reason=found.reason,
        seconds=found.seconds, values=found.values, states=found.states, notes=found.notes, counted=found.counted,
    )  # fmt: skip
