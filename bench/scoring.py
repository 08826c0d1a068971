"""The child's half of an evaluation: it shows the next pictures to a prepared network whenever its parent asks for some.

What it answers is, for each picture, the rank of the picture's class among the network's answers. Pictures are decoded and
resized by a few threads, some batches ahead of the network.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from . import agreement, data, datasets, devices
from . import job as jobs
from .job import Wrong

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from PIL import Image

    from .accuracies import Shown
    from .core import Case, Preprocess
    from .datasets import Pictures
    from .interfaces import Session
    from .job import Job, Phase
    from .pairing import Ask

    # A batch: the class of each picture, and the picture; None for one that could not be read.
    Part = list[tuple[int, Image.Image | None]]

# What stands for a picture that could not be read, where others have a rank.
UNREADABLE = -1
_AHEAD = 2


def order(pictures: int, seed: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Every picture once, shuffled: so any number of the first ones is a random sample of all."""
    return np.random.default_rng(seed).permutation(pictures)


def told(job: Job, shown: Shown, phase: Phase, ask: Ask) -> dict[str, Any]:
    """Prepare the case; then `next N` answers how many outputs the network has and the ranks of N more pictures, until `end`.

    Raises Wrong where the network gives an answer that no class can be read from.
    """
    notes: dict[str, str] = {}
    phase("load")
    architecture, engine = jobs.load(job)
    if architecture is None:
        message = f"the {job.case.engine} engine has no network that could answer"
        raise Wrong(message)
    jobs.settle_threads(job.case, notes)
    jobs.settle_device(job, devices.get(job.case.device), notes)
    phase("build")
    module = jobs.build(architecture, job.case, notes)
    jobs.refuse_nan(module)
    phase("prepare")
    session, preparation = jobs.prepare(job, engine, module, job.case, architecture)
    notes |= {} if preparation is None else preparation.notes
    pictures = datasets.read(shown.data, label=False)
    if len(pictures) != shown.available:
        message = f"{shown.data} holds {len(pictures)} pictures now, and held {shown.available} when the evaluation began"
        raise Wrong(message)
    phase("evaluate")
    with ThreadPoolExecutor(shown.workers) as pool:
        parts = _parts(pool, pictures, shown, job.case, architecture.preprocess)
        ranks = _ranks(session, job.case, shown, parts, architecture.preprocess)
        answer: Sequence[int] = ()
        while (words := ask(answer)) != "end":
            answer = ranks(int(words.removeprefix("next ")))
        pool.shutdown(cancel_futures=True)
    session.close()
    if preparation is not None:
        preparation.close()
    return {"notes": notes}


def _ranks(
    session: Session, case: Case, shown: Shown, parts: Iterator[Part], preprocess: Preprocess
) -> Callable[[int], tuple[int, ...]]:
    """What `next N` answers; what a batch answered beyond that is kept for the next time."""
    kept: list[int] = []
    outputs = 0

    def ranks(count: int) -> tuple[int, ...]:
        nonlocal kept, outputs
        while len(kept) < count and (part := next(parts, None)) is not None:
            # torch would start threads of its own in each thread that normalises, so that this one does.
            tensors = [data.normalise(picture, preprocess) for _, picture in part if picture is not None]
            found = iter(())
            if tensors:
                answers = _answers(session, case, shown, tensors)
                outputs = answers.shape[1]
                wanted = torch.tensor([target for target, picture in part if picture is not None])
                found = iter(rank(answers[: len(tensors)], wanted).tolist())
            kept += [UNREADABLE if picture is None else int(next(found)) for _, picture in part]
        first, kept = kept[:count], kept[count:]
        return (outputs, *first)

    return ranks


def _answers(session: Session, case: Case, shown: Shown, tensors: list[torch.Tensor]) -> torch.Tensor:
    """The network's output of shape `(batch, classes)`, of several the first; a batch that is not full is filled up for it."""
    filled = [*tensors, *tensors[:1] * (case.batch - len(tensors))]
    session.load([torch.stack(filled).contiguous()])
    session.step()
    session.synchronize()
    found = agreement.tensors(session.output())
    answers = found[0].detach().to("cpu", torch.float32) if found else torch.empty(0)
    if answers.dim() != 2 or answers.shape[0] != case.batch:  # noqa: PLR2004 - pictures and classes
        message = (
            f"wrong_shape: of {case.batch} pictures the answer is {tuple(answers.shape)}, and a classifier's has a row for each"
        )
        raise Wrong(message)
    many = answers.shape[1]
    if many <= max(shown.targets) or (shown.exact and many != len(shown.targets)):
        message = f"the network answers {many} classes, and {shown.label} has {len(shown.targets)}: see --classes"
        raise Wrong(message)
    if not bool(answers.isfinite().all()):
        message = "wrong_output: the output holds NaN or infinity"
        raise Wrong(message)
    return answers


def rank(answers: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """How many classes stand before the wanted one, of answers `(pictures, classes)`; of equal ones the first stands first."""
    own = answers.gather(1, wanted[:, None])
    before = torch.arange(answers.shape[1])[None, :] < wanted[:, None]
    return ((answers > own) | ((answers == own) & before)).sum(1)


def _parts(pool: ThreadPoolExecutor, pictures: Pictures, shown: Shown, case: Case, preprocess: Preprocess) -> Iterator[Part]:
    """The pictures that are still to be shown, a batch at a time, the next batches being decoded meanwhile."""
    broken = datasets.broken()

    def one(index: int) -> tuple[int, Image.Image | None]:
        target = shown.targets[int(pictures.labels[index])]
        try:
            picture = pictures.open(index, case.input_shape[0])
        except broken:
            return target, None
        return target, data.resize(picture, case.input_shape, preprocess)

    todo = order(len(pictures), shown.seed)[shown.start : shown.end].tolist()
    waiting: deque[list[Any]] = deque()
    for start in range(0, len(todo), case.batch):
        waiting.append([pool.submit(one, index) for index in todo[start : start + case.batch]])
        if len(waiting) > _AHEAD:
            yield [future.result() for future in waiting.popleft()]
    while waiting:
        yield [future.result() for future in waiting.popleft()]
