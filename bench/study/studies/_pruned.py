"""How an arm of the study of pruning is trained: it begins with the whole network's weights, loses channels, and goes on."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import torch
from safetensors.torch import load_file

from ... import checkpoint, compression
from ...compress import _stages as stages
from ...errors import VbenchError
from ...registry import ARCHITECTURES
from ...tuning import tuner
from ..training import ORDER, Trained, file_name
from ._pruning_contrasts import BEFORE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor, nn

    from ..base import Study
    from ..parts import Arm, Job
    from ..training import Data, Split

# The highest rate of a training that goes on from another, against that of the recipe: its networks are nearly right already.
RATE = 0.4


class _Feed:
    """The study's pictures as a tuner takes them: the same order for all arms of a seed."""

    def __init__(self, study: Study, train: Split, seed: int) -> None:
        self._study, self._train, self._seed = study, train, seed

    def steps(self, batch: int) -> int:
        return max(1, len(self._train.inputs) // batch)

    def batches(self, options: dict[str, Any], number: int, start: int) -> Iterator[tuple[Tensor, Tensor]]:
        size, count = options["batch"], self.steps(options["batch"])
        turn, step = divmod(start, count)
        while True:
            generator = torch.Generator().manual_seed(self._seed + ORDER + 1000 * (number + 1) + turn)
            parts = torch.randperm(len(self._train.inputs), generator=generator)[: count * size].split(size)
            for chosen in parts[step:]:
                yield self._study.ready(self._train.inputs[chosen]), self._train.targets[chosen]
            turn, step = turn + 1, 0


def text(arm: Arm, job: Job) -> str:
    """All that is done to the network, as the file of its weights says it."""
    recipe = f"{compression.FINETUNE}:{job.budget.tuning:g}:rate={job.recipe.rate * RATE:g}:batch={job.budget.batch}"
    return compression.canonical(compression.joined((arm.compression, recipe)), ARCHITECTURES.options)


def train(study: Study, arm: Arm, data: Data, job: Job, told: Callable[[float], None]) -> Trained:
    """Compress and train the arm's network, with its accuracy in between where it is compressed at once."""
    net = study.network(arm, data)
    file = Path(job.folder) / file_name(arm.after, job.seed)
    if not file.is_file():
        return Trained(net, math.nan, 0, reason=f"{arm.after}, which it begins with, has no weights of seed {job.seed}")
    net.load_state_dict(load_file(file))
    written = text(arm, job)
    todo = stages.stages(compression.steps(written, ARCHITECTURES.options))
    architecture = msgspec.structs.replace(
        ARCHITECTURES.get(arm.architecture), input=tuple(study.ready(data.train.inputs[:1]).shape[1:])
    )
    tuning = tuner.Tuner(
        architecture, tuner.Begin(net, net, {}, {}, {}), todo, _Feed(study, data.train, job.seed), seed=job.seed,
        pictures=lambda count: study.ready(data.train.inputs[:count]),
    )  # fmt: skip
    try:
        values, loss = _all(study, arm, data, tuning, told)
    except VbenchError as error:  # what a compressor or the training has to say is this arm's result
        return Trained(net, math.nan, tuning.done, reason=str(error))
    known = tuning.lineage(written, checkpoint.label(file), job.source or study.own)
    return Trained(tuning.net, loss, tuning.done, values, lineage=known)


def _all(
    study: Study, arm: Arm, data: Data, tuning: tuner.Tuner, told: Callable[[float], None]
) -> tuple[dict[str, float], float]:
    """Go through the stages: the accuracy right before the only training, and the mean loss over the last tenth of the steps."""
    values: dict[str, float] = {}
    losses: list[float] = []
    said, once = time.monotonic(), tuning.trainings == 1
    while not tuning.finished:
        if once and tuning.training and tuning.done == 0 and not values:
            values = {BEFORE.name: _top1(study, arm, tuning.net, data)}
        tuning.advance()
        if tuning.loss is not None:
            losses.append(tuning.loss)
        if time.monotonic() - said > 1:
            said = time.monotonic()
            told(tuning.done / tuning.total)
    last = losses[-max(1, len(losses) // 10) :]
    return values, sum(last) / len(last)


@torch.no_grad()
def _top1(study: Study, arm: Arm, net: nn.Module, data: Data) -> float:
    return next(iter(study.evaluate(arm, net.eval(), data).values()))
