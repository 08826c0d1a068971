"""One training from a seed: every arm of a study goes through this loop, and only the network and the loss differ."""

from __future__ import annotations

import hashlib
import math
import re
import time
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from safetensors.torch import save_file

from ..compress import _stages as stages
from ..counting import count
from ..tuning import tuner
from .parts import Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from torch import Tensor, nn

    from ..lineage import Lineage
    from .base import Study
    from .parts import Arm, Job, Recipe

# Added to a seed, so that what is drawn for one purpose does not move what is drawn for another.
ORDER, WEIGHTS = 1_000_003, 2_000_003
EVALUATED = 250  # pictures at a time: their maps stay in the cache


class Split(NamedTuple):
    """Pictures `(count, channels, height, width)`, and what belongs to each, in a tensor with as many rows.

    They are fp32, or what `Study.ready` makes fp32 of.
    """

    inputs: Tensor
    targets: Tensor

    def batches(self, size: int = EVALUATED) -> Iterator[Split]:
        """All of them in order, so many at a time."""
        for inputs, targets in zip(self.inputs.split(size), self.targets.split(size), strict=True):
            yield Split(inputs, targets)


class Data(NamedTuple):
    """What a seed trains on, the sets that it is tested on, by name, and what else the study knows of them."""

    train: Split
    tests: dict[str, Split]
    about: Mapping[str, Any] = MappingProxyType({})


class Trained(NamedTuple):
    """What a training came to: the network, the mean loss of the last pass, and how many steps it took.

    `values` are measures that were taken on the way. `reason` says why there is no network; a loss that is no number says so
    too. `lineage` is what the file of the weights says, where the network was made from another.
    """

    net: nn.Module
    loss: float
    steps: int
    values: dict[str, float] = {}  # noqa: RUF012 - nobody writes to it
    reason: str = ""
    lineage: Lineage | None = None


def run(study: Study, job: Job, data: Data, told: Callable[[float], None] = lambda _: None) -> Trial:
    """Train the job's arm and measure it; a loss that is no number any more ends as a failed trial, which is a result.

    `told` is given the share that is done, about once a second.
    """
    arm, began = study.arm(job.arm), time.perf_counter()
    torch.manual_seed(job.seed + WEIGHTS)
    found = study.train(arm, data, job, told)
    seconds, loss = time.perf_counter() - began, found.loss
    if found.reason or not math.isfinite(loss):
        reason = found.reason or f"the loss was {loss} after a step of the training: it diverged"
        return Trial(arm=arm.name, seed=job.seed, status="failed", reason=reason, seconds=seconds, steps=found.steps)
    net = found.net.eval()
    with torch.no_grad():
        values = found.values | {name: float(value) for name, value in study.evaluate(arm, net, data).items()}
    name = file_name(arm.name, job.seed)
    path, known = Path(job.folder) / name, found.lineage
    digest = _save(net, path) if known is None else tuner.write(net, path, known)
    # What was made from another network is built by nobody: it is counted as it stands.
    build = partial(study.network, arm, data) if known is None else partial(stages.without_numbers, net)
    counted = count(build, tuple(study.chosen(arm, data).train.inputs.shape[1:]), second=False)
    return Trial(
        arm=arm.name, seed=job.seed, values=values, params=counted.params, macs=counted.macs, loss=loss,
        weight_bytes=counted.weight_bytes, compression="none" if known is None else known.compression,
        seconds=time.perf_counter() - began, steps=found.steps, weights=name, digest=digest,
    )  # fmt: skip


def file_name(arm: str, seed: int) -> str:
    """What the weights of an arm are called."""
    return f"{re.sub(r'[^A-Za-z0-9_.-]', '-', arm)}-seed{seed}.safetensors"


def fit(study: Study, arm: Arm, net: nn.Module, data: Data, job: Job, told: Callable[[float], None]) -> Trained:  # noqa: PLR0913, PLR0917 - what one training is made of
    """Train in place; the loss is the mean of the last pass, or the first that is not finite."""
    inputs, targets = data.train
    size, steps = job.budget.batch, job.budget.epochs * (len(inputs) // job.budget.batch)
    optimizer = _optimizer(net, job.recipe)
    order = torch.Generator().manual_seed(job.seed + ORDER)
    net.train()
    step, said, total = 0, time.monotonic(), 0.0
    for _ in range(job.budget.epochs):
        places = torch.randperm(len(inputs), generator=order)
        total = 0.0
        for chosen in places[: len(inputs) // size * size].split(size):
            for group in optimizer.param_groups:
                group["lr"] = rate(job.recipe, step, steps)
            optimizer.zero_grad(set_to_none=True)
            found = study.loss(arm, net(study.ready(inputs[chosen])), targets[chosen])
            value = float(found.detach())
            if not math.isfinite(value):
                return Trained(net, value, steps)
            found.backward()
            if job.recipe.clip:
                torch.nn.utils.clip_grad_norm_(net.parameters(), job.recipe.clip)
            optimizer.step()
            step, total = step + 1, total + value
            if time.monotonic() - said > 1:
                said = time.monotonic()
                told(step / steps)
    return Trained(net, total / max(1, len(inputs) // size), steps)


def rate(recipe: Recipe, step: int, steps: int) -> float:
    """The learning rate of a step: up in a line, then down as a cosine to nothing (Loshchilov and Hutter 2017)."""
    rise = max(1, round(recipe.warmup * steps))
    if step < rise:
        return recipe.rate * (step + 1) / rise
    return recipe.rate * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


def _optimizer(net: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Weight decay is for what multiplies: biases and the scales of a normalisation have none, as is usual."""
    matrices = [p for p in net.parameters() if p.dim() > 1]
    others = [p for p in net.parameters() if p.dim() <= 1]
    groups: list[dict[str, Any]] = [{"params": matrices, "weight_decay": recipe.decay}, {"params": others, "weight_decay": 0.0}]
    groups = [group for group in groups if group["params"]]
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=recipe.rate)
    return torch.optim.SGD(groups, lr=recipe.rate, momentum=recipe.momentum, nesterov=recipe.momentum > 0)


def _save(net: nn.Module, path: Path) -> str:
    """Write the weights whole or not at all, and give the digest of what they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.contiguous() for name, tensor in net.state_dict().items()}
    part = path.with_suffix(".part")
    save_file(state, part)
    part.replace(path)
    digest = hashlib.sha256()
    for name in sorted(state):
        digest.update(name.encode())
        digest.update(state[name].numpy().tobytes())
    return digest.hexdigest()[:16]
