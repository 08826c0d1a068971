"""What `--finetune` does before anything is evaluated: each compressed network is trained, and written to a file of weights.

A file is named after all that its numbers follow from, so that the same command finds it, or the checkpoint of one that was
not finished. The network as it was compressed and the trained one are then two cases of one evaluation.
"""

from __future__ import annotations

import hashlib
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from .. import checkpoint, classes, compress, compression, datasets, plugins
from .. import head as heads
from ..accuracies import Shown
from ..core import Case, Replicate
from ..errors import EXIT_FAILED, VbenchError
from ..job import Job, catalogue, memory_limit
from ..plan import Plan
from ..registry import ARCHITECTURES, ENGINES
from ..supervisor import Server
from .planning import outputs, refuse, resolved

if TYPE_CHECKING:
    from ..datasets import Pictures
    from .planning import Asked, Planned
    from .showing import How

# A first answer soon, then seldom.
_FIRST_MS, _MOST_MS = 500, 5000
# What a compressor does to a large network, and one step of its training, may take minutes.
_PATIENCE_S = 900.0
_UNSAFE = re.compile(r"[^\w.=-]+", re.ASCII)


class Told(Protocol):
    """Is told how a training goes on."""

    def begun(self, case: Case, number: int, of: int) -> None:
        """It begins, or goes on; so many are to be done."""

    def trained(self, case: Case, done: int, total: int, loss: float, left_s: float) -> None:
        """So many steps are done."""

    def written(self, case: Case, path: Path, *, again: bool) -> None:
        """Its file is there; `again` where it was from an earlier time."""

    def failed(self, case: Case, reason: str) -> None:
        """There is none, for this reason."""


class Training(NamedTuple):
    """One network to train: a case of it, whose compression ends in the training, and the file."""

    case: Case
    path: Path
    key: str


def finetuned(  # noqa: PLR0913 - what is trained, where to, and who is told
    planned: Planned, asked: Asked, recipe: str, folder: Path, *, how: How, told: Told
) -> tuple[Planned, int]:
    """The cases with, behind each, the same trained; and the exit code that the trainings make.

    `recipe` is what stands behind `--finetune`. Raises UsageError for what cannot be trained, before anything is computed.
    """
    text = compression.canonical(f"{compression.FINETUNE}:{recipe}", ARCHITECTURES.options)
    for case in planned.plan.cases:
        refuse(case)
    train, _ = datasets.halves(asked.data, f"--finetune, --data {asked.data}")
    named = None if asked.classes is None else classes.mapping(asked.classes)
    jobs: dict[tuple[str, str], Training] = {}
    targets: tuple[int, ...] = ()
    for case in planned.plan.open:
        if (case.architecture, case.compression) not in jobs:
            many = outputs(case.architecture, Path(planned.weights.path), case.input_shape)
            targets = classes.targets(train, many, named, f"--data {asked.data}")
            jobs[case.architecture, case.compression] = _job(planned, asked, case, text, folder, train=train, targets=targets)
    found, reasons = _all(planned, asked, list(jobs.values()), how, told, train=train, targets=targets)
    cases, skipped, files = list[Case](), dict(planned.plan.skipped), dict[str, str]()
    for case in planned.plan.cases:
        cases.append(case)
        job = jobs.get((case.architecture, case.compression))
        if job is None:
            continue
        label = checkpoint.label(job.path) if job in found else case.weights
        after = msgspec.structs.replace(case, compression=job.case.compression, weights=label)
        if job in found:
            files[label] = str(job.path.resolve())
        else:
            skipped[after.id] = f"not trained: {reasons[job]}"
        if case.id in planned.plan.skipped:
            skipped[after.id] = planned.plan.skipped[case.id]
        cases.append(after)
    plan = Plan(tuple(cases), skipped)
    return planned._replace(plan=plan, tuned=files), EXIT_FAILED if reasons else 0


