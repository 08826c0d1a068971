"""The child's half of a fine-tuning: it goes on for as long as its parent asks, and what it came to is on disk meanwhile.

`next N` trains for N thousandths of a second and answers how many steps are done, of how many, and the loss in millionths. Once
all are done, `end` writes the file of weights.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import torch

from .. import compress, compression, datasets, devices, plugins
from .. import job as jobs
from ..compress import _stages as stages
from ..job import Wrong
from ..registry import ARCHITECTURES
from . import tuner
from .pictures import Feed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..accuracies import Shown
    from ..job import Job, Phase

# Writing a checkpoint may take so much of the time.
_SHARE = 0.1
MILLION = 1e6


def checkpoint(path: Path) -> Path:
    """Where the state of a training lies that is to write this file."""
    return path.with_name(f"{path.name}.checkpoint")


def told(job: Job, shown: Shown, phase: Phase, ask: Callable[[Sequence[int]], str]) -> dict[str, Any]:
    """Train the case's network by its compression, and write it to `shown.tuned`. Raises Wrong, or VbenchError."""
    notes: dict[str, str] = {}
    phase("load")
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # it would write every tensor twice
    compress.load_builtin()
    for source in job.compressors:
        plugins.load(source, job.catalogue)
    bare = msgspec.structs.replace(job, case=msgspec.structs.replace(job.case, compression=compression.NONE))
    architecture, _ = jobs.load(bare)
    if architecture is None:
        message = "an engine without a network has nothing to train"
        raise Wrong(message)
    architecture = msgspec.structs.replace(architecture, input=job.case.input_shape)
    jobs.settle_threads(job.case, notes)
    jobs.settle_device(job, devices.get(job.case.device), notes)
    phase("build")
    pictures = datasets.read(shown.data, split="train", label=False)
    if len(pictures) != shown.available:
        message = f"{shown.data} holds {len(pictures)} pictures to train on now, and held {shown.available} a moment ago"
        raise Wrong(message)
    feed = Feed(
        pictures, shown.targets, job.case.input_shape, architecture.preprocess, workers=shown.workers,
        skip_broken=shown.skip_broken,
    )  # fmt: skip
    given = tuner.begin(architecture, job.case.seed)
    held = getattr(getattr(architecture.build, "lineage", None), "compression", compression.NONE)
    todo = stages.stages(compression.steps(job.case.compression, ARCHITECTURES.options)[len(compression.split(held)) :])
    tuning = tuner.Tuner(architecture, given, todo, feed, seed=job.case.seed, images=job.images, device=job.case.device)
    path = Path(shown.tuned)
    if tuning.restore(checkpoint(path), shown.key):
        notes["resumed"] = f"at step {tuning.done} of {tuning.total}"
    phase("finetune")
    keeper, answer = _Keeper(tuning, path, shown.key), _progress(tuning)
    while (words := ask(answer)) != "end":
        end = time.perf_counter() + int(words.removeprefix("next ")) / 1000
        while not tuning.finished and time.perf_counter() < end:
            tuning.advance()
        keeper.keep()
        answer = _progress(tuning)
    if tuning.finished:
        tuner.write(tuning.net, path, tuning.lineage(job.case.compression, job.case.weights, shown.label))
        checkpoint(path).unlink(missing_ok=True)
    return {"notes": notes | tuning.notes}


def _progress(tuning: tuner.Tuner) -> tuple[int, ...]:
    done, loss = tuning.done, tuning.loss
    return (done, tuning.total, 0 if loss is None else round(loss * MILLION), int(tuning.finished))


class _Keeper:
    """Puts the state on disk, at once and then as often as takes a tenth of the time."""

    def __init__(self, tuning: tuner.Tuner, path: Path, key: str) -> None:
        self._tuning, self._path, self._key = tuning, checkpoint(path), key
        self._next = 0.0

    def keep(self) -> None:
        """Where it is time to, and something is left to do."""
        began = time.perf_counter()
        if self._tuning.finished or began < self._next:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._tuning.save(self._path, self._key)
        except OSError as error:
            message = f"cannot write {self._path}: {error.strerror}; free some space, and the same command goes on"
            raise Wrong(message) from None
        now = time.perf_counter()
        self._next = now + (now - began) / _SHARE
