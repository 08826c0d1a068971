"""Parent side: begins or goes on with a study, hands its trainings to as many processes as there are cores, and logs them."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import threading
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import msgspec

from .. import home, machine
from ..errors import UsageError, VbenchError
from .log import WEIGHTS, Log, Writer
from .parts import SCHEMA, Head, Job, Trial, needed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .base import Study
    from .parts import Arm, Budget, Contrast, Recipe


class Watcher(Protocol):
    """Who is told how a study goes."""

    def began(self, log: Log) -> None:
        """The log is open."""

    def share(self, arm: str, seed: int, share: float) -> None:
        """So much of a training is done."""

    def ended(self, log: Log, trial: Trial) -> None:
        """A training is on disk."""


class Asked(NamedTuple):
    """What a new study is asked for; `source` is "" for its own data."""

    budget: Budget
    contrasts: Sequence[Contrast]
    seeds: int
    source: str = ""
    command: str = ""


def begin(study: Study, asked: Asked, folder: Path | None, results: Path) -> Writer:
    """Begin a log in `folder`, or in a new one below `results`. Raises UsageError."""
    study.check(asked.source)
    here, started = machine.describe(), datetime.now(UTC)
    study_id = f"{started:%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:6]}"
    arms = [study.arm(name) for name in needed(asked.contrasts)]
    first = [study.arm(arm.after) for arm in arms if arm.after]
    head = Head(
        schema=SCHEMA, study_id=study_id, study=study.name, started=started.isoformat(timespec="seconds"), budget=asked.budget,
        recipe=study.recipe, source=_absolute(asked.source), seeds=tuple(range(asked.seeds)),
        contrasts=tuple(contrast.id for contrast in asked.contrasts), machine=here,
        arms=tuple({arm.name: arm for arm in (*first, *arms)}.values()),
        versions=machine.versions(), commit=machine.git_commit(Path.cwd()), command=asked.command,
    )  # fmt: skip
    return Writer(folder or results / here.slug / f"{study_id}-{study.name}", head)


def _absolute(source: str) -> str:
    """A study may be gone on with from another folder."""
    kind, _, path = source.partition(":")
    return f"{kind}:{Path(path).expanduser().resolve()}" if path else source


class _Child:
    """A training process with the thread that talks to it."""

    def __init__(self, config: str) -> None:
        command = home.Home().command("vbench.study.trainer:main", str(os.getpid()), config)
        # Two processes whose threads wait for each other's cores take twenty times as long. In a session of its own the child
        # is not interrupted from the terminal: that is this process's alone, which then ends the child.
        environment = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        self.process = subprocess.Popen(  # noqa: S603 - this interpreter, with what was just put together
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True
        )

    def work(self, jobs: queue.SimpleQueue[Job | None], said: queue.SimpleQueue[tuple[Job, dict[str, Any]]]) -> None:
        """Take jobs until there is None instead, and pass on what the process says of each."""
        assert self.process.stdin is not None  # noqa: S101 - they are pipes
        assert self.process.stdout is not None  # noqa: S101 - as above
        while (job := jobs.get()) is not None:
            try:
                self.process.stdin.write(msgspec.json.encode(job) + b"\n")
                self.process.stdin.flush()
                answer = self._answer(job, said)
            except OSError:
                answer = {}
            if not answer:
                said.put((job, {"died": self.process.wait()}))
                break
            said.put((job, answer))

    def _answer(self, job: Job, said: queue.SimpleQueue[tuple[Job, dict[str, Any]]]) -> dict[str, Any]:
        """What ends a job; {} where the process is gone."""
        assert self.process.stdout is not None  # noqa: S101 - as above
        for line in self.process.stdout:
            answer = msgspec.json.decode(line, type=dict[str, Any])
            if "share" not in answer:
                return answer
            said.put((job, answer))
        return {}

    def end(self) -> None:
        """End the process, whatever it does."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # what was not written any more
                    pipe.close()


def conduct(writer: Writer, watcher: Watcher, *, workers: int, config: str = "") -> None:
    """Train what is missing. Raises UsageError for data that cannot be read, and VbenchError where a process died.

    Whatever ends it, each training that ended is in the log, and the processes are gone.
    """
    log = writer.log
    watcher.began(log)
    jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
    missing = log.missing()
    left = len(missing)
    _hand_out(log, missing, jobs, config)
    said: queue.SimpleQueue[tuple[Job, dict[str, Any]]] = queue.SimpleQueue()
    # The kernel ends a child with the thread that started it: they are started here, and only served by threads.
    children = [_Child(config) for _ in range(min(workers, left))]
    try:
        for child in children:
            threading.Thread(target=child.work, args=(jobs, said), daemon=True).start()
        while left:
            job, answer = said.get()
            if "share" in answer:
                watcher.share(job.arm, job.seed, float(answer["share"]))
            else:
                trial = _ended(log, job, answer)
                writer.trial(trial)
                left -= 1
                _hand_out(log, missing, jobs, config)
                watcher.ended(log, trial)
        for _ in children:
            jobs.put(None)
    finally:
        for child in children:
            child.end()


def _hand_out(log: Log, waiting: list[tuple[str, int]], jobs: queue.SimpleQueue[Job | None], config: str) -> None:
    """Move from what waits to the jobs all that can begin: an arm that goes on from another's weights needs these first."""
    arms = {arm.name: arm for arm in log.head.arms}
    for arm, seed in [(arm, seed) for arm, seed in waiting if not arms[arm].after or (arms[arm].after, seed) in log.trials]:
        waiting.remove((arm, seed))
        jobs.put(
            Job(
                study=log.head.study, arm=arm, seed=seed, budget=log.head.budget, recipe=recipe(log.head, arms[arm]),
                source=log.head.source, folder=str(log.folder / WEIGHTS), config=config,
            )
        )  # fmt: skip


def recipe(head: Head, arm: Arm) -> Recipe:
    """How an arm is trained, as the log says, whatever the study would say today."""
    return msgspec.structs.replace(head.recipe, rate=arm.rate) if arm.rate else head.recipe


def _ended(log: Log, job: Job, answer: dict[str, Any]) -> Trial:
    """The trial that an answer is. Raises as `conduct` does where there is none."""
    if "refused" in answer:
        raise UsageError(answer["refused"])
    if "died" in answer:
        message = (
            f"the process that trained {job.arm} with seed {job.seed} died ({answer['died']}), perhaps for want of memory; what "
            f"was trained is safe: `vbench study {job.study} --resume {log.folder}` goes on, with --workers 1 in less memory"
        )
        raise VbenchError(message)
    return msgspec.convert(answer["trial"], Trial)