def _job(  # noqa: PLR0913 - all that the numbers follow from
    planned: Planned, asked: Asked, case: Case, text: str, folder: Path, *, train: Pictures, targets: tuple[int, ...]
) -> Training:
    own = msgspec.structs.replace(
        case, engine="eager", engine_options=(), precision="fp32", compression=compression.joined((case.compression, text))
    )
    place = plugins.catalogue_folder()
    parts = (
        own.architecture, own.input_shape, own.compression, own.weights, own.threads, own.device.partition(":")[0],
        resolved(asked.data), train.label, len(train), targets, planned.settings.images, sorted(heads.sources((own,)).items()),
        plugins.digest(place) if place is not None else "",
    )  # fmt: skip
    key = hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:12]
    name = _UNSAFE.sub("-", f"{own.architecture}@{own.compression}").strip("-")[:120]
    return Training(own, folder / f"{name}-{key[:8]}.safetensors", key)


def _all(  # noqa: PLR0913 - what is trained on what
    planned: Planned, asked: Asked, jobs: list[Training], how: How, told: Told, *, train: Pictures, targets: tuple[int, ...]
) -> tuple[set[Training], dict[Training, str]]:
    """Train what has no file yet: those that have one then, and of the others the reason."""
    found, reasons = set[Training](), dict[Training, str]()
    missing = [job for job in jobs if not _there(job)]
    for job in jobs:
        if job not in missing:
            told.written(job.case, job.path, again=True)
            found.add(job)
    if not missing:
        return found, reasons
    with Server(start=planned.settings.start, preload="torch") as server:
        for number, job in enumerate(missing, 1):
            told.begun(job.case, number, len(missing))
            try:
                _one(server, planned, asked, job, how=how, told=told, train=train, targets=targets)
            except VbenchError as error:
                reasons[job] = str(error)
                told.failed(job.case, str(error))
            else:
                found.add(job)
                told.written(job.case, job.path, again=False)
    return found, reasons


def _there(job: Training) -> bool:
    """Whether its file is there, and is what it should be."""
    if not job.path.is_file():
        return False
    made = checkpoint.read(job.path).lineage
    return made is not None and (made.compression, made.of) == (job.case.compression, job.case.weights)


def _one(  # noqa: PLR0913 - as above
    server: Server,
    planned: Planned,
    asked: Asked,
    job: Training,
    *,
    how: How,
    told: Told,
    train: Pictures,
    targets: tuple[int, ...],
) -> None:
    """Train one. Raises VbenchError with the reason where that fails."""
    case, settings = job.case, planned.settings
    shown = Shown(
        data=resolved(asked.data), label=train.label, targets=targets, exact=asked.classes is None, available=len(train),
        seed=0, start=0, end=len(train), workers=how.workers, tuned=str(job.path.resolve()), key=job.key,
        skip_broken=how.skip_broken,
    )  # fmt: skip
    server.begin(Job(
        case=case, architecture=ARCHITECTURES.source(case.architecture), engine=ENGINES.source(case.engine),
        compressors=compress.sources(case), catalogue=catalogue(), weights=planned.weights.path,
        images=str(Path(settings.images).resolve()) if settings.images else "", memory_limit=memory_limit(settings),
        device_memory_limit=None if case.device == "cpu" else settings.memory_limit, shown=shown,
    ))  # fmt: skip
    patience = max(settings.timeout, _PATIENCE_S)
    reply, pace_ms, began, first = server.hear(patience), _FIRST_MS, time.perf_counter(), None
    while not isinstance(reply, Replicate):
        done, total, loss, finished = reply
        first = done if first is None else first
        if done > first:
            rate = (done - first) / (time.perf_counter() - began)
            told.trained(case, done, total, loss / 1e6, (total - done) / rate)
        server.ask("end" if finished else f"next {pace_ms}")
        pace_ms = min(2 * pace_ms, _MOST_MS)
        reply = server.hear(patience)
    if reply.status != "ok":
        message = f"{reply.status}: {reply.reason}" if reply.status != "failed" else reply.reason
        raise VbenchError(message)
    if not job.path.is_file():
        message = f"{job.path} was not written"
        raise VbenchError(message)
